"""What the steps share that mask something in a text: treatments, counts, a column, and a report without values.

Example: with ``report=folder_of("mask", "report")`` the stage ``mask`` holds ``report/00003.parquet`` beside its
``data/00003.parquet``: a row for each place, with the document's id and path, the line, the kind and the treatment.
What was found itself stands in no text: also a dropped document goes to ``removed/`` masked. The strings of the column
``metadata`` and the path in the report are masked by the same search, and counted nowhere; all other columns, such as
``id`` and ``url``, are left as they are, and so is all of a document that an earlier step drops.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.step import Documents, Step
from curation.content import absolute_location
from curation.errors import ConfigError
from curation.folder import Folder
from curation.text.masking import Allowed, Pattern, Span, lines, masked, read_allowed, read_patterns

Treatment = Literal["mask", "drop", "off"]

REPORT = pa.schema(
    [
        ("id", pa.string()),
        ("path", pa.string()),
        ("line", pa.int32()),
        ("kind", pa.string()),
        ("treatment", pa.string()),
    ]
)
_METADATA = "metadata"
_GROUP_ROWS = 50_000


@dataclass(kw_only=True, repr=False)
class Masking(Step):
    """A step that replaces places of the text, or drops the documents that have any.

    Args:
        own: what is done about what one's own patterns find.
        patterns: a YAML file of them: ``kind: regex``, or ``kind: {pattern: regex, replacement: text}``.
        allowed: a text file of values that are left: one a line, or ``re:`` and a pattern for whole values.
        report: a folder for the report, such as ``folder_of("mask", "report")``; empty for none.
        path_column: the column whose value the report names beside the id.
    """

    type: ClassVar[str] = "shape"
    found_column: ClassVar[str]
    drop_reason: ClassVar[str]

    own: Treatment = "mask"
    patterns: str = ""
    allowed: str = ""
    report: str = ""
    path_column: str = "path"

    def __post_init__(self) -> None:
        for name in ("patterns", "allowed", "report"):
            value = getattr(self, name)
            setattr(self, name, absolute_location(value) if value else "")
        super().__post_init__()

    def inputs(self) -> list[str]:
        """One's own patterns and exceptions."""
        return [location for location in (self.patterns, self.allowed) if location]

    def check(self) -> None:
        """The files must be readable, and the treatments known."""
        for name, value in self.treatments().items():
            if value not in get_args(Treatment):
                raise ConfigError(f"{type(self).__name__}: {name}: expected mask, drop or off, got {value!r}")
        taken = self.kinds() & {pattern.kind for pattern in read_patterns(self.patterns)}
        if taken:
            raise ConfigError(f"{self.patterns}: {min(taken)!r} is a kind of {type(self).__name__}'s own")
        read_allowed(self.allowed)

    @abstractmethod
    def treatments(self) -> dict[str, str]:
        """The settings that say what is done, by name."""

    @abstractmethod
    def kinds(self) -> set[str]:
        """The kinds that are found without patterns of one's own."""

    @abstractmethod
    def find(self, text: str, path: str, patterns: Sequence[Pattern], allowed: Allowed) -> list[Span]:
        """The places in a text, in order; ``path`` is the document's, empty where there is none."""

    @abstractmethod
    def treatment(self, kind: str) -> str:
        """What is done about a kind of place; it is not ``off``."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Mask document after document; the report appears when the last one has gone on."""
        patterns = read_patterns(self.patterns) if self.own != "off" else ()
        allowed = read_allowed(self.allowed)

        def mask_string(text: str) -> str:
            return masked(text, self.find(text, "", patterns, allowed))

        with _Report(self.report, rank) as report:
            for doc in data or ():
                path = str(doc.metadata.get(self.path_column) or "")
                spans = self.find(doc.text, path, patterns, allowed)
                if doc.metadata.get(_METADATA):
                    doc.metadata[_METADATA] = _masked_strings(doc.metadata[_METADATA], mask_string)
                if self._mask(doc, spans, mask_string(path) if spans else path, report):
                    self.stat_update("total", "forwarded")
                    yield doc
                else:
                    self.drop(doc, self.drop_reason, rank)

    def _mask(self, doc: Document, spans: list[Span], path: str, report: _Report) -> bool:
        """Whether the document goes on."""
        counts = Counter(span.kind for span in spans)
        doc.metadata[self.found_column] = json.dumps(dict(sorted(counts.items()))) if counts else None
        if not spans:
            return True
        goes_on = all(self.treatment(kind) == "mask" for kind in counts)
        for kind, number in counts.items():
            self.count(f"{self.found_column}_{kind}", number)
        self.count(f"{self.found_column}_documents")
        for span, line in zip(spans, lines(doc.text, spans), strict=True):
            report.add(doc.id, path or None, line, span.kind, self.treatment(span.kind))
        doc.text = masked(doc.text, spans)
        return goes_on


def _masked_strings(value: Any, mask: Callable[[str], str]) -> Any:
    """The column ``metadata`` with its strings masked: JSON, or what a reader made of it; unchanged where none is."""
    if not isinstance(value, str):
        return _walked(value, mask)
    try:
        said = json.loads(value)
        walked = _walked(said, mask)
    except (ValueError, RecursionError):  # other text, or nested without end
        return mask(value)
    return value if walked == said else json.dumps(walked, ensure_ascii=False)


def _walked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key) if isinstance(key, str) else key: _walked(one, mask) for key, one in value.items()}
    return [_walked(one, mask) for one in value] if isinstance(value, list | tuple) else value


class _Report:
    """The rows of one shard; the file appears when the shard's documents have ended."""

    def __init__(self, folder: str, rank: int) -> None:
        self._folder, self._name = folder, f"{rank:05d}.parquet"
        self._rows: list[tuple[Any, ...]] = []
        self._stack = ExitStack()
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> _Report:
        if self._folder:
            local = self._stack.enter_context(Folder(self._folder).create(self._name))
            self._file = pq.ParquetWriter(local, REPORT, compression="zstd")
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if self._file is not None:
                self._flush()
                self._file.close()
        finally:
            self._stack.__exit__(*error)

    def add(self, *row: Any) -> None:
        """A place: id, path, line, kind, treatment."""
        if self._file is None:
            return
        self._rows.append(row)
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            values = zip(*self._rows, strict=True)
            columns = [pa.array(one, field.type) for one, field in zip(values, REPORT, strict=True)]
            cast(pq.ParquetWriter, self._file).write_table(pa.Table.from_arrays(columns, schema=REPORT))
        self._rows = []
