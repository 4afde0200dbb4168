"""What tags inside a block mean: links, line breaks, cells, exponents, code, pictures; and what ends the block.

Example: in ``<td>a</td><td>b<br>c`` the second cell goes on in the block of the first behind a tab, and ``<br>`` begins
a line in it. Compiled into `outline`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import part
from curation.html import tags
from curation.html.characters import put
from curation.html.columns import (
    AT,
    BEGUN,
    BLOCK_AT,
    BRACE,
    BREAKS,
    CELLS,
    CODE,
    COUNT,
    FIELDS,
    IMAGES,
    IN_LINK,
    LINK_LEFT_OUT,
    LINKS,
    MATHEMATICS,
    ROW_CELLS,
    ROW_COUNT,
    SCRIPT,
    SPACE,
)
from curation.html.inline_text import CODE_CLOSE
from curation.html.scan import END, START

MAX_ROW_BYTES = 400  # of a table's row; longer cells are blocks of their own
_A, _BR, _TD, _TH, _TR, _PRE, _IMG, _HR, _LISTING, _SUP, _SUB = tags.numbers("a br td th tr pre img hr listing sup sub")
_GUTTER, _NOTHING = np.uint64(tags.GROUP_BITS["gutter"]), np.uint64(0)


@part
def close_code(out: Any, state: Any) -> Any:
    """Write the mark that ends inline code."""
    if state[CODE] == 2:
        state[AT] = put(out, state[AT], CODE_CLOSE)
    state[CODE] = 0


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
def boundary(tag: Any, what: Any, out: Any, block: Any, state: Any, in_code: Any) -> Any:
    """Whether a block-level tag, or a line, ends the block; where it does not, it may part lines or cells."""
    if in_code and tag != _PRE and tag != _LISTING:
        if state[BEGUN] and out[state[AT] - 1] != 10:
            _newline(out, state)
        return False
    cell = tag in (_TD, _TH)
    if tag == _TR:
        state[ROW_CELLS], state[ROW_COUNT] = 0, state[COUNT] + state[BEGUN]
    elif cell and what == START:
        state[ROW_CELLS] += 1
    if cell and state[BEGUN] and block[BREAKS] == 0 and state[AT] - state[BLOCK_AT] < MAX_ROW_BYTES:
        if what == START:
            _tab(out, block, state)
        return False
    if not state[BEGUN]:
        _empty(what, out, block, state, cell)
    return state[BEGUN] == 1


@part
def _tab(out: Any, block: Any, state: Any) -> Any:
    """A border between two cells."""
    out[state[AT]] = 9
    state[AT] += 1
    state[SPACE] = 0
    block[CELLS] += 1


@part
def _empty(what: Any, out: Any, block: Any, state: Any, cell: Any) -> Any:
    """A tag before the block's first text: a row's empty first cells count, unless some cell of it held blocks."""
    if cell:
        if what == START and state[ROW_CELLS] > 1 and state[COUNT] == state[ROW_COUNT]:
            _tab(out, block, state)
        return
    state[AT] = state[BLOCK_AT]
    block[CELLS] = 0


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
def _script(tag: Any, what: Any, out: Any, state: Any) -> Any:
    """A raised or lowered text begins or ends."""
    if what == END and state[BRACE]:
        out[state[AT]] = 125
        state[AT] += 1
        state[BRACE] = 0
    elif what == START and state[BEGUN] and not state[SPACE] and (tag == _SUP or state[MATHEMATICS]):
        state[SCRIPT] = 94 if tag == _SUP else 95


@part
def act(tag: Any, what: Any, bits: Any, out: Any, block: Any, state: Any, shown: Any) -> Any:
    """What tags inside a line mean: links, breaks, exponents, pictures, fields of forms. Whether the block ends."""
    if tag == _A:
        _link(what, bits, block, state, shown)
    elif tag in (_BR, _HR):
        return _breaks(tag, what, out, block, state, shown)
    elif tag in (_SUP, _SUB):
        _script(tag, what, out, state)
    elif tag == _IMG:
        block[IMAGES] += 1
    else:
        block[FIELDS] += 1
    return False
