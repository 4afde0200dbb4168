"""Heads: from a text's vector to a raw score.

Example: ``fit_head(load_spec("finemath-embedded"), features, labels).predict(features)``.

| kind | is | trained by |
|---|---|---|
| linear | w x + b | ridge regression, penalty by cross-validation |
| pooled_linear | v tanh(W x + c) + b, as in BertForSequenceClassification | AdamW, see `pooled` |
| ordinal | low + sum over thresholds of sigmoid(w x - b), see `ordinal` | logistic regression |
| kernel | a sum over the judged texts that it is like, see `kernel` | kernel ridge regression |
| logits | x itself: the whole of a published classifier is the embedder | elsewhere |

All arithmetic of prediction is float64, rounded to six decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import DIGITS
from curation.classify.features import TextFeatures, standard
from curation.classify.folds import assign_folds
from curation.classify.kernel import KernelHead, fit_kernel
from curation.classify.models import one_thread
from curation.classify.ordinal import OrdinalHead, fit_ordinal
from curation.classify.spec import ClassifierSpec

Floats = NDArray[np.float64]
Features = NDArray[np.float32]


class Head(Protocol):
    """What a small model learned: features in, raw scores out."""

    kind: ClassVar[str]

    def predict(self, features: Any) -> Floats:
        """Raw scores (n,) of what `read_features` gave: vectors (n, d), for the kernel head `TextFeatures`."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Everything the head consists of, for safetensors."""
        ...


@dataclass(frozen=True, eq=False)
class LinearHead:
    """``weight`` (d,) and ``bias`` (1,)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    kind: ClassVar[str] = "linear"

    def predict(self, features: Features) -> Floats:
        """Raw scores (n,) of vectors (n, d)."""
        scores: Floats = features.astype(np.float64) @ self.weight.astype(np.float64) + float(self.bias[0])
        return np.round(scores, DIGITS)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """``weight`` and ``bias``."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True, eq=False)
class PooledLinearHead:
    """``dense_weight`` (d, d), ``dense_bias`` (d,), ``weight`` (d,) and ``bias`` (1,)."""

    dense_weight: NDArray[np.float32]
    dense_bias: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    kind: ClassVar[str] = "pooled_linear"

    def predict(self, features: Features) -> Floats:
        """Raw scores (n,) of first-token vectors (n, d)."""
        dense = features.astype(np.float64) @ self.dense_weight.astype(np.float64).T + self.dense_bias
        scores: Floats = np.tanh(dense) @ self.weight.astype(np.float64) + float(self.bias[0])
        return np.round(scores, DIGITS)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The four arrays by name."""
        return {
            "dense_weight": self.dense_weight,
            "dense_bias": self.dense_bias,
            "weight": self.weight,
            "bias": self.bias,
        }


@dataclass(frozen=True, eq=False)
class LogitsHead:
    """Nothing: the embedder is a whole classifier and its vectors are logits (n, 1)."""

    kind: ClassVar[str] = "logits"

    def predict(self, features: Features) -> Floats:
        """The logits (n,)."""
        scores: Floats = features[:, 0].astype(np.float64)
        return np.round(scores, DIGITS)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """None."""
        return {}


HEADS: dict[str, Any] = {
    head.kind: head for head in (LinearHead, PooledLinearHead, OrdinalHead, KernelHead, LogitsHead)
}
"""The class of each kind; its arguments are its `Head.tensors`."""


def fit_head(
    spec: ClassifierSpec,
    features: Features | TextFeatures,
    labels: Floats,
    weights: Floats | None = None,
    *,
    groups: Sequence[object] | None = None,
    pooler: tuple[Features, Features] | None = None,
) -> Head:
    """The head of ``spec`` fitted to labels.

    Args:
        spec: kind and hyper-parameters.
        features: vectors of the texts, shape (n, d), or what else the head reads; see `read_features`.
        labels: the judge's, shape (n,).
        weights: of the documents, shape (n,).
        groups: domains or repositories, kept together when parts of the labels are held out to choose.
        pooler: the encoder's own, with which ``pooled_linear`` starts.
    """
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    labels = np.asarray(labels, np.float64)
    with one_thread():
        if isinstance(features, TextFeatures):
            return fit_kernel(spec, features, labels, weights)
        if spec.head == "pooled_linear":
            from curation.classify.pooled import fit_pooled

            return fit_pooled(spec, features, labels, weights, groups, pooler)
        if spec.head == "ordinal":
            return fit_ordinal(spec, features, labels, weights, groups)
        return fit_ridge(spec, features, labels, weights, groups)


def fit_ridge(
    spec: ClassifierSpec, features: Features, labels: Floats, weights: Floats, groups: Sequence[object] | None
) -> LinearHead:
    """Ridge regression on standardised features; the penalty of least squared error on held-out groups."""
    center, spread = standard(features, weights)
    x = np.column_stack([(features - center) / spread, np.ones(len(features))])
    folds = assign_folds(labels, groups, min(spec.folds, len(labels)), spec.seed)
    whole = _moments(x, labels, weights)
    errors = dict.fromkeys(spec.alphas, 0.0)
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        part = _moments(x[out], labels[out], weights[out])
        rest = (whole[0] - part[0], whole[1] - part[1], whole[2] - part[2])
        for alpha in spec.alphas:
            missed = labels[out] - x[out] @ _solve(rest, alpha)
            errors[alpha] += float(weights[out] @ missed**2)
    solution = _solve(whole, min(spec.alphas, key=lambda alpha: errors[alpha]))
    weight = solution[:-1] / spread
    return LinearHead(weight.astype(np.float32), np.array([solution[-1] - center @ weight], np.float32))


def _moments(x: Floats, labels: Floats, weights: Floats) -> tuple[Floats, Floats, float]:
    weighted = x * weights[:, None]
    return weighted.T @ x, weighted.T @ labels, float(weights.sum())


def _solve(moments: tuple[Floats, Floats, float], alpha: float) -> Floats:
    """Weights and, last and without penalty, the bias."""
    gram, target, total = moments
    penalty = np.full(len(gram), alpha * max(total, 1e-12))
    penalty[-1] = 1e-9 * max(total, 1e-12)
    return np.asarray(np.linalg.solve(gram + np.diag(penalty), target), np.float64)
