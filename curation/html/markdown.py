"""Blocks -> Markdown-like text: headings, lists, tables, quotations, code with its language.

Example: the blocks of ``<h2>Limits</h2><ol><li>a<li>b</ol>`` become ``## Limits``, an empty line, ``1. a``, ``2. b``.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from curation.html import tags
from curation.html.blocks import Blocks
from curation.html.columns import BULLET, CELLS, FIRST, LAST, LEVEL, LIST, NO_ITEM, ORDINAL, QUOTE, TABLE, TOKEN
from curation.html.markers import CODE_CLOSE, CODE_OPEN, PRE_CLOSE, PRE_OPEN

_LINES = re.compile(r"\s*\n\s*")
_TEX_SIGNS = re.compile(r"\\[(\[]|\$")
_CODE_MARKS = re.compile(f"{CODE_OPEN}[ \n]*{CODE_CLOSE}")
_BLANK_LINES = re.compile(r"\n{3,}")
MAX_INDENT = 6


def write(blocks: Blocks, kept: NDArray[np.int64]) -> str:
    """The text of the kept blocks, whose numbers ascend; formulas and code still as marks."""
    pieces: list[str] = []
    table, before, first = 0, "", False
    for row, bits in zip(blocks.rows[kept].tolist(), blocks.bits[kept].tolist(), strict=True):
        text = blocks.out[row[FIRST] : row[LAST]].decode("utf-8", "replace")
        kind = "text"
        if bits & tags.IN_PRE:
            text, kind = _code(text, blocks.language_of(row[TOKEN])), "code"
        elif row[CELLS]:
            first = table != row[TABLE]
            text, kind = _row(text, first, row[CELLS] + 1), "row"
        elif row[LEVEL]:
            text, kind = f"{'#' * row[LEVEL]} {_LINES.sub(' ', text)}", "heading"
        elif row[LIST] and row[ORDINAL] != NO_ITEM:
            text, kind = _item(text, row), "item"
        table = row[TABLE] if kind == "row" else 0
        if row[QUOTE] and kind != "row":
            text = "\n".join(f"{'> ' * min(row[QUOTE], MAX_INDENT)}{line}" for line in text.split("\n"))
        close = (kind == before == "item") or (kind == before == "row" and not first)
        pieces += ("\n" if close else "\n\n", text)
        before = kind
    return "".join(pieces).strip()


def _item(text: str, row: list[int]) -> str:
    indent = "  " * min(row[LIST] - 1, MAX_INDENT)
    ordinal = row[ORDINAL]
    return f"{indent}{'-' if ordinal == BULLET else f'{ordinal}.'} {text}"


def _row(text: str, first: bool, count: int) -> str:
    cells = [_LINES.sub(" ", cell).strip() for cell in text.split("\t")]
    cells += [""] * (count - len(cells))  # empty ones at the end
    # A bar would end the cell; in TeX ``\|`` is another sign, so formulas keep theirs.
    cells = [cell if _TEX_SIGNS.search(cell) else cell.replace("|", "\\|") for cell in cells]
    line = f"| {' | '.join(cells)} |"
    return f"{line}\n|{' --- |' * len(cells)}" if first else line


def _code(text: str, language: str) -> str:
    fence = "````" if "```" in text else "```"
    text = text.strip("\n").rstrip()
    return f"{fence}{language}\n{PRE_OPEN}{text}{PRE_CLOSE}\n{fence}"


def finish(text: str) -> str:
    """``text`` with its marks for code written as Markdown."""
    # One of a pair may have gone into a formula that runs into the code.
    if PRE_OPEN in text or PRE_CLOSE in text:
        text = text.replace(PRE_OPEN, "").replace(PRE_CLOSE, "")
    if CODE_OPEN in text or CODE_CLOSE in text:
        text = _CODE_MARKS.sub("", text).replace(CODE_OPEN, "`").replace(CODE_CLOSE, "`")
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip()
