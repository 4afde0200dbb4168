r"""Content MathML's applications as TeX, with the brackets that precedence asks for.

Example: ``<apply><power/><apply><plus/><ci>a</ci><ci>b</ci></apply><cn>2</cn></apply>`` is ``(a+b)^2``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from curation.html.mathml_bound import Applied, big_operation, derivative
from curation.html.mathml_content import (
    Meaning,
    Nodes,
    bracketed,
    collection,
    fenced,
    function_of_variables,
    interval,
    listed,
    matrix,
    meaning,
    meant,
    number_value,
    piece,
    piecewise,
    qualifier,
    symbol,
)
from curation.html.mathml_node import EMPTY, OPERAND, Node, join
from curation.html.mathml_operators import (
    APPLICATION,
    BARRED,
    BIG,
    FENCES,
    FRACTION,
    INFIX,
    NOT_ASSOCIATIVE,
    POWERS,
    PREFIX,
    PRODUCT,
    RELATION,
    SUM,
    WHOLE,
)
from curation.html.mathml_rows import row
from curation.html.mathml_scripts import subscript, superscript
from curation.html.mathml_signs import sign, signs
from curation.html.mathml_tokens import identifier


def apply(nodes: Nodes) -> Node:
    """``apply``, ``reln`` and ``bind``."""
    applied = Applied(nodes)
    name = applied.name
    if applied.bound and name in BIG:
        return big_operation(applied)
    if applied.bound and applied.head.raw == "lambda":
        return function_of_variables([*applied.bound, *applied.arguments])
    if name in _OPERATIONS:
        return _OPERATIONS[name](applied)
    if name in INFIX and len(applied.arguments) > 1:
        return _infix(applied, identifier(INFIX[name][0], ""))
    if name in PREFIX:
        return meant(join([signs(PREFIX[name]), bracketed(applied.argument(0), PRODUCT + 1)]), Meaning(PRODUCT))
    if name in FENCES:
        return fenced(FENCES[name][0], applied.arguments, FENCES[name][1])
    if name in BARRED:
        return Node(f"\\overline{{{applied.argument(0).tex}}}")
    if name in POWERS:
        power = signs(POWERS[name])
        return superscript([bracketed(applied.argument(0), WHOLE), power], "")
    return _function(applied)


def _infix(applied: Applied, between: Node) -> Node:
    precedence = INFIX[applied.name][1]
    out: Nodes = []
    for place, argument in enumerate(applied.arguments):
        strict = place and applied.name in NOT_ASSOCIATIVE
        operand = bracketed(argument, precedence + bool(strict or precedence == RELATION))
        out += (between, operand) if place else (operand,)
    return meant(join(out), Meaning(precedence))


def _plus(applied: Applied) -> Node:
    out: Nodes = []
    for place, argument in enumerate(applied.arguments):
        operand = bracketed(argument, SUM)
        out += (sign("+"), operand) if place and not operand.tex.startswith("-") else (operand,)
    return meant(join(out), Meaning(SUM if len(out) > 1 else WHOLE))


def _minus(applied: Applied) -> Node:
    if len(applied.arguments) == 1:
        return meant(join([sign("-"), bracketed(applied.argument(0), SUM + 1)]), Meaning(SUM))
    return _infix(applied, sign("-"))


def _times(applied: Applied) -> Node:
    """Factors side by side; a sign only before a number."""
    out: Nodes = []
    last = len(applied.arguments) - 1
    for place, argument in enumerate(applied.arguments):
        operand = bracketed(argument, PRODUCT if place == last else APPLICATION + 1)
        if place and operand.tex[:1].isdigit():
            out.append(sign("×"))
        out.append(operand)
    return meant(join(out), Meaning(PRODUCT if len(out) > 1 else WHOLE))


def _tends_to(applied: Applied) -> Node:
    """From above or from below, if the operator says so."""
    value, limit = applied.argument(0), applied.argument(1)
    side = meaning(applied.head).parts
    return meant(join([value, sign("→"), superscript([limit, *side], "") if side else limit]), Meaning(RELATION))


def _divide(applied: Applied) -> Node:
    return Node(f"\\frac{{{applied.argument(0).tex}}}{{{applied.argument(1).tex}}}", tall=True, parts=Meaning(FRACTION))


def _power(applied: Applied) -> Node:
    whole = superscript([bracketed(applied.argument(0), WHOLE), applied.argument(1)], "")
    return meant(whole, Meaning(FRACTION + 1))


def _exp(applied: Applied) -> Node:
    return meant(superscript([sign("e"), applied.argument(0)], ""), Meaning(FRACTION + 1))


def _root(applied: Applied) -> Node:
    degree = applied.named.get("degree", EMPTY).tex
    index = f"[{degree}]" if degree and degree != "2" and "]" not in degree else ""
    return Node(f"\\sqrt{index}{{{applied.argument(0).tex}}}", tall=applied.argument(0).tall)


def _log(applied: Applied) -> Node:
    base = applied.named.get("logbase")
    name = identifier("log", "")
    return _called(subscript([name, base], "") if base else name, applied.arguments)


def _quotient(applied: Applied) -> Node:
    return fenced("⌊", [_divide(applied)], "⌋")


def _selector(applied: Applied) -> Node:
    return subscript([bracketed(applied.argument(0), WHOLE), row(listed(applied.arguments[1:]) or [EMPTY])], "")


def _moment(applied: Applied) -> Node:
    return fenced("⟨", [superscript([applied.argument(0), applied.named.get("degree", EMPTY)], "")], "⟩")


def _variance(applied: Applied) -> Node:
    return superscript([_called(sign("σ"), applied.arguments), sign("2")], "")


def _function(applied: Applied) -> Node:
    head, arguments = applied.head, applied.arguments
    if not arguments:
        return head if not applied.bound else join([head, *applied.bound])
    if head.tex.startswith("\\mathrm{") and len(head.raw) > 1:
        head = Node("\\operatorname{" + head.tex[8:], "function", OPERAND, parts=head.parts)
    return _called(bracketed(head, WHOLE), arguments)


def _called(head: Node, arguments: Nodes) -> Node:
    r"""``f(x,y)``; ``\sin x`` where one thing follows a function that has a name in TeX."""
    first = arguments[0] if arguments else EMPTY
    if head.after == OPERAND and len(arguments) == 1 and meaning(first).precedence > FRACTION and not first.tall:
        return meant(join([head, first]), Meaning(APPLICATION))
    return meant(join([head, fenced("(", listed(arguments), ")")]), Meaning(FRACTION + 1))


_OPERATIONS: dict[str, Callable[[Applied], Node]] = {
    "diff": lambda applied: derivative(applied, sign("d")),
    "divide": _divide,
    "exp": _exp,
    "factorial": lambda applied: row([bracketed(applied.argument(0), WHOLE), sign("!")]),
    "log": _log,
    "minus": _minus,
    "moment": _moment,
    "partialdiff": lambda applied: derivative(applied, sign("∂")),
    "plus": _plus,
    "power": _power,
    "quotient": _quotient,
    "root": _root,
    "selector": _selector,
    "tendsto": _tends_to,
    "times": _times,
    "variance": _variance,
}
_QUALIFIERS = ("bvar", "condition", "degree", "domainofapplication", "logbase", "lowlimit", "momentabout", "uplimit")
CONTENT: dict[str, Callable[[Nodes, str], Node]] = {
    "apply": lambda nodes, attributes: apply(nodes),
    "bind": lambda nodes, attributes: apply(nodes),
    "ci": lambda nodes, attributes: row(nodes) if nodes else EMPTY,
    "cn": number_value,
    "csymbol": symbol,
    "fn": lambda nodes, attributes: row(nodes) if nodes else EMPTY,
    "interval": interval,
    "lambda": lambda nodes, attributes: function_of_variables(nodes),
    "list": lambda nodes, attributes: collection("list", nodes),
    "matrix": lambda nodes, attributes: matrix("matrix", nodes),
    "matrixrow": lambda nodes, attributes: matrix("matrixrow", nodes),
    "otherwise": lambda nodes, attributes: piece("otherwise", nodes),
    "piece": lambda nodes, attributes: piece("piece", nodes),
    "piecewise": lambda nodes, attributes: piecewise(nodes),
    "reln": lambda nodes, attributes: apply(nodes),
    "set": lambda nodes, attributes: collection("set", nodes),
    "vector": lambda nodes, attributes: matrix("vector", nodes),
    **{name: partial(lambda name, nodes, attributes: qualifier(name, nodes), name) for name in _QUALIFIERS},
}
