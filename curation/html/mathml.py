r"""MathML to TeX, without a parser and without recursion.

Example: ``mathml_to_tex("<math><msup><mi>x</mi><mn>2</mn></msup></math>")`` is ``x^{2}``. The elements are closed one
after the other on a stack, so that a hostile page with a hundred thousand nested elements costs time in proportion and
no C stack. Presentation MathML only; an unknown element gives its children.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from curation.html.symbols import ACCENTS, FUNCTIONS, SYMBOLS

_TOKEN = re.compile(r"<(/?)(?:\w+:)?([a-zA-Z][\w-]*)((?:[^<>\"']++|\"[^\"]{0,20000}+\"|'[^']{0,20000}+')*+)>|([^<]+)|<")
_EXPRESSIVE = re.compile(r"\\[a-zA-Z]+$")
_LIMITS = re.compile(
    r"\\(?:sum|prod|coprod|int|iint|iiint|oint|bigcup|bigcap|bigoplus|bigotimes|bigvee|bigwedge|lim|max|min)"
)
_FENCES = {"{": "\\{", "}": "\\}", "|": "|", "‖": "\\|", "⟨": "\\langle", "⟩": "\\rangle"}
_VARIANTS = {"double-struck": "\\mathbb", "bold": "\\mathbf", "script": "\\mathcal", "fraktur": "\\mathfrak"}
_SKIPPED = frozenset(
    {"annotation", "annotation-xml", "maction-hidden", "mphantom", "maligngroup", "malignmark", "none"}
)
_TEXT_ESCAPES = str.maketrans({char: "\\" + char for char in "%#&_{}$"})

Children = list[str]


def mathml_to_tex(markup: str) -> str:
    """The TeX of one ``<math>`` element given as source text."""
    stack: list[tuple[str, str, Children]] = [("math", "", [])]
    for match in _TOKEN.finditer(markup):
        closing, name, attributes, text = match.groups()
        if text is not None:
            _add_text(stack, text)
        elif name is None:
            continue
        elif not closing:
            stack.append((name.lower(), attributes, []))
            if attributes.endswith("/"):
                _close(stack)
        elif any(entry[0] == name.lower() for entry in stack[-8:]):
            while len(stack) > 1 and _close(stack) != name.lower():
                continue
    while len(stack) > 1:
        _close(stack)
    return _row(stack[0][2]).strip()


def _add_text(stack: list[tuple[str, str, Children]], text: str) -> None:
    if stack[-1][0] in _LEAVES or text.strip():
        stack[-1][2].append(unescape(text))


def _close(stack: list[tuple[str, str, Children]]) -> str:
    name, attributes, children = stack.pop()
    if name not in _SKIPPED:
        stack[-1][2].append(_convert(name, attributes, children))
    return name


def _convert(name: str, attributes: str, children: Children) -> str:
    if name in _LEAVES:
        return _LEAVES[name]("".join(children).strip(), attributes)
    if name in _NODES:
        return _NODES[name](children, attributes)
    return _row(children)


def _row(children: Children) -> str:
    r"""Children side by side; a space keeps ``\alpha`` and ``x`` apart."""
    out: list[str] = []
    for child in children:
        if out and child[:1].isalpha() and _EXPRESSIVE.search(out[-1][-30:]):
            out.append(" ")
        if child:
            out.append(child)
    return "".join(out)


def _symbols(text: str) -> str:
    if text.isascii():
        return text
    return _row([SYMBOLS.get(char, char) for char in text])


def _identifier(text: str, attributes: str) -> str:
    if text in FUNCTIONS:
        return "\\" + text
    variant = next((tex for name, tex in _VARIANTS.items() if f'mathvariant="{name}"' in attributes), "")
    if variant and text:
        return f"{variant}{{{_symbols(text)}}}"
    if len(text) > 1 and text.isascii() and text.isalpha():
        return f"\\operatorname{{{text}}}" if "normal" in attributes else f"\\mathit{{{text}}}"
    return _symbols(text)


def _number(text: str, attributes: str) -> str:
    return _symbols(text).replace("%", "\\%")


def _operator(text: str, attributes: str) -> str:
    if text in FUNCTIONS:
        return "\\" + text
    if text in ("{", "}", "%", "#", "&", "$"):
        return "\\" + text
    if len(text) > 2 and text.isascii() and text.isalpha():
        return f"\\operatorname{{{text}}}"
    return _symbols(text)


def _text(text: str, attributes: str) -> str:
    words = " ".join(text.replace("\u00a0", " ").split())
    return f"\\text{{{words.translate(_TEXT_ESCAPES)}}}" if words else "\\ "


def _space(text: str, attributes: str) -> str:
    return " "


def _arguments(children: Children, count: int) -> Children:
    """The first ``count`` children, filled up with empty ones; what is left over joins the last."""
    padded = children + [""] * (count - len(children))
    return [*padded[: count - 1], _row(padded[count - 1 :])]


def _base(tex: str) -> str:
    return tex if len(tex) == 1 or re.fullmatch(r"\\[a-zA-Z]+|\\\w+\{\w*\}|\w*", tex) else f"{{{tex}}}"


def _fraction(children: Children, attributes: str) -> str:
    top, bottom = _arguments(children, 2)
    command = "\\binom" if re.search(r"linethickness\s*=\s*[\"']0", attributes) else "\\frac"
    return f"{command}{{{top}}}{{{bottom}}}"


def _root(children: Children, attributes: str) -> str:
    radicand, index = _arguments(children, 2)
    return f"\\sqrt[{index}]{{{radicand}}}"


def _subscript(children: Children, attributes: str) -> str:
    base, below = _arguments(children, 2)
    return f"{_base(base)}_{{{below}}}"


def _superscript(children: Children, attributes: str) -> str:
    base, above = _arguments(children, 2)
    return f"{_base(base)}^{{{above}}}"


def _both_scripts(children: Children, attributes: str) -> str:
    base, below, above = _arguments(children, 3)
    return f"{_base(base)}_{{{below}}}^{{{above}}}"


def _over(children: Children, attributes: str) -> str:
    base, above = _arguments(children, 2)
    if above in ACCENTS:
        return f"{ACCENTS[above]}{{{base}}}"
    if _LIMITS.match(base):
        return f"{base}^{{{above}}}"
    return f"\\overset{{{above}}}{{{base}}}"


def _under(children: Children, attributes: str) -> str:
    base, below = _arguments(children, 2)
    if below in ("_", "¯", "‾"):
        return f"\\underline{{{base}}}"
    if below in ("⏟", "\\underbrace"):
        return f"\\underbrace{{{base}}}"
    if _LIMITS.match(base) or base.startswith("\\operatorname"):
        return f"{base}_{{{below}}}"
    return f"\\underset{{{below}}}{{{base}}}"


def _under_over(children: Children, attributes: str) -> str:
    base, below, above = _arguments(children, 3)
    if _LIMITS.match(base):
        return f"{base}_{{{below}}}^{{{above}}}"
    return _over([_under([base, below], ""), above], "")


def _fenced(children: Children, attributes: str) -> str:
    def option(name: str, default: str) -> str:
        found = re.search(rf"\b{name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", attributes)
        return unescape(found[1] or found[2] or "") if found else default

    left, right = option("open", "("), option("close", ")")
    separator = (option("separators", ",").strip() or " ")[0]
    inside = f"{separator} ".join(children).replace("  ", " ")
    return f"\\left{_FENCES.get(left, left) or '.'} {inside} \\right{_FENCES.get(right, right) or '.'}"


def _table(children: Children, attributes: str) -> str:
    rows = " \\\\ ".join(children)
    columns = max((row.count(" & ") + 1 for row in children), default=1)
    return f"\\begin{{array}}{{{'c' * min(columns, 40)}}} {rows} \\end{{array}}"


def _multiscripts(children: Children, attributes: str) -> str:
    base, below, above = _arguments(children[:3], 3)
    return _both_scripts([base, below, above], "")


_LEAVES: dict[str, Callable[[str, str], str]] = {
    "mi": _identifier,
    "mn": _number,
    "mo": _operator,
    "ms": _text,
    "mspace": _space,
    "mtext": _text,
}
_NODES: dict[str, Callable[[Children, str], str]] = {
    "mfenced": _fenced,
    "mfrac": _fraction,
    "mmultiscripts": _multiscripts,
    "mover": _over,
    "mroot": _root,
    "msqrt": lambda children, attributes: f"\\sqrt{{{_row(children)}}}",
    "msub": _subscript,
    "msubsup": _both_scripts,
    "msup": _superscript,
    "mtable": _table,
    "mtd": lambda children, attributes: _row(children),
    "mtr": lambda children, attributes: " & ".join(children),
    "munder": _under,
    "munderover": _under_over,
}
