r"""What MathJax has drawn, back to MathML and TeX: pages that were saved after their scripts ran.

Example: ``<mjx-msup><mjx-mi><mjx-c class="mjx-c1D465 TEX-I">..</mjx-mi><mjx-script><mjx-mn><mjx-c class="mjx-c32">``
(CHTML of MathJax 3) and ``<g data-mml-node="msup"><g data-mml-node="mi"><use data-c="1D465">`` (SVG) name the elements
of MathML and the code points of their characters. Boxes without meaning share the frame of the element around them; so
do elements nested too deep. MathJax 4 keeps the TeX itself in ``data-latex``, MathJax 2 the MathML in ``data-mathml``.
"""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import Final

from curation.html.mathjax_elements import BARS, LEAVES, SCRIPTS, Frame, joined_latex, part_of
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
_ATTRIBUTE_VALUE = r"{}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')"
_TEX_LIKE = re.compile(r"\\[a-zA-Z]|[\^_]")
_WORDS = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{3,}\s+[a-zA-Z]{2,}")
_ROWS = frozenset({"math", "merror", "mpadded", "mrow", "mstyle", "texatom"})
_ROLES = frozenset({"num", "den", "over", "under", "base", "root", "script", "surd"})
_OTHERS = frozenset({"menclose", "mfrac", "mlabeledtr", "mphantom", "mroot", "mspace", "msqrt", "mtable", "mtd", "mtr"})
_ELEMENTS = LEAVES | SCRIPTS | _ROWS | _OTHERS
_DROPPED = frozenset({"labels", "defs", "speech", "braille", "stretchy-v", "stretchy-h", "title", "desc", "style"})
_MARKS = {"line": "line", "rect": "line", "ustrike": "updiagonalstrike", "dstrike": "downdiagonalstrike"}
_VOID = frozenset({"br", "img", "hr", "input", "wbr"})


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
    return (f"<math>{markup}</math>" if markup else None), joined_latex(root.parts)


class _Reader:
    """The open tags and the frame that each of them writes into."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, Frame]] = [("", Frame("", {}))]
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
            frame = Frame("dropped" if kind in _DROPPED else kind, attributes)
            frame.alone = name == "mjx-mo" and "space" not in attributes
            self.depth += 1
        elif name == "svg":
            frame.svg += 1
        self.opened.append((name, frame))
        self.names[name] += 1

    def _characters(self, frame: Frame, name: str, kind: str, attributes: dict[str, str]) -> None:
        if kind in ("c", "stretchy-v", "stretchy-h"):
            found = _CODE.search(attributes.get("class", ""))
            code, font = found[1] if found else "", attributes.get("class", "")
        elif name in ("use", "path"):
            code, font = attributes.get("data-c", ""), attributes.get("xlink:href", attributes.get("href", ""))
        else:
            return
        if frame.kind in LEAVES and (char := _char(code)):
            char = BARS.get(char, char) if kind[:8] == "stretchy" or _LARGE.search(font) else char
            frame.chars.append((char, frame.svg > 0))
            frame.variant = "script" if _CALLIGRAPHIC.search(font) else frame.variant

    def text(self, text: str) -> None:
        name, frame = self.opened[-1]
        if frame.kind in LEAVES and name != "mjx-c" and text.strip():
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
            around.parts.append(part_of(frame))
        return name

    def end(self) -> Frame:
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
