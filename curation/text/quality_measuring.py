"""The kernels that measure a whole text, for `quality_statistics`, which names what they fill.

Example: ``sentences_in(points, table, how)`` is the number of sentences of a text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel
from curation.text.quality_characters import LIMIT, SPACE
from curation.text.quality_lines import (
    bullets_and_ellipses,
    distinct_of,
    kinds_of_words,
    line_shares,
    marks_of,
    sentences_of,
)
from curation.text.quality_repetition import (
    prefix_hashes,
    repeated_pieces,
    repeated_runs,
    slots_for,
    top_run,
    word_hashes,
)
from curation.text.quality_splitting import split_text

Points = NDArray[np.uint32]
Flags = NDArray[np.uint32]
Places = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]


@kernel
def _flags_of(points: Points, table: Flags) -> Flags:
    flags = np.empty(len(points), np.uint32)
    for place in range(len(points)):
        flags[place] = table[min(points[place], LIMIT)]
    return flags


@kernel
def measure(
    points: Points,
    table: Flags,
    how: Hashes,
    stop_words: Hashes,
    short_line: int,
    of_lines: Floats,
    of_words: Floats,
    of_pieces: Floats,
    of_runs: Floats,
) -> None:
    """Fill all statistics of a text.

    Args:
        points: code points, (n,).
        table: flags of all code points, (LIMIT + 1,).
        how: the language's rules.
        stop_words: the table of their hashes, (2^m,).
        short_line: characters of a short line.
        of_lines: what `line_shares` fills, (5,).
        of_words: words and what `Statistics` names from there on to curly brackets, (12,).
        of_pieces: paragraphs and their characters, lines and their characters, (4,).
        of_runs: of runs of two to ten words, (9,).
    """
    size = len(points)
    flags = _flags_of(points, table)
    hashes, powers = np.empty(size + 1, np.uint64), np.empty(size + 1, np.uint64)
    prefix_hashes(points, hashes, powers)
    starts, ends, cuts = np.empty(size + 1, np.int32), np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
    count = split_text(points, flags, how, starts, ends, cuts)
    line_shares(points, flags, short_line, hashes, powers, of_lines)
    of_words[0] = count
    of_words[5] = distinct_of(stop_words, starts, ends, count, hashes, powers)
    _measure_words(points, flags, starts, ends, count, of_words)
    _measure_pieces(points, flags, hashes, powers, of_pieces)
    sequence, letters, lengths = word_hashes(starts, ends, count, hashes, powers)
    keys, counts, slots = np.empty(count, np.uint64), np.empty(count, np.int32), np.empty(slots_for(count), np.int32)
    for n in range(2, 5):
        of_runs[n - 2] = top_run(sequence, lengths, n, keys, counts, slots) / max(size, 1)
    for n in range(5, 11):
        of_runs[n - 2] = repeated_runs(letters, lengths, powers, n, keys, slots) / max(size, 1)


@kernel
def _measure_words(points: Points, flags: Flags, starts: Places, ends: Places, count: int, out: Floats) -> None:
    """Fill what `Statistics` names from its words on to its curly brackets, but for stop words."""
    words = max(count, 1)
    texts, chars, alphabetic = kinds_of_words(flags, starts, ends, count)
    out[1], out[2], out[3], out[4] = len(points), texts, chars / max(texts, 1), alphabetic / words
    number_signs, ellipses, curly = marks_of(points)
    out[6], out[7] = number_signs / words, ellipses / words
    lines, bullets, ellipsis_lines = bullets_and_ellipses(points, flags)
    out[8], out[9] = bullets / max(lines, 1), ellipsis_lines / max(lines, 1)
    out[10], out[11] = sentences_of(points, flags, starts, ends, count), curly


@kernel
def _measure_pieces(points: Points, flags: Flags, hashes: Hashes, powers: Hashes, out: Floats) -> None:
    size, start, end = len(points), 0, len(points)
    while start < end and flags[start] & SPACE:
        start += 1
    while end > start and flags[end - 1] & SPACE:
        end -= 1
    pieces, repeated, chars = repeated_pieces(points, start, end, 2, hashes, powers)
    out[0], out[1] = repeated / pieces, chars / max(size, 1)
    pieces, repeated, chars = repeated_pieces(points, 0, size, 1, hashes, powers)
    out[2], out[3] = repeated / pieces, chars / max(size, 1)


@kernel
def measure_lines(points: Points, table: Flags, how: Hashes, short_line: int, words: int, out: Floats) -> None:
    """Fill what `line_shares` does, and the words, which are counted if they are given as less than 0; out (6,)."""
    size = len(points)
    flags = _flags_of(points, table)
    hashes, powers = np.empty(size + 1, np.uint64), np.empty(size + 1, np.uint64)
    prefix_hashes(points, hashes, powers)
    line_shares(points, flags, short_line, hashes, powers, out)
    if words < 0:
        starts, ends, cuts = np.empty(size + 1, np.int32), np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
        words = split_text(points, flags, how, starts, ends, cuts)
    out[5] = words


@kernel
def sentences_in(points: Points, table: Flags, how: Hashes) -> int:
    """How many sentences a text has."""
    size = len(points)
    flags = _flags_of(points, table)
    starts, ends, cuts = np.empty(size + 1, np.int32), np.empty(size + 1, np.int32), np.empty(size + 1, np.int32)
    count = split_text(points, flags, how, starts, ends, cuts)
    return sentences_of(points, flags, starts, ends, count)
