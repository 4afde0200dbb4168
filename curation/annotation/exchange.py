"""One request and its attempts: what is sent, what came back, and when to try again.

    exchange = Exchange(urls, "llama", body, headers, timeout_seconds=600, patience_seconds=900)
    reply = await exchange.ask(request)  # a Reply, whatever happens; only a refusal of the very first request raises
    await exchange.close()

To be used in one event loop. Failures of three kinds: the server is gone (its requests wait for it, together, as long
as patience lasts), it is busy (429: waits as it asks to, as long as patience lasts), it failed (5xx, dropped
connections, time-outs, broken bodies: a bounded number of attempts).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from curation.annotation.judge import Reply, Request
from curation.annotation.openai_api import error_message, read_completion, without_credentials
from curation.annotation.servers import Servers
from curation.annotation.transport import ExchangeFailed, ServerGone, open_transport
from curation.errors import ConfigError
from curation.retry import Backoff, is_retried

FATAL_AT_FIRST = frozenset({400, 401, 403, 404, 405, 422})
_GATEWAY = frozenset({502, 503, 504})
_OVERFLOW = re.compile(r"context (?:length|window)|too long|too many tokens|maximum.{0,20}tokens", re.IGNORECASE)
_PROBE_SECONDS = 10.0
_LIST_SECONDS = 30.0
_SILENT_SECONDS = 5.0
_SMALL = Request("", None, ({"role": "user", "content": "Reply with one word: yes"},))


class Exchange:
    """The HTTP side of a judge.

    Attributes:
        backoff: how failed requests are repeated.
        is_proven: whether any request has succeeded; until then, a refusal is one of all requests.
    """

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        *,
        timeout_seconds: float,
        patience_seconds: float,
    ) -> None:
        self.backoff = Backoff()
        self.is_proven = False
        self.servers = Servers(urls, self._answers, patience_seconds)
        self._model, self._body, self._secret = model, body, headers.get("authorization", "").removeprefix("Bearer ")
        self._patience = patience_seconds
        self._turns = itertools.count()
        self._last_success = self._last_vain = 0.0
        self._trouble = ""
        self._one_at_a_time = asyncio.Lock()
        self._transport = open_transport(urls, headers, timeout_seconds)

    async def ask(self, request: Request) -> Reply:
        """The reply, or the reason why there is none.

        Raises:
            ConfigError: if nothing has succeeded yet and the server refuses the request as it would all.
        """
        content = self._content(request)
        turn, first_failure, busy_until = next(self._turns), None, time.monotonic() + self._patience
        trouble, attempt, tried = "", 0, 0
        while attempt < self.backoff.attempts:
            url = await self.servers.take(turn + tried)
            if url is None:
                said = self.servers.given_up or f"no server for {self._patience:g} s"
                return Reply(None, f"judge_failed: {said}" + (f" (last: {trouble})" if trouble else ""))
            outcome, wait = await self._attempt(url, content)
            tried += 1
            if isinstance(outcome, Reply):
                return outcome
            trouble = self._trouble = outcome
            if "insufficient_quota" in trouble:  # no wait will help
                return Reply(None, f"judge_failed: {trouble}")
            first_failure = first_failure or time.monotonic()
            if wait is None:  # gone: `take` waits for it
                attempt += tried > 4 * self.backoff.attempts
                continue
            status_is_busy = trouble.startswith("429") and time.monotonic() < busy_until
            attempt += not status_is_busy
            if attempt < self.backoff.attempts:
                await asyncio.sleep(self.backoff.delay(min(tried, 16) - 1, wait))
        # Others are answered: it is this document that the server cannot do.
        does_others = first_failure is not None and await self._has_answered_since(first_failure)
        return Reply(None, f"{'request_failed' if does_others else 'judge_failed'}: {trouble} ({tried} attempts)")

    @property
    def trouble(self) -> str:
        """What requests wait for, where none has been answered for some seconds."""
        return self._trouble if time.monotonic() - self._last_success > _SILENT_SECONDS else ""

    async def models(self, url: str) -> list[dict[str, Any]]:
        """What the server says that it serves; empty where it has no such list.

        Raises:
            ConfigError: if it cannot be reached, or refuses the key.
        """
        try:
            status, _, content = await self._transport.get(url, "/models", _LIST_SECONDS)
        except (ServerGone, ExchangeFailed) as error:
            where = without_credentials(url)
            raise ConfigError(f"judge {self._model}: {where} cannot be reached: {error}") from error
        if status in (400, 401, 403):
            raise self._refusal(url, status, content)
        try:
            listed = json.loads(content)["data"]
        except (ValueError, LookupError, TypeError):
            return []
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _has_answered_since(self, failure: float) -> bool:
        """Whether others are answered; where none was asked, as behind a shard's last document, a small one is."""
        async with self._one_at_a_time:
            if self._last_success <= failure and self._last_vain <= failure:
                url = self.servers.urls[next(self._turns) % len(self.servers.urls)]
                await self._attempt(url, self._content(_SMALL))
                self._last_vain = time.monotonic()
        return self._last_success > failure

    def _content(self, request: Request) -> bytes:
        body = dict(self._body)
        if request.seed is not None:
            body["seed"] = request.seed
        body["messages"] = request.messages
        try:
            return orjson.dumps(body)
        except TypeError:  # half a character in an earlier reply, which JSON has an escape for
            return json.dumps(body).encode()

    async def _attempt(self, url: str, content: bytes) -> tuple[Reply | str, str | None]:
        """A reply, or what is wrong and what the server asks us to wait ("" for nothing, None: the server is gone)."""
        started = time.monotonic()
        try:
            status, asked, answer = await self._transport.post(url, "/chat/completions", content)
        except ServerGone as error:
            self.servers.lost(url)
            return str(error), None
        except ExchangeFailed as error:
            return str(error), ""
        read = self._read(url, status, answer)
        if isinstance(read, Reply):
            if read.text is not None:
                self.is_proven, self._last_success, self._trouble = True, time.monotonic(), ""
                return replace(read, seconds=round(self._last_success - started, 3)), None
            return read, None
        if status in _GATEWAY and not asked and not await self._answers(url):
            self.servers.lost(url)
            return read, None
        return read, asked

    def _read(self, url: str, status: int, content: bytes) -> Reply | str:
        """The reply in a response; the trouble, in words, where another attempt may bring one."""
        if status == 200:
            read = read_completion(content)
            return read if isinstance(read, Reply) else read_completion(self._without_key(content))
        words = self._server_words(status, content)
        if is_retried(status):
            return words
        if status in (400, 413, 422) and _OVERFLOW.search(words):
            return Reply(None, f"too_long: {words}")
        if not self.is_proven and (status in FATAL_AT_FIRST or 300 <= status < 400):
            raise self._refusal(url, status, content)
        if status in (401, 403, 404):  # worked before: a key or a model that comes back, or another server
            return words
        return Reply(None, f"request_rejected: {words}")

    async def _answers(self, url: str) -> bool:
        try:
            return (await self._transport.get(url, "/models", _PROBE_SECONDS)).status < 500
        except (ServerGone, ExchangeFailed):
            return False

    def _refusal(self, url: str, status: int, content: bytes) -> ConfigError:
        said = self._server_words(status, content)
        return ConfigError(f"judge {self._model}: {without_credentials(url)} refuses the request: {said}")

    def _server_words(self, status: int, content: bytes) -> str:
        """Status and message, without the key, which some servers repeat."""
        return f"{status} {error_message(self._without_key(content))}".strip()

    def _without_key(self, content: bytes) -> bytes:
        """Before anything is cut short: the half of a key is still one."""
        return content.replace(self._secret.encode(), "…".encode()) if self._secret else content
