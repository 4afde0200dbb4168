r"""Content MathML's operators with bound variables as TeX: integrals, sums, limits, quantifiers, derivatives.

Example: a ``sum`` over ``i`` from 1 to ``n`` is ``\sum_{i=1}^n``, a second ``diff`` ``\frac{d^2f}{dx^2}``.
"""

from __future__ import annotations

from curation.html.mathml_content import Meaning, Nodes, bracketed, listed, meaning, meant
from curation.html.mathml_node import EMPTY, Node, join
from curation.html.mathml_operators import BIG, FRACTION, PRODUCT, SUM, WHOLE
from curation.html.mathml_rows import row
from curation.html.mathml_scripts import superscript, under, under_over
from curation.html.mathml_signs import sign, signs
from curation.html.mathml_tokens import identifier

# A degree is written above and below; nested in each other they would double with every level.
_MAX_DEGREE_CHARS = 60


class Applied:
    """An ``apply`` taken apart: its operator, what it is applied to, and the qualifiers by name."""

    def __init__(self, nodes: Nodes) -> None:
        self.bound = [node for node in nodes if meaning(node).qualifier == "bvar"]
        plain = [node for node in nodes if meaning(node).qualifier in ("", "interval", "matrixrow")]
        self.head = plain[0] if plain else EMPTY
        self.arguments = [node for node in plain[1:] if not self.bound or meaning(node).qualifier != "interval"]
        self.named = {meaning(node).qualifier: node for node in nodes if meaning(node).qualifier not in ("", "bvar")}

    @property
    def name(self) -> str:
        """The operator's name, or nothing."""
        return meaning(self.head).operator

    def argument(self, place: int) -> Node:
        """An argument, or an empty one."""
        return self.arguments[place] if place < len(self.arguments) else EMPTY


def big_operation(applied: Applied) -> Node:
    """Integrals, sums, limits, quantifiers over their bound variables."""
    name = applied.name
    sign_of = identifier(BIG[name], "")
    below, above = _limits(applied)
    if name in ("forall", "exists"):
        condition = [applied.named["condition"]] if "condition" in applied.named else []
        return meant(join([sign_of, *listed([*applied.bound, *condition]), sign(":"), *applied.arguments]), Meaning(1))
    head = under_over([sign_of, below, above], "") if above.tex else under([sign_of, below], "")
    body = [bracketed(argument, SUM if name == "int" else SUM + 1) for argument in applied.arguments]
    if name == "int":
        body += [node for bound in applied.bound for node in (Node("\\,"), sign("d"), bound)]
    return meant(join([head, *body]), Meaning(SUM))


def _limits(applied: Applied) -> tuple[Node, Node]:
    named = applied.named
    below, above = named.get("lowlimit", EMPTY), named.get("uplimit", EMPTY)
    if "interval" in named and len(meaning(named["interval"]).parts) == 2:
        below, above = meaning(named["interval"]).parts
    bound = row(listed(applied.bound))
    if "condition" in named:
        return named["condition"], above
    if "domainofapplication" in named:
        return join([bound, sign("∈"), named["domainofapplication"]]), EMPTY
    if applied.name == "int" or not below.tex:
        return (below, above) if below.tex or applied.name == "int" else (bound, above)
    return join([bound, sign("→" if applied.name == "limit" else "="), below]), above


def derivative(applied: Applied, letter: Node) -> Node:
    """``diff`` and ``partialdiff``; a prime where no variable is named."""
    body = applied.argument(0)
    if not applied.bound:
        return superscript([bracketed(body, WHOLE), sign("′")], "")
    total = applied.named.get("degree") or _total_degree(applied.bound)
    top = superscript([letter, total], "") if total.tex not in ("", "1") else letter
    bottom: Nodes = []
    for bound in applied.bound:
        degree = row(list(meaning(bound).parts) or [EMPTY])
        bottom += (letter, superscript([bound, degree], "") if degree.tex not in ("", "1") else bound)
    inside = meaning(body).precedence >= FRACTION + 1 and not body.tall
    fraction = f"\\frac{{{join([top, body]).tex if inside else top.tex}}}{{{join(bottom).tex}}}"
    whole = Node(fraction, tall=True)
    return meant(whole if inside else join([whole, bracketed(body, PRODUCT)]), Meaning(FRACTION if inside else PRODUCT))


def _total_degree(bound: Nodes) -> Node:
    """The sum of the variables' degrees."""
    degrees = [row(list(meaning(node).parts) or [sign("1")]) for node in bound]
    if all(degree.tex.isascii() and degree.tex.isdigit() and len(degree.tex) < 9 for degree in degrees):
        return signs(str(sum(int(degree.tex) for degree in degrees)))
    if sum(len(degree.tex) for degree in degrees) > _MAX_DEGREE_CHARS:
        return EMPTY
    out = degrees[:1]
    for degree in degrees[1:]:
        out += (sign("+"), degree)
    return join(out)
