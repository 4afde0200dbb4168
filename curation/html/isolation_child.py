"""The child of `curation.html.isolation`: what it is asked and answers, and what it runs.

Example: ``serve("curation.html.extract:extract_page", 8_000_000, 2000, os.getppid())`` says ``ready`` on the standard
output, and then reads requests from the standard input and writes an answer to each until that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from curation.html.page import Page

# What goes over the pipes.
REQUEST = struct.Struct("<II")  # bytes of the options (JSON) and of the page, which follow
ANSWER = struct.Struct("<II")  # bytes of what was found (JSON) and of the text, which follow
REST = (1 << 32) - 1  # in place of the options' length: no page, but the seconds until the next is too late
READY = b"ready"
PIPE_BYTES = 1 << 20  # what Linux allows without privileges

EXTRACT_PAGE = "curation.html.extract:extract_page"
"""It takes pages in UTF-8, too: decoding and encoding a page again would be half of what isolation costs."""
_FIRST_PAGE = "<html><body><p>Let \\(x^2\\) and <i>y</i> be given.</p><ul><li>One<li>Two</ul></body></html>"


def given_up(reason: str) -> Page:
    """The page that stands for one that a limit stopped."""
    return Page(text="", has_mathematics=False, title=None, language=None, reasons=(reason,))


def load(function: str) -> Callable[..., Page | str]:
    """The function that ``module:function`` names."""
    module, _, name = function.partition(":")
    loaded: Callable[..., Page | str] = getattr(importlib.import_module(module), name)
    return loaded


def as_page(found: Page | str) -> Page:
    """What a function gives as a page, also a text only."""
    if isinstance(found, Page):
        return found
    return Page(text=found, has_mathematics=False, title=None, language=None, reasons=())


def limited(page: Page, max_html_chars: int) -> Page:
    """A text longer than any page may be comes of macros that expand without end."""
    return page if len(page.text) <= max_html_chars else given_up("too_large")


def serve(function: str, max_html_chars: int, max_memory_mb: int, parent: int) -> None:
    """Answer pages until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the parent's to answer
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends a rest that was too long
    _die_with(parent)
    requests, answers = os.fdopen(os.dup(0), "rb", buffering=PIPE_BYTES), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # whatever prints does not print into the answers
    extract = load(function)
    as_page(extract(_FIRST_PAGE))  # whatever is compiled or loaded at first use is not on the first page's account
    tight_bytes = _limit_memory(max_memory_mb)
    _write_all(answers, READY)
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        asked, length = REQUEST.unpack(head)
        signal.alarm(length if asked == REST else 0)
        if asked == REST:
            continue
        options = json.loads(requests.read(asked))
        source = requests.read(length)
        html = source if function == EXTRACT_PAGE else str(source, "utf-8", "surrogatepass")
        if os.lseek(2, 0, os.SEEK_END):
            os.ftruncate(2, 0)  # only the last words before an end are of interest
        found, text = _answer_to(partial(_extracted, extract, html, options, max_html_chars, tight_bytes))
        _write_all(answers, ANSWER.pack(len(found), len(text)) + found + text)


def _extracted(
    extract: Callable[..., Page | str],
    html: str | bytes,
    options: dict[str, Any],
    max_html_chars: int,
    tight_bytes: int,
) -> Page:
    page = limited(as_page(extract(html, **options)), max_html_chars)
    if not page.text and _memory("VmHWM") > tight_bytes:
        raise MemoryError("no text near the limit")  # a parser that gives up has no error of its own for that
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
