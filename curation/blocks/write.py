"""Documents -> parquet with a declared schema.

Example: ``writer = RowWriter(path, {"id": pa.string(), "text": pa.large_string()}); writer.write(doc); writer.close()``

The same documents give the same bytes: the schema is declared, row groups are cut by rows and characters, and nothing
that depends on time or place is written.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.errors import CurationError
from curation.folder import Folder

_UNFIT = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, UnicodeEncodeError)
_GROUP_ROWS = 1000
_GROUP_CHARACTERS = 32_000_000
_GROUP_MOST = 10_000  # rows of a large table, so that a reader who filters need not read all


class RowWriter:
    """One parquet file. Columns that a document lacks are null; columns that are not declared are an error.

    Args:
        path: a local path.
        columns: name -> type, in order; ``id`` and ``text`` are filled from the document itself.
        where: named in errors.
        strict: whether undeclared columns are an error or left out.
    """

    def __init__(self, path: str, columns: Mapping[str, pa.DataType], where: str = "", strict: bool = True) -> None:
        self.schema = pa.schema(list(columns.items()))
        self.strict = strict
        self._names = set(columns)
        self.where = where
        self.rows: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self.characters = 0
        self.count = 0
        self._file = pq.ParquetWriter(path, self.schema, compression="zstd", write_statistics=True)

    def write(self, doc: Document, with_text: bool = True) -> None:
        """Add a document."""
        if self.strict and not doc.metadata.keys() <= self._names:
            extra = min(key for key in doc.metadata if key not in self._names)
            raise CurationError(f"{self.where}: column {extra!r} of document {doc.id} is declared by no step")
        self.write_row({"id": doc.id, "text": doc.text if with_text else None, **doc.metadata})
        self.characters += len(doc.text) + len(doc.metadata.get("html") or "")
        if len(self.rows) >= _GROUP_ROWS or self.characters >= _GROUP_CHARACTERS:
            self._flush()

    def write_row(self, row: dict[str, Any]) -> None:
        """Add a row of plain values."""
        self.rows.append(row)
        self.count += 1

    def write_table(self, table: pa.Table) -> None:
        """Add rows as they are; columns that the table has not are null. Small tables make a row group together."""
        self._tables.append(conform(table, self.schema, self.where))
        self.count += table.num_rows
        self.characters += table.nbytes
        if sum(one.num_rows for one in self._tables) >= _GROUP_ROWS or self.characters >= _GROUP_CHARACTERS:
            self._flush()

    def close(self) -> None:
        """Write what is left and the footer."""
        self._flush()
        self._file.close()

    def abandon(self) -> None:
        """Let go of a file that is not going to be completed."""
        self.rows = []
        with contextlib.suppress(pa.ArrowException, OSError):
            self._file.close()

    def _flush(self) -> None:
        if self.rows:
            columns = [self._column(field) for field in self.schema]
            self._file.write_table(pa.Table.from_arrays(columns, schema=self.schema))
        if self._tables:
            self._file.write_table(pa.concat_tables(self._tables), row_group_size=_GROUP_MOST)
        self.rows, self._tables, self.characters = [], [], 0

    def _column(self, field: pa.Field) -> pa.Array:
        values = [row.get(field.name) for row in self.rows]
        if pa.types.is_integer(field.type):
            self._refuse_fractions(values, field)
        try:
            return pa.array(values, field.type)
        except _UNFIT:
            return self._converted(values, field)

    def _refuse_fractions(self, values: list[Any], field: pa.Field) -> None:
        """Arrow cuts 2.5 to 2 without a word."""
        for value in values:
            if isinstance(value, float) and not value.is_integer():
                raise CurationError(f"{self.where}: column {field.name}: {value!r} is not {field.type}")

    def _converted(self, values: list[Any], field: pa.Field) -> pa.Array:
        """A column whose first rows promised another type: text takes anything, else the value is named."""
        if _is_text(field.type):
            texts = [_as_text(value) for value in values]
            clean = [t if t is None else t.encode("utf-8", "replace").decode() for t in texts]
            return pa.array(clean, field.type)
        for value in values:
            try:
                pa.array([value], field.type)
            except _UNFIT as error:
                raise CurationError(f"{self.where}: column {field.name}: {value!r} is not {field.type}") from error
        raise CurationError(f"{self.where}: column {field.name} cannot be written as {field.type}")


def conform(table: pa.Table, schema: pa.Schema, where: str = "") -> pa.Table:
    """A table with exactly the columns of ``schema``: others are left out, missing ones are null.

    Raises:
        CurationError: if a column is of another type that holds values which do not fit.
    """
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        try:
            columns.append(table[field.name].cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            if not _is_text(field.type):
                raise CurationError(f"{where}: column {field.name}: {error}") from error
            columns.append(pa.array([_as_text(value) for value in table[field.name].to_pylist()], field.type))
    return pa.table(columns, schema=schema)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


class KeptWriter:
    """What a shard keeps: one file, several of ``rows_per_file`` rows, or one for each route.

    A step with ``routes`` (names of folders below ``data/``) and ``route(doc)`` (those a document goes to) decides
    where documents are written; every route gets a file, also an empty one.
    """

    def __init__(
        self,
        folder: Folder,
        shard: str,
        columns: Mapping[str, pa.DataType],
        router: Any = None,
        rows_per_file: int | None = None,
    ) -> None:
        self.count = 0
        self._folder, self._shard, self._columns, self._router = folder, shard, columns, router
        self._rows_per_file = rows_per_file
        self._open: dict[str, tuple[contextlib.ExitStack, RowWriter]] = {}

    def __enter__(self) -> KeptWriter:
        for name in self._names():
            self._add(name)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        try:
            for name in list(self._open):
                self._end(name, kind, *error)
        except BaseException as failure:
            for name in list(self._open):
                self._end(name, type(failure), failure, failure.__traceback__)
            raise

    def write(self, doc: Document) -> None:
        """Add a document."""
        if self._rows_per_file and self.count and self.count % self._rows_per_file == 0:
            self._end(next(iter(self._open)), None, None, None)  # a full file is ended, so that few are open
            self._add(f"{self.count // self._rows_per_file:05d}")
        self.count += 1
        names = [f"{route}/train-{self._shard}" for route in self._router.route(doc)] if self._router else self._open
        for name in names:
            self._open[name][1].write(doc)

    def write_table(self, table: pa.Table) -> None:
        """Add rows of a table; a router says for each which of its folders they go to."""
        self.count += table.num_rows
        if self._router is None:
            for _, writer in self._open.values():
                writer.write_table(table)
            return
        for route, part in self._router.route_table(table):
            self._open[f"{route}/train-{self._shard}"][1].write_table(part)

    def _names(self) -> list[str]:
        return [f"{route}/train-{self._shard}" for route in self._router.routes] if self._router else [self._shard]

    def _add(self, name: str) -> None:
        stack = contextlib.ExitStack()
        path = stack.enter_context(self._folder.create(f"data/{name}.parquet"))
        self._open[name] = stack, RowWriter(path, self._columns, self._folder.location)

    def _end(self, name: str, *error: Any) -> None:
        """End a file: it gets its final name, or is gone if there was an error."""
        stack, writer = self._open.pop(name)
        if error[0] is not None:
            writer.abandon()
            stack.__exit__(*error)
            return
        with stack:  # a file that cannot be ended gets no final name
            writer.close()
