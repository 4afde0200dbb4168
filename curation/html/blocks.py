"""A page -> its blocks, with its formulas taken out: the passes before anything is chosen.

Example: ``read(b"<p>Let <math>…</math> be").rows`` has one row, whose text holds the mark of formula 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.html import tags
from curation.html.characters import WINDOWS
from curation.html.code_language import language_in
from curation.html.columns import FIRST, LAST
from curation.html.formulas import take_formulas
from curation.html.inline_text import KINDS
from curation.html.markers import Formulas
from curation.html.outline import outline
from curation.html.scan import END, tokens

_TAGS_BEFORE_CODE = 6
_ENDED = re.compile(r"</(?:pre|code|div|p|h[1-6]|li)\b", re.IGNORECASE)
_DELIMITERS = (b"\\(", b"\\[")
MAX_SCRIPT_BYTES = 60_000


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one page; arrays as `outline` gives them."""

    source: bytes
    tokens: Any
    formulas: Formulas
    out: bytes
    rows: NDArray[np.int32]
    bits: NDArray[np.uint64]
    said: NDArray[np.uint64]
    parents: NDArray[np.int32]
    element_tags: NDArray[np.uint8]
    element_bits: NDArray[np.uint64]
    too_deep: bool

    def text(self, number: int) -> str:
        """The text of one block, formulas as marks."""
        row = self.rows[number]
        return self.out[row[FIRST] : row[LAST]].decode("utf-8", "replace")

    def scripts(self) -> str:
        """The script tags of the page and what is in them, but for large ones, which are programs."""
        kind, names, starts, ends, _, _ = self.tokens
        of_scripts = np.flatnonzero((names == tags.TAGS["script"]) & (kind != END) & (ends - starts < MAX_SCRIPT_BYTES))
        return "\n".join(self.source[starts[i] : ends[i]].decode("utf-8", "replace") for i in of_scripts.tolist())

    def language_of(self, token: int) -> str:
        """The programming language that the tags before a token name."""
        _, _, starts, ends, _, _ = self.tokens
        start = starts[max(0, token - _TAGS_BEFORE_CODE)]
        tags_before = self.source[start : ends[min(token, ends.size - 1)]][-2_000:].decode("utf-8", "replace")
        # What a block before it says is not said of this one.
        return language_in(_ENDED.split(tags_before)[-1])


def read(source: bytes, *, mathematics: bool = True) -> Blocks:
    """The blocks of a page in UTF-8 that holds none of the marks."""
    data = np.frombuffer(source, np.uint8)
    found = tokens(source, data)
    formulas = Formulas()
    reading = take_formulas(source, found, formulas, mathematics=mathematics)
    lengths = np.fromiter(map(len, formulas.tex), np.int32, len(formulas.tex))
    out, rows, bits, said, parents, element_tags, element_bits, too_deep = outline(
        data,
        found,
        reading.number,
        reading.until,
        lengths,
        tags.CATEGORY,
        (tags.ENTITY_TABLE, tags.TEXT_TABLE),
        KINDS,
        WINDOWS,
        len(formulas.tex) > 0 or any(sign in source for sign in _DELIMITERS),
    )
    return Blocks(
        source, found, formulas, out.tobytes(), rows, bits, said, parents, element_tags, element_bits, too_deep
    )
