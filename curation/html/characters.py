"""Characters: code points as UTF-8, and the entities that stand for them. Compiled by numba.

Example: ``entity`` of ``&lt;b`` is 60 and the position of ``b``; of ``&b`` it is 0, for it is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import bare, part
from curation.html.attributes import FNV_PRIME, FNV_START, find

_NOTHING = np.uint64(0)
_MAX_ENTITY_BYTES = 34
# What the numbers 128 to 159 mean in Windows-1252, where they are in use.
WINDOWS = np.zeros(32, np.int64)
for _number, _char in zip(b"\x00\x05\x11\x12\x13\x14\x15\x16\x17\x19", "€…‘’“”•–—™", strict=True):
    WINDOWS[_number] = ord(_char)


@part
def put(out: Any, at: Any, point: Any) -> Any:
    """Write a code point as UTF-8; the position after it."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at], out[at + 1] = 0xC0 | (point >> 6), 0x80 | (point & 63)
        return at + 2
    if point < 0x10000:
        out[at], out[at + 1], out[at + 2] = 0xE0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
        return at + 3
    out[at], out[at + 1] = 0xF0 | (point >> 18), 0x80 | ((point >> 12) & 63)
    out[at + 2], out[at + 3] = 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
    return at + 4


@bare
def _digit(byte: Any, base: Any) -> Any:
    """The value of a digit, -1 for what is none."""
    if 48 <= byte <= 57:
        return byte - 48
    return (byte | 32) - 87 if base == 16 and 97 <= (byte | 32) <= 102 else -1


@bare
def _numeric(data: Any, place: Any, end: Any, windows: Any) -> Any:
    """A reference by number whose digits begin at ``place``: the code point (0 for none) and the position after it."""
    base = 10
    if place < end and (data[place] | 32) == 120:
        base = 16
        place += 1
    value, digits = 0, 0
    while place < end and digits < 9:
        digit = _digit(np.int64(data[place]), base)
        if digit < 0:
            break
        value = value * base + digit
        digits += 1
        place += 1
    if digits == 0:
        return 0, place
    if place < end and data[place] == 59:
        place += 1
    # No character, half of one, one of our marks; numbers of Windows-1252 are what such pages mean by 128 to 159.
    if value == 0 or value > 0x10FFFF or 0xD800 <= value < 0xE000 or 0xFDD0 <= value < 0xFDF0:
        value = 0xFFFD
    elif 0x80 <= value < 0xA0:
        value = windows[value - 0x80] or 32
    return value, place


@bare
def entity(data: Any, at: Any, end: Any, table: Any, windows: Any) -> Any:
    """The entity that begins at ``at``: one or two code points packed (0 if it is none) and the position after it."""
    place = at + 1
    if place < end and data[place] == 35:
        value, after = _numeric(data, place + 1, end, windows)
        return value, after if value else at + 1
    key = FNV_START
    while place < end and place - at < _MAX_ENTITY_BYTES:
        byte = data[place]
        if not (97 <= (byte | 32) <= 122 or 48 <= byte <= 57):
            break
        key = (key ^ np.uint64(byte)) * FNV_PRIME
        place += 1
    if place < end and data[place] == 59:
        value = find(table[0], table[1], (key ^ np.uint64(59)) * FNV_PRIME)
        if value != _NOTHING:
            return np.int64(value), place + 1
    value = np.int64(find(table[0], table[1], key))
    return value, place if value else at + 1
