r"""The kernels that measure a file of code in two passes: its characters and lines, and data that is encoded in it.

Example: ``measure_code(points, character_kinds(), out)`` fills what `code_filters.CodeStatistics` names.

Encoded data is what three published expressions match (StarCoder2, arXiv 2402.19173, section 2.1)::

    base64   [a-zA-Z0-9+/\n=]{64,}
    hex      (?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}
    unicode  (?:\\u[0-9a-fA-F]{4}){8,}

The scanners find the same matches in one pass each. A run of base64 is that already. The other two are chains of units,
and at a given place there is at most one way to read a unit: so the longest chain from a place is the match, and where
it is too short the next place is tried, which reads no character more than eight times.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel

Points = NDArray[np.uint8] | NDArray[np.uint32]
Kinds = NDArray[np.uint8]
Floats = NDArray[np.float64]

ALPHABETIC, ALPHANUMERIC, WORD, SPACE, BREAK, HEX, BASE64 = (1 << bit for bit in range(7))
LIMIT = 0x34000
"""Characters from here on are of no kind: they are unassigned, private, or select a variant."""

_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_BASE64_LEAST, _CHAIN_LEAST = 64, 8
MEASURES = 8


@cache
def character_kinds() -> Kinds:
    """The kinds of the code points below `LIMIT`, and 0 for all others in one last place, (LIMIT + 1,)."""
    kinds = np.zeros(LIMIT + 1, np.uint8)
    for point in range(min(LIMIT, sys.maxunicode)):
        char = chr(point)
        if char.isalnum():
            kinds[point] = ALPHANUMERIC | WORD | (ALPHABETIC if char.isalpha() else 0)
        elif char.isspace():
            kinds[point] = SPACE
    kinds[ord("_")] |= WORD
    for char in _BREAKS:
        kinds[ord(char)] |= BREAK
    for char in "0123456789abcdefABCDEF":
        kinds[ord(char)] |= HEX
    for point in range(128):
        if chr(point).isalnum() or chr(point) in "+/\n=":
            kinds[point] |= BASE64
    return kinds


@kernel
def measure_code(points: Points, table: Kinds, out: Floats) -> None:
    """Fill what `code_filters.CodeStatistics` names, in its order.

    Args:
        points: code points, or the bytes of an ASCII text, (n,).
        table: `character_kinds`.
        out: characters, lines, longest line, mean line, letters, letters and digits, longest encoded run, encoded
            characters, (8,).
    """
    size = len(points)
    kinds = np.empty(size, np.uint8)
    alphabetic, alphanumeric, lines, longest, total, begin, run = 0, 0, 0, 0, 0, 0, 0
    maybe = False
    for place in range(size):
        point = points[place]
        kind = table[min(point, LIMIT)]
        kinds[place] = kind
        alphabetic += kind & 1
        alphanumeric += (kind >> 1) & 1
        if kind & BASE64:
            run += 1
        else:
            maybe = maybe or run >= _BASE64_LEAST
            run = 0
        if kind & BREAK:
            if point == 10 and place and points[place - 1] == 13:
                begin = place + 1
                continue
            longest, total, lines = max(longest, place - begin), total + place - begin, lines + 1
            begin = place + 1
    if begin < size:
        longest, total, lines = max(longest, size - begin), total + size - begin, lines + 1
    out[0], out[1], out[2], out[3] = size, lines, longest, total / max(lines, 1)
    out[4], out[5] = alphabetic / max(size, 1), alphanumeric / max(size, 1)
    marks = np.zeros(size if maybe or run >= _BASE64_LEAST else 0, np.uint8)
    piece = _mark_base64(kinds, marks) if len(marks) else 0
    chains, marks = _mark_chains(points, kinds, marks)
    encoded = 0
    for mark in marks:
        encoded += int(mark)
    out[6], out[7] = max(piece, chains), encoded / max(size, 1)


@kernel
def _mark_base64(kinds: Kinds, marks: Kinds) -> int:
    """Mark the runs of base64; the longest."""
    begin, longest = 0, 0
    for place in range(len(kinds) + 1):
        if place < len(kinds) and kinds[place] & BASE64:
            continue
        if place - begin >= _BASE64_LEAST:
            longest = max(longest, place - begin)
            marks[begin:place] = 1
        begin = place + 1
    return longest


@kernel
def _mark_chains(points: Points, kinds: Kinds, marks: Kinds) -> tuple[int, Kinds]:
    """Mark the chains of hexadecimal numbers and of escapes; the longest, and the marks, made where there were none."""
    size, longest = len(points), 0
    hex_from, escape_from = 0, 0
    for place in range(size - 1):
        escapes = points[place] == 92
        if not escapes and not kinds[place] & kinds[place + 1] & HEX and points[place + 1] != 120:
            continue  # as nearly everywhere
        for which in range(2 if escapes else 1):
            if place < (hex_from if which == 0 else escape_from):
                continue
            end = _hex_chain(points, kinds, place) if which == 0 else _escape_chain(points, kinds, place)
            if end <= place:
                continue
            if not len(marks):
                marks = np.zeros(size, np.uint8)
            marks[place:end] = 1
            longest = max(longest, end - place)
            if which == 0:
                hex_from = end
            else:
                escape_from = end
    return longest, marks


@kernel
def _escape_chain(points: Points, kinds: Kinds, place: int) -> int:
    """Where the chain of escapes from ``place`` ends, or ``place`` if it is too short."""
    end, units = place, 0
    while end + 6 <= len(points) and points[end] == 92 and points[end + 1] == 117:
        if not kinds[end + 2] & kinds[end + 3] & kinds[end + 4] & kinds[end + 5] & HEX:
            break
        end, units = end + 6, units + 1
    return end if units >= _CHAIN_LEAST else place


@kernel
def _hex_chain(points: Points, kinds: Kinds, place: int) -> int:
    """Where the chain of hexadecimal numbers from ``place`` ends, or ``place`` if it is too short."""
    end, units = place, 0
    while True:
        next_end = _hex_unit(points, kinds, end)
        if next_end < 0:
            return end if units >= _CHAIN_LEAST else place
        end, units = next_end, units + 1


@kernel
def _hex_unit(points: Points, kinds: Kinds, place: int) -> int:
    """Where the unit that begins at ``place`` ends, -1 if none does."""
    size = len(points)
    if place + 2 > size:
        return -1
    at = place
    if points[at + 1] == 120 and (points[at] == 48 or points[at] == 92):
        at += 2
    if at + 2 > size or not kinds[at] & kinds[at + 1] & HEX:
        return -1
    before = place > 0 and (kinds[place - 1] & WORD) != 0
    if before == ((kinds[place] & WORD) != 0):  # no boundary of a word
        return -1
    at += 2
    if at < size and points[at] == 44:
        return at + 1
    if at < size and kinds[at] & WORD:
        return -1
    while at < size and kinds[at] & SPACE:
        at += 1
    return at
