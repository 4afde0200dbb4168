"""Common Crawl's columnar index: which rows of its parquet files are wanted, reading as few bytes as it takes.

Example: ``for table in read_columnar(".../crawl=CC-MAIN-2024-10/subset=warc/part-00017.parquet", wanted, counts): ...``
gives tables of `curation.crawl.ranges.RANGE_COLUMNS`.

A file of another crawl is not opened. Of a row group first the statistics are looked at, of ``url_surtkey``, by which
the index is sorted, and of the domain; then the column of domains is read, which is small; then status and type of what
was found; and all else only where something is left, column by column. In memory is one column of one row group (some
hundred MB of a million rows at most).
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.crawl.ranged_file import RangedFile
from curation.crawl.selecting import DOMAIN, INDEX_KINDS, OPTIONAL, select
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError

COLUMNAR = (".parquet",)

_KEY = "url_surtkey"
_REPEATED = (DOMAIN, "content_mime_type", "content_mime_detected", "content_languages")


def read_columnar(file: str, wanted: Wanted, counts: Counter[str]) -> Iterator[pa.Table]:
    """The wanted rows of a file, a row group at a time.

    Args:
        file: local or remote; ``crawl=…`` and ``subset=…`` in its path say what all its rows are of.
        wanted: what is asked for.
        counts: is added to: ``bytes_in_files``, ``bytes_read``, ``rows_in_files``, ``rows_scanned`` (of row groups that
            were read), ``row_groups``, ``row_groups_skipped``, ``files_skipped``, and those of
            `curation.crawl.selecting.select`.

    Raises:
        ConfigError: if it is no index.
        CurationError: if the store fails to the end.
    """
    crawl, subset = partition(file, "crawl"), partition(file, "subset")
    if not wanted.takes_crawl(crawl) or (subset is not None and subset not in wanted.subsets):
        counts["files_skipped"] += 1
        return
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(RangedFile(file))
        stack.callback(lambda: counts.update(bytes_read=stream.bytes_read))
        index = _open(stream, file)
        counts.update(bytes_in_files=stream.size, rows_in_files=index.metadata.num_rows)
        for group in range(index.num_row_groups):
            counts["row_groups"] += 1
            asked = _asked(index, group, wanted)
            if asked is not None and not len(asked):
                counts["row_groups_skipped"] += 1
                continue
            rows = _Group(index, group)
            counts["rows_scanned"] += rows.count
            with _naming(file):
                found = select(rows, wanted, counts, asked, crawl)
            if found is not None:
                yield found


def partition(file: str, name: str) -> str | None:
    """What a path says of all rows: ``CC-MAIN-2024-10`` for ``crawl`` of ``…/crawl=CC-MAIN-2024-10/subset=warc/…``."""
    found = (part.removeprefix(f"{name}=") for part in file.split("/") if part.startswith(f"{name}="))
    return next(found, None)


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group, of which columns are read when they are asked for."""

    index: pq.ParquetFile
    group: int

    @property
    def count(self) -> int:
        return int(self.index.metadata.row_group(self.group).num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        if name not in self.index.schema_arrow.names:
            return pa.chunked_array([pa.nulls(self.count, INDEX_KINDS[name])])
        return self.index.read_row_group(self.group, [name], use_threads=False)[name]


def _open(stream: RangedFile, file: str) -> pq.ParquetFile:
    with _naming(file):
        footer = pq.read_metadata(stream)
    names = footer.schema.to_arrow_schema().names
    if missing := [name for name in INDEX_KINDS if name not in OPTIONAL and name not in names]:
        raise ConfigError(f"{file}: no columnar index of a crawl: no column {', '.join(missing)}")
    return pq.ParquetFile(stream, metadata=footer, read_dictionary=[name for name in _REPEATED if name in names])


@contextlib.contextmanager
def _naming(file: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise ConfigError(f"{file}: no columnar index of a crawl: {error}") from error


def _asked(index: pq.ParquetFile, group: int, wanted: Wanted) -> pa.Array | None:
    """Which of the domains asked for may be in a row group, by its statistics; None for any."""
    if wanted.all:
        return None
    keys, domains = (_range(index, group, name) for name in (_KEY, DOMAIN))
    if keys is not None and not wanted.stretches.meet(*keys):
        return pa.array([], pa.string())
    nameless = wanted.has_addresses and (domains is None or _has_nulls(index, group))
    return None if domains is None or nameless else wanted.between(*domains)


def _range(index: pq.ParquetFile, group: int, name: str) -> tuple[str, str] | None:
    known = _statistics(index, group, name)
    return (known.min, known.max) if known is not None and known.has_min_max else None


def _has_nulls(index: pq.ParquetFile, group: int) -> bool:
    known = _statistics(index, group, DOMAIN)
    return known is None or not known.has_null_count or known.null_count > 0


def _statistics(index: pq.ParquetFile, group: int, name: str) -> Any:
    names = index.schema_arrow.names
    return index.metadata.row_group(group).column(names.index(name)).statistics if name in names else None
