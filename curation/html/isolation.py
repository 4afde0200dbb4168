"""Extraction in a process of its own, so that no page can stop a run.

    with IsolatedExtractor(timeout_seconds=30) as extractor:
        for page in extractor.extract_many(pages):
            ...  # page.reasons is ("too_slow",) and page.text empty where a page took longer

One child lives as long as the extractor. Pages go to it as frames of UTF-8 over a pipe, up to half a megabyte ahead of
the answers, and it is killed and started again when a page costs too much. A page that cost a child its life, or ran
out of memory in one that others had used before, is tried once more, alone in a fresh child and with the same limits:
only what happens twice is the page's own doing and not the machine's. Loading and compiling take a child about half a
second, so it may be kept for the extractor that comes next (``keep_seconds``).

Measured on pages of 66 kB, in both processes together: 0.1 ms of CPU a page on a quiet machine, 0.15 on one with twice
as many processes as cores, most of it for encoding and decoding what is not ASCII. Socket pairs, shared memory, UTF-16,
marshal and waking less often cost the same or more (``tests/bench/extraction/isolation.py``).
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from curation.html.isolation_child import EXTRACT_PAGE, REQUEST, as_page, given_up, limited, load
from curation.html.isolation_process import ChildProcess, Failed
from curation.html.page import Page

LIMIT_REASONS = ("too_large", "too_slow", "too_much_memory", "crashed")
"""Why a page was given up; its text is empty and this is its only reason."""

MAX_HTML_CHARS = 8_000_000  # Common Crawl cuts pages at 1 MiB, since 2025 at 5 MiB: nothing that it has is longer
TIMEOUT_SECONDS = 30.0  # 8 million characters of tags took 2 to 9 s; the rest is for busy machines
MAX_MEMORY_MB = 2000  # the same take up to 1,400

_AHEAD_BYTES = 1 << 19  # sent and not answered; half of the pipe, so that writing hardly ever waits
_AHEAD_ITEMS = 64  # also of those that have no page

_Item = TypeVar("_Item")


class DirectExtractor:
    """The same face without a child: of the limits only that of size holds, and an error of a page is raised.

    Args:
        function: ``module:function`` that takes a page's HTML and options, and gives a `Page` or a text.
        max_html_chars: characters of a page, and of its text.
    """

    def __init__(self, function: str = EXTRACT_PAGE, *, max_html_chars: int = MAX_HTML_CHARS) -> None:
        self.last_words = ""
        self._max_html_chars = max_html_chars
        self._extract = load(function)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def extract_each(
        self, items: Iterable[tuple[_Item, str | None]], **options: Any
    ) -> Iterator[tuple[_Item, Page | None]]:
        """See `IsolatedExtractor.extract_each`."""
        for item, html in items:
            yield item, None if html is None else self._page_of(html, options)

    def _page_of(self, html: str, options: dict[str, Any]) -> Page:
        if len(html) > self._max_html_chars:
            return given_up("too_large")
        return limited(as_page(self._extract(html, **options)), self._max_html_chars)


@dataclass(slots=True, eq=False)
class _Job(Generic[_Item]):
    """One item on its way: ``page`` is what is known of it, ``frame`` what the child is asked while nothing is."""

    item: _Item
    frame: tuple[bytes, ...] = ()
    size: int = 0
    page: Page | None = None
    tries: int = 0
    last_words: str = ""


class IsolatedExtractor:
    """Extracts pages in a child process. Not for several threads at a time.

    Args:
        function: ``module:function`` that takes a page's HTML and options, and gives a `Page` or a text. The child
            starts by trying it on a small page, so that one that does not work at all is an error.
        max_html_chars: characters of a page, and of its text; more is ``too_large``.
        timeout_seconds: for one page; more is ``too_slow``.
        max_memory_mb: that one page may take on top of what the child takes without; more is ``too_much_memory``.
            Not enforced where there is no ``/proc``.
        keep_seconds: how long the child is kept when the extractor is closed, for another one in this process with the
            same function and limits; 0 for not at all.

    Attributes:
        last_words: why the page that was given last was given up, such as the error's message; else empty.

    Raises:
        ValueError: if a limit is not positive.
        CurationError: from the methods, if the child does not start.
    """

    def __init__(
        self,
        function: str = EXTRACT_PAGE,
        *,
        max_html_chars: int = MAX_HTML_CHARS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_memory_mb: int = MAX_MEMORY_MB,
        keep_seconds: int = 0,
    ) -> None:
        limits = {
            "max_html_chars": max_html_chars, "timeout_seconds": timeout_seconds, "max_memory_mb": max_memory_mb
        }  # fmt: skip
        for name, value in limits.items():
            if not value > 0:
                raise ValueError(f"{name}: expected more than 0, got {value}")
        self.last_words = ""
        self._function = function
        self._max_html_chars = max_html_chars
        self._timeout_seconds = timeout_seconds
        self._max_memory_mb = max_memory_mb
        self._keep_seconds = keep_seconds
        self._child: ChildProcess | None = None
        self._queue: deque[_Job[Any]] = deque()  # without an answer, in order
        self._sent = 0  # how many of them the child was sent
        self._queued_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the child; the extractor may be used again and then starts another one."""
        child = self._child
        if child is None or self._queue or not self._keep_seconds:
            self._end_child()
            return
        self._child = None
        child.rest(self._keep_seconds)
        if _resting.setdefault(self._key(), child) is not child:
            child.end()

    def extract(self, html: str, **options: Any) -> Page:
        """One page."""
        return next(self.extract_many([html], **options))

    def extract_many(self, pages: Iterable[str], **options: Any) -> Iterator[Page]:
        """Pages in order, some of them read ahead so that the child works while the caller does."""
        for _, page in self.extract_each(((None, html) for html in pages), **options):
            assert page is not None
            yield page

    def extract_each(
        self, items: Iterable[tuple[_Item, str | None]], **options: Any
    ) -> Iterator[tuple[_Item, Page | None]]:
        """Whatever comes with its page, in order; items whose HTML is None pass in their place with None."""
        asked = json.dumps(options).encode()
        jobs: deque[_Job[_Item]] = deque()
        for item, html in items:
            jobs.append(self._begin(item, html, asked))
            while jobs and (not jobs[0].frame or len(jobs) >= _AHEAD_ITEMS or self._queued_bytes >= _AHEAD_BYTES):
                yield self._finished(jobs.popleft())
        while jobs:
            yield self._finished(jobs.popleft())

    def _begin(self, item: _Item, html: str | None, options: bytes) -> _Job[_Item]:
        if html is None:
            return _Job(item)
        if len(html) > self._max_html_chars:
            return _Job(item, page=given_up("too_large"), last_words=f"{len(html):,} characters")
        page = html.encode("utf-8", "surrogatepass")
        frame = (REQUEST.pack(len(options), len(page)), options, page)
        job = _Job(item, frame=frame, size=len(page))
        self._queue.append(job)
        self._queued_bytes += job.size
        self._feed()
        return job

    def _finished(self, job: _Job[_Item]) -> tuple[_Item, Page | None]:
        while job.frame:
            self._advance()
        self.last_words = job.last_words
        return job.item, job.page

    def _feed(self) -> None:
        """Send the child what it is due: all that waits, but a page that is tried again goes alone."""
        if self._child is None:
            self._child = self._rested() or ChildProcess(self._function, self._max_html_chars, self._max_memory_mb)
        due = 1 if self._queue[0].tries else len(self._queue)
        while self._sent < due:
            self._child.send(self._queue[self._sent].frame, idle=self._sent == 0)
            self._sent += 1

    def _advance(self) -> None:
        """Wait for what becomes of the first page that waits."""
        self._feed()
        assert self._child is not None
        try:
            page, last_words = self._child.answer(self._timeout_seconds, self._max_html_chars)
        except Failed as failure:
            self._end_child()
            self._queue[0].tries += 1
            if self._queue[0].tries > 1:
                self._settle(given_up(failure.reason), failure.last_words)
        else:
            self._sent -= 1
            self._settle(page, last_words)

    def _end_child(self) -> None:
        child, self._child, self._sent = self._child, None, 0
        if child is not None:
            child.end()

    def _rested(self) -> ChildProcess | None:
        child = _resting.pop(self._key(), None)
        if child is None or child.is_running():
            return child
        child.end()
        return None

    def _key(self) -> _Key:
        return os.getpid(), tuple(map(str, sys.path)), self._function, self._max_html_chars, self._max_memory_mb

    def _settle(self, page: Page, last_words: str) -> None:
        job = self._queue.popleft()
        self._queued_bytes -= job.size
        job.page, job.frame, job.last_words = page, (), last_words


_Key = tuple[int, tuple[str, ...], str, int, int]
_resting: dict[_Key, ChildProcess] = {}
"""Children without an extractor, by process (a fork has them too, but they are not its own) and settings."""


@atexit.register
def _end_resting() -> None:
    for key in [key for key in _resting if key[0] == os.getpid()]:
        _resting.pop(key).end()
