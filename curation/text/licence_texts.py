"""Which licences a file names: a line of SPDX, the words of a licence's text, a field of a package's description.

Example: ``spdx_lines("# SPDX-License-Identifier: MIT OR Apache-2.0")`` is ``["MIT OR Apache-2.0"]``, and
``licences_of_text(Path("LICENSE").read_text())`` is ``["BSD-3-Clause"]`` of NumPy's.

A text is compared by its words alone, so neither comment signs nor line breaks nor holders' names count. The phrases
that tell licences apart are in licences.yaml.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import lru_cache
from typing import Any

from curation.text.licences import UNKNOWN, licence_ids, licence_list, licence_table, spdx_id

_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})")
_CLOSING = re.compile(r"\s+(?:#|//).*$|\s*(?:\*+/|-->|--\}|\*\)|#\}|-\}|\]\]|%>|\?>|\"\"\"|'''|[\"'`;,*<}]).*$")
_ID = re.compile(r"[A-Za-z0-9][\w.+:-]*")
_SPDX_LINES = 50
_WORD = re.compile(r"(WITH\s+)?[^\s()]+")
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z-]{1,60}")
_EXCEPTION = re.compile(r"[A-Za-z0-9.-]{1,24}-(?:exception|note)(?:-\d\.\d)?")

_FILE = re.compile(
    r"(?:[\w.]+[-_])?(?:un)?licen[cs]es?(?:[-_.].*)?|copying\d?(?:[-.].*)?|copyright(?:[-_.].*)?|notices?(?:[-_.].*)?|eula(?:[-_.].*)?|"
    r"(?:[al]?gpl|mpl|epl)(?:[-_.v]?\d.*)?(?:\.(?:txt|md))?",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"\.(?:py|pyi|pyc|js|mjs|ts|tsx|jsx|java|kt|c|cc|cpp|h|hpp|cs|go|rs|rb|php|swift|sh|sql|lua|pl|r|scala|json|xml|ya?ml|toml|"
    r"css|scss|html?|svg|png|jpe?g|gif|pdf|ico|csv|ipynb|lock|cfg|ini|in|tmpl|tpl|j2)$",
    re.IGNORECASE,
)
_WEAK = re.compile(r"(?:notice|copyright)", re.IGNORECASE)
MANIFESTS = ("package.json", "composer.json", "Cargo.toml", "pyproject.toml")
"""Descriptions of packages that have a field for the licence."""

_GNU = re.compile(
    r"gnu (?:(lesser|library|affero) )?(?:general )?public license(?: \w?gpl)?"
    r"(?: as published by the free software foundation)?(?: either)? (?:version|v) ?(\d)(?: (\d))?"
    r"(?: of the license)?( or(?: at your option)? any later version| or later)?"
)
_FAMILY = {None: "GPL", "lesser": "LGPL", "library": "LGPL", "affero": "AGPL"}
_CHOICE = re.compile(
    r"dual licensed|\beither of\b|at your option of|under either|choose either|(?:license|2 0) or the|your choice"
)
_SHORT_WORDS, _LICENCE_WORDS = 40, 60
_CLASSIFIER = "License :: "


def spdx_lines(text: str) -> list[str]:
    """The licences that the first fifty lines of a file name, each an identifier or an expression."""
    if "SPDX-License-Identifier:" not in text:
        return []
    head = "\n".join(text[:20_000].splitlines()[:_SPDX_LINES])
    found = (_CLOSING.sub("", line).strip() for line in _SPDX.findall(head))
    return licence_list([one for one in found if _ID.match(one.lstrip("( "))])


def known_alone(licences: list[str]) -> list[str]:
    """Licences as files name them, with `UNKNOWN` for any word that no list of licences has.

    Such a word is whatever somebody wrote there: a sentence, an address, a key.
    """
    if all(one in _spellings() for one in licences):
        return licences
    return licence_list([_known_expression(one) for one in licences])


def _known_expression(licence: str) -> str:
    if len(licence_ids(licence)) == 1 and " WITH " not in licence:
        return licence if licence in _spellings() or _REFERENCE.fullmatch(licence) else UNKNOWN
    return _WORD.sub(lambda found: _known_word(found[0], found[1]), licence)


def _known_word(word: str, exception: str | None) -> str:
    name = word.removeprefix(exception or "")
    if name in ("AND", "OR", "WITH") or name in _spellings() or _REFERENCE.fullmatch(name):
        return word
    return word if exception and _EXCEPTION.fullmatch(name) else f"{exception or ''}{UNKNOWN}"


@lru_cache(maxsize=1)
def _spellings() -> frozenset[str]:
    return frozenset(licence_table()["spelling"].values())


def is_licence_file(name: str) -> bool:
    """Whether a file of this name holds a licence, such as LICENSE, COPYING.LESSER, MIT-LICENSE.txt or UNLICENSE."""
    return _FILE.fullmatch(name) is not None and _CODE.search(name) is None


def licences_of_file(name: str, text: str) -> list[str]:
    """The licences of a file that `is_licence_file`: `UNKNOWN` where its text is of none that is known.

    A NOTICE or COPYRIGHT that names no licence has none, because it often only says whose the work is.
    """
    found = licences_of_text(text)
    if found or _WEAK.match(name):
        return found
    return [UNKNOWN] if len(_words(text).split()) >= _LICENCE_WORDS or spdx_id(name) != name else []


def licences_of_text(text: str) -> list[str]:
    """The licences whose words stand in a text, in the order of the table; an expression if one may be chosen.

    Of a text that says no more than a name, such as ``MIT License``, that is it.
    """
    lines = spdx_lines(text)
    if lines:
        return lines
    words = f" {_words(text)} "
    found = [name for name, groups in _phrases() if any(_fits(words, group) for group in groups)]
    parts = licence_table()["parts"]
    contained = {part for name in found for part in parts.get(name, ())}
    found = [name for name in found if name not in contained]
    if not any("GPL-" in name for name in found) and "secondary license" not in words:  # those are in every MPL
        found += [name for name in _gnu_notices(words) if name not in found]
    if not found and words.count(" ") < _SHORT_WORDS:
        found = _named(text)
    if len(found) > 1 and _CHOICE.search(words) and words.count(" ") < 5 * _SHORT_WORDS:
        return [" OR ".join(found)]
    return found


def manifest_licences(name: str, text: str) -> list[str]:
    """What one of the `MANIFESTS` has in its field for the licence; nothing where it cannot be read."""
    try:
        values = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except ValueError:
        return []
    if not isinstance(values, dict):
        return []
    if name.endswith(".json"):
        return _json_field(values)
    sections = [values.get("package"), values.get("project"), _inside(values.get("tool"), "poetry")]
    found = [one for section in sections if isinstance(section, dict) for one in _toml_field(section)]
    return licence_list(found)


def _json_field(values: dict[str, Any]) -> list[str]:
    field = values.get("license", values.get("licenses"))
    many = field if isinstance(field, list) else [field]
    names = [one.get("type") if isinstance(one, dict) else one for one in many]
    plain = [one for one in names if isinstance(one, str) and not one.upper().startswith("SEE LICEN")]
    return licence_list([" OR ".join(plain)] if len(plain) > 1 else plain)  # of a list one may be chosen


def _toml_field(section: dict[str, Any]) -> list[str]:
    field = section.get("license")
    if isinstance(field, dict):
        field = field.get("text")
    if isinstance(field, str):
        named = spdx_id(field)
        return [named] if len(field) < 200 else licences_of_text(field)
    classifiers = section.get("classifiers") or []
    return classifier_licences([one for one in classifiers if isinstance(one, str)])


def classifier_licences(classifiers: list[str]) -> list[str]:
    """The licences that Python's classifiers name, such as ``License :: OSI Approved :: MIT License``."""
    names = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith(_CLASSIFIER)]
    return licence_list([re.sub(r"\s*\((?:[al]?gpl|mpl).*\)$", "", one, flags=re.IGNORECASE) for one in names])


def combined(files: list[list[str]], manifests: list[list[str]]) -> list[str]:
    """The licences of a folder: of its files, and of its packages' descriptions.

    Where a description says how the files' licences belong together, such as ``MIT OR Apache-2.0``, that holds.
    """
    named = licence_list([one for found in manifests for one in found])
    told = licence_list([one for found in files for one in found])
    if named and UNKNOWN not in named:
        told = [one for one in told if one != UNKNOWN]
    ids = {one for name in named for one in licence_ids(name)}
    rest = [one for one in told if not set(map(_base, licence_ids(one))) <= set(map(_base, ids))]
    return named + [one for one in rest if one not in named] if named else told


def _base(name: str) -> str:
    """An identifier without what a licence's text does not tell, as only a file's head says "or later"."""
    return name.removesuffix("-only").removesuffix("-or-later")


@lru_cache(maxsize=1)
def _phrases() -> list[tuple[str, list[tuple[list[str], list[str]]]]]:
    """Licence -> groups of phrases that must and of those that must not stand in its text."""
    return [(name, [_signed(group) for group in groups]) for name, groups in licence_table()["texts"].items()]


def _signed(group: list[str]) -> tuple[list[str], list[str]]:
    wanted = [one for one in group if not one.startswith("not ")]
    return wanted, [one.removeprefix("not ") for one in group if one.startswith("not ")]


def _fits(words: str, group: tuple[list[str], list[str]]) -> bool:
    wanted, unwanted = group
    return all(f" {one} " in words for one in wanted) and not any(f" {one} " in words for one in unwanted)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def _gnu_notices(words: str) -> list[str]:
    """What a file's head says of a GNU licence: which version, and whether a later one may be taken."""
    found = []
    for kind, major, minor, later in _GNU.findall(words):
        family = _FAMILY[kind or None]
        number = f"{major}.{minor if family == 'LGPL' and major == '2' and minor else 0}"
        found.append(spdx_id(f"{family}-{number}-{'or-later' if later else 'only'}"))
    return list(dict.fromkeys(found))


def _named(text: str) -> list[str]:
    """Lines that are nothing but the name of a licence."""
    spelling = licence_table()["spelling"].values()
    lines = (line.strip(" \t#*=-_.:/").strip() for line in text.splitlines())
    names = (spdx_id(re.sub(r"^licen[cs]e\s*:\s*", "", line, flags=re.IGNORECASE)) for line in lines if line)
    return list(dict.fromkeys(name for name in names if name in spelling))


def _inside(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
