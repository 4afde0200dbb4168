"""A training report as one picture of four panels: ``report.png`` and ``report.svg`` in a classifier's folder.

Example: ``write_plots(report, held_out, calibration, Path("classifier"))`` is False where matplotlib is missing.

The same report gives the same bytes: no date, no random identifiers. Colours are those of Okabe and Ito (2008), which
colour-blind readers tell apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from curation.classify.calibrate import LEAST_SUPPORT, Calibration
from curation.classify.held_out import HeldOut
from curation.classify.report import FEW_LABELS, TrainingReport

INSTALL = "pip install matplotlib"
NAMES = ("report.png", "report.svg")
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
INK = "#333333"
_FIXED: Any = {"svg.hashsalt": "curation", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def write_plots(
    report: TrainingReport, held_out: HeldOut, calibration: Calibration, folder: Path, name: str = "classifier"
) -> bool:
    """Writes the picture in both formats; False, and nothing written, without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with matplotlib.rc_context(_FIXED):
        figure = Figure(figsize=(10, 8), layout="constrained")
        number = f"{report.labels:,} labels" + (", few: rough" if report.labels < FEW_LABELS else "")
        figure.suptitle(f"{name}: {number}", x=0.01, ha="left", fontsize=11, fontweight="bold")
        panels = figure.subplots(2, 2)
        _curves(panels[0, 0], report)
        _scores(panels[0, 1], report, held_out.tested, calibration)
        _steps(panels[1, 0], report)
        _confusion(panels[1, 1], report)
        # Of all that matplotlib would write about itself, the date differs from run to run, the version by machine.
        figure.savefig(folder / NAMES[0], dpi=110, metadata={"Software": None})
        figure.savefig(folder / NAMES[1], metadata={"Date": None, "Creator": None})
    return True


def _curves(axes: Any, report: TrainingReport) -> None:
    for one, colour in zip(report.thresholds, COLOURS, strict=False):
        if one.positives < LEAST_SUPPORT or one.positives == report.tested:
            continue
        _, precision, recall = zip(*one.curve, strict=True)
        axes.plot(recall, precision, color=colour, lw=1.6, label=f"label ≥ {one.threshold}  (AUC {one.auc.value:.2f})")
        axes.plot(one.calibrated.recall.value, one.calibrated.precision.value, "o", color=colour, ms=6)
        axes.plot(one.published.recall.value, one.published.precision.value, "x", color=colour, ms=6)
    # Off their curves, since each part has its own cut: the curve is of all scores, the point of all decisions.
    axes.plot([], [], "o", color=INK, label="calibrated cut, learned without the part it judges", ls="none")
    axes.plot([], [], "x", color=INK, label="published cut", ls="none")
    ceiling = report.at(report.target_threshold).ceiling
    if ceiling is not None and ceiling.f1.value > 0:
        f1 = ceiling.f1.value
        wide = np.linspace(f1 / (2 - f1) + 1e-6, 1, 100)
        label = f"the judge's own F1 at {report.target_threshold}: {f1:.2f}"
        axes.plot(wide, f1 * wide / (2 * wide - f1), ls=":", color=INK, lw=1, label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
    axes.set_title("Precision and recall, held out", loc="left")
    axes.legend(fontsize=7.5, framealpha=0.85, edgecolor="none", loc="lower left")


def _scores(axes: Any, report: TrainingReport, one: HeldOut, calibration: Calibration) -> None:
    low, high = float(one.scores.min()), float(one.scores.max())
    bins = np.linspace(low, high if high > low else low + 1, 41)
    labels = list(report.histogram)
    of = [one.scores[np.round(one.labels) == label] for label in labels]
    shades = [_shade(index / max(1, len(labels) - 1)) for index in range(len(labels))]
    axes.hist(of, bins=bins, stacked=True, color=shades, label=[f"label {label}" for label in labels])
    shown, least = -np.inf, (high - low) / 25
    for threshold, cut in calibration.cuts:
        if low <= cut <= high:
            axes.axvline(cut, color=COLOURS[3], lw=1, ls="--")
            label, shown = (f"≥ {threshold}", cut) if cut - shown > least else ("", shown)
            axes.annotate(
                label, (cut, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), ha="center",
                textcoords="offset points", fontsize=7.5, color=COLOURS[3],
            )  # fmt: skip
    axes.set(xlabel="raw score, with the calibrated cuts", ylabel="documents")
    axes.set_title("Scores by label, held out", loc="left", pad=14)
    axes.legend(fontsize=7.5, frameon=False, loc="upper right")


def _steps(axes: Any, report: TrainingReport) -> None:
    ends = [min(report.histogram), max(report.histogram)]
    axes.plot([ends[0], ends[1]], [ends[0], ends[1]], color=INK, lw=0.8, ls=":")
    for one in report.steps:
        axes.plot(one.step, one.mean_label, "o", color=COLOURS[0], ms=6)
        axes.annotate(
            f"{one.documents:,}", (one.step, one.mean_label), xytext=(7, -3), textcoords="offset points", fontsize=7.5
        )
    margin = 0.4
    axes.set(xlabel="floor of the calibrated score", ylabel="mean label")
    axes.set(xlim=(ends[0] - margin, ends[1] + margin), ylim=(ends[0] - margin, ends[1] + margin))
    axes.set_xticks(range(ends[0], ends[1] + 1))
    axes.set_title("What a step means (number of documents beside)", loc="left")


def _confusion(axes: Any, report: TrainingReport) -> None:
    table = np.array(report.calibrated_confusion, np.float64)
    labels = list(report.histogram)
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*table.shape):
        if table[row, column]:
            colour = "white" if share[row, column] > 0.6 else INK
            axes.text(column, row, f"{int(table[row, column]):,}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="floor of the calibrated score", ylabel="label")
    axes.spines[:].set_visible(False)
    axes.set_title("Labels and calibrated scores (shaded by share of the row)", loc="left")


def _shade(part: float) -> tuple[float, float, float]:
    """From light grey to dark blue: labels have an order, so do their colours."""
    light, dark = np.array([0.82, 0.86, 0.91]), np.array([0.03, 0.19, 0.42])
    mixed = light + (dark - light) * part
    return float(mixed[0]), float(mixed[1]), float(mixed[2])
