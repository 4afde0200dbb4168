"""``curate run --wait``: stay until the jobs of a chain have ended, and tell of its stages as they do.

Example: ``records = follow(submit_chain(runner, stages, ends_run=True), stages, Folder("out"), progress)``
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.planned import Planned
from curation.slurm_jobs import live
from curation.slurm_record import ChainRecord, StageJobs
from curation.slurm_status import why_not_ended
from curation.stage_runner import Progress

_POLL_SECONDS = 2.0
_SILENT_SECONDS = 600.0  # a controller that is started anew does not answer meanwhile


def follow(
    record: ChainRecord, stages: Sequence[Planned], output: Folder, progress: Progress
) -> dict[str, Mapping[str, Any]]:
    """Wait for a chain; returns stage -> its record.

    Args:
        record: of the chain.
        stages: those of the chain.
        output: the run's folder.
        progress: told what goes on.

    Raises:
        CurationError: if a stage could not be finished; with the reason.
    """
    records: dict[str, Mapping[str, Any]] = {}
    planned = {one.stage.name: one for one in stages}
    for jobs in record.jobs():
        one = planned[jobs.stage]
        _wait(record, jobs, one, progress)
        ended = Manifest(output / jobs.stage).finished()
        if ended is None or ended["digest"] != jobs.digest:
            raise CurationError(why_not_ended(record, jobs))
        progress.end(one, ended)
        records[jobs.stage] = ended
    return records


def _wait(record: ChainRecord, jobs: StageJobs, one: Planned, progress: Progress) -> None:
    """Until the finishing job has ended; the stage's progress begins once it is known how many shards it has."""
    begun = False
    while True:
        runs = _is_live(jobs.finish)
        if not begun and (prepared := record.prepared(jobs.stage)):
            progress.begin(one, len(prepared.shards), 0, None)
            begun = True
        if not runs:
            return
        time.sleep(_POLL_SECONDS)


def _is_live(job: str) -> bool:
    end = time.monotonic() + _SILENT_SECONDS
    while True:
        try:
            return bool(live([job]))
        except CurationError:
            if time.monotonic() > end:
                raise
        time.sleep(_POLL_SECONDS)
