"""What a run did, in tables: the funnel of documents through the stages.

Example: ``for row in funnel("out", ["extract", "select"]): print(row.stage, row.documents, row.kept, row.removed)``
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.folder import Folder
from curation.manifest import Manifest


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One stage: documents in, kept, dropped by reason, what else was counted, and seconds of work."""

    stage: str
    documents: int
    kept: int
    removed: Mapping[str, int]
    counts: Mapping[str, int]
    seconds: float


def funnel(output: str, stages: Sequence[str]) -> list[FunnelRow]:
    """A row for each stage; of unfinished ones what their finished shards say."""
    rows = []
    for stage in stages:
        manifest = Manifest(Folder(output) / stage)
        if manifest.started() is None:
            continue
        rows.append(_row(stage, manifest.finished() or _partial(manifest.records())))
    return rows


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown; numbers get thousands separators."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def funnel_table(rows: Sequence[FunnelRow]) -> str:
    """The funnel in Markdown."""
    return markdown_table(
        ["stage", "in", "kept", "dropped", "counted"],
        [[row.stage, row.documents, row.kept, reasons(row.removed), reasons(row.counts)] for row in rows],
    )


def growth_note(output: str, stages: Sequence[str]) -> str:
    """Which stages took files that were added later, a sentence; empty where none did."""
    sizes = {stage: Manifest(Folder(output) / stage).generations() for stage in stages}
    grown = [f"`{stage}` ({' → '.join(map(str, n))} shards)" for stage, n in sizes.items() if len(n) > 1]
    if not grown:
        return ""
    return f"Files were added after a first run, and {', '.join(grown)} grew; what was learned is of the first."


def reasons(removed: Mapping[str, int]) -> str:
    """Reasons and their numbers, most frequent first."""
    ordered = sorted(removed.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {number:,}" for reason, number in ordered) or "–"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The installed versions of those packages that are there."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value).replace("|", "\\|").replace("\n", " ")


def _row(stage: str, record: Mapping[str, Any]) -> FunnelRow:
    return FunnelRow(
        stage, record["documents"], record["kept"], record["removed"], record["counts"], record["shard_seconds"]
    )


def _partial(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    removed: dict[str, int] = {}
    counts: dict[str, int] = {}
    for record in records:
        for total, part in ((removed, record["removed"]), (counts, record["counts"])):
            for key, number in part.items():
                total[key] = total.get(key, 0) + number
    return {
        "documents": sum(record["documents"] for record in records),
        "kept": sum(record["kept"] for record in records),
        "removed": removed,
        "counts": counts,
        "shard_seconds": sum(record["seconds"] for record in records),
    }
