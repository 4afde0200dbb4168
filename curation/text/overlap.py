"""Decontamination: which benchmark items a text contains.

Example, FineMath's rule (13-grams, then a longest-common-subsequence ratio of at least 0.6 of the item):

    index = OverlapIndex([BenchmarkItem("gsm8k_test", "gsm8k_test/0", "Janet’s ducks lay 16 eggs per day. ...")])
    index.first_contaminating(page)    # Overlap('gsm8k_test', 'gsm8k_test/0', ratio=0.98, ...) or None

Sources: the SmolLM2 paper (n = 13, ratio 0.6) and cosmopedia's ``decontaminate.py`` (the tokens). That script keeps one
item for each n-gram (the last), compares a text with one item only (the first of a Python set, so the result changes
with PYTHONHASHSEED), and takes difflib's greedy blocks over the whole page. Here every item that shares an n-gram is
compared, and the subsequence is the true one, sought in the neighbourhood of the shared n-grams.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from curation.text.lcs import common_length, common_subsequence
from curation.text.words import tokenise

Numbers = npt.NDArray[np.int32]

__all__ = ["BenchmarkItem", "Overlap", "OverlapIndex", "tokenise"]

_UNKNOWN = -1  # a word that no benchmark item has; the last entry of the table of token hashes
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SLOTS_PER_NGRAM = 16  # so about one n-gram in 16 of a clean text passes the first look


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One text to keep out: a question, or a question with its answer (give both as two items to look for either)."""

    benchmark: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text shares with one benchmark item.

    Attributes:
        benchmark: the item's benchmark.
        item_id: the item's id.
        ngram: the first shared n-gram of the best neighbourhood, tokens joined by spaces.
        ratio: tokens of the longest common subsequence / tokens of the item, 0 to 1.
        matched: that subsequence, tokens joined by spaces.
        item_text: the item as given.
    """

    benchmark: str
    item_id: str
    ngram: str
    ratio: float
    matched: str
    item_text: str


class _Hit(NamedTuple):
    """The best neighbourhood of one item in a text: the place of its first shared n-gram, its begin and end."""

    ratio: float
    item: int
    place: int
    begin: int
    end: int


class OverlapIndex:
    """Benchmark items by their n-grams.

    A text is compared with an item only in the neighbourhood of the n-grams they share: from the item's length before
    the first shared n-gram to the item's length after the last. Over a whole page of 5,000 words the common words alone
    would reach the ratio by chance. Shared n-grams that start more than an item's length after the first belong to
    another neighbourhood; the highest ratio counts. A neighbourhood is thus at most three item lengths and an n-gram.

    Args:
        items: the items; memory is about 20 B a token plus the texts (20,000 items × 80 tokens ≈ 32 MB).
        ngram: tokens in an n-gram.
        ratio: lowest ratio that contaminates.

    Attributes:
        too_short: how many items of each benchmark have fewer than ``ngram`` tokens and so cannot be found.

    Raises:
        ValueError: if ``ngram`` is below 1 or ``ratio`` not in (0, 1].
    """

    def __init__(self, items: Iterable[BenchmarkItem], ngram: int = 13, ratio: float = 0.6) -> None:
        if ngram < 1 or not 0 < ratio <= 1:
            raise ValueError(f"need ngram >= 1 and 0 < ratio <= 1, got {ngram} and {ratio}")
        self.ngram, self.ratio = ngram, ratio
        self.too_short: Counter[str] = Counter()
        self._items: list[BenchmarkItem] = []
        self._vocabulary: dict[str, int] = {}
        self._add(items)

    def __len__(self) -> int:
        """The number of items that can be found."""
        return len(self._items)

    def overlaps(self, text: str) -> list[Overlap]:
        """Every item that shares an n-gram with ``text``: highest ratio first, then by benchmark, id and item text."""
        tokens, numbers = self._read(text)
        return [self._report(hit, tokens, numbers) for hit in sorted(self._hits(numbers), key=self._rank)]

    def first_contaminating(self, text: str) -> Overlap | None:
        """The first of `overlaps` if its ratio reaches the index's, else None."""
        tokens, numbers = self._read(text)
        hit = min(self._hits(numbers), key=self._rank, default=None)
        return self._report(hit, tokens, numbers) if hit and hit.ratio >= self.ratio else None

    def _add(self, items: Iterable[BenchmarkItem]) -> None:
        numbers: list[int] = []
        firsts: list[int] = [0]
        starts: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        for item in items:
            tokens = tokenise(item.text)
            if len(tokens) < self.ngram:
                self.too_short[item.benchmark] += 1
                continue
            self._items.append(item)
            numbers += [self._vocabulary.setdefault(token, len(self._vocabulary)) for token in tokens]
            starts.append(np.arange(firsts[-1], len(numbers) - self.ngram + 1))
            firsts.append(len(numbers))
        hashes = [xxhash.xxh64_intdigest(token) for token in self._vocabulary]
        self._token_hashes = np.array([*hashes, 0], dtype=np.uint64)
        self._numbers = np.array(numbers, dtype=np.int32)
        self._firsts = np.array(firsts)
        self._index(np.concatenate(starts))

    def _index(self, starts: npt.NDArray[np.int64]) -> None:
        """Sort the n-grams of all items by hash, and mark the upper bits of each hash in a table for the first look."""
        keys = self._hashes(self._numbers)[starts] if starts.size else np.empty(0, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        self._keys, self._starts = keys[order], starts[order]
        bits = max(8, (_SLOTS_PER_NGRAM * keys.size).bit_length())
        self._shift = np.uint64(64 - bits)
        self._seen = np.zeros(1 << bits, dtype=np.bool_)
        self._seen[keys >> self._shift] = True

    def _hashes(self, numbers: Numbers) -> npt.NDArray[np.uint64]:
        """The hash of the n-gram at every place, shape ``(len(numbers) - ngram + 1,)``: a polynomial modulo 2^64."""
        values = self._token_hashes[numbers]
        count = max(0, len(numbers) - self.ngram + 1)
        hashes = np.zeros(count, dtype=np.uint64)
        for offset in range(self.ngram):
            hashes *= _MULTIPLIER
            hashes += values[offset : offset + count]
        return hashes

    def _read(self, text: str) -> tuple[list[str], Numbers]:
        """The tokens of a text and their numbers in the vocabulary of the items, shape ``(tokens,)``."""
        tokens = tokenise(text)
        numbers = map(self._vocabulary.get, tokens, repeat(_UNKNOWN))
        return tokens, np.fromiter(numbers, dtype=np.int32, count=len(tokens))

    def _shared(self, numbers: Numbers) -> dict[int, list[int]]:
        """Items (by place in the index) that share an n-gram with a text, each with the ascending places of them."""
        hashes = self._hashes(numbers)
        places = np.flatnonzero(self._seen[hashes >> self._shift])
        lows = np.searchsorted(self._keys, hashes[places], side="left")
        highs = np.searchsorted(self._keys, hashes[places], side="right")
        found: dict[int, list[int]] = defaultdict(list)
        for place, low, high in zip(places.tolist(), lows.tolist(), highs.tolist(), strict=True):
            if low == high or not self._same(self._starts[low], numbers[place : place + self.ngram]):
                continue
            owners = np.searchsorted(self._firsts, self._starts[low:high], side="right") - 1
            for item in np.unique(owners).tolist():
                found[item].append(place)
        return found

    def _same(self, start: int, ngram: Numbers) -> bool:
        """Whether the n-gram is that of the items at ``start``, not only one of the same 64 bits."""
        return bool(np.array_equal(self._numbers[start : start + self.ngram], ngram))

    def _hits(self, numbers: Numbers) -> Iterator[_Hit]:
        for item, places in self._shared(numbers).items():
            wanted = self._item_numbers(item)
            hits = [
                _Hit(common_length(wanted, numbers[begin:end].tolist()) / len(wanted), item, place, begin, end)
                for place, begin, end in self._neighbourhoods(places, len(wanted))
            ]
            yield max(hits, key=lambda hit: hit.ratio)

    def _item_numbers(self, item: int) -> list[int]:
        return self._numbers[self._firsts[item] : self._firsts[item + 1]].tolist()

    def _rank(self, hit: _Hit) -> tuple[float, str, str, str]:
        item = self._items[hit.item]
        return -hit.ratio, item.benchmark, item.id, item.text

    def _report(self, hit: _Hit, tokens: list[str], numbers: Numbers) -> Overlap:
        item, window = self._items[hit.item], tokens[hit.begin : hit.end]
        places = common_subsequence(self._item_numbers(hit.item), numbers[hit.begin : hit.end].tolist())
        ngram = " ".join(tokens[hit.place : hit.place + self.ngram])
        matched = " ".join(window[place] for place in places)
        return Overlap(item.benchmark, item.id, ngram, hit.ratio, matched, item.text)

    def _neighbourhoods(self, places: list[int], length: int) -> Iterator[tuple[int, int, int]]:
        """(place of the first shared n-gram, begin, end) of each neighbourhood, for an item of ``length`` tokens."""
        first = last = places[0]
        for place in places[1:]:
            if place - first > length:
                yield first, max(0, first - length), last + self.ngram + length
                first = place
            last = place
        yield first, max(0, first - length), last + self.ngram + length
