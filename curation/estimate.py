"""A figure with its interval, and what two readings agree beyond chance: of judges and of classifiers alike.

Example: ``str(Estimate(0.82, 0.78, 0.86))`` is ``"0.820 (0.780–0.860)"``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def kappa_of(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cohen's kappa with quadratic weights (Cohen 1968) of a table, or of each of several, (..., labels, labels).

    1 is full agreement, 0 what chance gives, and 1 where all labels are one and the same.
    """
    apart = np.subtract.outer(np.arange(tables.shape[-1]), np.arange(tables.shape[-1])) ** 2.0
    shares = tables / tables.sum((-2, -1), keepdims=True)
    observed = (apart * shares).sum((-2, -1))
    by_chance = shares.sum(-1)[..., :, None] * shares.sum(-2)[..., None, :]
    expected = (apart * by_chance).sum((-2, -1))
    return np.asarray(1.0 - observed / np.where(expected > 0, expected, 1.0))
