"""What is known about a trained classifier, on documents that neither it nor its cut had seen.

Example: ``fit_classifier(...)[1].to_markdown()`` is the text that goes into the model card, and
``TrainingReport.from_json(Path("report.json").read_text())`` reads it back. `evaluate` makes it.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any

from curation.classify.figures import Figures
from curation.estimate import Estimate

FEW_LABELS = 500


@dataclass(frozen=True)
class Ceiling:
    """How far the judge agrees with itself, or two judges with each other: what a second judge would reach.

    A classifier that learns what the judge means on average can do better than a reading that has its own noise.

    Attributes:
        documents: with a second reading.
        f1: of the second reading against the first.
        classifier_f1: of the calibrated cut against the first, on the same documents.
    """

    documents: int
    f1: Estimate
    classifier_f1: Estimate


@dataclass(frozen=True)
class ThresholdReport:
    """One threshold of the scale.

    Attributes:
        threshold: documents with ``label >= threshold`` are wanted.
        positives: how many they are.
        raw_cut: the raw score of the calibrated cut, from all labels.
        published: figures of ``int_score >= threshold``.
        calibrated: figures of the calibrated cut, learned inside the folds.
        auc: area under the ROC curve of the raw score.
        average_precision: area under the precision-recall curve.
        curve: cut, precision and recall, from the highest cut down.
        ceiling: the judge's own F1, where a second reading exists.
    """

    threshold: int
    positives: int
    raw_cut: float
    published: Figures
    calibrated: Figures
    auc: Estimate
    average_precision: float
    curve: tuple[tuple[float, float, float], ...]
    ceiling: Ceiling | None = None


@dataclass(frozen=True)
class Step:
    """Documents of one ``floor(calibrated_score)``: does a step of the scale mean what the judge means by it?

    Attributes:
        step: the floor.
        documents: how many.
        mean_label: of them.
        reaching: the share with ``label >= step``.
    """

    step: int
    documents: int
    mean_label: float
    reaching: float


@dataclass(frozen=True)
class TrainingReport:
    """Figures of a trained classifier, all of them held out.

    Attributes:
        labels: number of labelled documents.
        groups: number of domains or repositories, kept together in the folds; None without.
        folds: parts of the cross-validation; 1 where one part was held out once.
        tested: documents that figures are of.
        weighted: whether figures are of the corpus that a weighted sample stands for.
        histogram: label -> documents.
        spearman: rank correlation of label and raw score.
        mean_error: mean distance of raw score and label.
        thresholds: figures at each threshold of the scale.
        steps: what each step of the calibrated score holds.
        confusion: rows are labels, columns ``int_score``.
        calibrated_confusion: rows are labels, columns ``floor(calibrated_score)``.
        further_documents: documents with a second reading.
        further_kappa: its quadratic kappa with the first; None without.
        further_spearman: its rank correlation with the first; None without.
        notes: sentences to heed.
        head: its kind.
        calibration: how the calibrated cuts were found.
        target: what the calibrated cut at ``target_threshold`` was chosen for.
        target_threshold: the threshold that the spec is for.
    """

    labels: int
    groups: int | None
    folds: int
    tested: int
    weighted: bool
    histogram: dict[int, int]
    spearman: float
    mean_error: float
    thresholds: tuple[ThresholdReport, ...]
    steps: tuple[Step, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibrated_confusion: tuple[tuple[int, ...], ...]
    further_documents: int = 0
    further_kappa: float | None = None
    further_spearman: float | None = None
    notes: tuple[str, ...] = ()
    head: str = ""
    calibration: str = ""
    target: str = "f1"
    target_threshold: int = 0

    def at(self, threshold: int) -> ThresholdReport:
        """The figures at one threshold."""
        return next(one for one in self.thresholds if one.threshold == threshold)

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> TrainingReport:
        """The report that `to_json` wrote."""
        report: TrainingReport = _read(cls, json.loads(text))
        return report

    def to_markdown(self, level: int = 3) -> str:
        """The report as text and tables, its headings of that level."""
        from curation.classify.report_markdown import report_markdown

        return report_markdown(self, level)


def _read(kind: Any, value: Any) -> Any:
    """A value of JSON as its annotated type: dataclasses, tuples, mappings with integer keys, and what JSON has."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _read(hints[name], one) for name, one in value.items()})  # type: ignore[operator]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_read(one, item) for one, item in zip(inner, value, strict=True))
    if origin is dict:
        return {arguments[0](key): _read(arguments[1], item) for key, item in value.items()}
    if origin is types.UnionType:
        return None if value is None else _read(arguments[0], value)
    return value
