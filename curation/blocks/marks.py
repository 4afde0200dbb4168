"""How far a shard is, for the progress bar of a run on this machine: a small file that is written now and then.

Example: ``for doc in Marked("marks", shard).watch(documents)`` counts them and leaves ``marks/00003`` behind.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from datatrove.data import Document

from curation.manifest import Shard

_SECONDS = 0.5


class Marked:
    """Counts the documents of a shard.

    Args:
        folder: a local folder for the marks, None for none.
        shard: that is read.
    """

    def __init__(self, folder: str | None, shard: Shard) -> None:
        self.read = 0
        self.late_columns = Counter[str]()
        self._mark = Path(folder, shard.name) if folder else None
        self._last = time.monotonic()

    def watch(self, documents: Iterator[Document]) -> Iterator[Document]:
        """Give documents on."""
        for doc in documents:
            self.read += 1
            self._leave_mark()
            yield doc

    def watch_tables(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Give tables on."""
        for table in tables:
            self.read += table.num_rows
            self._leave_mark()
            yield table

    def end(self) -> None:
        """The shard is done."""
        if self._mark:
            self._mark.write_text(f"{self.read} done")

    def _leave_mark(self) -> None:
        if self._mark and time.monotonic() - self._last > _SECONDS:
            self._last = time.monotonic()
            self._mark.write_text(str(self.read))
