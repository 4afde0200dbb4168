"""The numbers that say what a block looks like: what each stands for, and at which column the groups of them begin.

Example: ``NAMES[CLASSES_AT]`` is ``class nav``: how near the element is that has such a class name.
"""

from __future__ import annotations

import numpy as np

from curation.html import tags

# Of the block's own text and place, in the order in which `features` computes them.
_OWN = """
words chars link_share links enders_per_word enders commas_per_word capitals_per_word digits_share short_share
level depth list item quote table cells breaks formulas tex images fields place words_before index from_end word_length
"""
_TAG_GROUPS = "p|div|li|tr td th|pre|dd dt|h1 h2 h3 h4 h5 h6|section article main|figcaption"
_ELEMENTS = "hidden nav footer header aside main article form in_table pre code figure"
_NEAR = "words link_share enders level is_p"
_AROUND = "words_share link_share blocks words_a_block enders_a_block"
_SAME = "same_count same_words same_link_share same_enders"
_BEST = "in_best best_share before_best after_best"
_PAGE = """
page_words page_blocks page_link_share page_p_share page_mean_words page_formulas page_comments page_forum page_article
page_longest
"""
LEVELS = 4
OFFSETS = (-3, -2, -1, 1, 2, 3)
_PARTS = (
    _OWN.split(),
    [f"tag {names}" for names in _TAG_GROUPS.split("|")],
    [*(f"class {name}" for name in tags.GROUPS), *_ELEMENTS.split()],
    [f"says {name}" for name in tags.TEXT_GROUPS],
    [f"{name} at {offset:+d}" for offset in OFFSETS for name in _NEAR.split()],
    [f"{name} of parent {level}" for level in range(1, LEVELS + 1) for name in _AROUND.split()],
    _SAME.split(),
    _BEST.split(),
    _PAGE.split(),
)
NAMES = [name for part in _PARTS for name in part]
COUNT = len(NAMES)
OWN_AT, TAGS_AT, CLASSES_AT, SAYS_AT, NEAR_AT, AROUND_AT, SAME_AT, BEST_AT, PAGE_AT = (
    sum(map(len, _PARTS[:number])) for number in range(len(_PARTS))
)
SAYS = len(tags.TEXT_GROUPS)

# Tags that mean much the same, by number; -1 for all others.
TAG_GROUP = np.full(len(tags.NAMES) + 1, -1, np.int64)
for _number, _names in enumerate(_TAG_GROUPS.split("|")):
    for _name in _names.split():
        TAG_GROUP[tags.TAGS[_name]] = _number
PARAGRAPHS, DIVISIONS, SECTIONS = (
    _TAG_GROUPS.split("|").index(names) for names in ("p", "div", "section article main")
)
