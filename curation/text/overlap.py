"""Decontamination: which benchmark items a text contains.

Example, FineMath's rule (13-grams, then a longest-common-subsequence ratio of at least 0.6 of the item):

    index = OverlapIndex([BenchmarkItem("gsm8k_test", "gsm8k_test/0", "Janet’s ducks lay 16 eggs per day. ...")])
    index.first_contaminating(page)    # Overlap('gsm8k_test', 'gsm8k_test/0', ratio=0.98, ...) or None

What is compared are tokens: lowercase runs of letters, digits and underscores without diacritics, see ``words``. So
wrapped lines, case, accents, punctuation and spaces around TeX make no difference; numbers count as they are.

Sources: the SmolLM2 paper (n = 13, ratio 0.6) and cosmopedia's ``decontaminate.py`` (the tokens). That script keeps one
item for each n-gram (the last), compares a text with one item only (the first of a Python set, so the result changes
with PYTHONHASHSEED), takes difflib's greedy blocks over the whole page, and drops above its ratio. Here every item that
shares an n-gram is compared, the subsequence is the true one, sought in the neighbourhood of the shared n-grams, and a
text that reaches the ratio exactly is contaminated, too. ``measure="greedy"`` gives the script's ratio.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from curation.text.lcs import tight_subsequence
from curation.text.overlap_greedy import greedy_ratio
from curation.text.overlap_items import BenchmarkItem, Items
from curation.text.overlap_ngrams import Numbers, Shared
from curation.text.overlap_passage import passage_of
from curation.text.overlap_tokens import Tokens, read_tokens
from curation.text.words import tokenise

Measure = Literal["lcs", "greedy"]

__all__ = ["BenchmarkItem", "Measure", "Overlap", "OverlapIndex", "tokenise"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a text shares with one benchmark item.

    Attributes:
        benchmark: the item's benchmark.
        item_id: the item's id.
        ngram: the first shared n-gram of the best neighbourhood, tokens joined by spaces; of a short item all of it.
        ratio: tokens of the longest common subsequence / tokens of the item, 0 to 1; or the greedy ratio.
        matched: that subsequence, tokens joined by spaces.
        item_text: the item as given.
        passage: where the item stands, in the text's own characters.
        begin: the passage's first character in the text.
        end: the character after its last.
    """

    benchmark: str
    item_id: str
    ngram: str
    ratio: float
    matched: str
    item_text: str
    passage: str
    begin: int
    end: int


class _Hit(NamedTuple):
    """One neighbourhood of one item in a text: the place of its first shared n-gram and its length, begin and end."""

    ratio: float
    item: int
    place: int
    length: int
    begin: int
    end: int


class _Text(NamedTuple):
    text: str
    tokens: list[str]
    numbers: Numbers
    places: Tokens


class OverlapIndex:
    """Benchmark items by their n-grams.

    A text is compared with an item only in the neighbourhood of the n-grams they share: from the item's length before
    the first shared n-gram to the item's length after the last. Over a whole page of 5,000 words the common words alone
    would reach the ratio by chance. Shared n-grams that start more than an item's length after the first belong to
    another neighbourhood; the highest ratio counts. A neighbourhood is thus at most three item lengths and an n-gram.
    An item of fewer tokens than an n-gram is found where all of it stands, word after word; its ratio is 1.

    Args:
        items: the items; memory see `Items`.
        ngram: tokens in an n-gram.
        ratio: lowest ratio that contaminates.
        min_item_words: fewest tokens of an item that is looked for; shorter ones are questions such as "What is 2+2?".
        measure: ``lcs``, or ``greedy``: that of cosmopedia's script, over the whole page as there (quadratic time).

    Attributes:
        unchecked: the items that are not looked for.
        too_short: how many they are of each benchmark.

    Raises:
        ValueError: if ``ngram`` or ``min_item_words`` is below 1, ``ratio`` not in (0, 1], or the measure not known.
    """

    def __init__(
        self,
        items: Iterable[BenchmarkItem],
        ngram: int = 13,
        ratio: float = 0.6,
        min_item_words: int = 8,
        measure: Measure = "lcs",
    ) -> None:
        if ngram < 1 or not 0 < ratio <= 1:
            raise ValueError(f"need ngram >= 1 and 0 < ratio <= 1, got {ngram} and {ratio}")
        if min_item_words < 1 or measure not in ("lcs", "greedy"):
            raise ValueError(f"need min_item_words >= 1 and measure lcs or greedy, got {min_item_words} and {measure}")
        self.ngram, self.ratio, self.measure = ngram, ratio, measure
        self._items = Items(items, ngram, min_item_words)
        self.unchecked = self._items.unchecked
        self.too_short = Counter(item.benchmark for item in self.unchecked)

    def __len__(self) -> int:
        """The number of items that can be found."""
        return len(self._items)

    def overlaps(self, text: str) -> list[Overlap]:
        """Every item that shares an n-gram with ``text``: highest ratio first, then by benchmark, id and item text."""
        read = self._read(text)
        if read is None:
            return []
        best = [max(hits, key=lambda hit: hit.ratio) for hits in self._hits(read)]
        return [self._report(hit, read) for hit in sorted(best, key=lambda hit: -hit.ratio)]

    def first_contaminating(self, text: str) -> Overlap | None:
        """The first of `overlaps` if its ratio reaches the index's, else None."""
        read, best = self._read(text), None
        for hits in self._hits(read) if read else ():
            hit = max(hits, key=lambda hit: hit.ratio)
            if hit.ratio >= self.ratio and (best is None or hit.ratio > best.ratio):
                best = hit
                if best.ratio >= 1:  # a later item can only be as good, and comes after it by name
                    break
        return self._report(best, read) if read and best else None

    def contaminating(self, text: str) -> list[Overlap]:
        """Every neighbourhood of every item that reaches the ratio, as they stand in the text, the best first of two.

        The same item may be there more than once, and more items in one place.
        """
        read = self._read(text)
        if read is None:
            return []
        found = [self._report(hit, read) for hits in self._hits(read) for hit in hits if hit.ratio >= self.ratio]
        return sorted(found, key=lambda one: (one.begin, -one.ratio))

    def _read(self, text: str) -> _Text | None:
        """The tokens of a text that may share something; None for one that does not: nearly all."""
        places = read_tokens(text)
        if not (self._items.long.may_share(places.values) or self._items.short.may_share(places.values)):
            return None
        tokens = tokenise(text)
        return _Text(text, tokens, self._items.number(tokens), places)

    def _hits(self, read: _Text) -> Iterator[list[_Hit]]:
        """The neighbourhoods of each item in the text, one after another, of the items in the order of their names."""
        long, short = self._items.long.shared(read.numbers), self._items.short.shared(read.numbers)
        for item in sorted((*long.items, *short.items), key=self._items.name_of):
            hits = self._whole(item, short.of(item), read) if item in short.items else self._near(item, long, read)
            if hits:
                yield hits

    def _near(self, item: int, shared: Shared, read: _Text) -> list[_Hit]:
        length = len(self._items.numbers_of(item))
        greedy = self.measure == "greedy"
        ratio = greedy_ratio(tokenise(self._items[item].text), read.tokens) if greedy else 0.0
        hits = []
        for place, begin, end in self._neighbourhoods(shared.of(item), length):
            own = ratio if greedy else self._items.common(item, read.numbers[begin:end])
            hits.append(_Hit(own, item, place, self.ngram, begin, end))
        return hits

    def _whole(self, item: int, places: list[int], read: _Text) -> list[_Hit]:
        wanted = self._items.numbers_of(item)
        ends = ((place, place + len(wanted)) for place in places)
        return [
            _Hit(1.0, item, place, len(wanted), place, end)
            for place, end in ends
            if np.array_equal(read.numbers[place:end], wanted)
        ]

    def _report(self, hit: _Hit, read: _Text) -> Overlap:
        item, wanted = self._items[hit.item], self._items.numbers_of(hit.item).tolist()
        window = read.numbers[hit.begin : hit.end].tolist()
        places = [hit.begin + place for place in tight_subsequence(wanted, window)]
        first, last = passage_of(places, hit.place, hit.place + hit.length - 1)
        begin, end = int(read.places.begins[first]), int(read.places.ends[last])
        return Overlap(
            benchmark=item.benchmark,
            item_id=item.id,
            ngram=" ".join(read.tokens[hit.place : hit.place + hit.length]),
            ratio=hit.ratio,
            matched=" ".join(read.tokens[place] for place in places),
            item_text=item.text,
            passage=read.text[begin:end],
            begin=begin,
            end=end,
        )

    def _neighbourhoods(self, places: list[int], length: int) -> Iterator[tuple[int, int, int]]:
        """(place of the first shared n-gram, begin, end) of each neighbourhood, for an item of ``length`` tokens."""
        first = last = places[0]
        for place in places[1:]:
            if place - first > length:
                yield first, max(0, first - length), last + self.ngram + length
                first = place
            last = place
        yield first, max(0, first - length), last + self.ngram + length
