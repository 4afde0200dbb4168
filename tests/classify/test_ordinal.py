import dataclasses

import numpy as np
import pytest
from test_train import SPEC

from curation.classify.classifier import load_classifier
from curation.classify.head import fit_head
from curation.classify.ordinal import NEVER, OrdinalHead
from curation.classify.train import fit_classifier
from curation.scale import Scale

ORDINAL = dataclasses.replace(SPEC, head="ordinal", alphas=(0.001, 0.01, 0.1))


def drawn(number, seed, offsets=(-2.0, -0.5, 0.5, 1.5, 3.0)):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(number, 6)).astype(np.float32)
    along = x @ np.array([2.0, -1.0, 0.5, 0, 0, 0])
    labels = (along + rng.logistic(size=number) >= np.array(offsets)[:, None]).sum(0).astype(float)
    return x, labels


def test_it_finds_direction_and_offsets_that_made_the_labels():
    x, labels = drawn(6000, 0)
    head = fit_head(ORDINAL, x, labels)
    assert head.kind == "ordinal"
    assert np.allclose(head.weight, [2, -1, 0.5, 0, 0, 0], atol=0.12)
    assert np.allclose(head.offsets, [-2, -0.5, 0.5, 1.5, 3], atol=0.2)
    fresh, judged = drawn(4000, 1)
    scores = head.predict(fresh)
    assert scores.min() > 0 and scores.max() < 5
    for low, high in ((0, 1), (2, 3), (4, 5)):
        near = (scores >= low) & (scores < high)
        assert judged[near].mean() == pytest.approx(scores[near].mean(), abs=0.15), "the score is the expected label"


def test_thresholds_that_all_or_no_labels_reach():
    x, labels = drawn(400, 2)
    head = fit_head(ORDINAL, x, np.clip(labels, 1, 3))
    assert np.allclose(head.offsets[[0, 3, 4]], [-NEVER, NEVER, NEVER], rtol=1e-4)
    assert np.all(np.diff(head.offsets[:4]) > 0)
    scores = head.predict(x)
    assert scores.min() >= 1 and scores.max() <= 3


def test_weights_count():
    x, labels = drawn(500, 3)
    thrice = fit_head(
        ORDINAL, np.concatenate([x, x[:100], x[:100]]), np.concatenate([labels, labels[:100], labels[:100]])
    )
    weighted = fit_head(ORDINAL, x, labels, np.where(np.arange(500) < 100, 3.0, 1.0))
    assert np.allclose(thrice.weight, weighted.weight, atol=0.1)


def test_a_scale_that_does_not_begin_at_zero():
    x, labels = drawn(300, 4)
    spec = dataclasses.replace(ORDINAL, scale=Scale(1, 3))
    scores = fit_head(spec, x, np.clip(labels, 1, 3)).predict(x)
    assert scores.min() >= 1 and scores.max() <= 3 and np.corrcoef(scores, labels)[0, 1] > 0.6


def test_it_is_trained_saved_and_loaded(toy, toy_labels, tmp_path):
    texts, labels, groups = toy_labels
    classifier, report = fit_classifier(texts, labels, ORDINAL, groups=groups, embedder=toy)
    assert report.spearman > 0.8 and report.head == "ordinal"
    classifier.save(tmp_path)
    again = load_classifier(tmp_path, embedder=toy)
    assert isinstance(again.head, OrdinalHead)
    assert np.array_equal(again.score(texts), classifier.score(texts))


@pytest.mark.parametrize("head", ["linear", "ordinal", "kernel"])
def test_balanced_classes_move_the_rare_label_up(toy, toy_labels, head):
    texts, labels, groups = toy_labels
    rare = [(t, y, g) for t, y, g in zip(texts, labels, groups, strict=True) if y < 4 or int(g[6:]) < 6]
    texts, labels, groups = map(list, zip(*rare, strict=True))
    spec = dataclasses.replace(SPEC, head=head, max_characters=2200, folds=3)
    plain, _ = fit_classifier(texts, labels, spec, groups=groups, embedder=toy)
    balanced, _ = fit_classifier(
        texts, labels, dataclasses.replace(spec, class_weights="balanced"), groups=groups, embedder=toy
    )
    top = [text for text, label in zip(texts, labels, strict=True) if label >= 4]
    assert balanced.score(top).mean() > plain.score(top).mean()
