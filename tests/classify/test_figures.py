import numpy as np
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, precision_recall_fscore_support, roc_auc_score

from curation.classify.figures import (
    CURVE_POINTS,
    auc,
    average_precision,
    confusion,
    curve,
    estimates,
    figures,
    precision_recall,
    quadratic_kappa,
    rates,
    spearman,
)
from curation.scale import Scale


@pytest.fixture(params=range(4))
def drawn(request):
    """Scores with ties, labels that go with them, and weights."""
    rng = np.random.default_rng(request.param)
    scores = np.round(rng.normal(size=200), 1)
    return scores, scores + rng.normal(size=200) > 0.8, rng.uniform(0.2, 3.0, 200)


def test_figures_are_those_of_scikit_learn(drawn):
    scores, wanted, weights = drawn
    kept = scores >= 0.5
    p, r, f, _ = precision_recall_fscore_support(wanted, kept, average="binary", sample_weight=weights)
    assert rates(wanted, kept, weights) == pytest.approx([p, r, f, weights[kept].sum() / weights.sum()])
    assert auc(scores, wanted, weights) == pytest.approx(roc_auc_score(wanted, scores, sample_weight=weights))
    assert average_precision(scores, wanted, weights) == pytest.approx(
        average_precision_score(wanted, scores, sample_weight=weights)
    )
    cuts, precision, recall = precision_recall(scores, wanted, weights)
    assert np.array_equal(cuts, np.unique(scores)[::-1])
    assert [precision[10], recall[10]] == pytest.approx(rates(wanted, scores >= cuts[10], weights)[:2])
    thinned = curve(scores, wanted, weights)
    assert len(thinned) <= CURVE_POINTS and (thinned[0][0], thinned[-1][2]) == (cuts[0], 1.0)


def test_agreement_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 6, 100).astype(float)
    b = np.clip(a + rng.integers(-1, 2, 100), 0, 5)
    kappa = cohen_kappa_score(a, b, weights="quadratic", labels=list(range(6)))
    assert quadratic_kappa(a, b, Scale(0, 5)) == pytest.approx(kappa, abs=1e-4)
    assert quadratic_kappa(np.ones(3), np.ones(3), Scale(0, 5)) == 1.0


def test_by_hand():
    wanted, kept = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert rates(wanted, kept, np.ones(4)).tolist() == [0.5, 0.5, 0.5, 0.5]
    assert rates(wanted, np.zeros(4, bool), np.ones(4)).tolist() == [0, 0, 0, 0]
    assert auc(np.array([3.0, 1.0, 2.0]), np.array([True, True, False]), np.ones(3)) == 0.5
    assert auc(np.array([1.0, 1.0]), np.array([True, False]), np.ones(2)) == 0.5
    assert auc(np.array([1.0, 2.0]), np.array([True, True]), np.ones(2)) == 0.5
    assert curve(np.array([1.0, 2.0]), np.array([False, False]), np.ones(2)) == ()
    assert average_precision(np.array([1.0, 2.0]), np.array([False, False]), np.ones(2)) == 0.0
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 9.0])) == 1.0
    assert spearman(np.array([1.0, 1.0, 1.0]), np.array([1.0, 5.0, 9.0])) == 0.0
    assert confusion(np.array([0.0, 2.0, 2.0]), np.array([0.0, 1.0, 2.0]), Scale(0, 2)) == (
        (1, 0, 0),
        (0, 0, 0),
        (0, 1, 1),
    )


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = rng.random(150) < 0.3
        one = estimates(lambda w, v=values: np.array([w @ v / w.sum()]), np.arange(150), np.ones(150), seed)[0]
        held += one.low <= 0.3 <= one.high
    assert 52 <= held <= 60


def test_groups_are_resampled_not_documents():
    """Ten documents of each group say the same: an interval over documents would be three times too narrow."""
    wanted = np.repeat(np.random.default_rng(0).random(30) < 0.5, 10)
    kept = np.ones(300, bool)
    by_group = figures(wanted, kept, np.repeat(np.arange(30), 10), np.ones(300), 0).precision
    by_document = figures(wanted, kept, np.arange(300), np.ones(300), 0).precision
    assert by_group.value == by_document.value
    assert by_group.high - by_group.low > 2 * (by_document.high - by_document.low)
    assert str(by_group) == f"{by_group.value:.3f} ({by_group.low:.3f}–{by_group.high:.3f})"
