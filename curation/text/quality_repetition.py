"""How much of a text repeats: lines, paragraphs and runs of words, by one hash for any piece of it.

Example: the hashes of all prefixes of a text (`prefix_hashes`) give the hash of any piece in one step, so that the nine
lengths of runs of words are counted in one small hash table each, and no string is made.

Method: the polynomial hash of Rabin and Karp, modulo 2^64, over code points that were mixed; two pieces that differ are
taken for the same with a chance of about their number squared over 2^64. What is counted, and how, is Gopher's rule
(arXiv 2112.11446, table A1) as datatrove's ``gopher_repetition_filter.py`` reads it: in runs of 5 to 10 words those
that stand in a repeated run do not begin another, and the most frequent run of 2 to 4 is the first of equals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, kernel

Points = NDArray[np.uint32]
Places = NDArray[np.int32]
Hashes = NDArray[np.uint64]

_NEWLINE = 10
_BASE = 0x9E3779B97F4A7C15


@bare
def prefix_hashes(points: Points, hashes: Hashes, powers: Hashes) -> None:
    """Fill the hashes of all prefixes (n + 1,), and the powers of the hash's base (n + 1,)."""
    hashes[0], powers[0] = np.uint64(0), np.uint64(1)
    for place in range(len(points)):
        char = (np.uint64(points[place]) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
        char ^= char >> np.uint64(31)
        hashes[place + 1] = hashes[place] * np.uint64(_BASE) + char
        powers[place + 1] = powers[place] * np.uint64(_BASE)


@bare
def piece_hash(hashes: Hashes, powers: Hashes, start: int, end: int) -> Any:
    """The hash of a piece, uint64."""
    return hashes[end] - hashes[start] * powers[end - start]


@bare
def entry(table: Hashes, key: Any) -> Any:
    """The place of a key in an open table, or of the gap where it belongs; the table keeps keys that are `mixed`."""
    mask = len(table) - 1
    place = np.int64(key >> np.uint64(20)) & mask
    while table[place] != np.uint64(0) and table[place] != key:
        place = (place + 1) & mask
    return place


@bare
def mixed(key: Any) -> Any:
    """A hash whose bits all depend on all, never 0."""
    key = (key ^ (key >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    return (key ^ (key >> np.uint64(29))) | np.uint64(1)


@kernel
def add_key(table: Hashes, points: Points) -> None:
    """Add the hash of a whole text to a table."""
    hashes, powers = np.empty(len(points) + 1, np.uint64), np.empty(len(points) + 1, np.uint64)
    prefix_hashes(points, hashes, powers)
    key = mixed(piece_hash(hashes, powers, 0, len(points)))
    table[entry(table, key)] = key


@bare
def slots_for(count: int) -> int:
    """The size of an open table at most half of which ``count`` keys fill."""
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@kernel
def table_for(count: int) -> Hashes:
    """An empty table for so many keys."""
    return np.zeros(slots_for(count), np.uint64)


@kernel
def repeated_pieces(
    points: Points, start: int, end: int, newlines: int, hashes: Hashes, powers: Hashes
) -> tuple[int, int, int]:
    """How many pieces a text has between at least so many newlines, how many stand earlier, and characters of these."""
    pieces = 1
    for place in range(start, end):
        pieces += points[place] == _NEWLINE
    table = table_for(pieces)
    pieces, repeated, chars = 0, 0, 0
    begin, place = start, start
    while place <= end:
        if place < end and points[place] != _NEWLINE:
            place += 1
            continue
        run = place
        while run < end and points[run] == _NEWLINE:
            run += 1
        if place == end or run - place >= newlines:
            pieces += 1
            key = mixed(piece_hash(hashes, powers, begin, place))
            found = entry(table, key)
            if table[found] == key:
                repeated += 1
                chars += place - begin
            table[found] = key
            begin = run
        place = max(run, place + 1)
    return pieces, repeated, chars


@kernel
def word_hashes(
    starts: Places, ends: Places, count: int, hashes: Hashes, powers: Hashes
) -> tuple[Hashes, Hashes, Places]:
    """Hashes of all prefixes of the words: as a sequence, and as letters without blanks; and the letters' number."""
    sequence, letters = np.zeros(count + 1, np.uint64), np.zeros(count + 1, np.uint64)
    lengths = np.zeros(count + 1, np.int32)
    for number in range(count):
        size = ends[number] - starts[number]
        word = piece_hash(hashes, powers, starts[number], ends[number])
        sequence[number + 1] = sequence[number] * np.uint64(_BASE) + mixed(word)
        letters[number + 1] = letters[number] * powers[size] + word
        lengths[number + 1] = lengths[number] + size
    return sequence, letters, lengths


@bare
def _first_of(key: Any, number: int, keys: Hashes, slots: Places) -> int:
    """The first run of this key, which is ``number`` itself if none stands earlier; ``slots`` has their numbers + 1."""
    mask = len(slots) - 1
    place = np.int64(key >> np.uint64(20)) & mask
    while slots[place] != 0 and keys[slots[place] - 1] != key:
        place = (place + 1) & mask
    if slots[place] == 0:
        slots[place] = number + 1
    return slots[place] - 1


@bare
def top_run(sequence: Hashes, lengths: Places, words: int, keys: Hashes, counts: Places, slots: Places) -> int:
    """Characters of the most frequent run of words, with the blanks between its words, times how often it stands.

    Args:
        sequence: hashes of all prefixes of the words, (n + 1,).
        lengths: characters of these prefixes, (n + 1,).
        words: words of a run.
        keys: work space, (n,).
        counts: work space, (n,).
        slots: work space, (2^m,), more than n.
    """
    slots[:] = 0
    power = np.uint64(1)
    for _ in range(words):
        power *= np.uint64(_BASE)
    best, first = 0, 0
    for number in range(len(sequence) - words):
        keys[number] = mixed(sequence[number + words] - sequence[number] * power)
        counts[number] = 0
    for number in range(len(sequence) - words):
        earliest = _first_of(keys[number], number, keys, slots)
        counts[earliest] += 1
        if counts[earliest] > best or (counts[earliest] == best and earliest < first):
            best, first = counts[earliest], earliest
    return best * (lengths[first + words] - lengths[first] + words - 1) if best else 0


@bare
def repeated_runs(letters: Hashes, lengths: Places, powers: Hashes, words: int, keys: Hashes, slots: Places) -> int:
    """Characters, without blanks, of the runs of words that stand earlier; a repeated run is left behind whole.

    Args:
        letters: hashes of all prefixes of the words without blanks, (n + 1,).
        lengths: characters of these prefixes, (n + 1,).
        powers: of the hash's base.
        words: words of a run.
        keys: work space, (n,).
        slots: work space, (2^m,), more than n.
    """
    slots[:] = 0
    for number in range(len(letters) - words):
        size = lengths[number + words] - lengths[number]
        keys[number] = mixed(letters[number + words] - letters[number] * powers[size])
    chars, number = 0, 0
    while number < len(letters) - words:
        if _first_of(keys[number], number, keys, slots) < number:
            chars += lengths[number + words] - lengths[number]
            number += words
        else:
            number += 1
    return chars
