"""Figures of a selection against the judge, each with an interval from resampled groups.

    measured = estimates(lambda weights: f1_of(wanted, kept, weights), members, weights, seed=0)
    measured[2].value, measured[2].low, measured[2].high   # F1 and its 95 % interval

All figures are weighted: a sum of weights estimates a number of documents of the corpus that a sample stands for.
Groups (domains, repositories) are resampled, not documents, since documents of one group are alike (Efron 1979, by
clusters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.estimate import Estimate, kappa_of
from curation.scale import Scale

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BOOTSTRAPS = 500
INTERVAL = (0.025, 0.975)
CURVE_POINTS = 50
DIGITS = 4


@dataclass(frozen=True)
class Figures:
    """Of a selection: how much of it is wanted, how much of what is wanted it holds, and the share that it keeps."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    kept_share: Estimate


def estimates(
    statistic: Callable[[Floats], Floats], members: NDArray[np.int64], weights: Floats, seed: int
) -> list[Estimate]:
    """Each value of a statistic with its interval.

    Args:
        statistic: document weights (n,) to values (k,).
        members: the group of each document from 0, (n,).
        weights: of the documents, (n,).
        seed: of the resampling.
    """
    values = statistic(weights)
    generator = np.random.default_rng(seed)
    _, place = np.unique(members, return_inverse=True)
    if place.max(initial=0) == 0:  # one group cannot be resampled, as it cannot be kept on one side of a split
        place = np.arange(len(weights))
    groups = int(place.max(initial=-1)) + 1
    drawn = np.empty((BOOTSTRAPS, len(values)))
    for row in drawn:
        counts = np.bincount(generator.integers(0, groups, groups), minlength=groups)
        row[:] = statistic(weights * counts[place])
    low, high = np.quantile(drawn, INTERVAL, axis=0)
    return [
        Estimate(*(round(float(one), DIGITS) for one in (value, a, b)))
        for value, a, b in zip(values, low, high, strict=True)
    ]


def figures(wanted: Mask, kept: Mask, members: NDArray[np.int64], weights: Floats, seed: int) -> Figures:
    """Precision, recall, F1 and share of keeping ``kept`` where ``wanted`` was right; arguments as of `estimates`."""
    return Figures(*estimates(lambda w: rates(wanted, kept, w), members, weights, seed))


def rates(wanted: Mask, kept: Mask, weights: Floats) -> Floats:
    """Precision, recall, F1 and share kept (4,); 0 where there is nothing to divide by."""
    chosen, right, hit = (float(weights @ mask) for mask in (kept, wanted, wanted & kept))
    return np.array(
        [_ratio(hit, chosen), _ratio(hit, right), _ratio(2 * hit, chosen + right), _ratio(chosen, weights.sum())]
    )


def auc(scores: Floats, wanted: Mask, weights: Floats) -> float:
    """The chance that a wanted document scores above another, ties counting half; 0.5 where there are not both."""
    _, place = np.unique(scores, return_inverse=True)
    right, wrong = (np.bincount(place, weights * mask) for mask in (wanted, ~wanted))
    below = np.cumsum(wrong) - wrong / 2
    pairs = right.sum() * wrong.sum()
    return float(right @ below / pairs) if pairs > 0 else 0.5


def average_precision(scores: Floats, wanted: Mask, weights: Floats) -> float:
    """The mean of the precision over the recall, step by step; 0 where nothing is wanted."""
    _, precision, recall = precision_recall(scores, wanted, weights)
    return float(precision @ np.diff(recall, prepend=0.0)) if len(recall) else 0.0


def precision_recall(scores: Floats, wanted: Mask, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Cuts from high to low and precision and recall of ``score >= cut``, one for each score that occurs."""
    values, place = np.unique(scores, return_inverse=True)
    right = np.cumsum(np.bincount(place, weights * wanted, len(values))[::-1])
    kept = np.cumsum(np.bincount(place, weights, len(values))[::-1])
    if not len(values) or right[-1] <= 0:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    return values[::-1], right / np.maximum(kept, 1e-300), right / right[-1]


def curve(scores: Floats, wanted: Mask, weights: Floats) -> tuple[tuple[float, float, float], ...]:
    """`precision_recall` at no more than `CURVE_POINTS` cuts, evenly spread over the documents, its ends among them."""
    points = np.column_stack(precision_recall(scores, wanted, weights))
    if len(points) > CURVE_POINTS:
        points = points[np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))]
    return tuple((round(float(c), 6), round(float(p), DIGITS), round(float(r), DIGITS)) for c, p, r in points)


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation, ties sharing their mean rank; 0 where either is constant."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    return round(float(x @ y) / max(float(np.sqrt(x @ x * (y @ y))), 1e-12), DIGITS)


def quadratic_kappa(a: Floats, b: Floats, scale: Scale) -> float:
    """Agreement beyond chance, disagreement weighed by its square; see `kappa_of`."""
    return round(float(kappa_of(np.array(confusion(a, b, scale), np.float64))), DIGITS)


def confusion(labels: Floats, predicted: Floats, scale: Scale) -> tuple[tuple[int, ...], ...]:
    """Counts by label (rows) and predicted label (columns), both over the whole scale."""
    size = scale.high - scale.low + 1
    table = np.zeros((size, size), int)
    np.add.at(table, (np.round(labels).astype(int) - scale.low, predicted.astype(int) - scale.low), 1)
    return tuple(tuple(int(count) for count in row) for row in table)


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole > 0 else 0.0


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place], np.float64)
