"""Small objects from a store, many at a time: in order, within bounded memory, and with patience.

Example: ``fetcher = Fetcher("s3://softwareheritage/content/{blob_id}", concurrency=32)``, then
``for row, body in fetcher.fetch_all(rows): ...`` gives every row with its bytes, or None where the store has none.

An object that is not there is data; a store that refuses us, or is not there, is an error that stops the run: a wrong
secret must not look like a million missing files.
"""

from __future__ import annotations

import random
import string
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

from curation.errors import ConfigError, CurationError
from curation.folder import protocols
from curation.stores import is_refusal, may_pass, no_bucket, open_store, s3_options, said

T = TypeVar("T")
R = TypeVar("R")

_REFUSED_ATTEMPTS = 3  # a store under load has answered 403 to good keys
_LONGEST_WAIT_SECONDS = 30.0
_HELD_BYTES = 256_000_000
_NOWHERE = "0" * 40


class Fetcher:
    """Reads objects whose location is a template filled with the columns of a row.

    Args:
        template: a location of any fsspec protocol with columns in braces.
        concurrency: requests at a time.
        window: rows that are waited for at most, so that one slow object does not stop the others.
        attempts: how often an object is asked for before the run stops.
        first_wait_seconds: before the second attempt; it doubles with each further one.

    Raises:
        ConfigError: if the template names no column; at the first use, if its protocol is unknown.
    """

    def __init__(
        self,
        template: str,
        concurrency: int = 32,
        window: int = 256,
        attempts: int = 6,
        first_wait_seconds: float = 0.5,
    ) -> None:
        self.template, self.concurrency, self.window = template, concurrency, max(window, concurrency)
        self.attempts, self.first_wait_seconds = attempts, first_wait_seconds
        self.columns = template_columns(template)
        self.counts: Counter[str] = Counter()
        self._stopped, self._lock = threading.Event(), threading.Lock()

    @cached_property
    def _store(self) -> tuple[Any, str]:
        """The file system and the template as it wants it; opened when something is to be fetched."""
        try:
            return open_store(self.template, s3_options(self.template, self.concurrency))
        except ConfigError as error:
            raise ConfigError(f"contents: {error}") from error

    def check(self) -> None:
        """Ask for an object that nobody has.

        Raises:
            ConfigError: if the store refuses us or is not there.
        """
        fs, pattern = self._store
        folder = pattern.partition("{")[0].rpartition("/")[0]
        try:
            if "file" in protocols(fs) and not fs.isdir(folder):
                raise ConfigError(f"contents: {self.template}: no folder {folder}")
            fs.cat_file(pattern.format_map(dict.fromkeys(self.columns, _NOWHERE)))
        except FileNotFoundError as error:
            if no_bucket(error):
                raise ConfigError(f"contents: {self.template}: {said(error)}") from error
        except ConfigError:
            raise
        except Exception as error:  # of a store also what its own package calls an error
            raise ConfigError(f"contents: {self.template}: {said(error)}") from error

    def fetch_all(
        self, rows: Iterable[T], wanted: Callable[[T], Mapping[str, Any] | None], weight: Callable[[T], int]
    ) -> Iterator[tuple[T, bytes | None]]:
        """Every row, in order, with what was fetched for it.

        Args:
            rows: of any kind.
            wanted: the values of the template's columns for a row, None for one that needs nothing.
            weight: how many bytes a row's object has, as far as is known; bounds what is held.

        Raises:
            CurationError: if the store refuses us, is gone, or an object cannot be had after all attempts.
        """
        pool = ThreadPoolExecutor(self.concurrency, "fetch")
        waiting: deque[tuple[T, int, Future[bytes | None] | None]] = deque()
        held = 0
        try:
            for row in rows:
                values = wanted(row)
                future = self._begin(pool, values)
                size = weight(row) if future else 0
                waiting.append((row, size, future))
                held += size
                while waiting and (len(waiting) >= self.window or held > _HELD_BYTES):
                    one, size, first = waiting.popleft()
                    held -= size
                    yield one, first.result() if first else None
            for one, _, future in waiting:
                yield one, future.result() if future else None
        finally:
            self._stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopped.clear()

    def _begin(self, pool: ThreadPoolExecutor, values: Mapping[str, Any] | None) -> Future[bytes | None] | None:
        if values is None:
            return None
        _ = self._store  # opened once, before many threads want it
        return pool.submit(self.fetch, values)

    def fetch(self, values: Mapping[str, Any]) -> bytes | None:
        """One object, None if it is not there; see `fetch_all`."""
        fs, pattern = self._store
        path = pattern.format_map(values)
        if ".." in path.split("/"):
            return None
        for attempt in range(1, self.attempts + 1):
            try:
                body: bytes = fs.cat_file(path)
            except FileNotFoundError as error:
                if no_bucket(error):
                    raise CurationError(f"{self.template}: {said(error)}") from error
                return None
            except Exception as error:
                self._wait(error, path, attempt)
            else:
                self._count(fetched_files=1, fetched_bytes=len(body))
                return body
        raise AssertionError("the last attempt returns or raises")

    def _count(self, **more: int) -> None:
        with self._lock:
            self.counts.update(more)

    def _wait(self, error: Exception, path: str, attempt: int) -> None:
        """Until an object may be asked for again; raise where that would be in vain."""
        again = may_pass(error)
        most = self.attempts if again else _REFUSED_ATTEMPTS if is_refusal(error) else 1
        if attempt >= min(most, self.attempts) or self._stopped.is_set():
            raise CurationError(f"{path}: {said(error)} (after {attempt} attempts)") from error
        self._count(fetch_retries=1)
        seconds = min(self.first_wait_seconds * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS)
        self._stopped.wait(seconds * random.uniform(0.5, 1.5))


def template_columns(template: str) -> tuple[str, ...]:
    """The columns in the braces of a location.

    Raises:
        ConfigError: if there are none, or the braces are not closed.
    """
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ConfigError(f"contents: {template!r}: {error}") from error
    if not names or not all(name.isidentifier() for name in names):
        raise ConfigError(f"contents: {template!r} names no column; expected such as s3://bucket/content/{{blob_id}}")
    return tuple(dict.fromkeys(names))


def timed(items: Iterator[R], spent: Counter[str], name: str) -> Iterator[R]:
    """The items, with the seconds that were waited for them added to a counter, in milliseconds."""
    while True:
        begun = time.perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            spent[name] += round(1000 * (time.perf_counter() - begun))
        yield item
