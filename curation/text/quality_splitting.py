"""The kernel that splits a text into words, see `quality_words`, which makes ``how``, a language's rules.

Example: ``split_text(points, flags, how, starts, ends, cuts)`` fills where words start and end, and gives their number.
A text of 3,200 characters takes about 40 microseconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.quality_characters import (
    CLOSES,
    DIGIT,
    LETTER,
    MAYBE_INSIDE,
    OPENS,
    SPACE,
)
from curation.text.quality_marks import (
    CHARACTERS,
    LENGTHS,
    LONGEST,
    TABLE,
    TABLE_SIZE,
    back_mark,
    front_mark,
    hash_of,
    inside_mark,
    is_address,
    place_of,
)

Points = NDArray[np.uint32]
Flags = NDArray[np.uint32]
Places = NDArray[np.int32]
Hashes = NDArray[np.uint64]

_PLAIN = LETTER | DIGIT
_CUT = OPENS | CLOSES | MAYBE_INSIDE


@bare
def _looked_up(points: Points, start: int, end: int, how: Hashes) -> Any:
    """The lengths of the parts of a listed word, a byte each, 0 for a word that is not listed."""
    if start >= end or end - start > np.int64(how[LONGEST]):
        return np.uint64(0)
    if how[LENGTHS + np.int64(points[start] & np.uint32(63))] >> np.uint64(end - start) & np.uint64(1) == np.uint64(0):
        return np.uint64(0)
    found = place_of(how, how[TABLE], how[TABLE_SIZE], hash_of(points, start, end))
    return how[found + np.int64(how[TABLE_SIZE])] if found >= 0 else np.uint64(0)


@bare
def split_text(points: Points, flags: Flags, how: Hashes, starts: Places, ends: Places, cuts: Places) -> int:
    """Where the words of a text start and end, and how many there are.

    Args:
        points: code points (n,).
        flags: of each (n,).
        how: of `quality_words.compiled_language`.
        starts: filled, (n + 1,).
        ends: filled, (n + 1,).
        cuts: work space, (n + 1,).
    """
    size = len(points)
    count = 0
    place = 0
    while place < size:
        if flags[place] & SPACE:
            place += 1
            continue
        start = place
        united = np.uint32(0)
        others = np.uint32(0)
        while place < size and not flags[place] & SPACE:
            united |= flags[place]
            others |= np.uint32(flags[place] & _PLAIN == 0) | (flags[place] & _CUT)
            place += 1
        if how[CHARACTERS]:
            for one in range(start, place):
                starts[count], ends[count] = one, one + 1
                count += 1
        elif others or (united & DIGIT and united & LETTER):
            count = _split_run(points, flags, start, place, how, starts, ends, count, cuts)
        else:
            count = _push(points, start, place, how, starts, ends, count)
    return count


@bare
def _push(points: Points, start: int, end: int, how: Hashes, starts: Places, ends: Places, count: int) -> int:
    """Add a word, or the parts of a listed one."""
    lengths = _looked_up(points, start, end, how)
    if lengths == np.uint64(0):
        starts[count], ends[count] = start, end
        return count + 1
    while lengths != np.uint64(0):
        starts[count], ends[count] = start, start + np.int64(lengths & np.uint64(255))
        start = ends[count]
        lengths >>= np.uint64(8)
        count += 1
    return count


@bare
def _split_run(
    points: Points,
    flags: Flags,
    start: int,
    end: int,
    how: Hashes,
    starts: Places,
    ends: Places,
    count: int,
    cuts: Places,
) -> int:
    """Add the words of a run without white space."""
    first, last, cut = count, end, 0
    while start < end and _looked_up(points, start, end, how) == np.uint64(0):
        front = front_mark(points, flags, start, end)
        if front and _looked_up(points, start + front, end, how) != np.uint64(0):
            starts[count], ends[count] = start, start + front
            count += 1
            start += front
            break
        back = back_mark(points, flags, start + front, end, how)
        if back and _looked_up(points, start, end - back, how) != np.uint64(0):
            front = 0
        if front:
            starts[count], ends[count] = start, start + front
            count += 1
            start += front
        if back:
            end -= back
            cuts[cut] = end
            cut += 1
        if not front and not back:
            break
    if start < end:
        count = _split_middle(points, flags, start, end, how, starts, ends, count)
    for number in range(cut - 1, -1, -1):
        starts[count] = cuts[number]
        ends[count] = cuts[number - 1] if number else last
        count += 1
    return _put_together(points, how, starts, ends, first, count) if count - first > 1 else count


@bare
def _split_middle(
    points: Points, flags: Flags, start: int, end: int, how: Hashes, starts: Places, ends: Places, count: int
) -> int:
    """Add what is left when both ends are cut: a listed word, a web address, or words and marks between them."""
    if _looked_up(points, start, end, how) != np.uint64(0):
        return _push(points, start, end, how, starts, ends, count)
    first, begin, place = count, start, start
    while place < end:
        length = inside_mark(points, flags, start, end, place, how) if flags[place] & MAYBE_INSIDE else 0
        if not length or place == start:
            place += max(length, 1)
            continue
        if place > begin:
            starts[count], ends[count] = begin, place
            count += 1
        starts[count], ends[count] = place, place + length
        count += 1
        place += length
        begin = place
    if begin < end:
        starts[count], ends[count] = begin, end
        count += 1
    if count - first > 1 and is_address(points, flags, start, end):
        count = first + 1
        starts[first], ends[first] = start, end
    return count


@bare
def _put_together(points: Points, how: Hashes, starts: Places, ends: Places, first: int, count: int) -> int:
    """Put neighbours together that are one listed word; gives the number of words."""
    number, written = first, first
    while number < count:
        last = _reach(points, how, starts, ends, number, count)
        start, end = starts[number], ends[last]
        if last > number:
            written = _push(points, start, end, how, starts, ends, written)
        else:
            starts[written], ends[written] = start, end
            written += 1
        number = last + 1
    return written


@bare
def _reach(points: Points, how: Hashes, starts: Places, ends: Places, number: int, count: int) -> int:
    """The last of the words from ``number`` on that together are one listed word; ``number`` where there are none."""
    last = number
    for other in range(number + 1, count):
        if ends[other] - starts[number] > np.int64(how[LONGEST]):
            break
        # No more parts than words, or the parts would overwrite the words behind.
        lengths = _looked_up(points, starts[number], ends[other], how)
        words = other - number + 1
        if lengths != np.uint64(0) and (words >= 8 or lengths >> np.uint64(8 * words) == np.uint64(0)):
            last = other
    return last
