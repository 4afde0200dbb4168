"""Which marks are cut from a run without white space: at its front, its end and within; and what a web address is.

Example: of ``(x-ray).`` a bracket is cut from the front, a stop and a bracket from the end; a hyphen is a mark within.

Kernels of `quality_splitting`; ``how`` is the array of a language's rules that `quality_words` makes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.quality_characters import (
    BEFORE_STOP,
    CLOSES,
    CURRENCY,
    DIGIT,
    FIRST_RULE,
    HOST,
    ICON,
    LETTER,
    LOWER,
    MAYBE_INSIDE,
    OPENS,
    UNIT,
    UPPER,
)

Points = NDArray[np.uint32]
Flags = NDArray[np.uint32]
Places = NDArray[np.int32]
Hashes = NDArray[np.uint64]

_STOP, _PLUS, _ELLIPSIS, _DOLLAR, _COLON, _SLASH, _AT = (ord(char) for char in ".+…$:/@")
_UNDERSCORE, _HYPHEN, _QUESTION, _HASH, _APOSTROPHE, _TYPOGRAPHIC = (ord(char) for char in "_-?#'’")
_S, _BIG_S, _BIG_U, _BIG_A, _BIG_C = (ord(char) for char in "sSUAC")
_DEGREE, _C, _F, _K = (ord(char) for char in "°CFK")
_PLAIN = LETTER | DIGIT
_CUT = OPENS | CLOSES | MAYBE_INSIDE

# Where what stands in the array of a language's rules; each table is open, with a power of two of places.
CHARACTERS, POSSESSIVE, LONGEST, RULES, TABLE, TABLE_SIZE, UNITS, UNITS_SIZE = range(8)
LENGTHS = 8
"""From here on, 64 masks: bit n of mask c says that a listed word of n characters begins with c, modulo 64."""
FIRST = LENGTHS + 64
"""From here on, four numbers for each rule of marks within words."""
LEFT, RIGHT, LEAST, MOST = range(4)


@bare
def hash_of(points: Points, start: int, end: int) -> Any:
    """FNV-1a over code points, never 0, uint64."""
    state = np.uint64(0xCBF29CE484222325)
    for place in range(start, end):
        state = (state ^ np.uint64(points[place])) * np.uint64(0x100000001B3)
    return state | np.uint64(1)


@bare
def place_of(how: Hashes, first: int, size: int, key: Any) -> Any:
    """Where a key stands in one of the tables, -1 where it does not."""
    mask = np.int64(size) - 1
    place = np.int64(key >> np.uint64(20)) & mask
    while how[np.int64(first) + place] != np.uint64(0):
        if how[np.int64(first) + place] == key:
            return np.int64(first) + place
        place = (place + 1) & mask
    return np.int64(-1)


@bare
def front_mark(points: Points, flags: Flags, start: int, end: int) -> int:
    """How many characters are cut from the front."""
    char = points[start]
    if char == _STOP:
        stops = _stops(points, start, end)
        return stops if stops > 1 else 0
    if char == _PLUS:
        return 0 if start + 1 < end and flags[start + 1] & DIGIT else 1
    if flags[start] & OPENS:
        return 1
    if start + 1 < end and points[start + 1] == _DOLLAR and char in (_BIG_A, _BIG_C):
        return 2
    return (
        3 if start + 2 < end and char == _BIG_U and points[start + 1] == _BIG_S and points[start + 2] == _DOLLAR else 0
    )


@bare
def back_mark(points: Points, flags: Flags, start: int, end: int, how: Hashes) -> int:
    """How many characters are cut from the end."""
    if start >= end:
        return 0
    last = end - 1
    char = points[last]
    if char == _STOP:
        return _back_stops(points, flags, start, last)
    if last == start:
        return 1 if flags[last] & CLOSES else 0
    before = points[last - 1]
    if how[POSSESSIVE] and char in (_S, _BIG_S) and before in (_APOSTROPHE, _TYPOGRAPHIC):
        return 2
    if char == _ELLIPSIS and before == _ELLIPSIS:
        return 2
    for length in range(min(4, last - start), 1, -1):
        if flags[end - length - 1] & DIGIT and _is_unit(points, end - length, end, how):
            return length
    if flags[last - 1] & DIGIT and (flags[last] & (CURRENCY | UNIT) or char == _PLUS):
        return 1
    return 1 if flags[last] & CLOSES else 0


@bare
def _back_stops(points: Points, flags: Flags, start: int, last: int) -> int:
    place = last
    while place > start and points[place - 1] == _STOP:
        place -= 1
    if place < last:
        return last + 1 - place
    if last > start and flags[last - 1] & BEFORE_STOP:
        return 1
    # Of an abbreviation in capitals, and of degrees Celsius, Fahrenheit, Kelvin.
    capitals = last - 1 > start and flags[last - 1] & UPPER and flags[last - 2] & UPPER
    degrees = last - 1 > start and points[last - 2] == _DEGREE and points[last - 1] in (_C, _F, _K)
    return 1 if capitals or degrees else 0


@bare
def _is_unit(points: Points, start: int, end: int, how: Hashes) -> bool:
    return place_of(how, how[UNITS], how[UNITS_SIZE], hash_of(points, start, end)) >= 0


@bare
def _stops(points: Points, start: int, end: int) -> int:
    """How many full stops there are from a place on."""
    place = start
    while place < end and points[place] == _STOP:
        place += 1
    return place - start


@bare
def inside_mark(points: Points, flags: Flags, start: int, end: int, place: int, how: Hashes) -> int:
    """How many characters from a place on are a mark within a word."""
    char = points[place]
    if flags[place] & ICON or char == _ELLIPSIS:
        return 1
    if char == _STOP and place + 1 < end and points[place + 1] == _STOP:
        return _stops(points, place, end)
    rules = flags[place] >> np.uint32(FIRST_RULE)
    if place == start or rules == 0:
        return 0
    for rule in range(np.int64(how[RULES])):
        first = FIRST + 4 * rule
        if rules >> np.uint32(rule) & np.uint32(1) and flags[place - 1] & how[first + LEFT]:
            repeated = _repeated(points, flags, end, place, how[first : first + 4])
            if repeated:
                return repeated
    return 0


@bare
def _repeated(points: Points, flags: Flags, end: int, place: int, rule: Hashes) -> int:
    """How often a mark stands, where its rule allows that and what stands behind it; else 0."""
    for repeated in range(1, np.int64(rule[MOST]) + 1):
        behind = place + repeated
        if behind >= end:
            return 0
        if repeated >= np.int64(rule[LEAST]) and flags[behind] & rule[RIGHT]:
            return repeated
        if points[behind] != points[place]:
            return 0
    return 0


@bare
def is_address(points: Points, flags: Flags, start: int, end: int) -> bool:
    """Whether a run is a web or mail address: maybe scheme and user, labels with dots, maybe port and path."""
    place = start
    while place < end:
        begins = place == start or points[place - 1] == _AT or _ends_scheme(points, flags, start, place)
        if begins and _is_host(points, flags, place, end):
            return True
        place += 1
    return False


@bare
def _ends_scheme(points: Points, flags: Flags, start: int, place: int) -> bool:
    if place - start < 5 or points[place - 1] != _SLASH or points[place - 2] != _SLASH or points[place - 3] != _COLON:
        return False
    for before in range(start, place - 3):
        if not flags[before] & _PLAIN and points[before] not in (_PLUS, _HYPHEN, _STOP, _UNDERSCORE):
            return False
    return True


@bare
def _is_host(points: Points, flags: Flags, start: int, end: int) -> bool:
    """Whether there are labels with dots, the last of lowercase letters, up to the end, a port or a path."""
    place = start
    while place < end and (flags[place] & HOST or points[place] in (_STOP, _UNDERSCORE, _HYPHEN)):
        place += 1
    if not _are_labels(points, flags, start, place):
        return False
    if place < end and points[place] == _COLON:
        port = place + 1
        place = port
        while place < end and flags[place] & DIGIT:
            place += 1
        if not 2 <= place - port <= 5:
            return False
    return place == end or points[place] in (_SLASH, _QUESTION, _HASH)


@bare
def _are_labels(points: Points, flags: Flags, start: int, end: int) -> bool:
    """Whether labels of at most 64 characters end in dots, and the last is of 2 to 63 lowercase letters."""
    label = start
    for place in range(start, end):
        if points[place] == _STOP:
            edges = place > label and flags[place - 1] & HOST and flags[label] & HOST
            if not edges or place - label > 64:
                return False
            label = place + 1
    for letter in range(label, end):
        if not flags[letter] & LOWER:
            return False
    return label > start and 2 <= end - label <= 63
