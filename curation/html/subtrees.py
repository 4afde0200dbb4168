"""What the subtree of every element holds, and which of them holds most of the text. Compiled into `features`.

Example: ``sums_of(...)[0, SUM_WORDS]`` are the words of the whole page: element 0 is the page itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import part
from curation.html.columns import CHARS, COMMAS, ELEMENT, ENDERS, LINK_CHARS, WORDS
from curation.html.feature_names import DIVISIONS, SECTIONS

_READABLE_WORDS = 10  # a paragraph of more may be main content by itself
_SUMMED = (WORDS, CHARS, LINK_CHARS, ENDERS)
SUM_WORDS, SUM_CHARS, SUM_LINK_CHARS, SUM_ENDERS, SUM_BLOCKS, _SUMS = range(6)


@part
def sums_of(blocks: Any, parents: Any) -> Any:
    """Words, characters, characters in links, enders and blocks in the subtree of every element."""
    sums = np.zeros((parents.size, _SUMS), np.float64)
    for i in range(blocks.shape[0]):
        for place, column in enumerate(_SUMMED):
            sums[blocks[i, ELEMENT], place] += blocks[i, column]
        sums[blocks[i, ELEMENT], SUM_BLOCKS] += 1
    # Children have higher numbers than their parents.
    for element in range(parents.size - 1, 0, -1):
        for column in range(_SUMS):
            sums[parents[element], column] += sums[element, column]
    return sums


@part
def scores_of(blocks: Any, parents: Any, element_tags: Any, tag_group: Any) -> Any:
    """As Readability weighs paragraphs: their text counts for the parent, half for its parent."""
    scores = np.zeros(parents.size, np.float64)
    for i in range(blocks.shape[0]):
        row, element = blocks[i], blocks[i, ELEMENT]
        if row[ENDERS] + row[COMMAS] > 0 and row[WORDS] > _READABLE_WORDS:
            score = (row[WORDS] + 0.0) * (1.0 - row[LINK_CHARS] / (row[CHARS] + 1.0))
            if tag_group[element_tags[element]] in (DIVISIONS, SECTIONS):
                scores[element] += score
            scores[parents[element]] += score
            scores[parents[parents[element]]] += score * 0.5
    return scores


@part
def best_of(scores: Any, sums: Any) -> Any:
    """The element that holds most readable text and few links."""
    best = 0
    for element in range(1, scores.size):
        score = scores[element] * (1.0 - sums[element, SUM_LINK_CHARS] / (sums[element, SUM_CHARS] + 1.0))
        if score > scores[best] or best == 0:
            best = element
            scores[best] = score
    return best


@part
def inside_of(best: Any, parents: Any) -> Any:
    """Whether each element is the best one or stands in it."""
    inside = np.zeros(parents.size, np.bool_)
    inside[best] = True
    for element in range(best + 1, parents.size):
        inside[element] = inside[parents[element]]
    return inside
