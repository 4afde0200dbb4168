"""Run a stage's steps over shards, one after another, each committed when complete.

`RunShards` is the one datatrove step that an executor sees: its task takes its part of the unfinished shards, and for
each reads, runs the stage's steps, writes ``data/`` and ``removed/`` and then the shard's record. A killed task leaves
at most one shard behind, whose files are deleted before it is run again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from curation.blocks.marks import Marked
from curation.blocks.read import read_files
from curation.blocks.removed import KEPT_PER_REASON, RemovedWriter
from curation.blocks.stopped import FOLDER as STOPPED
from curation.blocks.stopped import note_stop
from curation.blocks.tables import TableStep, are_tables, read_tables
from curation.blocks.write import KeptWriter
from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest, Shard
from curation.recipe import files_read_by


@dataclass(kw_only=True, repr=False)
class RunShards(PipelineStep):
    """The steps of one stage on its unfinished shards.

    Args:
        folder: the stage's folder.
        digest: of the identity that the shards are run for.
        shards: the unfinished shards; task ``rank`` of ``world_size`` takes every ``world_size``-th.
        total: how many shards the stage has; steps see it as their world size.
        steps: bound steps.
        columns: the columns that the reader gives.
        mapping: our column -> the input's column.
        removed: what is written of dropped documents.
        balanced: every document that is read must be kept or removed (not so for stages that gather or exchange).
        rows_per_file: for stages that gather: rows of an output file.
        progress: a local folder for progress marks, None for none.
        at_a_time: how many tasks run at a time at most, for steps that share something, such as a server's patience.
        expects: folder -> digest of the finished stages that are read: tasks may begin long after they were planned,
            elsewhere.
    """

    name: ClassVar[str] = "shards"
    type: ClassVar[str] = "stage"

    folder: str
    digest: str
    shards: list[Shard]
    total: int
    steps: list[Any]
    columns: dict[str, pa.DataType]
    mapping: dict[str, str]
    removed: Literal["full", "ids", "none"]
    balanced: bool
    rows_per_file: int | None = None
    progress: str | None = None
    at_a_time: int = 1
    expects: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def __repr__(self) -> str:
        return " -> ".join(map(str, self.steps))

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> None:
        """Run the shards of task ``rank``, but for those that it has finished before it was requeued.

        Raises:
            CurationError: if what is read is not what was planned, or the stage was begun anew; before any work.
        """
        folder = Folder(self.folder)
        self._check_expected(folder)
        done = Manifest(folder).done()
        stopped = set(folder.list_files(STOPPED, ".json"))
        for shard in self.shards[rank::world_size]:
            if shard.index in done:
                continue
            try:
                self.run_shard(folder, shard)
            except Exception as error:  # on a cluster, whoever started the run would only see a shard missing
                note_stop(folder, shard.name, error)
                raise
            if (note := f"{STOPPED}/{shard.name}.json") in stopped:
                folder.remove(note)

    def _check_expected(self, folder: Folder) -> None:
        for location, digest in self.expects.items():
            if (Manifest(Folder(location)).finished() or {}).get("digest") != digest:
                raise CurationError(f"{location} is not the finished stage that was planned with; start the run again")
        self._check_begun(folder)

    def _check_begun(self, folder: Folder) -> None:
        if (Manifest(folder).started() or {}).get("digest") != self.digest:
            raise CurationError(f"{self.folder}: another run has begun this stage anew with other settings")

    def run_shard(self, folder: Folder, shard: Shard) -> dict[str, Any]:
        """Run one shard from the beginning and commit it; returns its record."""
        manifest, started = Manifest(folder), time.perf_counter()
        opened = manifest.open_shard(shard)
        self._clear(folder, shard, again=opened > 1)
        counter, skipped = Marked(self.progress, shard), Counter[str]()
        with contextlib.ExitStack() as files:
            dropped = f"removed/{shard.name}.parquet"
            path = None if self.removed == "none" else files.enter_context(folder.create(dropped))
            removed = RemovedWriter(path, self._removed_columns(), self.removed, self._most_whole())
            columns, router = schema_after(self.steps, self.columns), self._router()
            with KeptWriter(folder, shard.name, columns, router, self.rows_per_file) as kept:
                if self._takes_tables(shard):
                    for table in self._tables(shard, removed, counter):
                        kept.write_table(table)
                else:
                    for doc in self._documents(shard, removed, skipped, counter):
                        kept.write(doc)
            removed.close()
        counts = self._counts(skipped) | counter.late_columns
        record = {
            "shard": shard.index,
            "documents": counter.read + counts.pop("documents_read", 0),
            "kept": kept.count,
            "removed": dict(sorted(removed.reasons.items())),
            "counts": counts,
            "opened": opened,
            "seconds": round(time.perf_counter() - started, 3),
        }
        self._check_balance(record)
        self._check_begun(folder)
        manifest.finish_shard(shard, record)
        counter.end()
        return record

    def _documents(
        self, shard: Shard, removed: RemovedWriter, skipped: Counter[str], counter: Marked
    ) -> Iterator[Document]:
        def reject(doc: Document, reason: str) -> None:
            counter.read += 1
            doc.metadata["filter_reason"] = reason
            removed.write(doc)

        files = () if files_read_by(self.steps) else shard.files
        read = read_files(files, self.mapping, reject, skipped)
        stream: Any = counter.watch(self._declared(read, counter.late_columns))
        for step in self.steps:
            self._begin(step, shard, removed)
            stream = step.run(stream, shard.index, self.total)
        yield from stream or ()

    def _tables(self, shard: Shard, removed: RemovedWriter, counter: Marked) -> Iterator[pa.Table]:
        """As `_documents`, for steps that take whole tables: a tenth of the time where nothing is made of each text."""
        ours = {"reason", *(name for step in self.steps for name in step.evidence)}

        def reject(table: pa.Table, reason: str) -> None:
            counter.read += table.num_rows
            rest = table.drop_columns([name for name in table.column_names if name in ours])
            removed.write_table(rest.append_column("reason", pa.array([reason] * table.num_rows)))

        wanted = self.steps[0].reads_columns(self.columns)
        files = shard.files if wanted and not files_read_by(self.steps) else ()
        stream = counter.watch_tables(read_tables(files, wanted, reject))
        for step in self.steps:
            self._begin(step, shard, removed)
            stream = step.run_tables(stream, shard.index, self.total)
        yield from stream

    def _takes_tables(self, shard: Shard) -> bool:
        if not self.steps or not all(isinstance(step, TableStep) for step in self.steps):
            return False
        return (
            bool(files_read_by(self.steps))
            or not self.steps[0].reads_columns(self.columns)
            or are_tables(shard.files, self.mapping)
        )

    def _begin(self, step: Any, shard: Shard, removed: RemovedWriter) -> None:
        """What a step is told before a shard."""
        if hasattr(step, "exclusion_writer"):
            step.exclusion_writer = removed
        if hasattr(step, "counts"):
            step.counts = Counter()
        if hasattr(step, "reads_files"):
            step.files, step.at_a_time = shard.files, self.at_a_time
        if hasattr(step, "status_file"):
            step.status_file = f"{self.progress}/status-{shard.name}" if self.progress else None

    def _declared(self, documents: Iterator[Document], late: Counter[str]) -> Iterator[Document]:
        """Without columns that first appear far down in a file without a schema; they are counted."""
        for doc in documents:
            for name in doc.metadata.keys() - self.columns.keys():
                del doc.metadata[name]
                late[f"late_column_{name}_left_out"] += 1
            yield doc

    def _clear(self, folder: Folder, shard: Shard, again: bool) -> None:
        """Delete what an unfinished run of this shard left; a stage that gathers owns all files of its folder."""
        for part in ("data", "removed") if again else ():  # such as of a task that was requeued
            folder.remove_parts(part, of=f"{shard.name}.parquet")
        folder.remove_file(f"removed/{shard.name}.parquet")
        if not self.balanced and self.total == 1:
            folder.remove("data")
            return
        router = self._router()
        names = [f"{route}/train-{shard.name}" for route in router.routes] if router else [shard.name]
        for name in names:
            folder.remove_file(f"data/{name}.parquet")

    def _router(self) -> Any:
        return self.steps[-1] if self.steps and hasattr(self.steps[-1], "routes") else None

    def _removed_columns(self) -> dict[str, pa.DataType]:
        columns = dict(self.columns)
        for step in self.steps:
            columns |= getattr(step, "adds", {}) | getattr(step, "evidence", {})
        return columns

    def _most_whole(self) -> int:
        return math.ceil(KEPT_PER_REASON / max(1, self.total))

    def _counts(self, skipped: Counter[str]) -> dict[str, int]:
        counts = Counter({f"records_skipped_{kind}": n for kind, n in skipped.items()})
        for step in self.steps:
            counts.update(getattr(step, "counts", {}))
        return dict(sorted(counts.items()))

    def _check_balance(self, record: Mapping[str, Any]) -> None:
        gone = record["documents"] - record["kept"] - sum(record["removed"].values())
        if self.balanced and gone:
            raise CurationError(
                f"{self.folder}: shard {record['shard']}: {gone} of {record['documents']} documents were neither kept "
                "nor removed with a reason; a step of this stage loses documents"
            )


def schema_after(steps: Sequence[Any], columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
    """The columns after all steps; steps of others add none, or those in an attribute ``adds`` set on them."""
    for step in steps:
        columns = step.schema(columns) if hasattr(step, "schema") else columns | getattr(step, "adds", {})
    return columns
