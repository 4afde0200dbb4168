"""Ranges of a crawl's archives without a recipe file, as a run of one stage.

    fetch("ranges.parquet", output="pages", archives="s3://commoncrawl/")
    fetch("out/fetch/removed", output="later", reason="fetch_failed")   # what could not be had then

The pages are in ``{output}/fetch/data``, and what could not be had in ``{output}/fetch/removed``, each with its reason.
"""

from __future__ import annotations

from curation.blocks.fetch_ranges import COMMON_CRAWL, ForgetCaptures
from curation.blocks.refetch_ranges import RefetchRanges
from curation.recipe import Stage, folder_of
from curation.running import RunReport, run_stages
from curation.stage_runner import Progress

STAGE = "fetch"


def fetch(
    ranges: str,
    *,
    output: str,
    archives: str = COMMON_CRAWL,
    reason: str = "",
    requests_per_second: float = 50.0,
    concurrency: int = 32,
    attempts: int = 8,
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Fetch ranges; told first is how many requests and bytes that takes.

    Args:
        ranges: parquet with ``warc_filename``, ``warc_record_offset`` and ``warc_record_length``, and whatever else of
            the columns of ranges: a file, a folder, a glob.
        output: a folder.
        archives: below which location the archives are.
        reason: only rows whose column ``reason`` begins so, such as ``fetch_failed``.
        requests_per_second: of all workers together.
        concurrency: requests at a time of one worker.
        attempts: how often a range is asked for.
        redo: fetch again although it is done.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        CurationError: if the store refuses us, or is gone.
    """
    step = RefetchRanges(
        archives=archives,
        reason=reason,
        requests_per_second=requests_per_second,
        concurrency=concurrency,
        attempts=attempts,
        keep=folder_of(STAGE),
    )
    stage = Stage(name=STAGE, reads=(ranges,), steps=[step], costly=True, finish=ForgetCaptures())
    settings = {"archives": archives, "reason": reason}
    return run_stages(STAGE, [stage], output, settings, redo=redo, workers=workers, progress=progress)
