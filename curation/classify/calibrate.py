"""Where to cut: a regression head shrinks to the mean, so ``score > 2.5`` is the wrong place for "label 3 or better".

Example: ``fit_calibration(predictions, labels, Scale(0, 5)).raw_cut(3)`` is 2.2, say: the raw score whose F1 against
``label >= 3`` is best. `Calibration.apply` bends raw scores onto the label scale so that
``calibrated_score >= t`` exactly where ``score >= raw_cut(t)``. On 400 mathematics labels F1 at 3 rises from .62 to
.77 by it. Predictions must be out-of-fold: on its own training data a head does not shrink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curation.scale import Scale

Floats = NDArray[np.float64]
Method = Literal["f1", "mix"]

SMOOTHING = 0.1
"""The F1 curve is averaged over this share of the positives, in ranks, before its highest point is taken."""

NEWTON_STEPS = 60
HELD_BACK = 1e-3
"""Of the logistic fit: steps of at most 1 in each value, and the penalty on their squares."""

LEAST_SUPPORT = 10
"""Labels on either side of a threshold; with fewer its best F1 is luck, and its cut continues the others'."""

LEAST_STEP = 0.01
"""Neighbouring cuts lie at least this share of the predictions' standard deviation apart."""

DIGITS = 6
"""Scores and cuts are rounded to this many decimals, so that they survive JSON and the order of a sum."""


@dataclass(frozen=True)
class Calibration:
    """The raw score at which each threshold of the scale is reached.

    Attributes:
        cuts: (threshold, raw score), both strictly increasing.
    """

    cuts: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        rises = all(a[0] < b[0] and a[1] < b[1] for a, b in zip(self.cuts, self.cuts[1:], strict=False))
        if not self.cuts or not rises:
            raise ValueError(f"cuts must rise with their thresholds, got {self.cuts}")

    def raw_cut(self, threshold: int) -> float:
        """The raw score from which on ``calibrated_score >= threshold``."""
        known = dict(self.cuts)
        if threshold not in known:
            raise ValueError(f"no cut for threshold {threshold}, known are {', '.join(map(str, known))}")
        return known[threshold]

    def moved(self, threshold: int, raw: float) -> Calibration:
        """With another cut at one threshold; the others give way where they must, so that cuts still rise."""
        if threshold not in dict(self.cuts):
            raise ValueError(f"no cut for threshold {threshold}")
        gap = 0.01
        cuts = {
            one: min(cut, raw - gap * (threshold - one)) if one < threshold else max(cut, raw + gap * (one - threshold))
            for one, cut in self.cuts
        } | {threshold: raw}
        return Calibration(tuple((one, round(cut, DIGITS)) for one, cut in sorted(cuts.items())))

    def apply(self, scores: Floats) -> Floats:
        """Calibrated scores (n,): piecewise linear through the cuts, ended at the ends of the scale."""
        thresholds = np.array([threshold for threshold, _ in self.cuts], np.float64)
        at = np.array([raw for _, raw in self.cuts], np.float64)
        scores = np.asarray(scores, np.float64)
        slopes = np.diff(thresholds) / np.diff(at) if len(at) > 1 else np.ones(1)
        below = thresholds[0] + (scores - at[0]) * slopes[0]
        values = np.where(scores < at[0], below, np.interp(scores, at, thresholds))
        # Rounding may touch the next threshold from below, or fall under its own: equivalence is exact, so it is kept.
        reached = np.searchsorted(at, scores, side="right")
        floors = np.concatenate([[thresholds[0] - 1], thresholds])
        ceilings = np.concatenate([np.nextafter(thresholds, -np.inf), thresholds[-1:]])
        return np.clip(values, floors[reached], ceilings[reached])


def fit_calibration(
    predictions: Floats,
    labels: Floats,
    scale: Scale,
    weights: Floats | None = None,
    *,
    method: Method = "f1",
) -> Calibration:
    """The cuts of best F1, made increasing; thresholds that (nearly) no labels cross are extrapolated.

    Args:
        predictions: out-of-fold raw scores, shape (n,).
        labels: the judge's, shape (n,).
        scale: the judge's.
        weights: of the documents, shape (n,), such as inverse sampling rates.
        method: ``f1`` takes the best F1 of the labels, smoothed; ``mix`` the mean of that cut and of the one whose F1
            is best by a logistic fit of the labels, which follows the few labels near the cut less closely.
    """
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    found = np.full(len(scale.thresholds), np.nan)
    support = np.zeros(len(scale.thresholds))
    for index, threshold in enumerate(scale.thresholds):
        reached = int((labels >= threshold).sum())
        support[index] = min(reached, len(labels) - reached)
    most = max(1, int(support.max()))
    for index, threshold in enumerate(scale.thresholds):
        positive = labels >= threshold
        if support[index] >= min(LEAST_SUPPORT, most):
            found[index] = best_cut(predictions, positive, weights)
            if method == "mix":
                found[index] = (found[index] + _expected_cut(predictions, positive, weights)) / 2
    step = LEAST_STEP * max(float(np.std(predictions)) if len(predictions) else 0.0, 1e-3)
    cuts = np.round(_increasing(_extrapolated(found, scale), np.maximum(support, 0.5), step), DIGITS)
    return Calibration(tuple((t, float(c)) for t, c in zip(scale.thresholds, cuts, strict=True)))


def best_cut(predictions: Floats, positive: NDArray[np.bool_], weights: Floats) -> float:
    """The raw score whose smoothed F1 is best; the middle where several are, the highest where nothing is positive.

    Args:
        predictions: out-of-fold raw scores, (n,).
        positive: whether the label reaches the threshold, (n,).
        weights: of the documents, (n,).
    """
    if not np.any(positive):
        return float(predictions.max(initial=0.0))
    order = np.argsort(-predictions, kind="stable")
    ranked, hits = predictions[order], (positive * weights)[order]
    f1 = 2 * np.cumsum(hits) / (np.cumsum(weights[order]) + hits.sum())
    last_of_tie = np.append(ranked[:-1] > ranked[1:], True)
    f1 = np.where(last_of_tie, f1, np.nan)
    # A cut may be moved by a tenth of the positives at little cost: a lone peak is luck.
    smooth = _moving_mean(f1, 1 + 2 * int(SMOOTHING * positive.sum() / 2))
    best = np.flatnonzero(last_of_tie & (smooth >= np.nanmax(smooth[last_of_tie]) - 1e-12))
    middle = int(best[len(best) // 2])
    below = ranked[middle + 1] if middle + 1 < len(ranked) else ranked[middle]
    return float((ranked[middle] + below) / 2)


def _expected_cut(predictions: Floats, positive: NDArray[np.bool_], weights: Floats) -> float:
    """The raw score whose F1 is best if labels were drawn with the probabilities of a logistic fit."""
    order = np.argsort(-predictions, kind="stable")
    ranked, share = predictions[order], weights[order]
    expected = share * _logistic(predictions, positive, weights)[order]
    f1 = 2 * np.cumsum(expected) / (np.cumsum(share) + expected.sum())
    best = int(np.argmax(f1))
    below = ranked[min(best + 1, len(ranked) - 1)]
    return float((ranked[best] + below) / 2)


def _logistic(predictions: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Probabilities (n,) by weighted logistic regression, held back a little so that separable labels have a fit."""
    spread = float(predictions.std())
    x = np.column_stack([(predictions - predictions.mean()) / max(spread, 1e-9), np.ones(len(predictions))])
    share = weights * len(weights) / weights.sum()
    line = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        known = probabilities(x @ line)
        slope = x.T @ (share * (positive - known)) - HELD_BACK * line
        curve = (x * (share * known * (1 - known))[:, None]).T @ x + HELD_BACK * np.eye(2)
        # Far from the best line a whole step may overshoot it.
        line += np.clip(np.linalg.solve(curve, slope), -1, 1)
    return probabilities(x @ line)


def probabilities(logits: Floats) -> Floats:
    """The logistic function, of the same shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))), np.float64)


def _moving_mean(values: Floats, width: int) -> Floats:
    """Mean of the finite values within ``width`` (odd) around each, shorter at the ends."""
    kernel = np.ones(width)
    known = np.isfinite(values)
    pad = width // 2
    sums = np.convolve(np.pad(np.where(known, values, 0.0), pad), kernel, "valid")
    counts = np.convolve(np.pad(known.astype(np.float64), pad), kernel, "valid")
    return sums / np.maximum(counts, 1.0)


def _extrapolated(found: Floats, scale: Scale) -> Floats:
    """Cuts for thresholds without any, on the line through the nearest two that have one."""
    thresholds = np.array(scale.thresholds, np.float64)
    known = np.flatnonzero(np.isfinite(found))
    if not len(known):
        return thresholds - 0.5
    filled = np.interp(thresholds, thresholds[known], found[known])
    for outside, near in ((slice(None, known[0]), known[:2]), (slice(known[-1] + 1, None), known[-2:])):
        rise = (found[near[-1]] - found[near[0]]) / max(near[-1] - near[0], 1) if len(near) > 1 else 1.0
        anchor = known[0] if outside.start is None else known[-1]
        filled[outside] = found[anchor] + (thresholds[outside] - thresholds[anchor]) * max(rise, 0.1)
    return filled


def _increasing(cuts: Floats, support: Floats, step: float) -> Floats:
    """The nearest increasing cuts, weighted by support (pool adjacent violators), at least ``step`` apart."""
    ramp = step * np.arange(len(cuts))
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(cuts - ramp, support, strict=True):
        blocks.append((float(value), float(weight), 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, u, m), (b, v, n) = blocks[-2:]
            blocks[-2:] = [((a * u + b * v) / (u + v), u + v, m + n)]
    return np.repeat([value for value, _, _ in blocks], [number for _, _, number in blocks]) + ramp
