"""The child of `curation.html.isolation` as its parent sees it: a process that is sent pages, watched and killed.

Example: ``ChildProcess("curation.html.extract:extract_page", 8_000_000, 2000)`` has started when it is there;
``send((REQUEST.pack(2, 4), b"{}", b"<p>a"), idle=True)`` gives it a page, and ``answer(30, 8_000_000)`` waits for what
becomes of it, or raises `Failed`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from itertools import islice
from math import ceil
from typing import Any

from curation.errors import CurationError
from curation.html.isolation_child import ANSWER, PIPE_BYTES, READY, REQUEST, REST, given_up
from curation.html.page import Page

_START_SECONDS = 300.0  # for compiling, and for imports from a network disk that a thousand tasks read at once
_WRITTEN_PARTS = 64  # at once; systems allow 16 to 1,024
_READ_BYTES = 1 << 17
_POLL_SECONDS = 3600.0  # poll's milliseconds end at 24 days
_OUT_OF_MEMORY = (b"memory allocation of", b"bad_alloc")  # last words of Rust's and C++'s allocators


class Failed(Exception):
    """The child is of no more use: it died, is at a page for too long, ran out of memory or talks nonsense."""

    def __init__(self, reason: str, last_words: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last_words = last_words


class ChildProcess:
    """A process that extracts pages, seen from its parent."""

    def __init__(self, function: str, max_html_chars: int, max_memory_mb: int) -> None:
        call = f"serve({function!a}, {max_html_chars}, {max_memory_mb}, {os.getpid()})"
        path = [str(entry) for entry in sys.path]  # a checkout, an editable install, a user's own module: as here
        code = f"import sys; sys.path[:] = {path!a}; from curation.html.isolation_child import serve; {call}"
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
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
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
            while len(self._received) < len(READY):
                self._exchange(_START_SECONDS)
        except Failed as failure:
            words = self._said().decode("utf-8", "replace").strip().splitlines()[-5:]
            self.end()
            why = " | ".join(words) or failure.last_words
            raise CurationError(f"the process for extraction does not start: {why}") from None
        except BaseException:
            self.end()
            raise
        del self._received[: len(READY)]

    def send(self, frame: tuple[bytes, ...], *, idle: bool) -> None:
        """Give the child a page, as far as the pipe takes it now; the rest follows while `answer` waits."""
        self._unsent.extend(frame)
        if idle:
            self._since = time.monotonic()
        self._write()

    def answer(self, timeout_seconds: float, max_html_chars: int) -> tuple[Page, str]:
        """The next answer and, if the child gave the page up, why.

        Raises:
            Failed: if there is none in time, or the child died.
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
        self.send((REQUEST.pack(REST, seconds),), idle=True)

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
            raise Failed("too_slow", f"more than {timeout_seconds:g} s")
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
        if len(self._received) < ANSWER.size:
            return None
        found, text = ANSWER.unpack_from(self._received)
        end = ANSWER.size + found + text
        if max(found, text) > 16 * max_html_chars + _READ_BYTES:  # JSON takes up to 12 bytes for a character
            raise Failed("crashed", "an answer longer than any")
        if len(self._received) < end:
            return None
        body = bytes(memoryview(self._received)[ANSWER.size : end])
        del self._received[:end]
        try:
            return _page_of(json.loads(body[:found]), str(body[found:], "utf-8", "surrogatepass"))
        except (ValueError, TypeError) as error:  # what overwrites a process's memory comes out here
            raise Failed("crashed", f"an answer that cannot be read: {error}") from error

    def _death(self) -> Failed:
        code, said = self._process.wait(), self._said()
        if any(words in said for words in _OUT_OF_MEMORY):
            return Failed("too_much_memory", said.decode("utf-8", "replace").strip()[-300:])
        with contextlib.suppress(ValueError):
            return Failed("crashed", f"the process was ended by {signal.Signals(-code).name}")
        return Failed("crashed", f"the process ended itself with {code}")

    def _said(self) -> bytes:
        self._errors.seek(0)
        return self._errors.read(1 << 16)


def _page_of(found: Any, text: str) -> tuple[Page, str]:
    """A page from an answer of `_answer_to`; what is not one raises TypeError or ValueError."""
    if isinstance(found, str):
        if found == "too_much_memory":
            raise Failed(found, text)
        return given_up(found), text
    has_mathematics, title, language, reasons, macros = found
    return Page(text, has_mathematics, title, language, tuple(reasons), tuple(macros)), ""
