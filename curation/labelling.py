"""Labels without a recipe file: ask a judge about a sample, estimate what that costs, compare with hand labels.

    annotate("pages/*.parquet", prompt="finemath_5pt", judge="endpoint:http://localhost:8000#MODEL", sample=1000,
             judging=Judging(concurrency=512, price=Price(per_gpu_hour=2.5, gpus=4)), output="labels")
    print(compare_labels("labels", "by_hand.csv").to_markdown())  # curation.blocks.compare

A run of two stages, ``sample`` and ``annotate``, that resumes, skips what is done and refuses stale output like any
other. An estimate runs ``sample`` and ``pilot``: the pilot's replies are used when the sample is judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from curation.annotation.forecast import PILOT_DOCUMENTS, Forecast
from curation.annotation.judging import Judging
from curation.blocks.annotate import Annotate
from curation.blocks.extract import ExtractText
from curation.blocks.label_report import ReportLabels
from curation.blocks.sample import DrawSample
from curation.content import absolute_location
from curation.folder import Folder
from curation.manifest import Shard
from curation.recipe import Stage, folder_of
from curation.running import RunReport, Silent, run_stages
from curation.stage_runner import Progress

_MOST_ROWS = 100_000


def annotate(
    input: str,
    *,
    prompt: str,
    judge: str,
    output: str,
    sample: int | None = None,
    balance: str | None = None,
    stratify: str | None = None,
    prefer: Sequence[str] = (),
    seed: int = 0,
    replay_only: bool = False,
    judging: Judging | None = None,
    reuse: Sequence[str] = (),
    slots: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    estimate: bool = False,
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Ask a judge about a sample of documents; labels stand in ``{output}/annotate/data``, a report beside.

    Args:
        input: parquet, JSON lines, CSV, archives, a folder of them, or what another run wrote; local, S3 or Hub.
        prompt: a shipped prompt's name or a file.
        judge: ``replay:FILE``, ``endpoint:URL#MODEL`` or ``vllm:MODEL``.
        output: a folder.
        sample: how many documents; None for all.
        balance: a column of integers, such as a preliminary score, each value of which gives an equal share.
        stratify: a column, each value of which gives an equal share.
        prefer: ``words=…``, ``url=…`` or ``like=FILE``: documents of a rare topic are drawn more often.
        seed: of the sample.
        replay_only: draw only documents with a recorded reply.
        judging: how the judge is asked, what it costs, and when to stop.
        reuse: folders of earlier runs; replies recorded there to the very same questions are not asked for again.
        slots: prompt slot -> column that fills it; a column of the slot's own name needs none.
        columns: our column -> the input's column, such as ``{"text": "content"}``.
        estimate: judge only a pilot of 200 documents of the sample, and say what the others will take; the pilot's
            replies stand in ``{output}/pilot``, beside ``forecast.json``, and are not asked for again.
        redo: ask again although the labels are there.
        workers: tasks at a time, each with its own requests in flight or server; one by default.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: if ``output`` holds labels made with something else.
        CurationError: if the judge fails or a limit is reached; replies that came are kept.
    """
    draw = DrawSample(
        size=sample, balance=balance, stratify=stratify, prefer=tuple(prefer), seed=seed,
        replay_only=judge if replay_only else None,
    )  # fmt: skip
    judging = judging or Judging()
    ask = Annotate(prompt=prompt, judge=judge, judging=judging, slots=dict(slots or {}))
    rows = _rows_per_file(sample, workers or 1)
    last = _pilot_stage(ask, seed) if estimate else _annotate_stage(ask, redo, reuse)
    stages = (_sample_stage(input, draw, columns, rows), last)
    settings = {"judge": judge, "prompt": prompt, "sample": sample, "judging": judging}
    noted = Folder(output).read_json("run.json") if estimate else None
    report = run_stages("annotate", stages, output, settings, redo=redo, workers=workers, progress=progress)
    if noted is not None and noted["result"] != "pilot":  # labels that are there stay what the folder stands for
        Folder(output).write_json("run.json", noted)
    told = _foretold(output, ask, workers or 1) if estimate else None
    if told is not None:
        (Folder(output) / "pilot").write_json("forecast.json", asdict(told))
        (progress or Silent()).say(str(told), told.documents)
    return report


def _rows_per_file(sample: int | None, workers: int) -> int:
    """Files for all workers, but large: a judge stands partly idle while the last replies of a file are waited for."""
    if sample is None:
        return _MOST_ROWS if workers == 1 else _MOST_ROWS // 10
    return max(1, min(_MOST_ROWS, math.ceil(sample / workers)))


def _sample_stage(input: str, draw: DrawSample, columns: Mapping[str, str] | None, rows: int) -> Stage:
    return Stage(
        name="sample",
        reads=(input,),
        steps=[draw, ExtractText()],
        gather=True,
        rows_per_file=rows,
        columns=dict(columns or {}),
        removed="none",
    )


def _annotate_stage(ask: Annotate, redo: bool, reuse: Sequence[str]) -> Stage:
    earlier = [f"{absolute_location(folder)}/{stage}" for folder in reuse for stage in ("annotate", "pilot")]
    known = (*earlier, *(() if redo else (folder_of("pilot"),)))  # to ask again is to ask all again
    step = replace(ask, journal=folder_of("annotate"), known=known)
    paid = known[len(earlier) :]
    report = ReportLabels(prompt=ask.prompt, judge=ask.judge, judging=ask.judging, known=paid)
    return Stage(name="annotate", reads="sample", steps=[step], costly=True, finish=report, workers=1)


def _pilot_stage(ask: Annotate, seed: int) -> Stage:
    few = DrawSample(size=PILOT_DOCUMENTS, seed=seed)
    steps = [few, replace(ask, journal=folder_of("pilot"), at_most=PILOT_DOCUMENTS)]
    return Stage(name="pilot", reads="sample", steps=steps, gather=True, costly=True, removed="none", workers=1)


def _foretold(output: str, ask: Annotate, tasks: int) -> Forecast | None:
    drawn = Folder(output) / "sample"
    files = [f"{drawn.location}/{name}" for name in drawn.list_files("data", ".parquet")]
    shards = [Shard(index, (file,), 0) for index, file in enumerate(files)]
    return replace(ask, known=(f"{output}/pilot",)).forecast(shards, {}, max(1, min(tasks, len(files))))
