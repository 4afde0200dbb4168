r"""A page's own TeX macros, expanded in its formulas.

Example: ``expand(r"x \in \R^n", {"R": Macro("R", 0, None, r"\mathbb{R}")})`` is ``x \in \mathbb{R}^n``.
"""

from __future__ import annotations

import re
from typing import Final

from curation.html.macros import Macro

MAX_EXPANSIONS: Final = 20_000
# Tokens read as arguments or put in by bodies, beside four for each token of the formula.
MAX_MOVED_TOKENS: Final = 200_000

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
