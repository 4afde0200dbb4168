r"""MathML's scripts, limits and accents as TeX.

Example: ``superscript([Node("x"), Node("2")], "")`` is ``x^2``; a sum's ``munderover`` is ``\sum_{i=1}^n``, a letter
under an arrow ``\vec{v}``, an arrow under a letter ``\xrightarrow{f}``.
"""

from __future__ import annotations

from typing import Final

from curation.html.mathml_attributes import attribute
from curation.html.mathml_node import (
    ANYTHING,
    ATOM,
    BIG,
    CLOSE,
    DIGIT,
    EMPTY,
    FONT,
    FUNCTION,
    GROUP,
    LETTER,
    LIMITED,
    OPERAND,
    OPERATOR,
    SCRIPTED,
    SPACE,
    TABLE,
    Node,
    marks_of,
)
from curation.html.mathml_rows import function_name, row
from curation.html.mathml_tables import Table
from curation.html.symbols import ACCENTS, BARE_SCRIPTS, UNDER_ACCENTS

_ARROWS = {
    "\\to": "\\xrightarrow",
    "\\longrightarrow": "\\xrightarrow",
    "\\leftarrow": "\\xleftarrow",
    "\\longleftarrow": "\\xleftarrow",
    "\\leftrightarrow": "\\xleftrightarrow",
    "\\Rightarrow": "\\xRightarrow",
    "\\Longrightarrow": "\\xRightarrow",
    "\\Leftarrow": "\\xLeftarrow",
    "\\Leftrightarrow": "\\xLeftrightarrow",
    "\\mapsto": "\\xmapsto",
    "\\hookrightarrow": "\\xhookrightarrow",
    "\\rightleftharpoons": "\\xrightleftharpoons",
}
_BRACES = ("\\overbrace", "\\underbrace")
_LIMITS = {"\\overline": "\\varlimsup", "\\bar": "\\varlimsup", "\\underline": "\\varliminf"}
_TAKE_LIMITS = frozenset({BIG, FUNCTION, LIMITED})
_ARCS = frozenset("⌢⏜⁀")
# Stands in the place of ``mprescripts``; told by its identity.
PRESCRIPTS: Final = Node("")


def arguments(nodes: list[Node], count: int) -> list[Node]:
    """The first ``count`` nodes, filled up with empty ones; what is left over joins the last."""
    if len(nodes) == count:
        return nodes
    padded = nodes + [EMPTY] * (count - len(nodes))
    return [*padded[: count - 1], row(padded[count - 1 :])]


def subscript(nodes: list[Node], attributes: str) -> Node:
    """``msub``."""
    base, below = arguments(nodes, 2)
    return _scripted(base, below, EMPTY)


def superscript(nodes: list[Node], attributes: str) -> Node:
    """``msup``."""
    base, above = arguments(nodes, 2)
    return _scripted(base, EMPTY, above)


def both_scripts(nodes: list[Node], attributes: str) -> Node:
    """``msubsup``."""
    base, below, above = arguments(nodes, 3)
    return _scripted(base, below, above)


def multiscripts(nodes: list[Node], attributes: str) -> Node:
    """``mmultiscripts``: tensors and isotopes, ``{}_6^{14}C``."""
    split = next((place for place, node in enumerate(nodes) if node is PRESCRIPTS), len(nodes))
    base = nodes[0] if split else EMPTY
    first, *others = _pairs(nodes[1:split]) or [(EMPTY, EMPTY)]
    parts = [_scripted(EMPTY, *pair) for pair in _pairs(nodes[split + 1 :])]
    parts.append(_scripted(base, *first))
    parts += [_scripted(EMPTY, *pair) for pair in others]
    whole = row(parts)
    return whole if whole.kind != GROUP else Node(whole.tex, SCRIPTED, whole.after, tall=whole.tall, parts="_^")


def _pairs(nodes: list[Node]) -> list[tuple[Node, Node]]:
    return list(zip(nodes[::2], [*nodes[1::2], EMPTY], strict=False))


def _scripted(base: Node, below: Node, above: Node) -> Node:
    primes = above.tex if not above.tex.strip("'") else ""
    lower, after = _script("_", below)
    upper, after_upper = ("", "") if primes else _script("^", above)
    marks = "_" * bool(lower) + "^" * bool(upper or primes)
    if not marks:
        return base
    old = marks_of(base)
    tex = _braced(base, any(mark in old for mark in marks))
    after = OPERAND if base.kind in _TAKE_LIMITS else after_upper if upper else after
    suffix = f"{primes}{lower}{upper}"
    if base.kind == CLOSE and isinstance(base.parts, tuple) and tex == base.tex:
        parts = (base.parts[0], base.parts[1] + suffix)
        return Node(tex + suffix, CLOSE, after, tall=base.tall, stretchy=base.stretchy, parts=parts)
    kind = LIMITED if base.kind in _TAKE_LIMITS else SCRIPTED
    return Node(tex + suffix, kind, after, tall=base.tall or base.kind == BIG, parts=marks + old)


def _braced(base: Node, clashes: bool) -> str:
    """The base of a script, in braces only where TeX would not take it as one thing."""
    kind, tex = base.kind, base.tex
    loose = kind in (GROUP, SPACE, TABLE) or clashes or not tex or tex[0] in "'^_"
    loose = loose or (kind == OPERATOR and len(tex) > 1 and tex[0] != "\\")
    return f"{{{tex}}}" if loose else tex


def _script(mark: str, script: Node) -> tuple[str, str]:
    """``_i`` or ``^{12}``, and what may not follow it directly."""
    tex = (script.parts.stack if isinstance(script.parts, Table) else "") or script.tex
    if not tex:
        return "", ""
    if len(tex) == 1 and (tex.isalnum() or tex in "+-*"):
        return mark + tex, LETTER if tex.isalpha() else DIGIT
    if tex in BARE_SCRIPTS:
        return mark + tex, LETTER
    if tex[0] == "^" and mark == "^" and script.kind == ATOM:
        return tex, ""  # the sign of degrees is a script already
    return f"{mark}{{{tex}}}", ""


def over(nodes: list[Node], attributes: str) -> Node:
    """``mover``: a limit, an accent, or anything else above."""
    base, above = arguments(nodes, 2)
    if not above.tex:
        return base
    if above.raw in ACCENTS and (base.kind not in (BIG, OPERATOR) or attribute(attributes, "accent") == "true"):
        return _accented(base, above)
    if base.kind in _TAKE_LIMITS:
        return _scripted(_limited(base), EMPTY, above)
    if base.tex in _ARROWS:
        return _arrow(base, EMPTY, above)
    mark = "\\frown" if above.raw in _ARCS else above.tex
    return Node(f"\\overset{{{mark}}}{{{base.tex}}}", OPERATOR if base.kind == OPERATOR else ATOM, tall=base.tall)


def under(nodes: list[Node], attributes: str) -> Node:
    """``munder``."""
    base, below = arguments(nodes, 2)
    if not below.tex:
        return base
    base = function_name(base) or base
    if below.raw in UNDER_ACCENTS and base.kind not in (BIG, OPERATOR):
        return _mark(UNDER_ACCENTS[below.raw], base)
    if base.kind in _TAKE_LIMITS:
        return _scripted(_limited(base), below, EMPTY)
    if base.tex in _ARROWS:
        return _arrow(base, below, EMPTY)
    return Node(f"\\underset{{{below.tex}}}{{{base.tex}}}", OPERATOR if base.kind == OPERATOR else ATOM, tall=base.tall)


def under_over(nodes: list[Node], attributes: str) -> Node:
    """``munderover``."""
    base, below, above = arguments(nodes, 3)
    if base.tex in _ARROWS and below.tex and above.tex:
        return _arrow(base, below, above)
    if above.raw in ACCENTS and base.kind not in _TAKE_LIMITS:
        return under([over([base, above], ""), below], "")
    return over([under([base, below], ""), above], "")


def _accented(base: Node, above: Node) -> Node:
    narrow, wide = ACCENTS[above.raw]
    letter = len(base.raw) == 1 or base.kind == FONT
    return _mark(narrow if letter or not above.stretchy else wide, base, base.raw if letter else "")


def _mark(command: str, base: Node, raw: str = "") -> Node:
    """``base`` under or over a mark. A line makes other limits of ``lim``; a brace takes a label as limit."""
    if base.tex == "\\lim" and command in _LIMITS:
        return Node(_LIMITS[command], FUNCTION, OPERAND)
    kind = LIMITED if command in _BRACES else FUNCTION if base.kind == FUNCTION else ATOM
    return Node(f"{command}{{{base.tex}}}", kind, tall=base.tall, raw=raw)


def _limited(base: Node) -> Node:
    if base.tex.startswith("\\operatorname{"):
        return Node("\\operatorname*" + base.tex[13:], FUNCTION, OPERAND)
    return base


def _arrow(base: Node, below: Node, above: Node) -> Node:
    inside = f"{{{below.tex}}}" if "]" in below.tex else below.tex
    return Node(f"{_ARROWS[base.tex]}{f'[{inside}]' if inside else ''}{{{above.tex}}}", OPERATOR, ANYTHING)
