"""What is published beside the documents: what the judge said, and what was removed for a benchmark's item.

Example: ``write_contamination(Folder("out/publish"), "out/decontaminate/removed")`` writes
``data/contamination/train-00000.parquet`` and gives how many rows it has. Rows are streamed, and a file without rows is
not written.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.decontaminate import Decontaminate
from curation.blocks.tables import Tables
from curation.blocks.write import RowWriter
from curation.folder import Folder

ANNOTATION_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "url": pa.string(),
    "text": pa.string(),
    "prompt": pa.string(),
    "prompt_digest": pa.string(),
    "judge": pa.string(),
    "reply": pa.string(),
    "label": pa.int32(),
    "label_reason": pa.string(),
    "sample_weight": pa.float64(),
}
FURTHER_COLUMNS: dict[str, pa.DataType] = {
    "expected_label": pa.float64(),
    "further_labels": pa.list_(pa.int32()),
    "further_replies": pa.list_(pa.string()),
    "further_judges": pa.list_(pa.string()),
}
"""Published beside `ANNOTATION_COLUMNS` where the judge was asked for them."""

CODE_COLUMNS: dict[str, pa.DataType] = {
    "blob_id": pa.string(),
    "repo_name": pa.string(),
    "path": pa.string(),
    "language": pa.string(),
    "license_type": pa.string(),
    "detected_licenses": pa.list_(pa.string()),
}
"""Published with annotations and contamination where the documents are files of repositories: whose they are."""

CONTAMINATION_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "url": pa.string(),
    **Decontaminate.evidence,
}

BESIDE = {
    "annotations": "every judged document: prompt, judge, reply and label",
    "contamination": "documents removed for a benchmark's item",
}
"""The configurations beside the documents, and what is in them."""

_BATCH_ROWS = 1000


def write_annotations(folder: Folder, stages: Sequence[tuple[str, dict[str, Counter[str]]]]) -> int:
    """Every judged document of some stages; counts their labels by judge and prompt into what comes with each."""
    shown = (_annotations(table, counted) for location, counted in stages for table in tables_in(location))
    there = _there([location for location, _ in stages], FURTHER_COLUMNS | CODE_COLUMNS)
    return _write(folder, "data/annotations/train-00000.parquet", shown, ANNOTATION_COLUMNS | there)


def write_contamination(folder: Folder, removed: str | None) -> int:
    """What a decontamination removed, with the item, the shared n-gram and the passage."""
    locations = [] if removed is None else [removed]
    hits = (
        table.filter(pc.equal(table["reason"], "contaminated"))
        for location in locations
        for table in tables_in(location)
    )
    columns = CONTAMINATION_COLUMNS | _there(locations, CODE_COLUMNS)
    return _write(folder, "data/contamination/train-00000.parquet", hits, columns)


def _there(locations: Sequence[str], columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """Those of the columns that the files of these folders have; of pages none of `CODE_COLUMNS`."""
    there: set[str] = set()
    for folder in map(Folder, locations):
        for name in folder.list_files("", ".parquet")[:1]:  # all files of a stage have one schema
            with folder.open(name) as file:
                there |= set(pq.read_schema(file).names)
    if "repo_name" not in there:
        there -= CODE_COLUMNS.keys()
    return {name: kind for name, kind in columns.items() if name in there}


def _annotations(table: pa.Table, judged: dict[str, Counter[str]]) -> pa.Table:
    """Rows of the annotations as published; counts their labels by judge and prompt."""
    for row in table.select(["judge", "prompt", "label", "label_reason"]).to_pylist():
        who = f"{row['judge']} with {row['prompt']}"
        label = row["label_reason"] if row["label"] is None else f"label {row['label']}"
        judged.setdefault(who, Counter())[str(label).partition(":")[0]] += 1
    if "text" in table.column_names:
        table = table.drop_columns("text")
    return table.append_column("text", table["text_shown"])


def tables_in(location: str) -> Tables:
    """The parquet files of a folder, in order and a batch of rows at a time; none where there is no folder."""
    folder = Folder(location)
    for name in folder.list_files("", ".parquet"):
        with folder.open(name) as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_BATCH_ROWS):
                yield pa.Table.from_batches([batch])


def rows_of(location: str) -> Iterator[dict[str, Any]]:
    """The rows of all parquet files of a folder, in order; none where there is no folder."""
    for table in tables_in(location):
        yield from table.to_pylist()


def _write(folder: Folder, name: str, tables: Tables, columns: dict[str, pa.DataType]) -> int:
    """Write rows as one file, or none if there are none; returns how many."""
    filled = (table for table in tables if table.num_rows)
    first = next(filled, None)
    folder.remove(name)
    if first is None:
        return 0
    with folder.create(name) as local:
        writer = RowWriter(local, columns, name, strict=False)
        for table in itertools.chain([first], filled):
            writer.write_table(table)
        writer.close()
    return writer.count
