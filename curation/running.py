"""Run a recipe: stage after stage, each resumed, skipped or rebuilt as its identity says.

    report = run(load_recipe("finemath", config="finemath-smoke"), "out")
    print(report.output, report.seconds)

Killed anywhere and started again, a run ends with the same bytes in ``data/`` and ``removed/`` as an undisturbed one.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa
from loguru import logger

from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards, schema_after
from curation.blocks.step import bind
from curation.content import resolve_location
from curation.errors import ConfigError, CurationError
from curation.executors import LocalExecutor, check_executor, local_pool, make_executor
from curation.folder import Folder
from curation.manifest import Manifest, fix_shards
from curation.memory import MemoryWatch
from curation.planning import Planned, plan, refuse_stale
from curation.recipe import ExecutorSettings, Recipe, RunContext, settings_of

_PACKAGES = ("curation", "datatrove", "pyarrow", "resiliparse", "fastwarc", "torch", "transformers", "numpy")
_POLL_SECONDS = 2.0


class Progress(Protocol):
    """What is told while a run goes on; the command line draws it."""

    def begin(self, planned: Planned, shards: int, done: int, marks: str | None) -> None:
        """A stage begins: its shards, how many of them are done, and the folder of progress marks."""

    def end(self, planned: Planned, record: Mapping[str, Any]) -> None:
        """A stage has ended with this ``stage.json``."""


class _Silent:
    def begin(self, planned: Planned, shards: int, done: int, marks: str | None) -> None:
        """Say nothing."""

    def end(self, planned: Planned, record: Mapping[str, Any]) -> None:
        """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What a run did.

    Args:
        output: the run's folder.
        planned: the plan that was followed.
        records: stage -> its ``stage.json``, for every finished stage.
        seconds: wall time of this call.
        ran: the stages that did work.
        peak_memory_gb: the most that this process and its workers held at a time, sampled.
    """

    output: str
    planned: Sequence[Planned]
    records: Mapping[str, Mapping[str, Any]]
    seconds: float
    ran: tuple[str, ...] = field(default=())
    peak_memory_gb: float = 0.0


def run(
    recipe: Recipe,
    output: str,
    *,
    sources: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    stage: str | None = None,
    redo: Sequence[str] = (),
    executor: str | None = None,
    workers: int | None = None,
    tasks: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Run what is not done yet.

    Args:
        recipe: a recipe with its settings.
        output: a local or remote folder.
        sources: stage -> location that it reads instead of an earlier stage.
        columns: our column -> the column of those locations.
        stage: the one stage to run.
        redo: stages to run again.
        executor: ``local``, ``slurm`` or ``ray`` for all stages, in place of the settings.
        workers: tasks at a time for all stages.
        tasks: number of tasks for all stages.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: before any work, if a costly stage was made with something else.
    """
    begun, output = time.perf_counter(), resolve_location(output)
    if executor not in (None, "local", "slurm", "ray"):
        raise ConfigError(f"executor {executor}: expected local, slurm or ray")
    recover(Folder(output), [one.name for one in recipe.stages])
    planned = plan(recipe, output, sources=sources, columns=columns, only=stage, redo=redo)
    refuse_stale(planned)
    runner = _Runner(recipe, output, planned, executor, workers, tasks, progress or _Silent())
    _check(planned, Folder(output), runner.executor_of)
    _tidy(planned, Folder(output))
    if any(one.runs for one in planned):
        _note_run(recipe, planned, Folder(output))
    records: dict[str, Mapping[str, Any]] = {}
    ran: list[str] = []
    memory = MemoryWatch()
    with memory, runner:
        for one in planned:
            if one.runs:
                records[one.stage.name] = runner.run_stage(one)
                ran.append(one.stage.name)
            elif finished := Manifest(Folder(output) / one.stage.name).finished():
                records[one.stage.name] = finished
    seconds = time.perf_counter() - begun
    return RunReport(
        output=output,
        planned=planned,
        records=records,
        seconds=seconds,
        ran=tuple(ran),
        peak_memory_gb=memory.peak_bytes / 1e9,
    )


def _check(planned: Sequence[Planned], folder: Folder, executor_of: Callable[[str], ExecutorSettings]) -> None:
    """Everything that can be known to fail is told now, before hours of work."""
    working = [one for one in planned if one.runs]
    finished = {one.stage.name for one in planned if one.status == "done" or one.runs}
    for one in working:
        if one.reads and one.reads not in finished:
            raise ConfigError(f"stage {one.stage.name} reads {one.reads}, which is not finished")
        check_executor(executor_of(one.stage.name))
        if one.inputs:  # one file tells whether the columns are there; the others are read when the stage begins
            columns_of([one.inputs[0].path], one.mapping)
        for step in one.stage.steps:
            getattr(step, "check", lambda: None)()
    if working:
        folder.check_writable()


def _tidy(planned: Sequence[Planned], folder: Folder) -> None:
    """Remove what was being rebuilt for settings that have since been taken back."""
    for one in planned:
        if one.status in ("done", "run", "resume", "redo"):
            folder.remove(f".{one.stage.name}.new")


def _note_run(recipe: Recipe, planned: Sequence[Planned], folder: Folder) -> None:
    """What this folder is: which recipe, its stages in order, and the one that holds the result."""
    names = [one.stage.name for one in planned]
    noted = {"recipe": recipe.name, "settings": settings_of(recipe), "stages": names, "result": names[-1]}
    folder.write_json("run.json", noted)


class _Runner:
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
        # datatrove's messages go to each stage's logs; on the screen they would break the progress.
        logger.disable("datatrove")
        self._stack.callback(logger.enable, "datatrove")
        self._pool: ProcessPoolExecutor | None = None
        self._workers = 0

    def __enter__(self) -> _Runner:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def run_stage(self, one: Planned) -> Mapping[str, Any]:
        """Run a stage to its end; returns its record."""
        started = time.perf_counter()
        name = one.stage.name
        beside = one.status == "rebuild"
        folder = Folder(self.output) / (f".{name}.new" if beside else name)
        manifest = Manifest(folder)
        self._prepare(one, manifest, beside)
        self._run_shards(one, manifest)
        if unfinished := manifest.unfinished():
            raise CurationError(f"stage {name}: {len(unfinished)} shards are unfinished; see {folder.location}/logs")
        if one.stage.finish is not None:
            bind(one.stage.finish, self.output, {name: folder.location}).finish(self._context(folder))
        extra = {
            "wall_seconds": round(time.perf_counter() - started, 3),
            "executor": self.executor_of(name).kind,
            "versions": versions(),
        }
        record = manifest.finish(one.identity, extra)
        if beside:
            swap(Folder(self.output), name)
        self.progress.end(one, record)
        return record

    def _prepare(self, one: Planned, manifest: Manifest, beside: bool) -> None:
        """Fix the shards of a new stage, or clear what is left of an old or half-built one."""
        folder = manifest.folder
        started = manifest.started()
        if started is None or started["digest"] != one.digest or one.status == "redo":
            folder.remove()
            settings = self.executor_of(one.stage.name)
            files = self._files(one)
            # Steps that address documents by position count on one shard for each file of one of our stages.
            most = settings.shards if one.reads is None else len(files)
            shards = fix_shards(files, gather=one.stage.gather, most=most)
            manifest.start(one.identity, shards, settings_of(self.recipe))
        for part in ("data", "removed"):
            folder.remove_parts(part)

    def _files(self, one: Planned) -> list[tuple[str, int]]:
        if one.reads is None:
            return [(file.path, file.size) for file in one.inputs]
        parent = Folder(self.output) / one.reads
        return [(f"{parent.location}/{name}", parent.size(name)) for name in parent.list_files("data", ".parquet")]

    def executor_of(self, stage: str) -> ExecutorSettings:
        """Where a stage's tasks run, with what was given in place of the settings."""
        return replace(self.recipe.executor_of(stage), **self.given)

    def _run_shards(self, one: Planned, manifest: Manifest) -> None:
        todo, total = manifest.unfinished(), len(manifest.shards())
        settings, name = self.executor_of(one.stage.name), one.stage.name
        local = settings.kind == "local"
        with tempfile.TemporaryDirectory(prefix="curation-progress-") as marks:
            self.progress.begin(one, total, total - len(todo), marks if local else None)
            if not todo:
                return
            own = {name: manifest.folder.location}
            step = RunShards(
                folder=manifest.folder.location,
                shards=todo,
                total=total,
                steps=[bind(step, self.output, own) for step in one.stage.steps],
                columns=self._columns(one, manifest),
                mapping=dict(one.mapping),
                removed=one.stage.removed,
                balanced=not one.stage.gather,
                rows_per_file=one.stage.rows_per_file,
                progress=marks if local else None,
            )
            tasks = max(1, min(settings.tasks or len(todo), len(todo)))
            logs = f"{manifest.folder.location}/logs/{_attempt(manifest.folder):03d}"
            workers = settings.workers or (_cores() if local else -1)
            runner = make_executor(step, settings, name=name, tasks=tasks, workers=workers, logs=logs)
            try:
                self._execute(runner, manifest, workers)
            except CurationError as error:
                raise type(error)(f"stage {name}: {error}") from error
            except Exception as error:
                raise CurationError(f"stage {name}: {type(error).__name__}: {error} (see {logs})") from error

    def _execute(self, runner: Any, manifest: Manifest, workers: int) -> None:
        if isinstance(runner, LocalExecutor):
            runner.run(self._pool_of(workers), threads=max(1, _cores() // min(workers, runner.tasks)))
            return
        runner.run()
        job = getattr(runner, "job_id", None)
        while job and manifest.unfinished() and _slurm_runs(str(job)):
            time.sleep(_POLL_SECONDS)

    def _pool_of(self, workers: int) -> ProcessPoolExecutor:
        """The pool of the stage before, unless this one is to have another number of workers."""
        if self._pool is None or workers != self._workers:
            self._stack.close()
            self._pool, self._workers = self._stack.enter_context(local_pool(workers)), workers
        return self._pool

    def _columns(self, one: Planned, manifest: Manifest) -> dict[str, pa.DataType]:
        files = [path for shard in manifest.shards() for path in shard.files]
        if one.reads is not None:
            files = files[:1]  # all files of one of our stages have one schema
        columns = (
            columns_of(files, one.mapping, outside=one.reads is None)
            if files
            else {"id": pa.string(), "text": pa.large_string()}
        )
        schema_after(one.stage.steps, columns)
        return columns

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


def swap(output: Folder, stage: str) -> None:
    """Put a stage that was rebuilt beside its old self in its place."""
    output.remove(f".{stage}.old")
    output.rename(stage, f".{stage}.old")
    output.rename(f".{stage}.new", stage)
    output.remove(f".{stage}.old")


def recover(output: Folder, stages: Sequence[str]) -> None:
    """Finish a swap that a kill interrupted between its two renames or after them."""
    for stage in stages:
        if not output.exists(f"{stage}/shards.json") and output.exists(f".{stage}.new/stage.json"):
            output.rename(f".{stage}.new", stage)
        if output.exists(f"{stage}/shards.json") and output.exists(f".{stage}.old"):
            output.remove(f".{stage}.old")


def versions() -> dict[str, str]:
    """Versions of what the output may depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _attempt(folder: Folder) -> int:
    try:
        return len(folder.fs.ls(folder.path("logs"), detail=False)) + 1
    except FileNotFoundError:
        return 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _slurm_runs(job: str) -> bool:
    import subprocess

    squeue = shutil.which("squeue")
    if squeue is None:
        return False
    shown = subprocess.run([squeue, "-h", "-j", job], capture_output=True, text=True, check=False)
    return shown.returncode == 0 and bool(shown.stdout.strip())
