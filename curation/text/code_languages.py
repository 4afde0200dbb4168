"""The one table of programming languages: names, files, the judge's concepts, threshold and limits of each.

Example: ``code_language("c-sharp")`` is Stack-Edu's C#, with the ``slug`` ``csharp`` and the ``config`` ``CSharp``.

A user's language is one entry in a YAML file of theirs, whose path is ``extra``; an entry of a name that is there
changes only the keys that it has::

    Kotlin:  # known by name, so that its extensions are there
      concepts: coroutines and null safety
    Arduino:
      concepts: sensors and interrupts
      extensions: [.ino]
      when: {.ino: ""}  # C++ has .ino: a pattern says which files are whose, an empty one takes all
      limits: {min_letters: 0.2}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.config import merge, nearest, read_settings
from curation.content import read_yaml
from curation.errors import ConfigError, ContentError
from curation.text.code_limits import CodeLimits

_TABLE = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, kw_only=True)
class CodeLanguage:
    """A programming language.

    Args:
        name: as Linguist has it, such as ``C++``.
        slug: in lowercase letters, digits and hyphens, for names of files and models; from the name, if not given.
        config: the name of its configuration in a published dataset; from the name, if not given.
        aliases: further names, in any case.
        extensions: of its files, in any case, with the full stop.
        filenames: whole names of its files.
        interpreters: programs in the first line of its scripts.
        concepts: what the judge's prompt gives as an example of key concepts.
        threshold: the lowest score that is kept.
        limits: what is allowed in a file.
        when: extension -> pattern of the beginning of a file, for extensions that another language has, too.

    Raises:
        ValueError: for a slug, configuration or extension of other characters, or a pattern that is none.
    """

    name: str
    slug: str = ""
    config: str = ""
    aliases: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    concepts: str = ""
    threshold: int = 3
    limits: CodeLimits = field(default_factory=CodeLimits)
    when: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        words = self.name.replace("#", " sharp").replace("+", "p")
        object.__setattr__(self, "slug", self.slug or re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-"))
        object.__setattr__(self, "config", self.config or "".join(re.findall(r"\w+", words.replace(" sharp", "Sharp"))))
        if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", self.slug):
            raise ValueError(f"slug: {self.slug!r} is not of lowercase letters, digits and hyphens")
        if not re.fullmatch(r"\w[\w.-]*", self.config, re.ASCII):
            raise ValueError(f"config: {self.config!r} cannot name a configuration")
        for extension in (*self.extensions, *self.when):
            if not re.fullmatch(r"\.[^\s/]+", extension):
                raise ValueError(f"extensions: {extension!r} is not a full stop and characters")
        for extension, pattern in self.when.items():
            if extension not in self.extensions:
                raise ValueError(f"when: {extension} is not among the extensions")
            _compiled(extension, pattern)

    @property
    def names(self) -> tuple[str, ...]:
        """All that it may be called, in lowercase."""
        return tuple(dict.fromkeys(map(str.lower, (self.name, self.slug, self.config, *self.aliases))))


@dataclass(frozen=True, kw_only=True)
class ContentRule:
    """Of an extension that languages share, the language of a file in whose beginning the pattern is found."""

    language: str | None
    pattern: str = ""


Rule = tuple[str | None, re.Pattern[str] | None]


@dataclass(frozen=True, eq=False)
class CodeTable:
    """What is looked up, of all languages that there are names for.

    Args:
        languages: those that are wanted: Stack-Edu's, then a user's; name -> language.
        known: these and all others.
        by_name: name or alias, in lowercase -> name.
        by_filename: file name -> language.
        by_extension: extension, in lowercase -> languages.
        by_interpreter: program -> language.
        rules: extension, in lowercase -> which language a file of it is: the first whose pattern is found.
    """

    languages: dict[str, CodeLanguage]
    known: dict[str, CodeLanguage]
    by_name: dict[str, str]
    by_filename: dict[str, str]
    by_extension: dict[str, tuple[str, ...]]
    by_interpreter: dict[str, str]
    rules: dict[str, tuple[Rule, ...]]


def code_languages(extra: str = "") -> dict[str, CodeLanguage]:
    """The languages of Stack-Edu, largest first, then those of the file ``extra``, by name.

    Raises:
        ConfigError: if ``extra`` is not there, or not as it must be.
    """
    return code_table(extra).languages


def code_language(name: str, extra: str = "") -> CodeLanguage:
    """The language of that name, slug, configuration or alias, in any case.

    Raises:
        ConfigError: for one that is not in the table; the message names the nearest.
    """
    table = code_table(extra)
    found = table.by_name.get(name.strip().lower(), "")
    if found not in table.languages:
        raise ConfigError(f"unknown programming language {name!r} ({nearest(name, list(table.languages))})")
    return table.languages[found]


def code_table(extra: str = "") -> CodeTable:
    """The whole table; the same content of ``extra`` gives the same object.

    Raises:
        ConfigError: if ``extra`` is not there, or not as it must be.
    """
    if not extra:
        return _table("", b"")
    path = Path(extra).expanduser()
    try:
        return _table(str(path), path.read_bytes())
    except OSError as error:
        raise ConfigError(f"languages {path}: {error.strerror}") from error


@lru_cache(maxsize=16)
def _table(extra: str, content: bytes) -> CodeTable:
    """A table, kept for as long as the user's file has this content."""
    shipped = read_yaml(_TABLE)
    given = shipped["languages"] | shipped["known"]
    own = _own(extra)
    for name, entry in own.items():
        given[name] = merge(given.get(name, {}), entry)
    known = {name: _language(name, entry, extra if name in own else _TABLE.name) for name, entry in given.items()}
    wanted = {name: known[name] for name in dict.fromkeys([*shipped["languages"], *own])}
    order = [known[name] for name in dict.fromkeys([*own, *given])]
    origin = extra or _TABLE.name
    return CodeTable(
        languages=wanted,
        known=known,
        by_name=_unique(origin, "name", {one.name: one.names for one in order}),
        by_filename=_unique(origin, "file name", {one.name: one.filenames for one in order}),
        by_extension=_shared(order),
        by_interpreter=_unique(origin, "interpreter", {one.name: one.interpreters for one in order}),
        rules=_rules(origin, order, shipped["content"], own),
    )


def _own(extra: str) -> dict[str, Any]:
    if not extra:
        return {}
    try:
        own = read_yaml(Path(extra))
    except ContentError as error:
        raise ConfigError(str(error)) from error
    if set(own) <= {"languages", "known", "content"} and own:
        raise ConfigError(f"{extra}: the names of languages stand at the top, such as `Haskell: {{extensions: [.hs]}}`")
    for name, entry in own.items():
        if not isinstance(name, str) or not name.strip() or not isinstance(entry, Mapping):
            raise ConfigError(f"{extra}: {name}: expected a language's name and a mapping, got {entry!r}")
        if "name" in entry:
            raise ConfigError(f"{extra}: {name}: unknown key 'name' (the name is the key of the entry)")
    return own


def _language(name: str, entry: Mapping[str, Any], origin: str) -> CodeLanguage:
    return read_settings(CodeLanguage, {**entry, "name": name}, f"{origin}: {name}")


def _unique(origin: str, kind: str, names_of: dict[str, tuple[str, ...]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for language, names in names_of.items():
        for name in names:
            if found.setdefault(name, language) != language:
                raise ConfigError(f"{origin}: {kind} {name!r} is that of {found[name]} and of {language}")
    return found


def _shared(languages: list[CodeLanguage]) -> dict[str, tuple[str, ...]]:
    shared: dict[str, tuple[str, ...]] = {}
    for one in languages:
        for extension in dict.fromkeys(map(str.lower, one.extensions)):
            shared[extension] = (*shared.get(extension, ()), one.name)
    return shared


def _rules(
    origin: str, order: list[CodeLanguage], content: dict[str, Any], users: Mapping[str, Any]
) -> dict[str, tuple[Rule, ...]]:
    rules: dict[str, tuple[Rule, ...]] = {}
    for extension, names in _shared(order).items():
        asked = [ContentRule(language=one.name, pattern=one.when[extension]) for one in order if extension in one.when]
        own = len(asked)
        asked += [read_settings(ContentRule, one, f"{_TABLE.name}: {extension}") for one in content.get(extension, ())]
        unruled = [name for name in names if name not in {rule.language for rule in asked}]
        if own and len(unruled) == 1 and unruled[0] not in users:
            asked.append(ContentRule(language=unruled.pop()))
        if unruled and len(names) > 1:
            others = ", ".join(name for name in names if name != unruled[0])
            raise ConfigError(
                f"{origin}: {unruled[0]}: extension {extension} is that of {others}, too; its entry must say which "
                f"files are its own, as in when: {{{extension}: pattern}}"
            )
        rules[extension] = tuple((rule.language, _compiled(extension, rule.pattern)) for rule in asked)
    return rules


@lru_cache(maxsize=256)
def _compiled(extension: str, pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.MULTILINE) if pattern else None
    except re.error as error:
        raise ValueError(f"when: {extension}: {pattern!r} is no pattern: {error}") from error
