"""Several servers in turn: which of them answers, and waiting for one that has gone.

    servers = Servers(["http://node1:8000/v1", "http://node2:8000/v1"], probe, patience_seconds=900)
    url = await servers.take(turn)  # None: no server has answered for that long
    servers.lost(url)               # from here on it is looked for, and others take its requests

All requests that meet a server that is gone wait for one probe, instead of each using up its own attempts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0  # seconds between probes of a server that is gone


class Servers:
    """Servers by their API roots. To be used in one event loop.

    Args:
        urls: API roots.
        probe: whether the server at a URL answers; never raises.
        patience_seconds: how long to wait where none answers.
    """

    def __init__(self, urls: Sequence[str], probe: Callable[[str], Awaitable[bool]], patience_seconds: float) -> None:
        self.urls = list(urls)
        self.given_up: str | None = None
        self._probe = probe
        self._patience = patience_seconds
        self._gone: dict[str, asyncio.Task[None]] = {}
        self._any_there = asyncio.Event()
        self._any_there.set()
        self._none_since = 0.0

    async def take(self, turn: int) -> str | None:
        """The server whose turn it is, or the next that answers; None when patience or hope is at its end."""
        while self.given_up is None:
            for step in range(len(self.urls)):
                url = self.urls[(turn + step) % len(self.urls)]
                if url not in self._gone:
                    return url
            left = self._none_since + self._patience - time.monotonic()
            try:
                await asyncio.wait_for(self._any_there.wait(), max(0.0, left))
            except TimeoutError:
                return None
        return None

    def lost(self, url: str) -> None:
        """The server cannot be connected to: do not ask it until a probe succeeds."""
        if url in self._gone or self.given_up is not None:
            return
        self._gone[url] = asyncio.create_task(self._look_for(url))
        if len(self._gone) == len(self.urls):
            self._none_since = time.monotonic()
            self._any_there.clear()

    def give_up(self, words: str) -> None:
        """No server will come back: whoever waits is told at once."""
        self.given_up = words
        self._any_there.set()

    async def _look_for(self, url: str) -> None:
        wait = _FIRST_WAIT
        while not await self._probe(url):
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, 1.5 * wait)
        del self._gone[url]
        self._any_there.set()
