"""Files of any kind -> documents: archives, parquet, JSON lines, CSV, folders of files.

Example: ``for doc in read_files(["pages.warc.gz"], columns={}, reject=print): ...``

A document has ``id`` and ``text``; every other column is kept in its metadata. Pages of an archive carry their HTML in
the column ``html`` and no text yet, and rows of ids of files, as The Stack v2 has them, none at all. Records that
cannot be read are given to ``reject`` with a reason.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.checkout import FILE_COLUMNS, read_group
from curation.blocks.code_columns import with_files
from curation.blocks.decoding import decode_source, git_blob_id
from curation.blocks.rows import ARCHIVES, JSON_LINES, KINDS, TABLES, parquet_rows, raw_rows
from curation.crawl.ranges import crawl_of
from curation.errors import ConfigError, CurationError
from curation.file_groups import group_files, is_group
from curation.folder import open_input
from curation.html.archive import Record, read_archive

__all__ = [
    "ARCHIVES",
    "BYTES_COLUMNS",
    "JSON_LINES",
    "KINDS",
    "PAGE_COLUMNS",
    "TABLES",
    "Reject",
    "columns_of",
    "count_rows",
    "parquet_rows",
    "raw_rows",
    "read_files",
]

Reject = Callable[[Document, str], None]

PAGE_COLUMNS: dict[str, pa.DataType] = {
    "url": pa.string(),
    "html": pa.large_string(),
    "fetch_time": pa.int64(),
    "content_mime_type": pa.string(),
    "warc_filename": pa.string(),
    "warc_record_offset": pa.int64(),
    "warc_record_length": pa.int64(),
    "crawl": pa.string(),
    "snapshot_type": pa.string(),
}
"""Columns of a page that was read from an archive, beside id and text."""

BYTES_COLUMNS: dict[str, pa.DataType] = {
    "blob_id": pa.string(),
    "src_encoding": pa.string(),
    "length_bytes": pa.int64(),
}
"""Columns of a text that a table has as bytes: what only the bytes tell. Values that the table has are kept."""

_SAMPLED_ROWS = 2000
_PLACE = "warc_record_offset"  # rows that say where a page lies, and have not fetched it


def read_files(
    files: Sequence[str],
    columns: Mapping[str, str] | None = None,
    reject: Reject | None = None,
    skipped: Counter[str] | None = None,
) -> Iterator[Document]:
    """Documents of several files, one file after another.

    Args:
        files: locations; the type is told by the end of the name, or ``files:`` before it: then each file of the folder
            or group is a document.
        columns: our column -> the files' column, for files from outside.
        reject: called with a document without text and a reason for each record that cannot be read.
        skipped: counts archive records that are no pages, by type, and what of a folder was not read.

    Raises:
        ConfigError: if a file is of an unknown type.
    """
    for file in files:
        if is_group(file):
            yield from read_group(file, reject, skipped)
        elif file.endswith(ARCHIVES):
            yield from _read_pages(file, reject, skipped)
        else:
            yield from _read_rows(file, columns or {}, reject)


def columns_of(files: Sequence[str], mapping: Mapping[str, str], outside: bool = True) -> dict[str, pa.DataType]:
    """The columns that `read_files` gives, from parquet footers and the first rows of other files.

    There is no ``text`` among them if all files have but ids of files (``blob_id``, or lists of ``files``).

    Args:
        files: locations.
        mapping: our column -> the files' column.
        outside: whether the files come from outside and so must have texts or pages.

    Raises:
        ConfigError: if a mapped column is missing, or there is neither a text nor an HTML column nor an id of a file.
    """
    found: dict[str, pa.DataType] = {}
    with_text = not files
    for file in files:
        if is_group(file):
            new = {"id": pa.string(), "text": pa.large_string(), **FILE_COLUMNS}
        elif file.endswith(ARCHIVES):
            new = {"id": pa.string(), "text": pa.large_string(), **PAGE_COLUMNS}
        else:
            new = _columns_of_rows(file)
            if outside and new:  # an empty file says nothing, as Spark leaves them
                new = _rename(new, mapping, file)
        with_text = with_text or not new or bool({"text", "html"} & set(new))
        for name, kind in new.items():
            found[name] = kind if found.get(name, kind) == kind else _common(found[name], kind)
    if not outside:
        return found
    return {"id": pa.string()} | ({"text": pa.large_string()} if with_text else {}) | found


def count_rows(files: Sequence[str]) -> int:
    """How many rows parquet files have, from their footers; files of other kinds are read through."""
    total = 0
    for file in files:
        if is_group(file):
            total += len(group_files(file)[0])
        elif file.endswith(".parquet"):
            with open_input(file) as stream:
                total += pq.read_metadata(stream).num_rows
        else:
            total += sum(1 for _ in read_files([file], {}))
    return total


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pa.types.is_null(one):
        return other
    if pa.types.is_null(other):
        return one
    numbers = (pa.types.is_integer, pa.types.is_floating)
    if any(test(one) for test in numbers) and any(test(other) for test in numbers):
        return pa.float64() if pa.types.is_floating(one) or pa.types.is_floating(other) else pa.int64()
    return pa.large_string() if pa.large_string() in (one, other) else pa.string()


def _rename(columns: dict[str, pa.DataType], mapping: Mapping[str, str], file: str) -> dict[str, pa.DataType]:
    for ours, theirs in mapping.items():
        if theirs not in columns:
            raise ConfigError(f"{file}: no column {theirs!r} for {ours}; it has {', '.join(columns)}")
    back = {theirs: ours for ours, theirs in mapping.items()}
    renamed = {back.get(name, name): kind for name, kind in columns.items() if name in back or name not in mapping}
    if not {"text", "html"} & set(renamed) and not {"blob_id", "text", _PLACE} & set(with_files(renamed)):
        raise ConfigError(
            f"{file}: no column 'text' or 'html'; name it: in a recipe's settings columns.text=COLUMN, with --from and "
            "the other commands --columns text=COLUMN, of train --text-column COLUMN "
            f"(it has {', '.join(columns)})"
        )
    for name in ("text", "html"):
        kind = renamed.get(name, pa.string())
        if name == "text" and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            renamed = BYTES_COLUMNS | renamed | {"text": pa.large_string()}
        elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise ConfigError(f"{file}: column {mapping.get(name, name)!r} is {kind}, expected text")
    renamed["id"] = pa.string()
    return renamed


def _columns_of_rows(file: str) -> dict[str, pa.DataType]:
    try:
        if file.endswith(".parquet"):
            with open_input(file) as stream:
                schema = pq.read_schema(stream)
            return {field.name: field.type for field in schema}
        columns: dict[str, pa.DataType] = {}
        for row in islice(raw_rows(file), _SAMPLED_ROWS):
            for name, value in row.items():
                kind = _kind(value)
                columns[name] = kind if columns.get(name, kind) == kind else _common(columns[name], kind)
    except (OSError, ValueError, pa.ArrowException, CurationError, csv.Error) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    return {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in columns.items()}


def _kind(value: Any) -> pa.DataType:
    if value is None:
        return pa.null()
    kinds: dict[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return kinds.get(type(value), pa.large_string())


def _read_pages(file: str, reject: Reject | None, skipped: Counter[str] | None) -> Iterator[Document]:
    name = file.rsplit("/", 1)[-1]
    with open_input(file) as stream:
        for record in read_archive(stream, name, skipped):
            doc = _page(record, file)
            if record.reason is None:
                yield doc
            elif reject is not None:
                reject(doc, record.reason)


def _page(record: Record, file: str) -> Document:
    metadata = {
        "url": record.url,
        "html": record.html,
        "fetch_time": record.fetch_time,
        "content_mime_type": record.content_mime_type,
        "warc_filename": record.warc_filename,
        "warc_record_offset": record.warc_record_offset,
        "warc_record_length": record.warc_record_length,
        "crawl": crawl_of(file),
        "snapshot_type": "latest",
    }
    return Document(text="", id=record.id, metadata=metadata)


def _read_rows(file: str, columns: Mapping[str, str], reject: Reject | None) -> Iterator[Document]:
    stem = "/".join(file.split("/")[-2:])  # with its folder, because part-00000 stands in every folder
    back = {theirs: ours for ours, theirs in columns.items()}
    rows = parquet_rows(file) if file.endswith(".parquet") else raw_rows(file)
    for index, row in enumerate(rows):
        named = {back.get(key, key): value for key, value in row.items() if key in back or key not in columns}
        identifier, text = named.pop("id", None), named.pop("text", None)
        reason = "no_text"
        if isinstance(text, bytes):
            text, reason = _decoded(text, named)
        doc = Document(
            text=text if isinstance(text, str) else "",
            id=str(identifier) if identifier is not None else f"{stem}:{index}",
            metadata=named,
        )
        if isinstance(text, str) or named.get("html") or not _has_text(row, columns):
            yield doc
        elif reject is not None:
            reject(doc, reason)


def _decoded(body: bytes, row: dict[str, Any]) -> tuple[str | None, str]:
    """A text that a table has as bytes, or the reason why it has none; a column ``src_encoding`` is heeded."""
    found = decode_source(body, row.get("src_encoding"))
    told = {"blob_id": row.get("blob_id") or git_blob_id(body), "length_bytes": row.get("length_bytes") or len(body)}
    row |= told | {"src_encoding": found.encoding or row.get("src_encoding")}
    return (None, found.reason) if found.reason else (found.text, "")


def _has_text(row: Mapping[str, Any], columns: Mapping[str, str]) -> bool:
    return columns.get("text", "text") in row or columns.get("html", "html") in row
