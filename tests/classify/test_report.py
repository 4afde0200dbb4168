import dataclasses
import sys

import numpy as np
import pytest
from test_operating import held_out, population
from test_train import SPEC

from curation.classify import plots
from curation.classify.card import model_card
from curation.classify.classifier import load_classifier
from curation.classify.evaluate import evaluate, learn_cuts, nested_calibrated
from curation.classify.report import TrainingReport
from curation.classify.train import fit_classifier


def made(number=600, seed=0, further=0, **changes):
    scores, labels = population(number, seed)
    one = held_out(scores, labels)
    again = np.full(number, np.nan)
    again[:further] = np.clip(labels[:further] + np.random.default_rng(1).choice([-1, 0, 0, 0, 0, 1], further), 0, 5)
    one = dataclasses.replace(one, further=again, **changes)
    calibration = learn_cuts(SPEC, one)
    return one, calibration, evaluate(SPEC, one, calibration, groups=600)


def test_the_ceiling_is_beside_the_classifier_on_the_same_documents():
    one, _, report = made(further=200)
    at = report.at(3)
    assert at.ceiling.documents == report.further_documents == 200
    first, second = one.labels[:200] >= 3, one.further[:200] >= 3
    assert at.ceiling.f1.value == pytest.approx(2 * np.sum(first & second) / (first.sum() + second.sum()), abs=1e-4)
    assert at.ceiling.f1.value > at.ceiling.classifier_f1.value
    assert 0.8 < report.further_kappa < 1
    assert "200 documents were read a second time" in report.to_markdown()
    few = made(further=30)[2].to_markdown()
    assert "They are few (below 100)" in few
    without = made()[2]
    assert without.at(3).ceiling is None and "ceiling" not in without.to_markdown()


def test_a_report_survives_json():
    for further in (0, 50):
        report = made(further=further)[2]
        assert TrainingReport.from_json(report.to_json()) == report


def test_calibrated_cuts_are_better_than_published_ones_for_a_shrunken_head():
    report = made(3000)[2]
    assert report.at(3).calibrated.f1.value > report.at(3).published.f1.value + 0.05
    assert {step.step for step in report.steps} == {0, 1, 2, 3, 4, 5}
    assert all(abs(step.mean_label - step.step) < 0.75 for step in report.steps)


def test_parts_that_only_choose_cuts_are_in_no_figure():
    one, _, _ = made(500)
    part = np.where(np.arange(500) < 200, 0, 1)
    inner = np.where(part == 1, one.scores, np.nan)[:, None]
    once = dataclasses.replace(one, folds=part, inner=inner)
    report = evaluate(SPEC, once, learn_cuts(SPEC, once), groups=None, labels=np.concatenate([one.labels, [0.0] * 700]))
    assert (report.labels, report.tested, report.folds, report.groups) == (1200, 200, 1, None)
    assert sum(map(sum, report.confusion)) == 200
    calibrated = nested_calibrated(SPEC, once)
    assert np.isfinite(calibrated[:200]).all() and np.isnan(calibrated[200:]).all()
    assert "a part held out once" in report.to_markdown()


def test_weights_are_named():
    scores, labels = population(300, 0)
    weighted = held_out(scores, labels, np.where(labels > 2, 0.2, 1.0))
    report = evaluate(SPEC, weighted, learn_cuts(SPEC, weighted), groups=None)
    assert "the corpus that the sample stands for" in report.to_markdown()
    plain = evaluate(SPEC, held_out(scores, labels), learn_cuts(SPEC, weighted), groups=None)
    doubled = dataclasses.replace(held_out(scores, labels), weights=np.full(300, 2.0))
    assert evaluate(SPEC, doubled, learn_cuts(SPEC, weighted), groups=None) == plain


def test_pictures_have_the_same_bytes_twice(tmp_path):
    one, calibration, report = made(further=50)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert plots.write_plots(report, one, calibration, tmp_path / name)
    for name in plots.NAMES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "report.png").read_bytes().startswith(b"\x89PNG")
    svg = (tmp_path / "a" / "report.svg").read_text()
    assert "Precision and recall" in svg or "<path" in svg
    assert "<dc:date>" not in svg


def test_a_dozen_labels_of_two_kinds_are_drawn_too(toy, tmp_path):
    texts = [f"text {i} " + "theorem " * (i % 2) for i in range(12)]
    classifier, report = fit_classifier(texts, [5 * (i % 2) for i in range(12)], SPEC, embedder=toy)
    assert plots.write_plots(report, classifier.held_out, classifier.calibration, tmp_path)
    assert (tmp_path / "report.svg").stat().st_size > 10_000


def test_a_folder_holds_report_and_picture_and_gives_them_back(toy, toy_labels, tmp_path):
    texts, labels, groups = toy_labels
    classifier, report = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    classifier.save(tmp_path / "c")
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert {"report.json", "report.png", "report.svg", "held_out.parquet", "README.md"} <= names
    again = load_classifier(tmp_path / "c", embedder=toy)
    assert again.report == report and np.array_equal(again.held_out.scores, classifier.held_out.scores)
    card = (tmp_path / "c" / "README.md").read_text()
    assert "![Held-out figures](report.png)" in card and "calibrated_score" in card
    dataclasses.replace(classifier, report=None, held_out=None).save(tmp_path / "c")
    left = {path.name for path in (tmp_path / "c").iterdir()}
    assert not {"report.json", "report.png", "report.svg", "held_out.parquet"} & left, "nothing of an earlier one stays"


def test_without_matplotlib_the_card_says_how_to_get_a_picture(toy, toy_labels, tmp_path, monkeypatch):
    texts, labels, groups = toy_labels
    classifier, _ = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    classifier.save(tmp_path)
    assert not (tmp_path / "report.png").exists()
    assert "pip install matplotlib" in (tmp_path / "README.md").read_text()
    assert "report.png" in model_card(classifier, drawn=True)


def test_a_classifier_that_has_learned_nothing_is_called_useless(toy):
    rng = np.random.default_rng(1)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 200, 30)) for _ in range(120)]
    _, report = fit_classifier(texts, rng.integers(0, 6, 120).tolist(), SPEC, embedder=toy)
    assert report.notes[0].startswith("It tells documents with label >= 3 from others hardly better than chance")
    assert not any("hardly better" in note for note in made(400)[2].notes)


def test_what_cannot_be_told_apart_has_no_figures(toy):
    texts = [f"text {i} " + "theorem " * (i % 2) for i in range(40)]
    _, report = fit_classifier(texts, [2 * (i % 2) for i in range(40)], SPEC, embedder=toy)
    assert "| 4 | 0 | calibrated |" in report.to_markdown() and "| 4 | 0.500" not in report.to_markdown()
    assert any(note.startswith("No label reaches 4") for note in report.notes)


def test_further_readings_are_on_the_scale(toy):
    with pytest.raises(ValueError, match="1 further readings are not on the scale 0 to 5: 7"):
        fit_classifier(["x"] * 12, [0, 5] * 6, SPEC, further=[7] + [None] * 11, embedder=toy)
