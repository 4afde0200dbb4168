"""A judge: where replies come from. One small Protocol, three kinds.

    judge = open_judge("endpoint:http://localhost:8000#meta-llama/Llama-3.1-70B-Instruct")
    judge.check()
    for index, reply in ask(judge, requests):  # in order of completion
        ...
    judge.close()

Requests carry whole chat messages, so a judge knows nothing of prompts and scales; what a reply means is read by
`curation.annotation.reply.read_reply`. A request that fails is a `Reply` with a reason: only what would fail for every
document raises.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from curation.config import nearest
from curation.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Request:
    """One document's question: the chat messages, and what a recorded reply is found by.

    Attributes:
        document_id: the document's id.
        url: its URL, if it has one.
        messages: the whole chat.
        seed: in place of the generation settings' seed, for a further reading of the same document.
    """

    document_id: str
    url: str | None
    messages: tuple[dict[str, str], ...]
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the text, or None and the reason; token counts where the server gives them.

    Reasons: ``no_recorded_reply``, ``request_rejected: …`` (this document, not worth asking again), ``too_long: …``
    (more tokens than the judge's context; shown less of it, the document may get a reply), ``empty_reply``,
    ``request_failed: …`` (all attempts used up while the server answered others) and ``judge_failed: …`` (no server
    answers). The last two are never recorded: they are asked again.

    Attributes:
        expected_label: the mean label under the log-probabilities, once they have been read.
        seconds: from sending the request that was answered to its answer.
        logprobs: of OpenAI's ``choices[0].logprobs.content`` the list, where log-probabilities were asked for: for each
            token ``token``, ``logprob`` and ``top_logprobs``.
    """

    text: str | None
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    expected_label: float | None = None
    logprobs: Sequence[Mapping[str, Any]] | None = None


class Judge(Protocol):
    """Where replies come from: requests are handed in, and replies taken out as they come.

    Attributes:
        name: what the labels say of who judged.
        concurrency: requests in flight at most; more may be handed in, they wait.
    """

    name: str
    concurrency: int

    def check(self) -> None:
        """Raise `ConfigError` before any work: a missing file or package, a server that cannot be reached."""

    def context_tokens(self) -> int | None:
        """How many tokens of prompt and reply the judge can hold, where that is known."""

    def submit(self, ticket: Hashable, request: Request) -> None:
        """Hand in a request; returns at once."""

    def completed(self, timeout: float | None = None) -> list[tuple[Hashable, Reply]]:
        """What has come since the last call, each ticket once, in order of completion.

        Waits for at least one reply, or for ``timeout`` seconds; empty at once where nothing is under way.

        Raises:
            ConfigError: if what the server refuses would be refused for every request.
        """

    def close(self) -> None:
        """Free what the judge holds; it may not be asked again."""


def ask(judge: Judge, requests: Iterable[Request]) -> Iterator[tuple[int, Reply]]:
    """The position of each request and its reply, in order of completion; memory is bounded by what is in flight."""
    under_way = 0
    for index, request in enumerate(requests):
        judge.submit(index, request)
        under_way += 1
        while under_way >= 2 * judge.concurrency:
            for ticket, reply in judge.completed():
                under_way -= 1
                yield int(str(ticket)), reply
    while under_way:
        for ticket, reply in judge.completed():
            under_way -= 1
            yield int(str(ticket)), reply


_KINDS = {
    "endpoint": "endpoint:URL[,URL…]#MODEL",
    "replay": "replay:FILE",
    "vllm": "vllm:MODEL",
}


def judge_kinds() -> dict[str, str]:
    """Kind -> the shape of its location."""
    return dict(_KINDS)


def open_judge(
    location: str,
    *,
    generation: Mapping[str, Any] = {},
    options: Mapping[str, Any] = {},
    key_env: str | None = None,
    concurrency: int = 256,
    timeout_seconds: float = 600.0,
    patience_seconds: float = 900.0,
) -> Judge:
    """The judge at ``location``; nothing is started or asked yet.

    Args:
        location: ``replay:FILE``, ``endpoint:URL[,URL…]#MODEL`` or ``vllm:MODEL``.
        generation: what goes into each request's body beside its messages; ``system`` is already in the messages.
        options: ``endpoint:`` into the body verbatim, null removes a setting; ``vllm:`` options of the server, with
            those for the body under the key ``body``.
        key_env: the environment variable that holds the API key.
        concurrency: requests in flight.
        timeout_seconds: how long one reply may take.
        patience_seconds: how long a server that has gone is waited for.

    Raises:
        ConfigError: if the location is of no known kind or incomplete.
    """
    if concurrency < 1:
        raise ConfigError(f"concurrency: expected at least 1, got {concurrency}")
    kind, rest = _split(location)
    if kind == "replay":
        from curation.annotation.replay import ReplayJudge

        return ReplayJudge(rest)
    settings: dict[str, Any] = {
        "concurrency": concurrency, "timeout_seconds": timeout_seconds, "patience_seconds": patience_seconds,
    }  # fmt: skip
    if kind == "endpoint":
        from curation.annotation.endpoint import EndpointJudge

        urls, model = _split_endpoint(rest)
        return EndpointJudge(urls, model, generation, options, key_env=key_env, **settings)
    from curation.annotation.vllm_server import VllmJudge

    return VllmJudge(rest, generation, options, **settings)


def judge_identity(location: str) -> dict[str, str]:
    """What of a judge enters a digest: the kind, and the model or the recorded replies; not where the server stands.

    Raises:
        ConfigError: if the location is of no known kind, or the recorded file is missing.
    """
    kind, rest = _split(location)
    if kind == "replay":
        from curation.annotation.replay import file_identity

        return {"kind": kind, **file_identity(rest)}
    return {"kind": kind, "model": _split_endpoint(rest)[1] if kind == "endpoint" else rest}


def _split(location: str) -> tuple[str, str]:
    kind, colon, rest = location.partition(":")
    if kind not in _KINDS:
        raise ConfigError(f"judge {location!r}: unknown kind {kind!r} ({nearest(kind, list(_KINDS))})")
    if not colon or not rest:
        raise ConfigError(f"judge {location!r}: expected {_KINDS[kind]}")
    return kind, rest


def _split_endpoint(rest: str) -> tuple[list[str], str]:
    urls, _, model = rest.partition("#")
    found = [url.strip() for url in urls.split(",") if url.strip()]
    if not model or not found or not all(url.startswith(("http://", "https://")) for url in found):
        raise ConfigError(f"judge 'endpoint:{rest}': expected {_KINDS['endpoint']}")
    return found, model
