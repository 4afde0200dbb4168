"""A page's bytes -> its tokens: tags with what their attributes say, and the text between them. Compiled by numba.

Example: ``<p class=nav>a`` gives a start tag named ``p`` whose ``bits`` hold the group ``nav``, and one text. The
rules are those of the HTML standard's tokeniser as far as they change the text: quoted attributes may hold ``>``,
``<3`` is text, what stands in ``<script>`` is no markup. Every byte is read once or twice, whatever the page is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curation.html import tags

TEXT, START, END, RAW_TEXT = 0, 1, 2, 3

_FNV_START, _FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
_HIDDEN = np.uint64(tags.HIDDEN)
_RAW, _DATA_TEX, _IMAGE, _MATH_SCRIPT, _MATHML, _LEAF, _RENDERED = (
    tags.RAW,
    tags.DATA_TEX,
    tags.IMAGE,
    tags.MATH_SCRIPT,
    tags.MATHML,
    tags.LEAF,
    tags.RENDERED,
)
_SCRIPT, _IMG, _MATH, _CONTAINER = (tags.TAGS[name] for name in ("script", "img", "math", "mjx-container"))
_LEAF_TAGS = np.zeros(len(tags.NAMES) + 1, np.bool_)
for _name in ("d-math", "dt-math", "mathjax", "tex-math", "la-tex", "tex", "eq"):
    _LEAF_TAGS[tags.TAGS[_name]] = True


def _name_hash(name: bytes) -> Any:
    return np.uint64(tags.fnv(name))


_CLASS, _ID, _ROLE, _STYLE, _TYPE, _ALT, _SRC, _HIDE, _ARIA = (
    _name_hash(name)
    for name in (b"class", b"id", b"role", b"style", b"type", b"alt", b"src", b"hidden", b"aria-hidden")
)
_DATA_EXPR, _DATA_LATEX, _DATA_TEX_NAME, _DATA_MATH, _DATA_FORMULA, _LAZY = (
    _name_hash(name)
    for name in (b"data-expr", b"data-latex", b"data-tex", b"data-math", b"data-formula", b"data-lazy-src")
)
_NONE_WORD, _HIDDEN_WORD, _TRUE_WORD = (_name_hash(word) for word in (b"none", b"hidden", b"true"))
_DISPLAY_WORD, _VISIBILITY_WORD = _name_hash(b"display"), _name_hash(b"visibility")


@njit(cache=True, inline="always")
def _lower(byte: Any) -> Any:
    return byte + np.uint8(32) if 65 <= byte <= 90 else byte


@njit(cache=True, inline="always")
def _is_letter(byte: Any) -> Any:
    return 97 <= byte <= 122 or 65 <= byte <= 90


@njit(cache=True, inline="always")
def _is_space(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@njit(cache=True)
def find(keys: Any, values: Any, key: Any) -> Any:
    """The value of ``key`` in an open-addressing table, or 0."""
    mask = np.uint64(keys.size - 1)
    slot = key & mask
    while keys[slot] != np.uint64(0):
        if keys[slot] == key:
            return values[slot]
        slot = (slot + np.uint64(1)) & mask
    return np.uint64(0)


@njit(cache=True)
def _words_bits(data: Any, start: Any, end: Any, keys: Any, values: Any) -> Any:
    """The groups of all words of a class name, an id or a role."""
    bits = np.uint64(0)
    value = _FNV_START
    length = 0
    previous_small = False
    for at in range(start, end):
        byte = data[at]
        capital = 65 <= byte <= 90
        if not _is_letter(byte) or (capital and previous_small):
            if length > 1:
                bits |= find(keys, values, value)
            value, length = _FNV_START, 0
        if _is_letter(byte):
            value = (value ^ np.uint64(_lower(byte))) * _FNV_PRIME
            length += 1
        previous_small = 97 <= byte <= 122
    if length > 1:
        bits |= find(keys, values, value)
    return bits


@njit(cache=True)
def _class_bits(data: Any, start: Any, end: Any, keys: Any, values: Any) -> Any:
    """What the whole class names say about mathematics; compared exactly, with their case."""
    bits = np.uint64(0)
    value = _FNV_START
    length = 0
    for at in range(start, end):
        byte = data[at]
        if _is_space(byte):
            if length:
                bits |= find(keys, values, value)
            value, length = _FNV_START, 0
        else:
            value = (value ^ np.uint64(byte)) * _FNV_PRIME
            length += 1
    if length:
        bits |= find(keys, values, value)
    return bits


@njit(cache=True)
def _hides(data: Any, start: Any, end: Any) -> Any:
    """Whether a style says ``display: none`` or ``visibility: hidden``."""
    value, last, length = _FNV_START, np.uint64(0), 0
    for at in range(start, end + 1):
        byte = data[at] if at < end else np.uint8(59)
        if _is_letter(byte) or byte == 45:
            value = (value ^ np.uint64(_lower(byte))) * _FNV_PRIME
            length += 1
            continue
        if length:
            if (last == _DISPLAY_WORD and value == _NONE_WORD) or (last == _VISIBILITY_WORD and value == _HIDDEN_WORD):
                return True
            last = value
        value, length = _FNV_START, 0
        if byte == 59:
            last = np.uint64(0)
    return False


@njit(cache=True)
def _holds(data: Any, start: Any, end: Any, a: Any, b: Any, c: Any) -> Any:
    """Whether three given bytes stand in a row, ignoring case."""
    for at in range(start, end - 2):
        if _lower(data[at]) == a and _lower(data[at + 1]) == b and _lower(data[at + 2]) == c:
            return True
    return False


@njit(cache=True)
def _image_source(data: Any, start: Any, end: Any) -> Any:
    """Whether an image's address may be that of a formula: it holds ``tex``, ``math``, ``eqn`` or ``cht``."""
    return (
        _holds(data, start, end, 116, 101, 120)
        or _holds(data, start, end, 109, 97, 116)
        or _holds(data, start, end, 99, 104, 116)
        or _holds(data, start, end, 101, 113, 110)
        or _holds(data, start, end, 99, 111, 100)
    )


@njit(cache=True)
def _attribute(data: Any, key: Any, start: Any, end: Any, name: Any, words: Any, classes: Any) -> Any:
    """The groups and the mathematics that one attribute stands for."""
    nothing = np.uint64(0)
    if key == _CLASS:
        return _words_bits(data, start, end, words[0], words[1]), _class_bits(data, start, end, classes[0], classes[1])
    if key == _ID or key == _ROLE:
        return _words_bits(data, start, end, words[0], words[1]), nothing
    if key == _STYLE:
        return _HIDDEN if _hides(data, start, end) else nothing, nothing
    if key == _HIDE:
        return _HIDDEN, nothing
    if key == _TYPE and name == _SCRIPT:
        return nothing, np.uint64(_MATH_SCRIPT) if _holds(data, start, end, 104, 47, 116) or _holds(
            data, start, end, 104, 47, 109
        ) or _holds(data, start, end, 104, 47, 97) or _holds(data, start, end, 104, 47, 108) else nothing
    if key == _ALT and name == _IMG and end > start and (data[start] == 36 or data[start] == 92 or data[start] == 123):
        return nothing, np.uint64(_IMAGE)
    if (key == _SRC or key == _LAZY) and name == _IMG:
        return nothing, np.uint64(_IMAGE) if _image_source(data, start, end) else nothing
    if key == _DATA_EXPR or key == _DATA_LATEX or key == _DATA_TEX_NAME or key == _DATA_MATH or key == _DATA_FORMULA:
        return nothing, np.uint64(_DATA_TEX)
    return nothing, nothing


@njit(cache=True)
def _attributes(data: Any, at: Any, size: Any, name: Any, words: Any, classes: Any) -> Any:
    """The end of a tag whose name ends at ``at``, and what its attributes say."""
    bits, math = np.uint64(0), np.uint64(0)
    while at < size:
        byte = data[at]
        if byte == 62:
            return at + 1, bits, math
        if _is_space(byte) or byte == 47:
            at += 1
            continue
        key = _FNV_START
        while at < size:
            byte = data[at]
            if _is_space(byte) or byte == 61 or byte == 62 or byte == 47:
                break
            key = (key ^ np.uint64(_lower(byte))) * _FNV_PRIME
            at += 1
        while at < size and _is_space(data[at]):
            at += 1
        start = end = at
        if at < size and data[at] == 61:
            at += 1
            while at < size and _is_space(data[at]):
                at += 1
            if at < size and (data[at] == 34 or data[at] == 39):
                quote = data[at]
                start = at + 1
                at = start
                while at < size and data[at] != quote:
                    at += 1
                end = at
                at += 1
            else:
                start = at
                while at < size and not _is_space(data[at]) and data[at] != 62:
                    at += 1
                end = at
        elif at < size and key == _FNV_START:  # a byte that begins no name, such as a lone quote mark
            at += 1
        more, math_more = _attribute(data, key, start, min(end, size), name, words, classes)
        bits |= more
        math |= math_more
    return size, bits, math


@njit(cache=True)
def _raw_end(data: Any, at: Any, size: Any, start: Any, length: Any) -> Any:
    """Where the end tag of the raw element begins whose name stands at ``start``; the page's end if nowhere."""
    while at < size - length - 1:
        if data[at] == 60 and data[at + 1] == 47:
            same = True
            for offset in range(length):
                if _lower(data[at + 2 + offset]) != _lower(data[start + offset]):
                    same = False
                    break
            if same and (at + 2 + length >= size or not _is_letter(data[at + 2 + length])):
                return at
        at += 1
    return size


@njit(cache=True)
def _comment_end(data: Any, at: Any, size: Any) -> Any:
    """The end of what begins with ``<!`` or ``<?`` at ``at``."""
    if at + 3 < size and data[at + 1] == 33 and data[at + 2] == 45 and data[at + 3] == 45:
        place = at + 4
        if place < size and data[place] == 62:
            return place + 1
        while place < size:
            if data[place] == 62 and data[place - 1] == 45 and data[place - 2] == 45:
                return place + 1
            place += 1
        return size
    while at < size and data[at] != 62:
        at += 1
    return min(at + 1, size)


@njit(cache=True)
def scan(data: Any, tag_table: Any, words: Any, classes: Any, category: Any, own: Any) -> Any:
    """Tokens of a page in UTF-8.

    Args:
        data: uint8, the page.
        tag_table: hashes of tag names and their numbers; likewise words and classes.
        words: the table of the words of class names.
        classes: the table of whole class names that say something about mathematics.
        category: what each tag is, by number.
        own: the bits that each tag stands for.

    Returns:
        kind uint8, name uint8, start int32, end int32 (of the whole tag, or of the text), bits uint64, math uint8:
        an entry for each token.
    """
    size = data.size
    signs = 1
    for at in range(size):
        if data[at] == 60:
            signs += 1
    capacity = 2 * signs + 1
    kind, names = np.empty(capacity, np.uint8), np.empty(capacity, np.uint8)
    starts, ends = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    all_bits, maths = np.empty(capacity, np.uint64), np.zeros(capacity, np.uint8)
    count = 0
    at = text = 0
    while at < size:
        if data[at] != 60 or at + 1 >= size:
            at += 1
            continue
        following = data[at + 1]
        closing = following == 47
        if following == 33 or following == 63 or (closing and at + 2 < size and not _is_letter(data[at + 2])):
            tag_end, token, name, bits, math = _comment_end(data, at, size), 9, 0, np.uint64(0), np.uint64(0)
        elif _is_letter(following) or (closing and at + 2 < size):
            name_start = at + 2 if closing else at + 1
            place, key = name_start, _FNV_START
            while place < size and not (_is_space(data[place]) or data[place] == 62 or data[place] == 47):
                # A prefix of a namespace is no part of the name: ``m:math``.
                key = _FNV_START if data[place] == 58 else (key ^ np.uint64(_lower(data[place]))) * _FNV_PRIME
                place += 1
            name_end = place
            name = np.int64(find(tag_table[0], tag_table[1], key))
            if closing:
                while place < size and data[place] != 62:
                    place += 1
                tag_end, token, bits, math = min(place + 1, size), END, np.uint64(0), np.uint64(0)
            else:
                tag_end, bits, math = _attributes(data, place, size, name, words, classes)
                token = START
                bits |= own[name]
                if name == _MATH:
                    math |= np.uint64(_MATHML)
                elif _LEAF_TAGS[name]:
                    math |= np.uint64(_LEAF)
                elif name == _CONTAINER:
                    math |= np.uint64(_RENDERED)
        else:
            at += 1
            continue
        if at > text:
            kind[count], names[count], starts[count], ends[count] = TEXT, 0, text, at
            all_bits[count] = 0
            count += 1
        if token != 9:
            kind[count], names[count], starts[count], ends[count] = token, name, at, tag_end
            all_bits[count], maths[count] = bits, math
            count += 1
        if token == START and category[name] & _RAW and data[tag_end - 2] != 47:
            end = _raw_end(data, tag_end, size, name_start, name_end - name_start)
            if end > tag_end:
                kind[count], names[count], starts[count], ends[count] = RAW_TEXT, name, tag_end, end
                all_bits[count] = 0
                count += 1
            tag_end = end
        at = text = tag_end
    if size > text:
        kind[count], names[count], starts[count], ends[count] = TEXT, 0, text, size
        all_bits[count] = 0
        count += 1
    return kind[:count], names[:count], starts[:count], ends[:count], all_bits[:count], maths[:count]


def tokens(data: NDArray[np.uint8]) -> Any:
    """:func:`scan` with the tables of ``tags.py``."""
    return scan(data, tags.TAG_TABLE, tags.WORD_TABLE, tags.CLASS_TABLE, tags.CATEGORY, tags.OWN_BITS)
