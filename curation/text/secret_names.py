"""Secrets known by the name before them: ``password = "…"``, ``"api_key": "…"``.

Example: ``list(by_name('db_password = "tRoUbl3som3"', name_patterns("a.py")))`` finds the value.
The names and the ways to write them in each language are those of detect-secrets' KeywordDetector; which values count
is said in `curation.text.secret_values`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from curation.text.secret_forms import Found, plugin
from curation.text.secret_values import is_named_secret, is_random

_PASSWORD_NAME = re.compile(r"pass|pwd|contrase", re.IGNORECASE)
# A name that says secret, directly before a quoted value: api_key = ", "token": ", setSecret(".
_NAME_BEFORE = re.compile(
    r"(?:secret|(?<!next)(?<!page)(?<!ation)(?<!next_)(?<!page_)(?<!ation_)token(?!i)|passw|pwd|credential|auth(?!or)|"
    r"(?:api|app|access|account|auth|client|db|encryption|license|master|priv(?:ate)?|service|sign(?:ing)?)[_-]?key)"
    r"[\w-]*['\"\])]*\s*(?::=|=>|={1,3}|:|,|\()\s*(?:[bfru@]|[\w.]+\()?$",
    re.IGNORECASE,
)
_INDIRECT = re.compile(r"[=:]\s*[\w.>-]+[\[(]")
_MOST_NAMES = 24
_LONGEST_NAME = 200
_MOST_IN_A_WORD = 8
_LONG_WORD = re.compile(r"\b\w{27,}")  # nine of the shortest name
_NAME_LENGTH = 100
_CONFIGURATION = (".env", ".npmrc", ".pypirc", ".netrc", ".sh", ".bash", ".zsh")


def by_name(line: str, patterns: Mapping[re.Pattern[str], int]) -> Iterator[Found]:
    """Values behind a name that says secret; ``patterns`` are those of `name_patterns`."""
    # Each name is tried with all that follows it: one in a very long word, or many in one, nobody has written.
    if len(line) > _LONGEST_NAME:
        line = _LONG_WORD.sub(_without_names, line)
    for start, end in _pieces(line):
        for one in _in_piece(line[start:end], patterns):
            yield Found(start + one.start, start + one.end, one.kind)


def _pieces(line: str) -> Iterator[tuple[int, int]]:
    """Where (start, end) to look for names: in all of the line, or, of very many, around half of them after half.

    A name is tried with all that follows it, so that the time grows with names times characters; and each value is
    whole in one piece or another, unless it holds a dozen names itself.
    """
    names = [name.span() for name in _keyword().finditer(line)]
    for first in range(0, max(len(names) - _MOST_NAMES // 2, min(len(names), 1)), _MOST_NAMES // 2):
        after = names[first + _MOST_NAMES : first + _MOST_NAMES + 1]
        yield names[first - 1][1] if first else 0, after[0][0] if after else len(line)


def _in_piece(line: str, patterns: Mapping[re.Pattern[str], int]) -> Iterator[Found]:
    for regex, group in patterns.items():
        for match in regex.finditer(line):
            start = match.start(group)
            value = match[group]
            if line[start - 1 : start] not in ("'", '"', "`"):  # without quotes: up to a comment or the next word
                value = value.split(maxsplit=1)[0].rstrip(";,") if value.strip() else ""
            named = line[match.start() :]  # what stands further left says nothing of this value
            if _INDIRECT.search(line, match.start(), start) or not is_named_secret(value) or _heuristics(value, named):
                continue
            kind = "password" if _PASSWORD_NAME.search(match[0].replace(value, "")) else "named_key"
            at = line.find(value, start)
            yield Found(at, at + len(value), kind)


def _without_names(word: re.Match[str]) -> str:
    most = 0 if len(word[0]) >= _LONGEST_NAME else _MOST_IN_A_WORD
    return " " * len(word[0]) if len(_keyword().findall(word[0])) > most else word[0]


def by_entropy(line: str) -> Iterator[Found]:
    """Quoted strings of high entropy directly behind a name that says secret."""
    for one in _entropy_plugins() if "'" in line or '"' in line else ():
        for match in one.regex.finditer(line):
            value = match[2]
            # So many different characters are needed for that entropy; counted last, because it takes longest.
            if len(value) <= 2**one.entropy_limit or not is_random(value):
                continue
            named = _NAME_BEFORE.search(line, max(0, match.start() - _NAME_LENGTH), match.start())
            if named is None or one.calculate_shannon_entropy(value) <= one.entropy_limit:
                continue
            if not _heuristics(value, line[named.start() :]):
                yield Found(match.start(2), match.end(2), "named_key")


def _heuristics(value: str, line: str) -> bool:
    """detect-secrets' own signs of a false find."""
    value_filters, line_filter = _filters()
    return any(one(value) for one in value_filters) or line_filter(value, line)


@cache
def _keyword() -> re.Pattern[str]:
    """What each of the patterns for names begins with."""
    return re.compile("|".join(plugin("plugins.keyword", "DENYLIST")), re.IGNORECASE)


def name_patterns(path: str) -> Mapping[re.Pattern[str], int]:
    """How a name and its value are written in a file: pattern -> the group that holds the value."""
    place = PurePosixPath(path)
    return _patterns_of(".env" if place.name.startswith(".env") else place.suffix)


@cache
def _patterns_of(suffix: str) -> Mapping[re.Pattern[str], int]:
    if suffix in _CONFIGURATION:
        return plugin("plugins.keyword", "CONFIG_DENYLIST_REGEX_TO_GROUP")
    kind = plugin("util.filetype", "determine_file_type")(f"file{suffix}")
    quoted = plugin("plugins.keyword", "QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP")
    return plugin("plugins.keyword", "REGEX_BY_FILETYPE").get(kind, quoted)


@cache
def _entropy_plugins() -> tuple[Any, ...]:
    names = ("Base64HighEntropyString", "HexHighEntropyString")
    return tuple(plugin("plugins.high_entropy_strings", name)() for name in names)


@cache
def _filters() -> tuple[tuple[Any, ...], Any]:
    names = ("is_sequential_string", "is_potential_uuid", "is_templated_secret", "is_prefixed_with_dollar_sign")
    return tuple(plugin("filters.heuristic", one) for one in names), plugin("filters.heuristic", "is_likely_id_string")
