import dataclasses
import json

import numpy as np
import pytest

from curation.classify.student import LITTLE_GAIN, Student, _cut, _folds, _nested_cuts, _solved, fit_student
from curation.errors import ConfigError

WORDS = [f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "klmnp"]


def corpus(number, seed, topic=0.15):
    """Texts of made-up words; those of the topic have others of them, and a score that goes with how many."""
    rng = np.random.default_rng(seed)
    share = np.where(rng.random(number) < topic, rng.uniform(0.3, 0.9, number), rng.uniform(0, 0.15, number))
    texts = [
        " ".join(rng.choice(WORDS[60:] if rng.random() < s else WORDS[:60]) for _ in range(60)) for s in share.tolist()
    ]
    return texts, 5 * share + rng.normal(0, 0.3, number)


def test_it_keeps_the_recall_that_it_promises_and_drops_the_rest():
    texts, scores = corpus(900, 0)
    student, report = fit_student(texts, scores, scores >= 2, groups=range(900), recall=0.95)
    assert report.note == "" and report.recall.value >= 0.95 and report.share_seen.value < 0.3
    assert report.spearman > 0.5 and (report.documents, report.kept) == (900, int((scores >= 2).sum()))
    fresh, judged = corpus(3000, 1)
    passed = student.passes(fresh)
    assert passed[judged >= 2].mean() > 0.93
    assert passed.mean() == pytest.approx(report.share_seen.value, abs=0.05)


def test_a_document_does_not_judge_itself():
    """Texts of noise: learned by heart they would be told apart, left out they cannot be."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 40)) for _ in range(300)]
    scores = rng.normal(size=300)
    _, report = fit_student(texts, scores, scores > 1, groups=range(300), recall=0.97)
    assert abs(report.spearman) < 0.2
    assert "Nothing is screened" in report.note and report.share_seen.value == 1.0


def test_leaving_out_by_formula_is_leaving_out():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6))
    likeness, wanted = x @ x.T / 6, rng.normal(size=40)
    members = np.repeat(np.arange(20), 2)
    folds = _folds(wanted, members, 0)
    assert all(len(set(folds[members == group])) == 1 for group in range(20))
    _, own = _solved(likeness, wanted, folds)
    rest = folds != 3
    alpha = np.linalg.solve(likeness[np.ix_(rest, rest)] + 0.1 * np.eye(rest.sum()), wanted[rest])
    assert own[~rest] == pytest.approx(likeness[np.ix_(~rest, rest)] @ alpha)


@pytest.mark.parametrize(
    ("kept", "recall", "cut"),
    [(100, 0.99, 0.0), (199, 0.99, 1.0), (100, 0.9, 9.0), (19, 0.95, 0.0), (1000, 0.999, 0.0)],
)
def test_the_cut_by_hand(kept, recall, cut):
    """Student scores 0, 1, 2 …: with m kept and j of m + 1 that may be missed, the cut is the j-th lowest."""
    own = np.arange(kept + 50.0)
    found, vouched, note = _cut(own, own < kept, recall)
    assert (found, note) == (cut, "") and vouched == kept / (kept + 1)


def test_too_few_kept_documents_say_what_they_vouch_for():
    own = np.arange(100.0)
    cut, vouched, note = _cut(own, own >= 80, 0.99)
    assert cut < 80 and vouched == pytest.approx(20 / 21)
    assert "20 kept documents vouch for a recall of 0.952 at most, asked for was 0.99" in note
    cut, _, note = _cut(own, own < 0, 0.99)
    assert np.isneginf(cut) and "the classifier keeps no document" in note


def test_all_kept_means_nothing_is_screened():
    texts, scores = corpus(120, 2)
    student, report = fit_student(texts, scores, np.ones(120, bool), groups=range(120))
    assert student.passes(["anything", ""]).all() and f"more than {LITTLE_GAIN:.0%}" in report.note


def test_it_is_saved_without_a_pickle_and_loaded(tmp_path):
    texts, scores = corpus(200, 3)
    student, report = fit_student(texts, scores, scores >= 2, groups=range(200), recall=0.9, classifier="mine")
    student.save(tmp_path, report)
    names = {"student.json", "student.safetensors", "report.json", "README.md"}
    assert {path.name for path in tmp_path.iterdir()} == names
    again = Student.load(tmp_path)
    assert np.array_equal(again.predict(texts), student.predict(texts)) and again.cut == student.cut
    assert json.loads((tmp_path / "report.json").read_text())["wanted_recall"] == 0.9
    assert "A student of mine" in (tmp_path / "README.md").read_text()
    dataclasses.replace(student, cut=-np.inf).save(tmp_path, report)
    assert np.isneginf(Student.load(tmp_path).cut)
    with pytest.raises(ConfigError, match=r"no student\.json there"):
        Student.load(tmp_path / "nowhere")


def test_wrong_arguments():
    with pytest.raises(ValueError, match="recall: expected more than 0 and less than 1, got 1"):
        fit_student(["a"], np.zeros(1), np.ones(1, bool), groups=[0], recall=1)
    with pytest.raises(ValueError, match="1 texts for 2 scores"):
        fit_student(["a"], np.zeros(2), np.ones(1, bool), groups=[0])


def test_long_and_empty_texts_are_read(tmp_path):
    texts, scores = corpus(100, 4)
    student, _ = fit_student(texts, scores, scores >= 2, groups=range(100), recall=0.9)
    assert np.isfinite(student.predict(["", "x" * 10_000_000, "\ud800"])).all()
    assert student.predict(["a" * 2200 + "b" * 10])[0] == student.predict(["a" * 2200])[0]


def test_the_recall_it_reports_is_that_of_fresh_documents():
    """Judged by its own cut a sample always shows the recall that was asked for."""
    rng = np.random.default_rng(0)
    reported, true = [], []
    for _ in range(60):
        own = rng.normal(size=600)
        kept = rng.random(600) < 1 / (1 + np.exp(-3 * (own - 1)))
        cuts = _nested_cuts(own, kept, rng.integers(0, 10, 600), 0.9)
        reported.append(np.mean(own[kept] >= cuts[kept]))
        fresh = rng.normal(size=20_000)
        wanted = rng.random(20_000) < 1 / (1 + np.exp(-3 * (fresh - 1)))
        true.append(np.mean(fresh[wanted] >= _cut(own, kept, 0.9)[0]))
    assert np.mean(reported) == pytest.approx(np.mean(true), abs=0.01)
    assert np.std(reported) > 0.002
