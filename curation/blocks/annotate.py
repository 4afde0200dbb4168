"""Ask a judge for the label of each document.

Example: ``Annotate(prompt="finemath_5pt", judge="replay:replies.jsonl")``

A document whose reply is missing or unreadable stays, with the raw reply, without a label and with the reason.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa
import xxhash
from datatrove.data import Document

from curation.annotation.journal import Journal
from curation.annotation.judge import Judge, Reply, Request, judge_identity, open_judge
from curation.annotation.prompt import Prompt, load_prompt
from curation.annotation.reply import read_reply
from curation.blocks.step import Documents, Step, tuning
from curation.content import absolute_location, absolute_name
from curation.errors import CurationError, UnreadableReply
from curation.folder import Folder
from curation.manifest import Manifest
from curation.recipe import RunContext

_WINDOW = 2000
"""Documents held at a time: so many requests are under way or waiting for their turn in the output."""


@dataclass(kw_only=True, repr=False)
class Annotate(Step):
    """Add ``label``, ``label_reason``, ``reply``, ``text_shown``, ``judge``, ``prompt``, ``prompt_digest`` and counts.

    Args:
        prompt: a shipped prompt's name or a file.
        judge: ``replay:FILE``, ``endpoint:URL#MODEL`` or ``vllm:MODEL``.
        judge_options: into the request's body verbatim.
        key_env: the environment variable that holds the API key.
        concurrency: requests in flight.
        slots: prompt slot -> the column that fills it.
        journal: the stage's own folder, where replies are kept as they come; None keeps none.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {
        "label": pa.int32(),
        "label_reason": pa.string(),
        "reply": pa.string(),
        "text_shown": pa.large_string(),
        "judge": pa.string(),
        "prompt": pa.string(),
        "prompt_digest": pa.string(),
        "prompt_tokens": pa.int32(),
        "completion_tokens": pa.int32(),
    }

    prompt: str
    judge: str
    judge_options: dict[str, Any] = field(default_factory=dict)
    key_env: str | None = tuning(None)
    concurrency: int = tuning(64)
    slots: dict[str, str] = field(default_factory=dict)
    journal: str | None = tuning(None)

    def __post_init__(self) -> None:
        self.judge = absolute_judge(self.judge)
        self.prompt = absolute_name("prompts", self.prompt)
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """The prompt's digest and the judge's model or file count, not where its server stands."""
        return super().identity() | {
            "judge": judge_identity(self.judge),
            "prompt": f"{load_prompt(self.prompt).name} {load_prompt(self.prompt).digest}",
        }

    def check(self) -> None:
        """The judge must be there."""
        _judge_of(self).check()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Label the documents in their order."""
        prompt = load_prompt(self.prompt)
        journal = Journal(Folder(self.journal), f"{rank:05d}") if self.journal else None
        judge = _judge_of(self)
        try:
            for window in _windows(iter(data or ())):
                for doc, reply in zip(window, self._replies(judge, prompt, window, journal), strict=True):
                    self._label(doc, reply, prompt, judge)
                    yield doc
        finally:
            if journal:
                journal.flush()

    def _replies(
        self, judge: Judge, prompt: Prompt, window: Sequence[Document], journal: Journal | None
    ) -> list[Reply]:
        requests = [self._request(doc, prompt) for doc in window]
        keys = [_key(request) for request in requests]
        replies = [journal.replies.get(key) if journal else None for key in keys]
        missing = [index for index, reply in enumerate(replies) if reply is None]
        failed: list[str] = []
        for position, reply in judge.ask([requests[index] for index in missing]):
            index = missing[position]
            replies[index] = reply
            if reply.text is None and (reply.reason or "").startswith("judge_failed"):
                failed.append(str(reply.reason))
            elif journal:
                journal.add(keys[index], reply)
        if failed:
            if journal:
                journal.flush()
            raise CurationError(
                f"the judge failed on {len(failed)} of {len(missing)} requests ({failed[0]}); "
                "replies that came are kept: start again when it is back"
            )
        return [reply for reply in replies if reply is not None]

    def _request(self, doc: Document, prompt: Prompt) -> Request:
        slots = {slot: str(doc.metadata.get(column) or "") for slot, column in self.slots.items()}
        messages = tuple(prompt.messages(doc.text, **slots))
        return Request(document_id=doc.id, url=doc.metadata.get("url"), messages=messages)

    def _label(self, doc: Document, reply: Reply, prompt: Prompt, judge: Judge) -> None:
        label, reason = None, reply.reason
        if reply.text is not None:
            try:
                label = read_reply(reply.text, prompt)
            except UnreadableReply as error:
                reason = f"unreadable: {error}"
        self.count("labelled" if label is not None else (reason or "unreadable").partition(":")[0])
        doc.metadata.update(
            label=label,
            label_reason=None if label is not None else reason,
            reply=reply.text,
            text_shown=prompt.shown(doc.text),
            judge=judge.name,
            prompt=prompt.name,
            prompt_digest=prompt.digest,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )


@dataclass(kw_only=True, repr=False)
class RequireReplies(Step):
    """A finishing step: too few labelled documents are an error, because nothing can be learned from them.

    Args:
        minimum_share: of the documents asked about.
    """

    minimum_share: float = 0.5

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Count labels over all shards.

        Raises:
            CurationError: naming how many replies are missing.
        """
        records = Manifest(Folder(context.folder)).records()
        asked = sum(record["documents"] for record in records)
        missing = sum(record["counts"].get("no_recorded_reply", 0) for record in records)
        if asked and missing > (1 - self.minimum_share) * asked:
            raise CurationError(
                f"{missing} of {asked} sampled documents have no recorded reply; are these the replies to these pages? "
                "replay_only: true draws the sample only from documents with a reply"
            )


def _key(request: Request) -> str:
    """What a reply in the journal belongs to: the document and all that the judge was shown."""
    said = json.dumps(request.messages, sort_keys=True, ensure_ascii=False)
    return f"{request.document_id} {xxhash.xxh3_128_hexdigest(said)}"


def _judge_of(step: Annotate) -> Judge:
    """One judge for all shards of a process: a server that we start serves them all."""
    options = json.dumps(step.judge_options, sort_keys=True)
    return _judge(step.judge, step.prompt, options, step.key_env, step.concurrency)


@lru_cache(maxsize=1)
def _judge(location: str, prompt: str, options: str, key_env: str | None, concurrency: int) -> Judge:
    generation = load_prompt(prompt).generation
    judge = open_judge(
        location, generation=generation, options=json.loads(options), key_env=key_env, concurrency=concurrency
    )
    atexit.register(judge.close)
    return judge


def absolute_judge(location: str) -> str:
    """A judge's location that means the same in any working folder."""
    kind, _, rest = location.partition(":")
    return f"{kind}:{absolute_location(rest)}" if kind == "replay" and rest else location


def _windows(documents: Documents) -> Iterator[Sequence[Document]]:
    while window := list(islice(documents, _WINDOW)):
        yield window
