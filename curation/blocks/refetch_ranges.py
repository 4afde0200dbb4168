"""Ranges out of any parquet -> pages: a list of one's own, or what an earlier fetch had to leave out.

Example: ``RefetchRanges(reason="fetch_failed", keep=folder_of("fetch"))`` on the folder ``out/fetch/removed``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.fetch_ranges import FetchRanges
from curation.blocks.step import Documents
from curation.blocks.write import conform
from curation.crawl.ranges import PLACE, RANGE_COLUMNS
from curation.errors import ConfigError
from curation.folder import open_input

_SCHEMA = pa.schema(list(({"id": pa.string()} | RANGE_COLUMNS).items()))
_ROWS = 10_000


@dataclass(kw_only=True, repr=False)
class RefetchRanges(FetchRanges):
    """As `FetchRanges`, for files that need have no more than ``warc_filename`` and the record's offset and length.

    They are read in their order: sorted by these three, neighbours are read in one request. Columns other than
    those of ranges are left out.

    Args:
        reason: only rows whose column ``reason`` begins so; empty for all rows.
    """

    version: ClassVar[int] = 1
    gives_rows_of_its_own: ClassVar[bool] = True
    reads_files: ClassVar[tuple[tuple[str, ...], ...]] = ((".parquet",),)

    reason: str = ""

    def _rows(self, data: Documents | None) -> Iterator[Document]:
        for file in self.files:
            for table in self._tables(file):
                self.count("documents_read", table.num_rows)
                for row in table.to_pylist():
                    identifier = row.pop("id") or f"{row['warc_filename']}:{row['warc_record_offset']}"
                    yield Document(text="", id=identifier, metadata=row)

    def _places(self, file: str, names: Sequence[str]) -> Iterator[pa.Table]:
        return self._tables(file)

    def _tables(self, file: str) -> Iterator[pa.Table]:
        """The rows that are asked for, with all columns of ranges; of one that the file has not, nulls.

        Raises:
            ConfigError: if the file names no places, or no reasons where they are asked for.
        """
        with open_input(file) as stream:
            opened = pq.ParquetFile(stream)
            there = opened.schema_arrow.names
            needed = [*PLACE, *(["reason"] if self.reason else [])]
            if missing := [name for name in needed if name not in there]:
                raise ConfigError(f"{file}: no column {', '.join(missing)} (there are {', '.join(there)})")
            wanted = [name for name in ("id", *RANGE_COLUMNS, "reason") if name in there]
            for batch in opened.iter_batches(_ROWS, columns=wanted):
                rows = pa.Table.from_batches([batch])
                if self.reason:
                    rows = rows.filter(pc.starts_with(rows["reason"], self.reason))
                yield conform(rows, _SCHEMA, file)
