r"""Elements side by side: fences find their partners, and grow around what is tall.

Example: a row of ``(``, a fraction and ``)`` is ``\left( \frac{a}{b} \right)``; a table between the same two is a
``pmatrix``, one after a lone brace ``cases``, a fraction without its line ``\binom{n}{k}``.
"""

from __future__ import annotations

from curation.html.mathml_node import (
    ANYTHING,
    APPLY,
    ATOM,
    ATOP,
    BAR,
    BIG,
    CLOSE,
    EMPTY,
    FENCED,
    FUNCTION,
    GROUP,
    OPEN,
    OPERAND,
    OPERATOR,
    SPACE,
    TABLE,
    Node,
    command_of,
    join,
    letters_of,
)
from curation.html.mathml_tables import Table

_MATRICES = {"()": "p", "[]": "b", "||": "v", "\\|\\|": "V", "\\{\\}": "B"}
_ARRANGED = frozenset({APPLY, BAR, CLOSE, OPEN, SPACE})
_PUNCTUATION = frozenset({"+", "-", "−", "=", "<", ">", ",", ";", ":", "/"})


def row(nodes: list[Node]) -> Node:
    """Several elements side by side as one."""
    if len(nodes) == 1:
        return nodes[0]
    kinds = [node.kind for node in nodes]
    if _ARRANGED.isdisjoint(kinds):
        return join(nodes)
    # Fences around what is not tall stay as they are; only a pair around all of it is worth knowing.
    if kinds[0] not in _ARRANGED and kinds[-1] != SPACE and APPLY not in kinds and not any(node.tall for node in nodes):
        return join(nodes)
    arranged, fenced = _arranged(nodes)
    whole = join(arranged)
    if fenced and whole.kind == GROUP:
        return Node(whole.tex, FENCED, whole.after, tall=whole.tall)
    return whole


class _Opened:
    """A fence that waits for its partner: where it stands, and whether what follows is tall."""

    __slots__ = ("index", "tall")

    def __init__(self, index: int) -> None:
        self.index = index
        self.tall = False


def _arranged(nodes: list[Node]) -> tuple[list[Node], bool]:
    """``nodes`` with fences paired, and whether one pair of fences encloses them all."""
    out: list[Node] = []
    opened: list[_Opened] = []
    fenced = False
    nodes = _without_outer_spaces(nodes)
    for position, node in enumerate(nodes):
        kind = node.kind
        if kind == BAR:
            kind = _bar_side(nodes, position, out, opened)
        fenced = False
        if kind == OPEN:
            opened.append(_Opened(len(out)))
            out.append(node)
        elif kind == CLOSE:
            fenced = _close(out, opened, node)
        elif kind == APPLY:
            _apply(out)
        else:
            out.append(node)
        if node.tall and opened:
            opened[-1].tall = True
    for fence in opened:
        _open_alone(out, fence.index)
    return out, fenced


def _without_outer_spaces(nodes: list[Node]) -> list[Node]:
    start, end = 0, len(nodes)
    while start < end and nodes[start].kind == SPACE:
        start += 1
    while end > start and nodes[end - 1].kind == SPACE:
        end -= 1
    return nodes[start:end]


def _bar_side(nodes: list[Node], position: int, out: list[Node], opened: list[_Opened]) -> str:
    """Whether a bar opens, closes, or stands between (``P(A|B)``)."""
    last = out[-1] if out else EMPTY
    if (
        opened
        and out[opened[-1].index].kind == BAR
        and command_of(out[opened[-1].index]) == command_of(nodes[position])
    ):
        return OPEN if last.kind == OPERATOR or last is out[opened[-1].index] else CLOSE
    before_table = position + 1 < len(nodes) and nodes[position + 1].kind == TABLE
    if before_table or not out or last.kind in (OPERATOR, OPEN, BIG, FUNCTION) or last.raw in _PUNCTUATION:
        return OPEN
    return BAR


def _close(out: list[Node], opened: list[_Opened], node: Node) -> bool:
    """Pairs the closing ``node`` with its opening fence; whether the pair encloses all of ``out``."""
    if not opened:
        _close_alone(out, node)
        return False
    fence = opened.pop()
    opening, inside = out[fence.index], out[fence.index + 1 : fence.index + 3]
    if len(inside) == 1 and inside[0].kind in (TABLE, ATOP):
        out[fence.index :] = [_enclosed(opening, inside[0], node)]
        return fence.index == 0
    if fence.tall and opening.stretchy and node.stretchy:
        out[fence.index] = Node(_left(opening), ATOM, ANYTHING)
        out.append(Node(_right(node), OPERATOR, node.after, parts=node.parts))
    else:
        out.append(node)
    if fence.tall and opened:
        opened[-1].tall = True
    return fence.index == 0


def _left(node: Node | None) -> str:
    return "\\left" + ((node and command_of(node)) or ".")


def _right(node: Node | None) -> str:
    return "\\right" + ((node and command_of(node)) or ".") + (letters_of(node) if node else "")


def _enclosed(opening: Node | None, inside: Node, closing: Node | None) -> Node:
    """A table or a fraction without line within its fences, as TeX has a name for it."""
    fences = (command_of(opening) if opening else "") + (command_of(closing) if closing else "")
    tex, suffix, table = inside.tex, letters_of(closing) if closing else "", inside.parts
    if isinstance(table, Table):
        if fences in _MATRICES and table.matrix:
            return Node(table.environment(_MATRICES[fences] + "matrix") + suffix, ATOM, tall=True)
        if fences == "\\{" and table.columns <= 2 and not table.aligned:
            return Node(table.environment("cases"), ATOM, tall=True)
        tex = table.tex
    elif fences == "()" and isinstance(table, tuple):
        return Node(f"\\binom{{{table[0]}}}{{{table[1]}}}{suffix}", ATOM, tall=True)
    return Node(f"{_left(opening)} {tex} {_right(closing)}", ATOM, tall=True)


def _open_alone(out: list[Node], index: int) -> None:
    if index + 1 < len(out) and out[index + 1].kind == TABLE and command_of(out[index]):
        out[index + 1] = _enclosed(out[index], out[index + 1], None)
        out[index] = EMPTY


def _close_alone(out: list[Node], node: Node) -> None:
    if out and out[-1].kind == TABLE and command_of(node):
        out[-1] = _enclosed(None, out[-1], node)
    else:
        out.append(node)


def function_name(node: Node) -> Node | None:
    r"""A word as the name of a function (``\\operatorname``), None for anything else."""
    if len(node.raw) < 2 or not node.tex.startswith("\\mathrm{"):
        return None
    return Node("\\operatorname{" + node.tex[8:], FUNCTION, OPERAND, raw=node.raw)


def _apply(out: list[Node]) -> None:
    """A word before the sign of application is a function's name."""
    name = function_name(out[-1]) if out else None
    if name:
        out[-1] = name
