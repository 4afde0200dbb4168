"""What is known about a judge's labels: how many, which, at what price, and how far they can be trusted.

Example: ``LabelReport.from_json(Path("out/annotate/report.json").read_text()).to_markdown()``

All of it but `spent` follows from the labels alone, so that a run that was interrupted reports the same as one that was
not.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.annotation.agreement import Agreement
from curation.annotation.label_markdown import asked_markdown, notes, sections, spent_markdown, summary


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the judge was asked, and how.

    Attributes:
        prompt: its name.
        digest: of all that changes what the judge sees or how its reply is read, the settings included.
        source: where the criteria come from.
        text: the prompt's words, whole.
        scale: lowest and highest label.
        generation: sampling settings and the system prompt that were in force.
        constrain: what decoding was constrained to.
        judge_options: what went beside them to the server.
        second_options: what went to the second judge's in place of these.
    """

    prompt: str
    digest: str
    source: str
    text: str
    scale: tuple[int, int]
    generation: Mapping[str, Any]
    constrain: str
    judge_options: Mapping[str, Any]
    second_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The settings that reached the server: options win, and null removes one."""
        options = self.judge_options.get("body") or self.judge_options
        return {key: value for key, value in {**self.generation, **options}.items() if value is not None}


@dataclass(frozen=True)
class Readings:
    """All readings of one judge, further ones included: how many, and how many of each label."""

    asked: int
    labelled: int
    histogram: dict[int, int]


@dataclass(frozen=True)
class Tokens:
    """Tokens of the documents: sum, mean and 95th percentile (of large numbers to three digits)."""

    total: int
    mean: float
    p95: int


@dataclass(frozen=True)
class Expected:
    """The label beside the mean of the scale under the probabilities of the score's token."""

    documents: int
    mean_label: float
    mean_expected: float
    mean_difference: float
    spearman: float


@dataclass(frozen=True)
class Trust:
    """Two readings of the same documents by one judge (``judge == other``) or by two.

    Attributes:
        same_words: of pairs of readings by one judge, the share with one reply, word for word; None for two judges.
    """

    judge: str
    other: str
    agreement: Agreement
    same_words: float | None


@dataclass(frozen=True)
class Spent:
    """What differs from run to run.

    Attributes:
        wall_seconds: in which a shard was under way; pauses between two starts are none.
        shard_seconds: their sum over shards.
        judging_seconds: in which the judge was asked, summed over tasks and over all starts.
        cost: of all starts, None without a price.
    """

    wall_seconds: float | None
    shard_seconds: float
    judging_seconds: float
    cost: float | None


@dataclass(frozen=True, kw_only=True)
class LabelReport:
    """The report; see the attributes of its parts.

    Attributes:
        judge: who gave the labels.
        asked: what it was asked.
        documents: how many it was asked about.
        histogram: label -> documents.
        weighted: label -> share among what the sample stands for, by ``sample_weight``; None where all weigh the same.
        reasons: why the others have no label -> documents.
        examples: the same -> the id of the first such document.
        asked_again: documents whose first reply was unreadable and that were asked about again.
        saved: how many of these have a label.
        requests: sent; None where they were not counted.
        readings: judge -> its readings.
        trust: agreement of readings, where there are further ones.
        spent: seconds and cost.
    """

    judge: str
    asked: Asked
    documents: int
    histogram: dict[int, int]
    weighted: dict[int, float] | None
    reasons: dict[str, int]
    examples: dict[str, str]
    asked_again: int
    saved: int
    requests: int | None
    prompt_tokens: Tokens | None
    completion_tokens: Tokens | None
    expected: Expected | None
    readings: dict[str, Readings]
    trust: tuple[Trust, ...]
    spent: Spent | None = None

    @property
    def labelled(self) -> int:
        """Documents with a label."""
        return sum(self.histogram.values())

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str) -> LabelReport:
        """The report that `to_json` wrote."""
        v: dict[str, Any] = json.loads(text)
        v["asked"] = Asked(**v["asked"] | {"scale": tuple(v["asked"]["scale"])})
        v["histogram"], v["weighted"] = _by_label(v["histogram"]), _by_label(v["weighted"]) or None
        kinds = {"prompt_tokens": Tokens, "completion_tokens": Tokens, "expected": Expected, "spent": Spent}
        for key, kind in kinds.items():
            v[key] = kind(**v[key]) if v[key] else None
        v["readings"] = {
            judge: Readings(**one | {"histogram": _by_label(one["histogram"])}) for judge, one in v["readings"].items()
        }
        v["trust"] = tuple(Trust(**one | {"agreement": Agreement.from_values(one["agreement"])}) for one in v["trust"])
        return cls(**v)

    def to_markdown(self) -> str:
        """The report for a person to read."""
        parts = [f"# Labels of `{self.judge}` with the prompt `{self.asked.prompt}`", summary(self)]
        parts += [f"**{note}**" for note in notes(self)]
        told = {**sections(self), "How it was asked": asked_markdown(self), "Time and cost": spent_markdown(self)}
        parts += [f"## {title}\n\n{body}" for title, body in told.items() if body]
        return "\n\n".join(parts) + "\n"


def _by_label(values: Mapping[str, Any] | None) -> dict[int, Any]:
    return {int(label): value for label, value in (values or {}).items()}
