"""One normal form for MathML that looks the same: ``form_of("<math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>")``.

That is ``[("fraction", ["a"], ["2"])]``: signs in the order of presentation (numerator, denominator; radicand, index;
base, below, above; tables by rows), within fractions, roots, scripts and tables. Signs that look the same are one
(``−`` and ``-``, ``∣`` and ``|``), italic and upright letters too, bold, script, fraktur and double-struck ones are
their own; spaces and invisible operators are nothing.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from lxml import etree

# What looks the same, in the one form that stands for all.
LOOKALIKES = """
- −–‐‑‒﹣－ | ∣❘ ‖ ∥ · ⋅∙• * ∗⁎ ~ ∼˜\u0303 ^ ˆ\u0302 ¯ ‾ˉ―⎯─_\u0304\u0305\u0332 → ⟶\u20d7 ⟨ 〈〈 ⟩ 〉〉 ′ '’ʹ △ ▵ \\ ∖⧵
⇒ ⟹ ⇔ ⟺ □ ▫◻ Δ ∆ ⊨ ⊧ ⊥ ⟂ . ˙\u0307 … ⋯ : ∶ μ µ × ⨯ ħ ℏ ∅ ⌀ / ∕ ° ˚∘
"""
WORDS = LOOKALIKES.split()
ALIKE = {ord(char): plain for plain, chars in zip(WORDS[::2], WORDS[1::2], strict=True) for char in chars}
INVISIBLE = re.compile("[\\s\u2061-\u2064\u200b-\u200f\u2060\ufeff\ufe00-\ufe0f\u00ad]")
STYLES = {"double-struck": "bb", "script": "cal", "fraktur": "frak", "bold": "bold"}
LIMITS = frozenset("∑∏∐∫∬∭∮⋃⋂⋁⋀⨁⨂⨀⨄⨆→←⏞⏟")


def style_of(variant: str, char: str) -> tuple[str, str]:
    """A letter's style and the letter itself, from ``mathvariant`` or the letter's own code point."""
    font = unicodedata.decomposition(char).startswith("<font> ")
    plain = chr(int(unicodedata.decomposition(char)[7:], 16)) if font else char
    name = unicodedata.name(char, "").lower()
    if (
        plain == char
        or len(plain) != 1
        or not any(w in name for w in ("mathematical", "struck", "script", "black-letter"))
    ):
        plain, name = char, variant
    name = name.replace("black-letter", "fraktur")
    style = next((short for word, short in STYLES.items() if word in name), "")
    return style, plain


def signs(text: str, variant: str = "") -> list:
    """The visible signs of a token."""
    text = (
        text.replace("″", "′′").replace("‴", "′′′").replace("...", "…").replace("≠", "=\u0338").replace("∉", "∈\u0338")
    )
    out = []
    for char in INVISIBLE.sub("", unicodedata.normalize("NFD", text) if not text.isascii() else text):
        style, plain = style_of(variant, char)
        out.append(f"{style}:{plain}" if style else plain.translate(ALIKE))
    return out


def normal(node, variant: str = "") -> list:
    """The normal form of an element: a list of signs and of tuples for what has structure."""
    name = etree.QName(node).localname if isinstance(node.tag, str) else ""
    variant = node.get("mathvariant", variant)
    if name in ("mi", "mn", "mo", "mtext", "ms"):
        return token(node, variant)
    if name in ("annotation", "annotation-xml", "mphantom", "mspace", ""):
        return []
    parts = [normal(child, variant) for child in node if isinstance(child.tag, str)]
    shape = SHAPES.get(name)
    return shape(node, parts) if shape else [item for part in parts for item in part]


def token(node, variant: str) -> list:
    """A token's signs; other elements may stand among them."""
    out = signs(node.text or "", variant)
    for child in node:
        known = isinstance(child.tag, str) and etree.QName(child).localname.startswith("m")
        out += normal(child, variant) if known else token(child, variant) if isinstance(child.tag, str) else []
        out += signs(child.tail or "", variant)
    return out


def at(parts: list, place: int) -> list:
    return parts[place] if place < len(parts) else []


def script(base: list, below: list, above: list) -> list:
    """Scripts stand at the last sign of their base; those set one after the other are set at once."""
    if not below and not above:
        return base
    if not below and not "".join(flat(above)).strip("′"):
        return [*base, *above]
    *before, last = base or [""]
    if isinstance(last, tuple) and last[0] == "script" and not (last[2] and below) and not (last[3] and above):
        return [*before, ("script", last[1], last[2] or below, last[3] or above)]
    return [*before, ("script", [last], below, above)]


def limits(base: list, below: list, above: list) -> list:
    """Below and above a big operator or a name as scripts, elsewhere as marks."""
    word = all(isinstance(item, str) and len(item) == 1 and item.isalpha() and item.isascii() for item in base)
    if (len(base) > 1 and word) or (len(base) == 1 and isinstance(base[0], str) and base[0] in LIMITS):
        return script(base, below, above)
    if len(base) == 1 and isinstance(base[0], tuple) and base[0][0] == "mark":
        return [("mark", base[0][1], base[0][2] + below, base[0][3] + above)]
    return [("mark", base, below, above)]


def fenced(node, parts: list) -> list:
    marks = "".join(node.get("separators", ",").split())
    inside = [
        item
        for place, part in enumerate(parts)
        for item in (signs(marks[min(place, len(marks)) - 1 :][:1]) if place and marks else []) + part
    ]
    return [*signs(node.get("open", "(")), *inside, *signs(node.get("close", ")"))]


def fraction(node, parts: list) -> list:
    thin = re.match(r"\s*0*\.?0*[a-z]*\s*$", node.get("linethickness", "1")) is not None
    if node.get("bevelled") == "true" and len(at(parts, 0)) == len(at(parts, 1)) == 1:
        return [*parts[0], "/", *parts[1]]
    return [("stack" if thin else "fraction", at(parts, 0), at(parts, 1))]


def multiscripts(node, parts: list) -> list:
    names = [etree.QName(child).localname for child in node if isinstance(child.tag, str)]
    split = names.index("mprescripts") if "mprescripts" in names else len(names)
    out: list = []
    for place in range(split + 1, len(parts), 2):
        out += script([], at(parts, place), at(parts, place + 1))
    after = parts[1:split]
    out += script(at(parts, 0), at(after, 0), at(after, 1))
    for place in range(2, len(after), 2):
        out += script([], at(after, place), at(after, place + 1))
    return out


def table(node, parts: list) -> list:
    """A table without its empty cells; one of a single cell is nothing but the cell."""
    rows = [row for row in parts if row]
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], tuple) and rows[0][0][0] == "cell":
        return rows[0][0][1]
    return [("table", rows)] if rows else []


def row(node, parts: list) -> list:
    """A table's row: an equation's number stands at its end."""
    cells = [*parts[1:], parts[0]] if etree.QName(node).localname == "mlabeledtr" and parts else parts
    return [("cell", cell) for cell in cells if cell]


SHAPES = {
    "mfenced": fenced,
    "mfrac": fraction,
    "mmultiscripts": multiscripts,
    "mlabeledtr": row,
    "mover": lambda node, parts: limits(at(parts, 0), [], at(parts, 1)),
    "mroot": lambda node, parts: [("root", at(parts, 0), at(parts, 1))],
    "msqrt": lambda node, parts: [("root", [item for part in parts for item in part], [])],
    "msub": lambda node, parts: script(at(parts, 0), at(parts, 1), []),
    "msubsup": lambda node, parts: script(at(parts, 0), at(parts, 1), at(parts, 2)),
    "msup": lambda node, parts: script(at(parts, 0), [], at(parts, 1)),
    "mtable": table,
    "mtr": row,
    "munder": lambda node, parts: limits(at(parts, 0), at(parts, 1), []),
    "munderover": lambda node, parts: limits(at(parts, 0), at(parts, 1), at(parts, 2)),
    "semantics": lambda node, parts: at(parts, 0),
    "maction": lambda node, parts: at(parts, 0),
}


def flat(form) -> list[str]:
    """The signs of a normal form, in order."""
    out: list[str] = []
    todo = [form]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            out += [item] if item else []
        else:
            todo += list(item[1:] if isinstance(item, tuple) else item)[::-1]
    return out


def parsed(mathml: str):
    """The element tree of MathML source, named entities and all."""
    plain = re.sub(
        r"&(?!lt;|gt;|amp;|quot;|apos;|#)(\w+;)", lambda found: unescape(found[0]).replace("&", "&amp;"), mathml
    )
    plain = re.sub(r"<(/?)\w+:(\w+)", r"<\1\2", plain)
    return etree.fromstring(plain.encode(), etree.XMLParser(recover=True, huge_tree=True, encoding="utf-8"))


def form_of(mathml: str) -> list | None:
    tree = parsed(mathml)
    return None if tree is None else normal(tree)
