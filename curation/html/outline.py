"""A page's tokens -> its blocks: runs of text between block-level tags, with where they stand. Compiled by numba.

Example: ``<ul><li>a <b>b</b><li>c`` gives two blocks, ``a b`` and ``c``, each at list depth 1. Tables give one block a
row, cells parted by tabs, unless a cell holds blocks itself or much text.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import bare, kernel, part
from curation.html import tags
from curation.html.characters import put
from curation.html.columns import (
    AT,
    BEGUN,
    BLOCK_AT,
    BRACE,
    BREAKS,
    CELLS,
    CHARS,
    CODE,
    COLUMNS,
    COUNT,
    CUT,
    DEPTH,
    ELEMENT,
    ELEMENTS,
    FIELDS,
    FIRST,
    FORMULAS,
    IMAGES,
    IN_LINK,
    LAST,
    LEVEL,
    LINK_LEFT_OUT,
    LINKS,
    LIST,
    NO_ITEM,
    OPEN,
    ORDINAL,
    QUOTE,
    S_BLOCK,
    S_DROP,
    S_ITEM,
    S_LEVEL,
    S_LIST,
    S_PATH,
    S_QUOTE,
    S_TABLE,
    S_TAG,
    SCRIPT,
    SIGNATURE,
    SPACE,
    STACK_COLUMNS,
    STATES,
    TABLE,
    TAG,
    TOKEN,
    WORDS,
)
from curation.html.inline_text import CODE_CLOSE, before_text, words
from curation.html.open_elements import MAX_DEPTH, depth_after, depth_before, push
from curation.html.scan import END, RAW_TEXT, START, TEXT

MAX_ROW_BYTES = 400  # of a table's row; longer cells are blocks of their own
_LETTERS_OF_A_WORD = 8  # of TeX
_BLOCK, _ACTS = tags.BLOCK, tags.ACTS
_NOT_OPENED = tags.VOID | tags.FORMAT | tags.RAW | tags.PAGE
_A, _BR, _LI, _TD, _TH, _PRE, _CODE, _IMG, _HR, _LISTING, _SUP, _SUB = (
    tags.TAGS[name] for name in ["a", "br", "li", "td", "th", "pre", "code", "img", "hr", "listing", "sup", "sub"]
)
_GUTTER, _IN_PRE, _NOTHING = np.uint64(tags.GROUP_BITS["gutter"]), np.uint64(tags.IN_PRE), np.uint64(0)


@part
def _begin(block: Any, stack: Any, top: Any, token: Any) -> Any:
    """Note where a block stands whose first text has come."""
    block[TOKEN], block[DEPTH] = token, top + 1
    block[TAG], block[ELEMENT], block[LEVEL] = stack[top, S_TAG], stack[top, S_BLOCK], stack[top, S_LEVEL]
    block[LIST], block[QUOTE], block[TABLE] = stack[top, S_LIST], stack[top, S_QUOTE], stack[top, S_TABLE]
    block[SIGNATURE] = stack[top, S_PATH]


@bare
def _mark(out: Any, block: Any, state: Any, data: Any, number: Any, length: Any) -> Any:
    """Write the mark of a formula."""
    state[SCRIPT] = 0
    at = before_text(out, state[AT], state, data, 0, 0)
    at = put(out, at, 0xFDD0)
    divisor = 1
    while divisor * 10 <= number:
        divisor *= 10
    while divisor:
        out[at] = 48 + (number // divisor) % 10
        at += 1
        divisor //= 10
    state[AT] = put(out, at, 0xFDD1)
    state[BEGUN] = 1
    block[FORMULAS] += 1
    block[CHARS] += length
    block[WORDS] += 1 + length // _LETTERS_OF_A_WORD


@part
def _close_code(out: Any, state: Any) -> Any:
    if state[CODE] == 2:
        state[AT] = put(out, state[AT], CODE_CLOSE)
    state[CODE] = 0


@part
def _item(stack: Any, top: Any) -> Any:
    """The ordinal of the list item around a block, for the first block in it."""
    for level in range(top, 0, -1):
        if stack[level, S_TAG] == _LI:
            item = stack[level, S_ITEM]
            stack[level, S_ITEM] = NO_ITEM
            return item
    return NO_ITEM


@bare
def _finish(out: Any, block: Any, state: Any, stack: Any) -> Any:
    """End a block."""
    _close_code(out, state)
    at = state[AT]
    while at > state[BLOCK_AT] and out[at - 1] <= 32:
        at -= 1
    block[FIRST], block[LAST] = state[BLOCK_AT], at
    top = state[OPEN] - 1
    block[ORDINAL] = _item(stack, top) if stack[top, S_LIST] else NO_ITEM
    state[COUNT] += 1
    state[AT] = state[BLOCK_AT] = at
    state[BEGUN] = state[SPACE] = state[BRACE] = 0


@part
def _newline(out: Any, state: Any) -> Any:
    out[state[AT]] = 10
    state[AT] += 1
    state[SPACE] = 0


@part
def _link(what: Any, bits: Any, block: Any, state: Any, shown: Any) -> Any:
    """A link begins or ends; none is open inside another."""
    state[IN_LINK] = what == START
    if what == START:
        state[LINK_LEFT_OUT] = (bits & _GUTTER) != _NOTHING
        block[LINKS] += shown


@part
def _boundary(tag: Any, what: Any, out: Any, block: Any, state: Any, in_code: Any) -> Any:
    """Whether a block-level tag, or a line, ends the block; where it does not, it may part lines or cells."""
    if in_code and tag != _PRE and tag != _LISTING:
        if state[BEGUN] and out[state[AT] - 1] != 10:
            _newline(out, state)
        return False
    cell = tag in (_TD, _TH)
    if cell and state[BEGUN] and block[BREAKS] == 0 and state[AT] - state[BLOCK_AT] < MAX_ROW_BYTES:
        if what == START:
            out[state[AT]] = 9
            state[AT] += 1
            state[SPACE] = 0
            block[CELLS] += 1
        return False
    return state[BEGUN] == 1


@part
def _breaks(tag: Any, what: Any, out: Any, block: Any, state: Any, shown: Any) -> Any:
    """A line break in the block; whether a rule ends it."""
    if not (state[BEGUN] and shown):
        return False
    if tag == _BR:
        _newline(out, state)
        block[BREAKS] += 1
    return tag == _HR


@part
def _script(tag: Any, what: Any, out: Any, state: Any, mathematics: Any) -> Any:
    """A raised or lowered text begins or ends."""
    if what == END and state[BRACE]:
        out[state[AT]] = 125
        state[AT] += 1
        state[BRACE] = 0
    elif what == START and state[BEGUN] and not state[SPACE] and (tag == _SUP or mathematics):
        state[SCRIPT] = 94 if tag == _SUP else 95


@part
def _act(tag: Any, what: Any, bits: Any, out: Any, block: Any, state: Any, shown: Any, mathematics: Any) -> Any:
    """What tags inside a line mean: links, breaks, exponents, pictures, fields of forms. Whether the block ends."""
    if tag == _A:
        _link(what, bits, block, state, shown)
    elif tag in (_BR, _HR):
        return _breaks(tag, what, out, block, state, shown)
    elif tag in (_SUP, _SUB):
        _script(tag, what, out, state, mathematics)
    elif tag == _IMG:
        block[IMAGES] += 1
    else:
        block[FIELDS] += 1
    return False


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
        _close_code(out, state)
    state[OPEN] = depth_after(tag, stack, state[OPEN], category)


@part
def _block_tags(kind: Any, names: Any, category: Any) -> Any:
    """How many tags may end a block."""
    count = 0
    for token in range(kind.size):
        count += (category[names[token]] & _BLOCK) != 0 or names[token] == _HR
    return count


@kernel
def outline(  # noqa: C901
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
    kind, names, starts, ends, tag_bits, _ = tokens
    out = np.empty(data.size + data.size // 2 + 40 * lengths.size + 4 * kind.size + 64, np.uint8)
    room = _block_tags(kind, names, category) + 2
    rows, bits, said = np.zeros((room, COLUMNS), np.int32), np.zeros(room, np.uint64), np.zeros(room, np.uint64)
    room = kind.size + 2
    elements = (np.zeros(room, np.int32), np.zeros(room, np.uint8), np.zeros(room, np.uint64))
    stack, stack_bits = np.zeros((MAX_DEPTH, STACK_COLUMNS), np.int64), np.zeros(MAX_DEPTH, np.uint64)
    stack[0, S_ITEM] = NO_ITEM
    state = np.zeros(STATES, np.int64)
    state[OPEN] = state[ELEMENTS] = 1
    token, block = 0, rows[0]
    while token < kind.size:
        top, what = state[OPEN] - 1, kind[token]
        shown = not stack[top, S_DROP]
        begun = state[BEGUN]
        if number[token] != -1 or what == TEXT:
            if number[token] >= 0 and shown:
                _mark(out, block, state, data, number[token], lengths[number[token]])
            elif number[token] == -1 and shown and not (state[IN_LINK] and state[LINK_LEFT_OUT]):
                code = (stack_bits[top] & _IN_PRE) != _NOTHING
                words(data, starts[token], ends[token], code, out, block, state, said, tables, kinds, windows)
            if state[BEGUN] and not begun:
                _begin(block, stack, top, token)
                bits[state[COUNT]] = stack_bits[top]
            elif begun and shown:
                bits[state[COUNT]] &= stack_bits[top]
            token = until[token] if number[token] != -1 else token + 1
            continue
        token += 1
        if what == RAW_TEXT:
            continue
        tag = names[token - 1]
        kinds_of_tag = category[tag]
        finished = False
        state[SCRIPT] = 0
        if kinds_of_tag & _ACTS:
            finished = _act(tag, what, tag_bits[token - 1], out, block, state, shown, mathematics)
        elif kinds_of_tag & _BLOCK:
            finished = _boundary(tag, what, out, block, state, (stack_bits[top] & _IN_PRE) != _NOTHING)
        if finished:
            _finish(out, block, state, stack)
            block = rows[state[COUNT]]
            state[IN_LINK] = state[IN_LINK] and what == START
        if not kinds_of_tag & _NOT_OPENED:
            _stack_tag(tag, what, tag_bits[token - 1], out, stack, stack_bits, elements, state, category)
    if state[BEGUN]:
        _finish(out, rows[state[COUNT]], state, stack)
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
