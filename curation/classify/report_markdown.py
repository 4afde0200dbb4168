"""A training report as a reader wants it: how it was measured, what the cut does, what could be hoped for, details.

Example: ``report_markdown(classifier.report)``, as in the card of every classifier.
"""

from __future__ import annotations

from collections.abc import Iterator

from curation.classify.figures import Figures
from curation.classify.report import Ceiling, ThresholdReport, TrainingReport
from curation.estimate import Estimate
from curation.report import markdown_table

FEW_READINGS = 100


def report_markdown(report: TrainingReport, level: int = 3) -> str:
    """The report in Markdown, without a title; ``level`` is that of its headings."""
    title = "#" * level
    labels = list(report.histogram)
    lines = [
        *_measured(report),
        "",
        *(f"**{note}**\n" for note in report.notes),
        markdown_table(
            ("label >=", "documents", "cut", "raw score", "precision", "recall", "F1", "keeps"),
            [row for one in report.thresholds for row in _cut_rows(one, report.tested)],
        ),
        "",
        "`published` keeps `int_score >= t`, `calibrated` keeps `calibrated_score >= t`, whose cut is learned without "
        "the documents that it is judged by." + _targeted(report),
        "",
        f"{title} Ranking",
        "",
        f"Spearman correlation of score and label {report.spearman:.3f}, mean distance {report.mean_error:.2f}.",
        "",
        markdown_table(
            ("label >=", "AUC", "average precision"),
            [
                (one.threshold, one.auc, f"{one.average_precision:.3f}")
                for one in report.thresholds
                if 0 < one.positives < report.tested
            ],
        ),
        "",
        *_ceiling(report, title),
        f"{title} What a step of `calibrated_score` means",
        "",
        markdown_table(
            ("floor", "documents", "mean label", "label >= floor"),
            [(one.step, one.documents, f"{one.mean_label:.2f}", f"{one.reaching:.1%}") for one in report.steps],
        ),
        "",
        f"{title} Labels (rows) and `floor(calibrated_score)` (columns)",
        "",
        _confusion(report.calibrated_confusion, labels),
        "",
        f"{title} Labels (rows) and `int_score` (columns)",
        "",
        _confusion(report.confusion, labels),
    ]
    return "\n".join(lines) + "\n"


def _measured(report: TrainingReport) -> Iterator[str]:
    known = report.groups is not None and report.groups > 1
    groups = f" of {report.groups:,} sites or repositories, each on one side of a split" if known else ""
    how = f"{report.folds}-fold cross-validation" if report.folds > 1 else "a part held out once"
    yield f"{report.labels:,} labels{groups}; {how}; head `{report.head}`, cuts by `{report.calibration}`."
    yield f"Every figure is of {report.tested:,} documents that head, cut and calibration did not see;"
    yield f"in brackets the 95 % interval of 500 resamples of {'whole groups' if known else 'documents'}."
    if report.weighted:
        yield "Precision, recall, F1, share and AUC are weighted: they are of the corpus that the sample stands for."


def _targeted(report: TrainingReport) -> str:
    if report.target == "f1":
        return ""
    return f" The calibrated cut at {report.target_threshold} was chosen for {report.target}, the others for F1."


def _cut_rows(one: ThresholdReport, tested: int) -> Iterator[tuple[object, ...]]:
    if not 0 < one.positives < tested:  # there is nothing to tell apart
        yield (one.threshold, one.positives, "calibrated", f">= {one.raw_cut:g}", *"–––", "–")
        return
    raw = f"{'>' if one.threshold % 2 else '>='} {one.threshold - 0.5:g}"
    yield (one.threshold, one.positives, "published", raw, *_shown(one.published))
    yield ("", "", "calibrated", f">= {one.raw_cut:g}", *_shown(one.calibrated))


def _shown(found: Figures) -> tuple[object, ...]:
    share: Estimate = found.kept_share
    return found.precision, found.recall, found.f1, f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"


def _ceiling(report: TrainingReport, title: str) -> Iterator[str]:
    known: list[tuple[int, Ceiling]] = [(one.threshold, one.ceiling) for one in report.thresholds if one.ceiling]
    if not known:
        return
    few = f" They are few (below {FEW_READINGS}): take it as rough." if report.further_documents < FEW_READINGS else ""
    yield f"{title} The judge's own ceiling"
    yield ""
    yield f"{report.further_documents:,} documents were read a second time: quadratic kappa {report.further_kappa:.3f},"
    yield f"Spearman {report.further_spearman:.3f}. A classifier that agrees as well is a second judge.{few}"
    yield ""
    yield markdown_table(
        ("label >=", "F1 of the second reading", "F1 of the classifier on the same documents"),
        [(threshold, one.f1, one.classifier_f1) for threshold, one in known],
    )
    yield ""


def _confusion(table: tuple[tuple[int, ...], ...], labels: list[int]) -> str:
    return markdown_table(["", *map(str, labels)], [(label, *row) for label, row in zip(labels, table, strict=True)])
