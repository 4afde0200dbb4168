"""Benchmark items as numbered tokens: long ones looked for by n-grams, short ones whole, the rest not at all.

Example::

    items = Items([BenchmarkItem("gsm8k", "0", "Janet’s ducks lay 16 eggs per day. ...")], ngram=13, shortest=8)
    items.numbers_of(0)      # array([0, 1, 2, ...]): the first word of the first item is number 0
    items.unchecked          # items of fewer than 8 tokens
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from curation.text.lcs import common_number
from curation.text.overlap_ngrams import NGrams, Numbers
from curation.text.overlap_tokens import Values, read_tokens
from curation.text.words import tokenise

_UNKNOWN = -1  # a word that no benchmark item has; the last entry of the table of values


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One text to keep out: a question, or an answer (give both as two items to look for either)."""

    benchmark: str
    id: str
    text: str


class Items:
    """Items in the order in which they came, without those that are too short to be looked for.

    Args:
        items: the items; memory is about 40 B a token plus the texts (20,000 items × 60 tokens ≈ 50 MB).
        ngram: tokens in an n-gram; an item of fewer is looked for as a whole.
        shortest: fewest tokens of an item that is looked for as a whole.

    Attributes:
        long: the n-grams of the items that have any.
        short: the first ``shortest`` tokens of the items that have none.
        unchecked: items of too few tokens.
    """

    def __init__(self, items: Iterable[BenchmarkItem], ngram: int, shortest: int) -> None:
        self._items: list[BenchmarkItem] = []
        self.unchecked: list[BenchmarkItem] = []
        self._vocabulary: dict[str, int] = {}
        numbers, firsts = list[int](), [0]
        for item in items:
            tokens = tokenise(item.text)
            if len(tokens) < min(ngram, shortest):
                self.unchecked.append(item)
                continue
            self._items.append(item)
            numbers += [self._vocabulary.setdefault(token, len(self._vocabulary)) for token in tokens]
            firsts.append(len(numbers))
        self._numbers, self._firsts = np.array(numbers, np.int32), np.array(firsts)
        self._slots = np.full(len(self._vocabulary) + 1, -1, np.int32)
        values, lengths = self._values(), np.diff(self._firsts)
        # Every place is the start of an n-gram, but for the last of each item.
        owners = np.repeat(np.arange(len(self)), lengths)
        left = np.repeat(self._firsts[1:], lengths) - np.arange(len(numbers))
        starts = np.flatnonzero(left >= ngram)
        self.long = NGrams(self._numbers, values, starts, owners[starts], ngram)
        few = np.flatnonzero(lengths < ngram)
        self.short = NGrams(self._numbers, values, self._firsts[few], few, shortest)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, item: int) -> BenchmarkItem:
        return self._items[item]

    def numbers_of(self, item: int) -> Numbers:
        """The numbers of an item's tokens."""
        return self._numbers[self._firsts[item] : self._firsts[item + 1]]

    def common(self, item: int, numbers: Numbers) -> float:
        """The length of the longest common subsequence of an item and a stretch of a text / the item's length."""
        wanted = self.numbers_of(item)
        return common_number(wanted, numbers, self._slots) / len(wanted)

    def name_of(self, item: int) -> tuple[str, str, str]:
        """By what items are ordered where nothing else tells them apart."""
        one = self._items[item]
        return one.benchmark, one.id, one.text

    def number(self, tokens: list[str]) -> Numbers:
        """The numbers of the tokens of a text, (tokens,); -1 for a word that no item has."""
        numbers = map(self._vocabulary.get, tokens, repeat(_UNKNOWN))
        return np.fromiter(numbers, dtype=np.int32, count=len(tokens))

    def _values(self) -> Values:
        """The hash of each word of the vocabulary, and of an unknown one."""
        return np.append(read_tokens(" ".join(self._vocabulary)).values, np.uint64(0))
