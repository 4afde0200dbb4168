"""Digests of records as WARC and its indexes write them: the base32 of a SHA-1.

Example: ``plain_digest("sha1:b2ltwwpuoyah7uipq7zupq4vmbsvc36a")`` is ``"B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A"``.
"""

from __future__ import annotations

import base64
import hashlib
import re

_BASE32 = re.compile(r"[A-Z2-7]{32}")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_HEX = re.compile(r"[0-9A-F]{40}")


def plain_digest(value: str | None) -> str | None:
    """A SHA-1 in base32 without its prefix, whether it was given so or in hexadecimal; None for all else."""
    text = (value or "").strip().upper().removeprefix("SHA1:")
    if _HEX.fullmatch(text):
        return base64.b32encode(bytes.fromhex(text)).decode()
    return text if _BASE32.fullmatch(text) else None


def body_digest(block: bytes) -> str:
    """The digest of the body of an HTTP response, as it was stored; of what is no such response that of all of it."""
    end = _HEADER_END.search(block)
    return base64.b32encode(hashlib.sha1(memoryview(block)[end.end() if end else 0 :]).digest()).decode()
