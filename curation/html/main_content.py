"""Which blocks of a page are its main content: a forest of small decision trees, and what it must not decide alone.

Example: of ``<nav><a href=/>Home</a></nav><p>A sentence, and another one.`` the second block is kept. The trees were
learned from pages with human gold texts (``tests/bench/extraction/train_main_content.py`` makes ``main_content.npz``);
they add up what a block looks like (`features`): its text, its links, its tags and class names, its neighbours and the
elements around it. Rules stand beside them: a block with a formula stays unless it is clearly navigation; on a page
with mathematics a gap of a few blocks between kept ones stays; so does the heading of kept text; a page of which almost
nothing would be left is read with lower and lower demands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, kernel, part
from curation.html import tags
from curation.html.blocks import Blocks
from curation.html.columns import FORMULAS, LEVEL, TEX, WORDS
from curation.html.features import TAG_GROUP, features

_NUMBERS = Path(__file__).with_suffix(".npz")
LEAF, MAX_NODES = 255, 256

# Probabilities of being main content from which a block is kept. A page with mathematics is worth more of its edges:
# exercises and hints look less like an article than an article does.
KEPT, KEPT_ON_MATHEMATICS = 0.5, 0.25
KEPT_WITH_FORMULA, KEPT_HEADING, KEPT_IN_GAP = 0.02, 0.1, 0.2
# Where fewer words or a smaller share of the page than this would be kept, the next lower probability is tried.
ENOUGH_WORDS, ENOUGH_SHARE = 25, 0.4
LOWER = (0.3, 0.15, 0.05)
MAX_GAP = 5
_TEX_SIGNS = 4
_LESSON, _HIDDEN = np.uint64(tags.GROUP_BITS["lesson"]), np.uint64(tags.HIDDEN)


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees in one row of nodes: feature (``LEAF`` for none), threshold or value, and the offsets of the children."""

    feature: NDArray[np.uint8]
    number: NDArray[np.float32]
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    roots: NDArray[np.int32]
    start: float


@cache
def forest() -> Forest:
    """The forest that the package ships."""
    with np.load(_NUMBERS, allow_pickle=False) as numbers:
        return Forest(
            feature=numbers["feature"],
            number=numbers["number"].astype(np.float32),
            left=numbers["left"],
            right=numbers["right"],
            roots=numbers["roots"].astype(np.int32),
            start=float(numbers["start"]),
        )


@bare
def _add_trees(
    total: Any, scratch: Any, columns: Any, feature: Any, number: Any, left: Any, right: Any, roots: Any
) -> Any:
    """Add to each row's total what every tree says of it.

    All rows go through a node together, children before parents, so that no branch has to be foretold.
    """
    ends = roots.size
    for tree in range(roots.size):
        root, end = roots[tree], roots[tree + 1] if tree + 1 < ends else feature.size
        for node in range(end - 1, root - 1, -1):
            value, found = number[node], scratch[node - root]
            if feature[node] == LEAF:
                found[:] = value
                continue
            column, low, high = columns[feature[node]], scratch[left[node]], scratch[right[node]]
            for row in range(total.size):
                below, above = low[row], high[row]
                found[row] = below if column[row] <= value else above
        for row in range(total.size):
            total[row] += scratch[0, row]


@kernel
def predict(values: Any, feature: Any, number: Any, left: Any, right: Any, roots: Any, start: Any) -> Any:
    """The probability of each row of ``values`` (float32): the logistic function of the trees' sum."""
    columns, total = np.ascontiguousarray(values.T), np.full(values.shape[0], start)
    scratch = np.empty((MAX_NODES, total.size), np.float32)
    _add_trees(total, scratch, columns, feature, number, left, right, roots)
    result = np.empty(total.size, np.float32)
    for row in range(total.size):
        result[row] = 1.0 / (1.0 + np.exp(-total[row]))
    return result


@part
def _has_formula(row: Any) -> Any:
    return row[FORMULAS] > 0 or row[TEX] >= _TEX_SIGNS


@part
def _keep_likely(kept: Any, rows: Any, chances: Any, demand: Any) -> Any:
    """Keep what is likely enough; how many words that is."""
    found = 0
    for i in range(rows.shape[0]):
        kept[i] = chances[i] > demand or (chances[i] > KEPT_WITH_FORMULA and _has_formula(rows[i]))
        if kept[i]:
            found += rows[i, WORDS]
    return found


@part
def _keep_enough(kept: Any, rows: Any, chances: Any, demand: Any) -> Any:
    """Keep what is likely enough, and demand less where that is almost nothing."""
    words = np.sum(rows[:, WORDS])
    found = _keep_likely(kept, rows, chances, demand)
    for lower in LOWER:
        if found >= ENOUGH_WORDS or found >= ENOUGH_SHARE * words:
            break
        demand = min(demand, lower)
        found = _keep_likely(kept, rows, chances, demand)


@part
def _keep_gaps(kept: Any, chances: Any) -> Any:
    """Keep the few blocks between two kept ones, if none of them is unlikely."""
    last = -1
    for i in range(kept.size):
        if not kept[i]:
            continue
        if last >= 0 and i - last <= MAX_GAP + 1 and np.all(chances[last + 1 : i] > KEPT_IN_GAP):
            kept[last + 1 : i] = True
        last = i


@part
def _keep_headings(kept: Any, rows: Any, chances: Any) -> Any:
    """Keep the headings of what is kept."""
    for i in range(kept.size - 2, -1, -1):
        if kept[i + 1] and rows[i, LEVEL] and chances[i] > KEPT_HEADING:
            kept[i] = True


@kernel
def choose(rows: Any, chances: Any) -> Any:
    """Whether each block is kept.

    Args:
        rows: int32 (blocks, COLUMNS), see `outline`.
        chances: float32, of each block its probability of being main content.

    Returns:
        bool, one for each block.
    """
    kept, mathematics = np.zeros(rows.shape[0], np.bool_), False
    for i in range(rows.shape[0]):
        mathematics = mathematics or _has_formula(rows[i])
    _keep_enough(kept, rows, chances, KEPT_ON_MATHEMATICS if mathematics else KEPT)
    if mathematics:
        _keep_gaps(kept, chances)
    _keep_headings(kept, rows, chances)
    return kept


def chances_of(blocks: Blocks) -> NDArray[np.float32]:
    """Each block's probability of being main content; what a lesson hides until it is clicked counts as shown."""
    bits = np.where(blocks.bits & _LESSON, blocks.bits & ~_HIDDEN, blocks.bits)
    values = features(
        blocks.rows, bits, blocks.said, blocks.parents, blocks.element_tags, blocks.element_bits, TAG_GROUP
    )
    trees = forest()
    return predict(values, trees.feature, trees.number, trees.left, trees.right, trees.roots, trees.start)


def main_blocks(blocks: Blocks) -> NDArray[np.int64]:
    """The numbers of the blocks that are kept, ascending."""
    if not len(blocks.rows):
        return np.zeros(0, np.int64)
    return np.flatnonzero(choose(blocks.rows, chances_of(blocks)))
