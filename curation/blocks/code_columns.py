"""The columns of a file of code, and rows of repositories -> their files.

Example: ``for doc in files_of(row): ...`` gives a document for each file of a row that is a repository with a list
``files``, as StarCoder2's data has them, and the row itself for any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from datatrove.data import Document

from curation.text.licences import licence_list

CODE_COLUMNS: dict[str, pa.DataType] = {
    "blob_id": pa.string(),
    "repo_name": pa.string(),
    "path": pa.string(),
    "language": pa.string(),
    "extension": pa.string(),
    "src_encoding": pa.string(),
    "length_bytes": pa.int64(),
    "detected_licenses": pa.list_(pa.string()),
    "license_type": pa.string(),
    "star_events_count": pa.int64(),
    "fork_events_count": pa.int64(),
    "revision_id": pa.string(),
    "revision_date": pa.timestamp("us"),
    "visit_date": pa.timestamp("us"),
    "is_vendor": pa.bool_(),
    "is_generated": pa.bool_(),
}
"""Columns of a file of code, as The Stack v2 names them; what the input has not is null."""

_FILES = "files"  # StarCoder2's data: a row is a repository, with a list of its files

_TEXTS = ("text", "content")  # of a file in a list; nothing else may name it

BODY = "\0body"
"""Under this name, which no column has, stand the bytes of a file of a list until they are decoded."""


def with_files(columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The columns after each file of a repository has become a row."""
    kind = columns.get(_FILES)
    if kind is None or not is_files_column(kind):
        return dict(columns)
    inside = {field.name: field.type for field in kind.value_type if field.name != "id"}
    found = {name: one for name, one in columns.items() if name != _FILES} | inside
    if "text" not in found and "content" in inside:
        found["text"] = found.pop("content")
    if {"text", "content"} & set(inside) and (
        pa.types.is_binary(found["text"]) or pa.types.is_large_binary(found["text"])
    ):
        found["text"] = pa.large_string()
    return found


def is_files_column(kind: pa.DataType) -> bool:
    """Whether a column holds a repository's files, each with at least its blob's id or its path."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        return False
    return bool({"blob_id", "path"} & {field.name for field in kind.value_type})


def files_of(doc: Document) -> list[Document]:
    """The document, or one for each file of a repository, which inherits the columns that it has not itself."""
    files = doc.metadata.get(_FILES)
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        return [doc]
    row = {name: value for name, value in doc.metadata.items() if name != _FILES}
    return [_file(file, f"{doc.id}#{index}", row) for index, file in enumerate(files)]


def _file(file: Mapping[str, Any], identifier: str, row: Mapping[str, Any]) -> Document:
    text = next((file[name] for name in _TEXTS if isinstance(file.get(name), str)), "")
    own = {name: value for name, value in file.items() if name not in (*_TEXTS, "id")}
    inherited = {name: row[name] for name, value in own.items() if value is None and name in row}
    doc = Document(text=text, id=identifier, metadata={**row, **own, **inherited})
    body = next((file[name] for name in _TEXTS if isinstance(file.get(name), bytes)), None)
    if body is not None:
        doc.metadata[BODY] = body
    return doc


def complete(row: dict[str, Any]) -> None:
    """Columns that a file has not are null, and its licences are a list."""
    for name in CODE_COLUMNS:
        row.setdefault(name, None)
    if isinstance(row["detected_licenses"], str):
        row["detected_licenses"] = licence_list(row["detected_licenses"])
