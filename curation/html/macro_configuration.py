r"""A page's own TeX macros, read from the scripts that configure MathJax or KaTeX.

Example: ``configured_macros('macros: {R: "\\\\mathbb{R}"}')`` is ``[Macro("R", 0, None, r"\mathbb{R}")]``.
"""

from __future__ import annotations

import re

from curation.html.macros import MAX_MACROS, NAME, Macro

_OPENING = re.compile(r"[mM]acros[\"']?\s{0,9}[:=]\s{0,9}\{|\.Macro\s{0,9}\(")
# A string without its end goes to the end of the line.
_STRING = r"\"(?:[^\"\\\n]|\\.)*+\"?|'(?:[^'\\\n]|\\.)*+'?"
_COMMENT = re.compile(rf"({_STRING})|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?|//[^\n]*", re.DOTALL)
_JS_TOKEN = re.compile(rf"{_STRING}|(?:String\.raw)?`(?:[^`\\]|\\.)*+`?|[\w$]+|[^\s\w$]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,5})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "\n": "", "\r\n": "", "\r": ""}
_KEY = re.compile(r"\\?" + NAME)
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
