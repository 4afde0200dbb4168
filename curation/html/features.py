"""What a block looks like, as numbers: its text, its place, its neighbours and the elements around it. Compiled by numba.

Example: ``features(...)[i]`` are the ``len(NAMES)`` numbers of block ``i``; ``NAMES`` says what they are. Nothing here
knows a site or needs a language; words that the groups of ``tags.py`` know add to it where a language has them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import kernel
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

_OWN = [
    "words",
    "chars",
    "link_share",
    "links",
    "enders_per_word",
    "enders",
    "commas_per_word",
    "capitals_per_word",
    "digits_share",
    "short_share",
    "level",
    "depth",
    "list",
    "item",
    "quote",
    "table",
    "cells",
    "breaks",
    "formulas",
    "tex",
    "images",
    "fields",
    "place",
    "words_before",
    "index",
    "from_end",
    "word_length",
]
_TAG_GROUPS = ["p", "div", "li", "tr td th", "pre", "dd dt", "h1 h2 h3 h4 h5 h6", "section article main", "figcaption"]
_NEAR = ("words", "link_share", "enders", "level", "is_p")
_AROUND = ("words_share", "link_share", "blocks", "words_a_block", "enders_a_block")
_SAME = ("same_count", "same_words", "same_link_share", "same_enders")
_BEST = ("in_best", "best_share", "before_best", "after_best")
_PAGE = (
    "page_words",
    "page_blocks",
    "page_link_share",
    "page_p_share",
    "page_mean_words",
    "page_formulas",
    "page_comments",
    "page_forum",
    "page_article",
    "page_longest",
)
LEVELS = 4
OFFSETS = (-3, -2, -1, 1, 2, 3)
NAMES = [
    *_OWN,
    *(f"tag {names}" for names in _TAG_GROUPS),
    *(f"class {name}" for name in tags.GROUPS),
    *["hidden", "nav", "footer", "header", "aside", "main", "article", "form", "in_table", "pre", "code", "figure"],
    *(f"says {name}" for name in tags.TEXT_GROUPS),
    *(f"{name} at {offset:+d}" for offset in OFFSETS for name in _NEAR),
    *(f"{name} of parent {level}" for level in range(1, LEVELS + 1) for name in _AROUND),
    *_SAME,
    *_BEST,
    *_PAGE,
]
TAG_GROUP = np.full(len(tags.NAMES) + 1, -1, np.int64)
for _number, _names in enumerate(_TAG_GROUPS):
    for _name in _names.split():
        TAG_GROUP[tags.TAGS[_name]] = _number

_BITS = len(tags.GROUPS) + 12
_SAYS = len(tags.TEXT_GROUPS)
_TAGS = len(_TAG_GROUPS)
_COUNT = len(NAMES)
_FAR = 12
_OWN_COUNT = len(_OWN)
_COMMENT = np.uint64(tags.GROUP_BITS["comment"])
_FORUM = np.uint64(tags.GROUP_BITS["forum"] | tags.GROUP_BITS["reply"])
_ARTICLE = np.uint64(tags.IN_ARTICLE | tags.IN_MAIN)


@kernel
def features(
    blocks: Any, bits: Any, said: Any, parents: Any, element_tags: Any, element_bits: Any, tag_group: Any
) -> Any:
    """float32 (blocks, len(NAMES)).

    Args:
        blocks, bits, said, parents, element_tags, element_bits: see `outline`.
        tag_group: ``TAG_GROUP``.
    """
    n = blocks.shape[0]
    result = np.zeros((n, _COUNT), np.float32)
    elements = parents.size
    # Sums over the subtree of every element; children have higher numbers than their parents.
    sums = np.zeros((elements, 5), np.float64)  # words, chars, link chars, blocks, enders
    scores = np.zeros(elements, np.float64)
    page_p = comments = forum = article = longest = 0.0
    for i in range(n):
        element = blocks[i, ELEMENT]
        sums[element, 0] += blocks[i, WORDS]
        sums[element, 1] += blocks[i, CHARS]
        sums[element, 2] += blocks[i, LINK_CHARS]
        sums[element, 3] += 1
        sums[element, 4] += blocks[i, ENDERS]
        if blocks[i, ENDERS] + blocks[i, COMMAS] > 0 and blocks[i, WORDS] > 10:
            # As Readability weighs paragraphs: their text counts for the parent, half for its parent.
            score = (blocks[i, WORDS] + 0.0) * (1.0 - blocks[i, LINK_CHARS] / (blocks[i, CHARS] + 1.0))
            if tag_group[element_tags[element]] == 1 or tag_group[element_tags[element]] == 7:
                scores[element] += score
            scores[parents[element]] += score
            scores[parents[parents[element]]] += score * 0.5
        if tag_group[blocks[i, TAG]] == 0:
            page_p += blocks[i, WORDS]
        comments += blocks[i, WORDS] if bits[i] & _COMMENT else 0
        forum += blocks[i, WORDS] if bits[i] & _FORUM else 0
        article += blocks[i, WORDS] if bits[i] & _ARTICLE else 0
        longest = max(longest, blocks[i, WORDS])
    for element in range(elements - 1, 0, -1):
        for column in range(5):
            sums[parents[element], column] += sums[element, column]
    total_words, total_chars = sums[0, 0] + 1.0, sums[0, 1] + 1.0
    best = 0
    for element in range(1, elements):
        score = scores[element] * (1.0 - sums[element, 2] / (sums[element, 1] + 1.0))
        if score > scores[best] or best == 0:
            best = element
            scores[best] = score
    inside = np.zeros(elements, np.bool_)
    inside[best] = True
    for element in range(best + 1, elements):
        inside[element] = inside[parents[element]]
    first_best, last_best = n, -1
    for i in range(n):
        if inside[blocks[i, ELEMENT]]:
            first_best, last_best = min(first_best, i), i
    # Blocks of the same path of tags and classes.
    order = np.argsort(blocks[:, SIGNATURE])
    page_formulas = 0.0
    start = 0
    while start < n:
        stop = start
        words = chars = links = enders = 0.0
        while stop < n and blocks[order[stop], SIGNATURE] == blocks[order[start], SIGNATURE]:
            row = blocks[order[stop]]
            words += row[WORDS]
            chars += row[CHARS]
            links += row[LINK_CHARS]
            enders += row[ENDERS]
            stop += 1
        base = _OWN_COUNT + _TAGS + _BITS + _SAYS + 30 + 5 * LEVELS
        for j in range(start, stop):
            target = result[order[j]]
            target[base] = np.log1p(stop - start)
            target[base + 1] = np.log1p(words / (stop - start))
            target[base + 2] = links / (chars + 1.0)
            target[base + 3] = enders / (stop - start)
        start = stop
    before = 0.0
    for i in range(n):
        row, target = blocks[i], result[i]
        words, chars = row[WORDS] + 0.0, row[CHARS] + 1.0
        page_formulas += row[FORMULAS] + row[TEX] * 0.25
        target[0], target[1], target[2] = np.log1p(words), np.log1p(chars), row[LINK_CHARS] / chars
        target[3], target[4], target[5] = min(row[LINKS], 50), row[ENDERS] / (words + 1.0), min(row[ENDERS], 50)
        target[6], target[7], target[8] = (
            row[COMMAS] / (words + 1.0),
            row[CAPITALS] / (words + 1.0),
            row[DIGITS] / chars,
        )
        target[9], target[10], target[11] = row[SHORT] / (words + 1.0), row[LEVEL], row[DEPTH]
        target[12], target[13], target[14] = row[LIST], row[ORDINAL], row[QUOTE]
        target[15], target[16], target[17] = row[TABLE] > 0, min(row[CELLS], 30), min(row[BREAKS], 30)
        target[18], target[19], target[20] = min(row[FORMULAS], 30), min(row[TEX], 30), min(row[IMAGES], 10)
        target[21], target[22], target[23] = min(row[FIELDS], 10), i / n, before / total_words
        target[24], target[25], target[26] = min(i, 400), min(n - i, 400), chars / (words + 1.0)
        before += words
        group = tag_group[row[TAG]]
        if group >= 0:
            target[_OWN_COUNT + group] = 1
        base = _OWN_COUNT + _TAGS
        # A class name counts for more the nearer the element that bears it.
        left, element, distance = bits[i], row[ELEMENT], 0
        while left and element and distance < _FAR:
            own = element_bits[element] & left
            left &= ~own
            bit = 0
            while own:
                if own & np.uint64(1):
                    target[base + bit] = _FAR - distance
                own >>= np.uint64(1)
                bit += 1
            element = parents[element]
            distance += 1
        bit = 0
        while left:
            if left & np.uint64(1):
                target[base + bit] = 1
            left >>= np.uint64(1)
            bit += 1
        base += _BITS
        for bit in range(_SAYS):
            target[base + bit] = (said[i] >> np.uint64(bit)) & np.uint64(1)
        base += _SAYS
        for place in range(6):
            j = i + (place - 3 if place < 3 else place - 2)
            if 0 <= j < n:
                other = blocks[j]
                target[base] = np.log1p(other[WORDS])
                target[base + 1] = other[LINK_CHARS] / (other[CHARS] + 1.0)
                target[base + 2] = min(other[ENDERS], 20)
                target[base + 3] = other[LEVEL]
                target[base + 4] = tag_group[other[TAG]] == 0
            else:
                target[base] = -1
            base += 5
        element = row[ELEMENT]
        for _ in range(LEVELS):
            element = parents[element]
            target[base] = sums[element, 0] / total_words
            target[base + 1] = sums[element, 2] / (sums[element, 1] + 1.0)
            target[base + 2] = np.log1p(sums[element, 3])
            target[base + 3] = np.log1p(sums[element, 0] / (sums[element, 3] + 1.0))
            target[base + 4] = sums[element, 4] / (sums[element, 3] + 1.0)
            base += 5
        base += 4
        target[base] = inside[row[ELEMENT]]
        target[base + 1] = sums[best, 0] / total_words
        target[base + 2] = min(max(first_best - i, 0), 50)
        target[base + 3] = min(max(i - last_best, 0), 50)
        base += 4
        target[base], target[base + 1] = np.log1p(total_words), np.log1p(n)
        target[base + 2], target[base + 3] = sums[0, 2] / total_chars, page_p / total_words
        target[base + 4] = np.log1p(total_words / n)
    for i in range(n):
        result[i, _COUNT - 5] = min(page_formulas, 50)
        result[i, _COUNT - 4] = comments / total_words
        result[i, _COUNT - 3] = forum / total_words
        result[i, _COUNT - 2] = article / total_words
        result[i, _COUNT - 1] = np.log1p(longest)
    return result
