"""Run a recipe: stage after stage, each resumed, skipped or rebuilt as its identity says.

    report = run(load_recipe("finemath", config="finemath-smoke"), "out")
    print(report.output, report.seconds)

Killed anywhere and started again, a run ends with the same bytes in ``data/`` and ``removed/`` as an undisturbed one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
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
from curation.recipe import ExecutorSettings, Recipe, Stage, settings_of
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
    """

    output: str
    planned: Sequence[Planned]
    records: Mapping[str, Mapping[str, Any]]
    seconds: float
    ran: tuple[str, ...] = field(default=())
    peak_memory_gb: float = 0.0

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
    runner = StageRunner(recipe, output, planned, executor, workers, tasks, progress or Silent())
    _check(planned, Folder(output), runner.executor_of)
    _tidy(planned, Folder(output))
    if any(one.runs for one in planned):
        _note_run(recipe, planned, Folder(output), redo)
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
    _forget_redo(planned, Folder(output))
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


def _note_run(recipe: Recipe, planned: Sequence[Planned], folder: Folder, redo: Sequence[str]) -> None:
    """What this folder is: its recipe and stages, the one with the result, and what is to be run again.

    The last is kept until the run has ended, so that a killed ``--redo`` goes on without being asked twice.
    """
    names = [one.stage.name for one in planned]
    before = folder.read_json("run.json") or {}
    asked = {name.removesuffix("+"): name.endswith("+") for name in redo}
    again = {
        one.stage.name: one.identity["generation"]
        for one in planned
        if one.status == "redo" and one.stage.name in asked
    }
    noted: dict[str, Any] = {
        "recipe": recipe.name,
        "settings": settings_of(recipe),
        "stages": names,
        "result": names[-1],
    }
    noted["redo"] = before.get("redo", {}) | again
    follow = {*before.get("redo_follow", ()), *(name for name, others in asked.items() if others)}
    noted["redo_follow"] = sorted(follow)
    folder.write_json("run.json", noted)


def _forget_redo(planned: Sequence[Planned], folder: Folder) -> None:
    """What was to be run again has been; what follows from it is owed until no stage waits to be asked for."""
    noted = folder.read_json("run.json") or {}
    made = {one.stage.name for one in planned if one.status == "done" or one.runs}
    redo = {name: number for name, number in noted.get("redo", {}).items() if name not in made}
    follow = noted.get("redo_follow", [])
    if all(one.status != "not asked for" for one in planned):
        follow = [name for name in follow if name in redo]
    now = {**noted, "redo": redo, "redo_follow": follow}
    if noted and now != noted:
        folder.write_json("run.json", now)
