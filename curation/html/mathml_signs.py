r"""Characters of mathematics as nodes, and their alphabets.

Example: ``signs("x²")`` is ``x^2``, ``restyled(sign("R"), "\\mathbb")`` is ``\mathbb{R}``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from curation.html.mathml_attributes import attribute
from curation.html.mathml_node import ANYTHING, APPLY, ATOM, BIG, FONT, LETTER, OPERAND, OPERATOR, SPACE, Node, join
from curation.html.symbols import ACCENTS, BIG_OPERATORS, OPERATORS, SYMBOLS, UNDER_ACCENTS, styled

_UPPER, _LOWER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ"
_PLAIN = {char: unicodedata.normalize("NFKC", char).replace("−", "-") for char in _UPPER + _LOWER}
_RUNS = re.compile(f"([{_UPPER}]+)|([{_LOWER}]+)|.[\u0300-\u0338\u20d0-\u20dc]*", re.DOTALL)
_PLAIN_TEXT = re.compile(r"[A-Za-z]+|[0-9.,]+")
_COMMAND_END = re.compile(r"\\[a-zA-Z]+$")
_VARIANTS = {
    "double-struck": "\\mathbb",
    "bold": "\\mathbf",
    "bold-italic": "\\boldsymbol",
    "script": "\\mathcal",
    "bold-script": "\\boldsymbol\\mathcal",
    "-tex-calligraphic": "\\mathcal",
    "-tex-bold-calligraphic": "\\boldsymbol\\mathcal",
    "fraktur": "\\mathfrak",
    "bold-fraktur": "\\boldsymbol\\mathfrak",
    "sans-serif": "\\mathsf",
    "bold-sans-serif": "\\boldsymbol\\mathsf",
    "sans-serif-italic": "\\mathsf",
    "sans-serif-bold-italic": "\\boldsymbol\\mathsf",
    "monospace": "\\mathtt",
    "normal": "\\mathrm",
    "italic": "\\mathit",
}


def after(tex: str) -> str:
    """What may not follow ``tex`` directly: a letter, if it ends in a command."""
    return LETTER if _COMMAND_END.search(tex[-24:]) else ""


@lru_cache(maxsize=4096)
def sign(char: str) -> Node:
    """One character, maybe with combining accents over it."""
    if len(char) > 1:
        return _combined(char)
    if char in BIG_OPERATORS:
        return Node(BIG_OPERATORS[char], BIG, OPERAND, raw=char)
    if char in OPERATORS:
        tex = OPERATORS[char]
        return Node(tex, OPERATOR, ANYTHING if tex[0] == "\\" else "", raw=char)
    if char in SYMBOLS:
        tex = SYMBOLS[char]
        kind = APPLY if char == "\u2061" else SPACE if char.isspace() else ATOM
        return Node(tex, kind, after(tex), raw=char)
    if (char in ACCENTS or char in UNDER_ACCENTS) and not char.isascii():
        mark = ACCENTS[char][0] if char in ACCENTS else UNDER_ACCENTS[char]
        return Node(f"{mark}{{\\ }}", raw=char)
    if char.isspace():
        return Node("\\ ", SPACE, raw=char)
    if char.isascii():
        return Node(char, OPERATOR if char in "+-*/=<>:" else ATOM, raw=char)
    return Node(_foreign(char), raw=char)


def _foreign(char: str) -> str:
    """A character that TeX's mathematics does not know."""
    plain = unicodedata.normalize("NFKC", char)
    top, slash, bottom = plain.partition("⁄")
    if slash:
        return f"\\frac{{{top}}}{{{bottom}}}"
    if (
        plain != char
        and plain[0] != " "
        and unicodedata.decomposition(char).startswith(("<wide>", "<compat>", "<font>"))
    ):
        return join([sign(each) if each != char else Node(each) for each in plain]).tex
    apart = unicodedata.normalize("NFD", char)
    if len(apart) > 1 and all(mark in ACCENTS for mark in apart[1:]):
        return _combined(apart).tex
    return "" if unicodedata.category(char)[0] == "C" and char < "\ue000" else f"\\text{{{char}}}"


def _combined(text: str) -> Node:
    node = sign(text[0])
    for mark in text[1:4]:
        if mark == "\u0338":
            node = Node(("\\not" if node.tex[:1] == "\\" else "\\not ") + node.tex, OPERATOR, ANYTHING)
        elif mark in ACCENTS:
            node = Node(f"{ACCENTS[mark][0]}{{{node.tex}}}")
    return node


def signs(text: str) -> Node:
    """Characters of mathematics side by side; ``²`` is a script."""
    if len(text) == 1 and text not in _PLAIN:
        return sign(text)
    nodes = []
    for found in _RUNS.finditer(text):
        run = found[1] or found[2]
        if run:
            script = "".join(_PLAIN[char] for char in run)
            script = script if len(script) == 1 else f"{{{script}}}"
            nodes.append(Node(("^" if found[1] else "_") + script))
        else:
            nodes.append(sign(found[0]))
    return join(nodes)


def variant_of(attributes: str) -> str:
    r"""The TeX alphabet that a tag asks for: nothing, ``\mathbf``, ``\boldsymbol\mathcal``."""
    if "ariant" not in attributes and "font" not in attributes:
        return ""
    name = attribute(attributes, "mathvariant") or ""
    if not name and attribute(attributes, "fontweight") == "bold":
        name = "bold"
    if not name and attribute(attributes, "fontstyle") == "normal":
        name = "normal"
    return _VARIANTS.get(name.strip().lower(), "")


def restyled(node: Node, command: str) -> Node:
    """``node`` in an alphabet."""
    tex = node.tex
    if command == "\\mathit" or not tex.strip("'"):
        return node
    if command == "\\mathrm":
        return Node(f"\\mathrm{{{tex}}}", FONT, raw=node.raw, parts=(command, tex)) if tex.isalpha() else node
    outer, inner = ("\\boldsymbol", command[11:]) if command.startswith("\\boldsymbol") else ("", command)
    plain = _PLAIN_TEXT.fullmatch(tex) is not None
    if plain:
        tex = styled(inner, tex) if inner else tex
    elif command == "\\mathbf":
        outer = "\\boldsymbol"
    if outer:
        return Node(f"{outer}{{{tex}}}", _steady(node), node.after if node.kind == OPERATOR else "", tall=node.tall)
    kind = FONT if len(node.tex) == 1 and plain else _steady(node)
    return Node(tex, kind, "" if plain else node.after, tall=node.tall, raw=node.raw, parts=(command, node.tex))


def _steady(node: Node) -> str:
    return node.kind if node.kind in (BIG, OPERATOR) else ATOM
