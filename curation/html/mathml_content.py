r"""Content MathML's values as TeX: identifiers, numbers, sets, vectors, matrices, cases.

Example: ``<cn type="rational">1<sep/>2</cn>`` is ``\frac{1}{2}``. Notations follow the sample presentations in the
specification of MathML; what is applied to what is in ``mathml_apply``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from curation.html.mathml_attributes import attribute
from curation.html.mathml_node import EMPTY, LETTER, Node, join
from curation.html.mathml_operators import (
    CONSTANTS,
    FUNCTION_NAMES,
    INFIX,
    OPERATORS,
    PREFIX,
    PRODUCT,
    SUM,
    SYMBOLS,
    WHOLE,
)
from curation.html.mathml_rows import row
from curation.html.mathml_scripts import subscript, superscript
from curation.html.mathml_signs import sign
from curation.html.mathml_tables import Cell, Row, Table
from curation.html.mathml_tokens import identifier, operator, words

Nodes = list[Node]

# Stands in the place of ``sep``; told by its identity.
SEPARATOR: Final = Node("")


class Meaning(NamedTuple):
    """What a content element is to its parent: a value of some precedence, an operator, or a qualifier."""

    precedence: int = WHOLE
    operator: str = ""
    qualifier: str = ""
    parts: tuple[Node, ...] = ()


_VALUE: Final = Meaning()


def meaning(node: Node) -> Meaning:
    """What the node was in content MathML; anything else is a value of its own."""
    return node.parts if isinstance(node.parts, Meaning) else _VALUE


def meant(node: Node, value: Meaning) -> Node:
    """A copy of ``node`` that means ``value``."""
    return Node(node.tex, node.kind, node.after, tall=node.tall, raw=node.raw, parts=value)


def bracketed(node: Node, precedence: int) -> Node:
    """``node``, in brackets if it binds less than its place asks for."""
    if meaning(node).precedence >= precedence:
        return node
    return fenced("(", [node], ")")


def fenced(left: str, inside: Nodes, right: str) -> Node:
    """``inside`` between two fences, which grow where it is tall."""
    opening, closing = operator(left, ' form="prefix"'), operator(right, ' form="postfix"')
    return row([opening, *(meant(node, _VALUE) if node.kind in _FENCES else node for node in inside), closing])


_FENCES = frozenset({"open", "close", "bar"})


def listed(nodes: Nodes, separator: str = ",") -> Nodes:
    """``nodes`` with a separator between them."""
    out = nodes[:1]
    for node in nodes[1:]:
        out += (operator(separator, ""), node)
    return out


def constant(name: str, attributes: str = "") -> Node:
    """An operator or a constant by its name: ``plus``, ``pi``."""
    text = CONSTANTS.get(name) or PREFIX.get(name) or FUNCTION_NAMES.get(name) or name
    side = {"above": sign("+"), "below": sign("-")}.get(attribute(attributes, "type") or "")
    node = identifier(INFIX[name][0] if name in INFIX else text, "")
    return meant(node, Meaning(WHOLE, name, "", (side,) if side else ()))


def symbol(nodes: Nodes, attributes: str) -> Node:
    """``csymbol``: an operator by its name in a content dictionary, or a name."""
    node = row(nodes) if nodes else EMPTY
    name = SYMBOLS.get(node.raw, node.raw) if attribute(attributes, "cd") else node.raw
    return constant(name) if name in OPERATORS or name in CONSTANTS else node


def number_value(nodes: Nodes, attributes: str) -> Node:
    """``cn``: with its base, as a fraction, as a power of ten, or complex."""
    parts = [node for node in nodes if node is not SEPARATOR and node.tex]
    kind = attribute(attributes, "type") or ""
    if len(parts) == 2 and kind == "rational":
        return Node(f"\\frac{{{parts[0].tex}}}{{{parts[1].tex}}}", tall=True, parts=Meaning(PRODUCT + 1))
    if len(parts) == 2 and kind == "e-notation":
        whole = row([parts[0], sign("×"), superscript([Node("10"), parts[1]], "")])
        return meant(whole, Meaning(PRODUCT))
    if len(parts) == 2 and kind.startswith("complex"):
        return _complex(parts, kind)
    whole = row(parts) if parts else EMPTY
    base = attribute(attributes, "base") or ""
    if base.isascii() and base.isdigit() and base != "10" and len(base) < 4:
        return subscript([whole, Node(base)], "")
    return meant(whole, Meaning(SUM)) if whole.tex.startswith("-") else whole


def _complex(parts: Nodes, kind: str) -> Node:
    if kind == "complex-polar":
        power = superscript([sign("e"), row([sign("i"), bracketed(parts[1], PRODUCT)])], "")
        return meant(row([parts[0], power]), Meaning(PRODUCT))
    plus = [] if parts[1].tex.startswith("-") else [sign("+")]
    return meant(row([parts[0], *plus, parts[1], sign("i")]), Meaning(SUM))


def qualifier(name: str, nodes: Nodes) -> Node:
    """``bvar``, ``lowlimit`` and the others that an ``apply`` asks for by name."""
    degree = [node for node in nodes if meaning(node).qualifier == "degree"]
    inside = [node for node in nodes if meaning(node).qualifier != "degree"]
    node = row(inside) if inside else EMPTY
    return meant(node, Meaning(meaning(node).precedence, "", name, tuple(degree)))


def interval(nodes: Nodes, attributes: str) -> Node:
    """``interval``: its brackets say which ends belong to it."""
    closure = attribute(attributes, "closure") or "closed"
    left = "(" if closure in ("open", "open-closed") else "["
    right = ")" if closure in ("open", "closed-open") else "]"
    return meant(fenced(left, listed(nodes), right), Meaning(WHOLE, "", "interval", tuple(nodes)))


def collection(name: str, nodes: Nodes) -> Node:
    """``set`` and ``list``, of elements or by a condition."""
    left, right = "{}" if name == "set" else "[]"
    bound = [node for node in nodes if meaning(node).qualifier == "bvar"]
    conditions = [node for node in nodes if meaning(node).qualifier in ("condition", "domainofapplication")]
    members = [node for node in nodes if not meaning(node).qualifier]
    if conditions or bound:
        given = conditions or bound
        return fenced(left, [*listed(members or bound), sign("∣"), *listed(given)], right)
    return fenced(left, listed(members), right)


def matrix(name: str, nodes: Nodes) -> Node:
    """``matrix``, ``vector`` (a column) and ``matrixrow``."""
    if name == "matrixrow":
        return Node(" ".join(node.tex for node in nodes), parts=Meaning(WHOLE, "", name, tuple(nodes)))
    rows = [Row([Cell(each.tex) for each in meaning(node).parts or (node,)]) for node in nodes]
    return Node(Table(rows, "").environment("pmatrix"), tall=True)


def piecewise(nodes: Nodes) -> Node:
    """``piecewise``, from its pieces."""
    rows = [Row([Cell(each.tex) for each in meaning(node).parts or (node,)]) for node in nodes]
    return Node(Table(rows, "").environment("cases"), tall=True, parts=Meaning(SUM))


def piece(name: str, nodes: Nodes) -> Node:
    """``piece``, a value and its condition, and ``otherwise``."""
    value, *rest = nodes or [EMPTY]
    when = join([words("if", ""), Node("\\ "), *rest]) if rest else words("otherwise", "")
    when = Node(f"\\text{{if }} {rest[0].tex}") if rest else when
    return Node(value.tex, parts=Meaning(WHOLE, "", name, (value, when)))


def function_of_variables(nodes: Nodes) -> Node:
    r"""``lambda``: ``x \mapsto x+1``."""
    bound = [node for node in nodes if meaning(node).qualifier == "bvar"]
    body = [node for node in nodes if not meaning(node).qualifier]
    variables = fenced("(", listed(bound), ")") if len(bound) > 1 else row(bound) if bound else EMPTY
    return Node(
        join([variables, sign("↦"), *body]).tex, "group", LETTER if not body else body[-1].after, parts=Meaning(1)
    )
