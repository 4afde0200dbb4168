"""What is known about a trained classifier, on documents that neither it nor its cut had seen.

Example: ``fit_classifier(...)[1].to_markdown()`` is the table that goes into the model card, and
``TrainingReport.from_json(Path("report.json").read_text())`` reads it back.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.scale import Scale

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEW_LABELS = 500
BOOTSTRAPS = 500
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Figures:
    """Precision, recall and F1 of a selection, with the bootstrap interval (95 %) of F1, and the share it keeps."""

    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    kept_share: float


@dataclass(frozen=True)
class ThresholdReport:
    """One threshold of the scale.

    Attributes:
        threshold: documents with ``label >= threshold`` are wanted.
        positives: how many they are.
        raw_cut: the raw score of the calibrated cut, from all labels.
        published: figures of ``int_score >= threshold``.
        calibrated: figures of the calibrated cut, learned inside the folds.
    """

    threshold: int
    positives: int
    raw_cut: float
    published: Figures
    calibrated: Figures


@dataclass(frozen=True)
class TrainingReport:
    """Figures of a trained classifier, all of them out-of-fold.

    Attributes:
        labels: number of labelled documents.
        groups: number of domains or repositories, kept together in the folds; None without.
        folds: parts of the cross-validation.
        histogram: label -> documents.
        spearman: rank correlation of label and raw score.
        thresholds: figures at each threshold of the scale.
        confusion: rows are labels, columns ``int_score``.
        calibrated_confusion: rows are labels, columns ``floor(calibrated_score)``.
        notes: sentences to heed.
        head: its kind.
        calibration: how the calibrated cuts were found.
    """

    labels: int
    groups: int | None
    folds: int
    histogram: dict[int, int]
    spearman: float
    thresholds: tuple[ThresholdReport, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibrated_confusion: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...] = ()
    head: str = ""
    calibration: str = ""

    def at(self, threshold: int) -> ThresholdReport:
        """The figures at one threshold."""
        return next(one for one in self.thresholds if one.threshold == threshold)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> TrainingReport:
        """The report that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["histogram"] = {int(label): count for label, count in values["histogram"].items()}
        values["thresholds"] = tuple(_threshold(one) for one in values["thresholds"])
        for key in ("confusion", "calibrated_confusion"):
            values[key] = tuple(tuple(row) for row in values[key])
        return cls(**values | {"notes": tuple(values["notes"])})

    def to_markdown(self) -> str:
        """The report as tables."""
        groups = f", {self.groups} groups kept together" if self.groups is not None else ""
        head = f" of a `{self.head}` head, cuts by `{self.calibration}`" if self.head else ""
        lines = [
            f"{self.labels} labels{groups}; {self.folds}-fold cross-validation{head}.",
            "Every figure is of documents that the head, its cut and its calibration did not see.",
            "",
            f"Spearman correlation of score and label: {self.spearman:.3f}.",
            *(f"\n**{note}**" for note in self.notes),
            "",
            "| label >= | documents | cut | raw score | precision | recall | F1 (95 %) | kept |",
            "|---|---|---|---|---|---|---|---|",
            *(line for one in self.thresholds for line in _threshold_lines(one)),
            "",
            "Labels (rows) and `int_score` (columns):",
            "",
            *_confusion_lines(self.confusion, list(self.histogram)),
            "",
            "Labels (rows) and `floor(calibrated_score)` (columns):",
            "",
            *_confusion_lines(self.calibrated_confusion, list(self.histogram)),
        ]
        return "\n".join(lines) + "\n"


def figures(wanted: Mask, kept: Mask, members: NDArray[np.int64], weights: Floats, seed: int) -> Figures:
    """Precision, recall and F1 of keeping ``kept``, with an interval from resampled groups.

    Args:
        wanted: whether the judge's label reaches the threshold, shape (n,).
        kept: whether the classifier keeps the document, shape (n,).
        members: the group of each document from 0, shape (n,); groups are resampled, not documents.
        weights: of the documents, shape (n,).
        seed: of the resampling.
    """
    cells = np.stack([wanted & kept, ~wanted & kept, wanted & ~kept]) * weights
    hit, false, missed = cells.sum(1)
    per_group = np.stack([np.bincount(members, cell) for cell in cells])
    generator = np.random.default_rng(seed)
    number = per_group.shape[1]
    samples = []
    for _ in range(BOOTSTRAPS):
        drawn = np.bincount(generator.integers(0, number, number), minlength=number)
        samples.append(_f1(*(per_group @ drawn)))
    low, high = np.quantile(samples, INTERVAL)
    return Figures(
        precision=_ratio(hit, hit + false),
        recall=_ratio(hit, hit + missed),
        f1=_f1(hit, false, missed),
        f1_low=round(float(low), 4),
        f1_high=round(float(high), 4),
        kept_share=_ratio(hit + false, weights.sum()),
    )


def spearman(a: Floats, b: Floats) -> float:
    """Rank correlation, ties sharing their mean rank; 0 where either is constant."""
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    return round(float(x @ y) / max(float(np.sqrt(x @ x * (y @ y))), 1e-12), 4)


def confusion(labels: Floats, predicted: Floats, scale: Scale) -> tuple[tuple[int, ...], ...]:
    """Counts by label (rows) and predicted label (columns), both over the whole scale."""
    size = scale.high - scale.low + 1
    table = np.zeros((size, size), int)
    np.add.at(table, (np.round(labels).astype(int) - scale.low, predicted.astype(int) - scale.low), 1)
    return tuple(tuple(int(count) for count in row) for row in table)


def _f1(hit: float, false: float, missed: float) -> float:
    return _ratio(2 * hit, 2 * hit + false + missed)


def _ratio(part: float, whole: float) -> float:
    return round(float(part) / float(whole), 4) if whole > 0 else 0.0


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place], np.float64)


def _threshold(values: Mapping[str, Any]) -> ThresholdReport:
    figures_of = {key: Figures(**values[key]) for key in ("published", "calibrated")}
    return ThresholdReport(**{**values, **figures_of})


def _threshold_lines(one: ThresholdReport) -> list[str]:
    rows = (
        ("published", f"{one.threshold - 0.5:g}", one.published),
        ("calibrated", f"{one.raw_cut:g}", one.calibrated),
    )
    return [
        f"| {one.threshold} | {one.positives} | {cut} | {raw} | {f.precision:.3f} | {f.recall:.3f} "
        f"| {f.f1:.3f} ({f.f1_low:.3f}–{f.f1_high:.3f}) | {f.kept_share:.1%} |"
        for cut, raw, f in rows
    ]


def _confusion_lines(table: tuple[tuple[int, ...], ...], labels: list[int]) -> list[str]:
    header = ["| | " + " | ".join(map(str, labels)) + " |", "|---" * (len(labels) + 1) + "|"]
    return header + [
        f"| {label} | " + " | ".join(map(str, row)) + " |" for label, row in zip(labels, table, strict=True)
    ]
