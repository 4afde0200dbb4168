r"""The tokens of a text as 64-bit values and as places in it, compiled: what ``tokenise`` of ``words`` gives.

Example::

    read = read_tokens("Naïve: 3.5")
    "Naïve: 3.5"[read.begins[0] : read.ends[0]]   # "Naïve", whose token is "naive"
    read.values[0] == read_tokens("naive").values[0]   # True

A value is a hash of the token's code points, the same on every machine: equal tokens have equal values; unequal ones
may, once in 2^64, and so whoever finds something by values looks at the tokens before believing it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.words import strip_diacritics, tokenise

Points = NDArray[np.uint32]
Values = NDArray[np.uint64]
Places = NDArray[np.int64]

_POINTS = 0x110000
_NAMED = (*range(0x33480), *range(0xE0000, 0xE0200))  # beyond stand the unassigned and the private ones: no words
_APART, _NOTHING = 0, 1  # in the table, for what stands between tokens, and for a mark that is left out
_MANY = 1 << 31  # several code points: a place in the rest, from bit 8 on, and how many in the lower 8
_SIGMA = "Σ"  # the one letter whose small letter depends on its neighbours
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


class Tokens(NamedTuple):
    """The tokens of a text.

    Args:
        values: the hash of each, (n,).
        begins: the first character of each in the text, (n,).
        ends: the character after its last, marks included, (n,).
    """

    values: Values
    begins: Places
    ends: Places


def read_tokens(text: str) -> Tokens:
    """The tokens of ``text``; as many, and in the same order, as those of ``tokenise``."""
    read = _read(text)
    if _has_sigma(text):
        return Tokens(_read(" ".join(tokenise(text))).values, read.begins, read.ends)
    return read


def _read(text: str) -> Tokens:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    becomes, rest = _table()
    values = np.empty(points.size, np.uint64)  # no character begins two tokens
    begins, ends = np.empty(points.size, np.int64), np.empty(points.size, np.int64)
    count = _write(points, becomes, rest, values, begins, ends)
    return Tokens(values[:count], begins[:count], ends[:count])


def _has_sigma(text: str) -> bool:
    return not text.isascii() and _SIGMA in text


@lru_cache(maxsize=1)
def _table() -> tuple[Points, Points]:
    """What becomes of each code point, 4 MB, and the code points of those that become several."""
    becomes, rest = np.zeros(_POINTS, np.uint32), list[int]()
    for point in _NAMED:
        written = strip_diacritics(chr(point)).lower()
        words = [ord(one) if one.isalnum() or one == "_" else _APART for one in written]
        if not words:
            becomes[point] = _NOTHING
        elif len(words) == 1 or not any(words):
            becomes[point] = words[0]
        else:
            becomes[point] = _MANY | len(rest) << 8 | len(words)
            rest += words
    return becomes, np.array(rest, np.uint32)


@bare
def _write(points: Points, becomes: Points, rest: Points, values: Values, begins: Places, ends: Places) -> int:
    """Write value, begin and end of every token; how many there are."""
    count, inside, end, state = 0, False, 0, _OFFSET
    for i in range(len(points)):
        written = becomes[points[i]]
        several = written & _MANY
        for k in range(written & 255 if several else 1):
            point = rest[((written ^ _MANY) >> 8) + k] if several else written
            if point == _NOTHING:
                end = i + 1  # a mark belongs to the character before it
                continue
            if point == _APART:
                if inside:
                    values[count] = (state ^ (state >> _HALF)) * _MIX
                    ends[count] = end
                    count += 1
                    inside = False
                continue
            if not inside:
                inside, state = True, _OFFSET
                begins[count] = i
            state = (state ^ np.uint64(point)) * _PRIME
            end = i + 1
    if inside:
        values[count] = (state ^ (state >> _HALF)) * _MIX
        ends[count] = end
        count += 1
    return count
