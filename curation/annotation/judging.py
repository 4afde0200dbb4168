"""How a judge is asked: everything of a recipe or a command beside the prompt and the judge itself.

    Judging(concurrency=512, reminders=1, generation={"temperature": 0.6}, max_cost=200.0,
            price=Price(per_gpu_hour=2.5, gpus=4))

In YAML the same under ``judging:``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from curation.annotation.prompt import GENERATION, Constrain, Prompt
from curation.config import nearest


def _tuning(default: Any) -> Any:
    """A field that changes speed, place or price but no label, and so is no part of the identity."""
    return field(default=default, metadata={"identity": False})


_CONSTRAINED_TOKENS = {"regex": 900, "json": 1700}
"""A justification is cut where even one token a character would reach ``max_tokens``: so many let 100 words stand."""

_RULES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (("repeat", "context_tokens", "concurrency", "stop_after"), lambda value: value >= 1, "at least 1"),
    (("reminders",), lambda value: value >= 0, "0 or more"),
    (("timeout_seconds", "patience_seconds", "max_cost", "max_requests"), lambda value: value > 0, "more than 0"),
    (("stop_unreadable", "further_share"), lambda value: 0 <= value <= 1, "a share from 0 to 1"),
)


@dataclass(frozen=True, kw_only=True)
class Price:
    """What judging costs, in whatever currency: by the hour of GPUs, or by tokens; both are added.

    Args:
        per_gpu_hour: of one GPU for one hour.
        gpus: how many one task keeps busy; None for what its ``vllm:`` server takes, and 1 for an endpoint.
        per_million_prompt_tokens: of what is sent.
        per_million_completion_tokens: of what is replied.
    """

    per_gpu_hour: float = 0.0
    gpus: int | None = None
    per_million_prompt_tokens: float = 0.0
    per_million_completion_tokens: float = 0.0

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            if (getattr(self, one.name) or 0) < 0:
                raise ValueError(f"{one.name}: expected 0 or more, got {getattr(self, one.name)}")

    def __bool__(self) -> bool:
        return self.per_gpu_hour > 0 or self.per_million_prompt_tokens > 0 or self.per_million_completion_tokens > 0

    @property
    def is_by_token(self) -> bool:
        """Whether tokens cost anything."""
        return self.per_million_prompt_tokens > 0 or self.per_million_completion_tokens > 0

    def of(self, prompt_tokens: float, completion_tokens: float, gpu_hours: float) -> float:
        """The cost of so many tokens and so many hours of a GPU."""
        by_tokens = (
            prompt_tokens * self.per_million_prompt_tokens + completion_tokens * self.per_million_completion_tokens
        )
        return by_tokens / 1e6 + gpu_hours * self.per_gpu_hour


@dataclass(frozen=True, kw_only=True, repr=False)
class Judging:
    """How a judge is asked.

    Args:
        judge_options: ``endpoint:`` into each request's body verbatim, null removes; ``vllm:`` options of the server.
        generation: over the prompt's own generation settings; null removes one.
        constrain: in place of the prompt's: ``none``, ``score``, ``regex`` or ``json``; the last two raise
            ``max_tokens`` where ``generation`` does not set it, so that a justification is not cut short.
        expected_label: add a column of that name, the mean of the scale under the log-probabilities of the score token.
        reminders: how often an unreadable reply is asked about again.
        repeat: readings of a document by the same judge, each with a seed of its own.
        second_judge: another judge that reads the same documents, with the same settings but ``second_options``.
        second_options: in place of ``judge_options`` for it.
        further_share: of which share of the documents (by the hash of their id) further readings are made.
        tokenizer: the judge's, a folder, file or Hub name, for cutting documents by tokens; None for that of ``vllm:``
            and for cutting by characters else; ``none`` for cutting by characters there, too.
        context_tokens: the judge's context; None to ask the server.
        key_env: the environment variable that holds the API key of the judge.
        second_key_env: the same of the second judge; the judge's own key is not sent there.
        concurrency: requests in flight, per task.
        timeout_seconds: how long one reply may take.
        patience_seconds: how long a server that has gone is waited for.
        stop_unreadable: stop where more than this share of the first replies is unreadable.
        stop_after: how many replies are the first.
        price: what judging costs, a `Price`.
        max_cost: stop, to be continued, when so much is spent in this output folder; what is in flight comes on top.
        max_requests: stop, to be continued, after so many requests in this output folder; several tasks may exceed
            it by what each has under way.
    """

    judge_options: dict[str, Any] = field(default_factory=dict)
    generation: dict[str, Any] = field(default_factory=dict)
    constrain: Constrain | None = None
    expected_label: bool = False
    reminders: int = 1
    repeat: int = 1
    second_judge: str | None = None
    second_options: dict[str, Any] = field(default_factory=dict)
    further_share: float = 1.0
    tokenizer: str | None = None
    context_tokens: int | None = None
    key_env: str | None = _tuning(None)
    second_key_env: str | None = _tuning(None)
    concurrency: int = _tuning(256)
    timeout_seconds: float = _tuning(600.0)
    patience_seconds: float = _tuning(900.0)
    stop_unreadable: float = _tuning(0.5)
    stop_after: int = _tuning(100)
    price: Price = field(default_factory=Price, metadata={"identity": False})
    max_cost: float | None = _tuning(None)
    max_requests: int | None = _tuning(None)

    def __post_init__(self) -> None:
        for keys, is_right, expected in _RULES:
            for key in keys:
                value = getattr(self, key)
                if value is not None and not is_right(value):
                    raise ValueError(f"{key}: expected {expected}, got {value}")
        if not isinstance(self.price, Price):
            raise ValueError(f"price: expected a Price, such as Price(per_gpu_hour=2.5, gpus=4), got {self.price!r}")
        for key in self.generation:
            if key not in GENERATION:
                raise ValueError(f"generation: unknown key {key!r} ({nearest(key, list(GENERATION))})")
        if self.max_cost is not None and not self.price:
            raise ValueError("max_cost: needs a price, such as per_gpu_hour (--price-per-gpu-hour)")

    def __repr__(self) -> str:
        default = Judging()
        said = [one.name for one in dataclasses.fields(self) if getattr(self, one.name) != getattr(default, one.name)]
        return f"Judging({', '.join(f'{name}={getattr(self, name)!r}' for name in said)})"

    def identity(self) -> dict[str, Any]:
        """What of this changes the labels; values that are the default are left out, so that new ones break nothing."""
        fields = [one for one in dataclasses.fields(self) if one.metadata.get("identity", True)]
        default = Judging()
        values = {one.name: getattr(self, one.name) for one in fields}
        return {name: value for name, value in values.items() if value != getattr(default, name)}

    def prompt(self, prompt: Prompt) -> Prompt:
        """``prompt`` with what is set here in place of what its file says; its digest changes with it."""
        generation: dict[str, Any] = {**prompt.generation, **self.generation}
        generation = {key: value for key, value in generation.items() if value is not None}
        if "max_tokens" not in self.generation and self.constrain in _CONSTRAINED_TOKENS:
            least = _CONSTRAINED_TOKENS[self.constrain]
            generation["max_tokens"] = max(least, int(generation.get("max_tokens") or 0))
        return dataclasses.replace(prompt, generation=generation, constrain=self.constrain or prompt.constrain)
