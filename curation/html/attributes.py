"""What one attribute of a start tag says: groups of words in its class, that it is hidden, that it holds a formula.

Example: ``class="site-nav"`` says ``nav`` and ``site``; ``style="display: none"`` says that the element is not shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curation.compiled import bare, part
from curation.html import tags

FNV_START, FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_NOTHING, _HIDDEN = np.uint64(0), np.uint64(tags.HIDDEN)
_CLASS, _WORDS, _STYLE, _HIDE, _TYPE, _ALT, _SRC, _DATA = tags.ATTRIBUTES.values()
_DATA_TEX, _IMAGE, _MATH_SCRIPT = np.uint64(tags.DATA_TEX), np.uint64(tags.IMAGE), np.uint64(tags.MATH_SCRIPT)
_SCRIPT, _IMG = tags.TAGS["script"], tags.TAGS["img"]
_NONE_WORD, _HIDDEN_WORD, _DISPLAY_WORD, _VISIBILITY_WORD = (
    np.uint64(tags.fnv(word)) for word in (b"none", b"hidden", b"display", b"visibility")
)


@part
def lower(byte: Any) -> Any:
    """An ASCII letter as a small one, other bytes as they are."""
    return byte + np.uint8(32) if 65 <= byte <= 90 else byte


@part
def _is_letter(byte: Any) -> Any:
    return 97 <= byte <= 122 or 65 <= byte <= 90


@part
def find(keys: Any, values: Any, key: Any) -> Any:
    """The value of ``key`` in an open-addressing table, or 0."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != _NOTHING and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return values[slot]


@part
def _words_bits(data: Any, start: Any, end: Any, words: Any, classes: Any, whole: Any) -> Any:
    """The groups of all words of a class name, an id or a role; what whole class names say about mathematics.

    Words are compared as small letters, class names exactly. ``whole`` says whether the latter are wanted.
    """
    bits, math = _NOTHING, _NOTHING
    word, name = FNV_START, FNV_START
    length, previous_small = 0, False
    for at in range(start, end):
        byte = data[at]
        small, capital = 97 <= byte <= 122, 65 <= byte <= 90
        if length and not (small or (capital and not previous_small)):
            if length > 1:
                bits |= find(words[0], words[1], word)
            word, length = FNV_START, 0
        if small or capital:
            word = (word ^ np.uint64(byte | 32)) * FNV_PRIME
            length += 1
        previous_small = small
        if byte > 32:
            name = (name ^ np.uint64(byte)) * FNV_PRIME
        elif whole and name != FNV_START:
            math |= find(classes[0], classes[1], name)
            name = FNV_START
    if length > 1:
        bits |= find(words[0], words[1], word)
    if whole and name != FNV_START:
        math |= find(classes[0], classes[1], name)
    return bits, math


@bare
def _hides(data: Any, start: Any, end: Any) -> Any:
    """Whether a style says ``display: none`` or ``visibility: hidden``."""
    value, last, length = FNV_START, _NOTHING, 0
    for at in range(start, end + 1):
        byte = data[at] if at < end else np.uint8(59)
        if _is_letter(byte) or byte == 45:
            value = (value ^ np.uint64(lower(byte))) * FNV_PRIME
            length += 1
            continue
        if length:
            if (last == _DISPLAY_WORD and value == _NONE_WORD) or (last == _VISIBILITY_WORD and value == _HIDDEN_WORD):
                return True
            last = value
        value, length = FNV_START, 0
        if byte == 59:
            last = _NOTHING
    return False


@bare
def _holds(data: Any, start: Any, end: Any, a: Any, b: Any, c: Any) -> Any:
    """Whether three given bytes stand in a row, ignoring case."""
    for at in range(start, end - 2):
        if lower(data[at]) == a and lower(data[at + 1]) == b and lower(data[at + 2]) == c:
            return True
    return False


@bare
def _formula_source(data: Any, start: Any, end: Any) -> Any:
    """Whether an image's address may be that of a formula: it holds ``tex``, ``mat``, ``cht``, ``eqn`` or ``cod``."""
    return (
        _holds(data, start, end, 116, 101, 120)
        or _holds(data, start, end, 109, 97, 116)
        or _holds(data, start, end, 99, 104, 116)
        or _holds(data, start, end, 101, 113, 110)
        or _holds(data, start, end, 99, 111, 100)
    )


@bare
def _formula(data: Any, which: Any, start: Any, end: Any, name: Any) -> Any:
    """What an attribute says about mathematics beside its classes."""
    if which == _DATA:
        return _DATA_TEX
    if which == _TYPE and name == _SCRIPT:
        return _MATH_SCRIPT if _holds(data, start, end, 116, 104, 47) else _NOTHING  # math/…
    if name == _IMG and which == _ALT and end > start:
        return _IMAGE if data[start] == 36 or data[start] == 92 or data[start] == 123 else _NOTHING
    if name == _IMG and which == _SRC and _formula_source(data, start, end):
        return _IMAGE
    return _NOTHING


@bare
def attribute(data: Any, which: Any, start: Any, end: Any, name: Any, tables: Any) -> Any:
    """The groups and the mathematics that one attribute stands for.

    Args:
        data: the page.
        which: the attribute, a value of ``tags.ATTRIBUTES``.
        start: where its value begins.
        end: where it ends.
        name: the tag.
        tables: words of class names and whole class names, see `tags`.
    """
    if which in (_CLASS, _WORDS):
        return _words_bits(data, start, end, tables[0], tables[1], which == _CLASS)
    if which == _STYLE:
        return _HIDDEN if _hides(data, start, end) else _NOTHING, _NOTHING
    if which == _HIDE:
        return _HIDDEN, _NOTHING
    return _NOTHING, _formula(data, which, start, end, name)
