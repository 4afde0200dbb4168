"""Labels to classifier: embed once, cross-validate, calibrate, fit on all, and report what was held out.

    classifier, report = fit_classifier(texts, labels, load_spec("finemath-embedded"), groups=domains)
    classifier.save("out/classifier")

999 labels take a minute for the vectors on two cores and seconds for everything else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import Calibration, fit_calibration
from curation.classify.classifier import Classifier
from curation.classify.embedder import Embedder, load_embedder
from curation.classify.features import TextFeatures, read_features
from curation.classify.folds import assign_folds, group_indices
from curation.classify.head import Features, Floats, Head, fit_head
from curation.classify.report import (
    FEW_LABELS,
    ThresholdReport,
    TrainingReport,
    confusion,
    figures,
    spearman,
)
from curation.classify.spec import ClassifierSpec
from curation.errors import ConfigError

LEAST_LABELS = 10
INNER_FOLDS = 3
"""Folds inside each training part, from which the cut is learned that the held-out part is judged by."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Labelled:
    """Features (n rows), labels (n,), weights (n,) and groups (n,) of the labelled documents."""

    features: Features | TextFeatures
    labels: Floats
    weights: Floats
    members: NDArray[np.int64]
    grouped: bool

    def part(self, mask: NDArray[np.bool_]) -> _Labelled:
        return _Labelled(self.features[mask], self.labels[mask], self.weights[mask], self.members[mask], self.grouped)

    def folds(self, number: int, seed: int) -> NDArray[np.int64]:
        return assign_folds(self.labels, self.members.tolist() if self.grouped else None, number, seed)


def fit_classifier(
    texts: list[str],
    labels: Sequence[float],
    spec: ClassifierSpec,
    *,
    groups: Sequence[object] | None = None,
    weights: Sequence[float] | None = None,
    embedder: Embedder | None = None,
    seed: int | None = None,
) -> tuple[Classifier, TrainingReport]:
    """A classifier fitted to all labels, and figures of its like on documents that were held out.

    Args:
        texts: the judged documents.
        labels: the judge's, on ``spec.scale``.
        spec: what to train.
        groups: domain or repository of each document; one group is never on both sides of a split.
        weights: of the documents, such as inverse sampling rates.
        embedder: used instead of the spec's: anything with ``embed(list[str]) -> array``.
        seed: used instead of the spec's.

    Raises:
        ValueError: if lengths differ or a label is off the scale.
        ConfigError: if there are too few labels, or all are the same, or the embedder cannot be had.
    """
    spec = spec if seed is None else dataclasses.replace(spec, seed=seed)
    checked = _check_labels(texts, labels, spec)
    weighted = _check_weights(weights, len(texts))
    members = group_indices(groups, len(texts))
    embedder = embedder or spec_embedder(spec)
    features = read_features(list(texts), embedder, spec.head, spec.max_characters)
    data = _Labelled(features, checked, weighted, members, groups is not None)
    pooler = getattr(embedder, "pooler", None)

    def fit(part: _Labelled) -> Head:
        owned = part.members.tolist() if part.grouped else None
        return fit_head(spec, part.features, part.labels, part.weights, groups=owned, pooler=pooler)

    folds = data.folds(spec.folds, spec.seed)
    predictions = _held_out(data, folds, fit)
    calibration = fit_calibration(predictions, data.labels, spec.scale, data.weights, method=spec.calibration)
    report = _report(spec, data, folds, predictions, _held_out_calibrated(data, folds, fit, spec), calibration)
    head = fit(data)
    classifier = Classifier(spec.name or "classifier", embedder, head, spec.scale, calibration, spec.cut, report)
    return classifier, report


def spec_embedder(spec: ClassifierSpec, *, threads: int | None = None) -> Embedder:
    """The embedder that a spec names."""
    return load_embedder(
        spec.embedder,
        revision=spec.revision,
        pooling=spec.pooling,
        max_tokens=spec.max_tokens,
        prefix=spec.prefix,
        normalize=spec.normalize,
        layers=spec.layers,
        windows=spec.windows,
        max_characters=spec.max_characters,
        threads=threads,
    )


def _held_out(data: _Labelled, folds: NDArray[np.int64], fit: Callable[[_Labelled], Head]) -> Floats:
    """The raw score (n,) of each document from a head that did not see its fold."""
    predictions = np.zeros(len(data.labels))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        predictions[out] = fit(data.part(~out)).predict(data.features[out])
    return predictions


def _held_out_calibrated(
    data: _Labelled, folds: NDArray[np.int64], fit: Callable[[_Labelled], Head], spec: ClassifierSpec
) -> Floats:
    """The calibrated score (n,) of each document, head and cuts both learned from the other folds alone."""
    calibrated = np.zeros(len(data.labels))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        rest = data.part(~out)
        inner = _held_out(rest, rest.folds(INNER_FOLDS, spec.seed + 1), fit)
        cuts = fit_calibration(inner, rest.labels, spec.scale, rest.weights, method=spec.calibration)
        calibrated[out] = cuts.apply(fit(rest).predict(data.features[out]))
    return calibrated


def _report(
    spec: ClassifierSpec,
    data: _Labelled,
    folds: NDArray[np.int64],
    predictions: Floats,
    calibrated: Floats,
    calibration: Calibration,
) -> TrainingReport:
    scale, labels = spec.scale, data.labels
    rounded = np.asarray(np.round(np.clip(predictions, scale.low, scale.high)), np.float64)
    thresholds = []
    for threshold in scale.thresholds:
        wanted = labels >= threshold
        of = [
            figures(wanted, kept >= threshold, data.members, data.weights, spec.seed) for kept in (rounded, calibrated)
        ]
        thresholds.append(ThresholdReport(threshold, int(wanted.sum()), calibration.raw_cut(threshold), of[0], of[1]))
    return TrainingReport(
        labels=len(labels),
        groups=len(np.unique(data.members)) if data.grouped else None,
        folds=int(folds.max()) + 1,
        histogram={label: int(np.sum(np.round(labels) == label)) for label in range(scale.low, scale.high + 1)},
        spearman=spearman(labels, predictions),
        thresholds=tuple(thresholds),
        confusion=confusion(labels, rounded, scale),
        calibrated_confusion=confusion(labels, np.floor(calibrated), scale),
        notes=tuple(_notes(spec, data, folds)),
        head=spec.head,
        calibration=spec.calibration,
    )


def _notes(spec: ClassifierSpec, data: _Labelled, folds: NDArray[np.int64]) -> Iterator[str]:
    if len(data.labels) < FEW_LABELS:
        yield f"Few labels ({len(data.labels)}, fewer than {FEW_LABELS}): figures and cuts are rough."
    if data.grouped:
        yield from _notes_on_groups(data)
    if folds.max() + 1 < spec.folds:
        yield f"Only {int(folds.max()) + 1} of {spec.folds} folds: there are no more groups than that."
    for threshold in spec.scale.thresholds:
        positives = int(np.sum(data.labels >= threshold))
        if positives < 10:
            yield f"Only {positives} labels reach {threshold}: its cut is little more than a guess."


def _notes_on_groups(data: _Labelled) -> Iterator[str]:
    number, largest = len(data.labels), int(np.bincount(data.members).max())
    if largest == number:
        yield (
            "All documents are of one group: documents were dealt out one by one, it stands on both sides of every "
            "split, and figures may flatter. Name a column that tells domains or repositories apart."
        )
    elif largest > number / 2:
        yield (
            f"One group holds {largest} of {number} documents: it is in one fold, judged by what was learned from the "
            "few others. Is it a group, or documents without a known one?"
        )


def _check_labels(texts: list[str], labels: Sequence[float], spec: ClassifierSpec) -> Floats:
    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts for {len(labels)} labels")
    checked = np.array(labels, np.float64)
    off = [label for label in checked.tolist() if not spec.scale.holds(label)]
    if off:
        raise ValueError(f"{len(off)} labels are not on the scale {spec.scale.low} to {spec.scale.high}: {off[0]}")
    if len(checked) < LEAST_LABELS:
        raise ConfigError(f"{len(checked)} labels are too few to train on: judge at least {LEAST_LABELS} documents")
    if len(np.unique(checked)) < 2:
        raise ConfigError(f"all {len(checked)} labels are {checked[0]:g}: there is nothing to tell apart")
    return checked


def _check_weights(weights: Sequence[float] | None, number: int) -> Floats:
    if weights is None:
        return np.ones(number)
    checked = np.array(weights, np.float64)
    if len(checked) != number:
        raise ValueError(f"{len(checked)} weights for {number} labels")
    if not np.all(np.isfinite(checked)) or checked.min() < 0 or checked.sum() <= 0:
        raise ValueError("weights must be finite, not negative, and not all zero")
    return checked
