"""The languages of scored documents, by any of their names.

languages = Languages(["C++", "Java"], is_code=True)
languages.asked("cpp"), languages.folder_of("C++")      # ("C++", "Cpp")
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.config import nearest
from curation.errors import ConfigError
from curation.text.code_languages import CodeLanguage, code_language, code_table

NO_LANGUAGE = "no language"
"""The group of documents whose language is empty."""


class Languages:
    """The languages of an input, by any of their names.

    Args:
        present: the different values of its column ``language``.
        is_code: whether they are programming languages: ``go`` and ``cs`` are then Go and C#.
        table: as of `Defaults`.
    """

    def __init__(self, present: Sequence[str | None], *, is_code: bool, table: str = "") -> None:
        self.is_code, self._file = is_code, table
        self._table = code_table(table)
        self.name_of = {value: self._own(value) for value in present}
        self.present = tuple(dict.fromkeys(self.name_of.values()))

    def asked(self, name: str) -> str:
        """The language that someone means; the input need not have it.

        Raises:
            ConfigError: if there is none of this name; the message names the nearest.
        """
        here = {one.lower(): one for one in self.present}.get(name.strip().lower())
        if here is not None:
            return here
        if not self.is_code:
            raise ConfigError(f"unknown language {name!r} ({nearest(name, list(self.present))})")
        return self._table.by_name.get(name.strip().lower()) or code_language(name, self._file).name

    def entry(self, name: str) -> CodeLanguage | None:
        """The table's entry of a programming language, if it has one."""
        return self._table.known.get(name) if self.is_code else None

    def folder_of(self, name: str) -> str:
        """The published configuration's name, or one made of the language's."""
        entry = self.entry(name)
        return entry.config if entry else re.sub(r"[^\w.+-]+", "_", name).lstrip(".") or "_"

    def _own(self, value: str | None) -> str:
        if value is None or not value.strip():
            return NO_LANGUAGE
        # One that the table has not keeps its name.
        return self._table.by_name.get(value.strip().lower(), value) if self.is_code else value
