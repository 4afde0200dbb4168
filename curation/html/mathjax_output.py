r"""What MathJax has drawn, back to MathML and TeX: pages that were saved after their scripts ran.

Example: ``<mjx-msup><mjx-mi><mjx-c class="mjx-c1D465 TEX-I">..</mjx-mi><mjx-script><mjx-mn><mjx-c class="mjx-c32">``
(CHTML of MathJax 3) and ``<g data-mml-node="msup"><g data-mml-node="mi"><use data-c="1D465">`` (SVG) name the elements
of MathML and the code points of their characters. Boxes without meaning share the frame of the element around them; so
do elements nested too deep. MathJax 4 keeps the TeX itself in ``data-latex``, MathJax 2 the MathML in ``data-mathml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from html import escape, unescape
from typing import Final, NamedTuple

from curation.html.mathml import mathml_to_tex

MAX_DEPTH: Final = 200

_OUTPUT = re.compile(r"<mjx-math\b|\bdata-mml-node\s*=", re.IGNORECASE)
_ASSISTIVE = re.compile(r"<math\b[^<>]*>.*?</math\s*>", re.DOTALL)
_QUOTED = r"\"[^\"]{0,100000}+\"|'[^']{0,100000}+'"
_TOKEN = re.compile(rf"<(/?)([a-zA-Z][\w-]*)((?:[^<>\"']++|{_QUOTED}){{0,200}}+)>|([^<]++)|<")
_ATTRIBUTE = re.compile(r"(?<![\w:-])([\w:-]++)\s{0,9}+=\s{0,9}+(?:\"([^\"]*)\"|'([^']*)')")
_CODE = re.compile(r"(?<![\w-])mjx-c([0-9A-F]{2,6})(?![\w-])")
_LARGE = re.compile(r"(?:TEX|NCM)-S[0-9]")
_CALLIGRAPHIC = re.compile(r"(?:TEX|NCM)-CB?(?![A-Z])")
_Y = re.compile(r"translate\(\s*[-\d.e]+[\s,]+(-?[\d.]+)")
_WIDTH = re.compile(r"(?<![-\w])width:\s*(-?[\d.]+[a-z]+)")
_ALIGN = re.compile(r"text-align:\s*(left|right)")
_ATTRIBUTE_VALUE = r"{}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')"
_TEX_LIKE = re.compile(r"\\[a-zA-Z]|[\^_]")
_WORDS = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{3,}\s+[a-zA-Z]{2,}")

_LEAVES = frozenset({"mi", "mo", "mn", "mtext", "ms"})
_SCRIPTS = frozenset({"msub", "msup", "msubsup", "munder", "mover", "munderover"})
_ROWS = frozenset({"math", "merror", "mpadded", "mrow", "mstyle", "texatom"})
_ROLES = frozenset({"num", "den", "over", "under", "base", "root", "script", "surd"})
_OTHERS = frozenset({"menclose", "mfrac", "mlabeledtr", "mphantom", "mroot", "mspace", "msqrt", "mtable", "mtd", "mtr"})
_ELEMENTS = _LEAVES | _SCRIPTS | _ROWS | _OTHERS
_DROPPED = frozenset({"labels", "defs", "speech", "braille", "stretchy-v", "stretchy-h", "title", "desc", "style"})
_MARKS = {"line": "line", "rect": "line", "ustrike": "updiagonalstrike", "dstrike": "downdiagonalstrike"}
_VOID = frozenset({"br", "img", "hr", "input", "wbr"})
# Large delimiters are put together from pieces: by those that are no extension.
_PIECES = {
    "⎛": "(", "⎝": "(", "⎛⎝": "(", "⎞": ")", "⎠": ")", "⎞⎠": ")", "⎡⎣": "[", "⎤⎦": "]", "⎡": "⌈", "⎤": "⌉", "⎣": "⌊",
    "⎦": "⌋", "⎧⎩⎨": "{", "⎧⎨⎩": "{", "⎫⎭⎬": "}", "⎫⎬⎭": "}", "⎰⎱": "⎰", "←→": "↔", "⇐⇒": "⇔", "↑↓": "↕",
    "\ue150\ue151\ue153\ue152": "⏞", "\ue152\ue153\ue151\ue150": "⏟", "\ue150\ue151": "⏞", "\ue152\ue153": "⏟",
}  # fmt: skip
_STYLED = re.compile("[\U0001d400-\U0001d7ff]+")
_BOLD_ITALIC = re.compile("[\U0001d468-\U0001d49b]")
_BARS = {"∥": "‖", "∣": "|"}
_EXTENSIONS = {**_BARS, "⏐": "|", "\u2013": "―", "\u0305": "―"}
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


class _Frame:
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


def output_tex(source: str) -> str | None:
    """The TeX of one formula that MathJax has drawn, from the best that its markup has kept; None if it is none."""
    markup, latex = _read(source) if _OUTPUT.search(source) else (None, None)
    if latex and latex.strip():
        return latex.strip()
    mathml = _value(source, "data-mathml")
    if mathml and "<" in mathml:
        return mathml_to_tex(mathml)
    label = _value(source, "aria-label")
    if label and _TEX_LIKE.search(label) and not _WORDS.search(label):
        return label.strip()
    markup = _assistive(source) or markup
    return mathml_to_tex(markup) if markup else None


def output_to_mathml(source: str) -> str | None:
    """CHTML or SVG output of MathJax 3 and 4 as MathML; its own assistive MathML where it has one."""
    if not _OUTPUT.search(source):
        return None
    return _assistive(source) or _read(source)[0]


def _assistive(source: str) -> str | None:
    found = _ASSISTIVE.search(source) if "</math" in source else None
    return found[0] if found else None


def _value(source: str, name: str) -> str | None:
    found = re.search(_ATTRIBUTE_VALUE.format(re.escape(name)), source)
    return unescape(found[1] or found[2] or "") if found else None


def _read(source: str) -> tuple[str | None, str | None]:
    reader = _Reader()
    for match in _TOKEN.finditer(source):
        closing, name, attributes, text = match.groups()
        if text is not None:
            reader.text(text)
        elif closing:
            reader.close(name.lower())
        elif name:
            reader.open(name.lower(), attributes)
    root = reader.end()
    markup = "".join(part.markup for part in root.parts)
    return (f"<math>{markup}</math>" if markup else None), _joined_latex(root.parts)


class _Reader:
    """The open tags and the frame that each of them writes into."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, _Frame]] = [("", _Frame("", {}))]
        self.names: Counter[str] = Counter()
        self.depth = 0

    def open(self, name: str, source: str) -> None:
        frame = self.opened[-1][1]
        attributes = {found[1].lower(): unescape(found[2] or found[3] or "") for found in _ATTRIBUTE.finditer(source)}
        kind = _kind(name, attributes)
        if kind in _MARKS:
            frame.strokes.append(_stroke(kind, attributes))
        elif kind == "box" and "border:" in attributes.get("style", ""):
            frame.strokes.append("box")
        self._characters(frame, name, kind, attributes)
        if name in _VOID or source.endswith("/"):
            return
        if self.depth < MAX_DEPTH and _has_frame(name, kind, attributes):
            frame = _Frame("dropped" if kind in _DROPPED else kind, attributes)
            frame.alone = name == "mjx-mo" and "space" not in attributes
            self.depth += 1
        elif name == "svg":
            frame.svg += 1
        self.opened.append((name, frame))
        self.names[name] += 1

    def _characters(self, frame: _Frame, name: str, kind: str, attributes: dict[str, str]) -> None:
        if kind in ("c", "stretchy-v", "stretchy-h"):
            found = _CODE.search(attributes.get("class", ""))
            code, font = found[1] if found else "", attributes.get("class", "")
        elif name in ("use", "path"):
            code, font = attributes.get("data-c", ""), attributes.get("xlink:href", attributes.get("href", ""))
        else:
            return
        if frame.kind in _LEAVES and (char := _char(code)):
            char = _BARS.get(char, char) if kind[:8] == "stretchy" or _LARGE.search(font) else char
            frame.chars.append((char, frame.svg > 0))
            frame.variant = "script" if _CALLIGRAPHIC.search(font) else frame.variant

    def text(self, text: str) -> None:
        name, frame = self.opened[-1]
        if frame.kind in _LEAVES and name != "mjx-c" and text.strip():
            frame.chars += [(char, False) for char in unescape(text)]

    def close(self, name: str) -> None:
        if self.names[name] == 0:
            return
        while self._close_last() != name:
            pass

    def _close_last(self) -> str:
        name, frame = self.opened.pop()
        self.names[name] -= 1
        around = self.opened[-1][1]
        if around is frame:
            frame.svg -= name == "svg"
            return name
        self.depth -= 1
        if frame.kind != "dropped":
            around.parts.append(_part(frame))
        return name

    def end(self) -> _Frame:
        while len(self.opened) > 1:
            self._close_last()
        return self.opened[0][1]


def _kind(name: str, attributes: dict[str, str]) -> str:
    if name.startswith("mjx-"):
        return name[4:]
    return attributes.get("data-mml-node", "labels" if "data-labels" in attributes else name).lower()


def _has_frame(name: str, kind: str, attributes: dict[str, str]) -> bool:
    return kind in _ELEMENTS or kind in _DROPPED or (kind in _ROLES and name.startswith("mjx-"))


def _char(code: str) -> str:
    number = int(code, 16) if re.fullmatch("[0-9A-Fa-f]{2,6}", code) else 0
    return chr(number) if 0x20 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else ""


def _stroke(kind: str, attributes: dict[str, str]) -> str:
    """In SVG the strokes of a cancelled part are lines, a fraction's line and a box are rectangles."""
    if kind != "line" or "y1" not in attributes:
        return "box" if kind == "rect" else _MARKS[kind]
    ups = [re.sub(r"[^\d.-]", "", attributes.get(name, "")) for name in ("y1", "y2")]
    return "updiagonalstrike" if ups[0][:1] == "-" or ups[1][:1] != "-" else "downdiagonalstrike"


def _part(frame: _Frame) -> Part:
    kind, parts = frame.kind, frame.parts
    row = _row(parts)
    latex = frame.latex or (_joined_latex(parts) if kind == "math" else None)
    inner: tuple[str, ...] = ()
    if kind in _LEAVES:
        markup = _leaf(frame)
    elif kind in _SCRIPTS:
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


def _joined_latex(parts: list[Part]) -> str | None:
    words = [part.latex for part in parts]
    return " ".join(word for word in words if word) if words and None not in words else None


def _leaf(frame: _Frame) -> str:
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


def _tabular(frame: _Frame) -> tuple[str, tuple[str, ...]]:
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
