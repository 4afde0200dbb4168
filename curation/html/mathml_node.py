r"""What a MathML element has become: its TeX with what its neighbours must know of it, and several of them in a row.

Example: ``join([Node("\\alpha", after=LETTER), Node("x")])`` is ``\alpha x``.
"""

from __future__ import annotations

from typing import Final

# What a node is. ATOM and FENCED take a script without braces; GROUP is several things side by side.
ATOM: Final = "atom"
APPLY: Final = "apply"  # U+2061, function application: invisible
ATOP: Final = "atop"  # a fraction without its line
BAR: Final = "bar"
BIG: Final = "big"
CLOSE: Final = "close"
FENCED: Final = "fenced"
FONT: Final = "font"  # \mathrm{d}: two of one alphabet side by side become one
FUNCTION: Final = "function"
GROUP: Final = "group"
LIMITED: Final = "limited"  # what takes limits, with scripts already: a sum, a brace with its label
OPEN: Final = "open"
OPERATOR: Final = "operator"
SCRIPTED: Final = "scripted"
SPACE: Final = "space"
TABLE: Final = "table"

# What must be kept from a node's end by a space.
ANYTHING: Final = "anything"
DIGIT: Final = "digit"
LETTER: Final = "letter"
OPERAND: Final = "operand"

_UNSCRIPTED = "'^_"


class Node:
    """TeX of one element.

    ``after`` is what may not follow directly, ``tall`` whether fences around it grow, ``raw`` the source characters of
    a token (accents are told by them), ``parts`` what else the parent may need: the table, the letters in an alphabet,
    the marks of the scripts.
    """

    __slots__ = ("after", "kind", "parts", "raw", "stretchy", "tall", "tex")

    def __init__(
        self,
        tex: str,
        kind: str = ATOM,
        after: str = "",
        *,
        tall: bool = False,
        stretchy: bool = False,
        raw: str = "",
        parts: object = None,
    ) -> None:
        self.tex = tex
        self.kind = kind
        self.after = after
        self.tall = tall
        self.stretchy = stretchy
        self.raw = raw
        self.parts = parts


EMPTY: Final = Node("")


def join(nodes: list[Node]) -> Node:
    """The nodes' TeX one after the other, spaces only where TeX or a reader needs them."""
    out: list[str] = []
    after, tall, last, visible = "", False, EMPTY, 0
    for node in nodes:
        tex = node.tex
        if not tex:
            continue
        visible += 1
        tall = tall or node.tall
        if node.kind == FONT and last.kind == FONT and command_of(node) == command_of(last):
            out[-1:] = [*letters_of(node), "}"]
        else:
            if out and (after or node.kind == OPERATOR or tex[0] in _UNSCRIPTED):
                out.append(_between(last, after, node))
            out += (tex[:-1], "}") if node.kind == FONT else (tex,)
        last, after = node, node.after
    if visible <= 1:
        return last
    return Node("".join(out), GROUP, after, tall=tall)


def command_of(node: Node) -> str:
    """The command of a letter's alphabet, or the delimiter of a fence."""
    return node.parts[0] if isinstance(node.parts, tuple) else ""


def letters_of(node: Node) -> str:
    """The letters in an alphabet, or the scripts of a fence."""
    return node.parts[1] if isinstance(node.parts, tuple) else ""


def _between(last: Node, after: str, node: Node) -> str:
    """What stands between two neighbours: nothing, a space, or an empty group that keeps scripts apart."""
    tex = node.tex
    if after and _clashes(after, tex):
        return " "
    if node.kind == OPERATOR and tex[0] == "\\":
        return " "
    if tex[0] in _UNSCRIPTED and last.kind in (SCRIPTED, LIMITED, CLOSE) and (tex[0] != "'" or "^" in marks_of(last)):
        return "{}"
    return ""


def _clashes(after: str, tex: str) -> bool:
    first = tex[0]
    if after == LETTER:
        return first.isalpha()
    if after == DIGIT:
        return first.isdigit()
    if after == OPERAND:
        return first.isalnum() or (first == "\\" and tex[1:2].isalpha() and not tex.startswith("\\left"))
    return True


def marks_of(node: Node) -> str:
    """Which of ``_`` and ``^`` (a prime is one) the node's TeX ends with."""
    if node.kind in (SCRIPTED, LIMITED) and isinstance(node.parts, str):
        return node.parts
    if node.kind == CLOSE and isinstance(node.parts, tuple):
        return node.parts[1]
    return ""
