"""The records of ARC files, WARC's predecessor, which fastwarc does not read.

Example: ``http://example.com/ 93.184.216.119 20140216050221 text/html 1591`` on a line of its own is followed by 1,591
bytes of HTTP response; the compressed form is one gzip member per record.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAX_MEMBER_BYTES = 256 << 20
_BLOCK_BYTES = 1 << 18
_GZIP = b"\x1f\x8b"
_GZIP_START = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_HEADER = re.compile(
    rb"([a-z][a-z0-9+.-]{1,20}:[^\r\n]{0,8000}?) +([0-9a-fA-F.:]{2,45}|-)"
    rb" +(\d{4,20}) +([^\r\n]{0,200}?) +(\d{1,12})\r?$"
)


@dataclass(frozen=True, slots=True)
class ArcRecord:
    """A record's place and header; ``block`` is None for bytes that are no record."""

    offset: int
    length: int
    url: str | None = None
    date: str | None = None
    block: bytes | None = None
    complete: bool = True


def is_arc(stream: IO[bytes]) -> bool:
    """Whether the stream begins, plain or in a gzip member, like an ARC file; leaves it at its beginning."""
    start = stream.read(4096)
    stream.seek(0)
    if start.startswith(_GZIP):
        try:
            start = zlib.decompressobj(31).decompress(start, 1024)
        except zlib.error:
            return False
    return start.lstrip().startswith(b"filedesc:")


def read_arc(stream: IO[bytes]) -> Iterator[ArcRecord]:
    """The records of an ARC file, the first of which (``filedesc:``) describes the file."""
    compressed = stream.read(2) == _GZIP
    stream.seek(0)
    if not compressed:
        yield from _plain(stream)
        return
    for offset, length, data, whole in _members(stream):
        yield from _records_of(data, offset, length, whole)


def _plain(stream: IO[bytes]) -> Iterator[ArcRecord]:
    """Record after record by their declared lengths; after a bad header line on to the next line that is one."""
    bad_from: int | None = None
    position = 0
    while line := stream.readline(1 << 14):
        start, position = position, position + len(line)
        header = _HEADER.match(line.rstrip(b"\n"))
        if header is None:
            if line.strip() and bad_from is None:
                bad_from = start
            continue
        if bad_from is not None:
            yield ArcRecord(bad_from, start - bad_from)
            bad_from = None
        declared = int(header[5])
        block = stream.read(declared)
        position += len(block)
        url, date = _described(header)
        yield ArcRecord(start, position - start, url, date, block, len(block) == declared)
    if bad_from is not None:
        yield ArcRecord(bad_from, position - bad_from)


def _described(header: re.Match[bytes]) -> tuple[str, str]:
    return header[1].decode("utf-8", "replace"), header[3].decode("ascii")


def _records_of(data: bytes, offset: int, length: int, whole: bool) -> Iterator[ArcRecord]:
    """The records in one gzip member; usually one. All get the member's place: that is what a ranged read can fetch."""
    position = 0
    found = False
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        header = _HEADER.match(data[position:end])
        if header is None:
            position = end + 1
            continue
        found = True
        declared = int(header[5])
        block = data[end + 1 : end + 1 + declared]
        url, date = _described(header)
        yield ArcRecord(offset, length, url, date, block, len(block) == declared)
        position = end + 1 + declared
    if not found and (data.strip() or not whole):
        yield ArcRecord(offset, length)


def _members(stream: IO[bytes]) -> Iterator[tuple[int, int, bytes, bool]]:
    """Offset, length, decompressed bytes and wholeness of every gzip member; after a broken one on to the next."""
    offset = 0
    rest = b""
    while True:
        rest = rest or stream.read(_BLOCK_BYTES)
        if not rest:
            return
        data, used, rest, whole = _member(stream, rest)
        if not whole:
            # Skip to what looks like another member inside what was read.
            stream.seek(offset + 2)
            used = 2 + _distance_to_next(stream)
            stream.seek(offset + used)
            rest = b""
        yield offset, used, data, whole
        offset += used


def _member(stream: IO[bytes], data: bytes) -> tuple[bytes, int, bytes, bool]:
    """One member: its bytes, the compressed bytes used, what was read too much, whether it is whole."""
    member = zlib.decompressobj(31)
    pieces: list[bytes] = []
    used = size = 0
    try:
        while data and not member.eof and size <= MAX_MEMBER_BYTES:
            pieces.append(member.decompress(data, MAX_MEMBER_BYTES))
            size += len(pieces[-1])
            used += len(data) - len(member.unused_data)
            data = member.unused_data if member.eof else stream.read(_BLOCK_BYTES)
    except zlib.error:
        return b"".join(pieces), used, b"", False
    return b"".join(pieces), used, data, member.eof


def _distance_to_next(stream: IO[bytes]) -> int:
    passed = 0
    tail = b""
    while block := stream.read(_BLOCK_BYTES):
        if match := _GZIP_START.search(tail + block):
            return passed - len(tail) + match.start()
        passed += len(block)
        tail = block[-3:]
    return passed
