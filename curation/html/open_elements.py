"""The stack of open elements: which of them a start tag ends unasked, and which an end tag ends.

Example: ``<ul><li>a<li>b</ul>``: the second ``<li>`` ends the first, and ``</ul>`` ends both the list and its item. The
rules are those of the HTML standard where they change the text; level 0 of the stack is the page itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import part
from curation.html import tags
from curation.html.columns import (
    BULLET,
    CUT,
    ELEMENTS,
    OPEN,
    S_BLOCK,
    S_COUNT,
    S_DROP,
    S_ELEMENT,
    S_ITEM,
    S_LEVEL,
    S_LIST,
    S_PATH,
    S_QUOTE,
    S_TABLE,
    S_TAG,
    STACK_COLUMNS,
    TABLES,
)

MAX_DEPTH = 400  # browsers close what is nested deeper than 512

_BLOCK, _DROP, _CLOSES_P, _BARRIER = tags.BLOCK, tags.DROP, tags.CLOSES_P, tags.BARRIER
_P, _LI, _UL, _OL, _DT, _DD, _TR, _TD, _TH, _TABLE, _H1, _H6 = tags.numbers("p li ul ol dt dd tr td th table h1 h6")
_QUOTE, _MENU, _DIR, _DIV, _ADDRESS = tags.numbers("blockquote menu dir div address")
_TBODY, _THEAD, _TFOOT = tags.numbers("tbody thead tfoot")
_HIDDEN, _GUTTER = np.uint64(tags.HIDDEN), np.uint64(tags.GROUP_BITS["gutter"])
_LESSON = np.uint64(tags.GROUP_BITS["lesson"])
_PATHS = 1_000_003


@part
def _of_table(tag: Any) -> Any:
    return tag in (_TR, _TD, _TH, _TBODY, _THEAD, _TFOOT)


@part
def _closes_paragraph(stack: Any, depth: Any, category: Any) -> Any:
    for level in range(depth - 1, 0, -1):
        name = stack[level, S_TAG]
        if name == _P:
            return level
        if category[name] & _BARRIER:
            break
    return depth


@part
def _closes_item(tag: Any, stack: Any, depth: Any, category: Any) -> Any:
    """Where the item begins that an item, a term or a description ends."""
    for level in range(depth - 1, 0, -1):
        name = stack[level, S_TAG]
        if name == _LI if tag == _LI else name in (_DT, _DD):
            return level
        if category[name] & _BLOCK and name != _ADDRESS and name != _DIV and name != _P:
            break
    return depth


@part
def _closes_cells(tag: Any, stack: Any, depth: Any) -> Any:
    """Where the row or cell begins that a row, a cell or a part of a table ends."""
    for level in range(depth - 1, 0, -1):
        name = stack[level, S_TAG]
        cell_in_row = tag in (_TD, _TH) and name == _TR
        row_in_part = tag == _TR and name in (_TBODY, _THEAD, _TFOOT)
        if name == _TABLE or cell_in_row or row_in_part:
            return level + 1
    return depth


@part
def depth_before(tag: Any, stack: Any, depth: Any, category: Any) -> Any:
    """How many elements are open after those have ended that a start tag ends."""
    if category[tag] & _CLOSES_P:
        depth = _closes_paragraph(stack, depth, category)
    if _H1 <= tag <= _H6 and depth > 1 and _H1 <= stack[depth - 1, S_TAG] <= _H6:
        return depth - 1
    if tag in (_LI, _DT, _DD):
        return _closes_item(tag, stack, depth, category)
    if _of_table(tag):
        return _closes_cells(tag, stack, depth)
    return depth


@part
def depth_after(tag: Any, stack: Any, depth: Any, category: Any) -> Any:
    """How many elements are open after an end tag; as many as before where it ends nothing.

    An inline element ends before the block around it; one that is left out may hold blocks that nobody closed.
    """
    block = category[tag] & (_BLOCK | _DROP)
    heading = _H1 <= tag <= _H6
    table = tag == _TABLE or _of_table(tag)
    for level in range(depth - 1, 0, -1):
        name = stack[level, S_TAG]
        if name == tag or (heading and _H1 <= name <= _H6):
            return level
        if not block and category[name] & _BLOCK:
            break
        if category[name] & _BARRIER and (not table or (name == _TABLE and tag != _TABLE)):
            break
    return depth


@part
def _next_item(stack: Any, parent: Any) -> Any:
    """The ordinal of the item that begins in the list around it."""
    for level in range(parent, 0, -1):
        name = stack[level, S_TAG]
        if name == _OL:
            stack[level, S_COUNT] += 1
            return stack[level, S_COUNT]
        if name in (_UL, _LI):
            break
    return BULLET


@part
def _inside(tag: Any, stack: Any, depth: Any, state: Any) -> Any:
    """Note what holds inside a block-level element."""
    if _H1 <= tag <= _H6:
        stack[depth, S_LEVEL] = tag - _H1 + 1
    elif tag in (_UL, _OL, _MENU, _DIR):
        stack[depth, S_LIST] += 1
    elif tag == _QUOTE:
        stack[depth, S_QUOTE] += 1
    elif tag == _TABLE:
        state[TABLES] += 1
        stack[depth, S_TABLE] = state[TABLES]
    elif tag == _LI:
        stack[depth, S_ITEM] = _next_item(stack, depth - 1)


@part
def push(tag: Any, bits: Any, stack: Any, stack_bits: Any, elements: Any, state: Any, category: Any) -> Any:
    """Open an element; what is nested too deep is not opened, so that its text belongs to what is."""
    depth = state[OPEN]
    if depth == MAX_DEPTH:
        state[CUT] = 1
        return
    number = state[ELEMENTS]
    for column in range(STACK_COLUMNS):
        stack[depth, column] = stack[depth - 1, column]
    stack[depth, S_TAG], stack[depth, S_ELEMENT], stack[depth, S_COUNT] = tag, number, 0
    stack_bits[depth] = stack_bits[depth - 1] | bits
    parents, names, own = elements
    parents[number], names[number], own[number] = stack[depth - 1, S_ELEMENT], tag, bits
    block = category[tag] & _BLOCK
    if block:
        stack[depth, S_BLOCK] = number
        path = stack[depth, S_PATH] * 31 + tag * 7 + np.int64(bits % np.uint64(_PATHS))
        stack[depth, S_PATH] = path % _PATHS
        _inside(tag, stack, depth, state)
    # A hint or a solution is hidden until it is clicked.
    hidden = bits & _HIDDEN and not block and not stack_bits[depth] & _LESSON
    if category[tag] & _DROP or bits & _GUTTER or hidden:
        stack[depth, S_DROP] = 1
    state[OPEN] += 1
    state[ELEMENTS] += 1
