"""The end of a decontamination: what was found where, and what could not be looked for.

Example: ``Stage(name="decontaminate", ..., steps=[step], finish=ReportContamination.of(step))`` writes into the stage's
folder ``contamination.md`` to read, ``contamination.jsonl`` (document, item, ratio and passage of every find) and
``unchecked.jsonl`` (the items of too few words).
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow.parquet as pq

from curation.blocks.decontaminate import CONTAMINATED, EMPTY, MASKED_COLUMN, BenchmarkStep, Decontaminate
from curation.blocks.step import Documents
from curation.folder import Folder
from curation.manifest import Manifest
from curation.recipe import RunContext
from curation.report import markdown_table
from curation.text.overlap import BenchmarkItem
from curation.text.words import tokenise

Row = dict[str, Any]

_SHOWN_FINDS, _SHOWN_ITEMS, _SHOWN_CHARACTERS = 200, 50, 300
_DROPPED_COLUMNS = ("id", "url", "reason", "benchmark", "benchmark_id", "overlap_ratio", "passage")


@dataclass(kw_only=True, repr=False)
class ReportContamination(BenchmarkStep):
    """A finishing step: lists every find and the items that are too short to be looked for.

    Args:
        benchmarks: as of `Decontaminate`, like all other settings; `of` takes them from there.
        action: only if it is ``mask`` the kept documents are read.
    """

    version: ClassVar[int] = 1

    # The step's own identity has it, and the plan says it there.
    action: Literal["drop", "mask"] = dataclasses.field(default="drop", metadata={"identity": False})

    @classmethod
    def of(cls, step: Decontaminate) -> ReportContamination:
        """The report on a step."""
        return cls(**{field.name: getattr(step, field.name) for field in dataclasses.fields(cls)})

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Write the report from what the stage's shards left."""
        folder = Folder(context.folder)
        records = Manifest(folder).records()
        documents = sum(record["documents"] for record in records)
        dropped = sum(record["removed"].get(why, 0) for record in records for why in (CONTAMINATED, EMPTY))
        unchecked = self.unchecked()
        finds = [*_dropped(folder), *(_masked(folder) if self.action == "mask" else ())]
        write_lines(folder, "contamination.jsonl", finds)
        lines = ({"benchmark": one.benchmark, "id": one.id, "text": one.text} for one in unchecked)
        write_lines(folder, "unchecked.jsonl", lines)
        folder.write_bytes(
            "contamination.md", _markdown(documents, dropped, finds, unchecked).encode("utf-8", "replace")
        )

    def unchecked(self) -> list[BenchmarkItem]:
        """The items of too few words."""
        fewest = min(self.ngram, self.min_item_words)
        return [item for item in self.items() if len(tokenise(item.text)) < fewest]


def write_lines(folder: Folder, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as JSON lines."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    folder.write_bytes(name, text.encode("utf-8", "replace"))


def _dropped(folder: Folder) -> Iterator[Row]:
    for row in _rows(folder, "removed", _DROPPED_COLUMNS):
        if row["reason"] in (CONTAMINATED, EMPTY):
            yield {
                "document": row["id"],
                "url": row.get("url"),
                "action": "dropped",
                "benchmark": row["benchmark"],
                "item": row["benchmark_id"],
                "ratio": row["overlap_ratio"],
                "passage": row["passage"],
            }


def _masked(folder: Folder) -> Iterator[Row]:
    for row in _rows(folder, "data", ("id", "url", MASKED_COLUMN)):
        for one in json.loads(row.get(MASKED_COLUMN) or "[]"):
            yield {
                "document": row["id"],
                "url": row.get("url"),
                "action": "masked",
                "benchmark": one["benchmark"],
                "item": one["id"],
                "ratio": one["ratio"],
                "passage": one["passage"],
            }


def _rows(folder: Folder, part: str, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a part of a stage, of the columns that are there."""
    for name in folder.list_files(part, ".parquet"):
        with folder.open(name) as stream:
            file = pq.ParquetFile(stream)
            there = [column for column in columns if column in file.schema_arrow.names]
            for batch in file.iter_batches(columns=there):
                yield from batch.to_pylist()


def _markdown(documents: int, dropped: int, finds: Sequence[Row], unchecked: Sequence[BenchmarkItem]) -> str:
    listed = sum(one["action"] == "dropped" for one in finds)
    missing = f" Of {dropped - listed:,} dropped documents nothing was kept (`removed: none`)."
    masked = [one for one in finds if one["action"] == "masked"]
    parts = [
        "# Contamination",
        f"{documents:,} documents: {dropped:,} dropped, {len({one['document'] for one in masked}):,} with "
        f"{len(masked):,} items masked. Every find stands in `contamination.jsonl`."
        + (missing if dropped > listed else ""),
        "## By benchmark",
        _by_benchmark(finds, unchecked),
        *_finds(finds),
        *_unchecked(unchecked),
    ]
    return "\n\n".join(parts) + "\n"


def _by_benchmark(finds: Sequence[Row], unchecked: Sequence[BenchmarkItem]) -> str:
    found = Counter(one["benchmark"] for one in finds)
    short = Counter(one.benchmark for one in unchecked)
    items = {(one["benchmark"], one["item"]) for one in finds}
    distinct = Counter(benchmark for benchmark, _ in items)
    if not found and not short:
        return "Nothing was found, and every item was looked for."
    rows = [[name, found[name], distinct[name], short[name]] for name in sorted(found | short)]
    return markdown_table(["benchmark", "finds", "of different items", "items not looked for"], rows)


def _finds(finds: Sequence[Row]) -> list[str]:
    if not finds:
        return []
    rows = [
        [
            _cell(one["document"]),
            _cell(one["url"]),
            f"{one['benchmark']} {one['item']}",
            _ratio(one),
            _cell(one["passage"]),
        ]
        for one in finds[:_SHOWN_FINDS]
    ]
    more = f"The first {_SHOWN_FINDS} of {len(finds):,}." if len(finds) > _SHOWN_FINDS else ""
    return ["## Finds", markdown_table(["document", "url", "item", "ratio", "passage"], rows), *filter(None, [more])]


def _unchecked(items: Sequence[BenchmarkItem]) -> list[str]:
    if not items:
        return []
    said = f"{len(items):,} items are of too few words to be looked for (all stand in `unchecked.jsonl`):"
    rows = [[one.benchmark, one.id, _cell(one.text)] for one in items[:_SHOWN_ITEMS]]
    return ["## Not looked for", said, markdown_table(["benchmark", "item", "text"], rows)]


def _ratio(find: Row) -> str:
    return f"{find['ratio']:.3f}"


def _cell(value: Any) -> str:
    """On one line, and not too long, for a table."""
    line = " ".join(str(value if value is not None else "").split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
