r"""What a text says, as tokens: three normalisations, each as a function of texts and as a table of code points.

Example::

    tokens(r"Let $x_1 = 3.5$", "keep_mathematics")   # ['let', 'x', '_', '1', '=', '3.5']
    tokens(r"Let $x_1 = 3.5$", "words")              # ['let', 'x_1', '3', '5']
    tokens(r"Let $x_1 = 3.5$", "datatrove")          # ['let', 'x', '0', '0']

`tokens` says what is meant; `table` gives the same to the compiled splitter of ``shingles``, code point by code point,
and names the few code points whose texts go through `tokens` since they are not read one by one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.text.words import strip_diacritics, tokenise

Normalisation = Literal["keep_mathematics", "words", "datatrove"]

# A TeX command, a number with its decimal or thousands marks, a word, or one operator or bracket. The marks of prose
# and the dollar are no tokens: curly or straight quotes, $…$ or nothing around a formula, make no other text.
_PROSE = ".,;:?\"'`“”‘’«»…$–—"
_MATHEMATICS = re.compile(rf"\\[a-z]+|\d+(?:[.,]\d+)*|[^\W_]+|_|[^\w\s{_PROSE}]")
# Chinese and Japanese write no spaces: each character counts as a word.
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
# What datatrove's PUNCTUATION holds beside control characters, by code point.
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«´»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～"
_CONTROL = "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160))))
_BLANKED = str.maketrans(_PUNCTUATION + _CONTROL, " " * len(_PUNCTUATION + _CONTROL))
_DECIMAL_MARKS = ".,،٫⎖⎗⎘"
_NUMBER = re.compile(rf"\d+(?:[{_DECIMAL_MARKS}]\d+)?")

BLANK, LETTER, DIGIT, ALONE, NOTHING, BACKSLASH = range(6)
"""What a code point does: parts tokens; stands in one; is a digit; is a token; is left out; may begin a command."""
MARK, COMPOSES, LOWERS, READS_ALL = 8, 16, 32, 64
"""And besides: joins digits; its text must first be brought to NFC, or to lowercase; its text goes through `tokens`."""
MANY = 1 << 31
"""In ``Table.becomes``: not a code point but a place in ``Table.rest``, from bit 8 on, and how many in the lower 8."""

_POINTS = 0x110000
_NAMED = (*range(0x33480), *range(0xE0000, 0xE0200))  # beyond stand the unassigned and the private ones


class Table(NamedTuple):
    """What becomes of each code point.

    Args:
        kinds: one of the six kinds, and flags, (0x110000,).
        becomes: the code point written for it, (0x110000,).
        rest: those written for one that becomes several.
        first: the first code point with a flag that asks for more than to be read.
        widest: most bytes of UTF-8 written for one.
    """

    kinds: NDArray[np.uint8]
    becomes: NDArray[np.uint32]
    rest: NDArray[np.uint32]
    first: int
    widest: int


def tokens(text: str, normalisation: Normalisation) -> list[str]:
    r"""The tokens of a text, in order.

    Args:
        text: any.
        normalisation: ``keep_mathematics`` keeps numbers, TeX commands, operators and brackets; ``words`` takes
            lowercase ``\w+`` without diacritics; ``datatrove`` does what ``TextNormConfig()`` of datatrove does, and
            splits at blanks. In the first two a Chinese or Japanese character is a word.
    """
    if normalisation == "datatrove":
        return strip_diacritics(_NUMBER.sub("0", text.lower()).translate(_BLANKED)).split()
    if not text.isascii():
        text = _IDEOGRAPH.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    return tokenise(text) if normalisation == "words" else _MATHEMATICS.findall(text.lower())


def prepared(text: str, normalisation: Normalisation, flags: int) -> str | None:
    """A text with code points of these flags as one that can be read point by point; None if only `tokens` will do."""
    if flags & READS_ALL:
        return None
    if flags & COMPOSES:
        text = unicodedata.normalize("NFC", text)
    if flags & LOWERS or (normalisation == "keep_mathematics" and "İ" in text):  # I and a dot; small, it is two again
        # Between a sigma and an ideograph `tokens` puts a blank, which can make it the last letter of a word.
        return None if _IDEOGRAPH.search(text) else text.lower()
    return text


@lru_cache(maxsize=3)
def table(normalisation: Normalisation) -> Table:
    """The table of a normalisation, 6 MB; made once in a process, in a third of a second."""
    read = _READERS[normalisation]
    kinds, becomes = np.empty(_POINTS, np.uint8), np.arange(_POINTS, dtype=np.uint32)
    rest: list[int] = []
    kinds[:] = read(chr(_POINTS - 3))[0]
    widest = 4
    for point in _NAMED:
        kinds[point], written = read(chr(point))
        if len(written) == 1:
            becomes[point] = ord(written)
        else:
            becomes[point] = MANY | len(rest) << 8 | len(written)
            rest.extend(map(ord, written))
            widest = max(widest, len(written.encode()))
    if normalisation == "keep_mathematics":
        kinds[_second_of_pairs()] |= COMPOSES
    first = int(np.flatnonzero(kinds & (COMPOSES | LOWERS | READS_ALL))[0])
    return Table(kinds, becomes, np.array(rest, np.uint32), first, widest)


def blank_table() -> Table:
    """The table of texts whose tokens stand one blank apart."""
    kinds = np.full(_POINTS, LETTER, np.uint8)
    kinds[ord(" ")] = BLANK
    return Table(kinds, np.arange(_POINTS, dtype=np.uint32), np.empty(0, np.uint32), _POINTS, 4)


def _read_mathematics(char: str) -> tuple[int, str]:
    lowered = char.lower()
    flags = MARK * (char in ".,")
    if unicodedata.combining(char) or unicodedata.normalize("NFC", char) != char:
        flags |= COMPOSES
    if len(lowered) > 1 or char == "Σ":
        flags |= LOWERS
    if char.isspace() or char in _PROSE:
        return BLANK | flags, char
    if char == "\\":
        return BACKSLASH, char
    if not lowered.isalnum() or _IDEOGRAPH.match(char):
        return ALONE | flags, lowered
    return (DIGIT if char.isdecimal() else LETTER) | flags, lowered


def _read_words(char: str) -> tuple[int, str]:
    written = strip_diacritics(char).lower()
    flags = _depends_on_others(char, written)
    alone = _IDEOGRAPH.match(unicodedata.normalize("NFC", char)) is not None
    if not written:
        return (BLANK if alone else NOTHING) | flags, written
    inside = {one.isalnum() or one == "_" for one in written}
    if len(inside) > 1:
        flags |= READS_ALL
    return (BLANK if inside == {False} else ALONE if alone else LETTER) | flags, written


def _read_datatrove(char: str) -> tuple[int, str]:
    lowered = char.lower()
    written = strip_diacritics(lowered)
    flags = _depends_on_others(char, written) | MARK * (char in _DECIMAL_MARKS)
    if char.isdecimal():
        return DIGIT | flags, "0"
    if ord(char) in _BLANKED or char.isspace():
        return BLANK | flags, char
    return (LETTER if written else NOTHING) | flags, written


def _depends_on_others(char: str, written: str) -> int:
    """The flag of a sigma, whose small letter is another at the end of a word, or of marks that change places."""
    if any(map(unicodedata.combining, written)):
        return READS_ALL
    return LOWERS * ("Σ" in unicodedata.normalize("NFD", char))


def _second_of_pairs() -> list[int]:
    """What can merge with the code point before it."""
    pairs = (unicodedata.decomposition(chr(point)).split() for point in _NAMED)
    found = {int(pair[1], 16) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return [*found, *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]  # and the letters of Korean syllables


_READERS: dict[Normalisation, Callable[[str], tuple[int, str]]] = {
    "keep_mathematics": _read_mathematics,
    "words": _read_words,
    "datatrove": _read_datatrove,
}
