r"""What a page tells MathJax or KaTeX: which delimiters it writes, whether it writes AsciiMath, which macros it has.

Example: ``inlineMath: [['$', '$'], ['@@', '@@']]`` makes a single dollar a delimiter of this page, and ``@@`` too. The
configuration is JavaScript; its strings are read where the names of the settings stand, nothing is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from curation.html.macro_configuration import configured_macros
from curation.html.macros import Macro

_PAIRS = re.compile(r"(inlineMath|displayMath)[\"']?\s*[:=]\s*(?=[\[{])")
_RULES = re.compile(r"delimiters[\"']?\s*[:=]\s*(?=\[)")
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.){0,40})\"|'((?:[^'\\\n]|\\.){0,40})'|[\[\]{}]")
_RULE = re.compile(
    r"\{[^{}]{0,20}?\bleft[\"']?\s*:\s*(\"[^\"\n]{1,40}\"|'[^'\n]{1,40}')\s*,\s*[\"']?right[\"']?\s*:\s*(\"[^\"\n]{1,40}\"|'[^'\n]{1,40}')"
    r"(?:\s*,\s*[\"']?display[\"']?\s*:\s*(true|false|!0|!1))?"
)
_ASCIIMATH = re.compile(
    r"asciimath2jax|input/asciimath|ASCIIMathML\w*\.js|AM_(?:CHTML|HTMLorMML|SVG)|asciimath\s*:", re.IGNORECASE
)
_LOADED_SIGNS = ("athJax", "athjax", "katex", "KaTeX")
_ASCIIMATH_SIGNS = ("sciimath", "sciiMath", "SCIIMath", "AM_")
# What is looked for on every page; a dollar is told from a price otherwise.
_KNOWN = frozenset({("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("[math]", "[/math]"), ("[latex]", "[/latex]")})
MAX_SETTING_CHARS = 2_000
MAX_DELIMITERS = 12
MAX_SETTINGS = 40


@dataclass(frozen=True, slots=True)
class Configuration:
    """``dollars``: a single dollar is a delimiter; ``others``: opening, closing, and whether it displays.

    ``loaded`` says that the page loads MathJax or KaTeX at all.
    """

    dollars: bool = False
    others: tuple[tuple[str, str, bool], ...] = ()
    asciimath: bool = False
    macros: tuple[Macro, ...] = ()
    loaded: bool = False


_NOTHING = Configuration()


def configuration_of(scripts: str) -> Configuration:
    """The configuration in a page's scripts (tags and contents); the usual one where nothing is said."""
    pairs: set[tuple[str, str, bool]] = set()
    if "lineMath" in scripts or "displayMath" in scripts:
        for setting in islice(_PAIRS.finditer(scripts), MAX_SETTINGS):
            found = _string_pairs(scripts, setting.end())
            pairs |= {(left, right, setting[1] == "displayMath") for left, right in found}
    if "delimiters" in scripts:
        for setting in islice(_RULES.finditer(scripts), MAX_SETTINGS):
            for left, right, display in _RULE.findall(scripts[setting.end() : setting.end() + MAX_SETTING_CHARS]):
                pairs.add((_unescaped(left[1:-1]), _unescaped(right[1:-1]), display in ("true", "!0")))
    asciimath = any(sign in scripts for sign in _ASCIIMATH_SIGNS) and _ASCIIMATH.search(scripts) is not None
    macros = tuple(configured_macros(scripts)) if "acro" in scripts else ()
    loaded = any(sign in scripts for sign in _LOADED_SIGNS)
    if not (pairs or asciimath or macros or loaded):
        return _NOTHING
    wanted = sorted(
        pair for pair in pairs if pair[:2] not in _KNOWN and pair[0].strip() and pair[1].strip() and pair[0] != "`"
    )
    dollars = [pair for pair in wanted if pair[:2] == ("$", "$")]
    # Letters and signs of running text are no delimiters, whatever a demonstration of a configuration says.
    others = tuple(pair for pair in wanted if pair not in dollars and len(pair[0]) > 1 and not pair[0].isalnum())
    return Configuration(
        dollars=bool(dollars),
        others=others[:MAX_DELIMITERS],
        asciimath=asciimath,
        macros=macros,
        loaded=loaded,
    )


def _string_pairs(scripts: str, start: int) -> list[tuple[str, str]]:
    """The strings two by two inside the brackets that open at ``start``."""
    strings: list[str] = []
    depth = 0
    for token in _STRING.finditer(scripts, start, start + MAX_SETTING_CHARS):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth <= 0:
                break
        elif (text := _unescaped(token[1] if token[1] is not None else token[2])) not in ("[+]", "[-]"):
            strings.append(text)
    return list(zip(strings[::2], strings[1::2], strict=False))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
