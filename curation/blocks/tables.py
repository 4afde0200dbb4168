"""Whole tables instead of documents, for steps that make nothing of each text: a tenth of the time.

    class KeepEven(TableStep):
        def run_tables(self, tables, rank=0, world_size=1):
            for table in tables:
                yield table.filter(pc.equal(pc.bit_wise_and(table["number"], 1), 0))

A stage whose steps are all of this kind reads the parquet files of its input as Arrow tables and writes what the last
step gives. Where the input is of another kind, such as JSON lines, and in anyone's own datatrove pipeline, the same
steps take documents: each has a ``run``, too.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.step import Documents, Step
from curation.blocks.write import conform
from curation.folder import Folder, open_input

Tables = Iterator[pa.Table]

_ROWS = 2000
_IDENTIFIERS = (pa.string(), pa.large_string())


@dataclass(kw_only=True, repr=False)
class TableStep(Step):
    """A step that takes Arrow tables where it can have them, and documents where not."""

    @abstractmethod
    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """As `run`, for the rows of one shard in order; ``id`` and ``text`` are columns without nulls."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """As `run_tables`, for documents: they are made tables of, and what is given documents again."""
        wanted = list(self.reads_columns({}))
        return documents_of(self.run_tables(tables_of(data or iter(()), wanted), rank, world_size))

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Those of the input's columns that the step needs to see: all, if it hands them on."""
        return dict(columns)

    def drop_rows(self, table: pa.Table) -> None:
        """Write rows that do not go on; their reasons stand in the column ``reason``, evidence in others."""
        self.stat_update("dropped", value=table.num_rows)
        if self.exclusion_writer is not None:
            self.exclusion_writer.write_table(table)


def tables_of(data: Documents, wanted: Sequence[str]) -> Tables:
    """Documents as tables of id, text and the columns ``wanted``; what is in none of them is not there."""
    while docs := list(islice(data, _ROWS)):
        columns: dict[str, Any] = {
            "id": _array([doc.id for doc in docs]),
            "text": _array([doc.text for doc in docs]),
        }
        for name in wanted:
            if name not in columns and any(name in doc.metadata for doc in docs):
                columns[name] = _array([doc.metadata.get(name) for doc in docs])
        yield pa.table(columns)


def documents_of(tables: Tables) -> Documents:
    """Rows as documents."""
    for table in tables:
        for row in table.to_pylist():
            identifier, text = row.pop("id", None), row.pop("text", None)
            yield Document(text=text or "", id=identifier or "", metadata=row)


def _array(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):  # numbers and words mixed; half a surrogate pair
        texts = [None if value is None else str(value).encode("utf-8", "replace").decode() for value in values]
        return pa.array(texts)


def are_tables(files: Sequence[str], mapping: Mapping[str, str]) -> bool:
    """Whether files can be read as tables of documents: parquet with texts and ids that need no new names."""
    return not mapping and all(file.endswith(".parquet") and _has_documents(file) for file in files)


def read_tables(
    files: Sequence[str], columns: Mapping[str, pa.DataType], reject: Callable[[pa.Table, str], None]
) -> Tables:
    """The rows of parquet files, some thousand at a time, in order.

    Args:
        files: locations.
        columns: the columns to give; one that a file has not is null there.
        reject: called with rows without text and the reason; they are not given.
    """
    schema = pa.schema(list(columns.items()))
    for file in files:
        with open_input(file) as stream:
            opened, first = pq.ParquetFile(stream), 0
            here = [name for name in columns if name in opened.schema_arrow.names]
            for batch in opened.iter_batches(batch_size=_ROWS, columns=here):
                table = conform(pa.Table.from_batches([batch]), schema, file)
                table = _with_ids(table, "/".join(file.split("/")[-2:]), first)
                first += table.num_rows
                if "text" in columns and table["text"].null_count:
                    reject(table.filter(pc.is_null(table["text"])), "no_text")
                    table = table.filter(pc.is_valid(table["text"]))
                yield table


def folder_tables(location: str, columns: Sequence[str] | None = None, filters: Any = None) -> Tables:
    """The parquet files directly in a folder, one after another; ``filters`` of pyarrow skip row groups."""
    source = Folder(location)
    for name in source.list_files("", ".parquet"):
        with source.open(name) as stream:
            yield pq.read_table(stream, columns=columns, filters=filters)


def make_table(kinds: Mapping[str, pa.DataType], columns: Sequence[Any]) -> pa.Table:
    """A table of declared columns from arrays, lists and Arrow columns; None is a column of nulls."""
    rows = next(len(column) for column in columns if column is not None)
    arrays = [
        pa.nulls(rows, kind)
        if column is None
        else column
        if isinstance(column, pa.Array | pa.ChunkedArray)
        else pa.array(column, kind)
        for column, kind in zip(columns, kinds.values(), strict=True)
    ]
    return pa.table(arrays, schema=pa.schema(list(kinds.items())))


def _with_ids(table: pa.Table, stem: str, first: int) -> pa.Table:
    """Rows without an id get their place in the file, as `read_files` names them."""
    if not table["id"].null_count:
        return table
    ids = [f"{stem}:{row}" if one is None else one for row, one in enumerate(table["id"].to_pylist(), first)]
    return table.set_column(table.column_names.index("id"), "id", pa.array(ids, table["id"].type))


def _has_documents(file: str) -> bool:
    with open_input(file) as stream:
        schema = pq.read_schema(stream)
    kinds = {field.name: field.type for field in schema}
    return kinds.get("id") in _IDENTIFIERS and kinds.get("text") in _IDENTIFIERS
