"""The ordinal head: for each threshold of the scale the chance that a text reaches it, all along one direction.

Example: ``fit_ordinal(spec, features, labels, weights, groups).predict(features)`` with ``head: ordinal``.

P(label >= k) = sigmoid(w x - b_k), fitted for all thresholds at once: logistic regression with one slope and an offset
for each (the all-threshold loss of Rennie and Srebro 2005, near to McCullagh's proportional odds of 1980). The score is
the expected label, low + sum over k of P(label >= k). Other than a regression it does not take the step from 0 to 1
for as long as the step from 3 to 4. Offsets rise with k by themselves, since who reaches 4 has reached 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import DIGITS, probabilities
from curation.classify.features import standard
from curation.classify.folds import assign_folds
from curation.classify.spec import ClassifierSpec

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

NEVER = 1e4
"""The offset of a threshold that no label reaches; minus that, of one that all reach."""

_STEPS = 60


@dataclass(frozen=True, eq=False)
class OrdinalHead:
    """``weight`` (d,), ``offsets`` (thresholds,) and ``low`` (1,), the scale's lower end."""

    weight: NDArray[np.float32]
    offsets: NDArray[np.float32]
    low: NDArray[np.float32]
    kind: ClassVar[str] = "ordinal"

    def predict(self, features: Features) -> Floats:
        """Raw scores (n,), expected labels, of vectors (n, d)."""
        along = features.astype(np.float64) @ self.weight.astype(np.float64)
        chances = probabilities(along[:, None] - self.offsets.astype(np.float64))
        return np.asarray(np.round(float(self.low[0]) + chances.sum(1), DIGITS), np.float64)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The three arrays by name."""
        return {"weight": self.weight, "offsets": self.offsets, "low": self.low}


def fit_ordinal(
    spec: ClassifierSpec, features: Features, labels: Floats, weights: Floats, groups: Sequence[object] | None
) -> OrdinalHead:
    """The head on standardised features, its penalty that of least loss on held-out groups.

    Args:
        spec: scale, penalties, folds.
        features: vectors, (n, d).
        labels: the judge's, (n,).
        weights: of the documents in the fit, (n,).
        groups: domains or repositories, kept together; (n,).
    """
    center, spread = standard(features, weights)
    data = _Data((features - center) / spread, labels[:, None] >= np.array(spec.scale.thresholds), weights)
    folds = assign_folds(labels, groups, min(spec.folds, len(labels)), spec.seed)
    losses = dict.fromkeys(sorted(spec.alphas, reverse=True), 0.0)
    for fold in range(int(folds.max()) + 1):
        rest, out, found = data.part(folds != fold), data.part(folds == fold), None
        for alpha in losses:  # from the heaviest penalty down, each from where the one before ended
            found = rest.fit(alpha, found)
            losses[alpha] += out.loss(found) * float(out.weights.sum())
    found = data.fit(min(losses, key=lambda alpha: losses[alpha]), None)
    weight = found[: features.shape[1]] / spread
    return OrdinalHead(
        weight.astype(np.float32),
        (found[features.shape[1] :] + center @ weight).astype(np.float32),
        np.array([spec.scale.low], np.float32),
    )


@dataclass(frozen=True, eq=False)
class _Data:
    """Standardised features (n, d), which thresholds are reached (n, k), and weights (n,)."""

    x: Floats
    reached: NDArray[np.bool_]
    weights: Floats

    def part(self, mask: NDArray[np.bool_]) -> _Data:
        return _Data(self.x[mask], self.reached[mask], self.weights[mask])

    def fit(self, alpha: float, start: Floats | None) -> Floats:
        """Slope and offsets (d + k,) of least penalised loss; a threshold that all or no labels reach is not fitted."""
        from scipy.optimize import minimize

        wide = self.x.shape[1]
        share = np.clip(self.weights @ self.reached / self.weights.sum(), 0, 1)
        crossed = (share > 0) & (share < 1)
        fixed = np.where(share > 0, -NEVER, NEVER)
        if start is None:
            start = np.concatenate([np.zeros(wide), np.log1p(-share * crossed) - np.log(np.where(crossed, share, 1))])

        def loss(values: Floats) -> tuple[float, Floats]:
            slope, offsets = values[:wide], np.where(crossed, values[wide:], fixed)
            margins = (self.x @ slope)[:, None] - offsets
            missed = probabilities(margins) - self.reached
            scaled = self.weights[:, None] * missed / self.weights.sum()
            total = self._mean_loss(margins) + alpha / 2 * float(slope @ slope)
            gradient = np.concatenate(
                [self.x.T @ scaled.sum(1) + alpha * slope, np.where(crossed, -scaled.sum(0), 0.0)]
            )
            return total, gradient

        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
        return np.concatenate([found[:wide], np.where(crossed, found[wide:], fixed)])

    def loss(self, values: Floats) -> float:
        """Mean loss of slope and offsets, without penalty."""
        wide = self.x.shape[1]
        # An offset of `NEVER` says that none of the labels it was fitted to reached the threshold, not that none can.
        return self._mean_loss((self.x @ values[:wide])[:, None] - np.clip(values[wide:], -10, 10))

    def _mean_loss(self, margins: Floats) -> float:
        each = np.logaddexp(0.0, np.where(self.reached, -margins, margins)).sum(1)
        return float(self.weights @ each / self.weights.sum())
