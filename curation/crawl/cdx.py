"""Indexes of one line for each record: answers of the CDX API, and cdx files.

Example: ``for table in read_lines("cdx-00000.gz", wanted, counts): ...`` gives tables of
`curation.crawl.ranges.RANGE_COLUMNS`. A line is one of

    {"urlkey": "org,example)/", "timestamp": "20240301120000", "url": …, "status": "200", "filename": …, "offset": …}
    org,example)/ 20240301120000 {"url": …, "mime": "text/html", "status": "200", "filename": …, "offset": …, …}
    org,example)/ 20240301120000 https://example.org/ text/html 200 B2LT…C36A - - 1043 333 example.warc.gz

The letters of a first line `` CDX N b a m s k r M S V g`` say what the columns of the last form are; without it they
are these. A line that names no record is counted (``bad_index_lines``), and the first of a file is named in a warning.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
from loguru import logger

from curation.crawl.ranged_file import RangedFile
from curation.crawl.selecting import INDEX_KINDS, select
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError
from curation.html.digest import plain_digest
from curation.html.timestamp import nanoseconds
from curation.text.domains import registered_domain

LINES = (".cdx", ".cdx.gz", ".cdxj", ".cdxj.gz", ".jsonl", ".jsonl.gz", ".json", ".gz")
"""Common Crawl's own files are named ``cdx-00000.gz``."""

_LETTERS = ["N", "b", "a", "m", "s", "k", "r", "M", "S", "V", "g"]
_NAMES = {
    "b": "timestamp",
    "a": "url",
    "m": "mime",
    "s": "status",
    "k": "digest",
    "S": "length",
    "V": "offset",
    "g": "filename",
}
_LINES_AT_ONCE = 50_000
_BUFFER_BYTES = 8 << 20
Row = tuple[Any, ...]


def read_lines(file: str, wanted: Wanted, counts: Counter[str]) -> Iterator[pa.Table]:
    """The wanted rows of a file, from 50,000 lines at a time.

    Args:
        file: local or remote, compressed with gzip if it says so.
        wanted: what is asked for.
        counts: is added to: ``bytes_in_files``, ``bytes_read``, ``rows_in_files``, ``rows_scanned``,
            ``bad_index_lines``, and those of `curation.crawl.selecting.select`.

    Raises:
        ConfigError: if no line names a record, or it ends within what was compressed.
    """
    with RangedFile(file) as stream:
        rows = _rows(_decoded(stream, file), file, counts)
        while batch := list(islice(rows, _LINES_AT_ONCE)):
            counts.update(rows_in_files=len(batch), rows_scanned=len(batch))
            found = select(_Lines(batch), wanted, counts)
            if found is not None:
                yield found
        counts.update(bytes_in_files=stream.size, bytes_read=stream.bytes_read)


def _decoded(stream: RangedFile, file: str) -> Iterator[str]:
    plain: Any = io.BufferedReader(stream, _BUFFER_BYTES)
    if file.endswith(".gz"):
        plain = gzip.GzipFile(fileobj=plain)
    try:
        yield from io.TextIOWrapper(plain, encoding="utf-8", errors="replace")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ConfigError(f"{file}: no index of one record a line: {error}") from error


def _rows(lines: Iterator[str], file: str, counts: Counter[str]) -> Iterator[Row]:
    letters, good, first = _LETTERS, 0, ""
    for number, line in enumerate(lines, 1):
        if line.startswith(" CDX"):
            letters = line.split()[1:]
        if not line.strip() or line.startswith((" CDX", "!", "@")):  # what is said of the file as a whole
            continue
        try:
            row = _row(_fields(line, letters))
        except (ValueError, KeyError, TypeError) as error:
            counts["bad_index_lines"] += 1
            first = first or f"{file}: line {number} names no record of an archive: {error!r}"
            continue
        good += 1
        yield row
    if first and not good:
        raise ConfigError(first)
    if first:
        logger.warning("{} (as others in this file may)", first)


def _fields(line: str, letters: list[str]) -> Mapping[str, Any]:
    """A line's fields by the names of the CDX API."""
    if line.startswith("{"):
        return json.loads(line)
    _, timestamp, rest = line.rstrip("\r\n").split(" ", 2)
    if rest.startswith("{"):
        return json.loads(rest) | {"timestamp": timestamp}
    values = line.split()
    if len(values) != len(letters):
        raise ValueError(f"expected {len(letters)} fields, found {len(values)}")
    return {_NAMES[letter]: value for letter, value in zip(letters, values, strict=True) if letter in _NAMES}


def _row(fields: Mapping[str, Any]) -> Row:
    """The values of `INDEX_KINDS`.

    Raises:
        KeyError: if the record's place or URL is not told.
        ValueError: if a number is none, or the time.
    """
    url, time, status = str(fields["url"]), nanoseconds(str(fields["timestamp"])), str(fields.get("status", ""))
    if time is None:
        raise ValueError(f"no time: {fields['timestamp']!r}")
    return (
        url,
        registered_domain(url),
        time,
        int(status) if status.isdecimal() and len(status) == 3 else None,
        plain_digest(_text(fields, "digest")),
        _text(fields, "mime"),
        _text(fields, "mime-detected"),
        _text(fields, "languages"),
        str(fields["filename"]),
        int(fields["offset"]),
        int(fields["length"]),
    )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Rows that are in memory."""

    rows: list[Row]

    @property
    def count(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pa.ChunkedArray:
        place = list(INDEX_KINDS).index(name)
        return pa.chunked_array([pa.array([row[place] for row in self.rows], INDEX_KINDS[name])])
