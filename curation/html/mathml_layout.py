r"""MathML's fractions, roots, fences, enclosures and tables as TeX.

Example: ``LAYOUTS["mfrac"]([Node("1"), Node("n")], "")`` is ``\frac{1}{n}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from curation.html.mathml_attributes import attribute, number
from curation.html.mathml_node import ATOP, EMPTY, GROUP, TABLE, Node
from curation.html.mathml_rows import row
from curation.html.mathml_scripts import (
    arguments,
    both_scripts,
    multiscripts,
    over,
    subscript,
    superscript,
    under,
    under_over,
)
from curation.html.mathml_signs import restyled, variant_of
from curation.html.mathml_tables import Cell, Row, Table, cell
from curation.html.mathml_tokens import operator

Nodes = list[Node]

# KaTeX's empty columns left and right of an equation and its number.
_GLUE = re.compile(r"mtr-glue|mml-eqn-num")
GLUE = Node("")
_CELL = "cell"
_ROW = "row"
_ENCLOSURES = {
    "updiagonalstrike": "\\cancel{%s}",
    "downdiagonalstrike": "\\bcancel{%s}",
    "horizontalstrike": "\\sout{%s}",
    "box": "\\boxed{%s}",
    "roundedbox": "\\boxed{%s}",
    "top": "\\overline{%s}",
    "bottom": "\\underline{%s}",
    "radical": "\\sqrt{%s}",
    "phasorangle": "\\angle \\underline{%s}",
    "longdiv": "\\overline{)%s}",
    "actuarial": "\\overline{%s|}",
    "left": "|%s",
    "right": "%s|",
}
_SIDES = {"top", "bottom", "left", "right"}
_STRIKES = {"updiagonalstrike", "downdiagonalstrike"}


def group(nodes: Nodes, attributes: str) -> Node:
    """``mrow`` and what only changes the look; ``mstyle`` may ask for an alphabet."""
    node = row(nodes) if nodes else EMPTY
    command = variant_of(attributes) if attributes else ""
    return restyled(node, command) if command and node.tex else node


def _fraction(nodes: Nodes, attributes: str) -> Node:
    top, bottom = arguments(nodes, 2)
    if attributes:
        if number(attribute(attributes, "linethickness") or "") == 0:
            return Node(f"{{{top.tex} \\atop {bottom.tex}}}", ATOP, tall=True, parts=(top.tex, bottom.tex))
        if attribute(attributes, "bevelled") == "true" and GROUP not in (top.kind, bottom.kind):
            return row([top, Node("/"), bottom])
    return Node(f"\\frac{{{top.tex}}}{{{bottom.tex}}}", tall=True)


def _square_root(nodes: Nodes, attributes: str) -> Node:
    inside = row(nodes) if nodes else EMPTY
    return Node(f"\\sqrt{{{inside.tex}}}", tall=inside.tall)


def _root(nodes: Nodes, attributes: str) -> Node:
    radicand, index = arguments(nodes, 2)
    degree = f"{{{index.tex}}}" if "]" in index.tex else index.tex
    return Node(f"\\sqrt{f'[{degree}]' if degree else ''}{{{radicand.tex}}}", tall=radicand.tall)


def _fenced(nodes: Nodes, attributes: str) -> Node:
    left, right, marks = (
        default if value is None else value.strip()
        for name, default in (("open", "("), ("close", ")"), ("separators", ","))
        for value in [attribute(attributes, name)]
    )
    marks = "".join(marks.split())
    inside = nodes[:1]
    for place, node in enumerate(nodes[1:]):
        if marks:
            inside.append(operator(marks[min(place, len(marks) - 1)], ""))
        inside.append(node)
    opening, closing = operator(left, ' form="prefix"'), operator(right, ' form="postfix"')
    return row([opening, row(inside) if inside else EMPTY, closing])


def _enclosed(nodes: Nodes, attributes: str) -> Node:
    inside = row(nodes) if nodes else EMPTY
    kinds = dict.fromkeys((attribute(attributes, "notation") or "longdiv").split())
    tex = inside.tex
    if kinds.keys() >= _STRIKES:
        tex, kinds = f"\\xcancel{{{tex}}}", {kind: None for kind in kinds if kind not in _STRIKES}
    if kinds.keys() >= _SIDES:
        kinds = {"box": None}
    for kind in kinds:
        tex = _ENCLOSURES.get(kind, "%s").replace("%s", tex)
    return inside if tex == inside.tex else Node(tex, tall=inside.tall)


def _action(nodes: Nodes, attributes: str) -> Node:
    chosen = attribute(attributes, "selection") or "1"
    place = int(chosen) - 1 if chosen.isascii() and chosen.isdigit() and len(chosen) < 6 else 0
    return nodes[min(max(place, 0), len(nodes) - 1)] if nodes else EMPTY


def _cell(nodes: Nodes, attributes: str) -> Node:
    if not nodes and "class" in attributes and _GLUE.search(attributes):
        return GLUE
    inside = row(nodes) if nodes else EMPTY
    return Node(inside.tex, _CELL, inside.after, tall=inside.tall, parts=cell(inside.tex, attributes))


def _row(nodes: Nodes, attributes: str) -> Node:
    cells = [node.parts if isinstance(node.parts, Cell) else Cell(node.tex) for node in nodes if node is not GLUE]
    align = attribute(attributes, "columnalign") or "" if attributes else ""
    return Node(" ".join(each.tex for each in cells), _ROW, parts=Row(cells, align))


def _labelled_row(nodes: Nodes, attributes: str) -> Node:
    whole = _row(nodes[1:], attributes)
    if nodes and isinstance(whole.parts, Row):
        whole.parts = whole.parts._replace(label=nodes[0].tex)
    return whole


def _table(nodes: Nodes, attributes: str) -> Node:
    rows = [node.parts if isinstance(node.parts, Row) else Row([Cell(node.tex)]) for node in nodes]
    table = Table(rows, attributes)
    return Node(table.tex, TABLE, tall=True, parts=table)


LAYOUTS: dict[str, Callable[[Nodes, str], Node]] = {
    "maction": _action,
    "math": group,
    "menclose": _enclosed,
    "merror": group,
    "mfenced": _fenced,
    "mfrac": _fraction,
    "mlabeledtr": _labelled_row,
    "mmultiscripts": multiscripts,
    "mover": over,
    "mpadded": group,
    "mroot": _root,
    "mrow": group,
    "msqrt": _square_root,
    "mstyle": group,
    "msub": subscript,
    "msubsup": both_scripts,
    "msup": superscript,
    "mtable": _table,
    "mtd": _cell,
    "mtr": _row,
    "munder": under,
    "munderover": under_over,
}
