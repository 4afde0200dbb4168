import dataclasses

import numpy as np
import pytest
from test_train import SPEC

from curation.classify.calibrate import Calibration
from curation.classify.held_out import HeldOut
from curation.classify.operating import Target, choose_cut, fit_cuts, operating_point
from curation.classify.train import fit_classifier
from curation.errors import ConfigError


def population(number, seed):
    """Raw scores, as a shrunken head gives them, and labels; 12 % reach 3."""
    rng = np.random.default_rng(seed)
    merit = rng.gumbel(0.3, 1.0, number)
    labels = np.clip(np.round(merit + rng.normal(0, 0.4, number)), 0, 5)
    return 0.6 * merit + 0.6 + rng.normal(0, 0.25, number), labels


def held_out(scores, labels, weights=None, seed=0):
    """As cross-validation leaves it; the inner scores are as good as the outer ones."""
    number, rng = len(labels), np.random.default_rng(seed)
    folds = rng.permutation(number) % 5
    inner = np.repeat(scores[:, None], 5, 1) + rng.normal(0, 0.02, (number, 5))
    inner[np.arange(number), folds] = np.nan
    return HeldOut(
        ids=("",) * number,
        labels=labels,
        further=np.full(number, np.nan),
        weights=np.ones(number) if weights is None else weights,
        members=np.arange(number),
        folds=folds,
        scores=scores,
        inner=inner,
    )


@pytest.mark.parametrize("text", ["f1", "precision=0.9", "recall=0.95", "share=0.02"])
def test_targets_are_read_and_written(text):
    assert str(Target.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "f2", "f1=0.5", "precision", "precision=", "precision=x", "recall=1.5", "share=0"]
)
def test_what_is_no_target_says_so(text):
    with pytest.raises(ConfigError, match="expected f1, precision=P, recall=R or share=S"):
        Target.parse(text)


def test_cuts_by_hand():
    scores, wanted = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0]), np.array([True, True, False, True, False, False])
    ones = np.ones(6)
    assert choose_cut(scores, wanted, ones, Target("recall", 0.6)) == 3.5
    assert choose_cut(scores, wanted, ones, Target("recall", 0.67)) == 1.5
    assert choose_cut(scores, wanted, ones, Target("share", 0.5)) == 2.5
    assert choose_cut(scores, wanted, ones, Target("share", 0.01)) == 4.5, "nothing is that rare: the best one"
    assert choose_cut(scores, wanted, ones, Target("precision", 0.7)) == 1.5
    assert choose_cut(scores, wanted, ones, Target("precision", 0.95)) == 3.5
    assert choose_cut(scores, wanted, np.array([1, 1, 9, 1, 1, 1.0]), Target("precision", 0.7)) == 3.5
    tied = np.array([2.0, 2.0, 2.0, 1.0])
    assert choose_cut(tied, np.array([True, False, True, True]), np.ones(4), Target("recall", 0.3)) == 1.5


def test_a_lucky_document_at_the_top_is_no_precision():
    """Above the first mistake everything is right by luck; the cut is where precision is 0.9 in the long run."""
    scores, labels = population(4000, 1)
    cut = choose_cut(scores, labels >= 3, np.ones(4000), Target("precision", 0.9))
    fresh, judged = population(200_000, 2)
    assert np.mean(judged[fresh >= cut] >= 3) == pytest.approx(0.9, abs=0.04)
    assert np.mean(fresh[judged >= 3] >= cut) > 0.2


def test_targets_are_reached_on_fresh_documents():
    scores, labels = population(3000, 3)
    fresh, judged = population(200_000, 4)
    for target in (Target("precision", 0.8), Target("recall", 0.9), Target("share", 0.05)):
        point = operating_point(held_out(scores, labels), 3, target)
        kept = fresh >= point.raw_cut
        true = {
            "precision": np.mean(judged[kept] >= 3),
            "recall": np.mean(kept[judged >= 3]),
            "kept_share": kept.mean(),
        }
        for name, value in true.items():
            one = getattr(point.figures, name)
            spread = one.high - one.low
            assert one.low - spread / 2 <= value <= one.high + spread / 2, (target, name, value, one)
    assert "score >= " in str(point) and "keeps 5." in str(point)


def test_an_up_sampled_set_tells_the_corpus_share():
    """What a preliminary score finds is drawn five times as often, with a fifth of the weight."""
    held = 0
    for seed in range(12):
        scores, labels = population(30_000, 100 + seed)
        likely = scores + np.random.default_rng(seed).normal(0, 0.5, len(scores)) > 1.6
        rng = np.random.default_rng(seed)
        drawn = rng.random(len(scores)) < np.where(likely, 0.15, 0.03)
        weights = np.where(likely, 1 / 0.15, 1 / 0.03)[drawn]
        point = operating_point(held_out(scores[drawn], labels[drawn], weights), 3, Target("precision", 0.8))
        true = np.mean(scores >= point.raw_cut)
        share = point.figures.kept_share
        held += share.low <= true <= share.high
        unweighted = operating_point(held_out(scores[drawn], labels[drawn]), 3, Target("precision", 0.8))
        assert unweighted.figures.kept_share.low > true, "without weights the share is far too high"
    assert held >= 10


def test_a_label_does_not_move_the_cut_that_judges_it():
    scores, labels = population(400, 5)
    one = held_out(scores, labels)

    def choose(s, judged, w):
        return choose_cut(s, judged >= 3, w, Target("recall", 0.9))

    before = one.nested(choose)
    for index in np.flatnonzero(labels >= 3)[:5]:
        changed = dataclasses.replace(one, labels=np.where(np.arange(400) == index, 0.0, labels))
        assert changed.nested(choose)[index] == before[index]


def test_training_for_a_target_moves_the_cut_and_its_figures(toy, toy_labels):
    texts, labels, groups = toy_labels
    f1, _ = fit_classifier(texts, labels, SPEC, groups=groups, embedder=toy)
    careful = dataclasses.replace(SPEC, target="precision=0.95")
    classifier, report = fit_classifier(texts, labels, careful, groups=groups, embedder=toy)
    assert classifier.calibration.raw_cut(3) > f1.calibration.raw_cut(3)
    assert report.at(3).raw_cut == classifier.calibration.raw_cut(3)
    assert report.at(3).calibrated.precision.value > f1.report.at(3).calibrated.precision.value
    assert report.at(3).calibrated.recall.value < f1.report.at(3).calibrated.recall.value
    assert "The calibrated cut at 3 was chosen for precision=0.95" in report.to_markdown()


def test_other_cuts_give_way():
    calibration = Calibration(((1, 0.5), (2, 1.0), (3, 2.0), (4, 2.5)))
    assert calibration.moved(3, 2.2).cuts == ((1, 0.5), (2, 1.0), (3, 2.2), (4, 2.5))
    assert calibration.moved(3, 3.0).cuts == ((1, 0.5), (2, 1.0), (3, 3.0), (4, 3.01))
    assert calibration.moved(3, 0.4).cuts == ((1, 0.38), (2, 0.39), (3, 0.4), (4, 2.5))
    with pytest.raises(ValueError, match="no cut for threshold 7"):
        calibration.moved(7, 1.0)


def test_a_threshold_that_no_label_reaches():
    scores, labels = population(100, 6)
    low = np.minimum(labels, 2)
    with pytest.raises(ConfigError, match="no label reaches 3"):
        operating_point(held_out(scores, low), 3, Target("f1"))
    spec = dataclasses.replace(SPEC, target="recall=0.9")
    assert fit_cuts(spec, scores, low, np.ones(100)) == fit_cuts(SPEC, scores, low, np.ones(100))
