"""What a run will take before anything runs: volumes × rates → hours, requests, bytes, dollars.

    needs = [StageNeed(name="extract", lanes=100), StageNeed(name="select", reads="extract", lanes=100)]
    rates = {"extract": Rate(core_seconds=0.002, share=0.9), "select": Rate(core_seconds=1e-5, share=0.01)}
    costs = cost_stages(needs, rates, pages=7.1e9)
    costs[0].core_hours, costs[0].hours, costs[1].documents    # 3944.4, 39.4, 6.39e9

Pure arithmetic. A number that nobody has measured, published or assumed is None and stays None in all that follows from
it; whoever shows a total says which stages are not in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_HOUR = 3600.0
_GB = 1e9


NUMBERS = (
    *("documents", "share", "core_seconds", "gpu_seconds"),
    *("requests", "read_bytes", "written_bytes", "memory_bytes"),
)
"""What can be known of a stage."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What is known of a stage; None is not known. Later knowledge stands over earlier, see `over`.

    Args:
        documents: into the stage, where it is not what the stage before gives (a volume, not a rate).
        share: documents that go on, of those that come in.
        core_seconds: for a document on one core.
        gpu_seconds: for a document on one GPU, of a stage whose settings ask for GPUs.
        requests: to where the archives lie, for a document.
        read_bytes: from there, for a document: of an input from outside, and of a stage that fetches.
        written_bytes: for a document that goes on.
        memory_bytes: for a document, of a stage that holds all in one process.
        per: the stage whose documents are meant by "a document", where this one is given something else: pairs.
        sources: of each number: measured on what, published where, or assumed.
    """

    documents: float | None = None
    share: float | None = None
    core_seconds: float | None = None
    gpu_seconds: float | None = None
    requests: float | None = None
    read_bytes: float | None = None
    written_bytes: float | None = None
    memory_bytes: float | None = None
    per: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.numbers.items():
            if value < 0:
                raise ValueError(f"{key}: expected 0 or more, got {value}")

    @property
    def numbers(self) -> dict[str, float]:
        """All that is known, by name."""
        return {key: value for key in NUMBERS if (value := getattr(self, key)) is not None}

    def over(self, below: Rate) -> Rate:
        """This, and of ``below`` what is not known here."""
        known = below.numbers | self.numbers
        sources = {key: (self if key in self.numbers else below).sources.get(key, "") for key in known}
        return Rate(**known, per=self.per or below.per, sources=sources)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Dollars. None of them is a fact: each is a round number to be replaced by what you pay.

    Args:
        core_hour: one core for one hour.
        gpu_hour: one GPU for one hour, with the cores and the memory beside it.
        thousand_requests: to where the archives lie.
        gb_out: bytes that leave the place where the archives lie, by the GB; 0 where the run is in the same region.
    """

    core_hour: float = 0.04
    gpu_hour: float = 2.5
    thousand_requests: float = 0.0004
    gb_out: float = 0.0

    def __post_init__(self) -> None:
        for key, value in dataclasses.asdict(self).items():
            if value < 0:
                raise ValueError(f"{key}: expected 0 or more, got {value}")


@dataclass(frozen=True, kw_only=True)
class StageNeed:
    """What a recipe says of one of its stages.

    Args:
        name: of the stage.
        reads: the stage before it; None for an input from outside.
        lanes: tasks that run at a time.
        gpus: of each task; 0 for a stage on cores.
        most: documents that go on at most, as of a sample.
        in_one_process: that the stage takes all its input in one process.
    """

    name: str
    reads: str | None = None
    lanes: int = 1
    gpus: int = 0
    most: int | None = None
    in_one_process: bool = False


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """What one stage will take. ``core_hours`` and ``gpu_hours`` are None where no rate is known.

    Args:
        need: what the recipe says of it.
        rate: what it was computed from.
        documents: into it.
        kept: out of it.
        core_hours: of work, 0 for a stage on GPUs.
        gpu_hours: likewise, 0 for a stage on cores.
        hours: on its tasks.
        requests: to where the archives lie.
        outside_bytes: read from there.
        read_bytes: in all.
        written_bytes: data only, without what is written of dropped documents.
        memory_bytes: of a stage in one process.
    """

    need: StageNeed
    rate: Rate
    documents: float
    kept: float
    core_hours: float | None
    gpu_hours: float | None
    requests: float
    outside_bytes: float
    read_bytes: float
    written_bytes: float
    memory_bytes: float | None

    @property
    def is_known(self) -> bool:
        """Whether there is a rate for what the stage runs on."""
        return self.core_hours is not None and self.gpu_hours is not None

    @property
    def hours(self) -> float | None:
        """On the stage's tasks, all of them busy to the end; None without a rate."""
        if self.core_hours is None or self.gpu_hours is None:
            return None
        return self.core_hours / self.need.lanes + self.gpu_hours / self.need.lanes / max(1, self.need.gpus)

    def dollars(self, prices: Prices) -> float | None:
        """At these prices; None without a rate."""
        if self.core_hours is None or self.gpu_hours is None:
            return None
        worked = self.core_hours * prices.core_hour + self.gpu_hours * prices.gpu_hour
        return worked + self.requests / 1000 * prices.thousand_requests + self.outside_bytes / _GB * prices.gb_out


def cost_stages(needs: Sequence[StageNeed], rates: Mapping[str, Rate], *, pages: float) -> list[StageCost]:
    """What each stage will take, in their order.

    Args:
        needs: the stages, each after the one that it reads.
        rates: by the stage's name; a stage without one hands on all, and takes nobody knows what.
        pages: documents of every input from outside whose rate does not say ``documents``.
    """
    costs: dict[str, StageCost] = {}
    for need in needs:
        rate = rates.get(need.name, Rate())
        before = costs.get(need.reads) if need.reads else None
        flowing = before.kept if before else pages
        costs[need.name] = _cost(need, rate, _known(rate.documents, flowing), before, costs)
    return list(costs.values())


def _cost(
    need: StageNeed, rate: Rate, documents: float, before: StageCost | None, costs: Mapping[str, StageCost]
) -> StageCost:
    if rate.per is not None and rate.per in costs:
        documents = costs[rate.per].documents
    kept = documents * _known(rate.share, 1.0)
    kept = kept if need.most is None else min(kept, need.most)
    seconds = rate.gpu_seconds if need.gpus else rate.core_seconds
    worked = None if seconds is None else documents * seconds / _HOUR
    outside = documents * _known(rate.read_bytes, 0.0)
    return StageCost(
        need=need,
        rate=rate,
        documents=documents,
        kept=kept,
        core_hours=0.0 if need.gpus else worked,
        gpu_hours=worked if need.gpus else 0.0,
        requests=documents * _known(rate.requests, 0.0),
        outside_bytes=outside,
        read_bytes=outside + (before.written_bytes if before else 0.0),
        written_bytes=kept * _known(rate.written_bytes, 0.0),
        memory_bytes=documents * rate.memory_bytes if need.in_one_process and rate.memory_bytes is not None else None,
    )


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
