"""The compiled part of the URL filter: sets of hashed lines, and one pass over the characters of a URL.

Example: ``table = hash_table(hash_lines(open("domains", "rb")))`` takes 4.6 million domains into 55 MB in 0.4 s. A set
of Python strings of them takes half a gigabyte.

Lines are kept as 64-bit hashes: that a URL which is not listed has the hash of one that is happens once in 4e12 times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, part
from curation.text.hashing import Bytes, Hashes, xxh64

Table = tuple[Hashes, NDArray[np.uint32]]
"""Hashes, ascending, (n,), and where those of each slot begin, (n + 2,); a hash's slot is its place were all evenly
spread, so that a slot holds one or two."""
Automaton = tuple[NDArray[np.int32], NDArray[np.bool_]]
"""Of each state the next by digit or letter, (states, 36), and whether a word ends there, (states,)."""

PASSES, DOMAIN, HOST, URL, HARD, SOFT, SUBWORD = range(7)
"""What `look` finds."""
IS_HARD, IS_SOFT = np.uint8(1), np.uint8(2)

_CHUNK_BYTES = 1 << 24
_SLOTS_AT_ONCE = 1 << 18
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_NONE = np.uint8(255)
_NUMBERS = np.full(256, _NONE, np.uint8)
"""Of each byte its place in the alphabet, of a capital that of the small letter."""
_NUMBERS[list(_ALPHABET.encode())] = _NUMBERS[list(_ALPHABET.upper().encode())] = np.arange(len(_ALPHABET))
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_NEWLINE, _BLANK, _SHARP = np.uint8(10), np.uint8(32), np.uint8(35)


def hash_lines(stream: BinaryIO) -> Hashes:
    """The different hashes (XXH64) of the lines of a file, ascending; blanks around them do not count.

    Empty lines and those that begin with ``#`` are left out.
    """
    parts = [np.empty(0, np.uint64)]
    for block in _whole_lines(stream):
        data = np.frombuffer(block, np.uint8)
        found = np.empty(block.count(b"\n") + 1, np.uint64)
        parts.append(found[: _hash_lines(data, found)].copy())
    return without_repeats(np.concatenate(parts))


def without_repeats(hashes: Hashes) -> Hashes:
    """The different ones, ascending: in a hundredth of the time that `numpy.unique` takes, which hashes them again."""
    hashes = np.sort(hashes)
    new = np.ones(len(hashes), bool)
    new[1:] = hashes[1:] != hashes[:-1]
    return hashes[new]


def hash_table(hashes: Hashes) -> Table:
    """A table of ascending hashes for `look`."""
    slots = hashes >> _HALF
    slots *= np.uint64(len(hashes) + 1)
    slots >>= _HALF
    bounds = np.empty(len(hashes) + 2, np.uint32)
    for begin in range(0, len(bounds), _SLOTS_AT_ONCE):  # all at once take four times the memory of the table
        end = min(begin + _SLOTS_AT_ONCE, len(bounds))
        bounds[begin:end] = np.searchsorted(slots, np.arange(begin, end, dtype=np.uint64))
    return hashes, bounds


def automaton(words: Sequence[str]) -> Automaton:
    """An Aho-Corasick automaton of words of digits and lowercase letters.

    Raises:
        ValueError: if a word is empty or has another character.
    """
    following: list[list[int]] = [[0] * len(_ALPHABET)]
    ends = [False]
    for word in words:
        state = 0
        for number in _places(word):
            if not following[state][number]:
                following.append([0] * len(_ALPHABET))
                ends.append(False)
                following[state][number] = len(ends) - 1
            state = following[state][number]
        ends[state] = True
    # What the longest suffix that is in the tree goes on with: states of shorter words first.
    waiting, fallback = [0], [0] * len(ends)
    for state in waiting:
        ends[state] = ends[state] or ends[fallback[state]]
        for number, after in enumerate(following[state]):
            other = following[fallback[state]][number] if state else 0
            if after:
                fallback[after] = other
                waiting.append(after)
            else:
                following[state][number] = other
    return np.array(following, np.int32), np.array(ends, np.bool_)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(_CHUNK_BYTES):
        block, newline, after = chunk.rpartition(b"\n")
        if newline:
            yield rest + block
            rest = after
        else:
            rest += after
    if rest:
        yield rest


def _places(word: str) -> list[int]:
    numbers = [_ALPHABET.find(character) for character in word]
    if not numbers or min(numbers) < 0:
        raise ValueError(f"expected digits and lowercase letters, got {word!r}")
    return numbers


@bare
def _hash_lines(data: Bytes, found: Hashes) -> int:
    count, begin = 0, 0
    for at in range(len(data) + 1):
        if at < len(data) and data[at] != _NEWLINE:
            continue
        comment = begin < at and data[begin] == _SHARP
        end = at
        while begin < end and data[begin] <= _BLANK:
            begin += 1
        while begin < end and data[end - 1] <= _BLANK:
            end -= 1
        if begin < end and not comment:
            found[count] = xxh64(data, np.uint64(begin), np.uint64(end))
            count += 1
        begin = at + 1
    return count


@part
def _place(hashed: np.uint64, hashes: Hashes, bounds: NDArray[np.uint32]) -> int:
    """Where a hash stands, -1 if it is not there."""
    slot = (hashed >> _HALF) * np.uint64(len(hashes) + 1) >> _HALF
    place = -1
    for i in range(np.int64(bounds[slot]), np.int64(bounds[slot + _ONE])):
        if hashes[i] == hashed:
            place = i
    return place


@part
def _is_new(hashed: np.uint64, seen: Hashes, count: int) -> bool:
    """Whether there is room for a hash that is not there yet."""
    new = count < len(seen)
    for i in range(count):
        new &= seen[i] != hashed
    return new


@bare
def look(
    data: Bytes,
    domain: np.uint64,
    host: np.uint64,
    url: np.uint64,
    domains: Hashes,
    domain_bounds: NDArray[np.uint32],
    urls: Hashes,
    url_bounds: NDArray[np.uint32],
    words: Hashes,
    word_bounds: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    following: NDArray[np.int32],
    ends: NDArray[np.bool_],
    seen: Hashes,
) -> int:
    """What is found first in the order of the numbers above.

    Args:
        data: the URL, bytes of UTF-8.
        domain: the hash of its registered domain, 0 if it has none.
        host: of its host.
        url: of what is looked for in ``urls``.
        domains: of a `Table`.
        domain_bounds: of the same.
        urls: of a `Table`.
        url_bounds: of the same.
        words: of a `Table` of hard and soft words.
        word_bounds: of the same.
        kinds: ``IS_HARD``, ``IS_SOFT`` or both, of each word.
        following: of an `Automaton` of subwords.
        ends: of the same.
        seen: room for as many hashes as there are different soft words in a URL that is dropped.
    """
    if domain != 0 and _place(domain, domains, domain_bounds) >= 0:
        return DOMAIN
    if host != 0 and _place(host, domains, domain_bounds) >= 0:
        return HOST
    if _place(url, urls, url_bounds) >= 0:
        return URL
    soft, state, subword, begin = 0, 0, False, 0
    for at in range(len(data) + 1):
        number = _NUMBERS[data[at]] if at < len(data) else _NONE
        if number != _NONE:
            state = following[state, number]
            subword |= ends[state]
            continue
        if begin < at:
            hashed = xxh64(data, np.uint64(begin), np.uint64(at))
            place = _place(hashed, words, word_bounds)
            if place >= 0 and kinds[place] & IS_HARD:
                return HARD
            if place >= 0 and _is_new(hashed, seen, soft):
                seen[soft] = hashed
                soft += 1
        begin = at + 1
    if soft == len(seen):
        return SOFT
    return SUBWORD if subword else PASSES
