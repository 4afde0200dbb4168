"""A judge behind any OpenAI-compatible server, or several of them.

    judge = EndpointJudge(["http://node1:8000", "http://node2:8000/v1"], "meta-llama/Llama-3.1-70B-Instruct")
    judge.check()
    replies = dict(ask(judge, requests))  # index -> Reply

Requests go to the servers in turn, and a failed attempt goes to the next one. The first request of a judge goes alone:
what the server refuses there (a wrong key, model or option) would be refused a million times, so it stops the run.
"""

from __future__ import annotations

import asyncio
import os
import queue
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from curation.annotation.background import Background
from curation.annotation.exchange import Exchange
from curation.annotation.judge import Reply, Request
from curation.annotation.openai_api import api_root, chat_body
from curation.errors import ConfigError
from curation.retry import Backoff


class EndpointJudge:
    """Chat completions over HTTP, from an event loop on a thread of its own.

    Attributes:
        name: the model.
        concurrency: requests in flight at most.
        backoff: how failed requests are repeated; to be set before the first request.
    """

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        generation: Mapping[str, Any] = {},
        options: Mapping[str, Any] = {},
        *,
        key_env: str | None = None,
        concurrency: int = 256,
        timeout_seconds: float = 600.0,
        patience_seconds: float = 900.0,
    ) -> None:
        self.name, self.concurrency = model, concurrency
        self.urls = [api_root(url) for url in urls]
        self.backoff = Backoff()
        self._body = chat_body(model, generation, options)
        self._key_env = key_env
        self._seconds = {"timeout_seconds": timeout_seconds, "patience_seconds": patience_seconds}
        self._background: Background | None = None
        self._exchange: Exchange | None = None
        self._waiting: deque[tuple[Hashable, Request]] = deque()
        self._is_woken = False
        self._running: set[asyncio.Task[None]] = set()
        self._come: queue.SimpleQueue[tuple[Hashable, Reply] | BaseException] = queue.SimpleQueue()
        self._under_way = 0

    @property
    def trouble(self) -> str:
        """What requests wait for; empty where they are answered."""
        return self._exchange.trouble if self._exchange is not None else ""

    def check(self) -> None:
        """Reach every server once, through its list of models.

        Raises:
            ConfigError: if the key's variable is not set, or a server cannot be reached or refuses the key.
        """
        background, exchange = self._opened()
        for url in self.urls:
            background.run(exchange.models(url))

    def context_tokens(self) -> int | None:
        """The shortest context that the servers name for the model, as vLLM does; None where none does.

        Raises:
            ConfigError: as `check`.
        """
        background, exchange = self._opened()
        found = [one for url in self.urls for one in background.run(exchange.models(url))]
        named = [one["max_model_len"] for one in found if one.get("max_model_len") and one.get("id") == self.name]
        return min(map(int, named), default=None)

    def submit(self, ticket: Hashable, request: Request) -> None:
        """Hand in a request; it goes out when fewer than ``concurrency`` are in flight."""
        background, _ = self._opened()
        self._under_way += 1
        self._waiting.append((ticket, request))
        if not self._is_woken:  # one wake-up for many: each costs a system call
            self._is_woken = True
            background.loop.call_soon_threadsafe(self._start_waiting)

    def completed(self, timeout: float | None = None) -> list[tuple[Hashable, Reply]]:
        """What has come; waits for the first.

        Raises:
            ConfigError: if the server refuses the judge's first request.
        """
        found: list[tuple[Hashable, Reply]] = []
        try:
            while len(found) < self._under_way:
                one = self._come.get(timeout=timeout) if not found else self._come.get_nowait()
                if isinstance(one, BaseException):
                    self._refused(one, found)
                else:
                    found.append(one)
        except queue.Empty:
            pass
        self._under_way -= len(found)
        return found

    def _refused(self, error: BaseException, found: list[tuple[Hashable, Reply]]) -> None:
        """Raise what came in a reply's place; what came before it is given at the next call."""
        for one in found:
            self._come.put(one)
        self._under_way -= 1
        raise error

    def give_up(self, words: str) -> None:
        """The servers will not come back: what is under way fails at once, with these words. From any thread."""
        if self._background is not None and self._exchange is not None:
            self._background.loop.call_soon_threadsafe(self._exchange.servers.give_up, words)

    def close(self) -> None:
        """Close the connections and the thread behind them."""
        background, self._background = self._background, None
        exchange, self._exchange = self._exchange, None
        if background is not None and exchange is not None:
            background.run(exchange.close())
            background.close()

    def _opened(self) -> tuple[Background, Exchange]:
        if self._background is None or self._exchange is None:
            headers = self._headers()
            self._background = Background("judge")
            self._exchange = self._background.run(self._open(headers))
        return self._background, self._exchange

    async def _open(self, headers: Mapping[str, str]) -> Exchange:
        exchange = Exchange(self.urls, self.name, self._body, headers, **self._seconds)
        exchange.backoff = self.backoff
        return exchange

    def _start_waiting(self) -> None:
        """In the loop: as many requests as may be in flight; one alone until one has succeeded."""
        self._is_woken = False
        exchange = self._exchange
        while exchange and self._waiting and len(self._running) < (self.concurrency if exchange.is_proven else 1):
            task = asyncio.create_task(self._ask(exchange, *self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def _ask(self, exchange: Exchange, ticket: Hashable, request: Request) -> None:
        try:
            self._come.put((ticket, await exchange.ask(request)))
        except Exception as error:  # to whoever takes the replies; there is nobody else to tell
            self._waiting.clear()  # what is refused once would be refused again
            self._come.put(error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start_waiting()

    def _headers(self) -> dict[str, str]:
        if self._key_env is None:
            return {}
        key = os.environ.get(self._key_env, "").strip()
        if not key:
            raise ConfigError(f"judge {self.name}: the environment variable {self._key_env} holds no API key")
        return {"authorization": f"Bearer {key}"}
