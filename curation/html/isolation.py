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
import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from curation.errors import CurationError
from curation.html.page import Page

EXTRACT_PAGE = "curation.html.extract:extract_page"
LIMIT_REASONS = ("too_large", "too_slow", "too_much_memory", "crashed")
"""Why a page was given up; its text is empty and this is its only reason."""

MAX_HTML_CHARS = 8_000_000  # Common Crawl cuts pages at 1 MiB, since 2025 at 5 MiB: nothing that it has is longer
TIMEOUT_SECONDS = 30.0  # 8 million characters of tags took 2 to 9 s; the rest is for busy machines
MAX_MEMORY_MB = 2000  # the same take up to 1,400

_START_SECONDS = 300.0  # for compiling, and for imports from a network disk that a thousand tasks read at once
_FIRST_PAGE = "<html><body><p>Let \\(x^2\\) and <i>y</i> be given.</p><ul><li>One<li>Two</ul></body></html>"
_AHEAD_BYTES = 1 << 19  # sent and not answered; half of the pipe, so that writing hardly ever waits
_AHEAD_ITEMS = 64  # also of those that have no page
_PIPE_BYTES = 1 << 20  # what Linux allows without privileges
_WRITTEN_PARTS = 64  # at once; systems allow 16 to 1,024
_READ_BYTES = 1 << 17
_POLL_SECONDS = 3600.0  # poll's milliseconds end at 24 days
_OUT_OF_MEMORY = (b"memory allocation of", b"bad_alloc")  # last words of Rust's and C++'s allocators

_REQUEST = struct.Struct("<II")  # bytes of the options (JSON) and of the page, which follow
_ANSWER = struct.Struct("<II")  # bytes of what was found (JSON) and of the text, which follow
_REST = (1 << 32) - 1  # in place of the options' length: no page, but the seconds until the next is too late
_READY = b"ready"

_Item = TypeVar("_Item")


def given_up(reason: str) -> Page:
    """The page that stands for one that a limit stopped."""
    return Page(text="", has_mathematics=False, title=None, language=None, reasons=(reason,))


class DirectExtractor:
    """The same face without a child: of the limits only that of size holds, and an error of a page is raised.

    Args:
        function: ``module:function`` that takes a page's HTML and options, and gives a `Page` or a text.
        max_html_chars: characters of a page, and of its text.
    """

    def __init__(self, function: str = EXTRACT_PAGE, *, max_html_chars: int = MAX_HTML_CHARS) -> None:
        self.last_words = ""
        self._max_html_chars = max_html_chars
        self._extract = _load(function)

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
        return _limited(_as_page(self._extract(html, **options)), self._max_html_chars)


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
        self._child: _Child | None = None
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
        frame = (_REQUEST.pack(len(options), len(page)), options, page)
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
            self._child = self._rested() or _Child(self._function, self._max_html_chars, self._max_memory_mb)
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
        except _Failed as failure:
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

    def _rested(self) -> _Child | None:
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


class _Failed(Exception):
    """The child is of no more use: it died, is at a page for too long, ran out of memory or talks nonsense."""

    def __init__(self, reason: str, last_words: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last_words = last_words


class _Child:
    """A process that extracts pages, seen from its parent."""

    def __init__(self, function: str, max_html_chars: int, max_memory_mb: int) -> None:
        call = f"_serve({function!a}, {max_html_chars}, {max_memory_mb}, {os.getpid()})"
        path = [str(entry) for entry in sys.path]  # a checkout, an editable install, a user's own module: as here
        code = f"import sys; sys.path[:] = {path!a}; from curation.html.isolation import _serve; {call}"
        self._errors = tempfile.TemporaryFile("a+b")  # noqa: SIM115 (a pipe that nobody reads would block the child)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise CurationError(f"the process for extraction does not start: {error}") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        for descriptor in (self._in, self._out):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(OSError):  # more than this user may have; smaller pipes only wake more often
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._readable, self._both = select.poll(), select.poll()
        self._readable.register(self._out, select.POLLIN)
        self._both.register(self._out, select.POLLIN)
        self._both.register(self._in, select.POLLOUT)
        self._unsent: deque[bytes | memoryview] = deque()
        self._received = bytearray()
        self._since = time.monotonic()  # when the child had all it needs for the page that it is at
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        try:
            while len(self._received) < len(_READY):
                self._exchange(_START_SECONDS)
        except _Failed as failure:
            words = self._said().decode("utf-8", "replace").strip().splitlines()[-5:]
            self.end()
            why = " | ".join(words) or failure.last_words
            raise CurationError(f"the process for extraction does not start: {why}") from None
        except BaseException:
            self.end()
            raise
        del self._received[: len(_READY)]

    def send(self, frame: tuple[bytes, ...], *, idle: bool) -> None:
        """Give the child a page, as far as the pipe takes it now; the rest follows while `answer` waits."""
        self._unsent.extend(frame)
        if idle:
            self._since = time.monotonic()
        self._write()

    def answer(self, timeout_seconds: float, max_html_chars: int) -> tuple[Page, str]:
        """The next answer and, if the child gave the page up, why.

        Raises:
            _Failed: if there is none in time, or the child died.
        """
        while (found := self._next(max_html_chars)) is None:
            self._exchange(timeout_seconds)
        self._since = time.monotonic()
        return found

    def is_running(self) -> bool:
        """Whether the process has not ended by itself."""
        return self._process.poll() is None

    def rest(self, seconds: int) -> None:
        """Have the process end by itself unless it is sent another page in time."""
        self.send((_REQUEST.pack(_REST, seconds),), idle=True)

    def end(self) -> None:
        """Kill the process; it holds nothing worth an orderly end."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            assert stream is not None
            stream.close()

    def _exchange(self, timeout_seconds: float) -> None:
        """Wait until something can be read or written, and do that."""
        left = self._since + timeout_seconds - time.monotonic()
        poll = self._both if self._unsent else self._readable
        events = dict(poll.poll(ceil(1000 * min(max(left, 0), _POLL_SECONDS))))
        if not events and left <= _POLL_SECONDS:
            raise _Failed("too_slow", f"more than {timeout_seconds:g} s")
        if self._in in events:
            self._write()
            self._since = time.monotonic()  # the child cannot be late with what it has not been given
        if self._out in events:
            received = os.read(self._out, _READ_BYTES)
            if not received:
                raise self._death()
            self._received += received

    def _write(self) -> None:
        """Write what the pipe takes. A child that no longer reads is found out by reading from it."""
        while self._unsent:
            try:
                written = os.writev(self._in, list(islice(self._unsent, _WRITTEN_PARTS)))
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._unsent.clear()
                return
            while self._unsent and written >= len(self._unsent[0]):
                written -= len(self._unsent.popleft())
            if written:
                self._unsent[0] = memoryview(self._unsent[0])[written:]

    def _next(self, max_html_chars: int) -> tuple[Page, str] | None:
        """The first answer that has arrived in full."""
        if len(self._received) < _ANSWER.size:
            return None
        found, text = _ANSWER.unpack_from(self._received)
        end = _ANSWER.size + found + text
        if max(found, text) > 16 * max_html_chars + _READ_BYTES:  # JSON takes up to 12 bytes for a character
            raise _Failed("crashed", "an answer longer than any")
        if len(self._received) < end:
            return None
        body = bytes(memoryview(self._received)[_ANSWER.size : end])
        del self._received[:end]
        try:
            return _page_of(json.loads(body[:found]), str(body[found:], "utf-8", "surrogatepass"))
        except (ValueError, TypeError) as error:  # what overwrites a process's memory comes out here
            raise _Failed("crashed", f"an answer that cannot be read: {error}") from error

    def _death(self) -> _Failed:
        code, said = self._process.wait(), self._said()
        if any(words in said for words in _OUT_OF_MEMORY):
            return _Failed("too_much_memory", said.decode("utf-8", "replace").strip()[-300:])
        with contextlib.suppress(ValueError):
            return _Failed("crashed", f"the process was ended by {signal.Signals(-code).name}")
        return _Failed("crashed", f"the process ended itself with {code}")

    def _said(self) -> bytes:
        self._errors.seek(0)
        return self._errors.read(1 << 16)


def _page_of(found: Any, text: str) -> tuple[Page, str]:
    """A page from an answer of `_answer_to`; what is not one raises TypeError or ValueError."""
    if isinstance(found, str):
        if found == "too_much_memory":
            raise _Failed(found, text)
        return given_up(found), text
    has_mathematics, title, language, reasons, macros = found
    return Page(text, has_mathematics, title, language, tuple(reasons), tuple(macros)), ""


_Key = tuple[int, tuple[str, ...], str, int, int]
_resting: dict[_Key, _Child] = {}
"""Children without an extractor, by process (a fork has them too, but they are not its own) and settings."""


@atexit.register
def _end_resting() -> None:
    for key in [key for key in _resting if key[0] == os.getpid()]:
        _resting.pop(key).end()


# From here on: the child.


def _serve(function: str, max_html_chars: int, max_memory_mb: int, parent: int) -> None:
    """Answer pages until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the parent's to answer
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends a rest that was too long
    _die_with(parent)
    requests, answers = os.fdopen(os.dup(0), "rb", buffering=_PIPE_BYTES), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # whatever prints does not print into the answers
    extract = _load(function)
    _as_page(extract(_FIRST_PAGE))  # whatever is compiled or loaded at first use is not on the first page's account
    tight_bytes = _limit_memory(max_memory_mb)
    _write_all(answers, _READY)
    while len(head := requests.read(_REQUEST.size)) == _REQUEST.size:
        asked, length = _REQUEST.unpack(head)
        signal.alarm(length if asked == _REST else 0)
        if asked == _REST:
            continue
        options = json.loads(requests.read(asked))
        html = str(requests.read(length), "utf-8", "surrogatepass")
        if os.lseek(2, 0, os.SEEK_END):
            os.ftruncate(2, 0)  # only the last words before an end are of interest
        found, text = _answer_to(partial(_extracted, extract, html, options, max_html_chars, tight_bytes))
        _write_all(answers, _ANSWER.pack(len(found), len(text)) + found + text)


def _extracted(
    extract: Callable[..., Any], html: str, options: dict[str, Any], max_html_chars: int, tight_bytes: int
) -> Page:
    page = _limited(_as_page(extract(html, **options)), max_html_chars)
    if "parse_failed" in page.reasons and _memory("VmHWM") > tight_bytes:
        raise MemoryError("the parser gave up near the limit")  # it has no error of its own for that
    return page


def _answer_to(read: Callable[[], Page]) -> tuple[bytes, bytes]:
    """What was found and the text; or, as JSON text instead of a list, why there is none and the error's message."""
    try:
        page = read()
        found: Any = (page.has_mathematics, page.title, page.language, page.reasons, page.macros)
        return json.dumps(found).encode(), page.text.encode("utf-8", "surrogatepass")
    except MemoryError as error:
        reason, message = "too_much_memory", f"MemoryError: {error}"
    except BaseException as error:  # panics of Rust are no Exception
        reason, message = "crashed", f"{type(error).__name__}: {error}"[:1000]
    return json.dumps(reason).encode(), message.encode("utf-8", "surrogatepass")


def _write_all(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


def _die_with(parent: int) -> None:
    """End as soon as the parent does, also amid a page or where a fork of the parent's holds the pipe open."""
    with contextlib.suppress(OSError, AttributeError):  # where this is not Linux, at the end of the page
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def _limit_memory(max_memory_mb: int) -> int:
    """Limit writable memory: the address space also counts what libraries reserve and never use.

    Returns:
        How much memory is so near the limit that the next block may not be had: buffers grow by doubling.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    allowed, used = max_memory_mb << 20, _memory("VmData")
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if used and (hard == resource.RLIM_INFINITY or used + allowed < hard):
        resource.setrlimit(resource.RLIMIT_DATA, (used + allowed, used + allowed))
    return _memory("VmHWM") + allowed // 4


def _memory(name: str) -> int:
    """Bytes of this process by the name that ``/proc`` gives them; 0 where it does not."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return 1024 * int(status.partition(f"{name}:")[2].split()[0])


# What both sides need.


def _load(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return loaded


def _as_page(found: Any) -> Page:
    """What a function gives as a page, also a text only."""
    if isinstance(found, str):
        return Page(text=found, has_mathematics=False, title=None, language=None, reasons=())
    macros = tuple(getattr(found, "macros", ()))
    return Page(found.text, found.has_mathematics, found.title, found.language, tuple(found.reasons), macros)


def _limited(page: Page, max_html_chars: int) -> Page:
    """A text longer than any page may be comes of macros that expand without end."""
    return page if len(page.text) <= max_html_chars else given_up("too_large")
