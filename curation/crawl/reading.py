"""Ranged reads of archives, many at a time: in order, within bounded memory, politely, and with patience.

    reader = ArchiveReader("https://data.commoncrawl.org/", requests_per_second=50)
    for span, found in reader.read_all(coalesce(rows, place)):
        ...  # found is the span's bytes (fewer where the archive ends), or a `Failure`, or None if nothing was asked

Common Crawl answers 403 and 503 under load, so these are asked again, too, and every answer of that kind slows all
requests of the task down. A request that fails to the end costs its own ranges only, but a store that refuses us, or
is not there, stops the run.
"""

from __future__ import annotations

import importlib.metadata
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from curation.crawl.coalescing import Span
from curation.crawl.pace import Pace
from curation.crawl.ranged_http import RangeIgnored, http_options
from curation.errors import ConfigError, CurationError
from curation.folder import protocols
from curation.retry import Backoff
from curation.stores import answer, is_busy, is_refusal, may_pass, no_bucket, open_store, retry_after, s3_options, said

T = TypeVar("T")

USER_AGENT = f"curation/{importlib.metadata.version('curation')}"
MOST_FAILURES = 50
"""Requests in a row that failed to the end; then it is the store that fails."""
_THROTTLED = frozenset((403, 429, 503))
_CHECK_ATTEMPTS = 3
_HELD_BYTES = 128_000_000
_NOWHERE = f"crawl-data/{'0' * 40}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a span was not read: a reason for its rows, and what the store said."""

    reason: str
    said: str


class ArchiveReader:
    """Reads spans of the archives below one location.

    Args:
        archives: a location of any fsspec protocol, or a local folder.
        concurrency: requests at a time.
        requests_per_second: at most, of this task.
        backoff: how often a span is asked for, and the waits in between.
        user_agent: who asks.

    Attributes:
        counts: ``requests``, ``retries``, ``throttled`` (answers that asked for patience), ``bytes_fetched`` and
            ``waited_milliseconds`` (of all threads, for their turn).
    """

    def __init__(
        self,
        archives: str,
        *,
        concurrency: int = 32,
        requests_per_second: float = 50.0,
        backoff: Backoff = Backoff(),  # noqa: B008  (frozen)
        user_agent: str = USER_AGENT,
    ) -> None:
        self.archives, self.concurrency, self.backoff = archives, concurrency, backoff
        self.user_agent = user_agent
        self.pace = Pace(requests_per_second, sleep=self._sleep)
        self.counts: Counter[str] = Counter()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._missing: set[str] = set()
        self._answered, self._failures = False, 0

    @cached_property
    def _store(self) -> tuple[Any, str]:
        """The file system, whose own retries are off, and the path of the archives in it."""
        once: dict[str, Any] = {"retries": {"total_max_attempts": 1, "mode": "standard"}, "user_agent": self.user_agent}
        options = s3_options(self.archives, self.concurrency, **once)
        options |= http_options(self.archives, self.concurrency, self.user_agent)
        fs, root = open_store(self.archives, options | {"skip_instance_cache": True})
        if options:
            fs.retries = 1
        return fs, root.rstrip("/")

    def check(self) -> None:
        """Ask for a byte of an archive that nobody has.

        Raises:
            ConfigError: if the store refuses us or is not there.
        """
        fs, root = self._store
        if "file" in protocols(fs) and not fs.isdir(root):
            raise ConfigError(f"archives: {self.archives}: no such folder")
        try:
            found = self._ask(Span(_NOWHERE, 0, 1), attempts=_CHECK_ATTEMPTS)
        except CurationError as error:
            raise ConfigError(f"archives: {error}") from error
        if isinstance(found, Failure) and found.reason not in ("archive_missing", "range_missing"):
            raise ConfigError(f"archives: {self.archives}: {found.said}")

    def read_all(self, spans: Iterable[Span[T]]) -> Iterator[tuple[Span[T], bytes | Failure | None]]:
        """Every span, in order, with its bytes.

        Args:
            spans: of `coalesce`; one without an archive is given back with None.

        Raises:
            CurationError: if the store has answered nothing yet and refuses us, or `MOST_FAILURES` requests in a row
                have failed to the end.
        """
        _ = self._store  # opened once, before many threads want it
        pool = ThreadPoolExecutor(self.concurrency, "fetch")
        waiting: deque[tuple[Span[T], Future[bytes | Failure] | None]] = deque()
        held = 0
        try:
            for span in spans:
                waiting.append((span, pool.submit(self.read, span) if span.archive is not None else None))
                held += span.length
                while waiting and (len(waiting) >= 4 * self.concurrency or held > _HELD_BYTES):
                    first, future = waiting.popleft()
                    held -= first.length
                    yield first, future.result() if future else None
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result() if future else None
        finally:
            self._stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopped.clear()

    def read(self, span: Span[Any]) -> bytes | Failure:
        """One span; see `read_all`."""
        if span.archive in self._missing:
            return Failure("archive_missing", f"{span.archive}: not there")
        found = self._ask(span, self.backoff.attempts)
        with self._lock:
            if isinstance(found, bytes):
                self._answered, self._failures = True, 0
                self.counts["bytes_fetched"] += len(found)
                return found
            if found.reason == "archive_missing":
                self._missing.add(str(span.archive))
            # That nothing is there says something about an archive, unless nothing ever was.
            if found.reason.startswith("fetch_failed") or not self._answered:
                self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise CurationError(f"{MOST_FAILURES} requests in a row failed, such as {found.said}")
        return found

    def _ask(self, span: Span[Any], attempts: int) -> bytes | Failure:
        for attempt in range(attempts):
            waited = self.pace.take()
            self._count(requests=1, retries=int(attempt > 0), waited_milliseconds=round(1000 * waited))
            begun = time.monotonic()
            try:
                return self._cat(span)
            except Exception as error:  # of a store also what its own package calls an error
                failure = self._failure(span, error)
                again = failure.reason.startswith("fetch_failed") and _is_asked_again(error)
                wait = self._slow_down(error, attempt, begun) if again else 0.0
                if not again or attempt + 1 == attempts:
                    self._refuse(error, span)
                    return failure
            self._sleep(wait)
        raise AssertionError("the last attempt returns")

    def _cat(self, span: Span[Any]) -> bytes:
        fs, root = self._store
        body: bytes = fs.cat_file(f"{root}/{span.archive}", start=span.start, end=span.end)
        if len(body) > span.length:
            raise RangeIgnored(f"{len(body)} bytes came instead of {span.length}")
        return body

    def _failure(self, span: Span[Any], error: Exception) -> Failure:
        """What an error means for the rows of the span.

        Raises:
            CurationError: if it is the bucket that is not there.
        """
        code, status = answer(error)
        if no_bucket(error):
            raise CurationError(f"{self.archives}: {said(error)}") from error
        told = f"{span.archive}: {said(error)}"
        if isinstance(error, FileNotFoundError) or status in (404, 410):
            return Failure("archive_missing", told)
        if status == 416 or code == "InvalidRange":
            return Failure("range_missing", told)
        if status is not None:
            return Failure(f"fetch_failed_{status}", told)
        if not (_is_asked_again(error) or is_refusal(error) or isinstance(error, OSError)):
            raise error
        kind = "range_ignored" if isinstance(error, RangeIgnored) else "connection"
        return Failure(f"fetch_failed_{'timeout' if isinstance(error, TimeoutError) else kind}", told)

    def _slow_down(self, error: Exception, attempt: int, begun: float) -> float:
        """The seconds until the next attempt; of an answer that asks for patience all requests are told."""
        asked = retry_after(error)
        seconds = self.backoff.delay(attempt, asked)
        if asked or answer(error)[1] in _THROTTLED:
            self._count(throttled=1)
            self.pace.slow_down(begun, seconds if asked else 0.0)
        return seconds

    def _refuse(self, error: Exception, span: Span[Any]) -> None:
        if is_refusal(error) and not self._answered:
            raise CurationError(f"{self.archives}: {span.archive}: {said(error)}") from error

    def _count(self, **more: int) -> None:
        with self._lock:
            self.counts.update(more)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise CancelledError("the reading has ended")


def _is_asked_again(error: Exception) -> bool:
    """Whether another attempt is made; of answers with a status that decides, whatever error of Python's they are."""
    status = answer(error)[1]
    if status is None:
        return may_pass(error) or is_refusal(error)
    return is_busy(error) or status == 403 or status >= 500
