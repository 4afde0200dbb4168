"""Run a recipe: stage after stage, each resumed, skipped or rebuilt as its identity says.

    report = run(load_recipe("finemath", config="finemath-smoke"), "out")
    print(report.output, report.seconds)

Killed anywhere and started again, a run ends with the same bytes in ``data/`` and ``removed/`` as an undisturbed one.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from loguru import logger

from curation.blocks.read import columns_of
from curation.blocks.shards import schema_after
from curation.content import resolve_location
from curation.errors import ConfigError, StaleOutput
from curation.executors import check_here
from curation.folder import Folder
from curation.manifest import Manifest
from curation.memory import MemoryWatch
from curation.planned import Planned, refuse_stale
from curation.planning import plan
from curation.recipe import ExecutorSettings, Recipe, Stage
from curation.run_record import forget_redo, note_run
from curation.slurm_chain import refuse_live_chain, submit_chain
from curation.slurm_follow import follow
from curation.stage_runner import Progress, StageRunner
from curation.swapping import recover

_LOOKED_AT = 20


class Silent:
    """A progress for those who gave none."""

    def begin(self, planned: Planned, shards: int, done: int, marks: str | None) -> None:
        """Say nothing."""

    def say(self, line: str, expected: int | None = None) -> None:
        """To the log: what it says costs money."""
        logger.info(line)

    def end(self, planned: Planned, record: Mapping[str, Any]) -> None:
        """Say nothing."""


@dataclass(frozen=True, kw_only=True, repr=False)
class RunReport:
    """What a run did.

    Args:
        output: the run's folder.
        planned: the plan that was followed.
        records: stage -> its ``stage.json``, for every finished stage.
        seconds: wall time of this call.
        ran: the stages that did work.
        peak_memory_gb: the most that this process and its workers held at a time, sampled.
        submitted: stage -> its Slurm jobs, of those that were not waited for.
    """

    output: str
    planned: Sequence[Planned]
    records: Mapping[str, Mapping[str, Any]]
    seconds: float
    ran: tuple[str, ...] = field(default=())
    peak_memory_gb: float = 0.0
    submitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        ran = ", ".join(self.ran) or "nothing"
        return f"RunReport(output={self.output!r}, ran: {ran}, seconds={self.seconds:.1f})"


def run_stages(
    name: str,
    stages: Sequence[Stage],
    output: str,
    settings: Mapping[str, Any],
    *,
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Run a few stages without a recipe file.

    Args:
        name: of the recipe that they are.
        stages: in order.
        output: a folder.
        settings: told in messages when they have changed.
        redo: run all of them again.
        workers: tasks at a time.
        progress: told what goes on.

    Raises:
        ConfigError, StaleOutput: as `run`.
    """
    recipe = Recipe(name=name, settings=dict(settings), stages=tuple(stages))
    again = [stage.name for stage in stages] if redo else []
    try:
        return run(recipe, output, redo=again, workers=workers, progress=progress)
    except StaleOutput as error:  # here, all is run again or nothing
        raise StaleOutput(re.sub(r"--redo \S+$", "--redo", str(error))) from None


def run(
    recipe: Recipe,
    output: str,
    *,
    sources: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    stage: str | None = None,
    until: str | None = None,
    redo: Sequence[str] = (),
    executor: str | None = None,
    workers: int | None = None,
    tasks: int | None = None,
    wait: bool = False,
    progress: Progress | None = None,
) -> RunReport:
    """Run what is not done yet. On Slurm all jobs are submitted at once, and it returns.

    Args:
        recipe: a recipe with its settings.
        output: a local or remote folder.
        sources: stage -> location that it reads instead of an earlier stage.
        columns: our column -> the column of those locations.
        stage: the one stage to run.
        until: the last stage to run.
        redo: stages to run again.
        executor: ``local``, ``slurm`` or ``ray`` for all stages, in place of the settings.
        workers: tasks at a time for all stages.
        tasks: number of tasks for all stages.
        wait: stay until Slurm's jobs have ended.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: before any work, if a costly stage was made with something else.
        CurationError: if a stage fails, or jobs of an earlier start are under way.
    """
    begun, output = time.perf_counter(), resolve_location(output)
    if executor not in (None, "local", "slurm", "ray"):
        raise ConfigError(f"executor {executor}: expected local, slurm or ray")
    refuse_live_chain(Folder(output))
    recover(Folder(output), [one.name for one in recipe.stages])
    planned = plan(recipe, output, sources=sources, columns=columns, only=stage, until=until, redo=redo)
    refuse_stale(planned)
    runner = StageRunner(recipe, output, planned, executor, workers, tasks, progress or Silent())
    _check(planned, Folder(output), runner.executor_of)
    batches = _batches(planned, runner.executor_of, wait)
    _tidy(planned, Folder(output))
    if batches:
        note_run(recipe, planned, Folder(output), redo)
    submitted: dict[str, tuple[str, ...]] = {}
    memory = MemoryWatch()
    with memory, runner, _cluster(batches, runner.executor_of):
        for batch in batches:
            if runner.executor_of(batch[0].stage.name).kind != "slurm":
                for one in batch:
                    runner.run_stage(one)
                continue
            chain = submit_chain(runner, batch, ends_run=batch is batches[-1])
            if wait:
                follow(chain, batch, Folder(output), runner.progress)
            else:
                submitted = {one.stage: one.ids for one in chain.jobs()}
    if not submitted:
        forget_redo(planned, Folder(output))
    ran = tuple(one.stage.name for batch in batches for one in batch if one.stage.name not in submitted)
    return RunReport(
        output=output,
        planned=planned,
        records=_records(planned, Folder(output), submitted),
        seconds=time.perf_counter() - begun,
        ran=ran,
        peak_memory_gb=memory.peak_bytes / 1e9,
        submitted=submitted,
    )


def _cluster(
    batches: Sequence[Sequence[Planned]], executor_of: Callable[[str], ExecutorSettings]
) -> AbstractContextManager[None]:
    """Connected to Ray for the whole run, if any stage runs there: it takes seconds."""
    if not any(executor_of(one.stage.name).kind == "ray" for batch in batches for one in batch):
        return nullcontext()
    from curation.ray_executor import cluster

    return cluster()


def _batches(
    planned: Sequence[Planned], executor_of: Callable[[str], ExecutorSettings], wait: bool
) -> list[list[Planned]]:
    """The stages to run, those together that Slurm is given as one chain."""
    working = [one for one in planned if one.runs]
    groups = itertools.groupby(working, lambda one: executor_of(one.stage.name).kind == "slurm")
    batches = [(list(group), on_slurm) for on_slurm, group in groups]
    for (_, on_slurm), (following, _) in itertools.pairwise(batches):
        if on_slurm and not wait:
            name = following[0].stage.name
            raise ConfigError(f"stage {name} does not run on Slurm, but stages before it do: --wait stays until it can")
    return [batch for batch, _ in batches]


def _records(
    planned: Sequence[Planned], output: Folder, submitted: Mapping[str, object]
) -> dict[str, Mapping[str, Any]]:
    """The records of the finished stages; of one that was submitted, what is there may be the old one's."""
    names = [one.stage.name for one in planned if one.stage.name not in submitted]
    found = {name: Manifest(output / name).finished() for name in names}
    return {name: record for name, record in found.items() if record is not None}


def _check(planned: Sequence[Planned], folder: Folder, executor_of: Callable[[str], ExecutorSettings]) -> None:
    """Everything that can be known to fail is told now, before hours of work."""
    working = [one for one in planned if one.runs]
    finished = {one.stage.name for one in planned if one.status == "done" or one.runs}
    made = {one.stage.name for one in planned if one.status != "left out"}
    for one in working:
        if one.reads and one.reads not in finished and one.reads in made:
            raise ConfigError(f"stage {one.stage.name} reads {one.reads}, which is not finished")
        check_here(executor_of(one.stage.name))
        # Some files tell whether the columns are there; the others are read when the stage begins.
        if one.inputs and not one.opens_files:
            columns = columns_of([file.path for file in one.inputs[:_LOOKED_AT]], one.mapping)
            if "text" not in columns and not any(getattr(step, "reads_contents", False) for step in one.stage.steps):
                raise ConfigError(
                    f"stage {one.stage.name}: {one.located[0]} has ids of files and no texts: fetch them first, as the "
                    "recipe stack_edu does, or name their column with --columns text=COLUMN"
                )
            schema_after(one.stage.steps, columns)
        for name in replace(one.stage, finish=None).needs:
            if name not in finished and name in made:
                raise ConfigError(f"stage {one.stage.name} needs {name}, which is not finished as it would be made now")
        for step in (*one.stage.steps, *([one.stage.finish] if one.stage.finish else [])):
            getattr(step, "check", lambda: None)()
    if working:
        folder.check_writable()


def _tidy(planned: Sequence[Planned], folder: Folder) -> None:
    """Remove what was being rebuilt for settings that have since been taken back."""
    for one in planned:
        if one.status in ("done", "run", "resume", "redo"):
            folder.remove(f".{one.stage.name}.new")
