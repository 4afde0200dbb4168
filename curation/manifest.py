"""What a stage's folder remembers: its identity, its shards, and what became of each.

    {output}/{stage}/data/00003.parquet       what the stage kept, one file per shard
    {output}/{stage}/removed/00003.parquet    what it dropped, each document with its reason
    {output}/{stage}/shards.json              the identity it was started with and its shards, fixed at the first start
    {output}/{stage}/shards/00003.json        one finished shard: counts, reasons, seconds, how often it was opened
    {output}/{stage}/stage.json               the finished stage: identity, totals, versions, seconds

The identity holds what is known before anything runs (settings, prompts, step versions, revisions, the listing of
inputs, the identity of what is read). Workers, tasks, executor, package versions and seconds are recorded, not
identified. Shards, not tasks, are the unit of completion, so the number of tasks may change between two runs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.config import flatten
from curation.folder import Folder


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a stage's input: its number and the files it is read from, with their size in bytes."""

    index: int
    files: tuple[str, ...]
    size: int

    @property
    def name(self) -> str:
        """The stem of everything written for it."""
        return f"{self.index:05d}"


def digest(identity: Mapping[str, Any]) -> str:
    """16 hex digits that name an identity."""
    canonical = json.dumps(identity, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The entries in which two identities differ: (dotted key, old value, new value)."""
    before, after = flatten(old), flatten(new)
    keys = [*before, *(key for key in after if key not in before)]
    missing = object()
    changed = [key for key in keys if before.get(key, missing) != after.get(key, missing)]
    return [(key, before.get(key), after.get(key)) for key in changed]


def fix_shards(
    files: Sequence[tuple[str, int]], *, gather: bool, most: int, parts: int | None = None, first: int = 0
) -> list[Shard]:
    """Group (path, size) pairs into shards: one of all files if ``gather``, else at most ``most`` of neighbours.

    With ``parts`` there are as many shards, and none has files: their steps know where to look. Numbers begin at
    ``first``.
    """
    if parts is not None:
        return [Shard(first + index, (), 0) for index in range(parts)]
    if gather:
        return [Shard(0, tuple(path for path, _ in files), sum(size for _, size in files))]
    count = max(1, min(most, len(files)))
    bounds = [index * len(files) // count for index in range(count + 1)]
    return [
        Shard(first + index, tuple(path for path, _ in files[start:stop]), sum(size for _, size in files[start:stop]))
        for index, (start, stop) in enumerate(itertools.pairwise(bounds))
    ]


class Manifest:
    """Reads and writes the memory of one stage's folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def started(self) -> dict[str, Any] | None:
        """What the stage was started with here (``identity``, ``settings``), None if it never was."""
        return self.folder.read_json("shards.json")

    def finished(self) -> dict[str, Any] | None:
        """The record of the finished stage, None while it is unfinished."""
        return self.folder.read_json("stage.json")

    def clear(self) -> None:
        """Remove the stage's folder, first what says that there is something: no half may look whole."""
        for name in ("stage.json", "shards.json", ""):
            self.folder.remove(name)

    def start(self, identity: Mapping[str, Any], shards: Sequence[Shard], settings: Mapping[str, Any]) -> None:
        """Fix identity and shards; afterwards they are only read. The settings serve later messages."""
        rows = list(map(_row, shards))
        record = {"digest": digest(identity), "identity": dict(identity), "settings": dict(settings), "shards": rows}
        self.folder.write_json("shards.json", record)

    def grow(self, identity: Mapping[str, Any], shards: Sequence[Shard], settings: Mapping[str, Any]) -> None:
        """Add shards for what was added to the input; those that are there stay, and what they were known by."""
        before = self.started() or {"digest": "", "shards": []}
        self.folder.remove("stage.json")  # first: a kill from here on leaves a stage that is to grow
        record = {
            "digest": digest(identity),
            "identity": dict(identity),
            "settings": dict(settings),
            "shards": [*before["shards"], *map(_row, shards)],
            "generations": self.generations(),
            "earlier": [*before.get("earlier", ()), before["digest"]],
        }
        self.folder.write_json("shards.json", record)

    def shards(self) -> list[Shard]:
        """All shards of a started stage."""
        record = self.folder.read_json("shards.json") or {"shards": []}
        return [Shard(row["index"], tuple(row["files"]), row["size"]) for row in record["shards"]]

    def generations(self) -> list[int]:
        """How many shards there were at first, and after each time the input grew: ``[300, 600]``; the last is all."""
        record = self.folder.read_json("shards.json") or {"shards": []}
        return [*record.get("generations", ()), len(record["shards"])]

    def done(self) -> set[int]:
        """Numbers of the finished shards."""
        names = (path.rsplit("/", 1)[-1] for path in self.folder.list_files("shards", ".json"))
        return {int(name.removesuffix(".json")) for name in names}

    def has_work(self) -> bool:
        """Whether anything was done that would cost again: a finished shard, or a reply that was paid for."""
        return bool(self.done() or self.folder.list_files("journal"))

    def unfinished(self) -> list[Shard]:
        """Shards still to do, largest first, so that the last ones to end are small."""
        done = self.done()
        return sorted((s for s in self.shards() if s.index not in done), key=lambda s: (-s.size, s.index))

    def open_shard(self, shard: Shard) -> int:
        """Note that a shard is about to be run; returns how often it has been opened, this time included."""
        name = f"shards/{shard.name}.opened"
        times = int((self.folder.read_json(name) or {"times": 0})["times"]) + 1
        self.folder.write_json(name, {"times": times})
        return times

    def finish_shard(self, shard: Shard, record: Mapping[str, Any]) -> None:
        """The commit of a shard: from here on it is not run again."""
        self.folder.write_json(f"shards/{shard.name}.json", dict(record))

    def records(self) -> list[dict[str, Any]]:
        """The records of the finished shards, in order."""
        return self.folder.read_jsons([f"shards/{index:05d}.json" for index in sorted(self.done())])

    def finish(self, identity: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
        """Write ``stage.json`` from the shards' records; returns it."""
        records = self.records()
        record = {
            "digest": digest(identity),
            "identity": dict(identity),
            "documents": sum(one["documents"] for one in records),
            "kept": sum(one["kept"] for one in records),
            "removed": dict(sorted(_total(records, "removed").items())),
            "counts": dict(sorted(_total(records, "counts").items())),
            "shards": len(records),
            "opened": sum(one["opened"] for one in records),
            "shard_seconds": round(sum(one["seconds"] for one in records), 3),
            **extra,
        }
        self.folder.write_json("stage.json", record)
        return record


def _row(shard: Shard) -> dict[str, Any]:
    return {"index": shard.index, "size": shard.size, "files": list(shard.files)}


def _total(records: Sequence[Mapping[str, Any]], key: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for record in records:
        total.update(record[key])
    return total
