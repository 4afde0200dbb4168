"""Held-out scores to cuts and figures.

Example: ``evaluate(spec, held_out, learn_cuts(spec, held_out), groups=265).at(3).calibrated.f1``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curation.classify.calibrate import Calibration, Floats
from curation.classify.figures import (
    Figures,
    Mask,
    auc,
    average_precision,
    confusion,
    curve,
    estimates,
    quadratic_kappa,
    rates,
    spearman,
)
from curation.classify.held_out import HeldOut
from curation.classify.operating import fit_cuts
from curation.classify.report import FEW_LABELS, Ceiling, Step, ThresholdReport, TrainingReport
from curation.classify.spec import ClassifierSpec
from curation.estimate import Estimate

LEAST_AUC = 0.65
"""Below this a classifier is called useless; 0.5 is chance."""


def learn_cuts(spec: ClassifierSpec, held_out: HeldOut) -> Calibration:
    """The calibration of a classifier, from all held-out scores."""
    return fit_cuts(spec, held_out.scores, held_out.labels, held_out.weights)


def evaluate(
    spec: ClassifierSpec,
    held_out: HeldOut,
    calibration: Calibration,
    *,
    groups: int | None,
    labels: Floats | None = None,
) -> TrainingReport:
    """The figures of a classifier, each of documents that neither it nor its cut had seen.

    Args:
        spec: what was trained.
        held_out: what was said of documents that were held out.
        calibration: the cuts that `learn_cuts` found.
        groups: how many domains or repositories all documents are of; None where that is not known.
        labels: of all documents, where only some were held out, (n,).
    """
    every = held_out.labels if labels is None else labels
    calibrated = nested_calibrated(spec, held_out)[held_out.folds < held_out.parts]
    one, scale = held_out.tested, spec.scale
    rounded = np.asarray(np.round(np.clip(one.scores, scale.low, scale.high)), np.float64)
    read_again = np.isfinite(one.further)
    again = one.some(read_again)
    return TrainingReport(
        labels=len(every),
        groups=groups,
        folds=held_out.parts,
        tested=len(one),
        weighted=bool(np.ptp(one.weights) > 1e-9 * one.weights.max()),
        histogram={label: int(np.sum(np.round(every) == label)) for label in range(scale.low, scale.high + 1)},
        spearman=spearman(one.labels, one.scores),
        mean_error=round(float(np.mean(np.abs(one.scores - one.labels))), 4),
        thresholds=tuple(_at(spec, one, t, calibration.raw_cut(t), rounded, calibrated) for t in scale.thresholds),
        steps=tuple(_steps(one.labels, np.floor(calibrated))),
        confusion=confusion(one.labels, rounded, scale),
        calibrated_confusion=confusion(one.labels, np.floor(calibrated), scale),
        further_documents=len(again),
        further_kappa=quadratic_kappa(again.labels, again.further, scale) if len(again) else None,
        further_spearman=spearman(again.labels, again.further) if len(again) else None,
        notes=(*_useless(spec, one), *_notes(spec, held_out, every, grouped=groups is not None)),
        head=spec.head,
        calibration=spec.calibration,
        target=spec.target,
        target_threshold=spec.threshold_for(),
    )


def nested_calibrated(spec: ClassifierSpec, held_out: HeldOut) -> Floats:
    """The calibrated score (n,) of each document, head and cuts both learned without it; NaN where no figure is."""
    calibrated = np.full(len(held_out), np.nan)
    for part, (out, rest) in enumerate(held_out.each_part()):
        known = held_out.some(rest)
        calibrated[out] = fit_cuts(spec, known.inner[:, part], known.labels, known.weights).apply(held_out.scores[out])
    return calibrated


def _at(
    spec: ClassifierSpec, one: HeldOut, threshold: int, raw_cut: float, rounded: Floats, calibrated: Floats
) -> ThresholdReport:
    wanted = one.labels >= threshold
    published, kept = rounded >= threshold, calibrated >= threshold

    def statistic(weights: Floats) -> Floats:
        both = [rates(wanted, chosen, weights) for chosen in (published, kept)]
        return np.concatenate([*both, [auc(one.scores, wanted, weights)]])

    found = estimates(statistic, one.members, one.weights, spec.seed)
    return ThresholdReport(
        threshold=threshold,
        positives=int(wanted.sum()),
        raw_cut=raw_cut,
        published=Figures(*found[:4]),
        calibrated=Figures(*found[4:8]),
        auc=found[8],
        average_precision=round(average_precision(one.scores, wanted, one.weights), 4),
        curve=curve(one.scores, wanted, one.weights),
        ceiling=_ceiling(spec, one, wanted, kept, threshold),
    )


def _ceiling(spec: ClassifierSpec, one: HeldOut, wanted: Mask, kept: Mask, threshold: int) -> Ceiling | None:
    known = np.isfinite(one.further)
    if not known.any():
        return None
    further = one.further[known] >= threshold

    def statistic(weights: Floats) -> Floats:
        return np.array([rates(wanted[known], chosen, weights)[2] for chosen in (further, kept[known])])

    f1: list[Estimate] = estimates(statistic, one.members[known], one.weights[known], spec.seed)
    return Ceiling(int(known.sum()), f1[0], f1[1])


def _steps(labels: Floats, floors: Floats) -> Iterator[Step]:
    for step in np.unique(floors):
        of = labels[floors == step]
        yield Step(int(step), len(of), round(float(of.mean()), 4), round(float((of >= step).mean()), 4))


def _notes(spec: ClassifierSpec, held_out: HeldOut, labels: Floats, *, grouped: bool) -> Iterator[str]:
    folds, crossed = held_out.folds, held_out.parts > 1
    if len(labels) < FEW_LABELS:
        yield f"Few labels ({len(labels)}, fewer than {FEW_LABELS}): figures and cuts are rough."
    if grouped and crossed:
        yield from _notes_on_groups(held_out)
    if crossed and folds.max() + 1 < spec.folds:
        yield f"Only {int(folds.max()) + 1} of {spec.folds} folds: there are no more groups than that."
    for threshold in spec.scale.thresholds:
        positives = int(np.sum(labels >= threshold))
        if positives < 10:
            reached = (
                f"Only {positives} label{'s reach' if positives != 1 else ' reaches'}"
                if positives
                else "No label reaches"
            )
            yield f"{reached} {threshold}: its cut continues those of the others, little more than a guess."


def _useless(spec: ClassifierSpec, one: HeldOut) -> Iterator[str]:
    """What must be said first of a classifier that has not learned what it is for."""
    wanted = one.labels >= spec.threshold_for()
    if wanted.any() and not wanted.all():
        found = auc(one.scores, wanted, one.weights)
        if found < LEAST_AUC:
            yield (
                f"It tells documents with label >= {spec.threshold_for()} from others hardly better than chance (AUC "
                f"{found:.2f}): do not use it. More labels, or labels of more sites, may help."
            )


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
