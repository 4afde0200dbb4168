r"""The bytes of a page to characters.

Example: ``decode(b"<p>caf\xe9", None)`` is ``("<p>café", "cp1252")``. In this order: byte order mark, HTTP header,
``<meta>``, detection by resiliparse; a declaration that the bytes contradict gives way to the detection.
"""

from __future__ import annotations

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

_META = re.compile(rb"<meta[^>]{1,2000}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_META_BYTES = 8_192
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
MAX_REPLACED_SHARE = 0.2


def decode(body: bytes, declared: str | None) -> tuple[str | None, str]:
    """The text and the charset that it was read with; None for the text where the bytes are no text.

    Args:
        body: The page after chunks and compression have been undone.
        declared: The charset of the HTTP header, if any.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return _text(body[len(mark) :], charset)
    meta = _META.search(body, 0, _META_BYTES)
    known = _known(declared) or (_known(meta[1].decode("ascii", "replace")) if meta else None)
    if known is not None and known.startswith("utf-16") and b"\0" not in body[:200]:
        known = None  # a page whose markup can be read as ASCII is not UTF-16, whatever it says
    if known is not None:
        try:
            return _clean(body.decode(known)), known
        except UnicodeDecodeError:
            pass
    detected = _known(detect_encoding(body)) or "utf-8"
    return _text(body, detected if known is None or _decodes(body, detected) else known)


def _known(label: str | None) -> str | None:
    """The name under which Python decodes what browsers understand by ``label``; None if nobody knows it."""
    name = map_encoding_to_html5(label, False) if label else None
    try:
        return codecs.lookup(name).name if name else None
    except LookupError:
        return None


def _decodes(body: bytes, charset: str) -> bool:
    try:
        body.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def _text(body: bytes, charset: str) -> tuple[str | None, str]:
    text = body.decode(charset, "replace")
    start = text[:20_000]
    if start.count("\ufffd") + start.count("\0") > MAX_REPLACED_SHARE * len(start):
        return None, charset
    return _clean(text), charset


def _clean(text: str) -> str:
    return text.replace("\0", "") if "\0" in text else text
