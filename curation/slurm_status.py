"""How far a chain of Slurm jobs is, and why it has stopped: from what the folder remembers and what ``squeue`` says.

Example: ``for line in chain_lines(Folder("out")): print(line)``; ``curate status out`` shows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.blocks.stopped import stopped_shards
from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.slurm_jobs import Live, live
from curation.slurm_record import ChainRecord, Prepared, StageJobs

_SHOWN_SHARDS = 5
_LOG_LINES = 10
_LOG_BYTES = 8000
_SILENT = "its task ended without a word, as one that was killed, or was out of memory or time"
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "CONFIGURING")


@dataclass(frozen=True, kw_only=True)
class StageState:
    """How far a stage of a chain is.

    Args:
        jobs: its jobs.
        folder: in which it is made, or stands.
        ended: whether its record is there, as it was planned.
        prepared: what its tasks were given, None while the stages before it have not ended.
        shards: shard -> ``done``, ``running``, ``waiting``, ``failed`` or, where its task failed before, ``not run``.
        live: whether any of its jobs has not ended; None where there is no Slurm to be asked.
    """

    jobs: StageJobs
    folder: Folder
    ended: bool
    prepared: Prepared | None
    shards: Mapping[int, str]
    live: bool | None

    def __str__(self) -> str:
        if self.ended:
            return f"{self.jobs.stage}: done"
        if self.prepared is None:
            what = "not reached" if self.live is False else "waits for the stage before it"
            return f"{self.jobs.stage}: {what} (jobs {', '.join(self.jobs.ids)})"
        counted = Counter(self.shards.values())
        kinds = ("running", "waiting", "failed", "not run", "unfinished")
        rest = "".join(f", {counted[kind]} {kind}" for kind in kinds if counted[kind])
        return f"{self.jobs.stage}: {counted['done']} of {len(self.shards)} shards are done{rest}"


def chain_lines(output: Folder) -> Iterator[str]:
    """The last chain of an output folder: a line for each stage, and the first failure with the end of its log."""
    record = ChainRecord.latest(output)
    if record is None:
        return
    jobs = record.jobs()
    try:
        under_way = live([job for one in jobs for job in one.ids])
        if under_way is None:
            yield "no Slurm here (no command `squeue`): what runs or waits is not known"
    except CurationError as error:
        under_way = None
        yield f"{error}: what runs or waits is not known"
    for one in jobs:
        state = stage_state(output, record, one, under_way)
        yield str(state)
        if not state.ended and state.prepared is not None:
            yield from _failure(record, state)


def stage_state(output: Folder, record: ChainRecord, jobs: StageJobs, under_way: Live | None) -> StageState:
    """How far one stage is.

    Args:
        output: the run's folder.
        record: of the chain.
        jobs: those of the stage.
        under_way: what has not ended, as `live` says; None if nothing is known.
    """
    folder = next((one for one in _folders(output, jobs.stage) if _digest(one) == jobs.digest), output / jobs.stage)
    ended = (Manifest(output / jobs.stage).finished() or {}).get("digest") == jobs.digest
    prepared = record.prepared(jobs.stage)
    own = {place: state for place, state in (under_way or {}).items() if place[0] in jobs.ids}
    shards = {} if ended or prepared is None else _shards(Manifest(folder), jobs, prepared, own)
    if under_way is None:
        shards = {shard: "done" if state == "done" else "unfinished" for shard, state in shards.items()}
    return StageState(
        jobs=jobs,
        folder=folder,
        ended=ended,
        prepared=prepared,
        shards=shards,
        live=None if under_way is None else bool(own),
    )


def why_unfinished(folder: Folder, jobs: StageJobs, prepared: Prepared) -> str:
    """Which shards of a stage are not done, what the first of them said, and where more of it stands; empty if all are.

    Args:
        folder: in which the stage is made.
        jobs: those of the stage.
        prepared: what its tasks were given.
    """
    manifest = Manifest(folder)
    missing = sorted(shard.index for shard in manifest.unfinished())
    if not missing:
        return ""
    shard, why = _first_failure(folder, missing)
    task = prepared.task_of(shard)
    names = ", ".join(f"{one:05d}" for one in missing[:_SHOWN_SHARDS])
    more = f" and {len(missing) - _SHOWN_SHARDS} more" if len(missing) > _SHOWN_SHARDS else ""
    return (
        f"stage {jobs.stage}: {len(missing)} of {len(manifest.shards())} shards are unfinished ({names}{more}); "
        f"shard {shard:05d}: {why}; log {jobs.log_of(task)}"
    )


def why_not_ended(record: ChainRecord, jobs: StageJobs) -> str:
    """Why a stage has no record although its finishing job has ended."""
    why = record.failed(jobs.stage) or f"stage {jobs.stage}: its finishing job {jobs.finish} ended without a word"
    return why if " log " in why else f"{why}; log {jobs.log_of(None)}"


def _folders(output: Folder, stage: str) -> tuple[Folder, Folder]:
    return output / f".{stage}.new", output / stage


def _digest(folder: Folder) -> str | None:
    return (Manifest(folder).started() or {}).get("digest")


def _shards(manifest: Manifest, jobs: StageJobs, prepared: Prepared, own: Live) -> dict[int, str]:
    done = manifest.done()
    opened = {int(name.rsplit("/", 1)[-1].split(".")[0]) for name in manifest.folder.list_files("shards", ".opened")}
    stopped = stopped_shards(manifest.folder)
    states = {}
    for shard in (one.index for one in manifest.shards()):
        task = prepared.task_of(shard)
        if shard in done or task is None:
            states[shard] = "done"
            continue
        state = own.get(jobs.place_of(task))
        if state is None:
            states[shard] = "failed" if shard in opened or shard in stopped else "not run"
        else:
            states[shard] = "waiting" if state in _WAITING or shard not in opened else "running"
    return states


def _first_failure(folder: Folder, missing: list[int]) -> tuple[int, str]:
    stopped = stopped_shards(folder)
    shard = next((one for one in missing if one in stopped), missing[0])
    return shard, stopped.get(shard) or _SILENT


def _failure(record: ChainRecord, state: StageState) -> Iterator[str]:
    """The first failed shard of a stage with the end of its log, or why its finishing job refused."""
    assert state.prepared is not None
    failed = sorted(shard for shard, what in state.shards.items() if what == "failed")
    noted = stopped_shards(state.folder)
    if failed or noted:
        shard, why = _first_failure(state.folder, failed or sorted(noted))
        log = state.jobs.log_of(state.prepared.task_of(shard))
        yield f"  shard {shard:05d}: {why}"
    elif why := record.failed(state.jobs.stage):
        log = state.jobs.log_of(None)
        yield f"  {why}"
    else:
        return
    yield f"  log {log}"
    yield from (f"    {line}" for line in _last_lines(Path(log)))


def _last_lines(log: Path) -> list[str]:
    if not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
