"""Texts cut into shingles, compiled: n-grams of words or of characters, as pieces of one buffer of UTF-8.

Example::

    found = shingles(["One, two three.", "x"], ngram=2, normalisation="words")
    [bytes(found.data[begin:end]) for begin, end in zip(found.begins, found.ends)]   # [b"one two", b"two three", b"x"]
    found.offsets                                                                    # [0, 2, 3]

The tokens of a text stand one blank apart, so that every shingle is there already and none is copied. What the tokens
are says ``shingles_normalise``. A text of fewer tokens than the n-gram's length has one shingle, of all its tokens; a
text without tokens has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.shingles_kernels import mark, write_tokens
from curation.text.shingles_normalise import Normalisation, Table, blank_table, prepared, table, tokens

Bytes = NDArray[np.uint8]
Points = NDArray[np.uint32]
Numbers = NDArray[np.int64]
Unit = Literal["words", "characters"]

_FEWEST_BATCHED = 1 << 16  # characters; with what is made of them they stay in the cache of a core


class Shingles(NamedTuple):
    """The shingles of texts one after another.

    Args:
        data: the tokens of all texts, a blank after each, UTF-8.
        begins: where each shingle begins in it, (k,).
        ends: where it ends, (k,).
        offsets: where the shingles of each text begin, and the end, (n + 1,).
    """

    data: Bytes
    begins: Numbers
    ends: Numbers
    offsets: Numbers


def shingles(
    texts: Sequence[str], *, ngram: int, normalisation: Normalisation = "keep_mathematics", unit: Unit = "words"
) -> Shingles:
    """The shingles of each text, in order, repeats included.

    Args:
        texts: n texts; for long lists see `batches`.
        ngram: words or characters in a shingle.
        normalisation: see `curation.text.shingles_normalise.tokens`.
        unit: ``words``, or ``characters`` of the tokens with a blank between them.

    Raises:
        ValueError: if ``ngram`` is below one, or the normalisation or unit is unknown.
    """
    if ngram < 1 or normalisation not in get_args(Normalisation) or unit not in get_args(Unit):
        raise ValueError(f"unknown shingles: ngram={ngram}, normalisation={normalisation!r}, unit={unit!r}")
    found = table(normalisation)
    marked = _points(texts)
    as_whole = np.zeros(len(texts), np.uint8)
    mark(*marked, found.kinds, found.first, as_whole)
    if as_whole.any():
        texts = list(texts)
        for i in np.flatnonzero(as_whole):
            text = prepared(texts[i], normalisation, int(as_whole[i]))
            as_whole[i] = text is None
            texts[i] = " ".join(tokens(texts[i], normalisation)) if text is None else text
        marked = _points(texts)
    return _cut(*marked, as_whole, found, ngram, normalisation, unit)


def batches(texts: Sequence[str]) -> list[slice]:
    """Runs of texts that are long enough together for one call, and short enough for the memory at hand."""
    found, start, characters = [], 0, 0
    for i, text in enumerate(texts):
        characters += len(text)
        if characters >= _FEWEST_BATCHED:
            found.append(slice(start, i + 1))
            start, characters = i + 1, 0
    return [*found, slice(start, len(texts))] if start < len(texts) else found


def _points(texts: Sequence[str]) -> tuple[Points, Numbers]:
    """All code points, and where those of each text begin."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32), offsets


def _cut(
    points: Points,
    offsets: Numbers,
    as_whole: Bytes,
    found: Table,
    ngram: int,
    normalisation: Normalisation,
    unit: Unit,
) -> Shingles:
    plain = _blank_table()
    data = np.empty(points.size * (found.widest + 1) + 1, np.uint8)
    starts, ends = np.empty(points.size, np.int64), np.empty(points.size, np.int64)
    counts = np.zeros(offsets.size, np.int64)
    places = (each.view(np.uint64) for each in (starts, ends, counts))
    used = int(
        write_tokens(
            points,
            offsets.view(np.uint64),
            as_whole,
            found.kinds,
            found.becomes,
            found.rest,
            plain.kinds,
            plain.becomes,
            data,
            *places,
            normalisation == "keep_mathematics",
        )
    )
    if unit == "characters":
        words_starts, words_ends, words = starts, ends, counts
        starts, ends, counts = np.empty(used, np.int64), np.empty(used, np.int64), np.zeros(offsets.size, np.int64)
        _split(data, words_starts, words_ends, words, starts, ends, counts)
    begins, stops = np.empty(counts[-1], np.int64), np.empty(counts[-1], np.int64)
    shingle_offsets = np.zeros(offsets.size, np.int64)
    _join(starts, ends, counts, ngram, begins, stops, shingle_offsets)
    count = shingle_offsets[-1]
    return Shingles(data[:used], begins[:count], stops[:count], shingle_offsets)


@lru_cache(maxsize=1)
def _blank_table() -> Table:
    return blank_table()


@bare
def _split(
    data: Bytes,
    word_starts: Numbers,
    word_ends: Numbers,
    words: Numbers,
    starts: Numbers,
    ends: Numbers,
    counts: Numbers,
) -> None:
    """The characters of each text, with the blank between two words."""
    count = 0
    for text in range(len(counts) - 1):
        if words[text + 1] > words[text]:
            end = word_ends[words[text + 1] - 1]
            for at in range(word_starts[words[text]], end):
                if data[at] & 0xC0 != 0x80:
                    starts[count] = at
                    count += 1
                ends[count - 1] = at + 1
        counts[text + 1] = count


@bare
def _join(
    starts: Numbers, ends: Numbers, counts: Numbers, ngram: int, begins: Numbers, stops: Numbers, offsets: Numbers
) -> None:
    """From where to where ``ngram`` words or characters go, or all of a text of fewer."""
    found = 0
    for text in range(len(counts) - 1):
        first, last = counts[text], counts[text + 1]
        length = min(ngram, last - first)
        if length:
            for i in range(first, last - length + 1):
                begins[found] = starts[i]
                stops[found] = ends[i + length - 1]
                found += 1
        offsets[text + 1] = found
