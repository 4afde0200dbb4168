r"""A page's own TeX macros, found where TeX defines them; `macro_configuration` and `macro_expansion` go on from here.

Example: ``definitions_in(r"\newcommand{\R}{\mathbb{R}} x \in \R")`` is the macro ``R`` and ``x \in \R``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

MAX_MACROS: Final = 2_000
# What may be a macro's name, after its backslash.
NAME: Final = r"([a-zA-Z]+|[|'\"=<>.*+/:;,!-])"

_NAME = r"\\" + NAME
_DEFINITION = re.compile(
    r"(?:\\(?:long|global|protected)\s*){0,3}+"
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|DeclareMathOperator|[gex]?def|let)(?![a-zA-Z])(\*?)"
    r"|\\.|%[^\n]*",
    re.DOTALL,
)
_DEFINED = re.compile(rf"\s*(?:\{{\s*{_NAME}\s*\}}|{_NAME})\s*")
_LET = re.compile(rf"\s*{_NAME}\s*=?\s*(\\[a-zA-Z]+|\\.|[^\s{{}}\\])", re.DOTALL)
_COUNT = re.compile(r"\[\s*([0-9])\s*\]\s*")
_DEFAULT = re.compile(r"\[((?:[^\[\]{}\\]|\\.|\{[^{}]{0,500}+\}){0,2000}+)\]\s*", re.DOTALL)
_PARAMETERS = re.compile(r"(?:#[1-9]\s*)*")
_BRACES = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
# What a definition may hold and a formula has no use for.
_REMARK = re.compile(
    r"(\\(?!(?:ensuremath|xspace)(?![a-zA-Z])).)|%[^\n]*\n?[ \t]*|\\(?:ensuremath|xspace)\s*", re.DOTALL
)
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Macro:
    r"""One macro: ``Macro("norm", 2, "2", r"\|#2\|_{#1}")`` is ``\newcommand{\norm}[2][2]{\|#2\|_{#1}}``.

    ``default`` is the value of an optional first argument, None where there is none. ``literal`` says that ``body`` is
    one command in the meaning it had before the page gave it another: what ``\let\oldphi\phi`` keeps.
    """

    name: str
    parameters: int
    default: str | None
    body: str
    literal: bool = False

    def __str__(self) -> str:
        if self.literal:
            return f"\\let\\{self.name}{self.body}"
        count = f"[{self.parameters}]" if self.parameters else ""
        default = "" if self.default is None else f"[{self.default}]"
        return f"\\newcommand{{\\{self.name}}}{count}{default}{{{self.body}}}"


def definitions_in(tex: str) -> tuple[list[Macro], str]:
    r"""The macros that ``tex`` defines, in order, and ``tex`` without their definitions.

    Definitions that are not understood (``\def\f(#1){..}``, an open brace) stay where they are.
    """
    partners: dict[int, int] = {}
    macros: dict[str, Macro] = {}
    pieces: list[str] = []
    position, last = 0, ""
    for match in _DEFINITION.finditer(tex):
        if not match[1] or match.start() < position:
            continue
        partners = partners or _partners(tex)
        found = _definition(tex, match, partners)
        if found is None:
            continue
        macro, end = found
        _define(macros, macro, match[1])
        pieces.append(tex[position : match.start()])
        last = pieces[-1][-1:] or last
        position = _SPACE.match(tex, end).end()  # type: ignore[union-attr]  # it matches anywhere
        if position > end and last and not last.isspace():
            pieces.append(" ")
            last = " "
    pieces.append(tex[position:])
    # What \let kept is an old meaning only if the command got a new one since.
    kept = [replace(macro, literal=macro.literal and macro.body[1:] in macros) for macro in macros.values()]
    return kept, "".join(pieces)


def _partners(tex: str) -> dict[int, int]:
    """Where the group that opens at a place ends: found once, so that unclosed groups cost nothing."""
    opened: list[int] = []
    partners = {-1: -1}
    for match in _BRACES.finditer(tex):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            partners[opened.pop()] = match.start()
    return partners


def _define(macros: dict[str, Macro], macro: Macro, command: str) -> None:
    if command == "providecommand" and macro.name in macros:
        return
    if macro.literal and (target := macros.get(macro.body[1:])):
        macro = replace(target, name=macro.name)
    macros.pop(macro.name, None)
    if len(macros) < MAX_MACROS:
        macros[macro.name] = macro


def _definition(tex: str, match: re.Match[str], partners: dict[int, int]) -> tuple[Macro, int] | None:
    """The macro defined by the command at ``match``, and where its definition ends."""
    if match[1] == "let":
        let = _LET.match(tex, match.end())
        return (Macro(let[1], 0, None, let[2], literal=True), let.end()) if let else None
    name = _DEFINED.match(tex, match.end())
    if name is None:
        return None
    parameters, default, position = 0, None, name.end()
    if match[1].endswith("def"):
        numbers = _PARAMETERS.match(tex, position)
        parameters, position = (numbers[0].count("#"), numbers.end()) if numbers else (0, position)
    elif match[1] != "DeclareMathOperator" and (count := _COUNT.match(tex, position)):
        parameters, position = int(count[1]), count.end()
        if optional := _DEFAULT.match(tex, position):
            default, position = optional[1], optional.end()
    end = partners.get(position)
    if end is None or parameters > 9:
        return None
    body = _REMARK.sub(r"\1", tex[position + 1 : end])
    if match[1] == "DeclareMathOperator":
        body = f"\\operatorname{match[2]}{{{body.strip()}}}"
    body = body.rstrip() + " " if body.endswith("\\ ") else body.strip()
    return Macro(name[1] or name[2], parameters, default, body), end + 1
