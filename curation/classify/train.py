"""Labels to classifier: embed once, cross-validate, calibrate, fit on all, and report what was held out.

    classifier, report = fit_classifier(texts, labels, load_spec("finemath-embedded"), groups=domains)
    classifier.save("out/classifier")

999 labels take a minute for the vectors on two cores and seconds for everything else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.classify.classifier import Classifier
from curation.classify.embedder import Embedder, encoder_of, load_embedder
from curation.classify.evaluate import evaluate, learn_cuts
from curation.classify.features import TextFeatures, read_features
from curation.classify.folds import assign_folds, group_indices
from curation.classify.head import Features, Floats, Head, fit_head
from curation.classify.held_out import HeldOut
from curation.classify.report import TrainingReport
from curation.classify.spec import ClassifierSpec
from curation.errors import ConfigError

LEAST_LABELS = 10
INNER_FOLDS = 3
"""Folds inside each training part, from which the cut is learned that the held-out part is judged by."""


@dataclasses.dataclass(frozen=True, eq=False)
class Labelled:
    """Features (n rows), labels (n,), what each weighs in the fit (n,) and groups (n,) of the labelled documents."""

    features: Features | TextFeatures
    labels: Floats
    weights: Floats
    members: NDArray[np.int64]
    grouped: bool

    def part(self, mask: NDArray[np.bool_]) -> Labelled:
        """The documents of a mask."""
        return Labelled(self.features[mask], self.labels[mask], self.weights[mask], self.members[mask], self.grouped)

    def folds(self, number: int, seed: int) -> NDArray[np.int64]:
        """A fold per document (n,)."""
        return assign_folds(self.labels, self.members.tolist() if self.grouped else None, number, seed)


def fit_classifier(
    texts: list[str],
    labels: Sequence[float],
    spec: ClassifierSpec,
    *,
    ids: Sequence[str] | None = None,
    groups: Sequence[object] | None = None,
    weights: Sequence[float] | None = None,
    further: Sequence[float | None] | None = None,
    embedder: Embedder | None = None,
    seed: int | None = None,
) -> tuple[Classifier, TrainingReport]:
    """A classifier fitted to all labels, and figures of its like on documents that were held out.

    Args:
        texts: the judged documents.
        labels: the judge's, on ``spec.scale``.
        spec: what to train.
        ids: of the documents, for what is kept of them.
        groups: domain or repository of each document; one group is never on both sides of a split.
        weights: inverse sampling rates of the documents. Cuts and figures are of the corpus that they stand for; the
            fit takes each document once, since a sample is balanced so that rare labels are learned.
        further: another reading of the same documents, None where there is none: the ceiling for any classifier.
        embedder: used instead of the spec's: anything with ``embed(list[str]) -> array``.
        seed: used instead of the spec's.

    Raises:
        ValueError: if lengths differ or a label is off the scale.
        ConfigError: if there are too few labels, or all are the same, or the embedder cannot be had.
    """
    spec = spec if seed is None else dataclasses.replace(spec, seed=seed)
    checked = _check_labels(texts, labels, spec)
    sampled = _check_weights(weights, len(texts))
    again = _check_further(further, len(texts), spec)
    members = group_indices(groups, len(texts))
    embedder = embedder or spec_embedder(spec)
    owned = members.tolist() if groups is not None else None
    kept = _Kept(tuple(ids) if ids is not None else ("",) * len(texts), checked, again, sampled, members)
    if spec.trained_layers:
        embedder, head, held_out = _fine_tuned(list(texts), spec, embedder, kept, owned)
    else:
        head, held_out = _frozen(list(texts), spec, embedder, kept, owned)
    calibration = learn_cuts(spec, held_out)
    number = None if groups is None else len(np.unique(members))
    report = evaluate(spec, held_out, calibration, groups=number, labels=checked)
    classifier = Classifier(
        spec.name or "classifier", embedder, head, spec.scale, calibration, spec.cut, report, held_out
    )
    return classifier, report


@dataclasses.dataclass(frozen=True, eq=False)
class _Kept:
    """What `HeldOut` keeps of each document, beside scores."""

    ids: tuple[str, ...]
    labels: Floats
    further: Floats
    weights: Floats
    members: NDArray[np.int64]

    def with_scores(self, folds: NDArray[np.int64], scores: Floats, inner: Floats) -> HeldOut:
        return HeldOut(**vars(self), folds=folds, scores=scores, inner=inner)


def _frozen(
    texts: list[str], spec: ClassifierSpec, embedder: Embedder, kept: _Kept, owned: list[int] | None
) -> tuple[Head, HeldOut]:
    """A head on a frozen encoder, fitted to all; and what heads without them said of the documents of each fold."""
    features = read_features(texts, embedder, spec.head, spec.max_characters)
    data = Labelled(features, kept.labels, fit_weights(spec, kept.labels), kept.members, owned is not None)
    pooler = getattr(embedder, "pooler", None)

    def fit(part: Labelled) -> Head:
        groups = part.members.tolist() if part.grouped else None
        return fit_head(spec, part.features, part.labels, part.weights, groups=groups, pooler=pooler)

    return fit(data), kept.with_scores(*cross_validate(data, spec, fit))


def _fine_tuned(
    texts: list[str], spec: ClassifierSpec, embedder: Embedder, kept: _Kept, owned: list[int] | None
) -> tuple[Embedder, Head, HeldOut]:
    """An encoder trained with its head, and what both said of the parts that they did not learn from."""
    from curation.classify.finetune import CHOICE, TEST, fine_tune

    base = encoder_of(embedder)
    if base is None:
        within = getattr(embedder, "embedder", embedder)
        raise ConfigError(
            f"trained_layers: {spec.trained_layers}, but a {type(within).__name__} cannot be trained here"
        )
    folds = assign_folds(kept.labels, owned, spec.folds, spec.seed)
    if folds.max() <= CHOICE:
        raise ConfigError(
            f"trained_layers: one part is held out for figures and one for the cuts, but there are only "
            f"{int(folds.max()) + 1} groups; more of them are needed"
        )
    tuned = fine_tune(texts, kept.labels, fit_weights(spec, kept.labels), folds, spec, base, owned)
    out = folds <= CHOICE
    scores = tuned.head.predict(tuned.embedder.embed([text for text, one in zip(texts, out, strict=True) if one]))
    inner = np.where(folds[out] == TEST, np.nan, scores)[:, None]
    part = _Kept(
        tuple(one for one, is_out in zip(kept.ids, out, strict=True) if is_out),
        *(getattr(kept, name)[out] for name in ("labels", "further", "weights", "members")),
    )
    return tuned.embedder, tuned.head, part.with_scores(folds[out], scores, inner)


def cross_validate(
    data: Labelled, spec: ClassifierSpec, fit: Callable[[Labelled], Head]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Folds (n,), out-of-fold raw scores (n,), and those inside each training part (n, folds); see `HeldOut`."""
    folds = data.folds(spec.folds, spec.seed)
    scores = _held_out(data, folds, fit)
    inner = np.full((len(folds), int(folds.max()) + 1), np.nan)
    for fold in range(inner.shape[1]):
        rest = data.part(folds != fold)
        inner[folds != fold, fold] = _held_out(rest, rest.folds(INNER_FOLDS, spec.seed + 1), fit)
    return folds, scores, inner


def fit_weights(spec: ClassifierSpec, labels: Floats) -> Floats:
    """What each document weighs in the fit (n,), 1 on average."""
    if spec.class_weights == "none":
        return np.ones(len(labels))
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts[place]), np.float64)


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


def _held_out(data: Labelled, folds: NDArray[np.int64], fit: Callable[[Labelled], Head]) -> Floats:
    """The raw score (n,) of each document from a head that did not see its fold."""
    predictions = np.zeros(len(data.labels))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        predictions[out] = fit(data.part(~out)).predict(data.features[out])
    return predictions


def _check_labels(texts: list[str], labels: Sequence[float], spec: ClassifierSpec) -> Floats:
    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts for {len(labels)} labels")
    checked = np.array(labels, np.float64)
    _check_scale(checked.tolist(), spec, "labels")
    if len(checked) < LEAST_LABELS:
        raise ConfigError(f"{len(checked)} labels are too few to train on: judge at least {LEAST_LABELS} documents")
    if len(np.unique(checked)) < 2:
        raise ConfigError(f"all {len(checked)} labels are {checked[0]:g}: there is nothing to tell apart")
    return checked


def _check_scale(values: Sequence[float], spec: ClassifierSpec, what: str) -> None:
    off = [one for one in values if not spec.scale.holds(one)]
    if off:
        raise ValueError(f"{len(off)} {what} are not on the scale {spec.scale.low} to {spec.scale.high}: {off[0]}")


def _check_weights(weights: Sequence[float] | None, number: int) -> Floats:
    if weights is None:
        return np.ones(number)
    checked = np.array(weights, np.float64)
    if len(checked) != number:
        raise ValueError(f"{len(checked)} weights for {number} labels")
    if not np.all(np.isfinite(checked)) or checked.min(initial=1.0) <= 0:
        raise ValueError(f"weights must be finite and above 0, got {float(checked.min()):g}")
    return checked


def _check_further(further: Sequence[float | None] | None, number: int, spec: ClassifierSpec) -> Floats:
    if further is None:
        return np.full(number, np.nan)
    if len(further) != number:
        raise ValueError(f"{len(further)} further readings for {number} labels")
    _check_scale([one for one in further if one is not None], spec, "further readings")
    return np.array([np.nan if one is None else one for one in further], np.float64)
