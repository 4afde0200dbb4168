r"""A text as a list of words: the tokens of decontamination and of the ``words`` normalisation of MinHash.

Example: ``tokenise(r"Naïve: 3.5 \frac{a}{b}")`` is ``['naive', '3', '5', 'frac', 'a', 'b']``. Numbers stay as they are:
two exercises that differ only in their numbers are two exercises.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")


def strip_diacritics(text: str) -> str:
    """``text`` decomposed (NFD) without its non-spacing marks (category Mn): ``é`` becomes ``e``."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")


def tokenise(text: str) -> list[str]:
    r"""The lowercased ``\w+`` runs of ``text`` without diacritics.

    Source: ``tokenize`` in cosmopedia's ``decontamination/decontaminate.py``, which FineMath's report follows.
    """
    return _WORD.findall(strip_diacritics(text).lower())
