"""Ask a judge for the label of each document.

Example: ``Annotate(prompt="finemath_5pt", judge="replay:replies.jsonl", judging=Judging(reminders=2))``

A document whose reply is missing or unreadable stays, with the raw reply, without a label and with the reason.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document
from loguru import logger

from curation.annotation.annotator import Annotator, Status
from curation.annotation.forecast import Forecast, forecast, measure, read_pilot
from curation.annotation.journal import Journal
from curation.annotation.judge import judge_identity
from curation.annotation.judging import Judging
from curation.annotation.ledger import Ledger
from curation.annotation.opening import check_judges, gpus_of, lasting_options, open_askers, open_cutter
from curation.annotation.prompt import Prompt, load_prompt
from curation.annotation.reading import Annotation, Item
from curation.blocks.read import count_rows, read_files
from curation.blocks.step import Documents, Step, tuning
from curation.content import absolute_location, absolute_name
from curation.folder import Folder
from curation.manifest import Shard

_LOG_SECONDS = 60.0


@dataclass(kw_only=True, repr=False)
class Annotate(Step):
    """Add ``label``, ``label_reason``, ``reply``, ``text_shown``, ``judge``, ``prompt``, ``prompt_digest`` and counts.

    With ``judging.expected_label`` also that column; with ``judging.repeat`` or ``judging.second_judge`` also
    ``further_labels``, ``further_replies`` and ``further_judges``, lists of equal length.

    Args:
        prompt: a shipped prompt's name or a file.
        judge: ``replay:FILE``, ``endpoint:URL#MODEL`` or ``vllm:MODEL``.
        judging: how it is asked.
        slots: prompt slot -> the column that fills it.
        journal: the stage's own folder, where replies are kept as they come; None keeps none.
        known: folders of stages whose replies to the same questions are used, such as a pilot's.
        at_most: how many documents the steps before this one leave, if that is known; for the forecast.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 2
    adds: ClassVar[dict[str, pa.DataType]] = {
        "label": pa.int32(),
        "label_reason": pa.string(),
        "reply": pa.string(),
        "first_reply": pa.string(),
        "text_shown": pa.large_string(),
        "judge": pa.string(),
        "prompt": pa.string(),
        "prompt_digest": pa.string(),
        "requests": pa.int32(),
        "prompt_tokens": pa.int32(),
        "completion_tokens": pa.int32(),
    }

    prompt: str
    judge: str
    judging: Judging = field(default_factory=Judging)
    slots: dict[str, str] = field(default_factory=dict)
    journal: str | None = tuning(None)
    known: tuple[str, ...] = tuning(())
    at_most: int | None = tuning(None)
    status_file: str | None = tuning(None)

    def __post_init__(self) -> None:
        self.judge = absolute_judge(self.judge)
        self.prompt = absolute_name("prompts", self.prompt)
        if self.judging.second_judge:
            self.judging = replace(self.judging, second_judge=absolute_judge(self.judging.second_judge))
        if self.judge.startswith("replay:"):  # recorded replies know nothing of a server
            self.judging = replace(self.judging, judge_options={}, concurrency=Judging.concurrency)
        self._logged = 0.0
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """The prompt's digest and the judge's model or file count, not where its server stands."""
        second = self.judging.second_judge
        lasting = replace(
            self.judging,
            judge_options=lasting_options(self.judge, self.judging.judge_options),
            second_options=lasting_options(second or "", self.judging.second_options),
        )
        prompt, judging = self._prompt(), lasting.identity()
        return super().identity() | {
            "judge": judge_identity(self.judge),
            "judging": judging | ({"second_judge": judge_identity(second)} if second else {}),
            "prompt": f"{prompt.name} {prompt.digest}",
        }

    def check(self) -> None:
        """The judges must be there, and what is asked of them must go together."""
        check_judges(self.judge, self._prompt(), self.judging)

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is added depends on what is asked."""
        added = {**({} if "url" in columns else {"url": pa.string()}), **self.adds}
        if self.judging.expected_label:
            added["expected_label"] = pa.float64()
        if self._has_further:
            added |= {
                "further_labels": pa.list_(pa.int32()),
                "further_replies": pa.list_(pa.string()),
                "further_judges": pa.list_(pa.string()),
            }
        return columns | added

    def forecast(self, shards: Sequence[Shard], mapping: Mapping[str, str], tasks: int) -> Forecast | None:
        """What judging will take; documents whose replies are recorded are not counted again, a replay takes nothing.

        Args:
            shards: what is to be judged.
            mapping: our column -> the input's column.
            tasks: that ask at a time.
        """
        if self.judge.startswith("replay:"):
            return None
        files = [path for shard in shards for path in shard.files]
        prompt = self._prompt()
        items = (self._item(doc, prompt) for doc in read_files(files, mapping))
        sizes = measure(items, open_cutter(self.judge, prompt, self.judging, ask_server=False), prompt)
        own = [Folder(self.journal)] if self.journal else []
        pilot = read_pilot([*own, *map(Folder, self.known)], [shard.name for shard in shards])
        gpus = gpus_of(self.judge, self.judging)
        documents = count_rows(files) if self.at_most is None else min(count_rows(files), self.at_most)
        told = forecast(sizes, documents, self.judging, gpus=gpus, tasks=tasks, pilot=pilot)
        if self.judging.repeat > 1 and not prompt.generation.get("temperature", 1):
            told = replace(told, assumptions=f"{told.assumptions}; at temperature 0 a repeated reading says little")
        return told

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Label the documents in their order."""
        prompt = self._prompt()
        folder = Folder(self.journal) if self.journal else None
        known = [Folder(one) for one in self.known]
        journal = Journal(folder, f"{rank:05d}", known) if folder else None
        annotator = Annotator(
            open_askers(self.judge, prompt, self.judging),
            open_cutter(self.judge, prompt, self.judging),
            self.judging,
            journal=journal,
            ledger=Ledger(folder, self.judging, gpus_of(self.judge, self.judging), known),
            tell=self._tell,
        )
        items = (self._item(doc, prompt) for doc in data or ())
        for item, annotation in annotator.annotate(items):
            self._label(item.document, annotation, prompt)
            yield item.document
        for name, number in (
            ("journal_lines_torn", journal.torn if journal else 0),
            ("replies_recorded_before", annotator.status.recorded),
        ):
            if number:
                self.count(name, number)

    @property
    def keeps_servers(self) -> bool:
        """Whether its workers hold servers, on GPUs that a later stage may need."""
        return any(one.startswith("vllm:") for one in (self.judge, self.judging.second_judge or ""))

    @property
    def _has_further(self) -> bool:
        return self.judging.repeat > 1 or self.judging.second_judge is not None

    def _prompt(self) -> Prompt:
        return self.judging.prompt(load_prompt(self.prompt))

    def _item(self, doc: Document, prompt: Prompt) -> Item:
        columns = {slot: slot for slot in prompt.slots} | self.slots
        values = {slot: str(doc.metadata[column]) for slot, column in columns.items() if doc.metadata.get(column)}
        return Item(doc, doc.id, doc.metadata.get("url"), doc.text, values)

    def _label(self, doc: Document, said: Annotation, prompt: Prompt) -> None:
        self.count("labelled" if said.label is not None else (said.reason or "unreadable").partition(":")[0])
        if said.first_reply is not None:
            self.count("reminded")
        doc.metadata.setdefault("url", None)
        doc.metadata.update(
            label=said.label,
            label_reason=said.reason,
            reply=said.reply,
            first_reply=said.first_reply,
            text_shown=said.text_shown,
            judge=said.judge,
            prompt=prompt.name,
            prompt_digest=prompt.digest,
            requests=said.requests,
            prompt_tokens=said.prompt_tokens,
            completion_tokens=said.completion_tokens,
        )
        if self.judging.expected_label:
            doc.metadata["expected_label"] = said.expected_label
        if self._has_further:
            doc.metadata["further_labels"] = list(said.further_labels)
            doc.metadata["further_replies"] = list(said.further_replies)
            doc.metadata["further_judges"] = list(said.further_judges)

    def _tell(self, status: Status) -> None:
        if self.status_file:
            Path(self.status_file).write_text(json.dumps(asdict(status)))
        elif time.monotonic() - self._logged >= _LOG_SECONDS:  # on a cluster, the task's log is all that there is
            self._logged = time.monotonic()
            logger.info(f"judging: {asdict(status)}")


def absolute_judge(location: str) -> str:
    """A judge's location that means the same in any working folder."""
    kind, _, rest = location.partition(":")
    return f"{kind}:{absolute_location(rest)}" if kind == "replay" and rest else location
