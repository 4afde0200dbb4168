r"""The lines of a text that can hold a secret, found by fixed words in the whole text.

Example: ``lines_to_read("a = 1\npwd = b", "a = 1\npwd = b")`` is ``{(6, 13): {None: None, …}}``: in the second line
may stand what is known by its name, and the forms of keys that need a name.

The patterns of detect-secrets take 7 ms a file on all its lines. Each can match only where one of some fixed words
stands, and all of these are found in a file in 0.2 ms.
"""

from __future__ import annotations

import re
from functools import cache

from curation.text.secret_forms import Form, form_patterns

_NAMES = ("key", "pass", "pwd", "secret", "token", "contrase", "credential", "auth")

_LONGEST = 2048
_BEFORE = 256
_OVERLAP = 1024  # of two surroundings, so that what the edge of one cuts is whole in the other: long web tokens


def lines_to_read(text: str, low: str) -> dict[tuple[int, int], dict[Form | None, None]]:
    """Lines (start, end) and the forms that may stand in each; None for a name.

    Args:
        text: any text.
        low: the same in lowercase, character by character.
    """
    places: dict[tuple[int, int], dict[Form | None, None]] = {}
    for hint, forms in _hints():
        at = low.find(hint)
        while at >= 0:
            line = _line(text, at)
            places.setdefault(line, {}).update(forms)
            at = low.find(hint, max(line[1] - (_OVERLAP if _is_cut(text, line[1]) else 0), at + 1))
    for sign, form in _signs():
        for match in sign.finditer(text):
            places.setdefault(_line(text, match.start()), {})[form] = None
    return places


def _line(text: str, at: int) -> tuple[int, int]:
    """The line around a place; of one longer than 2,048 characters its surroundings: some patterns are quadratic."""
    start, end = text.rfind("\n", max(0, at - _LONGEST), at) + 1, text.find("\n", at, at + _LONGEST)
    if not start and at > _LONGEST:
        start = at - _BEFORE
    return start, end if end >= 0 else min(len(text), at + _LONGEST)


def _is_cut(text: str, end: int) -> bool:
    return end < len(text) and text[end] != "\n"


@cache
def _signs() -> tuple[tuple[re.Pattern[str], Form], ...]:
    return tuple((sign, form) for form in form_patterns() for sign in form.signs)


@cache
def _hints() -> tuple[tuple[str, dict[Form | None, None]], ...]:
    """Each fixed word, and the forms (None: a name) that it may be the sign of."""
    table: dict[str, dict[Form | None, None]] = {name: {None: None} for name in _NAMES}
    for form in form_patterns():
        for hint in form.hints:
            table.setdefault(hint, {})[form] = None
    return tuple(table.items())
