r"""Marks that travel through resiliparse inside the page, and the formulas that they stand for.

Example: a :class:`Formulas` keeps ``x^2`` under number 0 and gives ``OPEN + "0" + CLOSE`` to put into the page; after
the text has been extracted that mark becomes ``$x^2$``. The marks are Unicode noncharacters (U+FDD0–U+FDEF): unlike
private-use characters, which icon fonts use on every second page, no page has a right to hold them. A number instead
of the TeX itself keeps line breaks, ``<`` and braces out of the reach of the extractor and of the delimiter pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OPEN = "\ufdd0"
CLOSE = "\ufdd1"
CODE_OPEN = "\ufdd2"
CODE_CLOSE = "\ufdd3"
PRE_OPEN = "\ufdd4"
PRE_CLOSE = "\ufdd5"
HEADING = "\ufdd6"
FILLING = "\ufdd8"  # gives a mark the length of its formula: extractors judge a block by how much text it holds
DOLLAR = "\ufdd7"  # a dollar sign that is already right: survives the escaping of the others

MAX_FILLING = 200
MARK = re.compile(f"{OPEN}([0-9]+){CLOSE}{FILLING}*")
_FORBIDDEN = re.compile("[\ufdd0-\ufdef\0]")
_MACRO = re.compile(
    r"\s*\\(?:(?:re|provide)?newcommand|newcommand|renewcommand|DeclareMathOperator|[gex]?def|let|require|newenvironment"
    r"|definecolor|setcounter|usepackage|label|begingroup|endgroup)(?![a-zA-Z])\*?"
)
_MACRO_NAME = re.compile(r"\s*\\(?:[a-zA-Z@]+|.)[^\\{}\[]{0,40}(?=[\[{\\\s]|$)|\s*[a-zA-Z]*")
_COMMENTS = re.compile(
    r"(?:\s*%[^\n\\]*)*"
)  # the extractor may have joined lines: then a comment ends at the next command
_LEAD = re.compile(r"\s*(?:\\begin\{\w+\*?\}\s*)*")
_ONLY_ENDS = re.compile(r"(?:\s|\\\\|\\end\{\w+\*?\})*")
_SPACE = re.compile(r"\s+")
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

    def keep(self, tex: str, *, display: bool) -> str:
        """The mark of ``tex``; nothing for an empty formula or one that only defines macros."""
        tex = tidy(tex)
        if not tex:
            return ""
        self.tex.append(tex)
        self.display.append(display)
        return self.mark(len(self.tex) - 1)

    def mark(self, number: int) -> str:
        """What stands for the formula in the page."""
        return f"{OPEN}{number}{CLOSE}{FILLING * min(len(self.tex[number]), MAX_FILLING)}"

    def show(self, number: int) -> str:
        """The formula in the dollars of Markdown, written with the mark that protects them."""
        dollars = DOLLAR * (2 if self.display[number] else 1)
        return f"{dollars}{self.tex[number]}{dollars}"


def tidy(tex: str) -> str:
    r"""``tex`` on one line, without macro definitions and without dollars inside (``\text{if $x$}``).

    A ``%`` before a line break is TeX's comment and needs its line break: such formulas keep their lines.
    """
    tex = without_marks(tex).strip()
    if "%\n" not in tex:
        tex = _SPACE.sub(" ", tex)
    tex = without_definitions(tex)
    if "$" in tex:
        tex = _TEXT_DOLLARS.sub(r"\\(\1\\)", tex.strip("$").strip())
        tex = re.sub(r"(?<!\\)\$", "", tex)
    return tex[:-1] + "\\ " if tex.endswith("\\") and not tex.endswith("\\\\") else tex


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
