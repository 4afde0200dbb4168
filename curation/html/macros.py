r"""A page's own TeX macros: found where they are defined or configured, and expanded.

Example: ``definitions_in(r"\newcommand{\R}{\mathbb{R}} x \in \R")`` is the macro ``R`` and ``x \in \R``;
``expand(r"x \in \R^n", {"R": Macro("R", 0, None, r"\mathbb{R}")})`` is ``x \in \mathbb{R}^n``. From the
configuration of MathJax or KaTeX, ``configured_macros('macros: {R: "\\\\mathbb{R}"}')`` reads the same macro.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

MAX_EXPANSIONS: Final = 20_000
# Tokens read as arguments or put in by bodies, beside four for each token of the formula.
MAX_MOVED_TOKENS: Final = 200_000
MAX_MACROS: Final = 2_000

_NAME = r"\\([a-zA-Z]+|[|'\"=<>.*+/:;,!-])"
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


_OPENING = re.compile(r"[mM]acros[\"']?\s{0,9}[:=]\s{0,9}\{|\.Macro\s{0,9}\(")
# A string without its end goes to the end of the line.
_STRING = r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?"
_COMMENT = re.compile(rf"({_STRING})|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?|//[^\n]*", re.DOTALL)
_JS_TOKEN = re.compile(rf"{_STRING}|(?:String\.raw)?`(?:[^`\\]|\\.)*+`?|[\w$]+|[^\s\w$]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,5})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "\n": "", "\r\n": "", "\r": ""}
_KEY = re.compile(_NAME.replace(r"\\", r"\\?", 1))
_NUMBER = re.compile(r"#([1-9])")
_MAX_ENTRY_TOKENS = 200


def configured_macros(scripts: str) -> list[Macro]:
    r"""The macros in configuration scripts of MathJax 2 to 4 and KaTeX, the last definition of each name.

    What stands after ``Macros:``, ``macros =`` or ``.Macro(`` is read as tokens of JavaScript; nothing is run.
    """
    macros: dict[str, Macro] = {}
    code = _COMMENT.sub(r"\1", scripts) if _OPENING.search(scripts) else ""
    position = 0
    while len(macros) < MAX_MACROS and (opening := _OPENING.search(code, position)):
        entries, position = _entries(code, opening.end())
        if opening[0][-1] == "(":
            found = [_configured(entries[0][:1], entries[1:])] if entries else []
        else:
            found = [_configured(entry[:1], _items(entry[2:])) for entry in entries if entry[1:2] == [":"]]
        macros |= {macro.name: macro for macro in found if macro}
    return list(macros.values())


def _entries(code: str, start: int) -> tuple[list[list[str]], int]:
    """The tokens between commas up to the bracket that closes what is open at ``start``, and where that is."""
    entries: list[list[str]] = [[]]
    depth = 1
    for match in _JS_TOKEN.finditer(code, start):
        token = match[0]
        depth += (token in "([{") - (token in ")]}")
        if depth == 0:
            return entries, match.end()
        if token == "," and depth == 1:
            entries.append([])
        elif len(entries[-1]) < _MAX_ENTRY_TOKENS:
            entries[-1].append(token)
    return entries, len(code)


def _items(value: list[str]) -> list[list[str]]:
    """``["body", 2, "default"]`` as its elements; a string is the only one."""
    return _entries("".join(value), 1)[0] if value[:1] == ["["] else [value]


def _configured(key: list[str], items: list[list[str]]) -> Macro | None:
    name = _KEY.fullmatch(_string(key) or key[0]) if key else None
    body = _string(items[0]) if name and items else None
    if name is None or body is None:
        return None
    count = items[1] if len(items) > 1 else []
    parameters = int(count[0]) if len(count) == 1 and re.fullmatch("[0-9]", count[0]) else 0
    parameters = max([parameters, *map(int, _NUMBER.findall(body))])
    default = _string(items[2]) if len(items) > 2 and parameters else None
    return Macro(name[1], parameters, default, body.strip() if not body.endswith("\\ ") else body)


def _string(tokens: list[str]) -> str | None:
    """The text of a string, or of several joined by ``+``; None for anything else."""
    if not tokens or not all(token[0] in "\"'`+" or token.startswith("String.raw") for token in tokens):
        return None
    return "".join(_unescaped(token) for token in tokens if token != "+")


def _unescaped(token: str) -> str:
    text = token[token.index(token[-1]) + 1 : -1]
    if token[0] == "S" or "\\" not in text:
        return text
    # Pairs of surrogates become one character, lone ones a sign that it was none.
    return _ESCAPE.sub(_character, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    return chr(int(code, 16)) if code else _ESCAPED.get(match[4], match[4])


_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|%[^\n]*\n?|\s+|#[1-9]|.", re.DOTALL)
_DEFINING = frozenset(
    {"\\def", "\\gdef", "\\edef", "\\xdef", "\\let", "\\newcommand", "\\renewcommand", "\\providecommand"}
)
# What follows one of these is its argument even without braces.
_TAKES_ARGUMENT = re.compile(
    r"\\(?:hat|bar|vec|tilde|d{1,4}ot|check|breve|acute|grave|mathring|wide(?:hat|tilde)|(?:over|under)(?:line|brace|set)|sqrt"
    r"|over(?:left|right)arrow|boldsymbol|p?mb|bm|text|mbox|operatorname|[dtc]?frac|[dt]?binom|stackrel"
    r"|math(?:op|rel|bin|ord|bb|bf|cal|frak|it|rm|scr|sf|tt))"
)
Token = tuple[str, frozenset[str]]


def expand(tex: str, macros: dict[str, Macro]) -> str:
    r"""``tex`` with the macros, by name without backslash, replaced by what they stand for.

    A macro is not expanded within its own body, so ``\renewcommand{\vec}[1]{\vec{\mathbf{#1}}}`` ends. A formula
    that takes more than ``MAX_EXPANSIONS`` or moves too many tokens is given back as it is.
    """
    if "\\" not in tex or not macros:
        return tex
    tokens = _TOKEN.findall(tex)
    if {f"\\{name}" for name in macros}.isdisjoint(tokens):
        return tex
    expanded = _Expansion(macros, tokens).run()
    return tex if expanded is None else expanded


class _Expansion:
    """Tokens on a stack, each with the macros that it may not be expanded by."""

    def __init__(self, macros: dict[str, Macro], tokens: list[str]) -> None:
        self.macros = macros
        self.bodies: dict[str, list[str]] = {}
        self.stack: list[Token] = [(token, frozenset()) for token in reversed(tokens)]
        self.out: list[str] = []
        self.last = ""  # the last token that is no space
        self.left = MAX_MOVED_TOKENS + 4 * len(tokens)
        self.expansions = 0

    def run(self) -> str | None:
        while self.stack:
            token, hidden = self.stack.pop()
            macro = None
            if token[0] == "\\" and token not in hidden and self.last not in _DEFINING:
                macro = self.macros.get(token[1:])
            if macro is None or not self._expand(macro, hidden | {token}):
                self._put(token)
            if self.left < 0 or self.expansions > MAX_EXPANSIONS:
                return None
        return "".join(self.out)

    def _put(self, token: str) -> None:
        if token[0].isalpha() and self.out and self.out[-1][0] == "\\" and self.out[-1][-1].isalpha():
            self.out.append(" ")
        self.out.append(token)
        if not token.isspace():
            self.last = token

    def _expand(self, macro: Macro, hidden: frozenset[str]) -> bool:
        """Puts the body in the place of the macro; False if its arguments are not there."""
        arguments = self._arguments(macro, hidden)
        if arguments is None:
            return False
        body = self.bodies.get(macro.name)
        if body is None:
            body = self.bodies[macro.name] = _TOKEN.findall(macro.body)
        hidden |= {macro.body} if macro.literal else set()
        tokens: list[Token] = []
        for token in body:
            number = int(token[1]) if len(token) == 2 and token[0] == "#" else 0
            if 0 < number <= macro.parameters:
                tokens += arguments[number - 1]
            else:
                tokens.append((token, hidden))
            if len(tokens) > self.left:
                break
        self.expansions += 1
        self.left -= len(tokens)
        if len(tokens) > 1 and self._is_argument(tokens[0][0]):
            tokens = [("{", hidden), *tokens, ("}", hidden)]
        self.stack += reversed(tokens)
        return True

    def _is_argument(self, first: str) -> bool:
        r"""Whether the body must be one group here: ``\hat\R``, ``x^\R``."""
        if first == "{":
            return False
        command = first if self.last in ("^", "_") else self.last
        return _TAKES_ARGUMENT.fullmatch(command) is not None

    def _arguments(self, macro: Macro, hidden: frozenset[str]) -> list[list[Token]] | None:
        taken: list[Token] = []
        arguments: list[list[Token]] = []
        for number in range(macro.parameters):
            start = len(taken)
            self._take_spaces(taken)
            if number or macro.default is None:
                argument = self._argument(taken)
            elif self.stack and self.stack[-1][0] == "[" and (argument := self._group(taken, "]")) is not None:
                pass
            else:
                self._give_back(taken, start)
                argument = [(token, hidden) for token in _TOKEN.findall(macro.default)]
            if argument is None:
                self._give_back(taken, 0)
                return None
            arguments.append(argument)
        return arguments

    def _give_back(self, taken: list[Token], start: int) -> None:
        self.stack += reversed(taken[start:])
        del taken[start:]

    def _take_spaces(self, taken: list[Token]) -> None:
        while self.stack and (self.stack[-1][0].isspace() or self.stack[-1][0][0] == "%"):
            taken.append(self.stack.pop())

    def _argument(self, taken: list[Token]) -> list[Token] | None:
        if not self.stack or self.stack[-1][0] in ("}", "&", "\\\\"):
            return None
        if self.stack[-1][0] == "{":
            return self._group(taken, "}")
        taken.append(self.stack.pop())
        return taken[-1:]

    def _group(self, taken: list[Token], closing: str) -> list[Token] | None:
        """What stands between the bracket on the stack and its ``closing``; None, and nothing taken, if it is open."""
        start, depth = len(taken), 0
        while self.stack and self.left > 0:
            token = self.stack[-1][0]
            if depth == (closing == "}") and token == closing:
                taken.append(self.stack.pop())
                return taken[start + 1 : -1]
            depth += (token == "{") - (token == "}")
            if depth < 0:
                break
            self.left -= 1
            taken.append(self.stack.pop())
        self._give_back(taken, start)
        return None
