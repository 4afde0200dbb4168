r"""The bytes of a source file -> its text, or the reason why it has none.

Example: ``decode_source(b"caf\xe9", "UTF-8")`` is the text ``café``, read as ``WINDOWS-1252`` in place of what was
declared. Published datasets of code decode with ``errors="ignore"``, which loses characters without a word.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import zlib
from dataclasses import dataclass

from resiliparse.parse.encoding import detect_encoding

_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "UTF-32-LE"),
    (codecs.BOM_UTF32_BE, "UTF-32-BE"),
    (codecs.BOM_UTF16_LE, "UTF-16-LE"),
    (codecs.BOM_UTF16_BE, "UTF-16-BE"),
)
_CONTROLS = re.compile(r"[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_DETECTED_BYTES = 64_000
_MOST_CONTROLS = 0.02  # of a text's characters; ANSI colours have one in ten, but their escape is not counted
_GZIP = 31  # zlib's sign for a gzip header and checksum


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how it was read, or a ``reason``; ``replaced``: not as was declared."""

    text: str = ""
    encoding: str = ""
    replaced: bool = False
    reason: str | None = None


def decode_source(body: bytes, declared: str | None = None) -> Decoded:
    """The text of a source file: by its byte order mark, as declared, as UTF-8, or as is detected, in this order.

    Args:
        body: the file.
        declared: the encoding's name, if one is known; it gives way where the bytes contradict it.

    Returns:
        The reason is ``binary`` for what has a NUL, and ``content_undecodable`` for what no encoding fits.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            text = _strictly(body[len(mark) :], encoding)
            if text is not None:
                return _judged(text, encoding, False)
    wide = (
        bool(declared) and declared is not None and declared.upper().replace("_", "-").startswith(("UTF-16", "UTF-32"))
    )
    if b"\0" in body and not wide:
        return Decoded(reason="binary")
    if declared:
        text = _strictly(body, declared)
        if text is not None:
            return _judged(text, declared, False)
    text, encoding = _strictly(body, "UTF-8"), "UTF-8"
    if text is None:
        encoding = re.sub("^CP(?=125[0-8]$)", "WINDOWS-", (detect_encoding(body[:_DETECTED_BYTES]) or "").upper())
        text = _strictly(body, encoding) if encoding else None
    if text is None:
        return Decoded(reason="content_undecodable")
    return _judged(text, encoding, bool(declared))


def gunzip(body: bytes, most: int) -> tuple[bytes, str | None]:
    """What a gzip file holds, at most ``most`` bytes; else ``content_truncated`` or ``too_large`` as the reason."""
    parts, size = [], 0
    rest = body
    while True:
        stream = zlib.decompressobj(_GZIP)
        try:
            part = stream.decompress(rest, most + 1 - size)
        except zlib.error:
            return b"", "content_truncated"
        parts.append(part)
        size += len(part)
        if size > most:
            return b"", "too_large"
        if not stream.eof:
            return b"", "content_truncated"
        rest = stream.unused_data.lstrip(b"\0")
        if not rest:
            return b"".join(parts), None


def git_blob_id(body: bytes) -> str:
    """The name under which git keeps a file of these bytes: 40 hex digits."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def is_named_by(body: bytes, identifier: str) -> bool:
    """Whether an id is this file's: git's, or the plain SHA-1 under which Software Heritage keeps contents on S3."""
    return identifier in (hashlib.sha1(body, usedforsecurity=False).hexdigest(), git_blob_id(body))


def _strictly(body: bytes, encoding: str) -> str | None:
    """The text, None if the bytes are not in the encoding, or nobody knows it."""
    try:
        return body.decode(encoding)
    except (LookupError, ValueError):
        return None


def _judged(text: str, encoding: str, replaced: bool) -> Decoded:
    """Single-byte encodings take any bytes: control characters tell that it was no text."""
    if "\0" in text:
        return Decoded(reason="binary")
    if len(_CONTROLS.findall(text)) > _MOST_CONTROLS * len(text):
        return Decoded(reason="content_undecodable")
    return Decoded(text, encoding.upper(), replaced)
