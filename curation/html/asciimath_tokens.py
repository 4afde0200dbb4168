r"""A formula of AsciiMath as tokens, spaces left out.

Example: ``tokens_of("abs x|y")`` are ``abs``, the letter ``x``, the sign ``∣`` and the letter ``y``: a bar that neither
opens nor closes is one in the middle. The longest name that AsciiMath knows wins; what it does not know are single
letters and signs.
"""

from __future__ import annotations

import re
from typing import Final

from curation.html.asciimath_symbols import SYMBOLS, Symbol

# The longest name wins; one pattern for each first character keeps the search short.
_NAMES = {
    first: re.compile("|".join(re.escape(name) for name in sorted(SYMBOLS, key=len, reverse=True) if name[0] == first))
    for first in {name[0] for name in SYMBOLS}
}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_SPACE = re.compile(r"[\s\x00-\x20]+")
_TEXT_ENDS = {"(": ")", "[": "]", "{": "}", '"': '"'}
END: Final = Symbol("end", "")
_COMMA: Final = Symbol("sign", ",")


def tokens_of(text: str) -> list[Symbol]:
    """The symbols, numbers, letters and texts of a formula, with each bar told apart."""
    return _paired(_tokens(text))


def _tokens(text: str) -> list[Symbol]:
    tokens: list[Symbol] = []
    position = 0
    while position < len(text):
        if space := _SPACE.match(text, position):
            position = space.end()
            continue
        if text[position] == "\\" and text[position + 1 : position + 2] not in ("\\", " ", ""):
            position += 1  # names may be written as in TeX
        names = _NAMES.get(text[position])
        name = names.match(text, position) if names else None
        if name:
            token, position = SYMBOLS[name[0]], name.end()
            if token.kind == "text":
                token, position = _text(text, token, position)
        elif number := _NUMBER.match(text, position):
            token, position = Symbol("number", number[0]), number.end()
        else:
            char = text[position]
            token, position = Symbol("letter" if char.isalpha() else "sign", char), position + 1
        tokens.append(token)
    return tokens


def _text(text: str, token: Symbol, position: int) -> tuple[Symbol, int]:
    """``text(words)`` and ``"words"``: up to the first closing bracket, whatever stands between."""
    if token.text == '"':
        position -= 1
    elif space := _SPACE.match(text, position):
        position = space.end()
    closing = _TEXT_ENDS.get(text[position : position + 1])
    if closing is None:
        return Symbol("text", token.name), position
    end = text.find(closing, position + 1)
    if end < 0:
        return (
            (Symbol("text", ""), position + 1) if closing == '"' else (Symbol("text", text[position + 1 :]), len(text))
        )
    return Symbol("text", text[position + 1 : end]), end + 1


def _paired(tokens: list[Symbol]) -> list[Symbol]:
    """``tokens`` with each bar told apart: a left one, a right one, or one in the middle (``P(A|B)``)."""
    opened: list[int] = []  # places of brackets and bars
    last = END
    for place, token in enumerate(tokens):
        if token.kind == "left":
            opened.append(place)
        elif token.kind == "right":
            while opened and tokens[opened.pop()].kind == "bar":
                pass
        elif token.kind == "bar":
            if opened and tokens[opened[-1]].kind == "bar" and last.kind not in ("infix", "bar"):
                tokens[opened.pop()] = Symbol("left", "|", "|")
                tokens[place] = token = Symbol("right", "|", "|")
            elif tokens[place + 1 : place + 2] != [_COMMA]:
                opened.append(place)
        last = token
    following = [*tokens, END][1:]
    return [_middle(after) if token.kind == "bar" else token for token, after in zip(tokens, following, strict=True)]


def _middle(after: Symbol) -> Symbol:
    return Symbol("sign", "|" if after.name in ("_", "^") else "∣")  # x^2|_0^1, {x|x>0}
