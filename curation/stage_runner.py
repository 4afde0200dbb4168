"""One planned stage after another: shards fixed, tasks run, the finishing step, and the record that ends it.

Example: ``with StageRunner(recipe, "out", planned, None, None, None, progress) as runner: runner.run_stage(one)``
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Protocol

import pyarrow.parquet as pq
from loguru import logger

from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards, schema_after
from curation.blocks.step import bind
from curation.blocks.stopped import FOLDER as STOPPED
from curation.blocks.stopped import why_stopped
from curation.errors import ConfigError, CurationError
from curation.executors import LocalExecutor, local_pool, make_executor
from curation.folder import Folder
from curation.manifest import Manifest, Shard, fix_shards
from curation.planned import Planned
from curation.recipe import ExecutorSettings, Recipe, RunContext, settings_of
from curation.report import versions
from curation.stage_work import stage_work
from curation.swapping import swap

_PACKAGES = ("curation", "datatrove", "pyarrow", "resiliparse", "fastwarc", "torch", "transformers", "numpy")
_GRACE_SECONDS = 120.0  # for tasks whose work costs: they stop for the same reason, once what is under way has come


class Progress(Protocol):
    """What is told while a run goes on; the command line draws it."""

    def begin(self, planned: Planned, shards: int, done: int, marks: str | None) -> None:
        """A stage begins: its shards, how many of them are done, and the folder of progress marks."""

    def say(self, line: str, expected: int | None = None) -> None:
        """What the stage that has begun will take; ``expected``: how many documents it is about."""

    def end(self, planned: Planned, record: Mapping[str, Any]) -> None:
        """A stage has ended with this ``stage.json``."""


class StageRunner:
    """Runs planned stages one after another, over one pool of local workers."""

    def __init__(
        self,
        recipe: Recipe,
        output: str,
        planned: Sequence[Planned],
        executor: str | None,
        workers: int | None,
        tasks: int | None,
        progress: Progress,
    ) -> None:
        self.recipe, self.output, self.planned, self.progress = recipe, output, planned, progress
        self.given: dict[str, Any] = {
            key: v for key, v in (("kind", executor), ("workers", workers), ("tasks", tasks)) if v
        }
        self._stack = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._workers = 0

    def __enter__(self) -> StageRunner:
        # datatrove's messages go to each stage's logs; on the screen they would break the progress.
        logger.disable("datatrove")
        return self

    def __exit__(self, *error: Any) -> None:
        logger.enable("datatrove")
        self._stack.__exit__(*error)

    def run_stage(self, one: Planned) -> Mapping[str, Any]:
        """Run a stage to its end, on this machine or on Ray; returns its record."""
        started = time.perf_counter()
        manifest = self.prepare(one)
        self._run_shards(one, manifest)
        if any(getattr(step, "keeps_servers", False) for step in one.stage.steps):
            self._stack.close()  # with its workers end the servers that they started: the next stage needs the GPUs
            self._pool = None
        record = self.finish(one, time.perf_counter() - started)
        self.progress.end(one, record)
        return record

    def folder_of(self, one: Planned) -> Folder:
        """Where a stage is made: a finished one that is rebuilt stays until the new one is whole."""
        return Folder(self.output) / (f".{one.stage.name}.new" if one.status == "rebuild" else one.stage.name)

    def prepare(self, one: Planned) -> Manifest:
        """Fix a stage's shards, before the first of its tasks; asked twice, it does so once."""
        manifest = Manifest(self.folder_of(one))
        if one.status != "grow" or (manifest.started() or {}).get("digest") != one.digest:
            self._prepare(one, manifest)
        manifest.folder.remove(STOPPED)
        return manifest

    def finish(self, one: Planned, seconds: float) -> Mapping[str, Any]:
        """After the last task: the finishing step, the record, and the old stage replaced.

        Args:
            one: the stage.
            seconds: since it began.

        Raises:
            CurationError: if a shard is not done.
        """
        folder, name = self.folder_of(one), one.stage.name
        manifest = Manifest(folder)
        if unfinished := manifest.unfinished():
            why = f": {stopped}" if (stopped := why_stopped(folder)) else ""
            raise CurationError(
                f"stage {name}: {len(unfinished)} shards are unfinished{why}; see {folder.location}/logs"
            )
        if one.stage.finish is not None:
            self._finish(one, folder)
        extra = {
            "wall_seconds": round(seconds, 3),
            "executor": self.executor_of(name).kind,
            "versions": {"python": platform.python_version(), **versions(_PACKAGES)},
        }
        record = manifest.finish(one.identity, extra)
        if one.status == "rebuild":
            swap(Folder(self.output), name)
        return record

    def _finish(self, one: Planned, folder: Folder) -> None:
        name = one.stage.name
        with named(name, "at its end"):
            bind(one.stage.finish, self.output, {name: folder.location}).finish(self._context(folder))

    def _prepare(self, one: Planned, manifest: Manifest) -> None:
        """Fix the shards of a new stage, or clear what is left of an old or half-built one."""
        folder = manifest.folder
        started = manifest.started()
        if one.status == "grow":
            shards = self.new_shards(one, manifest.shards())
            self._check_same_columns(one, manifest, shards)
            manifest.grow(one.identity, shards, settings_of(self.recipe))
        elif started is None or started["digest"] != one.digest or one.status == "redo":
            manifest.clear()
            manifest.start(one.identity, self.new_shards(one, ()), settings_of(self.recipe))
        for part in ("data", "removed"):
            folder.remove_parts(part)

    def _check_same_columns(self, one: Planned, manifest: Manifest, added: Sequence[Shard]) -> None:
        """All files of a stage have one schema, those of files that were added later too."""
        there = manifest.folder.list_files("data", ".parquet")
        if one.reads is not None or one.opens_files or not there:
            return
        with manifest.folder.open(there[0]) as file:
            before = {field.name: field.type for field in pq.read_schema(file)}
        files = [path for shard in (*manifest.shards(), *added) for path in shard.files]
        now = schema_after(one.stage.steps, columns_of(files, one.mapping))
        other = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if other:
            raise ConfigError(
                f"stage {one.stage.name}: the files that were added have other columns than the earlier ones "
                f"({', '.join(other)}): give them the same, or take another output folder"
            )

    def new_shards(self, one: Planned, there: Sequence[Shard]) -> list[Shard]:
        """Shards of the input's files that are in none of those that are there."""
        known = {self._name_of(one, path) for shard in there for path in shard.files}
        listed = [] if one.stage.parts else self._files(one)
        files = [(path, size) for path, size in listed if self._name_of(one, path) not in known]
        # Steps that address documents by position count on one shard for each file of one of our stages.
        most = self.executor_of(one.stage.name).shards if one.reads is None else len(files)
        parts = None if one.stage.parts is None else self._parts(one) - len(there)
        return fix_shards(files, gather=one.stage.gather, most=most, parts=parts, first=len(there))

    def _parts(self, one: Planned) -> int:
        """How many shards a stage with parts has in all: as many for each generation of what it reads."""
        assert one.stage.parts is not None
        read = one.reads if one.stage.extends else None
        return one.stage.parts * (len(Manifest(Folder(self.output) / read).generations()) if read else 1)

    def _name_of(self, one: Planned, path: str) -> str:
        """What a file is known by: one of our own stage's by its name in it, wherever the output lay then."""
        return path if one.reads is None else path.rpartition(f"/{one.reads}/")[2]

    def _files(self, one: Planned) -> list[tuple[str, int]]:
        if one.reads is None:
            return [(file.path, file.size) for file in one.inputs]
        parent = Folder(self.output) / one.reads
        return [(f"{parent.location}/{name}", size) for name, size in parent.list_sizes("data", ".parquet").items()]

    def executor_of(self, stage: str) -> ExecutorSettings:
        """Where a stage's tasks run, with what was given in place of the settings."""
        return replace(self.recipe.executor_of(stage), **self.given)

    def _run_shards(self, one: Planned, manifest: Manifest) -> None:
        settings, name = self.executor_of(one.stage.name), one.stage.name
        with tempfile.TemporaryDirectory(prefix="curation-progress-") as folder:
            marks = folder if settings.kind == "local" else None
            total, done = len(manifest.shards()), len(manifest.done())
            self.progress.begin(one, total, done, marks)
            if done == total:
                return
            step = stage_work(one, manifest, self.output, marks)
            logs = f"{manifest.folder.location}/logs/{_attempt(manifest.folder):03d}"
            workers = settings.workers or (_local_workers(one, settings) if marks else -1)
            tasks = min(settings.tasks or len(step.shards), len(step.shards))
            step.at_a_time = tasks if workers < 1 else min(tasks, workers)
            runner = make_executor(step, settings, name=name, tasks=tasks, workers=workers, logs=logs)
            with named(name, f"see {logs}"):
                self.foretell(step)
                self._execute(runner, workers, one.stage.costly)

    def foretell(self, step: RunShards) -> None:
        """What a step that costs money will take is said before it is spent."""
        for one in step.steps:
            told = one.forecast(step.shards, step.mapping, step.at_a_time) if hasattr(one, "forecast") else None
            if told is not None:
                self.progress.say(str(told), told.documents)

    def _execute(self, runner: Any, workers: int, costly: bool) -> None:
        if not isinstance(runner, LocalExecutor):
            runner.run()
            return
        threads = max(1, _cores() // min(workers, runner.tasks))
        runner.run(self._pool_of(workers), threads=threads, grace_seconds=_GRACE_SECONDS if costly else 0.0)

    def _pool_of(self, workers: int) -> ProcessPoolExecutor:
        """The pool of the stage before, unless this one is to have another number of workers."""
        if self._pool is None or workers != self._workers:
            self._stack.close()
            self._pool, self._workers = self._stack.enter_context(local_pool(workers)), workers
        return self._pool

    def _context(self, folder: Folder) -> RunContext:
        order = [(one.stage.name, one.reads) for one in self.planned if one.status != "left out"]
        return RunContext(
            output=self.output,
            folder=folder.location,
            recipe=self.recipe.name,
            origin=self.recipe.origin,
            settings=settings_of(self.recipe),
            stages=order,
            left_out={one.stage.name: one.why for one in self.planned if one.status == "left out"},
        )


@contextmanager
def named(stage: str, where: str) -> Iterator[None]:
    """Errors say in which stage they arose; those that are not ours also where to look."""
    try:
        yield
    except CurationError as error:
        raise type(error)(f"stage {stage}: {error}") from error
    except Exception as error:
        raise CurationError(f"stage {stage}: {type(error).__name__}: {error} ({where})") from error


def _attempt(folder: Folder) -> int:
    try:
        return len(folder.fs.ls(folder.path("logs"), detail=False)) + 1
    except FileNotFoundError:
        return 1


def _local_workers(one: Planned, settings: ExecutorSettings) -> int:
    return _cores() if one.stage.workers is None else settings.tasks or one.stage.workers


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
