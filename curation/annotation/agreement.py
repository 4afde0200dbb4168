"""How far two readings of the same documents agree: judge with judge, judge with hand labels.

    agreement([3, 4, 0], [3, 5, 0], Scale(0, 5))
    # {"n": 3, "exact": 0.667, "within_one": 1.0, "kappa": 0.944…, "f1": {1: 1.0, …, 5: 0.0}}

A judge's agreement with itself is the ceiling for any classifier that learns from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.scale import Scale


def quadratic_kappa(a: Sequence[int], b: Sequence[int], scale: Scale) -> float:
    """Cohen's kappa with quadratic weights (Cohen 1968): 1 is full agreement, 0 what chance gives.

    Where all labels of both are one and the same, chance cannot be told from agreement and the value is 1.

    Raises:
        ValueError: if the two are empty, of different length, or hold a label that is not on the scale.
    """
    left, right = _labels(a, b, scale)
    observed = float(np.mean((left - right) ** 2.0))
    # The mean squared difference of independent draws from both margins.
    expected = float(left.var() + right.var() + (left.mean() - right.mean()) ** 2)
    return 1.0 - observed / expected if expected > 0 else 1.0


def agreement(a: Sequence[int], b: Sequence[int], scale: Scale) -> dict[str, Any]:
    """Agreement of ``b`` with the reference ``a``.

    Returns:
        ``n``, ``exact`` and ``within_one`` (shares), ``kappa`` (quadratic), and ``f1``: threshold -> F1 of "label >=
        threshold", None where neither has such a label.

    Raises:
        ValueError: as for `quadratic_kappa`.
    """
    left, right = _labels(a, b, scale)
    distance = np.abs(left - right)
    return {
        "n": len(left),
        "exact": float(np.mean(distance == 0)),
        "within_one": float(np.mean(distance <= 1)),
        "kappa": quadratic_kappa(a, b, scale),
        "f1": {threshold: _f1(left >= threshold, right >= threshold) for threshold in scale.thresholds},
    }


def _f1(left: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_]) -> float | None:
    positives = int(left.sum()) + int(right.sum())
    return 2 * int((left & right).sum()) / positives if positives else None


def _labels(a: Sequence[int], b: Sequence[int], scale: Scale) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if len(a) != len(b) or not len(a):
        raise ValueError(f"expected two readings of the same documents, got {len(a)} and {len(b)} labels")
    both = np.asarray([a, b], dtype=np.float64)
    wrong = both[(both < scale.low) | (both > scale.high) | (both != np.round(both))]
    if len(wrong):
        raise ValueError(f"label {wrong[0]:g} is not on the scale {scale.low} to {scale.high}")
    left, right = both.astype(np.int64)
    return left, right
