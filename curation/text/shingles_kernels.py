"""The loops of ``shingles`` over code points: which texts need more than that, and from code points to tokens.

Example: ``write_tokens(points, offsets, …, data, starts, ends, counts)`` fills ``data`` with the tokens, and in
where each begins and ends. All arrays are made by the caller, of the size that the longest result could have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.shingles_normalise import (
    ALONE,
    BACKSLASH,
    BLANK,
    COMPOSES,
    DIGIT,
    LETTER,
    LOWERS,
    MANY,
    MARK,
    NOTHING,
    READS_ALL,
)

Bytes = NDArray[np.uint8]
Points = NDArray[np.uint32]
Numbers = NDArray[np.int64]

Places = NDArray[np.uint64]

_KIND = 7
# Places are unsigned here, since numba looks whether a signed one counts from the end, at every character.
_ONE = np.uint64(1)


@bare
def mark(points: Points, offsets: Numbers, kinds: Bytes, lowest: int, flags: Bytes) -> None:
    """Which texts are not read point by point."""
    for text in range(len(flags)):
        seen = np.uint8(0)
        for i in range(offsets[text], offsets[text + 1]):
            if points[i] >= lowest:
                seen |= kinds[points[i]]
        flags[text] = seen & np.uint8(COMPOSES | LOWERS | READS_ALL)


@bare
def _put(data: Bytes, at: np.uint64, point: int) -> np.uint64:
    """Write a code point as UTF-8; where the next one goes."""
    if point < 0x80:
        data[at] = point
        return at + _ONE
    if point < 0x800:
        data[at], data[at + _ONE] = 0xC0 | point >> 6, 0x80 | point & 63
        return at + np.uint64(2)
    if point < 0x10000:
        data[at], data[at + _ONE], data[at + np.uint64(2)] = (
            0xE0 | point >> 12,
            0x80 | point >> 6 & 63,
            0x80 | point & 63,
        )
        return at + np.uint64(3)
    data[at], data[at + _ONE] = 0xF0 | point >> 18, 0x80 | point >> 12 & 63
    data[at + np.uint64(2)], data[at + np.uint64(3)] = 0x80 | point >> 6 & 63, 0x80 | point & 63
    return at + np.uint64(4)


@bare
def _put_all(data: Bytes, at: np.uint64, written: int, rest: Points) -> np.uint64:
    """Write what becomes of a code point."""
    if not written & MANY:
        return _put(data, at, written)
    first = (written ^ MANY) >> 8
    for k in range(first, first + (written & 255)):
        at = _put(data, at, np.int64(rest[np.uint64(k)]))
    return at


@bare
def _mathematics(
    points: Points,
    i: np.uint64,
    end: np.uint64,
    kinds: Bytes,
    becomes: Points,
    data: Bytes,
    at: np.uint64,
    starts: Places,
    ends: Places,
    token: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Write the tokens of one text that keeps mathematics; where the next byte goes, and which is the next token."""
    while i < end:
        point = points[i]
        kind = kinds[point] & _KIND
        i += _ONE
        if kind == BLANK:
            continue
        starts[token] = at
        at = _put(data, at, np.int64(becomes[point]))
        if kind == LETTER:
            while i < end and (kinds[points[i]] & _KIND == LETTER or kinds[points[i]] & _KIND == DIGIT):
                at = _put(data, at, np.int64(becomes[points[i]]))
                i += _ONE
        elif kind == DIGIT:
            while i < end and _goes_on(points, i, end, kinds):
                at = _put(data, at, np.int64(points[i]))
                i += _ONE
        elif kind == BACKSLASH:
            while i < end and 97 <= becomes[points[i]] <= 122:
                at = _put(data, at, np.int64(becomes[points[i]]))
                i += _ONE
        at, token = _close(data, at, ends, token)
    return at, token


@bare
def _goes_on(points: Points, i: np.uint64, end: np.uint64, kinds: Bytes) -> bool:
    """Whether a number does: with a digit, or with a mark before one."""
    kind = kinds[points[i]]
    if kind & _KIND == DIGIT:
        return True
    return bool(kind & MARK and i + _ONE < end and kinds[points[i + _ONE]] & _KIND == DIGIT)


@bare
def _after_number(points: Points, i: np.uint64, end: np.uint64, kinds: Bytes) -> np.uint64:
    """Where a number with at most one mark in it ends."""
    while i < end and kinds[points[i]] & _KIND == DIGIT:
        i += _ONE
    if i + _ONE < end and kinds[points[i]] & MARK and kinds[points[i + _ONE]] & _KIND == DIGIT:
        i += _ONE
        while i < end and kinds[points[i]] & _KIND == DIGIT:
            i += _ONE
    return i


@bare
def _runs(
    points: Points,
    i: np.uint64,
    end: np.uint64,
    kinds: Bytes,
    becomes: Points,
    rest: Points,
    data: Bytes,
    at: np.uint64,
    starts: Places,
    ends: Places,
    token: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Write the tokens of one text whose tokens are runs, numbers taken as one character."""
    inside = alone = False
    while i < end:
        point = points[i]
        kind = kinds[point] & _KIND
        i = _after_number(points, i, end, kinds) if kind == DIGIT else i + _ONE
        if kind == NOTHING:
            continue
        if inside and (alone or kind in (BLANK, ALONE)):
            at, token = _close(data, at, ends, token)
            inside = False
        alone = kind == ALONE
        if kind != BLANK:
            if not inside:
                starts[token] = at
                inside = True
            at = _put_all(data, at, np.int64(becomes[point]), rest)
    if inside:
        at, token = _close(data, at, ends, token)
    return at, token


@bare
def _close(data: Bytes, at: np.uint64, ends: Places, token: np.uint64) -> tuple[np.uint64, np.uint64]:
    ends[token] = at
    data[at] = 32
    return at + _ONE, token + _ONE


@bare
def write_tokens(
    points: Points,
    offsets: Places,
    as_whole: Bytes,
    kinds: Bytes,
    becomes: Points,
    rest: Points,
    plain: Bytes,
    same: Points,
    data: Bytes,
    starts: Places,
    ends: Places,
    counts: Places,
    mathematics: bool,
) -> np.uint64:
    """Write the tokens of all texts, and how many there are up to the end of each; the number of bytes.

    ``mathematics`` is whether the normalisation is ``keep_mathematics``.
    """
    at = token = np.uint64(0)
    for text in range(len(as_whole)):
        first, last = offsets[text], offsets[text + 1]
        if as_whole[text]:
            at, token = _runs(points, first, last, plain, same, rest, data, at, starts, ends, token)
        elif mathematics:
            at, token = _mathematics(points, first, last, kinds, becomes, data, at, starts, ends, token)
        else:
            at, token = _runs(points, first, last, kinds, becomes, rest, data, at, starts, ends, token)
        counts[text + 1] = token
    return at
