"""Bytes at a range -> the record that its index promised, or what is wrong with them.

read = read_record(body, archive="crawl-data/CC-MAIN-2024-10/…/0000.warc.gz", offset=1234, length=len(body))
read.record.html           # as `curation.html.archive.read_archive` gives it for the whole archive
read.wrong                 # or why it is not what was asked for: not_a_record, range_truncated
"""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from urllib.parse import unquote

from curation.html.archive import Record, read_archive
from curation.html.digest import body_digest, plain_digest
from curation.html.payload import MAX_BODY_BYTES

_GZIP = b"\x1f\x8b"
_MOST_BYTES = MAX_BODY_BYTES + (1 << 21)  # what read_archive reads of a record, and its headers
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)", re.IGNORECASE | re.MULTILINE)
_STATED = re.compile(rb"^warc-payload-digest:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_ARC_LINE = re.compile(rb"[a-z][a-z0-9+.-]*:[^\r\n]*? (\d+)\r?\n")
_ARC_START = b"filedesc://range 0.0.0.0 20080101000000 text/plain 0\n"  # by which a file is known to be of ARC's kind


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One response, its record without compression, and whether it was one gzip member; or what is wrong."""

    record: Record | None
    plain: bytes = b""
    is_member: bool = False
    wrong: str | None = None


def read_record(body: bytes, archive: str, offset: int, length: int) -> ReadRecord:
    """The one response that a range holds.

    Args:
        body: what was read.
        archive: its file's name in the index.
        offset: where the range begins.
        length: what the index promises; less was read where the archive ends before.

    Returns:
        The record, also one without a page (``record.reason``); or ``wrong``: ``range_missing`` (nothing is there),
        ``range_truncated`` (the record ends behind the range, or behind the archive's end), ``not_a_record`` (anything
        else than one response).
    """
    if not body:
        return ReadRecord(None, wrong="range_missing")
    is_member = body.startswith(_GZIP)
    plain, wrong = _inflate(body) if is_member else (body, None)
    if len(body) < length:
        wrong = "range_truncated"
    if wrong is not None:
        return ReadRecord(None, wrong=wrong)
    others: Counter[str] = Counter()
    name = archive.rpartition("/")[2]
    start = _ARC_START if _ARC_LINE.match(plain) else b""
    records = list(read_archive(io.BytesIO(start + plain), name, others))
    others.pop("filedesc", None)
    if len(records) != 1 or others or records[0].reason == "bad_record":
        return ReadRecord(None, wrong="not_a_record")
    record = records[0]
    identifier = f"{name}:{offset}" if record.id == f"{name}:{record.warc_record_offset}" else record.id
    placed = replace(record, id=identifier, warc_filename=archive, warc_record_offset=offset, warc_record_length=length)
    return ReadRecord(placed, plain, is_member)


def is_same_url(one: str | None, other: str) -> bool:
    """Whether two URLs differ in nothing but percent signs and white space."""
    return one is not None and _spelt_out(one) == _spelt_out(other)


def payload_digest(plain: bytes) -> str:
    """What WARC calls the payload digest: base32 of the SHA-1 of the HTTP body as it was stored, in upper case."""
    header = _ARC_LINE.match(plain) or _HEADER_END.search(plain)
    if header is None:
        return ""
    length = header if header.re is _ARC_LINE else _LENGTH.search(plain, 0, header.end())
    end = header.end() + int(length[1]) if length else len(plain)
    return body_digest(plain[header.end() : end])


def stated_digest(plain: bytes) -> str | None:
    """The payload digest that a record names in its own header, None if it names none."""
    header = _HEADER_END.search(plain)
    stated = _STATED.search(plain, 0, header.end() if header else 0)
    return plain_digest(stated[1].decode("ascii", "replace")) if stated else None


def _inflate(body: bytes) -> tuple[bytes, str | None]:
    """A gzip member, of a longer one than pages have its beginning; what is wrong with it."""
    member = zlib.decompressobj(31)
    try:
        plain = member.decompress(body, _MOST_BYTES)
    except zlib.error:
        return b"", "not_a_record"
    if member.unused_data:
        return b"", "not_a_record"
    return plain, None if member.eof or len(plain) >= _MOST_BYTES else "range_truncated"


def _spelt_out(url: str) -> str:
    return "".join(unquote(url, errors="replace").split())
