"""What stays, by score.

Example: ``KeepScore(threshold=3, cut="published")`` keeps ``int_score >= 3``, which means ``score > 2.5``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Select
from curation.config import nearest
from curation.errors import ConfigError, CurationError

Cut = Literal["published", "calibrated", "raw"]


@dataclass(kw_only=True, repr=False)
class KeepScore(Select):
    """Drop documents below a threshold: ``below_threshold``.

    Args:
        threshold: a label of the scale; with a fraction, such as 2.7, the raw ``score`` is compared.
        cut: ``published`` compares ``int_score``, ``calibrated`` compares ``calibrated_score``, and ``raw`` compares
            ``score``, whatever the threshold.
    """

    version: ClassVar[int] = 1

    threshold: float
    cut: Cut

    @property
    def condition(self) -> str:
        """What a document must fulfil, such as ``int_score >= 3``."""
        return f"{column_of(self.threshold, self.cut)} >= {self.threshold:g}"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is taken is given; the column that is compared must be among it."""
        column = column_of(self.threshold, self.cut)
        if column not in columns:
            raise ConfigError(
                f"the documents have no column {column!r} ({nearest(column, sorted(columns))}): score them first, "
                "curate score INPUT --classifier CLASSIFIER"
            )
        return columns

    def reason(self, doc: Document) -> str | None:
        """By the columns that `ScoreText` adds."""
        return None if passes(doc.metadata, self.threshold, self.cut) else "below_threshold"


def column_of(threshold: float, cut: Cut) -> str:
    """The column that is compared with the threshold."""
    if cut == "calibrated":
        return "calibrated_score"
    return "int_score" if cut == "published" and float(threshold).is_integer() else "score"


def passes(row: Mapping[str, Any], threshold: float, cut: Cut) -> bool:
    """Whether a scored row reaches the threshold.

    Raises:
        CurationError: if the row has not the column of the cut, such as a classifier without calibration.
    """
    column = column_of(threshold, cut)
    value = row.get(column)
    if value is None:
        raise CurationError(
            f"cut: {cut} needs the column {column}, which a document has not: was it scored, and is its "
            "classifier calibrated?"
        )
    return bool(value >= threshold)
