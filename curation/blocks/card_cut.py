"""A threshold in words: which column is compared, and what that means for the raw score.

Example: ``condition(3, "published")`` is ``"int_score >= 3 (score > 2.5)"``, since 2.5 is rounded to 2, and
``condition(4, "published")`` is ``"int_score >= 4 (score >= 3.5)"``, since 3.5 is rounded to 4.
"""

from __future__ import annotations

from pathlib import Path

from curation.blocks.select import Cut, column_of
from curation.classify.calibrate import Calibration
from curation.classify.each import LANGUAGE, read_index, slugs_of
from curation.classify.spec import is_local
from curation.classify.storage import model_folder, read_calibration
from curation.content import resolve_location
from curation.folder import local_copy

_SLUG = "{language}"


def condition(least: float | None, cut: Cut, calibration: Calibration | None = None) -> str:
    """What a document must fulfil; a threshold below 1 of whole numbers keeps all, and says nothing more."""
    if least is None:
        return "all"
    column = column_of(least, cut)
    said = f"{column} >= {least:g}"
    if column == "score" or least < 1:
        return said
    if column == "int_score":  # Python rounds halves to the even number
        return f"{said} (score {'>' if least % 2 else '>='} {least - 0.5:g})"
    if calibration is not None and least in dict(calibration.cuts):
        return f"{said} (score >= {calibration.raw_cut(int(least)):.4f})"
    return said


def explanation(cut: Cut, thresholds: tuple[float, ...]) -> str:
    """What the compared columns are."""
    columns = {column_of(least, cut) for least in thresholds}
    said = {
        "int_score": "`int_score` is the raw `score` of the classifier clipped to the scale and rounded, halves to the "
        "even number: the published cut.",
        "calibrated_score": "`calibrated_score` is the raw `score` of the classifier bent onto the judge's labels: it "
        "reaches a label at the raw score where F1 against the judge is best.",
        "score": "`score` is the raw score of the classifier, neither rounded nor calibrated.",
    }
    return " ".join(text for column, text in said.items() if column in columns)


def classifier_folder(model: str, value: str | None = None, by: str = LANGUAGE) -> Path | None:
    """The folder of a classifier, or of a value's among several; None for one that is on the Hub, or that is not there.

    Args:
        model: a folder, one with a classifier for each value, either with ``{language}`` for its slug, or a name.
        value: such as a programming language.
        by: the column that has it.
    """
    if value is not None and _SLUG in model:
        model = model.replace(_SLUG, slugs_of([value], by=by)[value])
    if "://" not in model and not is_local(model):
        return None
    folder = model_folder(str(local_copy(resolve_location(model))))
    index = read_index(folder) if value is not None else {}
    if index:
        return folder / index[value].folder if value in index else None
    return folder if folder.is_dir() else None


def calibration_of(model: str | None, value: str | None = None, by: str | None = None) -> Calibration | None:
    """The calibration of the classifier that decides, where there is one to read."""
    folder = classifier_folder(model, value, by or LANGUAGE) if model else None
    return None if folder is None else read_calibration(folder)
