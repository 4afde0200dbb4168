"""A recipe's stages on Slurm: all jobs are submitted at once, and nobody has to wait for them.

    stage 1   arrays            -> finishing job (one task, after every array, whether its tasks went well or not)
    stage 2   arrays (afterok)  -> finishing job ...

A finishing job (`curation.slurm_finish`) checks that all shards are done, writes the stage's record and prepares the
next stage: the arrays of that one were submitted before anybody could know its shards, for as many tasks as there may
be. If it refuses, Slurm cancels all that follows.

Example: ``submit_chain(runner, [one for one in planned if one.runs])`` returns the `ChainRecord`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import dill

from curation.errors import ConfigError, CurationError
from curation.executors import make_executor
from curation.folder import Folder
from curation.manifest import Manifest
from curation.planned import Planned
from curation.recipe import ExecutorSettings, Recipe
from curation.slurm_jobs import live, scancel
from curation.slurm_record import FOLDER, ChainRecord, StageJobs
from curation.stage_runner import Progress, StageRunner, named
from curation.stage_work import stage_work
from curation.task import pickle_executor

_TASKS = 100  # where nobody can say into how many files a stage will gather its rows


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What a finishing job has to know, wherever it runs.

    Args:
        recipe: with its settings.
        output: the run's folder.
        planned: the whole plan.
        given: what was given in place of the executor's settings.
        stages: those of the chain, in order.
        tasks: stage -> how many tasks are submitted.
        logs: the local folder that all jobs print into.
        location: the folder of the chain's record.
        ends_run: whether no stage of the run comes after it.
    """

    recipe: Recipe
    output: str
    planned: tuple[Planned, ...]
    given: Mapping[str, Any]
    stages: tuple[str, ...]
    tasks: Mapping[str, int]
    logs: str
    location: str
    ends_run: bool

    @property
    def record(self) -> ChainRecord:
        """What is remembered of it."""
        return ChainRecord(Folder(self.location))

    def runner(self, progress: Progress) -> StageRunner:
        """Who prepares and finishes its stages."""
        executor, workers, tasks = (self.given.get(key) for key in ("kind", "workers", "tasks"))
        return StageRunner(self.recipe, self.output, self.planned, executor, workers, tasks, progress)

    def planned_of(self, stage: str) -> Planned:
        """A stage of the plan."""
        return next(one for one in self.planned if one.stage.name == stage)

    def after(self, stage: str) -> str | None:
        """The stage that follows, None after the last."""
        return next(iter(self.stages[self.stages.index(stage) + 1 :]), None)

    def save(self) -> None:
        """Write it to where the finishing jobs load it; steps of a recipe's own are in it by value."""
        self.record.folder.write_bytes("chain.pik", pickle_executor(self))

    @classmethod
    def load(cls, location: str) -> Chain:
        """The chain of a record's folder."""
        with Folder(location).open("chain.pik") as file:
            loaded: Chain = dill.loads(file.read())
        return loaded


def refuse_live_chain(output: Folder) -> None:
    """Raise CurationError if jobs of an earlier start are under way: they would do, and pay for, the same shards."""
    record = ChainRecord.latest(output)
    under_way = live([job for one in record.jobs() for job in one.ids]) if record else None
    if not under_way:
        return
    jobs = sorted({job for job, _ in under_way}, key=int)
    raise CurationError(
        f"Slurm jobs of an earlier start are under way in {output.location}: {', '.join(jobs)}; wait for them (curate "
        f"status {output.location}), or scancel {' '.join(jobs)}"
    )


def submit_chain(runner: StageRunner, stages: Sequence[Planned], *, ends_run: bool) -> ChainRecord:
    """Prepare the first stage and submit all jobs.

    Args:
        runner: of the run.
        stages: those to run, in order.
        ends_run: whether no stage of the run comes after them.

    Raises:
        CurationError: if Slurm refuses a job; none is left then.
    """
    output, names = Folder(runner.output), tuple(one.stage.name for one in stages)
    if FOLDER in names:
        raise ConfigError(f"stage {FOLDER}: that is the folder of the record of Slurm's jobs; give it another name")
    record = ChainRecord.new(output)
    chain = Chain(
        recipe=runner.recipe,
        output=runner.output,
        planned=tuple(runner.planned),
        given=runner.given,
        stages=names,
        tasks=_tasks(runner, stages),
        logs=_logs(record.folder, runner.recipe.name),
        location=record.folder.location,
        ends_run=ends_run,
    )
    chain.save()
    prepare_stage(chain, runner, stages[0])
    jobs: list[StageJobs] = []
    try:
        for one in stages:
            jobs.append(_submit_stage(chain, runner, one, jobs[-1].finish if jobs else None))
            record.note_jobs(jobs)
    except CurationError:
        scancel([job for one in jobs for job in one.ids])
        raise
    return record


def prepare_stage(chain: Chain, runner: StageRunner, one: Planned) -> None:
    """Fix the shards of a stage and write what its tasks load."""
    name = one.stage.name
    with named(name, "before its first task"):
        manifest = runner.prepare(one)
        step = stage_work(one, manifest, chain.output)
        tasks = min(chain.tasks[name], len(step.shards))
        workers = runner.executor_of(name).workers
        step.at_a_time = min(tasks, workers or tasks)
        runner.foretell(step)
        _arrays(chain, runner, one, tasks, step).hand_over()
    chain.record.note_prepared(name, [shard.index for shard in step.shards], tasks)


def _submit_stage(chain: Chain, runner: StageRunner, one: Planned, after: str | None) -> StageJobs:
    name, settings = one.stage.name, runner.executor_of(one.stage.name)
    arrays = _arrays(chain, runner, one, chain.tasks[name])
    ids = arrays.submit(after)
    last = _arrays(chain, runner, one, 1, settings=_without_gpus(runner, settings))
    command = ["python3", "-m", "curation.slurm_finish", chain.location, name]
    try:
        finish = last.submit_one(command, f"{name}.finish", after, ids)
    except CurationError:
        scancel(ids)
        raise
    return StageJobs(
        stage=name,
        digest=one.digest,
        arrays=ids,
        finish=finish,
        max_array_size=settings.max_array_size,
        logs=f"{chain.logs}/{name}",
    )


def _arrays(
    chain: Chain,
    runner: StageRunner,
    one: Planned,
    tasks: int,
    step: Any = None,
    settings: ExecutorSettings | None = None,
) -> Any:
    name = one.stage.name
    settings = settings or runner.executor_of(name)
    return make_executor(
        step,
        settings,
        name=name,
        tasks=tasks,
        workers=settings.workers or -1,
        logs=f"{chain.location}/{name}",
        printed=f"{chain.logs}/{name}",
    )


def _without_gpus(runner: StageRunner, settings: ExecutorSettings) -> ExecutorSettings:
    """Where a finishing job runs: it needs no GPU, and a partition of GPUs may refuse a job that asks for none."""
    others = replace(runner.recipe.executor, **runner.given)
    elsewhere = settings.gpus_per_task and others.kind == "slurm" and others.partition
    return replace(others if elsewhere else settings, gpus_per_task=0)


def _tasks(runner: StageRunner, stages: Sequence[Planned]) -> dict[str, int]:
    """Stage -> how many tasks to submit: as many as are asked for, as far as there may be shards for them."""
    files: dict[str, int] = {}  # stage -> how many it may have when it has ended
    tasks: dict[str, int] = {}
    for one in stages:
        name, manifest = one.stage.name, Manifest(runner.folder_of(one))
        most = len(manifest.unfinished()) if one.status == "resume" else _most_shards(runner, one, files)
        tasks[name] = min(runner.executor_of(name).tasks or most, most)
        there = len(manifest.shards()) if one.status in ("resume", "grow") else 0
        files[name] = there if one.status == "resume" else there + most
        if one.stage.gather and one.stage.rows_per_file is not None:
            files[name] = _TASKS
    return tasks


def _most_shards(runner: StageRunner, one: Planned, files: Mapping[str, int]) -> int:
    """How many shards a stage that has not begun may get."""
    if one.stage.gather or one.stage.parts is not None:
        return one.stage.parts or 1
    if one.reads is None:
        return max(1, min(runner.executor_of(one.stage.name).shards, len(one.inputs)))
    there = len((Folder(runner.output) / one.reads).list_files("data", ".parquet"))
    return files.get(one.reads, max(1, there))


def _logs(folder: Folder, recipe: str) -> str:
    """Where the jobs print: Slurm writes no remote files."""
    if folder.is_local:
        return folder.location
    return str(Path.cwd() / f"slurm_logs/{recipe}-{datetime.now():%Y%m%d-%H%M%S}")
