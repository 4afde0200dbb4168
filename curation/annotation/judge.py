"""A judge: where replies come from. One small Protocol, three kinds.

    judge = open_judge("endpoint:http://localhost:8000#meta-llama/Llama-3.1-70B-Instruct")
    judge.check()
    for index, reply in judge.ask(requests):  # in order of completion
        ...
    judge.close()

Requests carry whole chat messages, so a judge knows nothing of prompts and scales; what a reply means is read by
`curation.annotation.reply.read_reply`. A request that fails is a `Reply` with a reason: only what would fail for every
document raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from curation.config import nearest
from curation.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Request:
    """One document's question: the chat messages, and what a recorded reply is found by."""

    document_id: str
    url: str | None
    messages: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the text, or None and the reason; token counts where the server gives them.

    Reasons: ``no_recorded_reply``, ``request_rejected: …`` (this document, not worth asking again),
    ``empty_reply`` and ``judge_failed: …`` (all attempts used up).
    """

    text: str | None
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Judge(Protocol):
    """Where replies come from."""

    name: str

    def check(self) -> None:
        """Raise `ConfigError` before any work: a missing file or package, a server that cannot be reached."""

    def ask(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """The index of each request and its reply, in order of completion, every index exactly once."""

    def close(self) -> None:
        """Free what the judge holds; it may not be asked again."""


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
    concurrency: int = 64,
) -> Judge:
    """The judge at ``location``; nothing is started or asked yet.

    Args:
        location: ``replay:FILE``, ``endpoint:URL[,URL…]#MODEL`` or ``vllm:MODEL``.
        generation: the prompt's generation settings; ``system`` is already in the messages.
        options: ``endpoint:`` into the body verbatim, null removes a setting; ``vllm:`` options of the server, with
            those for the body under the key ``body``.
        key_env: the environment variable that holds the API key.
        concurrency: requests in flight.

    Raises:
        ConfigError: if the location is of no known kind or incomplete.
    """
    if concurrency < 1:
        raise ConfigError(f"concurrency: expected at least 1, got {concurrency}")
    kind, rest = _split(location)
    if kind == "replay":
        from curation.annotation.replay import ReplayJudge

        return ReplayJudge(rest)
    if kind == "endpoint":
        from curation.annotation.endpoint import EndpointJudge

        urls, model = _split_endpoint(rest)
        return EndpointJudge(urls, model, generation, options, key_env=key_env, concurrency=concurrency)
    from curation.annotation.vllm_server import VllmJudge

    return VllmJudge(rest, generation, options, concurrency=concurrency)


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
