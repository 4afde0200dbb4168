"""A judge behind any OpenAI-compatible server, or several of them.

    judge = EndpointJudge(["http://node1:8000", "http://node2:8000/v1"], "meta-llama/Llama-3.1-70B-Instruct")
    judge.check()
    replies = dict(judge.ask(requests))  # index -> Reply

Requests go to the servers in turn, and a failed attempt goes to the next one. The first request of a judge goes alone:
what the server refuses there (a wrong key, model or option) would be refused a million times, so it stops the run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from curation.annotation.background import Background
from curation.annotation.judge import Reply, Request
from curation.annotation.openai_api import api_root, chat_body, error_message, read_completion, without_credentials
from curation.annotation.retry import Backoff, is_retried
from curation.errors import ConfigError

if TYPE_CHECKING:
    import httpx

FATAL_AT_FIRST = frozenset({400, 401, 403, 404, 405, 422})
_OVERFLOW = re.compile(r"context (?:length|window)|too long|too many tokens|maximum.{0,20}tokens", re.IGNORECASE)

Put = Callable[[tuple[int, Reply]], None]


class EndpointJudge:
    """Chat completions over HTTP.

    Attributes:
        name: the model.
        backoff: how failed requests are repeated.
        timeout_seconds: how long one reply may take.
    """

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        generation: Mapping[str, Any] = {},
        options: Mapping[str, Any] = {},
        *,
        key_env: str | None = None,
        concurrency: int = 64,
    ) -> None:
        self.name = model
        self.urls = [api_root(url) for url in urls]
        self.backoff = Backoff()
        self.timeout_seconds = 600.0
        self._body = chat_body(model, generation, options)
        self._key_env = key_env
        self._concurrency = concurrency
        self._background: Background | None = None
        self._clients: list[httpx.AsyncClient] = []
        self._turns = itertools.count()
        self._is_proven = False

    def check(self) -> None:
        """Reach every server once, through its list of models.

        Raises:
            ConfigError: if the key's variable is not set, or a server cannot be reached or refuses the key.
        """
        import httpx

        headers = self._headers()
        for url in self.urls:
            try:
                response = httpx.get(f"{url}/models", headers=headers, timeout=30.0)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ConfigError(
                    f"judge {self.name}: {without_credentials(url)} cannot be reached: {_words(error)}"
                ) from error
            if response.status_code in (400, 401, 403):
                self._refuse(url, response)

    def ask(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """The replies, in order of completion.

        Raises:
            ConfigError: if the server refuses the judge's first request.
        """
        if not requests:
            return
        if self._background is None:
            self._background = Background("judge")

        async def produce(put: Put) -> None:
            await self._ask_all(requests, put)

        yield from self._background.drain(produce)

    def close(self) -> None:
        """Close the connections and the thread behind them."""
        background, self._background = self._background, None
        if background is None:
            return
        clients, self._clients = self._clients, []
        background.run(_close_all(clients))
        background.close()

    async def _ask_all(self, requests: Sequence[Request], put: Put) -> None:
        indices = iter(range(len(requests)))
        running = min(self._concurrency, len(requests))
        self._open_clients(running)
        if not self._is_proven:
            first = next(indices)
            put((first, await self._ask_one(self._clients[0], requests[first])))
            self._is_proven = True

        async def work(client: httpx.AsyncClient) -> None:
            for index in indices:  # shared: each worker takes the next
                put((index, await self._ask_one(client, requests[index])))

        async with asyncio.TaskGroup() as workers:
            for client in self._clients[:running]:
                workers.create_task(work(client))

    async def _ask_one(self, client: httpx.AsyncClient, request: Request) -> Reply:
        import httpx

        body = json.dumps({**self._body, "messages": request.messages}).encode()
        trouble = ""
        turn = next(self._turns)
        for attempt in range(self.backoff.attempts):
            url = self.urls[(turn + attempt) % len(self.urls)]
            retry_after = None
            try:
                response = await client.post(f"{url}/chat/completions", content=body)
            except (httpx.TransportError, httpx.DecodingError) as error:
                trouble = _words(error)
            else:
                reply = self._read(url, response)
                if isinstance(reply, Reply):
                    return reply
                trouble, retry_after = reply, response.headers.get("retry-after")
            if attempt + 1 < self.backoff.attempts:
                await asyncio.sleep(self.backoff.delay(attempt, retry_after))
        return Reply(None, f"judge_failed: {trouble} ({self.backoff.attempts} attempts)")

    def _read(self, url: str, response: httpx.Response) -> Reply | str:
        """The reply in a response; the trouble, in words, where another attempt may bring one."""
        status = response.status_code
        if status == 200:
            return read_completion(response.content)
        words = self._server_words(response)
        if is_retried(status):
            return words
        if not self._is_proven and status in FATAL_AT_FIRST and not (status in (400, 422) and _OVERFLOW.search(words)):
            self._refuse(url, response)
        if status in (401, 404):  # worked before: a key or a model that comes back, or another server
            return words
        return Reply(None, f"request_rejected: {words}")

    def _open_clients(self, number: int) -> None:
        """One client for each request in flight.

        httpx's pool looks at all its connections for each request: one pool of 128 costs 16 ms of CPU per request, 128
        pools cost 0.75 ms. Its limit of 100 connections, which would silently cap the judge, goes with it.
        """
        import httpx

        missing = number - len(self._clients)
        if missing <= 0:
            return
        settings: dict[str, Any] = {
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=len(self.urls)),
            "timeout": httpx.Timeout(self.timeout_seconds, connect=30.0, pool=None),
            "headers": {**self._headers(), "content-type": "application/json"},
            "verify": httpx.create_ssl_context(),  # 20 ms: made once
        }
        self._clients += [httpx.AsyncClient(**settings) for _ in range(missing)]

    def _headers(self) -> dict[str, str]:
        if self._key_env is None:
            return {}
        key = os.environ.get(self._key_env, "").strip()
        if not key:
            raise ConfigError(f"judge {self.name}: the environment variable {self._key_env} holds no API key")
        return {"authorization": f"Bearer {key}"}

    def _refuse(self, url: str, response: httpx.Response) -> NoReturn:
        raise ConfigError(
            f"judge {self.name}: {without_credentials(url)} refuses the request: {self._server_words(response)}"
        )

    def _server_words(self, response: httpx.Response) -> str:
        """Status and message, without the key, which some servers repeat."""
        words = f"{response.status_code} {error_message(response.content)}".strip()
        key = os.environ.get(self._key_env, "").strip() if self._key_env else ""
        return words.replace(key, "…") if key else words


async def _close_all(clients: Sequence[httpx.AsyncClient]) -> None:
    for client in clients:
        await client.aclose()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
