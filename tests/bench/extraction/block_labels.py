"""Which blocks of a page are main content, by its gold: what the forest of ``main_content.py`` learns from.

Example: ``for page in labelled_pages(): page.values, page.targets`` are the features of the page's blocks and the share
of their words that is main content, NaN where the gold does not say. Gold comes in three kinds. A full text (or
Markdown) is aligned with the words of the page, in runs, since single words of a menu occur in any text. Of a page with
snippets only the blocks that hold one are known. Of the marked pages of mathematics every line is known.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curation.html import tags
from curation.html.blocks import Blocks, read
from curation.html.features import TAG_GROUP, features
from curation.html.markers import MARK, without_marks
from tests.bench.extraction.boilerplate import digest_of, lines_of, read_marks
from tests.bench.extraction.pages import SharedPage, read_pages
from tests.bench.extraction.snippets import has_snippets, one_line

# A run of aligned words must be longer than this to count: it is the price of a run, each word of it is worth 1.
RUN_PRICE = 2.0
# Beyond this many cells (a byte each) a page is not aligned; its words count where they stand in fours of the gold.
MAX_CELLS = 400_000_000
_GRAM = 4
_LESSON, _HIDDEN = np.uint64(tags.GROUP_BITS["lesson"]), np.uint64(tags.HIDDEN)

# Signs of languages written without spaces are words of their own.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
_MARKDOWN = [
    (re.compile(r"^```json.*?```", re.DOTALL), ""),
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), " "),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<[^>]{1,200}>"), " "),
]
_BEFORE_HOST = re.compile(r"^(?:hard::|x?https?://)*(?:www\d?\.)?")
_VERSION = re.compile(r"[-_]\d[\d_.]*$")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A page as the forest sees it, one row a block, and what its gold says of them."""

    key: str
    site: str
    kind: str  # full, snippets or marks
    values: NDArray[np.float32]
    targets: NDArray[np.float32]
    words: NDArray[np.float32]


def site_of(page: SharedPage) -> str:
    """What pages of one site share: ``bbc`` of bbc.com and www.bbc.co.uk, one name for all versions of a guide."""
    if "site" in page.row:
        return _VERSION.sub("", page.row["site"])
    return _BEFORE_HOST.sub("", page.row["split_key"] or page.url).split(".")[0].lower()


def labelled_pages() -> Iterator[Labelled]:
    """All pages of ``web/gold`` that say something of a block, then the marked ones of ``math/``."""
    for page in read_pages("gold"):
        gold = gold_text(page.row)
        if gold is not None:
            yield _labelled(page, "full", lambda texts, gold=gold: shares_in(texts, gold))
        elif has_snippets(page):
            yield _labelled(page, "snippets", lambda texts, row=page.row: _by_snippets(texts, row))
    marks = {row["url"]: row for row in read_marks()}
    for page in read_pages("math"):
        if page.url in marks:
            row = marks.pop(page.url)
            yield _labelled(page, "marks", lambda texts, html=page.html, row=row: _by_marks(texts, html, row))


def gold_text(row: dict[str, Any]) -> str | None:
    """A row's full text; of Markdown without its links and tags."""
    if row.get("gold_text"):
        return str(row["gold_text"])
    text = row.get("gold_markdown")
    for pattern, instead in _MARKDOWN if text else ():
        text = pattern.sub(instead, text)
    return text or None


def values_of(blocks: Blocks) -> NDArray[np.float32]:
    """The features of all blocks, as `main_content.chances_of` has them."""
    bits = np.where(blocks.bits & _LESSON, blocks.bits & ~_HIDDEN, blocks.bits)
    return features(blocks.rows, bits, blocks.said, blocks.parents, blocks.element_tags, blocks.element_bits, TAG_GROUP)


def words_in(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(text.lower())


def _labelled(page: SharedPage, kind: str, label: Any) -> Labelled:
    blocks = read(without_marks(page.html).encode("utf-8", "replace"))
    marked = [blocks.text(number) for number in range(len(blocks.rows))]
    texts = [_NONCHARACTERS.sub("", MARK.sub("", text)) for text in marked]
    # A formula counts as a word.
    words = [len(words_in(text)) + len(MARK.findall(shown)) for text, shown in zip(texts, marked, strict=True)]
    return Labelled(page.key, site_of(page), kind, values_of(blocks), label(texts), np.array(words, np.float32))


def shares_in(texts: Sequence[str], gold: str) -> NDArray[np.float32]:
    """The share of each text's words that the gold has in the same order; NaN where there are none."""
    words, wanted = [words_in(text) for text in texts], words_in(gold)
    flat = [word for block in words for word in block]
    if len(flat) * len(wanted) <= MAX_CELLS:
        found = (places_in(flat, wanted) >= 0).astype(np.float32)
    else:
        found = _in_grams(flat, wanted)
    return _means(words, found)


def places_in(words: Sequence[str], gold: Sequence[str]) -> NDArray[np.int32]:
    """For each word its place in the gold, -1 for none: the alignment in runs that is worth most."""
    numbers: dict[str, int] = {}
    left, right = (
        np.array([numbers.setdefault(word, len(numbers)) for word in some], np.int32) for some in (words, gold)
    )
    return _align(left, right, RUN_PRICE)


@njit(cache=True)
def _align(words: Any, gold: Any, price: float) -> Any:
    """Places of ``words`` in ``gold``, by dynamic programming over both; a run of n equal words is worth n - price."""
    n, m = words.size, gold.size
    # 1: the word is left out, 2: the gold's is, 3: a run ends here; 4 is added where a run goes on from the last pair.
    steps = np.zeros((n + 1, m + 1), np.uint8)
    best, runs = np.zeros(m + 1, np.float32), np.full(m + 1, -np.inf, np.float32)
    for i in range(1, n + 1):
        above, above_run = best[0], runs[0]
        for j in range(1, m + 1):
            run, step = -np.inf, 0
            if words[i - 1] == gold[j - 1]:
                run = max(above_run, above - price) + 1
                step = 4 if above_run >= above - price else 0
            above, above_run, runs[j] = best[j], runs[j], run
            if best[j] >= best[j - 1]:
                steps[i, j] = step + 1
            else:
                best[j] = best[j - 1]
                steps[i, j] = step + 2
            if run > best[j]:
                best[j] = run
                steps[i, j] = step + 3
    places = np.full(n, -1, np.int32)
    i, j, inside = n, m, False
    while i and j:
        step = steps[i, j]
        if inside or step & 3 == 3:
            i, j, inside = i - 1, j - 1, step & 4 > 0
            places[i] = j
        elif step & 3 == 1:
            i -= 1
        else:
            j -= 1
    return places


def _in_grams(words: Sequence[str], gold: Sequence[str]) -> NDArray[np.float32]:
    """1 for each word that stands in four words of the gold."""
    known = {tuple(gold[at : at + _GRAM]) for at in range(len(gold))}
    found = np.zeros(len(words), np.float32)
    for at in range(len(words) - _GRAM + 1):
        if tuple(words[at : at + _GRAM]) in known:
            found[at : at + _GRAM] = 1
    return found


def _means(words: Sequence[Sequence[str]], of_words: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of the blocks' words, of those that are no NaN."""
    stops = np.cumsum([len(block) for block in words], dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is the NaN that is wanted
        means = [np.nanmean(of_words[stop - len(block) : stop]) for block, stop in zip(words, stops, strict=True)]
    return np.array(means, np.float32)


def _by_snippets(texts: Sequence[str], row: dict[str, Any]) -> NDArray[np.float32]:
    """1 for blocks with a snippet that is wanted, 0 for those with one that is not, NaN for the others."""
    targets = np.full(len(texts), np.nan, np.float32)
    lines = [one_line(text) for text in texts]
    for name, target in (("must_not_contain", 0), ("must_contain", 1)):
        for snippet in filter(None, map(one_line, row.get(name) or ())):
            targets[[snippet in line for line in lines]] = target
    return targets


def _by_marks(texts: Sequence[str], html: str, row: dict[str, Any]) -> NDArray[np.float32]:
    """The share of each block's words in lines that are content; those in neutral lines do not count."""
    lines = lines_of(html)
    if digest_of(lines) != row["digest"]:
        raise ValueError(f"{row['url']}: its lines are not those that were marked")
    targets = np.ones(len(lines), np.float32)
    targets[row["boilerplate"]], targets[row["neutral"]] = 0, np.nan
    words, gold = [words_in(text) for text in texts], [words_in(line) for line in lines]
    places = places_in([word for block in words for word in block], [word for line in gold for word in line])
    of_gold = np.append(np.repeat(targets, [len(line) for line in gold]), np.float32(np.nan))
    return _means(words, of_gold[places])
