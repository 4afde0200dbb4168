r"""Formulas between delimiters in extracted text: ``\(…\)``, ``\[…\]``, ``$$…$$``, ``$…$``, ``\begin{align}…``.

Example: ``take_delimited(r"Let \(x\) cost $5", formulas, Configuration())`` replaces ``\(x\)`` by its mark and leaves
the price. One pass from left to right; the next closing delimiter of each kind is remembered, so that a text of a
million unclosed openings is still read once.
"""

from __future__ import annotations

import re
from functools import lru_cache

from curation.html.asciimath import asciimath_to_tex
from curation.html.asciimath_symbols import SYMBOLS
from curation.html.configuration import Configuration
from curation.html.markers import CODE_CLOSE, CODE_OPEN, MARK, PRE_CLOSE, PRE_OPEN, Formulas, without_definitions

MAX_INLINE_CHARS = 2_000
MAX_DISPLAY_CHARS = 20_000
MAX_ASCIIMATH_CHARS = 300
_SHORT_NOTE = 60  # characters of a bracketed remark
_SIX_WORDS = 22  # characters of six short words and the spaces between them, less one
_ENVIRONMENTS = (
    "equation|align|alignat|gather|multline|eqnarray|displaymath|math|flalign|subequations|aligned|gathered|array|split"
    "|cases|matrix|pmatrix|bmatrix|vmatrix"
)
_OPENING = re.compile(
    rf"[{CODE_OPEN}{PRE_OPEN}]|\\\\|\\\(|\\\[|\\\$|\$\$|\$|\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}"
    r"|\[(?:math|latex|tex|itex|katex|mathjax)\]"
)
_CLOSING = {
    CODE_OPEN: CODE_CLOSE,
    PRE_OPEN: PRE_CLOSE,
    "\\(": "\\)",
    "\\[": "\\]",
    "$$": "$$",
    "[math]": "[/math]",
    "[latex]": "[/latex]",
    "[tex]": "[/tex]",
    "[itex]": "[/itex]",
    "[katex]": "[/katex]",
    "[mathjax]": "[/mathjax]",
}
_DISPLAY = frozenset({"\\[", "$$"})
_DOLLAR = re.compile(r"(?<!\\)\$")
_STRONG = re.compile(r"\\[a-zA-Z]{2,}|\^\{?[\w\\(*+-]|_\{|(?<![\w$])[a-zA-Z]_[a-zA-Z0-9](?![a-zA-Z0-9])|\\[{},;!]")
# TeX only where dollars are known to mean it: letters, a term with a sign of arithmetic, a bracket, a number, a macro.
_WEAK = re.compile(
    r"^[a-zA-Z]{1,4}'*$|[=<>+/*|:!\[\]-]|^[-\d.,%°\\]+$|^[a-zA-Z]{1,2}'?\([^$\n]{0,30}\)$"
    r"|^\(?[\w.+-]{1,3}(?:, ?[\w.+-]{1,5})*[\])]?$|^\W*[^\x00-\x7f]{1,3}\W*$|^[a-zA-Z]\\?_\w|^[a-zA-Z]\^"
    r"|^\\[a-zA-Z]+$|\\[ $,;%]"
    r"|^(?:sin|cos|tan|log|ln|exp|max|min|gcd)\b"
)
_TEMPLATE = re.compile(r"[A-Z][A-Z_ ]+$")  # ``$$NAME$$`` is filled in by a program that was not run
_LONG_WORDS = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z]{4,}")
# AsciiMath between backquotes, which elsewhere hold code: a sign of arithmetic, or a name that it knows.
_ASCIIMATH = re.compile(
    r"[\^=+/<>]|\w_\w|^\w$|\b(?:sqrt|sum|int|prod|lim|frac|alpha|beta|gamma|theta|lambda|pi|sigma|infty|oo|in|RR|NN|ZZ|QQ|CC)\b"
)
_WORDPRESS = re.compile(r"&(?:s|bg|fg)=\w+(?:&\w+=\w+)*$")
_CODE = re.compile(r";|==|\+=|//|::|\.\w+\(")
_ASCIIMATH_WORD = re.compile(r"[a-zA-Z]{4,}")
_QUOTED = re.compile(r"\"[^\"]*\"|text\([^()]*\)")
_ESCAPED_WORD = re.compile(r"[\w .,'-]*[a-z]{3}[\w .,'-]*")  # ``\[note\]`` is Markdown for brackets
_WORD = re.compile(r"(?<![a-zA-Z\\{])[a-zA-Z]{3,}(?![a-zA-Z}])")
_NOT_WORDS = re.compile(
    r"\\(?:text|mathrm|mbox|textrm|operatorname|textbf|textit|textsf|texttt|mathit|mathsf|hbox|mathtt)\s*\*?\{[^{}]*\}|\\[a-zA-Z]+"
)


class _Closings:
    """The next closing delimiter after a position, each kind searched forward only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, int] = {}

    def after(self, closing: str, start: int) -> int:
        known = self._next.get(closing, -2)
        if known == -1 or known >= start:
            return known
        self._next[closing] = found = self._find(closing, start)
        return found

    def _find(self, closing: str, start: int) -> int:
        if closing == "$":
            match = _DOLLAR.search(self._text, start)
            return match.start() if match else -1
        found = self._text.find(closing, start)
        # ``\\]`` is a line break in a matrix followed by a bracket.
        while (
            found > 0 and closing in ("\\)", "\\]") and self._text[found - 1] == "\\" and self._text[found - 2] != "\\"
        ):
            found = self._text.find(closing, found + 1)
        return found


@lru_cache(maxsize=256)
def _pattern(others: tuple[tuple[str, str, bool], ...], asciimath: bool) -> re.Pattern[str]:
    """What opens a formula on a page: the usual delimiters, and those of its configuration before them."""
    more = sorted((re.escape(opening) for opening, _, _ in others), key=len, reverse=True)
    return (
        re.compile("|".join([*more, _OPENING.pattern, *(["`"] if asciimath else [])]))
        if more or asciimath
        else _OPENING
    )


def take_delimited(text: str, formulas: Formulas, configuration: Configuration) -> str:
    """``text`` with every delimited formula replaced by its mark; code is left alone.

    Args:
        text: Extracted text with marks around code.
        formulas: Where the formulas are kept.
        configuration: The page's. Where a single dollar is not known to be a delimiter, only what looks like TeX is
        taken.
    """
    closings = _Closings(text)
    pattern = _pattern(configuration.others, configuration.asciimath)
    others = {opening: (closing, display) for opening, closing, display in configuration.others}
    pieces: list[str] = []
    position = 0
    cursor = 0
    while match := pattern.search(text, cursor):
        cursor = match.end()
        opening = match[0]
        if opening in ("\\\\", "\\$"):
            continue
        closing = f"\\end{{{match[1]}}}" if match[1] else _CLOSING.get(opening, "$")
        if opening in others:
            closing = others[opening][0]
        elif opening == "`":
            closing = "`"
        end = closings.after(closing, cursor)
        if end < 0:
            continue
        if opening in (CODE_OPEN, PRE_OPEN):
            cursor = end
            continue
        if opening in others:
            mark = _other(text[cursor:end], formulas, display=others[opening][1])
        elif opening == "`":
            mark = _asciimath(text[cursor:end], formulas)
        else:
            mark = _mark(text, match, end, end + len(closing), formulas, configuration)
        if mark is None:
            continue
        pieces += (text[position : match.start()], mark)
        position = cursor = end + len(closing)
    pieces.append(text[position:])
    return "".join(pieces)


def _other(body: str, formulas: Formulas, *, display: bool) -> str | None:
    """A formula between delimiters that only this page has."""
    if not _is_formula(body, "\\[" if display else "\\(") or "\n\n" in body:
        return None
    return formulas.keep(restore(body, formulas), display=display)


def _asciimath(body: str, formulas: Formulas) -> str | None:
    """What stands between two backquotes, unless it looks like the code that backquotes hold elsewhere."""
    if len(body) > MAX_ASCIIMATH_CHARS or "\n" in body or _CODE.search(body) or not _ASCIIMATH.search(body):
        return None
    if any(word not in SYMBOLS for word in _ASCIIMATH_WORD.findall(_QUOTED.sub(" ", body))):
        return None
    return formulas.keep(asciimath_to_tex(body), display=False)


def _mark(
    text: str, match: re.Match[str], end: int, after: int, formulas: Formulas, configuration: Configuration
) -> str | None:
    opening = match[0]
    if end - match.end() > MAX_DISPLAY_CHARS:
        return None
    if match[1]:
        return formulas.keep(restore(text[match.start() : after], formulas), display=True)
    body = text[match.end() : end]
    if opening in _DISPLAY and body.strip() and not without_definitions(body):
        return ""  # the page's macros
    following = text[after : after + 1]
    if opening == "$" and body.startswith("latex "):  # WordPress
        return formulas.keep(_WORDPRESS.sub("", body[6:]), display=False)
    if opening == "$":
        wanted = _is_inline(body, following, configuration.dollars)
    else:
        wanted = _is_formula(body, opening, loaded=configuration.loaded)
    if not wanted:
        return None
    return formulas.keep(restore(body, formulas), display=opening in _DISPLAY)


def restore(tex: str, formulas: Formulas) -> str:
    """``tex`` with marks inside it (MathML within a delimited formula) as their TeX again."""
    return MARK.sub(lambda mark: formulas.tex[int(mark[1])], tex) if "\ufdd0" in tex else tex


def _is_formula(body: str, opening: str, *, loaded: bool = False) -> bool:
    """Whether what stands between delimiters is one: where MathJax or KaTeX is loaded, short words are, too."""
    if not body.strip() or CODE_OPEN in body or PRE_OPEN in body:
        return False
    if opening == "\\(" and len(body) > MAX_INLINE_CHARS:
        return False
    strong = _STRONG.search(body) is not None
    if opening == "$$" and not loaded and not strong and (_TEMPLATE.match(body) or not _WEAK.search(body.strip())):
        return False
    if opening == "\\[" and strong and len(body) < MAX_INLINE_CHARS:
        return True  # words between ``\ `` are TeX, too
    note = opening == "\\[" and not loaded and len(body) < _SHORT_NOTE and _ESCAPED_WORD.fullmatch(body)
    return not is_prose(body) and not note


def _is_inline(body: str, following: str, dollars: bool) -> bool:
    """Pandoc's rule (no space inside the dollars, no digit after them), and TeX or algebra between them."""
    if not body or len(body) > MAX_INLINE_CHARS or "\n\n" in body or CODE_OPEN in body or PRE_OPEN in body:
        return False
    spaced = body[0].isspace(), body[-1].isspace()
    loose = any(spaced) or following.isdigit()
    strong = _STRONG.search(body) is not None
    if strong:
        return not is_prose(body) and (dollars or not loose)
    if not dollars or following.isdigit() or spaced[0] != spaced[1] or not _WEAK.search(body.strip()):
        return False
    # Between two prices stand words.
    return len(_LONG_WORDS.findall(body)) < 2 and not (spaced[0] and body.strip()[:1].isdigit())


def looks_like_dollars(text: str) -> bool:
    r"""Whether some ``$…$`` of the text is TeX beyond doubt: then the shy ones (``$x$``) are TeX too."""
    return any(
        _is_inline(match[1], match[2], dollars=False)
        for match in re.finditer(r"(?<![\\$\w])\$([^$\n]{1,400})\$(?!\$)(.?)", text)
        if re.search(r"\\[a-zA-Z]{2,}|[\^_]\{", match[1])
    )


def is_prose(tex: str) -> bool:
    r"""Six or more ordinary words outside ``\text{}``: two dollars that have nothing to do with each other."""
    return len(tex) > _SIX_WORDS and len(_WORD.findall(_NOT_WORDS.sub(" ", tex))) >= 6
