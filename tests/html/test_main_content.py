"""Which blocks are kept: the forest, and the rules beside it."""

from __future__ import annotations

import numpy as np
import pytest

from curation.html import main_content
from curation.html.blocks import read
from curation.html.columns import COLUMNS, FORMULAS, LEVEL, TEX, WORDS
from curation.html.feature_names import COUNT
from curation.html.features import NAMES, TAG_GROUP, features
from curation.html.main_content import LEAF, MAX_NODES, chances_of, choose, forest, main_blocks, predict


def kept(chances, words=30, **columns):
    """A sign for each block: ``+`` if it is kept. Columns are given as rows' numbers to values."""
    rows = np.zeros((len(chances), COLUMNS), np.int32)
    rows[:, WORDS] = words
    for name, values in columns.items():
        for row, value in values.items():
            rows[row, {"formulas": FORMULAS, "tex": TEX, "level": LEVEL}[name]] = value
    return "".join("-+"[int(keep)] for keep in choose(rows, np.array(chances, np.float32)))


FORMULA = {"formulas": {0: 1}}
RULES = [
    ([0.9, 0.6, 0.4], {}, "++-"),
    # A page of which almost nothing would be left is read with lower demands.
    ([0.4, 0.2, 0.01], {}, "+--"),
    ([0.2, 0.1, 0.01], {}, "+--"),
    ([0.06, 0.01, 0.01], {}, "+--"),
    ([0.01, 0.01, 0.01], {}, "---"),
    ([0.6, 0.4, 0.4], {"words": 10}, "+++"),
    ([0.6, 0.6, 0.4], {"words": 5}, "++-"),
    # Mathematics: lower demands, and a formula stays unless it is clearly navigation.
    ([0.9, 0.3, 0.1], FORMULA, "++-"),
    ([0.9, 0.3, 0.1], {"tex": {0: 4}}, "++-"),
    ([0.9, 0.3, 0.1], {"tex": {0: 3}}, "+--"),
    ([0.9, 0.03], {"formulas": {1: 1}}, "++"),
    ([0.9, 0.01], {"formulas": {1: 1}}, "+-"),
    # Gaps of up to five blocks, on pages with mathematics.
    ([0.9, 0.21, 0.21, 0.9], FORMULA, "++++"),
    ([0.9, 0.21, 0.19, 0.9], FORMULA, "+--+"),
    ([0.9, 0.21, 0.21, 0.9], {}, "+--+"),
    ([0.9, *[0.21] * 5, 0.9], FORMULA, "+++++++"),
    ([0.9, *[0.21] * 6, 0.9], FORMULA, "+------+"),
    ([0.21, 0.9, 0.21], {"formulas": {1: 1}}, "-+-"),
    # Headings of what is kept.
    ([0.11, 0.9, 0.11], {"level": {0: 2, 2: 2}}, "++-"),
    ([0.11, 0.11, 0.9], {"level": {0: 1, 1: 2}}, "+++"),
    ([0.11, 0.09, 0.9], {"level": {0: 1, 1: 2}}, "--+"),
]


@pytest.mark.parametrize(("chances", "columns", "expected"), RULES)
def test_rules(chances, columns, expected):
    assert kept(chances, **columns) == expected


def test_no_blocks():
    assert main_blocks(read(b"")).tolist() == []


def test_the_shipped_forest_is_plain_numbers():
    with np.load(main_content._NUMBERS, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["feature", "left", "number", "right", "roots", "start"]
    trees = forest()
    splits = trees.feature != LEAF
    assert trees.feature[splits].max() < len(NAMES) == COUNT < LEAF
    assert np.isfinite(trees.number).all()


def test_children_follow_their_parents_in_the_shipped_forest():
    trees = forest()
    ends = [*trees.roots[1:].tolist(), trees.feature.size]
    for root, end in zip(trees.roots.tolist(), ends, strict=True):
        assert end - root <= MAX_NODES
        for place in np.flatnonzero(trees.feature[root:end] != LEAF).tolist():
            assert place < min(trees.left[root + place], trees.right[root + place])
            assert max(trees.left[root + place], trees.right[root + place]) < end - root


def walked(trees, row):
    """One block's sum, tree by tree and node by node."""
    total = trees.start
    for root in trees.roots.tolist():
        node = root
        while trees.feature[node] != LEAF:
            low = row[trees.feature[node]] <= trees.number[node]
            node = root + int((trees.left if low else trees.right)[node])
        total += float(trees.number[node])
    return total


@pytest.mark.parametrize("order", ["C", "F"])
def test_all_blocks_at_once_are_the_same_as_one_by_one(order):
    trees, numbers = forest(), np.random.default_rng(0)
    values = np.array(numbers.choice(trees.number, (40, len(NAMES))) * 8, np.float32, order=order)
    values[0] = trees.number[0]  # on the threshold itself
    found = predict(values, trees.feature, trees.number, trees.left, trees.right, trees.roots, trees.start)
    assert found.dtype == np.float32
    assert found == pytest.approx([1 / (1 + np.exp(-walked(trees, row))) for row in values], rel=1e-6)


PAGE = b"""<nav class=menu><ul><li><a href=/>Home</a><li><a href=/b>Blog</a></ul></nav>
<main><h1>Limits</h1><p>The limit of a sequence is the value that its terms approach, if there is one.</p>
<p class=lead>A sequence that has one is called convergent, and all others are called divergent.</p></main>
<footer><p>Copyright 2024. All rights reserved.</footer>"""


def named(html):
    blocks = read(html)
    values = features(
        blocks.rows, blocks.bits, blocks.said, blocks.parents, blocks.element_tags, blocks.element_bits, TAG_GROUP
    )
    assert values.shape == (len(blocks.rows), len(NAMES))
    assert values.dtype == np.float32
    return [dict(zip(NAMES, row.tolist(), strict=True)) for row in values]


def test_features_say_what_blocks_look_like():
    home, _, title, first, lead, footer = named(PAGE)
    assert (home["link_share"], home["tag li"], home["class menu"], home["list"]) == (np.float32(0.8), 1, 10, 1)
    assert home["words at -1"] == -1
    assert title["level"] == 1 == first["level at -1"]
    assert first["words at +1"] == lead["words"]
    assert first["link_share at -2"] == home["link_share"]
    assert (first["main"], lead["class summary"], footer["footer"], footer["says copyright"]) == (11, 12, 11, 1)
    assert (first["in_best"], home["in_best"], home["before_best"], footer["after_best"]) == (1, 0, 2, 1)
    assert {row["page_blocks"] for row in (home, footer)} == {np.float32(np.log1p(6))}


def test_navigation_goes_and_sentences_stay():
    blocks = read(PAGE)
    assert [blocks.text(i)[:10] for i in main_blocks(blocks)] == ["Limits", "The limit ", "A sequence"]


def test_what_a_lesson_hides_counts_as_shown():
    page = b"<main><p>What is one and one, and two and two?<div class='solution' %s>It is two, and then it is four."
    shown, hidden = read(page % b""), read(page % b"hidden")
    assert chances_of(shown).tolist() == chances_of(hidden).tolist()
