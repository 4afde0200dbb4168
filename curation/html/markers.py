r"""Marks that stand for formulas and code in a page's text, and the formulas that they stand for.

Example: a :class:`Formulas` keeps ``x^2`` under number 0 and gives ``OPEN + "0" + CLOSE`` to put into the text; when
the text is complete that mark becomes ``$x^2$``. The marks are Unicode noncharacters (U+FDD0–U+FDEF): unlike
private-use characters, which icon fonts use on every second page, no page has a right to hold them. A number instead
of the TeX itself keeps line breaks, ``<`` and braces out of the reach of the delimiter pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from curation.html.macros import Macro, definitions_in

OPEN = "\ufdd0"
CLOSE = "\ufdd1"
CODE_OPEN = "\ufdd2"
CODE_CLOSE = "\ufdd3"
PRE_OPEN = "\ufdd4"
PRE_CLOSE = "\ufdd5"

MARK = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_FORBIDDEN = re.compile("[\ufdd0-\ufdef\0]")
_MACRO = re.compile(
    r"\s*\\(?:(?:re|provide)?newcommand|newcommand|renewcommand|DeclareMathOperator|[gex]?def|let|require|newenvironment"
    r"|definecolor|setcounter|usepackage|begingroup|endgroup)(?![a-zA-Z])\*?"
)
_MACRO_NAME = re.compile(r"\s*\\(?:[a-zA-Z@]+|.)[^\\{}\[]{0,40}(?=[\[{\\\s]|$)|\s*[a-zA-Z]*")
_COMMENTS = re.compile(
    r"(?:\s*%[^\n\\]*)*"
)  # the extractor may have joined lines: then a comment ends at the next command
_LEAD = re.compile(r"\s*(?:\\begin\{\w+\*?\}\s*)*")
_ONLY_ENDS = re.compile(r"(?:\s|\\\\|\\end\{\w+\*?\})*")
_DEFINES = re.compile(
    r"\\(?:re|provide)?(?:newcommand|DeclareMathOperator|[gex]?def|let|require|newenvironment|definecolor|setcounter|usepackage|begingroup|endgroup)(?![a-zA-Z])"
)
_COMMENT_LINE = re.compile(r"(?<!\\)%[^\n]*\n")
_OUTER_DOLLARS = re.compile(r"^\$+|(?<!\\)\$+$")
_LAST_BREAKS = re.compile(r"(?:\s*(?<!\\)\\\\)+\s*$")
_LONE_DOLLAR = re.compile(r"(?<!\\)\$")
_TEXT_DOLLARS = re.compile(r"(?<!\\)\$([^$]*)(?<!\\)\$")


def without_marks(html: str) -> str:
    """``html`` without null bytes and without the characters that serve as marks."""
    if html.isascii() and "\0" not in html:
        return html
    return _FORBIDDEN.sub("", html)


@dataclass(slots=True)
class Formulas:
    """The formulas of one page in the order in which they were found."""

    tex: list[str] = field(default_factory=list)
    display: list[bool] = field(default_factory=list)
    macros: list[Macro] = field(default_factory=list)

    def add(self, tex: str, *, display: bool) -> int | None:
        """The number of ``tex``; None for an empty formula or one that only defines macros."""
        defines = _DEFINES.search(tex) is not None
        if defines:
            found, tex = definitions_in(tex)
            self.macros += found
        tex = tidy(tex, display=display, defines=defines)
        if not tex:
            return None
        self.tex.append(tex)
        self.display.append(display)
        return len(self.tex) - 1

    def keep(self, tex: str, *, display: bool) -> str:
        """The mark of ``tex``; nothing where there is no formula."""
        number = self.add(tex, display=display)
        return "" if number is None else f"{OPEN}{number}{CLOSE}"

    def show(self, number: int) -> str:
        """The formula in the dollars of Markdown."""
        dollars = "$$" if self.display[number] else "$"
        return f"{dollars}{self.tex[number]}{dollars}"

    def shown_in(self, text: str) -> tuple[str, int]:
        """``text`` with its marks as formulas in dollars, and how many they were."""
        pieces = MARK.split(text)
        pieces[1::2] = [self.show(int(number)) for number in pieces[1::2]]
        return "".join(pieces), len(pieces) // 2


def tidy(tex: str, *, display: bool, defines: bool) -> str:
    r"""``tex`` on one line, if it ``defines`` macros without that, and with no dollar that would end it too early.

    A ``%`` begins TeX's comment, which needs its line break: such formulas keep their lines. Dollars in
    ``\text{if $x$}`` stay between double dollars and become ``\(x\)`` between single ones. There a ``\\`` at the end,
    which begins a line that is not there, would make the dollar after it look escaped; it goes.
    """
    tex = without_marks(tex)
    tex = tex.strip() if "%" in tex and _COMMENT_LINE.search(tex) else " ".join(tex.split())
    if defines:
        tex = without_definitions(tex)
    if tex.endswith("\\") and not display:
        tex = _LAST_BREAKS.sub("", tex)
    if "$" in tex:
        tex = _OUTER_DOLLARS.sub("", tex).strip()
        if not display or "$$" in tex or tex.count("$") % 2:
            tex = _TEXT_DOLLARS.sub(r"\\(\1\\)", tex)
            tex = _LONE_DOLLAR.sub("", tex)
    return tex + " " if tex.endswith("\\") else tex


def without_definitions(tex: str) -> str:
    r"""``tex`` without the macro definitions, and the comments among them, that it begins with.

    They may stand inside ``\begin{align}``, as Sphinx writes a page's macros; a formula of nothing else is empty.
    """
    lead = _LEAD.match(tex)
    start = position = lead.end() if lead else 0
    while match := _MACRO.match(tex, _after_comments(tex, position)):
        position = match.end()
        name = _MACRO_NAME.match(tex, position)
        position = name.end() if name else position
        while (end := _group_end(tex, position)) > position:
            position = end
    if position == start:
        return tex
    rest = tex[_after_comments(tex, position) :].strip()
    return "" if _ONLY_ENDS.fullmatch(rest) else (tex[:start] + rest).strip()


def _after_comments(tex: str, position: int) -> int:
    match = _COMMENTS.match(tex, position)
    return match.end() if match else position


def _group_end(tex: str, start: int) -> int:
    """The position after the ``{…}`` or ``[…]`` that follows ``start``, or ``start`` itself."""
    opening = start
    while opening < len(tex) and tex[opening] == " ":
        opening += 1
    if opening == len(tex) or tex[opening] not in "{[":
        return start
    depth = 0
    for position in range(opening, len(tex)):
        if tex[position] in "{[" and tex[position - 1] != "\\":
            depth += 1
        elif tex[position] in "}]" and tex[position - 1] != "\\":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(tex)
