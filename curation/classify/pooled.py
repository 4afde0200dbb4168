"""The head that the published scripts train: dense + tanh + linear on the first token, by AdamW.

The published scripts run the frozen encoder in every epoch; here its vectors are computed once and the head takes
seconds. One difference follows: their encoder's attention dropout (0.1) stays active while they train, ours does not.

Example: ``fit_pooled(load_spec("finemath"), features, labels, weights, groups, embedder.pooler)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.folds import assign_folds
from curation.classify.head import Features, Floats, PooledLinearHead
from curation.classify.models import import_torch
from curation.classify.spec import ClassifierSpec

INITIAL_SPREAD = 0.02
"""Standard deviation of initial weights: BERT's ``initializer_range``."""

EVALUATIONS = 50
"""How often the validation labels are looked at, at most."""


def fit_pooled(
    spec: ClassifierSpec,
    features: Features,
    labels: Floats,
    weights: Floats,
    groups: Sequence[object] | None = None,
    pooler: tuple[Features, Features] | None = None,
) -> PooledLinearHead:
    """The head of the evaluation with the best macro F1 on the validation labels, as published.

    Deterministic by ``spec.seed`` on one machine. With too few labels to spare any, the last step's head.
    """
    torch = import_torch()
    held_out = _validation(spec, labels, groups)
    arrays = (features, labels, weights / weights.mean())
    x, y, w = (torch.from_numpy(np.ascontiguousarray(array, np.float32)) for array in arrays)
    train = torch.from_numpy(np.flatnonzero(~held_out))
    model = _initial(spec, x.shape[1], pooler)
    steps = max(spec.minimum_steps, spec.epochs * math.ceil(len(train) / spec.batch_size))
    optimizer = torch.optim.AdamW(model.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay)
    best, best_f1 = _as_head(model), -1.0
    for step, batch in enumerate(_order(spec, train, steps)):
        optimizer.param_groups[0]["lr"] = spec.learning_rate * schedule(spec, step, steps)
        loss = (w[batch] * (model(x[batch]).squeeze(-1) - y[batch]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % max(1, steps // EVALUATIONS) == 0 or step + 1 == steps:
            head = _as_head(model)
            f1 = macro_f1(head.predict(features[held_out]), labels[held_out], spec) if held_out.any() else float(step)
            if f1 > best_f1:
                best, best_f1 = head, f1
    return best


def macro_f1(predictions: Floats, labels: Floats, spec: ClassifierSpec) -> float:
    """Mean F1 of the labels that occur or are predicted, predictions rounded onto the scale: the Trainer's f1_macro."""
    rounded = np.round(np.clip(predictions, spec.scale.low, spec.scale.high))
    scores = []
    for label in np.union1d(rounded, labels):
        hits = np.sum((rounded == label) & (labels == label))
        scores.append(2 * hits / (np.sum(rounded == label) + np.sum(labels == label)))
    return float(np.mean(scores))


def _validation(spec: ClassifierSpec, labels: Floats, groups: Sequence[object] | None) -> NDArray[np.bool_]:
    """Which documents only choose the best epoch: ``validation_share`` of them, stratified, groups kept together."""
    parts = round(1 / spec.validation_share) if spec.validation_share > 0 else 0
    if parts < 2 or len(labels) < 10 * parts:
        return np.zeros(len(labels), bool)
    folds = assign_folds(labels, groups, parts, spec.seed)
    return folds == 0


def _initial(spec: ClassifierSpec, width: int, pooler: tuple[Features, Features] | None) -> Any:
    torch = import_torch()
    nn = torch.nn
    generator = torch.Generator().manual_seed(spec.seed)
    model = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    with torch.no_grad():
        for layer in (model[0], model[2]):
            layer.weight.normal_(0.0, INITIAL_SPREAD, generator=generator)
            layer.bias.zero_()
        if pooler is not None:
            model[0].weight.copy_(torch.tensor(pooler[0]))
            model[0].bias.copy_(torch.tensor(pooler[1]))
    return model


def _order(spec: ClassifierSpec, train: Any, steps: int) -> Iterator[Any]:
    """``steps`` batches of training indices, each epoch shuffled anew."""
    torch = import_torch()
    generator = torch.Generator().manual_seed(spec.seed + 1)
    given = 0
    while given < steps:
        for batch in train[torch.randperm(len(train), generator=generator)].split(spec.batch_size):
            if given < steps:
                yield batch
            given += 1


def schedule(spec: ClassifierSpec, step: int, steps: int) -> float:
    """Share of the peak learning rate: linear up over ``warmup_steps``, linear down to 0 at the end."""
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    return max(0.0, (steps - step) / max(1, steps - spec.warmup_steps))


def _as_head(model: Any) -> PooledLinearHead:
    def array(tensor: Any) -> Features:
        return np.array(tensor.detach().numpy(), np.float32)

    dense, linear = model[0], model[2]
    return PooledLinearHead(array(dense.weight), array(dense.bias), array(linear.weight)[0], array(linear.bias))
