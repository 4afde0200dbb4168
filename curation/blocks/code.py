"""Files of code: which language they are in, which are kept, and what the judge is told of their language.

Example: ``[IdentifyCode(), KeepCode(only=("Python", "C++")), AddConcepts()]``

The table of languages is `curation.text.code_languages`, which a user's own file changes and extends; the filters are
`curation.text.code_filters`, which published them and in what order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Documents, Select, Step
from curation.config import merge, read_settings
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError, CurationError
from curation.text.code_filters import code_failure
from curation.text.code_identity import extension_among, identify_among
from curation.text.code_languages import CodeTable, code_language, code_table
from curation.text.code_limits import CodeLimits
from curation.text.code_origin import generated_by, generated_mark, vendored


@dataclass(kw_only=True, repr=False)
class _CodeStep(Step):
    """A step that looks languages up in the table, with a user's own languages in the file ``languages``."""

    languages: str = ""

    def __post_init__(self) -> None:
        if self.languages:
            self.languages = absolute_location(self.languages)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The file of a user's own languages."""
        return [self.languages] if self.languages else []

    def check(self) -> None:
        """The languages must be as they must be."""
        self._table()

    def _table(self) -> CodeTable:
        return code_table(self._extra())

    def _extra(self) -> str:
        return resolve_location(self.languages) if self.languages else ""


@dataclass(kw_only=True, repr=False)
class IdentifyCode(_CodeStep):
    """Add ``language``, ``extension``, ``is_vendor`` and ``is_generated``, by the column ``path`` and the text.

    A value of these that is there is kept; of ``language``, as the table calls it. A language that is outside the table
    has its name, a file whose language is not known none.

    Args:
        languages: the path of a user's own languages, see `curation.text.code_languages`.
        trust_column: whether a ``language`` that is there is kept; else it is found again.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {
        "language": pa.string(),
        "extension": pa.string(),
        "is_vendor": pa.bool_(),
        "is_generated": pa.bool_(),
    }

    trust_column: bool = True

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give all documents."""
        table = self._table()
        for doc in data or ():
            row, path = doc.metadata, str(doc.metadata.get("path") or "")
            said = str(row.get("language") or "").strip() if self.trust_column else ""
            if said:
                row["language"] = table.by_name.get(said.lower(), said)
            else:
                row["language"] = identify_among(table, path, doc.text)
            if not row.get("extension"):
                row["extension"] = extension_among(table, path)
            if row.get("is_vendor") is None:
                row["is_vendor"] = vendored(path)
            if row.get("is_generated") is None:
                row["is_generated"] = generated_by(path, doc.text) is not None
            yield doc


@dataclass(kw_only=True, repr=False)
class KeepCode(_CodeStep, Select):
    """Drop files by StarCoder2's filters; the removed file has rule, measured value and limit.

    Reasons, in the order in which they are asked: ``language_not_listed`` (not in the table), ``language_not_wanted``,
    ``vendored``, ``generated``, and those of `curation.text.code_filters`.

    Args:
        languages: the path of a user's own languages, see `curation.text.code_languages`.
        only: names of the languages that are wanted; none for all of the table.
        vendored: whether files are dropped that ``is_vendor`` marks. StarCoder2 names no such filter; copies that are
            the same everywhere go with the duplicates.
        generated: whether files are dropped that ``is_generated`` marks, or that say so in their first five lines.
        limits: limit -> value for all languages, above those of each; null for none.
    """

    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"rule": pa.string(), "value": pa.float64(), "limit": pa.float64()}

    only: tuple[str, ...] = ()
    vendored: Literal["drop", "keep"] = "keep"
    generated: Literal["drop", "keep"] = "drop"
    limits: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._limits_of: dict[str, CodeLimits] = {}
        self._names: dict[str, str] = {}
        self._listed: frozenset[str] = frozenset()
        super().__post_init__()

    def check(self) -> None:
        """Languages, choices and limits must be known."""
        for name, value in (("vendored", self.vendored), ("generated", self.generated)):
            if value not in ("drop", "keep"):
                raise ConfigError(f"{name}: {value!r} is not one of drop, keep")
        self._wanted()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents that stay."""
        self._limits_of = self._wanted()
        yield from super().run(data, rank, world_size)

    def reason(self, doc: Document) -> str | None:
        """By the first filter that a file does not pass."""
        row = doc.metadata
        if "language" not in row:
            raise CurationError(f"KeepCode: document {doc.id} has no column language; put IdentifyCode before it")
        self._limits_of = self._limits_of or self._wanted()
        name = self._names.get(str(row["language"] or "").strip().lower(), "")
        if name not in self._limits_of:
            return _because(doc, "language_not_wanted" if name in self._listed else "language_not_listed", "language")
        path = str(row.get("path") or "")
        if self.vendored == "drop" and row.get("is_vendor"):
            return _because(doc, "vendored", "is_vendor")
        if self.generated == "drop":
            mark = generated_mark(doc.text) or (
                row.get("is_generated") and (generated_by(path, doc.text) or "is_generated")
            )
            if mark:
                return _because(doc, "generated", mark)
        failure = code_failure(doc.text, path, self._limits_of[name])
        return failure and _because(doc, *failure)

    def _wanted(self) -> dict[str, CodeLimits]:
        """Name -> limits of the languages that are kept."""
        table = self._table()
        self._names, self._listed = table.by_name, frozenset(table.languages)
        wanted = {code_language(name, self._extra()).name for name in self.only} or self._listed
        return {
            name: read_settings(CodeLimits, merge(asdict(one.limits), self.limits), f"limits of {name}")
            for name, one in table.languages.items()
            if name in wanted
        }


@dataclass(kw_only=True, repr=False)
class AddConcepts(_CodeStep):
    """Add ``concepts``, which a prompt has a slot for, by ``language``; what is there is kept.

    Args:
        languages: the path of a user's own languages, see `curation.text.code_languages`.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"concepts": pa.string()}

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give all documents; those of a language that is not in the table have no concepts."""
        table = self._table()
        for doc in data or ():
            if "language" not in doc.metadata:
                raise CurationError(
                    f"AddConcepts: document {doc.id} has no column language; put IdentifyCode before it"
                )
            name = table.by_name.get(str(doc.metadata["language"] or "").strip().lower(), "")
            language = table.languages.get(name)
            doc.metadata["concepts"] = doc.metadata.get("concepts") or (language and language.concepts) or None
            yield doc


def _because(doc: Document, reason: str, rule: str, value: float | None = None, limit: float | None = None) -> str:
    doc.metadata |= {"rule": rule, "value": value, "limit": limit}
    return reason
