"""A page's tokens -> its blocks: runs of text between block-level tags, with where they stand. Compiled by numba.

Example: ``<ul><li>a <b>b</b><li>c`` gives two blocks, ``a b`` and ``c``, each at list depth 1. A stack of open elements
follows the HTML standard where it changes the text: ``<li>`` ends a list item, ``<div>`` ends a paragraph, a stray end
tag ends nothing outside its table cell. The stack is ``MAX_DEPTH`` deep, as in browsers; what is nested deeper stays as
text. Tables give one block a row, cells parted by tabs, unless a cell holds blocks itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from curation.html import tags
from curation.html.scan import END, RAW_TEXT, START, TEXT, find

MAX_DEPTH = 400

# Columns of a block.
(
    FIRST,
    LAST,
    TAG,
    LEVEL,
    WORDS,
    CHARS,
    LINK_CHARS,
    LINKS,
    ENDERS,
    COMMAS,
    CAPITALS,
    DIGITS,
    SHORT,
    DEPTH,
    ELEMENT,
    LIST,
    ORDINAL,
    QUOTE,
    TABLE,
    CELLS,
    FORMULAS,
    TEX,
    BREAKS,
    TOKEN,
    IMAGES,
    FIELDS,
    SIGNATURE,
) = range(27)
COLUMNS = 27
NO_ITEM, BULLET = -1, 0  # ORDINAL: no item begins here, an item without a number; else the number

_BLOCK, _VOID, _FORMAT, _DROP, _CLOSES_P, _BARRIER, _RAW = (
    tags.BLOCK,
    tags.VOID,
    tags.FORMAT,
    tags.DROP,
    tags.CLOSES_P,
    tags.BARRIER,
    tags.RAW,
)
_T = tags.TAGS
_A, _BR, _P, _LI, _UL, _OL, _DL, _DT, _DD, _TR, _TD, _TH, _TABLE, _PRE, _CODE, _IMG, _INPUT, _HR = (
    _T[name]
    for name in [
        "a",
        "br",
        "p",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "tr",
        "td",
        "th",
        "table",
        "pre",
        "code",
        "img",
        "input",
        "hr",
    ]
)
_H1, _H6, _QUOTE, _MENU, _DIV, _ADDRESS, _TBODY, _THEAD, _TFOOT, _LISTING, _WBR = (
    _T[name]
    for name in ["h1", "h6", "blockquote", "menu", "div", "address", "tbody", "thead", "tfoot", "listing", "wbr"]
)
_HTML, _HEAD, _BODY, _SUP, _SUB, _TEXTAREA, _SELECT, _BUTTON, _DIR = (
    _T[name] for name in ["html", "head", "body", "sup", "sub", "textarea", "select", "button", "dir"]
)
_HIDDEN, _GUTTER = np.uint64(tags.HIDDEN), np.uint64(tags.GROUP_BITS["gutter"])
_IN_PRE, _NOTHING = np.uint64(tags.IN_PRE), np.uint64(0)
_FNV_START, _FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)

# Rows of the stack.
_S_TAG, _S_ELEMENT, _S_BLOCK, _S_LEVEL, _S_LIST, _S_QUOTE, _S_TABLE, _S_DROP, _S_COUNT, _S_ITEM, _S_TOKEN, _S_PATH = (
    range(12)
)


@njit(cache=True, inline="always")
def _put(out: Any, at: Any, point: Any) -> Any:
    """Write a code point as UTF-8; the position after it."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at], out[at + 1] = 0xC0 | (point >> 6), 0x80 | (point & 63)
        return at + 2
    if point < 0x10000:
        out[at], out[at + 1], out[at + 2] = 0xE0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
        return at + 3
    out[at], out[at + 1] = 0xF0 | (point >> 18), 0x80 | ((point >> 12) & 63)
    out[at + 2], out[at + 3] = 0x80 | ((point >> 6) & 63), 0x80 | (point & 63)
    return at + 4


@njit(cache=True)
def _entity(data: Any, at: Any, end: Any, table: Any) -> Any:
    """The entity that begins at ``at``: its one or two code points packed (0 if it is none) and the position after it."""
    place = at + 1
    if place < end and data[place] == 35:
        place += 1
        base = 10
        if place < end and (data[place] == 120 or data[place] == 88):
            base = 16
            place += 1
        value, digits = 0, 0
        while place < end and digits < 9:
            byte = np.int64(data[place])
            digit = (
                byte - 48 if 48 <= byte <= 57 else (byte | 32) - 87 if base == 16 and 97 <= (byte | 32) <= 102 else -1
            )
            if digit < 0:
                break
            value = value * base + digit
            digits += 1
            place += 1
        if digits == 0:
            return 0, at + 1
        if place < end and data[place] == 59:
            place += 1
        if value == 0 or value > 0x10FFFF or 0xD800 <= value < 0xE000 or 0xFDD0 <= value < 0xFDF0:
            value = 0xFFFD
        if 0x80 <= value < 0xA0:  # numbers of Windows-1252 are what such pages mean
            value = (
                0x2022
                if value == 0x95
                else 0x2013
                if value == 0x96
                else 0x2014
                if value == 0x97
                else 0x2019
                if value == 0x92
                else 0x2018
                if value == 0x91
                else 0x201C
                if value == 0x93
                else 0x201D
                if value == 0x94
                else 0x2026
                if value == 0x85
                else 0x20AC
                if value == 0x80
                else 0x2122
                if value == 0x99
                else 32
            )
        return value, place
    key = _FNV_START
    while place < end and place - at < 34:
        byte = data[place]
        if not (97 <= byte <= 122 or 65 <= byte <= 90 or 48 <= byte <= 57):
            break
        key = (key ^ np.uint64(byte)) * _FNV_PRIME
        place += 1
    if place < end and data[place] == 59:
        value = find(table[0], table[1], (key ^ np.uint64(59)) * _FNV_PRIME)
        if value != _NOTHING:
            return np.int64(value), place + 1
    value = find(table[0], table[1], key)
    return np.int64(value), place


@njit(cache=True)
def _is_script(out: Any, at: Any, first_at: Any, data: Any, place: Any, end: Any, sign: Any) -> Any:
    """Whether a raised or lowered text is an exponent or an index: short, behind a number, a letter or two, a bracket.

    ``1<sup>st</sup>`` and the number of a footnote behind a word are neither.
    """
    if end - place > 10 or at == first_at:
        return False
    letters = 0
    while at - letters > first_at and 65 <= (out[at - 1 - letters] & 0xDF) <= 90 and letters < 4:
        letters += 1
    before = out[at - 1]
    if letters > 2 or not (letters or 48 <= before <= 57 or before == 41 or before == 93):
        return False
    for offset in range(place, end):
        byte = data[offset]
        if not (
            48 <= byte <= 57
            or 65 <= (byte & 0xDF) <= 90
            or byte == 43
            or byte == 45
            or byte == 44
            or byte == 46
            or byte >= 128
        ):
            return False
    return not (sign == 94 and letters == 0 and end - place == 2 and 65 <= (data[place] & 0xDF) <= 90)


@njit(cache=True)
def _closes(tag: Any, stack: Any, depth: Any, category: Any) -> Any:
    """The depth of the stack after the elements have ended that a start tag implies to be over."""
    if category[tag] & _CLOSES_P:
        for level in range(depth - 1, -1, -1):
            name = stack[level, _S_TAG]
            if name == _P:
                depth = level
                break
            if category[name] & _BARRIER:
                break
    if _H1 <= tag <= _H6 and depth and _H1 <= stack[depth - 1, _S_TAG] <= _H6:
        return depth - 1
    if tag == _LI or tag == _DT or tag == _DD:
        for level in range(depth - 1, -1, -1):
            name = stack[level, _S_TAG]
            if name == _LI if tag == _LI else (name == _DT or name == _DD):
                return level
            if category[name] & _BLOCK and name != _ADDRESS and name != _DIV and name != _P:
                break
    elif tag == _TR or tag == _TD or tag == _TH or tag == _TBODY or tag == _THEAD or tag == _TFOOT:
        for level in range(depth - 1, -1, -1):
            name = stack[level, _S_TAG]
            if name == _TABLE:
                return level + 1
            if (tag == _TD or tag == _TH) and name == _TR:
                return level + 1
            if tag == _TR and (name == _TBODY or name == _THEAD or name == _TFOOT):
                return level + 1
    return depth


@njit(cache=True)
def _ends(tag: Any, stack: Any, depth: Any, category: Any) -> Any:
    """The depth of the stack after an end tag."""
    block = category[tag] & _BLOCK
    heading = _H1 <= tag <= _H6
    table = tag == _TABLE or tag == _TR or tag == _TD or tag == _TH or tag == _TBODY or tag == _THEAD or tag == _TFOOT
    for level in range(depth - 1, -1, -1):
        name = stack[level, _S_TAG]
        if name == tag or (heading and _H1 <= name <= _H6):
            return level
        if not block and category[name] & _BLOCK:
            return depth
        if category[name] & _BARRIER and (not table or (name == _TABLE and tag != _TABLE)):
            return depth
    return depth


@njit(cache=True)
def outline(
    data: Any,
    kind: Any,
    names: Any,
    starts: Any,
    ends: Any,
    bits: Any,
    number: Any,
    until: Any,
    lengths: Any,
    category: Any,
    entities: Any,
    text_words: Any,
    mathematics: Any,
) -> Any:
    """The blocks of a page.

    Args:
        data, kind, names, starts, ends, bits: the page and its tokens, see `scan`.
        number: int32 for each token, the formula that it begins, -1 for none, -2 for a part that is left out.
        until: int32, the token after such a formula or part.
        lengths: int32, the characters of each formula.
        category, entities, text_words: tables of `tags`.
        mathematics: whether the page has formulas: then subscripts are written ``x_1``; ``10^6`` always is.

    Returns:
        out uint8 (the texts of all blocks, UTF-8, formulas as marks), blocks int32 (n, COLUMNS), block_bits uint64,
        said uint64 (groups of the words in it), element parent int32, element tag int32, element bits uint64 (its own).
    """
    tokens = kind.size
    out = np.empty(data.size + data.size // 2 + 40 * lengths.size + 4 * tokens + 64, np.uint8)
    block_capacity = tokens + 2
    blocks = np.zeros((block_capacity, COLUMNS), np.int32)
    block_bits, said = np.zeros(block_capacity, np.uint64), np.zeros(block_capacity, np.uint64)
    parents, element_tags = np.zeros(tokens + 2, np.int32), np.zeros(tokens + 2, np.uint8)
    element_bits = np.zeros(tokens + 2, np.uint64)
    stack, stack_bits = np.zeros((MAX_DEPTH + 1, 12), np.int64), np.zeros(MAX_DEPTH + 1, np.uint64)
    # Level 0 is the page itself.
    depth, elements, count, at = 1, 1, 0, 0
    stack[0, _S_ITEM] = NO_ITEM
    tables = 0
    in_link, drop_link = False, False
    space, empty = False, True
    block = blocks[0]
    first_at = 0
    cut = False
    code_pending, code_open = False, False
    script, script_end = 0, 0  # the sign that a raised or lowered text is written with, the brace that it needs
    token = 0
    while token < tokens:
        top = depth - 1
        if number[token] != -1:
            formula = number[token]
            if formula >= 0 and not stack[top, _S_DROP]:
                if empty:
                    empty, first_at = False, at
                    block_bits[count] = stack_bits[top]
                    block[ELEMENT], block[TOKEN], block[DEPTH] = stack[top, _S_BLOCK], token, depth
                    block[LEVEL], block[LIST], block[QUOTE] = (
                        stack[top, _S_LEVEL],
                        stack[top, _S_LIST],
                        stack[top, _S_QUOTE],
                    )
                    block[TABLE], block[TAG] = stack[top, _S_TABLE], stack[top, _S_TAG]
                    block[SIGNATURE] = stack[top, _S_PATH]
                elif space and out[at - 1] > 32:
                    out[at] = 32
                    at += 1
                space = False
                at = _put(out, at, 0xFDD0)
                digits, divisor = formula, 1
                while divisor * 10 <= digits:
                    divisor *= 10
                while divisor:
                    out[at] = 48 + (digits // divisor) % 10
                    at += 1
                    divisor //= 10
                at = _put(out, at, 0xFDD1)
                block[FORMULAS] += 1
                block[CHARS] += lengths[formula]
                block[WORDS] += 1 + lengths[formula] // 8
            token = until[token]
            continue
        what = kind[token]
        if what == TEXT:
            if stack[top, _S_DROP] or (in_link and drop_link):
                token += 1
                continue
            pre = stack_bits[top] & _IN_PRE
            place, end = starts[token], ends[token]
            word, small, length = _FNV_START, False, 0
            if not empty:
                block_bits[count] &= stack_bits[top]
            while place <= end:
                # One step past the end closes the last word.
                after = place + 1
                point = 32
                decoded = False
                if place < end:
                    point = np.int64(data[place])
                    if point == 38:
                        packed, after = _entity(data, place, end, entities)
                        if packed:
                            point = packed & 0xFFFFFFFF
                            decoded = point != 160
                            point = 32 if point == 160 else point
                            if packed >> 32:
                                at = _put(out, at, point)
                                point = packed >> 32
                        else:
                            after = place + 1
                    elif point == 0xC2 and place + 1 < end and data[place + 1] == 0xA0:
                        point, after = 32, place + 2
                letter = 97 <= point <= 122 or 65 <= point <= 90 or point >= 128
                if letter:
                    if length == 0:
                        if 65 <= point <= 90:
                            block[CAPITALS] += 1
                        if 0xE3 <= point <= 0xED and not decoded:
                            # Chinese, Japanese, Korean: about two signs a word, each three bytes.
                            word = _FNV_START
                    word = (word ^ np.uint64(point + 32 if 65 <= point <= 90 else point)) * _FNV_PRIME
                    if 0xE3 <= point <= 0xED and not decoded:
                        block[SHORT] += 0
                        small = not small
                        if small:
                            block[WORDS] += 1
                    length += 1
                elif length:
                    block[WORDS] += 1
                    if length < 4:
                        block[SHORT] += 1
                    said[count] |= find(text_words[0], text_words[1], word)
                    word, length, small = _FNV_START, 0, False
                if place >= end:
                    break
                if point <= 32 and not pre:
                    space = True
                    place = after
                    continue
                if empty:
                    if point <= 32:
                        if point != 10 and point != 13:  # indentation of the first line of code
                            out[at] = 32
                            at += 1
                            space = True
                        elif space:
                            at, space = first_at, False
                        place = after
                        continue
                    empty = False
                    if not pre:
                        first_at = at
                    space = False
                    block_bits[count] = stack_bits[top]
                    block[ELEMENT], block[TOKEN], block[DEPTH] = stack[top, _S_BLOCK], token, depth
                    block[LEVEL], block[LIST], block[QUOTE] = (
                        stack[top, _S_LEVEL],
                        stack[top, _S_LIST],
                        stack[top, _S_QUOTE],
                    )
                    block[TABLE], block[TAG] = stack[top, _S_TABLE], stack[top, _S_TAG]
                    block[SIGNATURE] = stack[top, _S_PATH]
                if space:
                    space = False
                    if out[at - 1] != 10 and out[at - 1] != 9:
                        out[at] = 32
                        at += 1
                if code_pending:
                    at = _put(out, at, 0xFDD2)
                    code_pending, code_open = False, True
                if script:
                    if _is_script(out, at, first_at, data, place, end, script):
                        out[at] = script
                        at += 1
                        if end - place > 1:
                            out[at] = 123
                            at += 1
                            script_end = 125
                    script = 0
                if decoded:
                    at = _put(out, at, point)
                    block[CHARS] += 1
                    block[LINK_CHARS] += in_link
                else:
                    if point == 13 or point == 12:
                        at -= 1
                    else:
                        out[at] = point
                    at += 1
                    if point < 128 or point >= 192:
                        block[CHARS] += 1
                        block[LINK_CHARS] += in_link
                    if point < 64:
                        if 48 <= point <= 57:
                            block[DIGITS] += 1
                        elif point == 46 or point == 33 or point == 63:
                            block[ENDERS] += 1
                        elif point == 44 or point == 59:
                            block[COMMAS] += 1
                        elif point == 36:
                            block[TEX] += 1
                    elif point == 92 and place + 1 < end:
                        following = data[place + 1]
                        if (
                            following == 40
                            or following == 91
                            or (following == 98 and place + 2 < end and data[place + 2] == 101)
                        ):
                            block[TEX] += 4
                    elif point == 0x82 and place > 1 and data[place - 1] == 0x80 and data[place - 2] == 0xE3:
                        block[ENDERS] += 1
                    elif point == 0xBC and place > 0 and data[place - 1] == 0xEF:
                        block[COMMAS] += 1
                place = after
            token += 1
            continue
        if what == RAW_TEXT:
            token += 1
            continue
        tag = names[token]
        script = 0
        if what == END and script_end and (tag == _SUP or tag == _SUB):
            out[at] = script_end
            at += 1
            script_end = 0
        if what == START and in_link and tag == _A:
            in_link = False
        flush = False
        kinds = category[tag]
        if tag == _BR or tag == _HR:
            if not empty and not stack[top, _S_DROP]:
                if tag == _HR:
                    flush = True
                else:
                    out[at] = 10
                    at += 1
                    space = False
                    block[BREAKS] += 1
        elif tag == _A:
            if what == START:
                in_link = True
                drop_link = (bits[token] & _GUTTER) != _NOTHING
                block[LINKS] += not stack[top, _S_DROP]
            else:
                in_link = False
        elif kinds & _BLOCK:
            in_pre = (stack_bits[top] & _IN_PRE) != _NOTHING and tag != _PRE and tag != _LISTING
            if in_pre:
                if not empty and out[at - 1] != 10:
                    out[at] = 10
                    at += 1
            elif (tag == _TD or tag == _TH) and not empty and block[BREAKS] == 0 and at - first_at < 400:
                if what == START:
                    out[at] = 9
                    at += 1
                    space = False
                    block[CELLS] += 1
            else:
                flush = True
        if flush and code_open:
            at = _put(out, at, 0xFDD3)
            code_open, code_pending = False, False
        if flush and not empty:
            script_end = 0
            while at > first_at and (out[at - 1] <= 32):
                at -= 1
            block[FIRST], block[LAST] = first_at, at
            item = NO_ITEM
            if stack[top, _S_LIST]:
                for level in range(top, -1, -1):
                    if stack[level, _S_TAG] == _LI:
                        item = stack[level, _S_ITEM]
                        stack[level, _S_ITEM] = NO_ITEM
                        break
            block[ORDINAL] = item
            count += 1
            block = blocks[count]
            empty, space = True, False
            first_at = at
            in_link = in_link and what == START
        if tag == _IMG:
            block[IMAGES] += 1
        elif tag == _INPUT or tag == _SELECT or tag == _TEXTAREA or tag == _BUTTON:
            block[FIELDS] += 1
        # The stack.
        if tag == _HTML or tag == _HEAD or tag == _BODY or kinds & (_VOID | _FORMAT | _RAW):
            token += 1
            continue
        if what == START:
            if kinds & _BLOCK:
                depth = max(1, _closes(tag, stack, depth, category))
            if tag == _CODE:
                code_pending = not (stack_bits[depth - 1] & _IN_PRE) and not stack[depth - 1, _S_DROP]
            elif (tag == _SUP or (tag == _SUB and mathematics)) and not space and not empty:
                script = 94 if tag == _SUP else 95
            if depth < MAX_DEPTH:
                parent = depth - 1
                for column in range(12):
                    stack[depth, column] = stack[parent, column]
                stack[depth, _S_TAG], stack[depth, _S_ELEMENT] = tag, elements
                stack[depth, _S_COUNT], stack[depth, _S_TOKEN] = 0, token
                stack_bits[depth] = stack_bits[parent] | bits[token]
                parents[elements], element_tags[elements] = stack[parent, _S_ELEMENT], tag
                element_bits[elements] = bits[token]
                if kinds & _BLOCK:
                    stack[depth, _S_BLOCK] = elements
                    stack[depth, _S_PATH] = (
                        stack[parent, _S_PATH] * 31 + tag * 7 + np.int64(bits[token] % np.uint64(1000003))
                    ) % 1000003
                if kinds & _DROP or bits[token] & _GUTTER or (bits[token] & _HIDDEN and not kinds & _BLOCK):
                    stack[depth, _S_DROP] = 1
                if _H1 <= tag <= _H6:
                    stack[depth, _S_LEVEL] = tag - _H1 + 1
                elif tag == _UL or tag == _OL or tag == _MENU or tag == _DIR:
                    stack[depth, _S_LIST] += 1
                elif tag == _QUOTE:
                    stack[depth, _S_QUOTE] += 1
                elif tag == _TABLE:
                    tables += 1
                    stack[depth, _S_TABLE] = tables
                elif tag == _LI:
                    stack[depth, _S_ITEM] = BULLET
                    for level in range(parent, -1, -1):
                        name = stack[level, _S_TAG]
                        if name == _OL:
                            stack[level, _S_COUNT] += 1
                            stack[depth, _S_ITEM] = stack[level, _S_COUNT]
                        if name == _OL or name == _UL or name == _LI:
                            break
                elements += 1
                depth += 1
            else:
                cut = True
        else:
            if tag == _CODE:
                if code_open:
                    at = _put(out, at, 0xFDD3)
                code_pending = code_open = False
            depth = max(1, _ends(tag, stack, depth, category))
        token += 1
    if code_open:
        at = _put(out, at, 0xFDD3)
    if not empty:
        while at > first_at and (out[at - 1] <= 32):
            at -= 1
        block[FIRST], block[LAST], block[ORDINAL] = first_at, at, NO_ITEM
        count += 1
    return (
        out[:at],
        blocks[:count],
        block_bits[:count],
        said[:count],
        parents[:elements],
        element_tags[:elements],
        element_bits[:elements],
        cut,
    )
