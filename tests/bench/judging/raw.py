"""The least that a client can do: prepared bytes over kept connections, replies counted and not read.

    rate = requests_a_second(port=8000, body=b'{"messages": …}', total=10_000, connections=512)

What it reaches is what the server and this machine can do; a judge's client is measured against it.
"""

from __future__ import annotations

import asyncio
import time


class _Client(asyncio.Protocol):
    """Sends the same request again as soon as its reply is whole."""

    def __init__(self, request: bytes, left: list[int], over: asyncio.Future[None]) -> None:
        self._request, self._left, self._over = request, left, over
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        end = self._seen.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._seen.index(b"content-length: ") + 16
        if len(self._seen) < end + 4 + int(self._seen[at : self._seen.index(b"\r", at)]):
            return
        self._seen = b""
        self._left[1] -= 1
        if self._left[1] == 0:
            self._over.set_result(None)
        self._send()

    def _send(self) -> None:
        if self._left[0] > 0:
            self._left[0] -= 1
            self._transport.write(self._request)


def requests_a_second(port: int, body: bytes, total: int, connections: int) -> float:
    """Of ``total`` requests, connecting included."""
    return asyncio.run(_drive(port, body, total, connections))


async def _drive(port: int, body: bytes, total: int, connections: int) -> float:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    left = [total, total]
    start = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: _Client(head.encode() + body, left, over), "127.0.0.1", port)
    await over
    return total / (time.perf_counter() - start)
