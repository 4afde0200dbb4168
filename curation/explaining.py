"""What became of one document in a run, stage by stage, with the evidence; of a duplicate also the one that is kept.

Example: ``for line in explain("out", "page-17"): print(line)``::

    select      kept
    dedup       removed as near_duplicate: duplicate_of page-3, similarity 0.94, cluster_size 2
                3,120 characters, page-3 3,190; [-only here-], {+only in page-3+}:
                … the roots follow. Posted on [-Monday-] {+Friday+} by the editors …
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.dedup import Numbering
from curation.blocks.read import read_files
from curation.blocks.tables import are_tables, read_tables
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import Folder
from curation.manifest import Manifest

_WIDTH = 300
_OF_EARLIER = re.compile(r"_against\d+$")  # stages over datasets that documents were compared with
_UNTOLD = ("reason", "kept_document")
_CHANGES = 20
_CONTEXT = 5  # words
_EXACT_WORDS = 3000  # beyond, frequent words are no anchors: the comparison would take minutes


def explain(output: str, identifier: str) -> Iterator[str]:
    """Lines that say in which stages of a run a document was kept or dropped, and why.

    Args:
        output: a run's folder.
        identifier: the document's id.

    Raises:
        ConfigError: if there is no run, or no stage of it has seen the document.
    """
    folder = Folder(resolve_location(output))
    noted = folder.read_json("run.json")
    if noted is None:
        raise ConfigError(f"{output}: no run was started in this folder (no run.json)")
    found = False
    for name in noted["stages"]:
        if Manifest(folder / name).started() is None or _OF_EARLIER.search(name):
            continue
        for line in _fate(folder, name, identifier):
            yield f"{name:<24} {line}"
            name, found = "", True
    if not found:
        raise ConfigError(f"{output}: no stage has kept or dropped a document with the id {identifier!r}")


def _fate(run: Folder, name: str, identifier: str) -> Iterator[str]:
    stage = run / name
    columns = _columns(stage)
    is_of_documents = {"id", "text"} <= set(columns)
    if is_of_documents and next(_rows(stage, "data", identifier, ["id"]), None) is not None:
        yield "kept"
    for row in _rows(stage, "removed", identifier):
        yield f"removed as {row['reason']}{_evidence(row, columns)}"
        if row.get("duplicate_of"):
            yield from _pair(run, name, row)


def _columns(stage: Folder) -> list[str]:
    """Those of what it kept."""
    first = next((name for name in stage.walk("data") if name.endswith(".parquet")), None)
    if first is None:
        return []
    with stage.open(first) as file:
        return list(pq.read_schema(file).names)


def _rows(stage: Folder, part: str, identifier: str, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows with an id; only files that have the column are looked into."""
    for name in stage.walk(part):
        if not name.endswith(".parquet"):
            continue
        with stage.open(name) as file:
            if "id" not in pq.read_schema(file).names:
                continue
            file.seek(0)
            yield from pq.read_table(file, columns=columns, filters=pc.field("id") == identifier).to_pylist()


def _evidence(row: dict[str, Any], columns: list[str]) -> str:
    """What a step wrote beside the reason: columns that the kept documents have not."""
    said = [f"{name} {_shown(row[name])}" for name in row if name not in (*columns, *_UNTOLD) and row[name] is not None]
    return f": {', '.join(said)}" if said else ""


def _shown(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _pair(run: Folder, stage: str, row: dict[str, Any]) -> Iterator[str]:
    """Both texts of a pair of duplicates, by the words in which they differ."""
    kept, other = row["duplicate_of"], _kept_text(run, stage, row["kept_document"])
    mine = row.get("text")
    if mine is None or other is None:
        yield "the texts are not both there any more" if other is None else "its text was not kept in removed/"
    elif mine == other:
        yield f"the texts are equal, {len(mine):,} characters"
    else:
        yield f"{len(mine):,} characters, {kept} {len(other):,}; [-only here-], {{+only in {kept}+}}:"
        changes = list(_changes(mine.split(), other.split()))
        yield from changes[:_CHANGES]
        if len(changes) > _CHANGES:
            yield f"… {len(changes) - _CHANGES} more"


def _changes(mine: list[str], other: list[str]) -> Iterator[str]:
    """The words in which two texts differ, each change with some words around it."""
    matcher = difflib.SequenceMatcher(None, mine, other, autojunk=len(mine) > _EXACT_WORDS)
    for kind, start, stop, begin, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        before, after = mine[max(0, start - _CONTEXT) : start], mine[stop : stop + _CONTEXT]
        gone = f"[-{_shown(' '.join(mine[start:stop]))}-]" if stop > start else ""
        come = f"{{+{_shown(' '.join(other[begin:end]))}+}}" if end > begin else ""
        yield " ".join(filter(None, ["…", *before, gone, come, *after, "…"]))


def _kept_text(run: Folder, stage: str, number: int) -> str | None:
    """The text of a numbered document, from what its signatures were made of; ids need not be unique."""
    names = [f"{stage}_signatures"]
    while Manifest(run / f"{stage}_signatures_against{len(names) - 1}").started():
        names.append(f"{stage}_signatures_against{len(names) - 1}")
    folder, shard, row = Numbering([f"{run.location}/{name}/data" for name in names]).locate(number)
    files = Manifest(run / names[folder]).shards()[shard].files
    try:
        return _nth_text(files, row)
    except FileNotFoundError:
        return None


def _nth_text(files: Sequence[str], row: int) -> str | None:
    if not are_tables(files, {}):
        return next((doc.text for doc in islice(read_files(files), row, None)), None)
    for table in read_tables(files, {"id": pa.string(), "text": pa.large_string()}, lambda lost, reason: None):
        if row < table.num_rows:
            return str(table["text"][row].as_py())
        row -= table.num_rows
    return None
