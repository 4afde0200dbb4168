"""What stays, by score.

Example: ``KeepScore(threshold=3, cut="published")`` keeps ``int_score >= 3``, which means ``score > 2.5``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from datatrove.data import Document

from curation.blocks.step import Select
from curation.errors import CurationError

Cut = Literal["published", "calibrated"]


@dataclass(kw_only=True, repr=False)
class KeepScore(Select):
    """Drop documents below a threshold: ``below_threshold``.

    Args:
        threshold: a label of the scale; with a fraction, such as 2.7, the raw ``score`` is compared.
        cut: ``published`` compares ``int_score``, ``calibrated`` compares ``calibrated_score``.
    """

    version: ClassVar[int] = 1

    threshold: float
    cut: Cut

    def reason(self, doc: Document) -> str | None:
        """By the columns that `ScoreText` adds."""
        return None if passes(doc.metadata, self.threshold, self.cut) else "below_threshold"


def passes(row: Mapping[str, Any], threshold: float, cut: Cut) -> bool:
    """Whether a scored row reaches the threshold.

    Raises:
        CurationError: if the row has not the column of the cut, such as a classifier without calibration.
    """
    whole = "int_score" if float(threshold).is_integer() else "score"
    column = whole if cut == "published" else "calibrated_score"
    value = row.get(column)
    if value is None:
        raise CurationError(
            f"cut: {cut} needs the column {column}, which a document has not: was it scored, and is its "
            "classifier calibrated?"
        )
    return bool(value >= threshold)
