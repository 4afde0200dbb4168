"""The job that ends a stage of a chain on Slurm, and prepares the next stage.

Example: ``python3 -m curation.slurm_finish out/slurm/001 score``, the folder of the chain's record and the stage. It
exits with 1, so that Slurm cancels all that follows, unless every shard of the stage is done. Requeued in the middle,
it may be run again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from loguru import logger

from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.run_record import forget_redo
from curation.running import Silent
from curation.slurm_chain import Chain, prepare_stage
from curation.slurm_status import why_unfinished
from curation.stage_runner import StageRunner
from curation.swapping import recover


def main(arguments: Sequence[str]) -> int:
    """Finish a stage; returns the exit code.

    Args:
        arguments: the folder of the chain's record, and the stage.
    """
    location, stage = arguments
    chain = Chain.load(location)
    try:
        finish_stage(chain, stage)
    except Exception as error:  # whoever follows the run learns of it from the folder only
        why = str(error) if isinstance(error, CurationError) else f"{type(error).__name__}: {error}"
        chain.record.note_failed(stage, why)
        logger.exception(why)
        return 1
    return 0


def finish_stage(chain: Chain, stage: str) -> None:
    """Write a stage's record, and prepare the stage that follows.

    Raises:
        CurationError: if a shard is not done.
    """
    one, output = chain.planned_of(stage), Folder(chain.output)
    recover(output, [stage])
    with chain.runner(Silent()) as runner:
        if (Manifest(output / stage).finished() or {}).get("digest") != one.digest:
            _end_stage(chain, runner, stage)
        if following := chain.after(stage):
            prepare_stage(chain, runner, chain.planned_of(following))
        elif chain.ends_run:
            forget_redo(chain.planned, output)


def _end_stage(chain: Chain, runner: StageRunner, stage: str) -> None:
    one, record = chain.planned_of(stage), chain.record
    prepared = record.prepared(stage)
    if prepared is None:
        raise CurationError(f"stage {stage}: its tasks were given nothing: the stages before it have not ended")
    jobs = next((jobs for jobs in record.jobs() if jobs.stage == stage), None)
    if jobs and (why := why_unfinished(runner.folder_of(one), jobs, prepared)):
        raise CurationError(why)
    ended = runner.finish(one, time.time() - prepared.begun)
    logger.info(f"stage {stage}: {ended['documents']:,} documents, {ended['kept']:,} kept")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
