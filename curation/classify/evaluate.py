"""Held-out scores to cuts and figures.

Example: ``evaluate(spec, held_out, learn_cuts(spec, held_out), grouped=True).at(3).calibrated.f1``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curation.classify.calibrate import Calibration, Floats, fit_calibration
from curation.classify.held_out import HeldOut
from curation.classify.report import (
    FEW_LABELS,
    ThresholdReport,
    TrainingReport,
    confusion,
    figures,
    spearman,
)
from curation.classify.spec import ClassifierSpec


def learn_cuts(spec: ClassifierSpec, held_out: HeldOut) -> Calibration:
    """The calibration of a classifier, from all held-out scores."""
    return fit_calibration(held_out.scores, held_out.labels, spec.scale, held_out.weights, method=spec.calibration)


def _nested_calibrated(held_out: HeldOut, spec: ClassifierSpec) -> Floats:
    """The calibrated score (n,) of each document, head and cuts both learned without it."""
    calibrated = np.full(len(held_out), np.nan)
    for part, (out, rest) in enumerate(held_out.each_part()):
        known = held_out.some(rest)
        cuts = fit_calibration(known.inner[:, part], known.labels, spec.scale, known.weights, method=spec.calibration)
        calibrated[out] = cuts.apply(held_out.scores[out])
    return calibrated


def evaluate(spec: ClassifierSpec, held_out: HeldOut, calibration: Calibration, *, grouped: bool) -> TrainingReport:
    """The figures of a classifier, each of documents that neither it nor its cut had seen.

    Args:
        spec: what was trained.
        held_out: what was said of documents that were held out.
        calibration: the cuts that `learn_cuts` found.
        grouped: whether the documents' groups are known.
    """
    scale, labels, folds = spec.scale, held_out.labels, held_out.folds
    predictions, calibrated = held_out.scores, _nested_calibrated(held_out, spec)
    rounded = np.asarray(np.round(np.clip(predictions, scale.low, scale.high)), np.float64)
    thresholds = []
    for threshold in scale.thresholds:
        wanted = labels >= threshold
        of = [
            figures(wanted, kept >= threshold, held_out.members, held_out.weights, spec.seed)
            for kept in (rounded, calibrated)
        ]
        thresholds.append(ThresholdReport(threshold, int(wanted.sum()), calibration.raw_cut(threshold), of[0], of[1]))
    return TrainingReport(
        labels=len(labels),
        groups=len(np.unique(held_out.members)) if grouped else None,
        folds=int(folds.max()) + 1,
        histogram={label: int(np.sum(np.round(labels) == label)) for label in range(scale.low, scale.high + 1)},
        spearman=spearman(labels, predictions),
        thresholds=tuple(thresholds),
        confusion=confusion(labels, rounded, scale),
        calibrated_confusion=confusion(labels, np.floor(calibrated), scale),
        notes=tuple(_notes(spec, held_out, grouped)),
        head=spec.head,
        calibration=spec.calibration,
    )


def _notes(spec: ClassifierSpec, held_out: HeldOut, grouped: bool) -> Iterator[str]:
    labels, folds = held_out.labels, held_out.folds
    if len(labels) < FEW_LABELS:
        yield f"Few labels ({len(labels)}, fewer than {FEW_LABELS}): figures and cuts are rough."
    if grouped:
        yield from _notes_on_groups(held_out)
    if folds.max() + 1 < spec.folds:
        yield f"Only {int(folds.max()) + 1} of {spec.folds} folds: there are no more groups than that."
    for threshold in spec.scale.thresholds:
        positives = int(np.sum(labels >= threshold))
        if positives < 10:
            yield f"Only {positives} labels reach {threshold}: its cut is little more than a guess."


def _notes_on_groups(held_out: HeldOut) -> Iterator[str]:
    number, largest = len(held_out), int(np.bincount(held_out.members).max())
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
