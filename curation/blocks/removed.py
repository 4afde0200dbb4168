"""What a stage drops -> parquet, each document with its reason and the evidence for it.

Example: ``writer = RemovedWriter(path, columns, "ids", most_whole=1000); writer.write(doc); writer.close()``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from datatrove.data import Document

from curation.blocks.write import RowWriter

KEPT_PER_REASON = 1000
"""Whole documents kept for each reason where only ids are asked for."""


class RemovedWriter:
    """What a stage drops; a datatrove ``exclusion_writer`` to every step of the stage.

    Args:
        path: a local path, None where nothing is to be written.
        columns: the stage's columns; ``reason`` and the evidence columns are added.
        mode: ``full``, ``ids`` (whole documents only for the first of each reason) or ``none``.
        most_whole: how many whole documents per reason in mode ``ids``.
    """

    def __init__(
        self,
        path: str | None,
        columns: Mapping[str, pa.DataType],
        mode: Literal["full", "ids", "none"],
        most_whole: int,
    ) -> None:
        self.reasons: Counter[str] = Counter()
        self.mode = mode
        self.most_whole = most_whole
        self._big = [name for name in ("html",) if name in columns]
        wanted = {"id": pa.string(), "reason": pa.string(), **columns} | {"reason": pa.string()}
        self._rows = RowWriter(path, wanted, "removed", strict=False) if path and mode != "none" else None

    def __enter__(self) -> RemovedWriter:
        return self

    def __exit__(self, *error: object) -> None:
        """The stage closes it, not a step."""

    def write(self, doc: Document, rank: int = 0) -> None:
        """Take a dropped document; its reason stands in its metadata."""
        reason = str(doc.metadata.pop("filter_reason", "") or "filtered")
        self.reasons[reason] += 1
        if self._rows is None:
            return
        whole = self.mode == "full" or self.reasons[reason] <= self.most_whole
        doc.metadata["reason"] = reason
        if not whole:
            doc.metadata.update(dict.fromkeys(self._big))
        self._rows.write(doc, with_text=whole)

    def write_table(self, table: pa.Table) -> None:
        """Take dropped rows, each with its reason in the column ``reason``."""
        for reason in pc.unique(table["reason"]).to_pylist():
            rows = table.filter(pc.equal(table["reason"], reason))
            left = max(0, self.most_whole - self.reasons[reason]) if self.mode == "ids" else rows.num_rows
            self.reasons[reason] += rows.num_rows
            if self._rows is not None:
                self._rows.write_table(rows.slice(0, left))
                bare = [name for name in ("text", *self._big) if name in rows.column_names]
                self._rows.write_table(rows.slice(left).drop_columns(bare))

    def close(self) -> None:
        """End the file."""
        if self._rows is not None:
            self._rows.close()
