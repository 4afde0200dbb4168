"""What a block looks like, as numbers: its text, its place, its neighbours, the elements around it. Compiled by numba.

Example: ``features(...)[i]`` are the ``len(NAMES)`` numbers of block ``i``; ``NAMES`` says what they are. Nothing here
knows a site or needs a language; words that the groups of ``tags.py`` know add to it where a language has them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import kernel, part
from curation.html import tags
from curation.html.columns import (
    BREAKS,
    CAPITALS,
    CELLS,
    CHARS,
    COMMAS,
    DEPTH,
    DIGITS,
    ELEMENT,
    ENDERS,
    FIELDS,
    FORMULAS,
    IMAGES,
    LEVEL,
    LINK_CHARS,
    LINKS,
    LIST,
    ORDINAL,
    QUOTE,
    SHORT,
    SIGNATURE,
    TABLE,
    TAG,
    TEX,
    WORDS,
)
from curation.html.feature_names import (
    AROUND_AT,
    BEST_AT,
    CLASSES_AT,
    COUNT,
    LEVELS,
    NAMES,
    NEAR_AT,
    OFFSETS,
    OWN_AT,
    PAGE_AT,
    PARAGRAPHS,
    SAME_AT,
    SAYS_AT,
    TAG_GROUP,
    TAGS_AT,
)
from curation.html.subtrees import (
    SUM_BLOCKS,
    SUM_CHARS,
    SUM_ENDERS,
    SUM_LINK_CHARS,
    SUM_WORDS,
    best_of,
    inside_of,
    scores_of,
    sums_of,
)

__all__ = ["NAMES", "TAG_GROUP", "features"]

_FAR = 12
_ONE, _NOTHING = np.uint64(1), np.uint64(0)
_COMMENT = np.uint64(tags.GROUP_BITS["comment"])
_FORUM = np.uint64(tags.GROUP_BITS["forum"] | tags.GROUP_BITS["reply"])
_ARTICLE = np.uint64(tags.IN_ARTICLE | tags.IN_MAIN)
_WORDS_OF, _SHARE_OF, _ENDERS_OF, _LEVEL_OF = (
    OWN_AT + NAMES.index(name) for name in ("words", "link_share", "enders", "level")
)


@part
def _fill(result: Any, at: Any, i: Any, numbers: Any) -> Any:
    for number in numbers:
        result[at, i] = number
        at += 1


@part
def _best_numbers(result: Any, blocks: Any, inside: Any, share: Any) -> Any:
    """Where each block stands to the best element."""
    n = blocks.shape[0]
    first, last = n, -1
    for i in range(n):
        if inside[blocks[i, ELEMENT]]:
            first, last = min(first, i), i
    for i in range(n):
        before, after = min(max(first - i, 0), 50), min(max(i - last, 0), 50)
        _fill(result, BEST_AT, i, (inside[blocks[i, ELEMENT]] * 1.0, share, before * 1.0, after * 1.0))


@part
def _same_numbers(result: Any, blocks: Any) -> Any:
    """What blocks of the same path of tags and classes are like."""
    order = np.argsort(blocks[:, SIGNATURE])
    start = 0
    while start < order.size:
        stop = start
        words = chars = links = enders = 0.0
        while stop < order.size and blocks[order[stop], SIGNATURE] == blocks[order[start], SIGNATURE]:
            row = blocks[order[stop]]
            words += row[WORDS]
            chars += row[CHARS]
            links += row[LINK_CHARS]
            enders += row[ENDERS]
            stop += 1
        count = stop - start
        numbers = (np.log1p(count), np.log1p(words / count), links / (chars + 1.0), enders / count)
        for j in range(start, stop):
            _fill(result, SAME_AT, order[j], numbers)
        start = stop


@part
def _own_numbers(result: Any, row: Any, i: Any, before: Any) -> Any:
    """The block's text and place, as ``_OWN`` in `feature_names` has them."""
    words, chars, n = row[WORDS] + 0.0, row[CHARS] + 1.0, result.shape[1]
    text = (np.log1p(words), np.log1p(chars), row[LINK_CHARS] / chars, min(row[LINKS], 50.0))
    signs = (row[ENDERS] / (words + 1.0), min(row[ENDERS], 50.0), row[COMMAS] / (words + 1.0))
    shapes = (row[CAPITALS] / (words + 1.0), row[DIGITS] / chars, row[SHORT] / (words + 1.0))
    place = (row[LEVEL] * 1.0, row[DEPTH] * 1.0, row[LIST] * 1.0, row[ORDINAL] * 1.0, row[QUOTE] * 1.0)
    table = ((row[TABLE] > 0) * 1.0, min(row[CELLS], 30.0), min(row[BREAKS], 30.0))
    held = (min(row[FORMULAS], 30.0), min(row[TEX], 30.0), min(row[IMAGES], 10.0), min(row[FIELDS], 10.0))
    order = (i / n, before, min(i, 400.0), min(n - i, 400.0), chars / (words + 1.0))
    _fill(result, OWN_AT, i, text + signs + shapes + place + table + held + order)


@part
def _class_numbers(result: Any, i: Any, left: Any, element: Any, parents: Any, element_bits: Any) -> Any:
    """A class name counts for more the nearer the element that bears it."""
    distance = 0
    while left and element and distance < _FAR:
        own = element_bits[element] & left
        left &= ~own
        _set(result, CLASSES_AT, i, own, _FAR - distance)
        element = parents[element]
        distance += 1
    _set(result, CLASSES_AT, i, left, 1)


@part
def _set(result: Any, at: Any, i: Any, bits: Any, number: Any) -> Any:
    while bits:
        if bits & _ONE:
            result[at, i] = number
        bits >>= _ONE
        at += 1


@part
def _near_numbers(result: Any) -> Any:
    """What the blocks before and after each are like, from what their own numbers say."""
    at, n = NEAR_AT, result.shape[1]
    for offset in OFFSETS:
        for i in range(n):
            j = i + offset
            if 0 <= j < n:
                enders = min(result[_ENDERS_OF, j], np.float32(20))
                _fill(
                    result,
                    at,
                    i,
                    (result[_WORDS_OF, j], result[_SHARE_OF, j], enders, result[_LEVEL_OF, j], result[TAGS_AT, j]),
                )
            else:
                result[at, i] = -1
        at += 5


@part
def _around_numbers(result: Any, i: Any, element: Any, parents: Any, sums: Any, total_words: Any) -> Any:
    """What the elements around the one that holds the block are like."""
    at = AROUND_AT
    for _ in range(LEVELS):
        element = parents[element]
        words, blocks = sums[element, SUM_WORDS], sums[element, SUM_BLOCKS] + 1.0
        share, enders = (
            sums[element, SUM_LINK_CHARS] / (sums[element, SUM_CHARS] + 1.0),
            sums[element, SUM_ENDERS] / blocks,
        )
        _fill(result, at, i, (words / total_words, share, np.log1p(blocks - 1.0), np.log1p(words / blocks), enders))
        at += 5


@part
def _page_numbers(result: Any, blocks: Any, bits: Any, sums: Any, tag_group: Any) -> Any:
    """What the whole page is like, as ``_PAGE`` in `feature_names` has it."""
    paragraphs = formulas = comments = forum = article = longest = 0.0
    for i in range(blocks.shape[0]):
        row, words, said = blocks[i], blocks[i, WORDS] * 1.0, bits[i]
        paragraphs += words * (tag_group[row[TAG]] == PARAGRAPHS)
        comments += words * ((said & _COMMENT) != _NOTHING)
        forum += words * ((said & _FORUM) != _NOTHING)
        article += words * ((said & _ARTICLE) != _NOTHING)
        longest = max(longest, words)
        formulas += row[FORMULAS] + row[TEX] * 0.25
    total, n = sums[0, SUM_WORDS] + 1.0, blocks.shape[0] + 0.0
    links = sums[0, SUM_LINK_CHARS] / (sums[0, SUM_CHARS] + 1.0)
    size = (np.log1p(total), np.log1p(n), links, paragraphs / total, np.log1p(total / n))
    rest = (min(formulas, 50.0), comments / total, forum / total, article / total, np.log1p(longest))
    for at, number in enumerate(size + rest):
        result[PAGE_AT + at] = number


@kernel
def features(
    blocks: Any, bits: Any, said: Any, parents: Any, element_tags: Any, element_bits: Any, tag_group: Any
) -> Any:
    """What every block of a page looks like.

    Args:
        blocks: int32 (blocks, COLUMNS), see `outline`; one at least.
        bits: uint64, what the elements around each block say.
        said: uint64, groups of the words in it.
        parents: int32, of each element the one around it.
        element_tags: uint8.
        element_bits: uint64.
        tag_group: ``TAG_GROUP``.

    Returns:
        float32 (blocks, len(NAMES)).
    """
    n = blocks.shape[0]
    result = np.zeros((COUNT, n), np.float32)  # by columns, as the forest reads them
    sums = sums_of(blocks, parents)
    best = best_of(scores_of(blocks, parents, element_tags, tag_group), sums)
    total_words, before = sums[0, SUM_WORDS] + 1.0, 0.0
    for i in range(n):
        row = blocks[i]
        _own_numbers(result, row, i, before / total_words)
        before += row[WORDS]
        group = tag_group[row[TAG]]
        if group >= 0:
            result[TAGS_AT + group, i] = 1
        _class_numbers(result, i, bits[i], row[ELEMENT], parents, element_bits)
        _set(result, SAYS_AT, i, said[i], 1)
        if i and parents[row[ELEMENT]] == parents[blocks[i - 1, ELEMENT]]:
            for at in range(AROUND_AT, AROUND_AT + 5 * LEVELS):
                result[at, i] = result[at, i - 1]
        else:
            _around_numbers(result, i, row[ELEMENT], parents, sums, total_words)
    _near_numbers(result)
    _same_numbers(result, blocks)
    _best_numbers(result, blocks, inside_of(best, parents), sums[best, SUM_WORDS] / total_words)
    _page_numbers(result, blocks, bits, sums, tag_group)
    return result.T
