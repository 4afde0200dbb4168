"""Licences by their SPDX identifiers: how they are spelled, which are permissive, and what a file may be used under.

Example: ``license_type(["MIT OR GPL-2.0-only"])`` is ``"permissive"``, ``license_type(["GPL-3.0"])`` is
``"non_permissive"`` and ``license_type([])`` is ``"no_license"``, as in The Stack v2 (StarCoder2, section 2.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.config import nearest
from curation.content import read_yaml
from curation.errors import ConfigError

GROUPS = ("permissive", "no_license", "non_permissive")
"""Values of ``license_type``; The Stack v2 has the first two, all others are left out of it."""

UNKNOWN = "LicenseRef-unknown"
"""Stands for a licence that is there and not recognised."""

_REFERENCE = "LicenseRef-scancode-unknown-license-reference"
_NONE = frozenset(("", "no_license", "noassertion", "none", "unknown", "null", "n/a", "nan"))
_OTHER = ("other", "see license", "custom")
_FILLERS = re.compile(r"\b(?:the|licen[sc]ed?|version|osi approved)\b|[\"'“”]")
_TOKENS = re.compile(r"\(|\)|[^\s()]+")
_OPERATOR = re.compile(r"(?:^|[\s)])(?:AND|OR|WITH)(?=[\s(])", re.IGNORECASE)


@lru_cache(maxsize=1)
def licence_table() -> dict[str, Any]:
    """The file beside this one: permissive, ignored and other identifiers, aliases, and the words of texts."""
    table = read_yaml(Path(__file__).with_suffix(".yaml"))
    table["permissive"], table["ignored"] = frozenset(table["permissive"]), frozenset(table["ignored"])
    known = [*table["permissive"], *table["ignored"], *table["others"], _REFERENCE]
    table["spelling"] = {name.lower(): name for name in known} | {
        _plain(alias): name for alias, name in table["aliases"].items()
    }
    return table


def spdx_id(name: str) -> str:
    """One licence's identifier from any usual spelling: ``"apache 2.0"`` is ``"Apache-2.0"``; unknown ones stay."""
    spelling = licence_table()["spelling"]
    given = name.strip()
    found = spelling.get(given.lower()) or spelling.get(_plain(given))
    if found:
        return str(found)
    if given.lower().startswith("other:") or given.lower() in _OTHER:
        return UNKNOWN
    if given.endswith("+"):
        return str(spelling.get(given[:-1].lower(), given))
    return given


def licence_list(detected: str | Iterable[str | None] | None) -> list[str]:
    """Licences as a list of identifiers and expressions, all of which hold at a time.

    Args:
        detected: a list; or a name, an expression, several names with commas between them, a list written as JSON.
    """
    names: list[str] = []
    for one in _listed(detected):
        for part in _and_parts(_expression(one)):
            if part.lower() not in _NONE and part not in names:
                names.append(part)
    return names


def is_permissive(licence: str) -> bool:
    """Whether something may be used under a permissive licence: of ``OR`` one must be, of ``AND`` all."""
    return _holds(_expression(licence), licence_table()["permissive"].__contains__)


def license_type(detected: str | Iterable[str | None] | None, gha_license_id: str | None = None) -> str:
    """One of `GROUPS`, by the rules of The Stack v2.

    A licence that GitHub knows decides; else all that were detected must be permissive, where what is no licence, such
    as a disclaimer, does not count. Nothing detected is ``no_license``, unless GitHub saw a licence that it knows not.

    Args:
        detected: see `licence_list`.
        gha_license_id: the repository's licence as GitHub names it.
    """
    github = (gha_license_id or "").strip()
    if github.lower() not in _NONE and spdx_id(github) != UNKNOWN:
        return "permissive" if is_permissive(github) else "non_permissive"
    found = licence_list(detected)
    if not found:
        return "no_license" if github.lower() in ("", "null", "none") else "non_permissive"
    told = [one for one in found if one not in licence_table()["ignored"]]
    if not told:
        return "no_license"
    permissive = [one for one in told if is_permissive(one)]
    rest = [one for one in told if one not in permissive and not (permissive and one == _REFERENCE)]
    return "non_permissive" if rest else "permissive"


def licence_matches(
    detected: str | Iterable[str | None] | None, license_type: str | None, wanted: Iterable[str]
) -> bool:
    """Whether something may be used under the licences ``wanted``: its group is named, or all its licences are.

    Args:
        detected: see `licence_list`.
        license_type: one of `GROUPS`; of nothing known it is ``no_license``.
        wanted: groups and identifiers, in any case.
    """
    groups, names = licence_names(wanted)
    if (license_type or "no_license") in groups:
        return True
    found = [one for one in licence_list(detected) if one not in licence_table()["ignored"]]
    return bool(found) and all(_holds(one, names.__contains__) for one in found)


def licence_excluded(
    detected: str | Iterable[str | None] | None, license_type: str | None, unwanted: Iterable[str]
) -> bool:
    """Whether something may not be used without a licence of ``unwanted``: its group is named, or one it needs is."""
    groups, names = licence_names(unwanted)
    if (license_type or "no_license") in groups:
        return True
    return not all(_holds(one, lambda name: name not in names) for one in licence_list(detected))


def licence_names(names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The groups and the identifiers among ``names``; ``GPL-3.0`` means both ``-only`` and ``-or-later``.

    Raises:
        ConfigError: for what is neither; the message names the nearest.
    """
    return _licence_names(tuple(names))


@lru_cache(maxsize=64)
def _licence_names(names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    groups, found = set(), set()
    known = set(licence_table()["spelling"].values())
    for name in names:
        group = "non_permissive" if name.lower() == "other" else name.lower()
        if group in GROUPS:
            groups.add(group)
            continue
        one = spdx_id(name)
        if one not in known and not one.startswith("LicenseRef-"):
            near = nearest(name, [*GROUPS, *sorted(known)]) if len(name) > 2 else "groups are " + ", ".join(GROUPS)
            hint = near if near.startswith("did") else f"groups are {', '.join(GROUPS)}, others SPDX identifiers"
            raise ConfigError(f"licences: {name!r} is neither a group nor an SPDX identifier ({hint})")
        found.add(one)
        if one.endswith("-only") and not name.lower().endswith("-only"):
            found.add(one.removesuffix("-only") + "-or-later")
    return frozenset(groups), frozenset(found)


def licence_ids(licence: str) -> list[str]:
    """The identifiers in an expression, without exceptions."""
    found: dict[str, None] = {}

    def seen(name: str) -> bool:
        found[name] = None
        return True

    _holds(_expression(licence), seen)
    return list(found)


def _plain(name: str) -> str:
    return " ".join(_FILLERS.sub(" ", name.lower()).replace(",", " ").split())


def _listed(detected: str | Iterable[str | None] | None) -> list[str]:
    if detected is None:
        return []
    if not isinstance(detected, str):
        return [str(one) for one in detected if one is not None]
    if detected.lstrip().startswith("["):
        try:
            return [str(one) for one in json.loads(detected) if one is not None]
        except ValueError:
            return [one.strip(" '\"") for one in detected.strip(" []").split(",")]
    known = _plain(detected) in licence_table()["spelling"]
    return [detected] if known else [part.strip() for part in re.split(r"[,;]", detected)]


@lru_cache(maxsize=4096)
def _expression(licence: str) -> str:
    """An expression in the spelling of SPDX; a slash between two licences, as old Cargo has it, means either."""
    if _OPERATOR.search(licence):
        words = (_operator(word) or spdx_id(word) for word in _TOKENS.findall(licence))
        return re.sub(r"\( | \)", lambda found: found[0].strip(), " ".join(words))
    one = spdx_id(licence)
    if "/" in one and one == licence.strip() and "://" not in one:
        parts = [spdx_id(part) for part in one.split("/")]
        if all(part in licence_table()["spelling"].values() for part in parts):
            return " OR ".join(dict.fromkeys(parts))
    return one


def _operator(word: str) -> str | None:
    return word.upper() if word.upper() in ("AND", "OR", "WITH", "(", ")") else None


def _and_parts(expression: str) -> list[str]:
    """What must hold at a time: the parts between the outermost ``AND``; of an ``OR`` the whole."""
    tokens, depth, parts = _TOKENS.findall(expression), 0, [[]]  # type: tuple[list[str], int, list[list[str]]]
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if token == "OR" and depth == 0:
            return [expression]
        if token == "AND" and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) == 1 and not (tokens and tokens[0] == "("):
        return [expression.strip()]
    joined = [re.sub(r"\( | \)", lambda found: found[0].strip(), " ".join(part)) for part in parts]
    return [one for part in joined for one in (_and_parts(part[1:-1]) if _is_bracketed(part) else [part])]


def _is_bracketed(part: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depth = 0
    for index, character in enumerate(part):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index == len(part) - 1 and part.startswith("(")
    return False


def _holds(expression: str, allowed: Callable[[str], bool]) -> bool:
    """Whether an expression is fulfilled by licences that are ``allowed``; brackets, then AND, then OR."""
    tokens = _TOKENS.findall(expression) if _OPERATOR.search(expression) else [expression]
    try:
        value, rest = _either(tokens, allowed)
    except (IndexError, RecursionError):  # an expression that ends too early, or has hundreds of brackets
        return False
    return value and not rest


def _either(tokens: list[str], test: Callable[[str], bool]) -> tuple[bool, list[str]]:
    value, rest = _all(tokens, test)
    while rest and rest[0] == "OR":
        other, rest = _all(rest[1:], test)
        value = value or other
    return value, rest


def _all(tokens: list[str], test: Callable[[str], bool]) -> tuple[bool, list[str]]:
    value, rest = _one(tokens, test)
    while rest and rest[0] == "AND":
        other, rest = _one(rest[1:], test)
        value = value and other
    return value, rest


def _one(tokens: list[str], test: Callable[[str], bool]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        value, rest = _either(tokens[1:], test)
        rest = rest[1:]
    else:
        value, rest = test(tokens[0]), tokens[1:]
    return value, rest[2:] if rest and rest[0] == "WITH" else rest  # an exception only permits more
