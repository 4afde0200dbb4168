r"""What MathJax has drawn, element by element: its parts, in whatever order they are drawn, to MathML.

Example: the frame of an ``mfrac`` with a line drawn and the parts ``<mi>a</mi>`` and ``<mi>b</mi>`` becomes, by
``part_of(frame)``, a part with the markup ``<mfrac><mi>a</mi><mi>b</mi></mfrac>``. Boxes have roles (``base``,
``over``, ``script``); without them, as in SVG, the height of a part tells an upper script from a lower one.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from typing import NamedTuple

LEAVES = frozenset({"mi", "mo", "mn", "mtext", "ms"})
SCRIPTS = frozenset({"msub", "msup", "msubsup", "munder", "mover", "munderover"})
BARS = {"∥": "‖", "∣": "|"}
_Y = re.compile(r"translate\(\s*[-\d.e]+[\s,]+(-?[\d.]+)")
_WIDTH = re.compile(r"(?<![-\w])width:\s*(-?[\d.]+[a-z]+)")
_ALIGN = re.compile(r"text-align:\s*(left|right)")
# Large delimiters are put together from pieces: by those that are no extension.
_PIECES = {
    "⎛": "(", "⎝": "(", "⎛⎝": "(", "⎞": ")", "⎠": ")", "⎞⎠": ")", "⎡⎣": "[", "⎤⎦": "]", "⎡": "⌈", "⎤": "⌉", "⎣": "⌊",
    "⎦": "⌋", "⎧⎩⎨": "{", "⎧⎨⎩": "{", "⎫⎭⎬": "}", "⎫⎬⎭": "}", "⎰⎱": "⎰", "←→": "↔", "⇐⇒": "⇔", "↑↓": "↕",
    "\ue150\ue151\ue153\ue152": "⏞", "\ue152\ue153\ue151\ue150": "⏟", "\ue150\ue151": "⏞", "\ue152\ue153": "⏟",
}  # fmt: skip
_STYLED = re.compile("[\U0001d400-\U0001d7ff]+")
_BOLD_ITALIC = re.compile("[\U0001d468-\U0001d49b]")
_EXTENSIONS = {**BARS, "⏐": "|", "\u2013": "―", "\u0305": "―"}
_NOTHING = "<mo></mo>"
# TeX begins the second column of an alignment with an empty atom.
_EQUATION = re.compile(r"<mtr><mtd>(?:[^<]|<(?!/mtd>))*+</mtd><mtd><mi></mi>")
_SURDS = tuple(f"<mo>{sign}" for sign in ("√", "⎷", "\ue000", "\ue001"))


class Part(NamedTuple):
    """A finished element, box (by its role) or stroke, with what the element around it may need to know."""

    role: str
    markup: str
    parts: tuple[str, ...] = ()
    height: float = 0.0
    latex: str | None = None


class Frame:
    """An open element: its finished parts, or the characters of a leaf with whether they extend a delimiter."""

    __slots__ = ("align", "alone", "chars", "height", "kind", "latex", "parts", "strokes", "svg", "variant", "width")

    def __init__(self, kind: str, attributes: dict[str, str]) -> None:
        style = attributes.get("style", "")
        height, width, align = (pattern.search(text) for pattern, text in _measures(style, attributes))
        self.kind = kind
        self.alone = False
        self.latex = attributes.get("data-latex")
        self.height = float(height[1]) if height and height[1].count(".") < 2 and height[1] not in ("-", ".") else 0.0
        self.width = width[1] if width else ""
        self.align = align[1] if align else "center"
        self.variant = ""
        self.parts: list[Part] = []
        self.chars: list[tuple[str, bool]] = []
        self.strokes: list[str] = []
        self.svg = 0


def _measures(style: str, attributes: dict[str, str]) -> list[tuple[re.Pattern[str], str]]:
    return [(_Y, attributes.get("transform", "")), (_WIDTH, style), (_ALIGN, style)]


def part_of(frame: Frame) -> Part:
    """A finished element as a part of the one around it."""
    kind, parts = frame.kind, frame.parts
    row = _row(parts)
    latex = frame.latex or (joined_latex(parts) if kind == "math" else None)
    inner: tuple[str, ...] = ()
    if kind in LEAVES:
        markup = _leaf(frame)
    elif kind in SCRIPTS:
        inner = _places(kind, parts)
        markup = _scripts(kind, *inner)
    elif kind == "mfrac":
        markup = _fraction(parts, bool(frame.strokes))
    elif kind in ("msqrt", "mroot"):
        markup = _root(kind, parts)
    elif kind in ("mtd", "mtr", "mlabeledtr", "mtable"):
        markup, inner = _tabular(frame)
    elif kind == "menclose":
        notation = " ".join(stroke for stroke in frame.strokes if stroke != "line")
        markup = f'<menclose notation="{notation}"><mrow>{row}</mrow></menclose>'
    elif kind == "mspace":
        markup = f'<mspace width="{frame.width}"/>' if frame.width else "<mspace/>"
    elif kind == "mphantom":
        markup = f"<mphantom>{row}</mphantom>"
    else:
        markup, inner = f"<mrow>{row}</mrow>", tuple(part.markup for part in parts)
    return Part(kind, markup, inner, frame.height, latex)


def _row(parts: list[Part]) -> str:
    r"""Parts side by side; where an empty sign begins or ends them (``\left.``), both ends are fences."""
    markups = [part.markup for part in parts]
    if len(markups) > 1 and _NOTHING in (markups[0], markups[-1]):
        for place, side in ((0, "OPEN"), (-1, "CLOSE")):
            markups[place] = markups[place].replace("<mo>", f'<mo data-mjx-texclass="{side}">', 1)
    return "".join(markups)


def joined_latex(parts: list[Part]) -> str | None:
    """The TeX that MathJax 4 kept of parts side by side; None unless it kept that of each."""
    words = [part.latex for part in parts]
    return " ".join(word for word in words if word) if words and None not in words else None


def _leaf(frame: Frame) -> str:
    text, kind = _delimiter(frame.chars), frame.kind
    if frame.alone and text == "∥":
        text = "‖"  # a relation has space around it
    variant = frame.variant
    if kind == "mtext":
        text = _STYLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    elif kind == "mo" and text == "\u2013":
        text = "―"  # the stroke of an overline
    elif _BOLD_ITALIC.fullmatch(text):
        text, variant = unicodedata.normalize("NFKC", text), "bold-italic"
    if kind == "mi" and len(text) == 1 and text.isascii() and text.isalpha() and not variant:
        variant = "normal"  # an italic letter has a code point of its own
    attribute = f' mathvariant="{variant}"' if variant else ""
    return f"<{kind}{attribute}>{escape(text)}</{kind}>"


def _delimiter(chars: list[tuple[str, bool]]) -> str:
    fixed = "".join(char for char, extends in chars if not extends)
    if fixed and len(fixed) == len(chars):
        return _PIECES.get(fixed, fixed)
    extension = "".join(char for char, extends in chars if extends)[:1]
    return _PIECES.get(fixed, fixed[:1]) if fixed else _EXTENSIONS.get(extension, extension)


def _places(kind: str, parts: list[Part]) -> tuple[str, str, str]:
    """Base, below and above of an element with scripts, wherever its output has put them."""
    base = below = above = ""
    loose: list[Part] = []
    for part in parts:
        if part.role == "script":
            above, below = _stacked(kind, list(part.parts))
        elif part.role == "over":
            above = part.markup
        elif part.role == "under":
            below = part.markup
        elif part.role == "base":
            base = part.markup
        elif part.role == "munder" and kind == "munderover" and above:
            base, below = part.parts[:2]
        else:
            loose.append(part)
    if loose and not base:
        base = loose.pop(0).markup
    if loose:
        loose.sort(key=lambda part: -part.height)
        above, below = _stacked(kind, [part.markup for part in loose])
    return base, below, above


def _stacked(kind: str, scripts: list[str]) -> tuple[str, str]:
    """The upper and the lower of one or two scripts, given from above."""
    if len(scripts) > 1:
        return scripts[0], scripts[1]
    script = scripts[0] if scripts else ""
    return ("", script) if kind in ("msub", "munder") else (script, "")


def _scripts(kind: str, base: str, below: str, above: str) -> str:
    limits = kind[1] in "uo"
    name = {(True, False): "munder" if limits else "msub", (False, True): "mover" if limits else "msup"}.get(
        (bool(below), bool(above)), "munderover" if limits else "msubsup"
    )
    return f"<{name}><mrow>{base}</mrow>{below}{above}</{name}>" if below or above else base


def _fraction(parts: list[Part], line: bool) -> str:
    boxes = [part.markup for part in parts][:2] + ["<mrow></mrow>"] * 2
    thickness = "" if line else ' linethickness="0"'
    return f"<mfrac{thickness}>{boxes[0]}{boxes[1]}</mfrac>"


def _root(kind: str, parts: list[Part]) -> str:
    """The sign itself is a part too: first, or last in SVG of MathJax 3, after the index."""
    index = next((part.markup for part in parts if part.role == "root"), "")
    inside = [part.markup for part in parts if part.role not in ("root", "surd")]
    last = bool(inside) and inside[-1].startswith(_SURDS)
    if last or (inside and inside[0].startswith(_SURDS)):
        inside.pop(-1 if last else 0)
        if kind == "mroot" and not index and inside:
            index = inside.pop(-1 if last else 0)
    radicand = f"<mrow>{''.join(inside)}</mrow>"
    return f"<mroot>{radicand}{index}</mroot>" if index else f"<msqrt>{radicand}</msqrt>"


def _tabular(frame: Frame) -> tuple[str, tuple[str, ...]]:
    kind, parts = frame.kind, frame.parts
    row = "".join(part.markup for part in parts)
    if kind == "mtd":
        return f"<mtd>{row}</mtd>", (frame.align,)
    if kind == "mtable":
        aligned = max((part.parts for part in parts), key=len, default=())
        if any(_EQUATION.match(part.markup) for part in parts):
            aligned = (("right", "left") * len(aligned))[: len(aligned)]
        attribute = f' columnalign="{" ".join(aligned)}"' if set(aligned) - {"center"} else ""
        return f"<mtable{attribute}>{row}</mtable>", ()
    return f"<mtr>{row}</mtr>", tuple(name for part in parts for name in part.parts if part.role == "mtd")
