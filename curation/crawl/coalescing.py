"""Neighbouring ranges of an archive -> few requests, and what they will cost.

    rows = [("a.warc.gz", 0, 900), ("a.warc.gz", 1500, 700), ("b.warc.gz", 0, 800)]
    [(span.start, span.end, len(span.rows)) for span in coalesce(rows, lambda row: row, gap_bytes=1000)]
    # [(0, 2200, 2), (0, 800, 1)]

A crawl keeps a page's request and metadata beside it, so that even neighbouring pages lie a kilobyte or two apart; each
request costs the server more than these bytes do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import pyarrow as pa

T = TypeVar("T")
Place = tuple[str, int, int]
"""An archive's name, an offset in it, and a length in bytes."""

GAP_BYTES = 64 << 10
MAX_REQUEST_BYTES = 8 << 20
MAX_RANGE_BYTES = 1 << 28
"""No record of a page is longer; an index that says so is broken."""


@dataclass(slots=True)
class Span(Generic[T]):
    """The bytes ``start`` to ``end`` of an archive, and the rows that are cut from them; None of them for no request.

    ``archive`` is None for a row of which nothing is to be asked.
    """

    archive: str | None
    start: int = 0
    end: int = 0
    rows: list[T] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Bytes."""
        return self.end - self.start


def coalesce(
    rows: Iterable[T],
    place: Callable[[T], Place | None],
    gap_bytes: int = GAP_BYTES,
    max_request_bytes: int = MAX_REQUEST_BYTES,
) -> Iterator[Span[T]]:
    """All rows, in their order, in spans that are one request each.

    A row joins the one before it where it begins in the same archive, not before that one's span and at most
    ``gap_bytes`` behind its end, unless the span would exceed ``max_request_bytes`` (a longer row is a request by
    itself). Ranges that overlap or repeat are in one span.

    Args:
        rows: best sorted by archive and offset; in any other order there are more requests.
        place: where a row's bytes are; None for a row that needs no request, and has a span of its own.
        gap_bytes: that are read in vain rather than ask once more.
        max_request_bytes: of one request.
    """
    span: Span[T] | None = None
    for row in rows:
        found = place(row)
        if found is None:
            if span is not None:
                yield span
            span = None
            yield Span(None, rows=[row])
            continue
        archive, offset, length = found
        end = offset + length
        if (
            span is not None
            and span.archive == archive
            and span.start <= offset <= span.end + gap_bytes
            and max(end, span.end) - span.start <= max(max_request_bytes, span.length)
        ):
            span.end = max(span.end, end)
            span.rows.append(row)
            continue
        if span is not None:
            yield span
        span = Span(archive, offset, end, [row])
    if span is not None:
        yield span


@dataclass(frozen=True, kw_only=True)
class FetchForecast:
    """What fetching will take.

    Args:
        documents: ranges.
        archives: that they lie in.
        requests: after neighbours have been joined.
        bytes: that are read.
        wanted_bytes: the ranges' own lengths; less than ``bytes`` where gaps are read, more where ranges overlap.
        requests_per_second: of the whole stage.
    """

    documents: int
    archives: int
    requests: int
    bytes: int
    wanted_bytes: int
    requests_per_second: float

    @property
    def seconds(self) -> float:
        """At the rate that is allowed; a slow network takes longer."""
        return self.requests / self.requests_per_second

    def __str__(self) -> str:
        return (
            f"fetch: {self.documents:,} ranges of {self.archives:,} archives in {self.requests:,} requests, "
            f"{_size(self.bytes)} ({_size(self.wanted_bytes)} wanted), about {_time(self.seconds)} at "
            f"{self.requests_per_second:g} requests/s"
        )


def estimate_fetch(
    tables: Iterable[pa.Table],
    *,
    gap_bytes: int = GAP_BYTES,
    max_request_bytes: int = MAX_REQUEST_BYTES,
    requests_per_second: float,
) -> FetchForecast:
    """The requests and bytes that ranges take, exactly, and the time at the allowed rate.

    Args:
        tables: with the columns ``warc_filename``, ``warc_record_offset`` and ``warc_record_length``; rows without a
            place are counted as ranges, and nothing is asked for them.
        gap_bytes: as of `coalesce`.
        max_request_bytes: as of `coalesce`.
        requests_per_second: of the whole stage.
    """
    ranges = requests = read = wanted = 0
    archives: set[str] = set()
    for span in coalesce(_places(tables), lambda row: row, gap_bytes, max_request_bytes):
        ranges += len(span.rows)
        if span.archive is not None:
            requests += 1
            read += span.length
            wanted += sum(row[2] for row in span.rows if row is not None)
            archives.add(span.archive)
    return FetchForecast(
        documents=ranges,
        archives=len(archives),
        requests=requests,
        bytes=read,
        wanted_bytes=wanted,
        requests_per_second=requests_per_second,
    )


def place_of(archive: str | None, offset: int | None, length: int | None) -> Place | None:
    """A place, None where the values name none."""
    if not archive or ".." in archive.split("/") or offset is None or length is None:
        return None
    return (archive, offset, length) if offset >= 0 and 0 < length <= MAX_RANGE_BYTES else None


def _places(tables: Iterable[pa.Table]) -> Iterator[Place | None]:
    for table in tables:
        names = ("warc_filename", "warc_record_offset", "warc_record_length")
        for row in zip(*(table[name].to_pylist() for name in names), strict=True):
            yield place_of(*row)


def _size(number: int) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number / 1e3:.1f} kB"


def _time(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
