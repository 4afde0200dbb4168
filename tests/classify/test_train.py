import dataclasses

import numpy as np
import pytest

from curation.classify.report import TrainingReport
from curation.classify.spec import ClassifierSpec, load_spec
from curation.classify.train import fit_classifier
from curation.errors import ConfigError
from curation.scale import Scale

SPEC = ClassifierSpec(
    embedder="toy/toy",
    revision=None,
    pooling="mean",
    max_tokens=64,
    head="linear",
    prompt="p",
    scale=Scale(0, 5),
    cut="calibrated",
    name="toy",
)


def test_training_reports_held_out_figures(toy, toy_labels):
    texts, labels, groups = toy_labels
    classifier, report = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    assert (report.labels, report.groups, report.folds) == (300, 30, 5)
    assert report.histogram == {k: labels.count(k) for k in range(6)}
    assert report.spearman > 0.8
    f1 = report.at(3).calibrated.f1
    assert f1.value > 0.75 and f1.low < f1.value < f1.high
    assert sum(map(sum, report.confusion)) == sum(map(sum, report.calibrated_confusion)) == 300
    assert report.at(3).raw_cut == classifier.calibration.raw_cut(3)
    assert "Few labels (300" in report.notes[0]
    scores = classifier.score(texts)
    assert np.array_equal(classifier.keeps(scores, 3), classifier.calibrated(scores) >= 3)
    assert np.array_equal(classifier.keeps(scores, 3, "published"), classifier.int_scores(scores) >= 3)


def test_figures_are_not_of_training_data(toy):
    """Labels of pure noise: a head that saw them would look good, a held-out one cannot."""
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 200, 30)) for _ in range(120)]
    labels = rng.integers(0, 6, 120).tolist()
    _, report = fit_classifier(texts, labels, SPEC, embedder=toy)
    assert abs(report.spearman) < 0.3


def test_training_is_the_same_again(toy, toy_labels):
    texts, labels, groups = toy_labels
    (a, first), (b, again) = (fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy) for _ in range(2))
    assert first == again
    assert np.array_equal(a.score(texts), b.score(texts))
    assert a.calibration == b.calibration


def test_report_survives_json_and_shows_in_markdown(toy, toy_labels):
    texts, labels, groups = toy_labels
    _, report = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    assert TrainingReport.from_json(report.to_json()) == report
    markdown = report.to_markdown()
    assert "| 3 |" in markdown and "300 labels of 30 sites or repositories" in markdown and "Few labels" in markdown


@pytest.mark.parametrize("head", ["linear", "pooled_linear"])
@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0] * 9 + [5], None),
        ([0, 1, 2, 3, 4, 5] * 2, ["a"] * 12),
        ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 5], ["a"] * 6 + ["b"] * 6),
        ([5] * 11 + [0], None),
    ],
)
def test_few_labels_and_lone_classes_do_not_fail(toy, labels, groups, head):
    pooling = "first" if head == "pooled_linear" else "mean"
    spec = dataclasses.replace(SPEC, head=head, pooling=pooling, minimum_steps=5, epochs=1)
    texts = [f"text number{i} " + "theorem " * label for i, label in enumerate(labels)]
    classifier, report = fit_classifier(texts, labels, spec, groups=groups, embedder=toy)
    assert np.all(np.isfinite(classifier.score(texts)))
    assert report.notes


def test_weights_enter_the_figures(toy, toy_labels):
    texts, labels, groups = toy_labels
    weights = [10.0 if label == 0 else 1.0 for label in labels]
    _, plain = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    _, weighted = fit_classifier(texts, labels, SPEC, groups=groups, weights=weights, embedder=toy)
    assert weighted.at(3).calibrated.kept_share.value < plain.at(3).calibrated.kept_share.value
    assert weighted.weighted and not plain.weighted


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1] * 20, ConfigError, "all 20 labels are 1"),
        ([0, 1] * 4, ConfigError, "8 labels are too few"),
        ([0, 6] * 10, ValueError, "10 labels are not on the scale 0 to 5: 6"),
        ([0, float("nan")] * 10, ValueError, "10 labels are not on the scale"),
    ],
)
def test_labels_that_cannot_be_trained_on(toy, labels, error, message):
    with pytest.raises(error, match=message):
        fit_classifier(["x"] * len(labels), labels, SPEC, embedder=toy)


def test_lengths_must_agree(toy):
    with pytest.raises(ValueError, match="2 texts for 3 labels"):
        fit_classifier(["x", "y"], [1, 2, 3], SPEC, embedder=toy)
    with pytest.raises(ValueError, match="1 groups for 12 labels"):
        fit_classifier(["x"] * 12, [0, 1] * 6, SPEC, groups=["a"], embedder=toy)
    with pytest.raises(ValueError, match="weights must be finite"):
        fit_classifier(["x"] * 12, [0, 1] * 6, SPEC, weights=[-1.0] * 12, embedder=toy)


def test_a_real_classifier_learns_from_real_labels(real_labels, minilm):
    rows = [row for row in real_labels if row["label"] != 1][::9]
    spec = dataclasses.replace(load_spec("finemath-embedded"), folds=3, alphas=(0.1, 1.0))
    texts = [row["text"][:400] for row in rows]
    classifier, report = fit_classifier(
        texts, [row["label"] for row in rows], spec, groups=[row["source"] for row in rows], embedder=minilm
    )
    assert report.spearman > 0.4
    assert classifier.calibration.raw_cut(3) < 2.7
    assert report.at(2).calibrated.f1.value > 0.5


@pytest.mark.parametrize(
    ("groups", "note"),
    [
        (["a"] * 300, "All documents are of one group: documents were dealt out one by one"),
        (["a"] * 200 + list(range(100)), "One group holds 200 of 300 documents: it is in one fold"),
    ],
)
def test_a_giant_group_is_reported(toy, toy_labels, groups, note):
    texts, labels, _ = toy_labels
    _, report = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    assert any(one.startswith(note) for one in report.notes) and note in report.to_markdown()
