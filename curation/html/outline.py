"""A page's tokens -> its blocks: runs of text between block-level tags, with where they stand. Compiled by numba.

Example: ``<ul><li>a <b>b</b><li>c`` gives two blocks, ``a b`` and ``c``, each at list depth 1. Tables give one block a
row, cells parted by tabs, unless a cell holds blocks itself or much text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import bare, kernel, part
from curation.html import tags
from curation.html.block_rows import begin, finish, mark
from curation.html.columns import (
    AT,
    BEGUN,
    CODE,
    COLUMNS,
    COUNT,
    CUT,
    ELEMENTS,
    IN_LINK,
    LINK_LEFT_OUT,
    MATHEMATICS,
    NO_ITEM,
    OPEN,
    S_DROP,
    S_ITEM,
    SCRIPT,
    STACK_COLUMNS,
    STATES,
)
from curation.html.inline_text import FORMATTED, words
from curation.html.line_tags import act, boundary, close_code
from curation.html.open_elements import MAX_DEPTH, depth_after, depth_before, push
from curation.html.scan import RAW_TEXT, START, TEXT

_NO_FORMULA = -1
_BLOCK, _ACTS, _FORMAT = tags.BLOCK, tags.ACTS, tags.FORMAT
_NOT_OPENED = tags.VOID | tags.FORMAT | tags.RAW | tags.PAGE
_CODE, _HR = tags.numbers("code hr")
_IN_PRE, _NOTHING = np.uint64(tags.IN_PRE), np.uint64(0)


@part
def _stack_tag(
    tag: Any, what: Any, bits: Any, out: Any, stack: Any, stack_bits: Any, elements: Any, state: Any, category: Any
) -> Any:
    """Open or close an element."""
    if what == START:
        if category[tag] & _BLOCK:
            state[OPEN] = depth_before(tag, stack, state[OPEN], category)
        top = state[OPEN] - 1
        if tag == _CODE and not stack_bits[top] & _IN_PRE and not stack[top, S_DROP]:
            state[CODE] = 1
        push(tag, bits, stack, stack_bits, elements, state, category)
        return
    if tag == _CODE:
        close_code(out, state)
    state[OPEN] = depth_after(tag, stack, state[OPEN], category)


@part
def _text(token: Any, page: Any, formulas: Any, out: Any, blocks: Any, opened: Any, state: Any, tables: Any) -> Any:
    """Write the text or formula of a token, or leave it out."""
    data, starts, ends = page
    number, _, lengths = formulas
    rows, bits, said = blocks
    stack, stack_bits = opened
    top, begun, count, formula = state[OPEN] - 1, state[BEGUN], state[COUNT], number[token]
    shown, around = not stack[top, S_DROP], stack_bits[top]
    if formula >= 0 and shown:
        mark(out, rows[count], state, data, formula, lengths[formula])
    elif formula == _NO_FORMULA and shown and not (state[IN_LINK] and state[LINK_LEFT_OUT]):
        code = (around & _IN_PRE) != _NOTHING
        said[count] |= words(data, starts[token], ends[token], code, out, rows[count], state, tables)
    if state[BEGUN] and not begun:
        begin(rows[count], stack, top, token)
        bits[count] = around
    elif begun and shown:
        bits[count] &= around


@part
def _tag(
    tag: Any, what: Any, said: Any, out: Any, blocks: Any, opened: Any, elements: Any, state: Any, category: Any
) -> Any:
    """What a tag does to the line, the block and the elements that are open."""
    rows = blocks[0]
    stack, stack_bits = opened
    top, kinds, finished = state[OPEN] - 1, category[tag], False
    if state[SCRIPT]:
        # ``10<sup><b>6</b></sup>``: letters of another kind are still raised; a link is a footnote's.
        state[SCRIPT] = state[SCRIPT] | FORMATTED if kinds & _FORMAT and what == START and not kinds & _ACTS else 0
    if kinds & _ACTS:
        finished = act(tag, what, said, out, rows[state[COUNT]], state, not stack[top, S_DROP])
    elif kinds & _BLOCK:
        in_pre = (stack_bits[top] & _IN_PRE) != _NOTHING
        finished = boundary(tag, what, out, rows[state[COUNT]], state, in_pre)
    if finished:
        finish(out, rows[state[COUNT]], state, stack)
        state[IN_LINK] = state[IN_LINK] and what == START
    if not kinds & _NOT_OPENED:
        _stack_tag(tag, what, said, out, stack, stack_bits, elements, state, category)


@bare
def _walk(
    data: Any,
    tokens: Any,
    formulas: Any,
    out: Any,
    blocks: Any,
    opened: Any,
    elements: Any,
    state: Any,
    category: Any,
    tables: Any,
) -> Any:
    """Every token of a page, in order; see `outline`."""
    kind, names, starts, ends, tag_bits, _ = tokens
    number, until, _ = formulas
    token = 0
    while token < kind.size:
        if number[token] != _NO_FORMULA or kind[token] == TEXT:
            _text(token, (data, starts, ends), formulas, out, blocks, opened, state, tables)
            token = token + 1 if number[token] == _NO_FORMULA else until[token]
            continue
        if kind[token] != RAW_TEXT:
            _tag(names[token], kind[token], tag_bits[token], out, blocks, opened, elements, state, category)
        token += 1
    if state[BEGUN]:
        finish(out, blocks[0][state[COUNT]], state, opened[0])


@part
def _block_tags(kind: Any, names: Any, category: Any) -> Any:
    """How many tags may end a block."""
    count = 0
    for token in range(kind.size):
        count += (category[names[token]] & _BLOCK) != 0 or names[token] == _HR
    return count


@kernel
def outline(
    data: Any,
    tokens: Any,
    number: Any,
    until: Any,
    lengths: Any,
    category: Any,
    tables: Any,
    kinds: Any,
    windows: Any,
    mathematics: Any,
) -> Any:
    """The blocks of a page.

    Args:
        data: uint8, the page.
        tokens: see `scan`.
        number: int32 for each token, the formula that it begins, -1 for none, -2 for a part that is left out.
        until: int32, the token after such a formula or part.
        lengths: int32, the characters of each formula.
        category: what each tag is.
        tables: entities and words of texts, see `tags`.
        kinds: what bytes are, see `inline_text`.
        windows: what bytes are in Windows-1252, see `characters`.
        mathematics: whether the page has formulas: then subscripts are written ``x_1``; ``10^6`` always is.

    Returns:
        out uint8 (the texts of all blocks, UTF-8, formulas as marks), rows int32 (blocks, COLUMNS), bits uint64 (what
        the elements around each say), said uint64 (groups of the words in it), for elements parent int32, tag uint8 and
        bits uint64 (its own), and whether elements were nested too deep.
    """
    kind, names = tokens[0], tokens[1]
    out = np.empty(data.size + data.size // 2 + 40 * lengths.size + 4 * kind.size + 64, np.uint8)
    room = _block_tags(kind, names, category) + 2
    rows, bits, said = np.zeros((room, COLUMNS), np.int32), np.zeros(room, np.uint64), np.zeros(room, np.uint64)
    room = kind.size + 2
    elements = (np.zeros(room, np.int32), np.zeros(room, np.uint8), np.zeros(room, np.uint64))
    stack, stack_bits = np.zeros((MAX_DEPTH, STACK_COLUMNS), np.int64), np.zeros(MAX_DEPTH, np.uint64)
    stack[0, S_ITEM] = NO_ITEM
    state = np.zeros(STATES, np.int64)
    state[OPEN] = state[ELEMENTS] = 1
    state[MATHEMATICS] = mathematics
    formulas, blocks, opened = (number, until, lengths), (rows, bits, said), (stack, stack_bits)
    _walk(data, tokens, formulas, out, blocks, opened, elements, state, category, (*tables, kinds, windows))
    count, number_of = state[COUNT], state[ELEMENTS]
    return (
        out[: state[AT]],
        rows[:count],
        bits[:count],
        said[:count],
        elements[0][:number_of],
        elements[1][:number_of],
        elements[2][:number_of],
        state[CUT] == 1,
    )
