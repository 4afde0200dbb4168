"""What every code point is to the quality statistics: one table of flags, looked up once for each character of a text.

Example: ``character_flags()[ord("é")] & LETTER`` is not 0. The classes are those by which spaCy's tokenizers of
European languages split words (their source: spaCy's ``lang/char_classes.py``; letters and icons are here Unicode's own
categories L and So, which differ from spaCy's lists in rare scripts and recent emoji only), and those of datatrove's
quality filters: ``SYMBOL`` is its ``PUNCTUATION_SET``, ``ENDER`` its ``TERMINAL_PUNCTUATION``, which is Unicode's
property ``Sentence_Terminal`` and a few signs more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.uint32]

LIMIT = 0x34000
"""Nothing beyond has a class: there are only unassigned, private and variation characters."""

SPACE, LETTER, LOWER, UPPER, DIGIT, QUOTE = (1 << bit for bit in range(6))
OPENS, CLOSES, BEFORE_STOP, ICON, SYMBOL, ALPHABETIC = (1 << bit for bit in range(6, 12))
ENDER, PUNCTUATION, CURRENCY, UNIT, HOST, BREAK, HYPHEN, MAYBE_INSIDE = (1 << bit for bit in range(12, 20))
FIRST_RULE = 20
"""Bits from here on say of which rule for marks inside words a character is a mark (at most 12 rules)."""

CLASSES = {"letter": LETTER, "lower": LOWER, "upper": UPPER, "digit": DIGIT, "quote": QUOTE, "hyphen": HYPHEN}
"""What a language entry may call the neighbours of a mark."""

_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_MARKS = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_OPENING = "§%=—–"
_CURRENCIES = "$£€¥฿₽﷼₭﷼" + "".join(map(chr, range(0x20A0, 0x20C0)))
_UNITS = "mgtTGMK%мгم"
_NO_LETTERS = "ªµº"  # of those that are letters to Unicode and frequent
_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
# Scripts without case: their letters and marks count as lowercase and as uppercase.
# fmt: off
_UNCASED = (
    (0x0591, 0x05F4), (0x0620, 0x064A), (0x066E, 0x06D5), (0x06E5, 0x06FF), (0x0750, 0x077F), (0x08A0, 0x08BD),
    (0x0900, 0x097F), (0x0980, 0x09FF), (0x0B80, 0x0CFF), (0x0D80, 0x0DFF), (0x1100, 0x137F), (0x2E80, 0x30FF),
    (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFB1D, 0xFDFB),
    (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x1F200, 0x1F2FF), (0x20000, 0x2FA1F),
)
# Unicode's Sentence_Terminal, and the Balinese, Khmer and Sundanese signs of the same use, as code points and ranges.
_ENDERS = (
    0x21, 0x2E, 0x3F, 0x589, (0x61D, 0x61F), 0x6D4, (0x700, 0x702), 0x7F9, 0x837, 0x839, (0x83D, 0x83E), (0x964, 0x965),
    (0x104A, 0x104B), 0x1362, (0x1367, 0x1368), 0x166E, (0x1735, 0x1736), (0x17D4, 0x17D6), (0x17D9, 0x17DA), 0x1803,
    0x1809, (0x1944, 0x1945), (0x1AA8, 0x1AAB), (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F), (0x1B7D, 0x1B7E), (0x1C3B, 0x1C3C),
    (0x1C7E, 0x1C7F), (0x203C, 0x203D), (0x2047, 0x2049), 0x2E2E, 0x2E3C, (0x2E53, 0x2E54), 0x3002, 0xA4FF,
    (0xA60E, 0xA60F), 0xA6F3, 0xA6F7, (0xA876, 0xA877), (0xA8CE, 0xA8CF), 0xA92F, (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F),
    (0xAAF0, 0xAAF1), 0xABEB, 0xFE52, (0xFE56, 0xFE57), 0xFF01, 0xFF0E, 0xFF1F, 0xFF61, (0x10A56, 0x10A57),
    (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x11047, 0x11048), (0x110BE, 0x110C1), (0x11141, 0x11143),
    (0x111C5, 0x111C6), 0x111CD, (0x111DE, 0x111DF), (0x11238, 0x11239), (0x1123B, 0x1123C), 0x112A9,
    (0x1144B, 0x1144C), (0x115C2, 0x115C3), (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E),
    0x11944, 0x11946, (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42), (0x11EF7, 0x11EF8),
    (0x11F43, 0x11F44), (0x16A6E, 0x16A6F), 0x16AF5, (0x16B37, 0x16B38), 0x16B44, 0x16E98, 0x1BC9F, 0x1DA88,
)
# fmt: on
_SYMBOLS = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, range(9)))
    + "".join(map(chr, range(11, 13)))
    + "".join(map(chr, range(13, 32)))
    + "".join(map(chr, range(127, 160)))
)


@cache
def character_flags() -> Flags:
    """The flags of the code points below `LIMIT`, and 0 for all others in one last place, (LIMIT + 1,)."""
    flags = np.zeros(LIMIT + 1, np.uint32)
    for start in range(0, LIMIT, 0x1000):
        chars = [chr(point) for point in range(start, start + 0x1000)]
        flags[start : start + 0x1000] = [_by_property(char) for char in chars]
    for first, last in _UNCASED:
        flags[first : last + 1] |= LETTER | LOWER | UPPER | BEFORE_STOP
    for point in range(ord("0"), ord("9") + 1):
        flags[point] |= DIGIT
    _mark(flags, _QUOTES, QUOTE | OPENS | CLOSES | BEFORE_STOP)
    _mark(flags, _MARKS, OPENS | CLOSES | BEFORE_STOP)
    _mark(flags, "|%²-+", BEFORE_STOP)
    _mark(flags, _OPENING, OPENS)
    _mark(flags, "—–", CLOSES)
    _mark(flags, _CURRENCIES, OPENS | CURRENCY)
    _mark(flags, _UNITS, UNIT)
    _mark(flags, _BREAKS, BREAK)
    _mark(flags, "-", HYPHEN)
    _mark(flags, _SYMBOLS, SYMBOL)
    _mark(flags, "….", MAYBE_INSIDE)
    for found in _ENDERS:
        first, last = (found, found) if isinstance(found, int) else found
        flags[first : last + 1] |= ENDER | SYMBOL
    return flags


def flags_with(marks: dict[str, int]) -> Flags:
    """A copy of the table with flags added to characters, such as those of a language's rules."""
    flags = character_flags().copy()
    for chars, bits in marks.items():
        _mark(flags, chars, bits)
    return flags


def _mark(flags: Flags, chars: Iterable[str], bits: int) -> None:
    for char in chars:
        flags[ord(char)] |= np.uint32(bits)


def _by_property(char: str) -> int:
    category = unicodedata.category(char)
    bits = SPACE if char.isspace() else 0
    if char.isalpha():
        bits |= ALPHABETIC
    if char.isalpha() and char not in _NO_LETTERS:
        bits |= LETTER
        bits |= LOWER | BEFORE_STOP if char.islower() else UPPER if char.isupper() else 0
    if category == "So":
        bits |= ICON | OPENS | CLOSES | MAYBE_INSIDE
    if category[0] == "P":
        bits |= PUNCTUATION
    if (char.isascii() and char.isalnum()) or "\u00a1" <= char <= "\uffff":
        bits |= HOST
    return bits
