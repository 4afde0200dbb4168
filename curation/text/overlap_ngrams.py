"""N-grams of token numbers by their hash: a first look that costs nanoseconds, and where exactly they stand.

Example::

    table = NGrams(numbers, values, starts, owners, length=13)   # the items' tokens, one after another
    table.may_share(read_tokens(page).values)                    # False for nearly every page: nothing more to do

The first look has no false negatives; ``shared`` then compares the numbers themselves. The hash of an n-gram is a
polynomial of its tokens' values modulo 2^64, which a step to the next n-gram changes by one multiplication.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare
from curation.text.overlap_tokens import Values

Numbers = NDArray[np.int32]
Places = NDArray[np.int64]

_MULTIPLIER = 0x9E3779B97F4A7C15
_FACTOR = np.uint64(_MULTIPLIER)
_BITS_PER_NGRAM = 16  # of which two are set, so about one n-gram in 60 of a clean text is searched for
_ONE, _SIX, _LOW = np.uint64(1), np.uint64(6), np.uint64(63)


class Shared(NamedTuple):
    """Where a text has n-grams of items.

    Args:
        places: places in the text, those of one n-gram after those of another, (p,).
        keys: which n-gram stands at each, ascending, (p,).
        items: the items, each with the n-grams of it that the text has.
    """

    places: Places
    keys: Places
    items: dict[int, list[int]]

    def of(self, item: int) -> list[int]:
        """The places of an item, ascending."""
        lows = np.searchsorted(self.keys, self.items[item], side="left").tolist()
        highs = np.searchsorted(self.keys, self.items[item], side="right").tolist()
        found = [self.places[low:high] for low, high in zip(lows, highs, strict=True)]
        return np.sort(np.concatenate(found)).tolist()


class NGrams:
    """The n-grams that begin at ``starts`` of a run of tokens.

    Args:
        numbers: token numbers, (tokens,).
        values: the hash of the token of each number; the last is that of the number -1, a token that is not there.
        starts: where the n-grams begin, (k,); 24 B each and 2 to 4 B for the first look.
        owners: the item of each, (k,).
        length: n.
    """

    def __init__(self, numbers: Numbers, values: Values, starts: Places, owners: Places, length: int) -> None:
        self.length, self._numbers, self._values = length, numbers, values
        keys = self._hashes(numbers)[starts] if starts.size else np.empty(0, np.uint64)
        order = np.argsort(keys, kind="stable")
        self._keys, self._starts, self._owners = keys[order], starts[order], owners[order]
        self._out = np.uint64(pow(_MULTIPLIER, length, 1 << 64))
        words = max(1, (_BITS_PER_NGRAM * keys.size >> 6).bit_length())
        self._shift = np.uint64(64 - words)
        self._bits = np.zeros(1 << words, np.uint64)
        _mark(self._keys, self._shift, self._bits)

    def may_share(self, values: Values) -> bool:
        """Whether an n-gram of a text has the hash of one of these.

        Args:
            values: the hashes of the text's tokens, (n,).
        """
        if values.size < self.length or not self._keys.size:
            return False
        return bool(_look(values, self.length, self._out, self._shift, self._bits, self._keys))

    def shared(self, numbers: Numbers) -> Shared:
        """Which n-grams of which items a text has, and where.

        Args:
            numbers: the numbers of the text's tokens, (n,).
        """
        hashes = self._hashes(numbers)
        keys = np.searchsorted(self._keys, hashes, side="left")
        places = np.flatnonzero(keys < np.searchsorted(self._keys, hashes, side="right"))
        keys = keys[places]
        inside = np.arange(self.length)
        # Not only one of the same 64 bits: the tokens are the same.
        same = (numbers[places[:, None] + inside] == self._numbers[self._starts[keys][:, None] + inside]).all(1)
        places, keys = places[same], keys[same]
        order = np.argsort(keys, kind="stable")
        places, keys = places[order], keys[order]
        items: dict[int, list[int]] = {}
        distinct = np.unique(keys)
        ends = np.searchsorted(self._keys, self._keys[distinct], side="right")
        for key, end in zip(distinct.tolist(), ends.tolist(), strict=True):
            for item in dict.fromkeys(self._owners[key:end].tolist()):
                items.setdefault(item, []).append(key)
        return Shared(places, keys, items)

    def _hashes(self, numbers: Numbers) -> Values:
        """The hash of the n-gram at every place, shape ``(len(numbers) - length + 1,)``."""
        values = self._values[numbers]
        count = max(0, len(numbers) - self.length + 1)
        hashes = np.zeros(count, np.uint64)
        for offset in range(self.length):
            hashes *= _FACTOR
            hashes += values[offset : offset + count]
        return hashes


@bare
def _mark(keys: Values, shift: np.uint64, bits: Values) -> None:
    for i in range(len(keys)):
        key = keys[i]
        bits[key >> shift] |= (_ONE << (key & _LOW)) | (_ONE << ((key >> _SIX) & _LOW))


@bare
def _look(values: Values, length: int, out: np.uint64, shift: np.uint64, bits: Values, keys: Values) -> bool:
    """Whether the hash of an n-gram is among the sorted ``keys``; ``out`` is the factor of the token that leaves."""
    state = np.uint64(0)
    for i in range(len(values)):
        state = state * _FACTOR + values[i]
        if i >= length:
            state -= values[i - length] * out
        if i >= length - 1:
            both = (_ONE << (state & _LOW)) | (_ONE << ((state >> _SIX) & _LOW))
            if bits[state >> shift] & both == both and _is_among(keys, state):
                return True
    return False


@bare
def _is_among(keys: Values, key: np.uint64) -> bool:
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < len(keys) and keys[low] == key
