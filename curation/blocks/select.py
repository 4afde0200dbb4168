"""What stays, by score, and by language, licence and size.

Example: ``KeepScore(threshold=3, cut="published")`` keeps ``int_score >= 3``, which means ``score > 2.5``; as for
Stack-Edu ``KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2})``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Select
from curation.config import nearest
from curation.errors import ConfigError, CurationError
from curation.text.licences import licence_excluded, licence_matches, licence_names

Cut = Literal["published", "calibrated", "raw"]


@dataclass(kw_only=True, repr=False)
class KeepScore(Select):
    """Drop documents below a threshold: ``below_threshold``; and those that no classifier was for: ``no_score``.

    Args:
        threshold: a label of the scale; with a fraction, such as 2.7, the raw ``score`` is compared.
        cut: ``published`` compares ``int_score``, ``calibrated`` compares ``calibrated_score``, and ``raw`` compares
            ``score``, whatever the threshold.
        by: the column that tells which threshold is a document's own, such as ``language``.
        threshold_of: value of that column -> threshold; all others have ``threshold``. What is dropped then carries
            the score that was compared, and its threshold, as ``value`` and ``limit``.
    """

    version: ClassVar[int] = 1

    threshold: float
    cut: Cut
    by: str | None = None
    threshold_of: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.threshold_of and self.by is None:
            raise ConfigError("threshold_of: name the column whose values have thresholds of their own as by")
        if self.by is not None:
            self.evidence = {"value": pa.float64(), "limit": pa.float64()}  # type: ignore[misc]
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Without groups where there are none, so that stages made before there were any stay as they are."""
        found = super().identity()
        return found if self.by is not None else {k: v for k, v in found.items() if k not in ("by", "threshold_of")}

    @property
    def condition(self) -> str:
        """What a document must fulfil, such as ``int_score >= 3; Java: int_score >= 2``."""
        conditions = [f"{name}: {self._condition(least)}" for name, least in self.threshold_of.items()]
        return "; ".join([self._condition(self.threshold), *conditions])

    def _condition(self, threshold: float) -> str:
        return f"{column_of(threshold, self.cut)} >= {threshold:g}"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is taken is given; the columns that are compared must be among it."""
        for threshold in (self.threshold, *self.threshold_of.values()):
            column = column_of(threshold, self.cut)
            if column not in columns:
                raise ConfigError(
                    f"the documents have no column {column!r} ({nearest(column, sorted(columns))}): score them first, "
                    "curate score INPUT --classifier CLASSIFIER"
                )
        if self.by is not None:
            _must_have(columns, self.by, "thresholds")
        return columns

    def reason(self, doc: Document) -> str | None:
        """By the columns that `ScoreText` adds."""
        threshold = self.threshold
        if self.by is not None:
            threshold = self.threshold_of.get(str(doc.metadata.get(self.by)), threshold)
        if _is_unscored(doc.metadata, column_of(threshold, self.cut)):
            return "no_score"
        if passes(doc.metadata, threshold, self.cut):
            return None
        if self.by is not None:
            doc.metadata["value"] = float(doc.metadata[column_of(threshold, self.cut)])
            doc.metadata["limit"] = float(threshold)
        return "below_threshold"


@dataclass(kw_only=True, repr=False)
class KeepWhere(Select):
    """Drop by columns that are there: ``other_language``, ``licence``, ``few_tokens``.

    Args:
        languages: values of ``language``; none for all.
        licences: groups (values of ``license_type``; ``other`` is non_permissive) or SPDX ids, in any case: a document
            stays if its group is named, or if all of its ``detected_licenses`` are, see `licence_matches`; none for
            all. A document of which no group is known is one of ``no_license``.
        licences_excluded: likewise, and a document goes if its group is named or a licence that it needs is.
        min_tokens: the least ``token_count``.
    """

    version: ClassVar[int] = 1

    languages: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    licences_excluded: tuple[str, ...] = ()
    min_tokens: int | None = None

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is taken is given; the columns that are asked must be among it."""
        for name in self.asked_columns():
            _must_have(columns, name, "flags")
        return columns

    def asked_columns(self) -> list[str]:
        """The columns that the settings are about."""
        groups, names = licence_names((*self.licences, *self.licences_excluded))
        return [
            *(["language"] if self.languages else []),
            *(["license_type"] if groups else []),
            *(["detected_licenses"] if names else []),
            *(["token_count"] if self.min_tokens is not None else []),
        ]

    def reason(self, doc: Document) -> str | None:
        """The first of the three, in this order."""
        row = doc.metadata
        if self.languages and row.get("language") not in self.languages:
            return "other_language"
        if not licensed(row.get("license_type"), row.get("detected_licenses"), self.licences, self.licences_excluded):
            return "licence"
        if self.min_tokens is not None and (row.get("token_count") or 0) < self.min_tokens:
            return "few_tokens"
        return None


def _must_have(columns: Mapping[str, pa.DataType], name: str, what: str) -> None:
    if name not in columns:
        raise ConfigError(f"{what}: the documents have no column {name!r} ({nearest(name, sorted(columns))})")


def licensed(
    group: str | None, detected: str | Iterable[str | None] | None, wanted: Sequence[str], unwanted: Sequence[str]
) -> bool:
    """Whether a document of these licences stays; see `KeepWhere`."""
    if unwanted and licence_excluded(detected, group, unwanted):
        return False
    return not wanted or licence_matches(detected, group, wanted)


def column_of(threshold: float, cut: Cut) -> str:
    """The column that is compared with the threshold."""
    if cut == "calibrated":
        return "calibrated_score"
    return "int_score" if cut == "published" and float(threshold).is_integer() else "score"


def _is_unscored(row: Mapping[str, Any], column: str) -> bool:
    """Whether a row says that it has no score at all, as `ScoreTexts` says it where there is no classifier."""
    return row.get(column) is None and "score" in row and row["score"] is None


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
