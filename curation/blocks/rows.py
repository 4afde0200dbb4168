"""Rows of parquet files, of JSON lines and of tables, and which files hold what.

Example: ``for row in raw_rows("labels.jsonl.gz"): print(row["id"])``
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from curation.errors import ConfigError, CurationError
from curation.file_groups import short_name
from curation.folder import open_input, read_lines

ARCHIVES = (".warc.gz", ".warc", ".arc.gz", ".arc")
JSON_LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz", ".ndjson")
TABLES = (".csv", ".csv.gz", ".tsv")
KINDS = (ARCHIVES, (".parquet",), JSON_LINES, TABLES)
"""File types that a stage can start from, in the order in which a mixed folder is searched."""

_MOST_CELL_CHARACTERS = 1 << 30  # of a CSV; Python's own limit of 131,072 is less than a page
_BATCH_ROWS = 512


def parquet_rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a parquet file, a batch in memory at a time."""
    with open_input(file) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=_BATCH_ROWS):
            yield from batch.to_pylist()


def raw_rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines or a CSV."""
    if file.endswith(JSON_LINES):
        for number, line in enumerate(read_lines(file, newline=""), 1):
            if line.strip():
                yield _json_object(line, f"{file}: line {number}")
    elif file.endswith(TABLES):
        csv.field_size_limit(_MOST_CELL_CHARACTERS)
        for row in csv.DictReader(read_lines(file, newline=""), delimiter="\t" if file.endswith(".tsv") else ","):
            row.pop(None, None)  # cells beyond the header's
            yield row
    else:
        raise ConfigError(
            f"{short_name(file)}: unknown file type (known: {', '.join(ending for kind in KINDS for ending in kind)})"
        )


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CurationError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise CurationError(f"{where}: expected one JSON object per line, found {type(row).__name__}")
    return row
