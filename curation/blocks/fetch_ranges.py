"""Ranges of a crawl's archives -> the pages that lie there.

Example: ``FetchRanges(archives="https://data.commoncrawl.org/", keep=folder_of("fetch"))`` after `SortRanges`: then
`ExtractText` works on its pages as it does on those of archives that were read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.read import PAGE_COLUMNS
from curation.blocks.step import Documents, Step, tuning
from curation.content import absolute_location, resolve_location
from curation.crawl.captures import SEGMENT_SECONDS, Captures, forget_all, forget_finished
from curation.crawl.coalescing import (
    GAP_BYTES,
    MAX_REQUEST_BYTES,
    FetchForecast,
    Place,
    Span,
    coalesce,
    estimate_fetch,
    place_of,
)
from curation.crawl.ranges import PLACE, RANGE_COLUMNS, crawl_of
from curation.crawl.reading import USER_AGENT, ArchiveReader, Failure
from curation.crawl.records import ReadRecord, is_same_url, payload_digest, read_record, stated_digest
from curation.errors import ConfigError
from curation.folder import Folder, open_input
from curation.html.digest import plain_digest
from curation.manifest import Shard
from curation.recipe import OUTPUT, RunContext
from curation.retry import Backoff

COMMON_CRAWL = "https://data.commoncrawl.org/"
_FORECAST_ROWS = 100_000


@dataclass(kw_only=True, repr=False)
class FetchRanges(Step):
    """Read each row's range and give its page: the columns of `PAGE_COLUMNS`, and the row's own.

    Neighbouring ranges are read in one request. What cannot be had is dropped with its reason and all its columns:
    ``archive_missing``, ``range_missing`` (it begins behind the archive's end), ``range_truncated``, ``not_a_record``,
    ``url_mismatch``, ``digest_mismatch`` (it is not the record that the index promised), ``fetch_failed_503`` and the
    like (the status, or ``connection``, ``timeout``, ``range_ignored``, after all attempts), ``bad_range`` (the row
    names no place), and what `curation.html.archive.read_archive` says of records without a page. A URL that is spelt
    otherwise, by percent signs or white space only, is counted as ``urls_spelt_otherwise``, and a digest that the
    record states itself and its bytes have not as ``digests_only_stated``: it may be of what came before decoding.

    Counted, too: ``requests``, ``retries``, ``throttled``, ``bytes_fetched``, ``bytes_wanted``,
    ``waited_milliseconds`` (of all threads, for their turn) and ``ranges_from_captures``.

    Args:
        archives: below which location the archives are: ``https://…``, ``s3://…`` or a folder.
        verify: compare each record with the row's URL and digest, where it has them.
        gap_bytes: between two ranges that are read in vain rather than ask once more.
        max_request_bytes: of one request.
        concurrency: requests at a time of one task.
        requests_per_second: of all tasks that run at a time. After an answer that asks for patience it is halved, and
            grows back within two minutes, see `curation.crawl.pace`.
        attempts: how often a range is asked for.
        first_wait_seconds: before the second attempt, at most; it doubles with each further one.
        user_agent: who asks.
        keep: the stage's own folder: records are kept there until their shard is finished, so that they are not fetched
            again when it is killed. None to keep nothing.
        keep_seconds: how long a record may wait to be kept.
    """

    version: ClassVar[int] = 1
    reads_contents: ClassVar[bool] = True
    adds: ClassVar[dict[str, pa.DataType]] = {"text": pa.large_string()} | PAGE_COLUMNS | RANGE_COLUMNS

    archives: str = COMMON_CRAWL
    verify: bool = True
    gap_bytes: int = tuning(GAP_BYTES)
    max_request_bytes: int = tuning(MAX_REQUEST_BYTES)
    concurrency: int = tuning(32)
    requests_per_second: float = tuning(50.0)
    attempts: int = tuning(8)
    first_wait_seconds: float = tuning(0.5)
    user_agent: str = tuning(USER_AGENT)
    keep: str | None = tuning(None)
    keep_seconds: float = tuning(SEGMENT_SECONDS)

    def __post_init__(self) -> None:
        for name in ("max_request_bytes", "concurrency", "attempts"):
            if (value := getattr(self, name)) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {value}")
        if self.gap_bytes < 0 or not self.requests_per_second > 0:
            raise ConfigError(
                "gap_bytes must not be negative, and requests_per_second must be above 0, got "
                f"{self.gap_bytes} and {self.requests_per_second:g}"
            )
        self.archives = absolute_location(self.archives)
        self._reader: ArchiveReader | None = None  # its pace and what it knows of the store last for all shards
        super().__post_init__()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The columns of pages, of ranges, and whatever else the rows have.

        Raises:
            ConfigError: if the rows name no places.
        """
        missing = [name for name in PLACE if columns and name not in columns]
        if missing:
            raise ConfigError(f"ranges: no column {', '.join(missing)} (there are {', '.join(columns)})")
        found = {"id": pa.string()} | self.adds | {name: columns[name] for name in columns if name not in self.adds}
        return {name: kind for name, kind in found.items() if name != "part"}

    def check(self) -> None:
        """Raise ConfigError if the store refuses us or is not there."""
        if OUTPUT not in self.archives:
            self._open().check()

    def forecast(self, shards: Sequence[Shard], mapping: Mapping[str, str], tasks: int) -> FetchForecast:
        """What the shards will take; of a started one all is counted, as if nothing had been kept."""
        names = [mapping.get(name, name) for name in PLACE]
        tables = chain.from_iterable(self._places(file, names) for shard in shards for file in shard.files)
        return estimate_fetch(
            tables,
            gap_bytes=self.gap_bytes,
            max_request_bytes=self.max_request_bytes,
            requests_per_second=self.requests_per_second,
        )

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the pages, in the order of the rows."""
        if self._reader is None:
            self._reader = self._open()
        before = self._reader.counts.copy()
        with self._captures(rank) as captures:
            spans = coalesce(
                self._rows(data), lambda doc: self._asked(doc, captures), self.gap_bytes, self.max_request_bytes
            )
            for span, found in self._reader.read_all(spans):
                for doc in span.rows:
                    yield from self._pages(doc, span, found, captures, rank)
        for name, number in (self._reader.counts - before).items():
            self.count(name, number)

    def _open(self) -> ArchiveReader:
        return ArchiveReader(
            resolve_location(self.archives),
            concurrency=self.concurrency,
            requests_per_second=self.requests_per_second / max(1, self.at_a_time),
            backoff=Backoff(attempts=self.attempts, first_seconds=self.first_wait_seconds),
            user_agent=self.user_agent,
        )

    def _captures(self, rank: int) -> Any:
        if self.keep is None:
            return nullcontext()
        folder = Folder(self.keep)
        forget_finished(folder)
        return Captures(folder, f"{rank:05d}", segment_seconds=self.keep_seconds)

    def _rows(self, data: Documents | None) -> Iterator[Document]:
        for doc in data or ():
            doc.metadata.pop("part", None)
            yield doc

    def _places(self, file: str, names: Sequence[str]) -> Iterator[pa.Table]:
        with open_input(file) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(_FORECAST_ROWS, columns=list(names)):
                yield pa.table(dict(zip(PLACE, (batch[name] for name in names), strict=True)))

    def _asked(self, doc: Document, captures: Captures | None) -> Place | None:
        place = _place(doc)
        return None if place is None or (captures is not None and place in captures) else place

    def _pages(
        self, doc: Document, span: Span[Document], found: bytes | Failure | None, captures: Captures | None, rank: int
    ) -> Iterator[Document]:
        """The page of a row, or nothing, and the row is dropped."""
        place = _place(doc)
        if place is None or isinstance(found, Failure):
            self.drop(doc, found.reason if isinstance(found, Failure) else "bad_range", rank)
            return
        body = self._body(place, span, found, captures)
        read = read_record(body, *place)
        if captures is not None and found is not None and read.is_member:
            captures.add(place, body)
        reason = self._fill(doc, read)
        if reason is None:
            self.stat_update("total", "forwarded")
            yield doc
        else:
            doc.metadata["html"] = None
            self.drop(doc, reason, rank)

    def _body(self, place: Place, span: Span[Document], found: bytes | None, captures: Captures | None) -> bytes:
        if found is not None:
            self.count("bytes_wanted", place[2])
            first = place[1] - span.start
            return found[first : first + place[2]]
        assert captures is not None, "nothing was asked, so it is there"
        self.count("ranges_from_captures")
        return captures.read(place)

    def _fill(self, doc: Document, read: ReadRecord) -> str | None:
        """Make a page of the row; why it is none."""
        record, row = read.record, doc.metadata
        if record is None:
            return read.wrong
        if self.verify and row.get("url") and record.url != row["url"]:
            if not is_same_url(record.url, row["url"]):
                return "url_mismatch"
            self.count("urls_spelt_otherwise")
        promised = plain_digest(row.get("content_digest"))
        if self.verify and promised and payload_digest(read.plain) != promised:
            if stated_digest(read.plain) != promised:
                return "digest_mismatch"
            self.count("digests_only_stated")
        doc.id, doc.text = record.id, ""
        row |= {"url": record.url, "html": record.html, "fetch_time": record.fetch_time}
        row["content_mime_type"] = record.content_mime_type
        row["crawl"] = row.get("crawl") or crawl_of(record.warc_filename)
        row["snapshot_type"] = row.get("snapshot_type") or "latest"
        return record.reason


@dataclass(kw_only=True, repr=False)
class ForgetCaptures(Step):
    """A finishing step: the records that `FetchRanges` kept for a restart are not needed any more."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Remove them."""
        forget_all(Folder(context.folder))


def _place(doc: Document) -> Place | None:
    row = doc.metadata
    return place_of(*(row.get(name) for name in PLACE))
