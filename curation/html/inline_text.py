"""The text between two tags -> the block it belongs to: white space, exponents, and what the words are like.

Example: ``a&nbsp; &lt;b`` is written as ``a <b``, two words. Code keeps its white space; ``10<sup>6</sup>`` is
``10^6``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import bare, part
from curation.html.attributes import FNV_PRIME, FNV_START, find
from curation.html.characters import entity, put
from curation.html.columns import (
    AT,
    BEGUN,
    BLOCK_AT,
    BRACE,
    CAPITALS,
    CHARS,
    CODE,
    COMMAS,
    DIGITS,
    ENDERS,
    IN_LINK,
    LINK_CHARS,
    SCRIPT,
    SHORT,
    SPACE,
    TEX,
    WORDS,
)

_NOTHING = np.uint64(0)
CODE_OPEN, CODE_CLOSE = 0xFDD2, 0xFDD3
MAX_SCRIPT_BYTES = 10
FORMATTED = 128  # beside the sign of a script: other tags stand before its text
SHORT_LETTERS = 4
_FOREIGN = 0xFE  # no byte of UTF-8: stands for a character from an entity

# What a byte of UTF-8 is: a letter (all beyond ASCII count), a capital, the first byte of a Chinese, Japanese or Korean
# sign; white space; one that is counted; one that is the second or later byte of a character.
LETTER, CAPITAL, SIGN, BLANK, COUNTED, LATER, SPECIAL = (1 << bit for bit in range(7))
KINDS = np.zeros(256, np.uint8)
KINDS[ord("a") : ord("z") + 1] = LETTER
KINDS[ord("A") : ord("Z") + 1] = LETTER | CAPITAL
KINDS[128:] = LETTER
KINDS[128:192] |= LATER
KINDS[0xE3 : 0xED + 1] |= SIGN
KINDS[:33] = BLANK
KINDS[list(b".!?,;$\\0123456789\x82\xbc")] |= COUNTED
KINDS[ord("&")] = SPECIAL
KINDS[0xC2] |= SPECIAL  # the first byte of a no-break space


@bare
def _is_script(out: Any, at: Any, first_at: Any, data: Any, place: Any, end: Any, sign: Any) -> Any:
    """Whether a raised or lowered text is an exponent or an index: short, behind a number, a letter or two, a bracket.

    ``1<sup>st</sup>`` and the number of a footnote behind a word are neither.
    """
    if end - place > MAX_SCRIPT_BYTES or at == first_at:
        return False
    letters = 0
    while at - letters > first_at and 65 <= (out[at - 1 - letters] & 0xDF) <= 90 and letters < 4:
        letters += 1
    before = out[at - 1]
    if letters > 2 or not (letters or 48 <= before <= 57 or before == 41 or before == 93):
        return False
    for offset in range(place, end):
        byte = data[offset]
        letter = 65 <= (byte & 0xDF) <= 90 or byte >= 128
        # The last byte of an entity, such as ``&minus;``, stands for it.
        if not (letter or 48 <= byte <= 57 or byte in (43, 44, 45, 46, 59)):
            return False
    return not (sign == 94 and letters == 0 and end - place == 2 and 65 <= (data[place] & 0xDF) <= 90)


@bare
def before_text(out: Any, at: Any, state: Any, data: Any, place: Any, end: Any) -> Any:
    """Write what is owed before the next character: a space, the mark of code, the sign of an exponent."""
    if state[SPACE]:
        state[SPACE] = 0
        if at > state[BLOCK_AT] and out[at - 1] > 10:
            out[at] = 32
            at += 1
    if state[CODE] == 1:
        state[CODE] = 2
        at = put(out, at, CODE_OPEN)
    if state[SCRIPT]:
        sign = state[SCRIPT] & ~FORMATTED
        if _is_script(out, at, state[BLOCK_AT], data, place, end, sign):
            out[at] = sign
            at += 1
            if end - place > 1 or state[SCRIPT] & FORMATTED:
                out[at] = 123
                at += 1
                state[BRACE] = 1
        state[SCRIPT] = 0
    return at


@part
def _count(byte: Any, data: Any, place: Any, end: Any, block: Any) -> Any:
    """Count a byte that says something about the text."""
    if 48 <= byte <= 57:
        block[DIGITS] += 1
    elif byte == 46 or byte == 33 or byte == 63:
        block[ENDERS] += 1
    elif byte == 44 or byte == 59:
        block[COMMAS] += 1
    elif byte == 36:
        block[TEX] += 1
    elif byte == 92:
        following = data[place + 1] if place + 1 < end else 0
        if following == 40 or following == 91 or (following == 98 and place + 2 < end and data[place + 2] == 101):
            block[TEX] += 4
    elif byte == 0x82:
        block[ENDERS] += place > 1 and data[place - 1] == 0x80 and data[place - 2] == 0xE3
    elif byte == 0xBC:
        block[COMMAS] += place > 0 and data[place - 1] == 0xEF


@bare
def _special(data: Any, place: Any, end: Any, byte: Any, entities: Any, kinds: Any, windows: Any) -> Any:
    """An entity or a no-break space: a byte, or the code points (packed) of which the byte stands for a letter."""
    if byte == 0xC2:
        if place + 1 < end and data[place + 1] == 0xA0:
            return np.uint8(32), 0, place + 2
        return byte, 0, place + 1
    packed, after = entity(data, place, end, entities, windows)
    if packed == 0:
        return byte, 0, place + 1
    if packed == 160:
        return np.uint8(32), 0, after
    if packed < 128:
        return np.uint8(packed), 0, after
    return np.uint8(_FOREIGN), packed, after


@part
def _leading(out: Any, at: Any, state: Any, byte: Any) -> Any:
    """White space before the first text of a block of code: the indentation of its first line counts, lines do not."""
    if byte == 10 or byte == 13:
        return state[BLOCK_AT]
    out[at] = byte
    return at + 1


@bare
def words(  # noqa: C901
    data: Any, place: Any, end: Any, code: Any, out: Any, block: Any, state: Any, tables: Any
) -> Any:
    """Write the text from ``place`` to ``end`` into the block.

    One loop, however long: what its parts share would be stored and read anew for every byte of all texts.

    Args:
        data: uint8, the page.
        place: where the text begins.
        end: where it ends.
        code: whether white space is kept.
        out: uint8, the texts of all blocks.
        block: the row of the block.
        state: where the outline stands, see `columns`.
        tables: entities and words, see `tags`; ``KINDS``; ``WINDOWS``.

    Returns:
        uint64, the groups of the words.
    """
    entities, known, kinds, windows = tables
    # Everything in local variables: what is in arrays is read anew after each byte that is written.
    at, begun, space, owed = state[AT], state[BEGUN], state[SPACE], state[CODE] == 1 or state[SCRIPT] != 0
    key, length, chars, signs, counted, short, capitals = FNV_START, 0, 0, 0, 0, 0, 0
    groups, block_at = _NOTHING, state[BLOCK_AT]
    while place < end:
        byte = data[place]
        kind = kinds[byte]
        after = place + 1
        point = 0
        if kind & SPECIAL:
            byte, point, after = _special(data, place, end, byte, entities, kinds, windows)
            kind = kinds[byte]
        if kind & LETTER:
            if length == 0:
                capitals += (kind & CAPITAL) != 0
            key = (key ^ np.uint64(byte + 32 if kind & CAPITAL else byte)) * FNV_PRIME
            length += 1
            signs += (kind & SIGN) != 0
        elif length:
            counted += 1
            short += length < SHORT_LETTERS
            groups |= find(known[0], known[1], key)
            key, length = FNV_START, 0
        place = after
        if kind & BLANK:
            if not code:
                space = 1
            elif begun:
                out[at] = byte
                at += byte != 13 and byte != 12
            else:
                at = _leading(out, at, state, byte)
            continue
        if not begun:
            begun, space = 1, 0
        if space:
            space = 0
            if at > block_at and out[at - 1] > 10:
                out[at] = 32
                at += 1
        if owed:
            state[SPACE], owed = 0, False
            at = before_text(out, at, state, data, place - 1, end)
        if point:
            if point >> 32:
                at = put(out, at, point & 0xFFFFFFFF)
                point >>= 32
            at = put(out, at, point)
            chars += 1
            continue
        out[at] = byte
        at += 1
        chars += (kind & LATER) == 0
        if kind & COUNTED:
            _count(byte, data, place - 1, end, block)
    if length:
        counted += 1
        short += length < SHORT_LETTERS
        groups |= find(known[0], known[1], key)
    # Chinese, Japanese and Korean have about two signs a word.
    block[WORDS] += counted + signs // 2
    block[SHORT] += short
    block[CAPITALS] += capitals
    block[CHARS] += chars
    if state[IN_LINK]:
        block[LINK_CHARS] += chars
    state[AT], state[BEGUN], state[SPACE] = at, begun, space
    return groups
