"""Keys, tokens and passwords in code.

Example: ``mask_secrets('token = "ghp_…36 letters…"')`` is ``'token = "<KEY>"'``; a password becomes ``<PASSWORD>``, as
in StarCoder's data.

Three ways to know one: its form (`curation.text.secret_forms`), a private key's block, and the name before it, such as
``password`` or ``api_key``, with a value that is no placeholder (`curation.text.secret_values`). High entropy alone
says nothing: of the 94 strings that detect-secrets finds by it in 3,367 files of code all are alphabets, hashes and
test vectors. So it counts only with a name before it. Files of locked versions, whose hashes have such names, are
searched for forms only. What is found is masked wherever it stands in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from curation.text.masking import NONE_ALLOWED, Allowed, Pattern, Span, find_patterns, masked, merged
from curation.text.secret_forms import Form, Found, formally_valid_jwt, plugin
from curation.text.secret_lines import lines_to_read
from curation.text.secret_names import by_entropy, by_name, name_patterns
from curation.text.secret_values import is_named_secret, is_placeholder

KEY, PASSWORD = "<KEY>", "<PASSWORD>"

_PASSWORD_KINDS = ("basic_auth", "password")
_JWT_REST = re.compile(r"[A-Za-z0-9_\-.+/=]*")
_BLOCK = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----"
    r"((?:(?!-----BEGIN).){1,20000}?)-----END \1-----"
    r"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----((?:[A-Za-z0-9+/=]{32,}|\\[nr]|[\s\"'`+,\\]){1,2000})"
    r"|Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{32,}\s+)*[A-Za-z0-9+/=]+)",
    re.DOTALL,
)
_EDGE = " \t\r\n\"'`+,"
_LEAST_BLOCK = 64
_LEAST_REPEATED = 8


def mask_secrets(
    text: str, path: str = "", *, patterns: Sequence[Pattern] = (), allowed: Allowed = NONE_ALLOWED
) -> str:  # fmt: skip
    """``text`` with the secrets in it replaced; see `find_secrets`."""
    return masked(text, find_secrets(text, path, patterns=patterns, allowed=allowed))


def find_secrets(
    text: str, path: str = "", *, patterns: Sequence[Pattern] = (), allowed: Allowed = NONE_ALLOWED
) -> list[Span]:
    """The secrets in ``text``, in order.

    Args:
        text: the content of a file.
        path: the file's path; its ending says how values are written, in ``.yaml`` also without quotes.
        patterns: one's own, looked for beside what is found.
        allowed: values that are left as they are.

    Raises:
        ConfigError: if detect-secrets is not installed.
    """
    low = _lowered(text)
    found = list(chain(_blocks(text, low), _in_lines(text, low, path)))
    found = [one for one in found if text[one.start : one.end] not in allowed]
    spans = merged(Span(one.start, one.end, one.kind, _replacement(one.kind)) for one in _everywhere(text, found))
    return find_patterns(text, patterns, allowed, spans)


def _replacement(kind: str) -> str:
    return PASSWORD if kind in _PASSWORD_KINDS else KEY


def _lowered(text: str) -> str:
    """In lowercase, each character at its place: some have a longer lowercase."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(map(_lower_letter, text))


def _lower_letter(letter: str) -> str:
    return low if len(low := letter.lower()) == 1 else letter


def _blocks(text: str, low: str) -> Iterator[Found]:
    """What stands between the first and the last line of a private key."""
    if "private key" not in low and "private-lines" not in low:
        return
    for match in _BLOCK.finditer(text):
        group = match.lastindex or 0
        body = match[group]
        if sum(map(str.isalnum, body)) < _LEAST_BLOCK:
            continue  # an example: dots, or a word
        start, end = _trimmed(body)
        yield Found(match.start(group) + start, match.start(group) + end, "private_key")


def _trimmed(body: str) -> tuple[int, int]:
    """Without the white space, quotes and written line ends of the code around a block's lines: start, end."""
    start, end = 0, len(body)
    while start < end and (body[start] in _EDGE or body[start : start + 2] in ("\\n", "\\r")):
        start += 1 if body[start] in _EDGE else 2
    while start < end and (body[end - 1] in _EDGE or body[end - 2 : end] in ("\\n", "\\r")):
        end -= 1 if body[end - 1] in _EDGE else 2
    return start, end


def _in_lines(text: str, low: str, path: str) -> Iterator[Found]:
    """By forms and names, in those lines only that can hold them."""
    names_count = not _is_generated(path)
    names = name_patterns(path)
    for (start, end), forms in sorted(lines_to_read(text, low).items()):
        line = text[start:end].rstrip()
        found = chain(*(_by_form(line, form) for form in forms if form is not None))
        if names_count and None in forms:
            found = chain(found, by_name(line, names), by_entropy(line))
        for one in found:
            first, last = start + one.start, start + one.end
            if one.kind == "jwt":  # to its end, also where the surroundings of a long line end before
                last = _JWT_REST.match(text, last).end()  # type: ignore[union-attr]
            if _stands_alone(text, first, last):
                yield Found(first, last, one.kind)


def _by_form(line: str, form: Form) -> Iterator[Found]:
    for pattern in form.patterns if form.also is None or form.also.search(line) else ():
        group = 1 if pattern.groups and not form.whole else 0
        for match in pattern.finditer(line):
            start, end = match.span(group)
            if form.kind == "jwt" and not formally_valid_jwt()(match[0]):
                continue
            if not _is_example(line[start:end], form.kind):
                yield Found(start, end, form.kind)


def _is_example(value: str, kind: str) -> bool:
    return not is_named_secret(value) if kind == "basic_auth" else is_placeholder(value)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a value is not a piece of a longer word, as keys are found in long strings of hexadecimal digits."""
    before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    after = end < len(text) and text[end].isalnum() and text[end - 1].isalnum()
    return not before and not after


def _everywhere(text: str, found: Sequence[Found]) -> Iterator[Found]:
    """What was found once, wherever it stands."""
    yield from found
    kinds = {text[one.start : one.end]: one.kind for one in reversed(found)}
    for value, kind in kinds.items():
        at = text.find(value) if len(value) >= _LEAST_REPEATED else -1
        while at >= 0:
            if _stands_alone(text, at, at + len(value)):
                yield Found(at, at + len(value), kind)
            at = text.find(value, at + len(value))


def _is_generated(path: str) -> bool:
    """Whether a tool wrote it: files of locked versions, descriptions of interfaces."""
    return bool(
        plugin("filters.heuristic", "is_lock_file")(path) or plugin("filters.heuristic", "is_swagger_file")(path)
    )
