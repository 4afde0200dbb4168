"""The frames of a WARC file: where each record begins and ends, what it is, and a response's bytes.

Example: a file of one ``warcinfo`` and one ``response`` gives two frames; bytes that are no record give a frame of kind
``bad_record`` and reading goes on at the next record that can be recognised. fastwarc reads the records; it stops at
the first broken header, so finding the next one is done here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any

from fastwarc.warc import ArchiveIterator

from curation.html.panic import is_panic
from curation.html.payload import MAX_BODY_BYTES, wants_body

MAX_BAD_STRETCHES = 1_000
_FIRST_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_GZIP_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_PLAIN_START = re.compile(rb"(?<=\n)WARC/[01]\.[0-9]")
_HEADER_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Frame:
    """A record's place in the file, ``kind`` (WARC's record type, or ``bad_record``) and, of a response, its bytes."""

    offset: int
    length: int
    kind: str
    headers: dict[str, str] = field(default_factory=dict)
    block: bytes = b""
    complete: bool = True


def read_frames(stream: IO[bytes], size: int) -> Iterator[Frame]:
    """All frames of a seekable WARC file of ``size`` bytes, in order and without gaps.

    A file compressed as a whole has one place for all its records: the file.
    """
    frames = _read(stream, size)
    if _is_one_member(stream):
        return (replace(frame, offset=0, length=size) for frame in frames)
    return frames


def _read(stream: IO[bytes], size: int) -> Iterator[Frame]:
    start = 0
    for _ in range(MAX_BAD_STRETCHES):
        broken = yield from _run(stream, start, size)
        if broken >= size:
            return
        start = _next_start(stream, broken + 1, size)
        yield Frame(broken, start - broken, "bad_record")
        if start >= size:
            return
    yield Frame(start, size - start, "bad_record")


def _is_one_member(stream: IO[bytes]) -> bool:
    """Whether the first gzip member holds more than one record: then no offset inside can be read by itself."""
    stream.seek(0)
    start = stream.read(_FIRST_BYTES)
    if not start.startswith(_GZIP):
        return False
    try:
        return _PLAIN_START.search(zlib.decompressobj(31).decompress(start, _BLOCK_BYTES)) is not None
    except zlib.error:
        return False


def _run(stream: IO[bytes], start: int, size: int) -> Generator[Frame, None, int]:
    """Frames from ``start`` on, each held back until its end is known; returns where the framing broke, or ``size``."""
    pending: Frame | None = None
    declared = 0
    for record in _records(stream, start):
        if record is None:
            broken = start if pending is None else _end_of_record(stream, pending.offset, declared, size)
            if pending is not None:
                yield replace(pending, length=broken - pending.offset)
            return broken
        if pending is not None:
            yield replace(pending, length=record.stream_pos - pending.offset)
        pending, declared = _frame(record), record.content_length
    if pending is None:
        return start
    yield replace(pending, length=size - pending.offset)
    return size


def _records(stream: IO[bytes], start: int) -> Iterator[Any]:
    """The records of fastwarc from ``start`` on; None, once, where it cannot go on."""
    stream.seek(start)
    try:
        yield from ArchiveIterator(stream, parse_http=False, strict_mode=True, quirks_mode=True)
    except (OSError, ValueError, EOFError):
        yield None
    except BaseException as error:
        if not is_panic(error):
            raise
        yield None


def _frame(record: Any) -> Frame:
    kind = str(record.record_type)
    if kind not in ("response", "unknown"):
        return Frame(record.stream_pos, 0, kind)
    headers = {name.lower(): value for name, value in record.headers.items()}
    if headers.get("warc-type", "").strip().lower() != "response":  # fastwarc knows the types in lower case only
        return Frame(record.stream_pos, 0, kind)
    block, complete = _block(record)
    return Frame(record.stream_pos, 0, "response", headers, block, complete)


def _block(record: Any) -> tuple[bytes, bool]:
    """The record's bytes, the body only if it may be a page, and whether all that was asked for is there."""
    pieces: list[bytes] = []
    have, wanted = 0, min(record.content_length, _FIRST_BYTES)
    try:
        while have < wanted:
            piece = record.reader.read(wanted - have)
            if not piece:
                break
            pieces.append(piece)
            have += len(piece)
            if wanted <= have < record.content_length and wanted == _FIRST_BYTES and wants_body(b"".join(pieces)):
                wanted = min(record.content_length, MAX_BODY_BYTES + _FIRST_BYTES)
    except (OSError, ValueError, EOFError):
        return b"".join(pieces), False
    return b"".join(pieces), have >= wanted


def _end_of_record(stream: IO[bytes], offset: int, declared: int, size: int) -> int:
    """Where the last good record ends by its own account."""
    stream.seek(offset)
    first = stream.read(_FIRST_BYTES)
    if first.startswith(_GZIP):
        end = _end_of_member(stream, offset)
    else:
        header = _HEADER_END.search(first)
        end = offset + (header.end() if header else 1) + declared
    return min(max(end, offset + 1), size)


def _end_of_member(stream: IO[bytes], offset: int) -> int:
    stream.seek(offset)
    member = zlib.decompressobj(31)
    position = offset
    try:
        while not member.eof and (data := stream.read(_BLOCK_BYTES)):
            position += len(data)
            while data:
                member.decompress(data, _BLOCK_BYTES)
                data = member.unconsumed_tail
    except zlib.error:
        return offset + 1
    return position - len(member.unused_data)


def _next_start(stream: IO[bytes], start: int, size: int) -> int:
    """The offset of the next thing that looks like a record, in the manner of the file's beginning; else ``size``."""
    stream.seek(0)
    pattern = _GZIP_START if stream.read(2) == _GZIP else _PLAIN_START
    position = max(0, start - 1)
    stream.seek(position)
    data = b""
    while block := stream.read(_BLOCK_BYTES):
        data = data[-16:] + block
        position += len(block)
        if match := pattern.search(data):
            found = position - len(data) + match.start()
            if found >= start:
                return found
            again = pattern.search(data, match.end())
            if again:
                return position - len(data) + again.start()
    return size
