"""What a chain of Slurm jobs leaves in the output folder, for whoever looks at it or goes on with it.

    {output}/slurm/001/chain.pik              the plan, as every finishing job loads it
    {output}/slurm/001/jobs.json              stage -> its arrays, its finishing job, where they print
    {output}/slurm/001/score/prepared.json    once the stage before has ended: its shards in the order of its tasks
    {output}/slurm/001/score/failed.json      why the finishing job has refused to finish

Example: ``ChainRecord.latest(Folder("out"))`` is that of the last ``curate run`` on Slurm, None if there was none.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.folder import Folder

FOLDER = "slurm"


@dataclass(frozen=True, kw_only=True)
class StageJobs:
    """The jobs of one stage.

    Args:
        stage: its name.
        digest: of the identity that it is run for.
        arrays: job ids, each of at most ``max_array_size`` tasks.
        finish: the job that ends the stage.
        max_array_size: tasks of every array but the last.
        logs: the local folder that the jobs print into.
    """

    stage: str
    digest: str
    arrays: tuple[str, ...]
    finish: str
    max_array_size: int
    logs: str

    @property
    def ids(self) -> tuple[str, ...]:
        """All job ids."""
        return (*self.arrays, self.finish)

    def place_of(self, task: int) -> tuple[str, int]:
        """The array of a task, and its index there."""
        longest = self.max_array_size if self.max_array_size > 0 else task + 1
        return self.arrays[task // longest], task % longest

    def log_of(self, task: int | None) -> str:
        """Where a task prints; of None, where the finishing job does."""
        if task is None:
            return f"{self.logs}/{self.finish}.out"
        job, index = self.place_of(task)
        return f"{self.logs}/{job}_{index}.out"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the tasks of a stage were given.

    Args:
        shards: numbers of the shards; task ``n`` has every ``tasks``-th from the ``n``-th on.
        tasks: how many tasks have any.
        begun: seconds since 1970.
    """

    shards: tuple[int, ...]
    tasks: int
    begun: float

    def task_of(self, shard: int) -> int | None:
        """The task that a shard was given to, None if it was finished before."""
        return self.shards.index(shard) % self.tasks if shard in self.shards else None


class ChainRecord:
    """Reads and writes the folder of one chain."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @classmethod
    def latest(cls, output: Folder) -> ChainRecord | None:
        """The last chain that was submitted for an output folder."""
        there = output.list_files(FOLDER)
        return cls(output / there[-1]) if there else None

    @classmethod
    def new(cls, output: Folder) -> ChainRecord:
        """The next one."""
        last = output.list_files(FOLDER)[-1:]
        number = int(last[0].rpartition("/")[2]) + 1 if last else 1
        return cls(output / f"{FOLDER}/{number:03d}")

    def jobs(self) -> list[StageJobs]:
        """The stages' jobs, in order."""
        rows = (self.folder.read_json("jobs.json") or {"stages": []})["stages"]
        return [StageJobs(**row | {"arrays": tuple(row["arrays"])}) for row in rows]

    def note_jobs(self, jobs: Sequence[StageJobs]) -> None:
        """Note what has been submitted so far."""
        self.folder.write_json("jobs.json", {"stages": [dataclasses.asdict(one) for one in jobs]})

    def prepared(self, stage: str) -> Prepared | None:
        """What the stage's tasks were given, None while the stages before it have not ended."""
        row: dict[str, Any] | None = self.folder.read_json(f"{stage}/prepared.json")
        return Prepared(**row | {"shards": tuple(row["shards"])}) if row else None

    def note_prepared(self, stage: str, shards: Sequence[int], tasks: int) -> None:
        """Note what the stage's tasks are given."""
        row = {"shards": list(shards), "tasks": tasks, "begun": time.time()}
        self.folder.write_json(f"{stage}/prepared.json", row)

    def failed(self, stage: str) -> str:
        """Why the stage was not finished; empty if nothing is said."""
        return str((self.folder.read_json(f"{stage}/failed.json") or {}).get("why", ""))

    def note_failed(self, stage: str, why: str) -> None:
        """Note why the stage was not finished."""
        self.folder.write_json(f"{stage}/failed.json", {"why": why})
