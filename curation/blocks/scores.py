"""Scores without texts: a narrow table of every scored document, from which another threshold is chosen in seconds.

    Stage(name="scores", reads="score", steps=[KeepScores()])

The files have the names and the row order of those that are read, so row 7 of ``scores/data/00003.parquet`` is row 7 of
``score/data/00003.parquet``: `curation.filter_scores` finds the texts of the rows that it keeps by their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Documents
from curation.blocks.tables import Tables, TableStep
from curation.errors import ConfigError

SCORE_COLUMNS = (
    "id",
    "blob_id",
    "repo_name",
    "path",
    "url",
    "language",
    "language_score",
    "license_type",
    "detected_licenses",
    "src_encoding",
    "length_bytes",
    "token_count",
    "char_count",
    "crawl",
    "dump",
    "score",
    "int_score",
    "calibrated_score",
)
"""What is kept of a document: what it is, where it is from, its licence, its size, its scores."""

COMPARED = ("score", "int_score", "calibrated_score")
"""The columns that a threshold is compared with."""

_WIDE = ("text", "html")
_ROWS = 10_000  # of a row group: a footer of 18 columns is 3 kB, so 0.3 bytes a row


@dataclass(kw_only=True, repr=False)
class KeepScores(TableStep):
    """Leave out all columns but a few, above all the text.

    Args:
        columns: what is kept, of what is there; by default `SCORE_COLUMNS`. The id always is.
    """

    version: ClassVar[int] = 1

    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if wide := [name for name in self.columns if name in _WIDE]:
            raise ConfigError(f"scores: {wide[0]} is what is left out; name other columns")
        self._wanted = ("id", *(name for name in self.columns or SCORE_COLUMNS if name != "id"))
        super().__post_init__()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The wanted ones of the columns, in the order in which they are named; a score must be among them."""
        given = {name: columns[name] for name in self._wanted if name in columns}
        if not any(name in given for name in COMPARED):
            raise ConfigError(
                "scores: the documents have no score (none of " + ", ".join(COMPARED) + "): "
                "score them first, curate score INPUT --classifier CLASSIFIER"
            )
        return given

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The wanted ones, and the text, by which a row without one is known."""
        return {name: kind for name, kind in columns.items() if name in self._wanted}

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """Rows in order, gathered so that a row group is worth its footer."""
        waiting: list[pa.Table] = []
        for table in tables:
            waiting.append(table.select([name for name in self._wanted if name in table.column_names]))
            if sum(one.num_rows for one in waiting) >= _ROWS:
                whole = pa.concat_tables(waiting)
                full = whole.num_rows - whole.num_rows % _ROWS
                yield whole.slice(0, full)
                waiting = [whole.slice(full)] if full < whole.num_rows else []
        if waiting:
            yield pa.concat_tables(waiting)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Documents in order, without text."""
        for doc in data or ():
            found = {name: doc.metadata[name] for name in self._wanted if name in doc.metadata}
            yield Document(text="", id=doc.id, metadata=found)
