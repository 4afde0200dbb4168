r"""One HTTP response as it stands in an archive, to the page's text or the reason why there is none.

Example: ``read_response(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Hi")`` has ``html == "<p>Hi"`` and
``reason is None``. Bodies are decoded in the order in which they were sent: chunks, compression, character set.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass

from fastwarc.stream_io import BrotliReader, ZstdReader

from curation.html.charset import decode

MAX_BODY_BYTES = 64 << 20
MAX_HEADER_BYTES = 1 << 18
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_END = re.compile(rb"\Z")
_FOLDED = re.compile(r"\r?\n[ \t]+")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,4000})?\r?\n")
_MARKUP = re.compile(rb"<!doctype html|<html[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Payload:
    """A response read: ``html`` or, where it is None, the ``reason``."""

    html: str | None
    reason: str | None
    http_status: int | None
    content_mime_type: str | None
    charset: str | None


class _Unreadable(Exception):
    """Why a body cannot be read; its one argument is the reason. Never leaves this module."""


def read_response(block: bytes, *, complete: bool = True) -> Payload:
    """The page in an HTTP response.

    Args:
        block: Status line, headers and body, as received.
        complete: Whether the archive holds all of the block.
    """
    status = _STATUS.match(block)
    end = _HEADER_END.search(block, 0, MAX_HEADER_BYTES) or _END.search(block)
    if status is None or end is None or end.end() > MAX_HEADER_BYTES:
        reason = "bad_http_headers" if complete else "truncated"
        return Payload(None, reason, None, None, None)
    headers = _headers(block[: end.start()])
    mime_type, charset = _content_type(headers, block[end.end() : end.end() + 1024])
    code = int(status[1])
    try:
        if code != 200:
            raise _Unreadable("http_error")
        if mime_type not in HTML_TYPES:
            raise _Unreadable("not_html")
        if not complete:
            raise _Unreadable("truncated")
        html, charset = _page(block[end.end() :], headers, charset)
    except _Unreadable as unreadable:
        return Payload(None, str(unreadable), code, mime_type, charset)
    return Payload(html, None, code, mime_type, charset)


def wants_body(block: bytes) -> bool:
    """Whether a response that begins with ``block`` may be a page, so that the rest of it is worth reading."""
    end = _HEADER_END.search(block)
    if end is None:
        return True
    status = _STATUS.match(block)
    mime_type, _ = _content_type(_headers(block[: end.start()]), block[end.end() : end.end() + 1024])
    return status is not None and int(status[1]) == 200 and mime_type in HTML_TYPES


def _headers(block: bytes) -> dict[str, str]:
    """Header names in lower case to values; of repeated headers the last."""
    lines = _FOLDED.sub(" ", block.decode("latin-1")).splitlines()[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _content_type(headers: dict[str, str], start: bytes) -> tuple[str | None, str | None]:
    """The declared type and charset; without a declaration, HTML if the body begins like it."""
    declared = headers.get("content-type", "")
    charset = _CHARSET.search(declared)
    mime_type = declared.partition(";")[0].strip().lower()
    if not mime_type and _MARKUP.search(start):
        mime_type = "text/html"
    return mime_type or None, charset[1].lower() if charset else None


def _page(body: bytes, headers: dict[str, str], charset: str | None) -> tuple[str, str]:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _unchunk(body)
    for coding in reversed(headers.get("content-encoding", "").lower().split(",")):
        body = _decompress(body, coding.strip())
    if not body.strip():
        raise _Unreadable("empty_body")
    if len(body) > MAX_BODY_BYTES:
        raise _Unreadable("too_large")
    html, used = decode(body, charset)
    if html is None:
        raise _Unreadable("undecodable")
    return html, used


def _unchunk(body: bytes) -> bytes:
    """The chunks joined; a body that does not begin with a chunk was stored without its chunks and stays."""
    pieces: list[bytes] = []
    position = 0
    while chunk := _CHUNK.match(body, position):
        size = int(chunk[1], 16)
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[chunk.end() : chunk.end() + size])
        if len(pieces[-1]) < size:
            break
        position = chunk.end() + size
        position += 2 if body[position : position + 2] == b"\r\n" else int(body[position : position + 1] == b"\n")
    if not pieces:
        return body
    raise _Unreadable("bad_chunked_encoding")


def _decompress(body: bytes, coding: str) -> bytes:
    """``body`` without one content coding; archives often keep the header of a coding that they have already undone."""
    if coding in ("", "identity", "none", "utf-8", "7bit", "8bit", "binary") or not body:
        return body
    try:
        if coding in ("gzip", "x-gzip"):
            return _inflate(body, 31) if body[:2] == b"\x1f\x8b" else _if_text(body)
        if coding == "deflate":
            return _inflate(body, 15 if body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0 else -15)
        if coding == "br":
            return bytes(BrotliReader(io.BytesIO(body)).read(MAX_BODY_BYTES + 1)) or _if_text(body)
        if coding == "zstd":
            return bytes(ZstdReader(io.BytesIO(body)).read(MAX_BODY_BYTES + 1)) or _if_text(body)
    except (zlib.error, OSError, ValueError):
        return _if_text(body)
    return _if_text(body)


def _inflate(body: bytes, window: int) -> bytes:
    stream = zlib.decompressobj(window)
    out = stream.decompress(body, MAX_BODY_BYTES + 1)
    if not stream.eof and len(out) <= MAX_BODY_BYTES:
        raise _Unreadable("bad_content_encoding")
    return out


def _if_text(body: bytes) -> bytes:
    if re.match(rb"\s*(?:\xef\xbb\xbf)?\s*<[!?a-zA-Z]", body):
        return body
    raise _Unreadable("bad_content_encoding")
