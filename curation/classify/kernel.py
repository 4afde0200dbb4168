"""The kernel head: a text's score is drawn from the judged texts that it is like, in meaning, kind and wording.

Example: ``fit_kernel(spec, features, labels, weights)`` with ``head: kernel``, ``layers: [4, 5]`` and ``windows: 3``.

Ridge regression with the kernel

    k(a, b) = 0.4 exp(-0.75 |e_a - e_b|² / median) + 0.4 x_a · x_b + 0.2 exp(-0.5 |s_a - s_b|² / median)

of vectors e and statistics s, standardised and clipped to ±4 deviations, and hashed character runs x of length 1, a
sum of which is one vector of 65,536 weights however many texts it is of. Chosen on three sets of a thousand labels by
cross-validation over domains and repositories, where it wins 7 to 13 points of F1 over ridge on the last layer's mean;
no shipped spec names it yet. Rows are kept as halves, and the head is solved for the rows as they are kept:
1,000 labels x (768 + 72) x 2 bytes = 1.7 MB, and what was saved gives the scores of what was fitted.

Up to ``landmarks`` labels the solution is exact; of more, as many texts carry it, chosen evenly over the labels, and
it is fitted to all (subset of regressors): 450k labels x 4,000 landmarks are seen in blocks of 131 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import DIGITS
from curation.classify.features import TextFeatures
from curation.classify.spec import ClassifierSpec

Floats = NDArray[np.float64]
Halves = NDArray[np.float16]
Singles = NDArray[np.float32]

CLIP = 4.0
WIDTHS = (0.75, 0.5)
"""Of vectors and statistics: what their squared distances over the median are multiplied by."""
SHARES = (0.4, 0.2, 0.4)
"""Of vectors, statistics and character runs; they sum to 1."""

BLOCK = 4096
"""Texts whose kernel with the landmarks is held at a time."""


@dataclass(frozen=True, eq=False)
class KernelHead:
    """Everything a score is computed from; all arrays.

    Attributes:
        vectors: of the landmarks, standardised, (m, d).
        statistics: likewise, (m, 72).
        centers: means of vectors and statistics, (d + 72,).
        spreads: their standard deviations, (d + 72,).
        factors: of the two squared distances, (2,).
        shares: of the two kernels, (2,); that of character runs is in ``gram_weights``.
        alpha: weights of the landmarks, (m,).
        gram_weights: of the character runs, (65536,).
        bias: the labels' mean, (1,).
        window: characters of a text that statistics and character runs are of, (1,); 0 is all.
    """

    vectors: Halves
    statistics: Halves
    centers: Singles
    spreads: Singles
    factors: Singles
    shares: Singles
    alpha: Singles
    gram_weights: Singles
    bias: Singles
    window: NDArray[np.int32]
    kind: ClassVar[str] = "kernel"

    @property
    def max_characters(self) -> int:
        """``window`` as a number."""
        return int(self.window[0])

    def predict(self, features: TextFeatures) -> Floats:
        """Raw scores (n,)."""
        from curation.text.grams import projected

        scores = projected(features.grams, self.gram_weights.astype(np.float64)) + float(self.bias[0])
        landmarks = [_Landmarks(rows) for rows in (self.vectors, self.statistics)]
        alpha = self.alpha.astype(np.float64)
        for part in _parts(len(features)):
            for rows, near, factor, share in zip(
                _standardised(features[part], self.centers, self.spreads),
                landmarks,
                self.factors.tolist(),
                self.shares.tolist(),
                strict=True,
            ):
                scores[part] += share * (np.exp(-factor * near.distances(rows)) @ alpha)
        return np.round(scores, DIGITS)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The ten arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def fit_kernel(spec: ClassifierSpec, features: TextFeatures, labels: Floats, weights: Floats) -> KernelHead:
    """Kernel ridge regression; see the module."""
    from curation.text.grams import combined

    weights = np.maximum(weights / weights.mean(), 1e-6)
    centers, spreads = _standard(features, weights)
    chosen = _choose(labels, spec.landmarks, spec.seed)
    marks = features[chosen]
    vectors, statistics = (rows.astype(np.float16) for rows in _standardised(marks, centers, spreads))
    near = [_Landmarks(rows) for rows in (vectors, statistics)]
    factors = np.array([width / rows.median() for width, rows in zip(WIDTHS, near, strict=True)], np.float32)
    bias = np.array([weights @ labels / weights.sum()], np.float32)
    kernel = _Kernel(marks.grams, near[0], near[1], factors.astype(np.float64))
    wanted = labels - float(bias[0])
    within = kernel.of(near[0].rows, near[1].rows, marks.grams)
    if len(chosen) == len(labels):
        alpha = _solved(within + np.diag(spec.ridge / weights), wanted)
    else:
        gram, target = spec.ridge * within + 1e-6 * np.eye(len(within)), np.zeros(len(within))
        for part in _parts(len(labels)):
            some = features[part]
            block = kernel.of(*_standardised(some, centers, spreads), some.grams)
            weighted = block * weights[part, None]
            gram += weighted.T @ block
            target += weighted.T @ wanted[part]
        alpha = _solved(gram, target)
    return KernelHead(
        vectors=vectors,
        statistics=statistics,
        centers=centers,
        spreads=spreads,
        factors=factors,
        shares=np.array(SHARES[:2], np.float32),
        alpha=alpha.astype(np.float32),
        gram_weights=combined(marks.grams, SHARES[2] * alpha).astype(np.float32),
        bias=bias,
        window=np.array([spec.max_characters], np.int32),
    )


class _Landmarks:
    """Standardised rows (m, d) and the squared distances of others to them."""

    def __init__(self, rows: Halves) -> None:
        self.rows = rows.astype(np.float64)
        self.norms = (self.rows**2).sum(1)

    def distances(self, rows: Floats) -> Floats:
        """Squared, (n, m)."""
        found: Floats = (rows**2).sum(1)[:, None] + self.norms[None] - 2 * (rows @ self.rows.T)
        return np.maximum(found, 0.0)

    def median(self) -> float:
        """Of the squared distances among themselves; their mean where most are alike, 1 where all are."""
        among = self.distances(self.rows)
        return next((scale for scale in (float(np.median(among)), float(among.mean())) if scale > 1e-9), 1.0)


@dataclass(frozen=True, eq=False)
class _Kernel:
    """The kernel with the landmarks."""

    grams: NDArray[np.uint64]
    vectors: _Landmarks
    statistics: _Landmarks
    factors: Floats

    def of(self, vectors: Floats, statistics: Floats, grams: NDArray[np.uint64]) -> Floats:
        """Of standardised rows with the landmarks, (n, m)."""
        from curation.text.grams import cosines

        found: Floats = SHARES[2] * cosines(grams, self.grams)
        found += SHARES[0] * np.exp(-self.factors[0] * self.vectors.distances(vectors))
        found += SHARES[1] * np.exp(-self.factors[1] * self.statistics.distances(statistics))
        return found


def _standard(features: TextFeatures, weights: Floats) -> tuple[Singles, Singles]:
    """Weighted means and standard deviations of vectors and statistics; a constant has deviation 1."""
    centers, spreads = [], []
    for values in (features.vectors, features.statistics):
        center, spread = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        for part in _parts(len(values)):
            center += weights[part] @ values[part].astype(np.float64) / weights.sum()
        for part in _parts(len(values)):
            spread += weights[part] @ (values[part] - center) ** 2 / weights.sum()
        centers.append(center)
        spreads.append(np.where(spread > 1e-18, np.sqrt(spread), 1.0))
    return np.concatenate(centers).astype(np.float32), np.concatenate(spreads).astype(np.float32)


def _standardised(features: TextFeatures, centers: Singles, spreads: Singles) -> tuple[Floats, Floats]:
    width = features.vectors.shape[1]

    def clipped(values: NDArray[Any], of: slice) -> Floats:
        return np.clip((values.astype(np.float64) - centers[of]) / spreads[of], -CLIP, CLIP)

    return clipped(features.vectors, slice(None, width)), clipped(features.statistics, slice(width, None))


def _solved(matrix: Floats, target: Floats) -> Floats:
    return np.asarray(np.linalg.solve(matrix, target), np.float64)


def _choose(labels: Floats, most: int, seed: int) -> NDArray[np.int64]:
    """All documents, or ``most`` of them, of each label about its share, in their order."""
    if len(labels) <= most:
        return np.arange(len(labels))
    by_label = np.lexsort((np.random.default_rng(seed).permutation(len(labels)), labels))
    return np.sort(by_label[np.linspace(0, len(labels) - 1, most).round().astype(np.int64)])


def _parts(number: int) -> Iterator[slice]:
    for start in range(0, number, BLOCK):
        yield slice(start, start + BLOCK)
