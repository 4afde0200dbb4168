"""A page's bytes -> its tokens: tags with what their attributes say, and the text between them. Compiled by numba.

Example: ``<p class=nav>a`` gives a start tag named ``p`` whose ``bits`` hold the group ``nav``, and one text. The
rules are those of the HTML standard's tokeniser as far as they change the text: quoted attributes may hold ``>``,
``<3`` is text, what stands in ``<script>`` is no markup. Every byte is read once or twice, whatever the page is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, part
from curation.html import tags
from curation.html.attributes import FNV_PRIME, FNV_START, attribute, find, lower

TEXT, START, END, RAW_TEXT, NOTHING = 0, 1, 2, 3, 4

_RAW, _MATHML, _LEAF, _RENDERED = tags.RAW, tags.MATHML, tags.LEAF, tags.RENDERED
_MATH, _CONTAINER = tags.numbers("math mjx-container")
_LEAF_TAGS = np.zeros(len(tags.NAMES) + 1, np.bool_)
_LEAF_TAGS[tags.numbers("d-math dt-math mathjax tex-math la-tex tex eq")] = True
_NO_BITS = np.uint64(0)
_DTYPES = (np.uint8, np.uint8, np.int32, np.int32, np.uint64, np.uint8)

# What a byte is in a tag: a letter, white space, and what ends a name or a value without quotes.
LETTER, BLANK, ENDS_NAME, ENDS_VALUE = 1, 2, 4, 8
KINDS = np.zeros(256, np.uint8)
for _char in range(ord("a"), ord("z") + 1):
    KINDS[_char] = KINDS[_char - 32] = LETTER
KINDS[[9, 10, 11, 12, 13, 32]] = BLANK | ENDS_NAME | ENDS_VALUE
KINDS[ord(">")] = ENDS_NAME | ENDS_VALUE
KINDS[[ord("/"), ord("=")]] = ENDS_NAME


@part
def _past_blanks(data: Any, at: Any, size: Any, kinds: Any) -> Any:
    while at < size and kinds[data[at]] & BLANK:
        at += 1
    return at


@part
def _value(data: Any, at: Any, size: Any, kinds: Any) -> Any:
    """The value that begins at ``at``: where it begins and ends without quotes, and the position after it."""
    if at < size and (data[at] == 34 or data[at] == 39):
        quote = data[at]
        end = at + 1
        while end < size and data[end] != quote:
            end += 1
        return at + 1, end, min(end + 1, size)
    end = at
    while end < size and not kinds[data[end]] & ENDS_VALUE:
        end += 1
    return at, end, end


@bare
def _attributes(data: Any, at: Any, size: Any, name: Any, tables: Any, kinds: Any) -> Any:
    """The end of a tag whose name ends at ``at``, and what its attributes say."""
    bits, math = _NO_BITS, _NO_BITS
    while at < size and data[at] != 62:
        if kinds[data[at]] & BLANK or data[at] == 47:
            at += 1
            continue
        key = FNV_START
        begin = at
        while at < size and not kinds[data[at]] & ENDS_NAME:
            key = (key ^ np.uint64(lower(data[at]))) * FNV_PRIME
            at += 1
        named = at > begin
        at = _past_blanks(data, at, size, kinds)
        start = end = at
        if at < size and data[at] == 61:
            start, end, at = _value(data, _past_blanks(data, at + 1, size, kinds), size, kinds)
        elif not named:
            at += 1
        which = np.int64(find(tables[2][0], tables[2][1], key))
        if which:
            more, math_more = attribute(data, which, start, end, name, tables)
            bits |= more
            math |= math_more
    return min(at + 1, size), bits, math


@bare
def _raw_end(data: Any, at: Any, size: Any, start: Any, length: Any, kinds: Any) -> Any:
    """Where the end tag of the raw element begins whose name stands at ``start``; the page's end if nowhere."""
    last = size - length - 1
    while at < last:
        if data[at] == 60 and data[at + 1] == 47:
            same = 0
            while same < length and lower(data[at + 2 + same]) == lower(data[start + same]):
                same += 1
            if same == length and (at + 2 + length >= size or not kinds[data[at + 2 + length]] & LETTER):
                return at
        at += 1
    return size


@part
def _is_comment_end(data: Any, at: Any) -> Any:
    """Whether the ``>`` at ``at`` ends ``-->`` or ``--!>``."""
    last = at - 1 - (data[at - 1] == 33)
    return data[last] == 45 and data[last - 1] == 45


@bare
def _comment_end(data: Any, at: Any, size: Any) -> Any:
    """The end of what begins with ``<!`` or ``<?`` at ``at``."""
    if at + 3 < size and data[at + 1] == 33 and data[at + 2] == 45 and data[at + 3] == 45:
        place = at + 4
        if place < size and data[place] == 62:
            return place + 1
        while place < size and not (data[place] == 62 and _is_comment_end(data, place)):
            place += 1
        return min(place + 1, size)
    return _tag_end(data, at, size)


@part
def _tag_end(data: Any, at: Any, size: Any) -> Any:
    """The position after the next ``>``."""
    while at < size and data[at] != 62:
        at += 1
    return min(at + 1, size)


@part
def _kind_of(data: Any, at: Any, size: Any, kinds: Any) -> Any:
    """What the ``<`` at ``at`` begins: a tag, something without text, or (``TEXT``) nothing."""
    if at + 1 >= size:
        return TEXT
    following = data[at + 1]
    if kinds[following] & LETTER:
        return START
    if following == 47 and at + 2 < size:
        return END if kinds[data[at + 2]] & LETTER else NOTHING
    return NOTHING if following == 33 or following == 63 else TEXT


@part
def _element_math(name: Any) -> Any:
    """What a tag says about mathematics by its name alone."""
    if name == _MATH:
        return np.uint64(_MATHML)
    if name == _CONTAINER:
        return np.uint64(_RENDERED)
    return np.uint64(_LEAF) if _LEAF_TAGS[name] else _NO_BITS


@part
def _name(data: Any, at: Any, size: Any, kinds: Any) -> Any:
    """The hash of the name that begins at ``at``, and its end. A namespace is no part of it: ``m:math``."""
    key = FNV_START
    while at < size and not kinds[data[at]] & ENDS_NAME:
        key = FNV_START if data[at] == 58 else (key ^ np.uint64(lower(data[at]))) * FNV_PRIME
        at += 1
    return key, at


@bare
def scan(data: Any, columns: Any, tables: Any, kinds: Any, category: Any, own: Any) -> Any:
    """Tokens of a page in UTF-8.

    Args:
        data: uint8, the page.
        columns: the arrays that `tokens` returns, to be filled.
        tables: of words of class names, of whole class names, of attributes, of tags; see `tags`.
        kinds: what bytes are, ``KINDS``.
        category: what each tag is, by number.
        own: the bits that each tag stands for.

    Returns:
        How many tokens there are.
    """
    kind, names, starts, ends, bits, math = columns
    size = data.size
    count = at = text = 0
    while at < size:
        if data[at] != 60:
            at += 1
            continue
        what = _kind_of(data, at, size, kinds)
        if what == TEXT:
            at += 1
            continue
        if at > text:
            kind[count], starts[count], ends[count] = TEXT, text, at
            count += 1
        if what == NOTHING:
            at = text = _comment_end(data, at, size)
            continue
        begin = at + what  # START is 1 and END is 2: what stands before the name
        key, name_end = _name(data, begin, size, kinds)
        name = np.int64(find(tables[3][0], tables[3][1], key))
        said, formula = _NO_BITS, _NO_BITS
        if what == START:
            tag_end, said, formula = _attributes(data, name_end, size, name, tables, kinds)
            said |= own[name]
            formula |= _element_math(name)
        else:
            tag_end = _tag_end(data, name_end, size)
        kind[count], names[count], starts[count], ends[count] = what, name, at, tag_end
        bits[count], math[count] = said, formula
        count += 1
        if what == START and category[name] & _RAW and data[tag_end - 2] != 47:
            end = _raw_end(data, tag_end, size, begin, name_end - begin, kinds)
            if end > tag_end:
                kind[count], names[count], starts[count], ends[count] = RAW_TEXT, name, tag_end, end
                count += 1
            tag_end = end
        at = text = tag_end
    if size > text:
        kind[count], starts[count], ends[count] = TEXT, text, size
        count += 1
    return count


def tokens(source: bytes, data: NDArray[np.uint8]) -> tuple[NDArray[Any], ...]:
    """The tokens of a page in UTF-8.

    Args:
        source: the page.
        data: its bytes as an array.

    Returns:
        kind uint8, name uint8, start int32, end int32 (of the whole tag, or of the text), bits uint64, math uint8:
        an entry for each token.
    """
    room = 2 * source.count(b"<") + 2  # each begins one token at most, and ends one text
    columns = tuple(np.zeros(room, dtype) for dtype in _DTYPES)
    tables = (tags.WORD_TABLE, tags.CLASS_TABLE, tags.ATTRIBUTE_TABLE, tags.TAG_TABLE)
    count = scan(data, columns, tables, KINDS, tags.CATEGORY, tags.OWN_BITS)
    return tuple(column[:count] for column in columns)
