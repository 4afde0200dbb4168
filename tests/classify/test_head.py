import dataclasses

import numpy as np
import pytest

from curation.classify.head import LinearHead, fit_head
from curation.classify.pooled import macro_f1
from curation.classify.spec import ClassifierSpec
from curation.scale import Scale

SPEC = ClassifierSpec(
    embedder="toy/toy", revision=None, pooling="first", max_tokens=64, head="linear", prompt="p", scale=Scale(0, 5)
)
POOLED = dataclasses.replace(SPEC, head="pooled_linear", minimum_steps=150, epochs=1, learning_rate=3e-3)


def _data(number=400, width=16):
    rng = np.random.default_rng(0)
    features = rng.normal(0, [3.0] + [1.0] * (width - 1), (number, width)).astype(np.float32)
    score = 2 + features[:, 0] * 0.4 + features[:, 1] * 0.5 + rng.normal(0, 0.3, number)
    return features, np.clip(np.round(score), 0, 5)


def test_ridge_finds_the_line_and_predicts_rows_independently():
    features, labels = _data()
    head = fit_head(SPEC, features[:300], labels[:300])
    predicted = head.predict(features[300:])
    assert predicted.dtype == np.float64 and predicted.shape == (100,)
    assert np.corrcoef(predicted, labels[300:])[0, 1] > 0.9
    assert [head.predict(row[None])[0] for row in features[300:]] == predicted.tolist()


def test_ridge_bears_constant_features_duplicates_and_weights():
    features, labels = _data(60)
    doubled = np.column_stack([features, features, np.ones(60, np.float32)])
    head = fit_head(SPEC, doubled, labels)
    assert np.all(np.isfinite(head.predict(doubled)))
    heavy = fit_head(SPEC, features, labels, np.where(labels > 3, 50.0, 1.0))
    light = fit_head(SPEC, features, labels)
    high = labels > 3
    missed = [np.abs(h.predict(features[high]) - labels[high]).mean() for h in (heavy, light)]
    assert missed[0] < missed[1]


def test_pooled_linear_learns_and_is_the_same_again():
    pytest.importorskip("torch")
    features, labels = _data()
    groups = (np.arange(400) % 40).tolist()
    pooler = (np.eye(16, dtype=np.float32), np.zeros(16, np.float32))
    first, again = (fit_head(POOLED, features, labels, groups=groups, pooler=pooler) for _ in range(2))
    assert np.corrcoef(first.predict(features), labels)[0, 1] > 0.8
    assert all(np.array_equal(a, b) for a, b in zip(first.tensors().values(), again.tensors().values(), strict=True))
    other = fit_head(dataclasses.replace(POOLED, seed=1), features, labels, pooler=pooler)
    assert not np.array_equal(first.tensors()["weight"], other.tensors()["weight"])


def test_pooled_linear_with_ten_labels_and_warm_up():
    pytest.importorskip("torch")
    features, labels = _data(10)
    spec = dataclasses.replace(POOLED, minimum_steps=5, warmup_steps=200)
    assert np.all(np.isfinite(fit_head(spec, features, labels).predict(features)))


def test_macro_f1_counts_labels_that_occur_or_are_predicted():
    assert macro_f1(np.array([0.1, 0.9, 2.4]), np.array([0.0, 1.0, 2.0]), SPEC) == 1.0
    assert macro_f1(np.array([0.0, 0.0]), np.array([0.0, 1.0]), SPEC) == pytest.approx((2 / 3 + 0) / 2)
    assert macro_f1(np.array([9.0]), np.array([5.0]), SPEC) == 1.0


def test_linear_head_is_weights_times_features():
    head = LinearHead(np.array([1.0, 2.0], np.float32), np.array([0.5], np.float32))
    assert head.predict(np.array([[1.0, 1.0]], np.float32)).tolist() == [3.5]
