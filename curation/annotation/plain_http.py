"""HTTP/1.1 without TLS, proxies and redirects, at a third of a general client's cost per request.

    transport = PlainHttp({"authorization": "Bearer …"}, timeout_seconds=600)
    status, retry_after, content = await transport.post("http://localhost:8000/v1", "/chat/completions", body)

A judge's client shares its interpreter with the code that prepares requests and reads replies: at 2,500 requests a
second, which a classifier behind a chat API answers with ease, a general client takes half of it. llhttp (`httptools`)
parses; what is here are connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import httptools

from curation.annotation.transport import CONNECT_SECONDS, KEPT_SECONDS, Answer, ExchangeFailed, ServerGone, words


class PlainHttp:
    """Kept connections to any number of servers. To be used in one event loop."""

    def __init__(self, headers: Mapping[str, str], timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._idle: dict[str, list[_Connection]] = {}
        self._open: set[_Connection] = set()
        self._is_closed = False

    async def post(self, url: str, path: str, content: bytes) -> Answer:
        """See `Transport.post`."""
        more = f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
        return await self._send(url, self._head("POST", url, path, more) + content, self._timeout)

    async def get(self, url: str, path: str, timeout_seconds: float) -> Answer:
        """See `Transport.get`."""
        return await self._send(url, self._head("GET", url, path, ""), timeout_seconds)

    async def close(self) -> None:
        """Close all connections; one that a request under way opens yet is closed as soon as it is there."""
        self._is_closed = True
        for connection in list(self._open):
            connection.close()
        self._idle.clear()

    def _head(self, method: str, url: str, path: str, more: str) -> bytes:
        parts = urlsplit(url)
        return f"{method} {parts.path}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{self._lines}{more}\r\n".encode()

    async def _send(self, url: str, request: bytes, timeout_seconds: float) -> Answer:
        connection = self._kept(url) or await self._connect(url)
        answer = connection.ask(request)
        late = connection.loop.call_later(timeout_seconds, connection.fail, f"no answer in {timeout_seconds:g} s")
        try:
            return await answer
        finally:
            late.cancel()
            if connection.is_reusable and not self._is_closed:
                self._idle.setdefault(url, []).append(connection)
            else:
                connection.close()

    def _kept(self, url: str) -> _Connection | None:
        idle = self._idle.get(url)
        while idle:
            connection = idle.pop()
            if connection.is_reusable and connection.loop.time() - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self, url: str) -> _Connection:
        parts, loop = urlsplit(url), asyncio.get_running_loop()
        opening = loop.create_connection(lambda: _Connection(loop, self._open), str(parts.hostname), parts.port or 80)
        try:
            # Not `wait_for`, which swallows a cancellation that comes with the connection: Python 3.11.
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await opening
        except (OSError, TimeoutError) as error:
            raise ServerGone(words(error)) from error
        if self._is_closed:
            connection.close()
        return connection


class _Connection(asyncio.Protocol):
    """One connection, on which one request waits for its answer at a time; the parser calls the methods ``on_…``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, all_open: set[_Connection]) -> None:
        self.loop, self._all_open = loop, all_open
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._expect()

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._answer is None and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a request; the answer comes, or `ExchangeFailed`."""
        self._expect()
        answer = self._answer = self.loop.create_future()
        if self._transport is None or self._transport.is_closing():
            self.fail("the server closed the connection")
        else:
            self._transport.write(request)
        return answer

    def fail(self, why: str) -> None:
        """End the request under way; what comes later belongs to nobody."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(ExchangeFailed(why))
        self.close()

    def close(self) -> None:
        """Close the connection, whatever was to be sent yet: a loop that ends would leave it open for that."""
        self._all_open.discard(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """By the loop."""
        self._transport = transport  # type: ignore[assignment]
        self._all_open.add(self)

    def data_received(self, data: bytes) -> None:
        """By the loop. What nobody has asked for ends the connection."""
        if self._answer is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.fail(words(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """By the loop. An answer without a length ends here, every other one is cut off."""
        if self._answer is not None and self._has_head and not self._has_length:
            self.on_message_complete()
        self._transport = None
        self.fail(words(exc) if exc else "the server closed the connection")

    def on_header(self, name: bytes, value: bytes) -> None:
        """By the parser."""
        name = name.lower()
        if name == b"retry-after":
            self._retry_after = value.decode("latin-1")
        self._has_length |= name in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """By the parser."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """By the parser."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """By the parser. The parser is used once: some servers send a second answer that nobody asked for."""
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue: the answer is still to come
            self._body.clear()
            return
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(Answer(status, self._retry_after, b"".join(self._body)))
        self.idle_since = self.loop.time()
        if not self._parser.should_keep_alive():
            self.close()

    def _expect(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._retry_after, self._has_head, self._has_length = "", False, False
