r"""MathML's tokens as TeX: identifiers, numbers, operators, text, space.

Example: ``operator("≤", "")`` is ``\leq``, ``identifier("R", ' mathvariant="double-struck"')`` is ``\mathbb{R}``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from curation.html.mathml_attributes import attribute, number
from curation.html.mathml_node import (
    ANYTHING,
    ATOM,
    BAR,
    CLOSE,
    EMPTY,
    FUNCTION,
    GROUP,
    LETTER,
    OPEN,
    OPERAND,
    OPERATOR,
    SPACE,
    Node,
    join,
)
from curation.html.mathml_signs import after, restyled, sign, signs, variant_of
from curation.html.symbols import BARS, CLOSING, FUNCTIONS, OPENING, SYMBOLS

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ -][A-Za-z0-9]+)*")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_TEXT_ESCAPES = {char: "\\" + char for char in "%#&_{}$"}
_TEXT_ESCAPES |= {"\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}"}
# Signs that text mode has no command for; quotation marks and dashes are text.
_SIGNS_IN_TEXT = "".join(
    char
    for char, tex in SYMBOLS.items()
    if char > "\u00ff" and not char.isspace() and tex[:1] == "\\" and "text" not in tex
)
_TEXT_PIECES = re.compile(f"([{re.escape(_SIGNS_IN_TEXT)}]+)|[^{re.escape(_SIGNS_IN_TEXT)}]+")
_SIDES = {"OPEN": OPEN, "CLOSE": CLOSE, "prefix": OPEN, "postfix": CLOSE, "infix": ATOM, "REL": ATOM, "ORD": ATOM}
_NAMED_SPACES = {"thin": "\\,", "medium": "\\:", "thick": "\\;", "very": "", "negativethin": "\\!", "negative": ""}
# Upper limits in em. Negative space narrower than a thin one is fine-tuning.
_SPACES_BY_WIDTH = (
    (-0.3, ""),
    (-0.1, "\\!"),
    (0.1, ""),
    (0.2, "\\,"),
    (0.25, "\\:"),
    (0.3, "\\;"),
    (0.8, "\\ "),
    (1.8, "\\quad"),
)
# MathJax 3, KaTeX and LaTeXML differ in their sizes, not in their order.
_FENCE_SIZES = ((1.1, ""), (1.45, "\\big"), (1.95, "\\Big"), (2.45, "\\bigg"))


def identifier(text: str, attributes: str) -> Node:
    """``mi``."""
    text = " ".join(text.split())
    command = variant_of(attributes)
    if text in BARS:
        return Node(BARS[text], after=after(BARS[text]), raw=text)
    if len(text) <= 1:
        return restyled(sign(text), command) if text and command else sign(text) if text else EMPTY
    if text in FUNCTIONS and command in ("", "\\mathrm"):
        return _function(text)
    if _NAME.fullmatch(text):
        return Node(_named(command or "\\mathrm", text), raw=text)
    return _words(text) or _renamed(restyled(signs(text), command), text)


def _function(name: str) -> Node:
    kind, after = (OPERATOR, ANYTHING) if name == "mod" else (FUNCTION, OPERAND)
    return Node(FUNCTIONS[name], kind, after, raw=name)


def _named(command: str, text: str) -> str:
    words = text.replace(" ", "\\,")
    if command.startswith("\\boldsymbol\\"):
        return f"\\boldsymbol{{{command[11:]}{{{words}}}}}"
    return f"{command}{{{words}}}"


def _renamed(node: Node, raw: str) -> Node:
    return Node(node.tex, node.kind, node.after, tall=node.tall, raw=raw, parts=node.parts)


def _words(text: str) -> Node | None:
    """Words in letters that TeX's mathematics does not have, None for anything else."""
    if text.isascii() or not all(char.isalnum() or char in " -.,'" for char in text):
        return None
    return None if any(char in SYMBOLS and char != "'" for char in text) else Node(f"\\text{{{text}}}", raw=text)


def numeral(text: str, attributes: str) -> Node:
    """``mn``."""
    text = " ".join(text.split())
    command = variant_of(attributes)
    if text.isascii() and text.isalpha():
        return Node(_named(command or "\\mathrm", text), raw=text)
    node = Node(text) if not text.strip("0123456789.,") else signs(text.replace(" ", "\u2009"))
    return _renamed(restyled(node, command) if command else node, text)


def operator(text: str, attributes: str) -> Node:
    """``mo``: a fence, a big operator, a function's name or a sign."""
    stripped = " ".join(text.split())
    if not stripped:
        return _invisible(text, attributes)
    if len(stripped) == 1 and (node := _fence(stripped, attributes)):
        return node
    if stripped in FUNCTIONS:
        return _function(stripped)
    if stripped == "...":
        return Node("\\ldots", ATOM, LETTER, raw=stripped)
    if len(stripped) > 1 and _NAME.fullmatch(stripped):
        return Node(_named("\\operatorname", stripped), FUNCTION, OPERAND, raw=stripped)
    node = _words(stripped) or signs(stripped)
    command = variant_of(attributes)
    node = _renamed(restyled(node, command) if command else node, stripped)
    node.kind = OPERATOR if node.kind == GROUP else node.kind
    node.stretchy = attribute(attributes, "stretchy") != "false"
    return node


def _invisible(text: str, attributes: str) -> Node:
    r"""``\left.``, an empty operator, or a space."""
    if text and not text.isascii():
        return Node("\\ ", SPACE)
    side = _side(attributes)
    return Node("", side, stretchy=True, parts=("", "")) if side in (OPEN, CLOSE) else EMPTY


def _side(attributes: str) -> str:
    """What the tag says of a fence: whether it opens or closes, or is none; nothing if it says nothing."""
    if not attributes:
        return ""
    return _SIDES.get(attribute(attributes, "data-mjx-texclass") or attribute(attributes, "form") or "", "")


def _fence(char: str, attributes: str) -> Node | None:
    kind = OPEN if char in OPENING else CLOSE if char in CLOSING else BAR if char in BARS else ""
    if not kind:
        return None
    side = _side(attributes)
    if kind == BAR and side not in (OPEN, CLOSE) and _relational(char, side, attributes):
        return sign(char)
    tex = OPENING.get(char) or CLOSING.get(char) or BARS[char]
    kind = side if side in (OPEN, CLOSE) else kind
    size = _size(attributes)
    stretchy = not size and attribute(attributes, "stretchy") != "false" and attribute(attributes, "fence") != "false"
    return Node(size + tex, kind, after(tex), stretchy=stretchy, raw=char, parts=(tex, ""))


def _relational(char: str, side: str, attributes: str) -> bool:
    r"""Whether a bar is a sign between others (``\mid``) and no fence."""
    if side:
        return True
    return char in "∣∥❘" and "true" not in (attribute(attributes, "fence"), attribute(attributes, "stretchy"))


def _size(attributes: str) -> str:
    r"""``\big`` and its like, for a fence of fixed size."""
    size = number(attribute(attributes, "minsize") or "") or 0.0
    return next((tex for limit, tex in _FENCE_SIZES if size < limit), "\\Bigg")


def words(text: str, attributes: str) -> Node:
    """``mtext``: signs of mathematics stay outside of the text."""
    text = _SPACES.sub(" ", text).strip(" ")
    if not text.strip():
        return Node("\\ ", SPACE) if text else EMPTY
    if not text.strip("0123456789.,;:()=+"):
        return Node(text, GROUP if len(text) > 1 else ATOM, raw=text)
    pieces = [signs(found[1]) if found[1] else _quoted(found[0], attributes) for found in _TEXT_PIECES.finditer(text)]
    return _renamed(join(pieces), text)


def _quoted(text: str, attributes: str) -> Node:
    spaced = "".join(" " if char.isspace() else _TEXT_ESCAPES.get(char, char) for char in text)
    tex = f"\\text{{{spaced}}}"
    command = variant_of(attributes)
    tex = {"\\mathbf": f"\\textbf{{{spaced}}}", "\\mathit": f"\\textit{{{spaced}}}"}.get(command, tex)
    return Node(tex, after=OPERAND if text[-1].isalnum() else "")


def string(text: str, attributes: str) -> Node:
    """``ms``: in its quotation marks."""
    left, right = attribute(attributes, "lquote"), attribute(attributes, "rquote")
    return words("".join(['"' if left is None else left, text.strip(), '"' if right is None else right]), "")


def space(text: str, attributes: str) -> Node:
    """``mspace``, by its width."""
    width = (attribute(attributes, "width") or "").strip()
    named = next((tex for name, tex in _NAMED_SPACES.items() if width.startswith(name)), None)
    if named is None:
        size = number(width) or 0.0
        size = size / 10 if width.endswith(("px", "pt")) else size / 2 if width.endswith("ex") else size
        named = next((tex for limit, tex in _SPACES_BY_WIDTH if size < limit), "\\qquad")
    return Node(named, SPACE, after(named))


TOKENS: dict[str, Callable[[str, str], Node]] = {
    "mi": identifier,
    "mn": numeral,
    "mo": operator,
    "ms": string,
    "mspace": space,
    "mtext": words,
}
