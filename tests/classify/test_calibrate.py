import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.classify.calibrate import Calibration, fit_calibration
from curation.scale import Scale

FIVE = Scale(0, 5)


def test_a_shrunken_score_is_cut_lower_and_wins_f1():
    rng = np.random.default_rng(0)
    labels = rng.choice(6, 2000, p=[0.4, 0.2, 0.15, 0.15, 0.07, 0.03]).astype(float)
    scores = 0.4 + 0.5 * labels + rng.normal(0, 0.4, 2000)
    calibration = fit_calibration(scores, labels, FIVE)
    assert 1.4 < calibration.raw_cut(3) < 1.9
    assert _f1(scores >= calibration.raw_cut(3), labels >= 3) > _f1(scores > 2.5, labels >= 3) + 0.1
    cuts = [cut for _, cut in calibration.cuts]
    assert cuts == sorted(set(cuts))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-10, 10, width=32), st.integers(0, 5)), max_size=40),
    st.lists(st.floats(-1e6, 1e6), max_size=20),
)
def test_calibrated_reaches_a_threshold_exactly_where_the_score_reaches_its_cut(pairs, others):
    predictions, labels = np.array([p for p, _ in pairs]), np.array([label for _, label in pairs], float)
    calibration = fit_calibration(predictions, labels, FIVE)
    cuts = np.array([cut for _, cut in calibration.cuts])
    assert np.all(np.diff(cuts) > 0)
    near = np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf), others, predictions])
    calibrated = calibration.apply(near)
    for threshold, cut in calibration.cuts:
        assert np.array_equal(calibrated >= threshold, near >= cut)
    assert np.all(np.diff(calibration.apply(np.sort(near))) >= 0)
    assert calibrated.min() >= 0 and calibrated.max() <= 5


def test_a_threshold_that_no_label_reaches_is_extrapolated():
    labels = np.repeat([0.0, 1.0, 2.0], 20)
    calibration = fit_calibration(labels + 0.25, labels, FIVE)
    assert calibration.raw_cut(1) == pytest.approx(0.75)
    assert calibration.raw_cut(2) == pytest.approx(1.75)
    assert [calibration.raw_cut(t) for t in (3, 4, 5)] == pytest.approx([2.75, 3.75, 4.75])


def test_a_plateau_is_cut_in_its_middle():
    labels = np.repeat([0.0, 1.0], 20)
    assert fit_calibration(labels * 4, labels, Scale(0, 1)).raw_cut(1) == pytest.approx(2.0)


def test_crossing_cuts_are_made_increasing():
    scores = np.linspace(0, 1, 60)
    labels = np.where(scores > 0.5, 2.0, 0.0)
    calibration = fit_calibration(scores, labels, Scale(0, 3))
    assert calibration.raw_cut(1) < calibration.raw_cut(2) < calibration.raw_cut(3)
    assert calibration.raw_cut(2) == pytest.approx(0.5, abs=0.05)


def test_weights_move_the_cut():
    scores, labels = np.array([1.0, 2.0, 3.0, 4.0] * 10), np.array([0.0, 1.0, 0.0, 1.0] * 10)
    low = fit_calibration(scores, labels, Scale(0, 1), np.array([1.0, 9.0, 1.0, 9.0] * 10))
    high = fit_calibration(scores, labels, Scale(0, 1), np.array([1.0, 1.0, 9.0, 9.0] * 10))
    assert low.raw_cut(1) < high.raw_cut(1)


def test_cuts_must_rise():
    with pytest.raises(ValueError, match="must rise"):
        Calibration(((1, 2.0), (2, 2.0)))
    with pytest.raises(ValueError, match="no cut for threshold 7, known are 1"):
        Calibration(((1, 2.0),)).raw_cut(7)


def _f1(kept, wanted):
    return 2 * np.sum(kept & wanted) / (kept.sum() + wanted.sum())


def test_mixed_cuts_follow_lone_labels_less():
    rng = np.random.default_rng(0)
    cuts = {"f1": [], "mix": []}
    for _ in range(60):
        labels = rng.choice([0.0, 1.0], 200, p=[0.8, 0.2])
        scores = labels + rng.normal(0, 0.6, 200)
        for method, found in cuts.items():
            found.append(fit_calibration(scores, labels, Scale(0, 1), method=method).raw_cut(1))
    assert np.std(cuts["mix"]) < 0.9 * np.std(cuts["f1"])
    assert abs(np.mean(cuts["mix"]) - np.mean(cuts["f1"])) < 0.1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-10, 10, width=32), st.integers(0, 5)), max_size=40),
    st.sampled_from([1.0, 1e-6, 1e6]),
)
def test_mixed_cuts_rise_and_are_finite(pairs, scale):
    predictions, labels = np.array([p * scale for p, _ in pairs]), np.array([label for _, label in pairs], float)
    cuts = np.array([cut for _, cut in fit_calibration(predictions, labels, FIVE, method="mix").cuts])
    assert np.all(np.isfinite(cuts)) and np.all(np.diff(cuts) > 0)


def test_separable_labels_are_cut_between_them_by_both():
    labels = np.repeat([0.0, 1.0], 20)
    found = fit_calibration(labels * 4 + np.tile(np.linspace(-0.5, 0.5, 20), 2), labels, Scale(0, 1), method="mix")
    assert 0.5 < found.raw_cut(1) < 3.5


def test_a_lone_score_far_away_does_not_overflow():
    labels = np.append(np.zeros(999), 1.0)
    found = fit_calibration(np.append(np.zeros(999), 1e6), labels, Scale(0, 1), method="mix")
    assert 0 < found.raw_cut(1) < 1e6
