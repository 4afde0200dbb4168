r"""Places of a text that are masked, what stands there afterwards, and people's own patterns and exceptions.

Example: ``masked("id EMP-123456", [Span(3, 13, "employee", "<EMPLOYEE>")])`` is ``"id <EMPLOYEE>"``. The employee is
found by a line ``employee: '\bEMP-\d{6}\b'`` in a file of patterns, and one number of all is left as it is by a line
``EMP-000000`` in a file of exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curation.content import read_yaml, resolve_location
from curation.errors import ConfigError, ContentError

_KIND = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` is of this kind, and is replaced; the value itself is not kept."""

    start: int
    end: int
    kind: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of one's own; where it has a group, that is what is masked, else the whole match."""

    kind: str
    regex: re.Pattern[str]
    replacement: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Values that are left as they are: exact ones, and patterns that fit the whole value."""

    values: frozenset[str] = frozenset()
    patterns: tuple[re.Pattern[str], ...] = ()

    def __contains__(self, value: str) -> bool:
        return value in self.values or any(pattern.fullmatch(value) for pattern in self.patterns)


NONE_ALLOWED = Allowed()


def masked(text: str, spans: Sequence[Span]) -> str:
    """``text`` with the replacements of ``spans``, which are in order and do not overlap."""
    parts: list[str] = []
    last = 0
    for span in spans:
        parts += text[last : span.start], span.replacement
        last = span.end
    return "".join(parts) + text[last:] if spans else text


def lines(text: str, spans: Sequence[Span]) -> list[int]:
    """The line of each span in ``text``, the first being 1; spans are in order."""
    found, line, last = [], 1, 0
    for span in spans:
        line += text.count("\n", last, span.start)
        last = span.start
        found.append(line)
    return found


def gaps(spans: Iterable[Span], length: int) -> Iterator[tuple[int, int]]:
    """What the spans leave free of a text of ``length`` characters: (start, end)."""
    last = 0
    for span in spans:
        if span.start > last:
            yield last, span.start
        last = max(last, span.end)
    if last < length:
        yield last, length


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order; those that overlap are one, which is of the kind of that which was given first."""
    kept: list[Span] = []
    rank = 0
    for order, span in sorted(enumerate(spans), key=lambda one: (one[1].start, one[0])):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
            rank = order
        else:
            first, rank = (kept[-1], rank) if rank < order else (span, order)
            kept[-1] = replace(first, start=kept[-1].start, end=max(kept[-1].end, span.end))
    return kept


def find_patterns(text: str, patterns: Sequence[Pattern], allowed: Allowed, taken: list[Span]) -> list[Span]:
    """``taken`` and what the patterns find, in order; what overlaps is `merged`: an earlier pattern names the kind."""
    new = [
        Span(*match.span(group), pattern.kind, pattern.replacement)
        for pattern in patterns
        for match in pattern.regex.finditer(text)
        if match[group := 1 if pattern.regex.groups and match[1] else 0] and match[group] not in allowed
    ]
    return merged([*taken, *new]) if new else taken


def read_patterns(location: str) -> tuple[Pattern, ...]:
    """One's own patterns from a YAML file: ``kind: regex``, or ``kind: {pattern: regex, replacement: text}``.

    Without a replacement there stands ``<KIND>``. An empty location gives none.

    Raises:
        ConfigError: if there is no such file, or an entry is no pattern or matches nothing at all.
    """
    if not location:
        return ()
    path = _file(location, "patterns")
    try:
        values = read_yaml(path)
    except ContentError as error:
        raise ConfigError(str(error)) from error
    return tuple(_pattern(path, str(kind), value) for kind, value in values.items())


def read_allowed(location: str) -> Allowed:
    """Exceptions from a text file: a value on each line, or ``re:`` and a pattern for whole values; ``#`` comments.

    An empty location allows none.

    Raises:
        ConfigError: if there is no such file, or a pattern is none.
    """
    if not location:
        return NONE_ALLOWED
    path = _file(location, "exceptions")
    try:
        said = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}") from error
    entries = [line for line in said if line and not line.startswith("#")]
    expressions = [line.removeprefix("re:").strip() for line in entries if line.startswith("re:")]
    return Allowed(
        frozenset(line for line in entries if not line.startswith("re:")),
        tuple(_compiled(path, "re:", expression) for expression in expressions),
    )


def _file(location: str, what: str) -> Path:
    path = Path(resolve_location(location))
    if not path.is_file():
        raise ConfigError(f"no file of {what} {path}")
    return path


def _pattern(path: Path, kind: str, value: Any) -> Pattern:
    given = value if isinstance(value, dict) else {"pattern": value}
    unknown = sorted(set(map(str, given)) - {"pattern", "replacement"})
    if unknown:
        raise ConfigError(f"{path}: {kind}: unknown key {unknown[0]!r}; known are pattern, replacement")
    if not _KIND.fullmatch(kind):
        raise ConfigError(f"{path}: {kind!r} is no kind: expected lowercase letters, digits and _")
    replacement = given.get("replacement", f"<{kind.upper()}>")
    for name, one in (("pattern", given.get("pattern")), ("replacement", replacement)):
        if not isinstance(one, str):
            raise ConfigError(f"{path}: {kind}: {name}: expected text, got {one!r}")
    regex = _compiled(path, kind, given["pattern"])
    if regex.fullmatch(""):
        raise ConfigError(f"{path}: {kind}: {given['pattern']!r} matches where nothing is")
    return Pattern(kind, regex, replacement)


def _compiled(path: Path, name: str, expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise ConfigError(f"{path}: {name}: {expression!r} is no regular expression: {error}") from error
