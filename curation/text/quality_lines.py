"""What the quality rules count in lines and words: bullets, ellipses, short lines, terminal punctuation, sentences.

Example: ``line_shares(points, flags, 30, hashes, powers, out)`` fills four shares of the lines of a text.

Lines are what the rule that asks takes for them: Gopher's quality rules those of ``str.splitlines``, FineWeb's those
between newlines that are not blank. Sentences are those of spaCy's sentencizer, which C4's rule counts in datatrove.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, kernel
from curation.text.quality_characters import ALPHABETIC, BREAK, ENDER, PUNCTUATION, SPACE, SYMBOL
from curation.text.quality_repetition import entry, mixed, piece_hash, table_for

Points = NDArray[np.uint32]
Flags = NDArray[np.uint32]
Places = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

_NEWLINE, _RETURN, _STOP, _ELLIPSIS, _HYPHEN, _BULLET, _HASH, _CURLY, _BLANK = (ord(char) for char in "\n\r.…-•#{ ")


@bare
def marks_of(points: Points) -> tuple[int, int, int]:
    """How many number signs, ellipses (of three stops, or one character) and opening curly brackets there are."""
    hashes, ellipses, curly, stops = 0, 0, 0, 0
    for char in points:
        hashes += char == _HASH
        curly += char == _CURLY
        if char == _STOP:
            stops += 1
            if stops == 3:
                ellipses += 1
                stops = 0
        else:
            stops = 0
            ellipses += char == _ELLIPSIS
    return hashes, ellipses, curly


@bare
def bullets_and_ellipses(points: Points, flags: Flags) -> tuple[int, int, int]:
    """How many lines there are, how many begin with a bullet or hyphen, how many end in an ellipsis."""
    lines, bullets, ellipses, start = 0, 0, 0, 0
    for place in range(len(points) + 1):
        if place < len(points) and not flags[place] & BREAK:
            continue
        if place == len(points) and place == start:
            break
        if (
            place < len(points)
            and place == start
            and place
            and points[place] == _NEWLINE
            and points[place - 1] == _RETURN
        ):
            start = place + 1
            continue
        lines += 1
        bullets += _begins_with_bullet(points, flags, start, place)
        ellipses += _ends_in_ellipsis(points, flags, start, place)
        start = place + 1
    return lines, bullets, ellipses


@bare
def _is_second_half(points: Points, place: int) -> bool:
    """Whether a character ends no line, because the carriage return before it did."""
    return place > 0 and points[place] == _NEWLINE and points[place - 1] == _RETURN


@bare
def _begins_with_bullet(points: Points, flags: Flags, start: int, end: int) -> bool:
    while start < end and flags[start] & SPACE:
        start += 1
    return start < end and (points[start] == _BULLET or points[start] == _HYPHEN)


@bare
def _ends_in_ellipsis(points: Points, flags: Flags, start: int, end: int) -> bool:
    while end > start and flags[end - 1] & SPACE:
        end -= 1
    if end > start and points[end - 1] == _ELLIPSIS:
        return True
    return end - start >= 3 and points[end - 1] == _STOP and points[end - 2] == _STOP and points[end - 3] == _STOP


@kernel
def line_shares(points: Points, flags: Flags, short: int, hashes: Hashes, powers: Hashes, out: Floats) -> None:
    """Fill five statistics of the lines that are not blank, out (5,) or longer.

    They are: their number, the share that ends a sentence, the share of at most ``short`` characters, characters of
    those that stand earlier by all, and newlines.
    """
    newlines = 0
    for char in points:
        newlines += char == _NEWLINE
    table = table_for(newlines + 1)
    lines, ending, shorts, repeated, start = 0, 0, 0, 0, 0
    for place in range(len(points) + 1):
        if place < len(points) and points[place] != _NEWLINE:
            continue
        if not _is_blank(flags, start, place):
            lines += 1
            ending += (flags[place - 1] & ENDER) != 0
            shorts += place - start <= short
            key = mixed(piece_hash(hashes, powers, start, place))
            found = entry(table, key)
            repeated += place - start if table[found] == key else 0
            table[found] = key
        start = place + 1
    out[0], out[1], out[2] = lines, ending / max(lines, 1), shorts / max(lines, 1)
    out[3], out[4] = repeated / max(len(points) - newlines, 1), newlines


@bare
def _is_blank(flags: Flags, start: int, end: int) -> bool:
    for place in range(start, end):  # noqa: SIM110 - compiled
        if not flags[place] & SPACE:
            return False
    return True


@bare
def kinds_of_words(flags: Flags, starts: Places, ends: Places, count: int) -> tuple[int, int, int]:
    """How many words are not only symbols, how many characters these have, and how many words have a letter."""
    texts, chars, alphabetic = 0, 0, 0
    for number in range(count):
        seen = np.uint32(0)
        for place in range(starts[number], ends[number]):
            # Of a character, whether it is no symbol, and whether it is a letter.
            seen |= (flags[place] ^ np.uint32(SYMBOL)) & np.uint32(SYMBOL | ALPHABETIC)
            if seen == np.uint32(SYMBOL | ALPHABETIC):
                break
        if seen & SYMBOL:
            texts += 1
            chars += ends[number] - starts[number]
        alphabetic += (seen & ALPHABETIC) != 0
    return texts, chars, alphabetic


@kernel
def distinct_of(keys: Hashes, starts: Places, ends: Places, count: int, hashes: Hashes, powers: Hashes) -> int:
    """How many of at most 64 words stand in a text; ``keys`` is their table, of a power of two of places."""
    seen = np.zeros(len(keys), np.uint8)
    distinct = 0
    for number in range(count):
        key = mixed(piece_hash(hashes, powers, starts[number], ends[number]))
        found = entry(keys, key)
        if keys[found] == key and not seen[found]:
            seen[found] = 1
            distinct += 1
    return distinct


@bare
def sentences_of(points: Points, flags: Flags, starts: Places, ends: Places, count: int) -> int:
    """How many sentences there are, each line for itself: one begins behind the marks that end the one before."""
    sentences, ended, begins = 0, False, True
    for number in range(count):
        before = ends[number - 1] if number else 0
        if _has_break(flags, before, starts[number]):
            ended, begins = False, True
        ender = ends[number] - starts[number] == 1 and flags[starts[number]] & ENDER
        if ended:
            # More than one blank is a word of its own to spaCy, and so begins a sentence.
            space = starts[number] - before
            blank = space > 1 or (space == 1 and points[before] != _BLANK)
            if blank or not (ender or _is_punctuation(flags, starts[number], ends[number])):
                ended, begins = False, True
        if ender:
            ended = True
        sentences += begins
        begins = False
    return sentences


@bare
def _is_punctuation(flags: Flags, start: int, end: int) -> bool:
    for place in range(start, end):  # noqa: SIM110 - compiled
        if not flags[place] & PUNCTUATION:
            return False
    return True


@bare
def _has_break(flags: Flags, start: int, end: int) -> bool:
    for place in range(start, end):  # noqa: SIM110 - compiled
        if flags[place] & BREAK:
            return True
    return False
