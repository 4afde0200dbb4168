"""Blocks -> Markdown-like text: headings, lists, tables, quotations, code with its language.

Example: the blocks of ``<h2>Limits</h2><ol><li>a<li>b</ol>`` become ``## Limits``, an empty line, ``1. a``, ``2. b``.
"""

from __future__ import annotations

import re
from typing import Any

from curation.html import tags
from curation.html.markers import CODE_CLOSE, CODE_OPEN, PRE_CLOSE, PRE_OPEN
from curation.html.outline import BULLET, CELLS, FIRST, LAST, LEVEL, LIST, NO_ITEM, ORDINAL, QUOTE, TABLE, TOKEN

_LANGUAGE = re.compile(
    r"(?:\b(?:language|lang|highlight|brush|sourceCode)(?:-|:\s*|\s+)(?:source-)?|data-lang(?:uage)?=[\"']?)([a-zA-Z][\w+#]{0,15})"
)
_NO_LANGUAGES = frozenset(
    ["notranslate", "text", "none", "default", "plain", "plaintext", "nohighlight", "math", "source", "code", "block"]
)
_LINES = re.compile(r"\s*\n\s*")
_CODE_MARKS = re.compile(f"{CODE_OPEN}[ \n]*{CODE_CLOSE}")
_BLANK_LINES = re.compile(r"\n{3,}")
MAX_INDENT = 6


def write(out: bytes, rows: list[list[int]], bits: list[int], kept: list[int], language_of: Any) -> str:
    """The text of the kept blocks.

    Args:
        out: the texts of all blocks.
        rows: the columns of each block, see `outline`.
        bits: the bits of each block.
        kept: numbers of blocks, ascending.
        language_of: a function from the token of a block to the language of its code, or ``""``.
    """
    pieces: list[str] = []
    table, before = 0, ""
    for number in kept:
        row = rows[number]
        text = out[row[FIRST] : row[LAST]].decode("utf-8", "replace")
        kind = "text"
        if bits[number] & tags.IN_PRE:
            text, kind = _code(text, language_of(row[TOKEN])), "code"
        elif row[CELLS]:
            first = table != row[TABLE]
            text, kind = _row(text, first), "row"
        elif row[LEVEL]:
            text, kind = f"{'#' * row[LEVEL]} {_LINES.sub(' ', text)}", "heading"
        elif row[LIST]:
            text, kind = _item(text, row), "item" if row[ORDINAL] != NO_ITEM else "text"
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
    if ordinal == NO_ITEM:
        return text
    return f"{indent}{'-' if ordinal == BULLET else f'{ordinal}.'} {text}"


def _row(text: str, first: bool) -> str:
    cells = [_LINES.sub(" ", cell).strip().replace("|", "\\|") for cell in text.split("\t")]
    line = f"| {' | '.join(cells)} |"
    return f"{line}\n|{' --- |' * len(cells)}" if first else line


def _code(text: str, language: str) -> str:
    text = text.strip("\n").rstrip()
    if "\n" not in text:
        return f"{PRE_OPEN}{text}{PRE_CLOSE}"
    return f"```{language}\n{PRE_OPEN}{text}{PRE_CLOSE}\n```"


def language_in(source: str) -> str:
    """The language that the tags around a piece of code name: ``class="language-python"``."""
    for found in _LANGUAGE.finditer(source):
        if found[1].lower() not in _NO_LANGUAGES:
            return found[1].lower()
    return ""


def finish(text: str) -> str:
    """``text`` with its marks for code written as Markdown."""
    text = text.replace(PRE_OPEN, "").replace(PRE_CLOSE, "")
    if CODE_OPEN in text:
        text = _CODE_MARKS.sub("", text).replace(CODE_OPEN, "`").replace(CODE_CLOSE, "`")
    return _BLANK_LINES.sub("\n\n", text).strip()
