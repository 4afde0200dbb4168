r"""A text as 72 numbers that say what kind of text it is: its characters, words, lines, marks of code and mathematics.

Example: ``statistics("Let $x = 2$.\n")[NAMES.index("dollar")]`` is 5.04, the logarithm of 1 + 154 per thousand
characters. Nothing here knows a site, a language or a subject; shares are of 0 to 1, and counts without bound are
logarithms. A text of 2,200 characters takes 0.4 ms.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATISTICS: dict[str, str] = {
    "log_chars": "characters",
    "log_words": "words: runs of letters",
    "log_lines": "lines that are not blank",
    "mean_word": "letters of a word",
    "long_words": "share of words of more than 8 letters",
    "short_words": "share of words of at most 3 letters",
    "one_letter_words": "share of words of one letter",
    "distinct_words": "distinct words, by words to the power of 0.7",
    "lone_words": "words that stand once, by words",
    "top_word": "share of the most frequent word",
    "top10_words": "share of the ten most frequent words",
    "entropy": "of the words' frequencies, in nats",
    "words_per_sentence": "words by ends of sentences",
    "sentences_per_line": "ends of sentences by lines",
    "mean_line": "characters of a line",
    "max_line": "characters of the longest line",
    "sd_line": "standard deviation of the characters of a line",
    "short_lines": "share of lines under 25 characters",
    "long_lines": "share of characters in lines of more than 120",
    "blank_lines": "share of blank lines",
    "repeated_lines": "share of lines that stand earlier",
    "lines_end_stop": "share of lines that end in a stop or colon",
    "lines_end_code": "share of lines that end or begin as statements and blocks do",
    "indented": "share of indented lines",
    "mean_indent": "characters of indentation of a line",
    "list_lines": "share of lines that begin with a bullet or number",
    "heading_lines": "share of lines that begin as a Markdown heading",
    "lower_start": "share of lines that begin in lowercase",
    "comment_lines": "share of lines that begin as a comment",
    "comment_chars": "share of characters in such lines",
    "first_comment": "share of lines before the first that is no comment",
    "comment_words": "share of words in comments",
    "comment_runs": "comments, lines that follow each other taken as one",
    "comma": "commas",
    "stop": "full stops",
    "question": "question marks",
    "exclaim": "exclamation marks",
    "colon": "colons",
    "semicolon": "semicolons",
    "quotes": "double quotation marks",
    "apostrophe": "apostrophes",
    "paren": "round brackets",
    "bracket": "square brackets",
    "brace": "curly brackets",
    "slash": "slashes",
    "backslash": "backslashes",
    "dollar": "dollar signs",
    "equals": "equals signs",
    "operators": "+ - * ^ < >",
    "underscore": "underscores",
    "hash": "hash signs",
    "pipe": "vertical bars",
    "at": "at signs",
    "digits": "share of characters that are digits",
    "upper": "share of uppercase letters",
    "space": "share of white space",
    "letters": "share of letters",
    "nonascii": "share of characters beyond ASCII",
    "cap_words": "share of words that begin in uppercase",
    "allcaps_words": "share of words of two letters or more in uppercase",
    "math_symbols": "mathematical operators and Greek letters",
    "tex": "TeX commands",
    "math_delimiters": "delimiters of TeX mathematics",
    "camel": "camelCase names, by words",
    "snake": "snake_case names, by words",
    "calls": "names followed by a bracket",
    "assign": "equals signs that compare nothing",
    "urls": "URLs",
    "years": "numbers from 1900 to 2099",
    "decimals": "decimal fractions",
    "numbers": "share of tokens that are numbers",
    "compress": "bytes after deflate, by bytes before",
}
"""Name -> meaning. What is a plain plural is the logarithm of 1 + its number per thousand characters."""

NAMES = tuple(STATISTICS)

_MARKS = {
    "comma": ",", "stop": ".", "question": "?？", "exclaim": "!", "colon": ":", "semicolon": ";", "quotes": "\"“”«»",
    "apostrophe": "'’", "paren": "()", "bracket": "[]", "brace": "{}", "slash": "/", "backslash": "\\", "dollar": "$",
    "equals": "=", "operators": "+-*^<>", "underscore": "_", "hash": "#", "pipe": "|", "at": "@",
}  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]+")
_RUN = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$)")
_TEX = re.compile(r"\\[A-Za-z]+")
_MATH_DELIMITER = re.compile(r"\$\$?|\\\(|\\\[|\\begin")
_CAMEL = re.compile(r"[a-z]+[A-Z]|[A-Z][a-z]+[A-Z]")
_COMMENT = re.compile(
    r"//|#(?!include|define|if|endif|else|pragma|import)|/\*|\*(?:[\s/]|$)|\"\"\"|'''|--(?:\s|$)|<!--|;;"
)
_LIST = re.compile(r"(?:[-*•]|\d+[.)])\s")
_HEADING = re.compile(r"#{1,6}\s")
_URL = re.compile(r"https?://|www\.")
# Each begins with what is rare, so that the text is not tried at every character.
_ASSIGN = re.compile(r"=(?!=)(?<![=<>!:]=)")
_CALL = re.compile(r"\((?<=\w\()")
_DECIMAL = re.compile(r"\b\d+\.\d+\b")


class _Character(NamedTuple):
    """What a character is; sums over a text are of these."""

    digit: bool
    upper: bool
    space: bool
    letter: bool
    nonascii: bool
    math: bool
    mark: bool


def statistics(text: str) -> Floats:
    """The statistics of a text (72,), finite for any text, in the order of `NAMES`."""
    runs = _RUN.findall(text)
    words = _words_of(runs)
    lines = text.split("\n")
    full = [line for line in lines if line and not line.isspace()] or [""]
    values = _of_characters(text, runs)
    values |= _of_words(words)
    values |= _of_lines(text, full, len(lines))
    values |= _of_comments(text, full, len(words))
    values |= _of_code(text, runs, len(words))
    ends = len(_SENTENCE_END.findall(text))
    values["words_per_sentence"] = math.log1p(max(len(words), 1) / (ends + 1))
    values["sentences_per_line"] = ends / len(full)
    data = text.encode("utf-8", "replace")
    values["compress"] = len(zlib.compress(data, 6)) / max(1, len(data))
    return np.array([values[name] for name in NAMES], np.float64)


def _words_of(runs: list[str]) -> list[str]:
    """The runs of letters within the runs of letters, digits and underscores."""
    words: list[str] = []
    for run in runs:
        if run.isalpha():
            words.append(run)
        elif not run.isdecimal():
            words += _LETTERS.findall(run)
    return words


@lru_cache(maxsize=1 << 14)
def _character(c: str) -> _Character:
    return _Character(
        digit=c.isdigit(),
        upper=c.isupper(),
        space=c.isspace(),
        letter=c.isalpha(),
        nonascii=c > "\x7f",
        math="\u2200" <= c <= "\u22ff" or c in "±×÷√∑∫" or "\u0391" <= c <= "\u03c9",
        mark=not (c.isspace() or c.isalnum() or c == "_"),
    )


def _of_characters(text: str, runs: list[str]) -> dict[str, float]:
    counts = Counter(text)
    sums = [0] * len(_Character._fields)
    for char, count in counts.items():
        for index, holds in enumerate(_character(char)):
            if holds:
                sums[index] += count
    total = _Character(*sums)  # type: ignore[arg-type]
    size = max(1, len(text))
    values = {name: _per_thousand(sum(counts.get(char, 0) for char in chars), size) for name, chars in _MARKS.items()}
    return values | {
        "log_chars": math.log1p(len(text)),
        "digits": total.digit / size,
        "upper": total.upper / size,
        "space": total.space / size,
        "letters": total.letter / size,
        "nonascii": total.nonascii / size,
        "math_symbols": _per_thousand(total.math, size),
        "numbers": sum(run[0].isdigit() for run in runs) / max(1, len(runs) + total.mark),
    }


def _of_words(words: list[str]) -> dict[str, float]:
    number = max(1, len(words))
    counts = np.array(sorted(Counter(map(str.lower, words)).values(), reverse=True), np.float64)
    lengths = Counter(map(len, words))
    raised = [word for word in words if not word.islower()]
    shares = counts / number
    return {
        "log_words": math.log1p(len(words)),
        "mean_word": sum(length * count for length, count in lengths.items()) / number,
        "long_words": sum(count for length, count in lengths.items() if length > 8) / number,
        "short_words": sum(count for length, count in lengths.items() if length <= 3) / number,
        "one_letter_words": lengths[1] / number,
        "distinct_words": len(counts) / number**0.7,
        "lone_words": int(np.count_nonzero(counts == 1)) / number,
        "top_word": float(shares[:1].sum()),
        "top10_words": float(shares[:10].sum()),
        "entropy": float(-(shares * np.log(shares)).sum()),
        "cap_words": sum(word[0].isupper() for word in raised) / number,
        "allcaps_words": sum(len(word) > 1 and word.isupper() for word in raised) / number,
    }


def _of_lines(text: str, full: list[str], lines: int) -> dict[str, float]:
    stripped = [line.strip() for line in full]
    lengths = [len(line) for line in stripped]
    number, size = len(full), max(1, len(text))
    mean = sum(lengths) / number
    return {
        "log_lines": math.log1p(number),
        "mean_line": math.log1p(mean),
        "max_line": math.log1p(max(lengths)),
        "sd_line": math.log1p(math.sqrt(sum((length - mean) ** 2 for length in lengths) / number)),
        "short_lines": sum(length < 25 for length in lengths) / number,
        "long_lines": sum(length for length in lengths if length > 120) / size,
        "blank_lines": 1 - number / lines,
        "repeated_lines": 1 - len(set(stripped)) / number,
        "lines_end_stop": sum(line[-1:] in _STOPS for line in stripped) / number,
        "lines_end_code": sum(line[-1:] in _ENDS or line[:1] in _STARTS for line in stripped) / number,
        "indented": sum(line[:1] in _INDENTS for line in full) / number,
        "mean_indent": math.log1p(sum(len(line) - len(line.lstrip()) for line in full) / number),
        "list_lines": sum(bool(_LIST.match(line.lstrip())) for line in full if _may_list(line)) / number,
        "heading_lines": sum(bool(_HEADING.match(line)) for line in full if line[0:1] == "#") / number,
        "lower_start": sum(line[:1].islower() for line in stripped) / number,
    }


_STOPS = frozenset(".!?:。")
_ENDS = frozenset(";{}")
_STARTS = frozenset("@}])")
_INDENTS = frozenset(" \t")
_BULLETS = frozenset("-*•")
_COMMENTS = frozenset("/#*\"'-<;")


def _may_list(line: str) -> bool:
    first = line.lstrip()[:1]
    return first in _BULLETS or first.isdigit()


def _of_comments(text: str, full: list[str], words: int) -> dict[str, float]:
    starts = [line.lstrip() for line in full]
    flags = [line[:1] in _COMMENTS and _COMMENT.match(line) is not None for line in starts]
    comments = [line for line, flag in zip(full, flags, strict=True) if flag]
    first = flags.index(False) if not all(flags) else len(flags)
    runs = sum(flag and not before for before, flag in zip([False, *flags], flags, strict=False))
    return {
        "comment_lines": len(comments) / len(full),
        "comment_chars": sum(map(len, comments)) / max(1, len(text)),
        "first_comment": first / len(full),
        "comment_words": sum(len(_LETTERS.findall(line)) for line in comments) / max(1, words),
        "comment_runs": math.log1p(runs),
    }


def _of_code(text: str, runs: list[str], words: int) -> dict[str, float]:
    number, size = max(1, words), max(1, len(text))
    mixed = [run for run in runs if not (run.islower() or run.istitle() or run.isupper())]
    found = {
        "tex": len(_TEX.findall(text)) if "\\" in text else 0,
        "math_delimiters": len(_MATH_DELIMITER.findall(text)) if "\\" in text or "$" in text else 0,
        "calls": len(_CALL.findall(text)),
        "assign": len(_ASSIGN.findall(text)),
        "urls": len(_URL.findall(text)) if "http" in text or "www." in text else 0,
        "years": sum(len(run) == 4 and run[:2] in ("19", "20") and run[2:].isdecimal() for run in runs),
        "decimals": len(_DECIMAL.findall(text)),
    }
    return {name: _per_thousand(count, size) for name, count in found.items()} | {
        "camel": sum(_CAMEL.match(run) is not None for run in mixed) / number,
        "snake": sum("_" in run[1:-1] for run in runs) / number,
    }


def _per_thousand(count: float, size: int) -> float:
    return math.log1p(1000 * count / size)
