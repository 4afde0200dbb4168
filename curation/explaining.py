"""What became of one document in a run, stage by stage, with the evidence; of a duplicate also the one that is kept.

Example: ``for line in explain("out", "page-17"): print(line)``::

    select      kept
    dedup       removed as near_duplicate: duplicate_of page-3, similarity 0.94, cluster_size 2
                3,120 characters, page-3 3,190; [-only here-], {+only in page-3+}:
                … the roots follow. Posted on [-Monday-] {+Friday+} by the editors …
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.read import KINDS, read_files
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, open_input
from curation.manifest import Manifest

_WIDTH = 300
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
        stage = folder / name
        if Manifest(stage).started() is None:
            continue
        for line in _fate(stage, identifier):
            yield f"{name:<24} {line}"
            name, found = "", True
    if not found:
        raise ConfigError(f"{output}: no stage has kept or dropped a document with the id {identifier!r}")


def _fate(stage: Folder, identifier: str) -> Iterator[str]:
    columns = _columns(stage)
    is_of_documents = {"id", "text"} <= set(columns)
    if is_of_documents and next(_rows(stage, "data", identifier, ["id"]), None) is not None:
        yield "kept"
    for row in _rows(stage, "removed", identifier):
        yield f"removed as {row['reason']}{_evidence(row, columns)}"
        if row.get("duplicate_of"):
            yield from _pair(stage, row)


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
    said = [f"{name} {_shown(row[name])}" for name in row if name not in (*columns, "reason") and row[name] is not None]
    return f": {', '.join(said)}" if said else ""


def _shown(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _pair(stage: Folder, row: dict[str, Any]) -> Iterator[str]:
    """Both texts of a pair of duplicates, by the lines in which they differ."""
    kept = row["duplicate_of"]
    files = [file for shard in Manifest(stage).shards() for file in shard.files]
    where = (
        [file.path for file in list_inputs(resolve_location(row["duplicate_in"]), *KINDS)]
        if row.get("duplicate_in")
        else files
    )
    mine, other = row.get("text") or _text(files, row["id"]), _text(where, kept)
    if mine is None or other is None:
        yield f"the text of {row['id'] if mine is None else kept} is not there any more"
        return
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


def _text(files: list[str], identifier: str) -> str | None:
    for file in files:
        if file.endswith(".parquet"):
            with open_input(file) as stream:
                rows = pq.read_table(stream, columns=["text"], filters=pc.field("id") == identifier).to_pylist()
            texts = [row["text"] for row in rows]
        else:
            texts = [doc.text for doc in read_files([file]) if doc.id == identifier]
        if texts:
            return str(texts[0])
    return None
