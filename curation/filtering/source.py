"""Where scores are, and reading no more of them than is asked for.

    source = find_scores("out")             # a run's folder, a stage's, a glob, or any scored parquet
    for file, first, batch in source.batches(["language", "score"]): ...
    source.meter.read, source.stored        # bytes read, of bytes stored

Of a run the narrow stage ``scores`` is read, or ``score`` where there is none. Their files have the same names and
rows, so texts are found by place, and only the row groups are read that hold a wanted row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.content import resolve_location
from curation.errors import ConfigError, CurationError
from curation.filtering.scan import check_kinds
from curation.folder import Folder, list_inputs, open_input
from curation.manifest import Manifest

_NARROW, _WIDE = "scores", "score"
_DICTIONARY = ("language", "license_type")
_ROWS = 131_072  # at a time: of 18 narrow columns about 20 MB
_ROWS_WITH_TEXT = 8192  # of code files of 6 kB about 50 MB


@dataclass
class Meter:
    """Bytes that were read."""

    read: int = 0


@dataclass(kw_only=True)
class ScoredFiles:
    """Scored parquet files.

    Args:
        location: what was asked for.
        files: paths, in order.
        stored: bytes of the scored documents, texts included where they are known.
        texts: folder of the files with the same names and rows that hold the texts, None if `files` themselves do.
        columns: our column -> the files' column.
        meter: counts what is read.
    """

    location: str
    files: tuple[str, ...]
    stored: int
    texts: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)

    def schema(self) -> dict[str, pa.DataType]:
        """The columns of the first file, under our names."""
        back = {theirs: ours for ours, theirs in self.columns.items()}
        with self._open(self.files[0]) as parquet:
            found = {back.get(one.name, one.name): one.type for one in parquet.schema_arrow}
        if missing := [ours for ours in self.columns if ours not in found]:
            raise ConfigError(f"{self.files[0]}: no column {self.columns[missing[0]]!r} (it has {', '.join(found)})")
        return found

    def batches(
        self, wanted: Sequence[str], languages: frozenset[str] | None = None, with_text: bool = False
    ) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        """File, number of the first row, rows: some at a time, in order.

        Args:
            wanted: columns; one that a file has not is not there.
            languages: values of ``language`` that count: row groups whose statistics rule all of them out are not read.
            with_text: fewer rows at a time, because texts will be put beside them.
        """
        rows = _ROWS_WITH_TEXT if with_text else _ROWS
        for file in self.files:
            with self._open(file) as parquet:
                kinds = {one.name: one.type for one in parquet.schema_arrow}
                check_kinds({name: kinds[self._theirs(name)] for name in wanted if self._theirs(name) in kinds}, file)
                names = [self._theirs(name) for name in wanted if self._theirs(name) in kinds]
                for first, groups in _runs(parquet.metadata, self._theirs("language"), languages):
                    for batch in parquet.iter_batches(batch_size=rows, columns=names, row_groups=groups):
                        yield file, first, self._renamed(batch)
                        first += batch.num_rows

    def languages(self) -> list[str | None]:
        """The different values of the column ``language``, sorted, None last."""
        found: set[str | None] = set()
        for _, _, batch in self.batches(["language"]):
            if batch.num_columns:
                found.update(batch.column(0).unique().to_pylist())
        return sorted(found, key=lambda value: (value is None, value or ""))

    @contextlib.contextmanager
    def texts_of(self, file: str) -> Iterator[Texts]:
        """The texts that belong to the rows of a file."""
        place = file if self.texts is None else f"{self.texts}/{file.rsplit('/', 1)[-1]}"
        with self._open(place) as parquet:
            column = self._theirs("text")
            if column not in parquet.schema_arrow.names:
                raise ConfigError(f"{place}: no column {column!r}, and no stage score beside it that has the texts")
            yield Texts(parquet, column, place)

    def _theirs(self, name: str) -> str:
        return self.columns.get(name, name)

    def _renamed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self.columns:
            return batch
        back = {theirs: ours for ours, theirs in self.columns.items()}
        return batch.rename_columns([back.get(name, name) for name in batch.schema.names])

    @contextlib.contextmanager
    def _open(self, file: str) -> Iterator[pq.ParquetFile]:
        with open_input(file) as stream:
            metered = _Metered(stream, self.meter)
            try:
                described = pq.read_metadata(metered)
                there = {self._theirs(name) for name in _DICTIONARY} & set(described.schema.names)
                yield pq.ParquetFile(metered, metadata=described, read_dictionary=sorted(there))
            except pa.ArrowInvalid as error:
                raise CurationError(f"{file}: cannot be read: {error}") from error


class Texts:
    """Texts by row number; of a parquet file only the row groups are read that hold a wanted row."""

    def __init__(self, parquet: pq.ParquetFile, column: str, where: str) -> None:
        self._parquet, self._column, self._where = parquet, column, where
        rows = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(rows, np.int64))])
        self._held: tuple[int, pa.ChunkedArray] | None = None

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self._starts[-1])

    def take(self, rows: NDArray[np.int64]) -> pa.ChunkedArray:
        """The texts of rows, as large strings.

        Args:
            rows: (n,) numbers, ascending.
        """
        if len(rows) and rows[-1] >= self.rows:
            raise CurationError(f"{self._where}: {self.rows} rows, but row {rows[-1]} is scored: score them again")
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        parts = [
            self._group(group).take(pa.array(rows[groups == group] - self._starts[group]))
            for group in np.unique(groups).tolist()
        ]
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.large_string())

    def _group(self, group: int) -> pa.ChunkedArray:
        if self._held is None or self._held[0] != group:  # the last is kept: the next rows may lie in it, too
            column = self._parquet.read_row_group(group, [self._column]).column(0)
            self._held = group, column.cast(pa.large_string())
        return self._held[1]


def find_scores(input: str, columns: Mapping[str, str] | None = None, with_text: bool = False) -> ScoredFiles:
    """The scores of a run, a stage, or any scored parquet files.

    Args:
        input: a run's folder (its stage ``scores``, else ``score``, else its last), a stage's folder, or parquet files.
        columns: our column -> the files' column.
        with_text: whether texts will be asked for; they must then belong to the scores.

    Raises:
        ConfigError: if there is nothing, a stage is unfinished, or texts are wanted that do not belong to the scores.
    """
    location = resolve_location(input)
    folder = Folder(location)
    stage = next((name for name in (_NARROW, _WIDE) if folder.exists(f"{name}/shards.json")), None)
    found = f"{location.rstrip('/')}/{stage}" if stage else location
    listed = list_inputs(found, (".parquet",))
    if unfit := [one.path for one in listed if not one.path.endswith(".parquet")]:
        raise ConfigError(
            f"{unfit[0]}: scores are read from parquet; curate filter SCORED --output KEPT takes any kind"
        )
    files = tuple(one.path for one in listed)
    stored, texts = sum(one.size for one in listed), None
    wide = _texts_beside(files[0])
    if wide is not None:
        texts, stored = f"{wide.location}/data", wide.size("data")
        if with_text:
            _check_same_scores(Folder(f"{wide.location.rpartition('/')[0]}/{_NARROW}"), wide)
    return ScoredFiles(location=location, files=files, stored=stored, texts=texts, columns=columns or {})


def scored_documents(input: str) -> str:
    """Where the documents stand whose scores `find_scores` finds: of a run the stage ``score``, not its result."""
    location = resolve_location(input).rstrip("/")
    return f"{location}/{_WIDE}" if Folder(location).exists(f"{_WIDE}/shards.json") else input


def _texts_beside(file: str) -> Folder | None:
    """The stage ``score`` beside the stage ``scores`` that a file is of."""
    run, inside, _ = file.rpartition(f"/{_NARROW}/data/")
    wide = Folder(f"{run}/{_WIDE}") if inside else None
    return wide if wide is not None and wide.exists("stage.json") else None


def _check_same_scores(narrow: Folder, wide: Folder) -> None:
    made, now = Manifest(narrow).finished(), Manifest(wide).finished()
    if made and now and made["identity"].get("reads") != now["digest"]:
        raise ConfigError(
            f"{narrow.location} was made of another stage {_WIDE} than there is now: run the recipe again"
        )


def _runs(metadata: pq.FileMetaData, column: str, languages: frozenset[str] | None) -> Iterator[tuple[int, list[int]]]:
    """First row and row groups of every stretch of them that may hold one of the languages."""
    first, start = 0, 0
    groups: list[int] = []
    for group in range(metadata.num_row_groups):
        described = metadata.row_group(group)
        if languages is None or _may_hold(described, column, languages):
            start, groups = (start, groups) if groups else (first, [])
            groups.append(group)
        elif groups:
            yield start, groups
            groups = []
        first += described.num_rows
    if groups:
        yield start, groups


def _may_hold(group: pq.RowGroupMetaData, column: str, languages: frozenset[str]) -> bool:
    for number in range(group.num_columns):
        described = group.column(number)
        if described.path_in_schema == column:
            said = described.statistics
            if said is None or not said.has_min_max:
                return True
            return any(said.min <= one <= said.max for one in languages)
    return True


class _Metered:
    """A binary stream that counts what is read of it."""

    def __init__(self, stream: Any, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, size: int = -1) -> bytes:
        """As of any stream."""
        content: bytes = self._stream.read(size)
        self._meter.read += len(content)
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
