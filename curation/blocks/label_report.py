"""The end of judging: what came is counted, reported and refused where nothing can be learned from it.

Example: ``Stage(name="annotate", ..., finish=ReportLabels(prompt="finemath_5pt", judging=Judging(repeat=2)))`` writes
``report.json``, ``report.md`` and, where documents were read again, ``disagreements.jsonl`` into the stage's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pyarrow.parquet as pq

from curation.annotation.judging import Judging
from curation.annotation.label_report import Asked, LabelReport, Spent
from curation.annotation.label_tally import LabelTally
from curation.annotation.ledger import read_spent
from curation.annotation.opening import gpus_of, sent_options
from curation.annotation.prompt import load_prompt
from curation.blocks.step import Documents, Step, tuning
from curation.content import absolute_name
from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.recipe import RunContext

REPORT = "report.json"
DISAGREEMENTS = "disagreements.jsonl"

_COLUMNS = (
    "id", "url", "label", "label_reason", "reply", "first_reply", "judge", "prompt_tokens", "completion_tokens",
    "requests", "sample_weight", "expected_label", "further_labels", "further_replies", "further_judges", "text_shown",
)  # fmt: skip
_BATCH_ROWS = 512
_SHOWN_REPLY = 300


@dataclass(kw_only=True, repr=False)
class ReportLabels(Step):
    """A finishing step: reports what the judge said; too few labels are an error.

    Args:
        prompt: as of `Annotate`.
        judging: as of `Annotate`.
        minimum_share: of the documents asked about, how many need a recorded reply at least.
        known: as of `Annotate`; what was spent there counts, too.
        judge: as of `Annotate`; says how many GPUs a task kept busy, for the cost, where the price does not.
    """

    version: ClassVar[int] = 1

    prompt: str
    judging: Judging = field(default_factory=Judging, metadata={"identity": False})
    minimum_share: float = tuning(0.5)
    judge: str = tuning("")
    known: tuple[str, ...] = tuning(())

    def __post_init__(self) -> None:
        self.prompt = absolute_name("prompts", self.prompt)
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Nothing of its own: what is asked stands in `Annotate`'s, and another report needs no other replies."""
        return {"step": type(self).__name__, "version": self.version}

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Count over all shards and write the report, also where it then is an error.

        Raises:
            CurationError: if too many replies are missing, or none of those that came gives a label.
        """
        folder = Folder(context.folder)
        tally = LabelTally(load_prompt(self.prompt).scale)
        for row in batched_rows(folder, _COLUMNS):
            tally.add(row)
        report = tally.report(self._asked())
        report = replace(report, spent=_spent(folder, self.judging, gpus_of(self.judge, self.judging), self.known))
        apart = list(tally.apart)
        folder.remove(DISAGREEMENTS)
        if apart or report.trust:
            write_lines(folder, DISAGREEMENTS, apart)
        folder.write_bytes(REPORT, report.to_json().encode())
        folder.write_bytes("report.md", report.to_markdown().encode())
        self._refuse(report, tally.first_unread)

    def _asked(self) -> Asked:
        prompt = self.judging.prompt(load_prompt(self.prompt))
        return Asked(
            prompt=prompt.name,
            digest=prompt.digest,
            source=prompt.source,
            text=prompt.text,
            scale=(prompt.scale.low, prompt.scale.high),
            generation=dict(prompt.generation),
            constrain=prompt.constrain,
            judge_options=sent_options(self.judge, self.judging.judge_options),
            second_options=sent_options(self.judging.second_judge or "", self.judging.second_options),
        )

    def _refuse(self, report: LabelReport, example: str | None) -> None:
        missing = report.reasons.get("no_recorded_reply", 0)
        if missing > (1 - self.minimum_share) * report.documents:
            raise CurationError(
                f"{missing} of {report.documents} sampled documents have no recorded reply; are these the replies to "
                "these pages? Where some fit, replay_only: true draws the sample only from documents with a reply"
            )
        if report.documents and not report.labelled:
            said = f"; one reply was: {_short(example)}" if example else ""
            raise CurationError(
                f"none of {report.documents} documents got a label ({', '.join(report.reasons)}){said} "
                f"(prompt {report.asked.prompt}; see report.md in the stage's folder; these replies are kept and read "
                "again: --redo annotate asks anew)"
            )


def read_report(folder: Folder) -> LabelReport | None:
    """The report in the folder of a stage, None where there is none."""
    if not folder.exists(REPORT):
        return None
    with folder.open(REPORT) as file:
        return LabelReport.from_json(file.read().decode())


def batched_rows(folder: Folder, columns: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The rows of a stage's ``data/`` in order, a batch in memory at a time; of ``columns`` those that are there."""
    for name in folder.list_files("data", ".parquet"):
        with folder.open(name) as stream:
            file = pq.ParquetFile(stream)
            there = [column for column in columns if column in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=there):
                yield from batch.to_pylist()


def write_lines(folder: Folder, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as JSON lines."""
    folder.write_bytes(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def _spent(folder: Folder, judging: Judging, gpus: int, known: Sequence[str]) -> Spent:
    """Of all starts: what was asked for twice because a task was killed was paid for twice."""
    records, ledger, price = Manifest(folder).records(), read_spent(folder), judging.price
    for one in known:
        ledger = ledger.plus(read_spent(Folder(one)))
    gpu_hours = ledger.seconds / 3600 * (price.gpus or gpus)
    cost = price.of(ledger.prompt_tokens, ledger.completion_tokens, gpu_hours) if price else None
    wall = _wall_seconds(folder, records)
    return Spent(
        wall_seconds=None if wall is None else round(wall, 3),
        shard_seconds=round(float(sum(record["seconds"] for record in records)), 3),
        judging_seconds=round(ledger.seconds, 3),
        cost=None if cost is None else round(cost, 4),
    )


def _wall_seconds(folder: Folder, records: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds in which at least one shard was under way, so without the pauses of a run that was interrupted.

    A shard ended when its record was written; None where the file system does not say when that was.
    """
    try:
        ends = [folder.fs.modified(folder.path(f"shards/{record['shard']:05d}.json")).timestamp() for record in records]
    except (NotImplementedError, OSError, KeyError):
        return None
    total, until = 0.0, float("-inf")
    for start, end in sorted((end - record["seconds"], end) for end, record in zip(ends, records, strict=True)):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN_REPLY else f"…{line[-_SHOWN_REPLY:]}")
