"""How a block begins and ends, and the mark of a formula in it. Compiled into `outline`.

Example: the first block in ``<ol><li>a`` begins with its text, and takes the item's ordinal, 1, when it ends.
"""

from __future__ import annotations

from typing import Any

from curation.compiled import bare, part
from curation.html import tags
from curation.html.characters import put
from curation.html.columns import (
    AT,
    BEGUN,
    BLOCK_AT,
    BRACE,
    CHARS,
    COUNT,
    DEPTH,
    ELEMENT,
    FIRST,
    FORMULAS,
    LAST,
    LEVEL,
    LIST,
    NO_ITEM,
    OPEN,
    ORDINAL,
    QUOTE,
    S_BLOCK,
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
    TABLE,
    TAG,
    TOKEN,
    WORDS,
)
from curation.html.inline_text import before_text
from curation.html.line_tags import close_code

_LETTERS_OF_A_WORD = 8  # of TeX
_LI = tags.TAGS["li"]


@part
def begin(block: Any, stack: Any, top: Any, token: Any) -> Any:
    """Note where a block stands whose first text has come."""
    block[TOKEN], block[DEPTH] = token, top + 1
    block[TAG], block[ELEMENT], block[LEVEL] = stack[top, S_TAG], stack[top, S_BLOCK], stack[top, S_LEVEL]
    block[LIST], block[QUOTE], block[TABLE] = stack[top, S_LIST], stack[top, S_QUOTE], stack[top, S_TABLE]
    block[SIGNATURE] = stack[top, S_PATH]


@bare
def mark(out: Any, block: Any, state: Any, data: Any, number: Any, length: Any) -> Any:
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
def _item(stack: Any, top: Any) -> Any:
    """The ordinal of the list item around a block, for the first block in it."""
    for level in range(top, 0, -1):
        if stack[level, S_TAG] == _LI:
            item = stack[level, S_ITEM]
            stack[level, S_ITEM] = NO_ITEM
            return item
    return NO_ITEM


@bare
def finish(out: Any, block: Any, state: Any, stack: Any) -> Any:
    """End a block."""
    close_code(out, state)
    at = state[AT]
    while at > state[BLOCK_AT] and out[at - 1] <= 32:
        at -= 1
    block[FIRST], block[LAST] = state[BLOCK_AT], at
    top = state[OPEN] - 1
    block[ORDINAL] = _item(stack, top) if stack[top, S_LIST] else NO_ITEM
    state[COUNT] += 1
    state[AT] = state[BLOCK_AT] = at
    state[BEGUN] = state[SPACE] = state[BRACE] = 0
