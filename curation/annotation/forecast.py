"""What judging will take, before the first request: requests, tokens, hours, cost.

    sizes = measure(items, cutter, prompt)                      # from a few hundred documents
    print(forecast(sizes, 1_000_000, judging, gpus=4, pilot=read_pilot([Folder("out/pilot")])))

Tokens are counted with the judge's tokenizer where it is known, else as a quarter of the characters; what a pilot has
measured takes the place of every assumption.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import xxhash

from curation.annotation.cutting import Cutter
from curation.annotation.journal import read_parts
from curation.annotation.judging import Judging
from curation.annotation.prompt import Prompt
from curation.annotation.reading import Item
from curation.folder import Folder

PILOT_DOCUMENTS = 200
_MEASURED = 300
_ASSUMED_REPLY_TOKENS = 150.0  # the prompts ask for at most 100 words
_MEANS = ("prompt_tokens", "completion_tokens", "seconds")
_ASSUMED_SECONDS = 10.0  # of a reply of a 70B model on a busy server; a pilot measures it


@dataclass(frozen=True, slots=True)
class Sizes:
    """Mean tokens of a request, and how they were found."""

    prompt_tokens: float
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Pilot:
    """What recorded requests took, in means per request.

    Attributes:
        requests: that were recorded.
        documents: that they were made for.
        recorded: how many of the documents that are to be judged are among these.
    """

    requests: int
    documents: int
    prompt_tokens: float
    completion_tokens: float
    seconds: float
    recorded: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What judging will take. Costs are None without a price; `is_measured` says whether a pilot stands behind it."""

    documents: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    hours: float
    cost: float | None
    is_measured: bool
    assumptions: str

    def __str__(self) -> str:
        cost = "no price given" if self.cost is None else f"cost {self.cost:,.2f}"
        return (
            f"{self.documents:,} documents to judge: about {self.requests:,} requests, {_millions(self.prompt_tokens)} "
            f"prompt tokens, {_millions(self.completion_tokens)} reply tokens, {time_text(self.hours)}, {cost} "
            f"({self.assumptions})"
        )


def measure(items: Iterable[Item], cutter: Cutter, prompt: Prompt) -> Sizes:
    """Mean prompt tokens over the first few hundred documents; 0 where there are none."""
    numbers = []
    for item in islice(items, _MEASURED):
        with suppress(ValueError):  # a slot without a value: nothing will be asked of this document
            messages = prompt.messages_of(cutter.shown(item.text, item.slots), item.slots)
            numbers.append(sum(cutter.tokens(one["content"]) for one in messages))
    return Sizes(sum(numbers) / max(1, len(numbers)), cutter.counts_tokens)


def read_pilot(folders: Sequence[Folder], shards: Sequence[str] | None = None) -> Pilot | None:
    """Means over the replies recorded in stages' journals; None where nothing was recorded.

    Args:
        folders: of the stages; the first is the one that is going to judge.
        shards: of the first, only these shards' documents are counted.
    """
    means = {name: _Mean() for name in _MEANS}
    requests, documents, recorded = 0, set[int](), set[int]()
    for folder in folders:
        for name in folder.list_files("journal", ".jsonl"):
            is_to_judge = folder is not folders[0] or shards is None or name.split("/")[-1].split("-")[0] in shards
            for row in filter(None, read_parts(folder, [name])):
                documents.add(_document(row))
                recorded |= {_document(row)} if is_to_judge else set()
                requests += _measured(row, means)
    if not requests:
        return None
    measured = {name: mean.value for name, mean in means.items()}
    return Pilot(requests=requests, documents=len(documents), recorded=len(recorded), **measured)


def _document(row: Mapping[str, Any]) -> int:
    """A number in place of the id: there may be millions."""
    return xxhash.xxh3_64_intdigest(row["key"].rpartition(" ")[0].encode("utf-8", "surrogatepass"))


def _measured(row: Mapping[str, Any], means: Mapping[str, _Mean]) -> bool:
    if row["text"] is None:
        return False
    for name, mean in means.items():
        mean.add(row[name])
    return True


def forecast(
    sizes: Sizes, documents: int, judging: Judging, *, gpus: int = 1, tasks: int = 1, pilot: Pilot | None = None
) -> Forecast:
    """What ``documents`` documents will take, beyond those whose replies are recorded.

    Args:
        sizes: of their requests.
        documents: how many there are.
        judging: readings, concurrency, price.
        gpus: that one task keeps busy, where the price does not say.
        tasks: that ask at a time.
        pilot: what was recorded before.
    """
    documents = max(0, documents - (pilot.recorded if pilot else 0))
    further = judging.repeat - 1 + (judging.second_judge is not None)
    requests = round(documents * (pilot.requests / pilot.documents if pilot else 1 + further * judging.further_share))
    prompt_tokens = pilot.prompt_tokens if pilot and pilot.prompt_tokens else sizes.prompt_tokens
    reply_tokens = pilot.completion_tokens if pilot and pilot.completion_tokens else _ASSUMED_REPLY_TOKENS
    seconds = pilot.seconds if pilot and pilot.seconds else _ASSUMED_SECONDS
    # A pilot of few documents was answered with few in flight: nothing is known of more.
    each_has = math.ceil(requests / tasks)
    in_flight = max(1, min(judging.concurrency, pilot.requests if pilot else judging.concurrency, each_has))
    hours = requests * seconds / in_flight / tasks / 3600
    gpu_hours = hours * tasks * (judging.price.gpus or gpus)
    total = round(requests * prompt_tokens), round(requests * reply_tokens)
    return Forecast(
        documents=documents,
        requests=requests,
        prompt_tokens=total[0],
        completion_tokens=total[1],
        hours=hours,
        cost=judging.price.of(*total, gpu_hours) if judging.price else None,
        is_measured=pilot is not None,
        assumptions=_assumptions(pilot, sizes, seconds, in_flight * tasks),
    )


class _Mean:
    """Of a million rows without holding them; 0 where no row knows the number."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, number: float | None) -> None:
        if number is not None:
            self._sum, self._count = self._sum + number, self._count + 1

    @property
    def value(self) -> float:
        return self._sum / max(1, self._count)


def _assumptions(pilot: Pilot | None, sizes: Sizes, seconds: float, in_flight: int) -> str:
    if pilot is not None:
        return f"measured on {pilot.requests:,} replies: {pilot.seconds:.1f} s a reply with {in_flight:,} in flight"
    tokens = "prompts counted" if sizes.is_counted else "4 characters a token"
    return (
        f"{tokens}; assumed: {_ASSUMED_REPLY_TOKENS:g} tokens and {seconds:g} s a reply, {in_flight:,} in flight; "
        "--estimate measures"
    )


def _millions(tokens: int) -> str:
    return f"{tokens / 1e6:,.1f}M" if tokens >= 100_000 else f"{tokens:,}"


def time_text(hours: float) -> str:
    """Hours as people read them."""
    return f"{hours:,.1f} h" if hours >= 1 else f"{hours * 60:.0f} min" if hours >= 1 / 60 else f"{hours * 3600:.0f} s"
