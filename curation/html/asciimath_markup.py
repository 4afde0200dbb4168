r"""Parts of a formula of AsciiMath as MathML: signs, what takes arguments, and tables out of brackets in brackets.

Example: ``with_arguments(SYMBOLS["frac"], group("<mi>a</mi>"), group("<mi>b</mi>"))`` is
``<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>``.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import NamedTuple

from curation.html.asciimath_symbols import Symbol
from curation.html.asciimath_tokens import END


class Node(NamedTuple):
    """MathML of a part; of brackets (kind ``()``) also what they hold, and its cells between commas."""

    markup: str
    kind: str = ""
    inner: str | None = None
    cells: tuple[tuple[Node, ...], ...] = ()


def sign(text: str, form: str = "") -> str:
    """An operator; ``form`` are further attributes. Nothing for nothing."""
    return f"<mo{form}>{escape(text)}</mo>" if text else ""


def group(markup: str) -> str:
    """A group that shows nothing of itself."""
    return f"<mrow>{markup}</mrow>"


def kept(text: str) -> str:
    """``text`` with spaces at its ends that MathML does not drop."""
    start, end = text[:1].isspace(), text[-1:].isspace()
    return "\u00a0" * start + text.strip() + "\u00a0" * end


def stripped(node: Node) -> str:
    """A part without its own brackets: they only group it in a fraction, a script, under a root."""
    return node.markup if node.inner is None else node.inner


def with_argument(symbol: Symbol, argument: str) -> str:
    """A root, an accent, a fence or a stroke around what follows it."""
    kind, text = symbol.kind, symbol.text
    if kind == "enclosed":
        strike = ' notation="updiagonalstrike"'
        return f"<msqrt>{argument}</msqrt>" if text == "sqrt" else f"<menclose{strike}>{argument}</menclose>"
    if kind == "fenced":
        opening, closing = sign(text[0], ' fence="true" form="prefix"'), sign(text[1], ' fence="true" form="postfix"')
        return f"<mrow>{opening}{argument}{closing}</mrow>"
    if kind == "font":
        return argument
    name = "munder" if text in "_⏟" else "mover"
    return f"<{name}>{argument}<mo>{text}</mo></{name}>"


def with_arguments(symbol: Symbol, first: str, second: str) -> str:
    """A fraction, a root with its index, or one thing set above or below another."""
    if symbol.text in ("root", "stackrel", "overset", "underset"):
        name = {"root": "mroot", "underset": "munder"}.get(symbol.text, "mover")
        return f"<{name}>{second}{first}</{name}>"
    return f"<mfrac>{first}{second}</mfrac>" if symbol.text == "frac" else second


def cells_of(nodes: list[Node]) -> tuple[tuple[Node, ...], ...]:
    """Parts between commas."""
    cells: list[list[Node]] = [[]]
    for node in nodes:
        if node.kind == ",":
            cells.append([])
        else:
            cells[-1].append(node)
    return tuple(map(tuple, cells))


def table_of(rows: tuple[tuple[Node, ...], ...], left: Symbol, right: Symbol) -> str:
    """``[[a,b],[c,d]]``: brackets of one kind with as many cells each are rows; empty if they are none."""
    kinds = {row[0].kind if len(row) == 1 else "" for row in rows}
    if right is END or not (kinds == {"[]"} or (kinds == {"()"} and right.text != "}")):
        return ""
    table = [[cell for cell in row[0].cells if not _is_line(cell)] for row in rows]
    if len({len(row) for row in table}) != 1 or (len(table) == 1 and len(rows[0][0].cells) == 1):
        return ""
    cases = left.text == "{" and not right.text
    first = [*rows[0][0].cells, ()]
    lines = ["solid" if _is_line(after) else "none" for cell, after in pairwise(first) if not _is_line(cell)]
    attributes = ' columnalign="left"' if cases else f' columnlines="{" ".join(lines)}"' if "solid" in lines else ""
    return f"<mtable{attributes}>{''.join(_table_row(row, cases) for row in table)}</mtable>"


def _is_line(cell: tuple[Node, ...]) -> bool:
    return len(cell) == 1 and cell[0].kind == "∣"


def _table_row(row: list[tuple[Node, ...]], cases: bool) -> str:
    cells = ["".join(node.markup for node in cell) for cell in row]
    if cases:
        cells[1:] = ["".join(cells[1:])] if len(cells) > 1 else []
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>"
