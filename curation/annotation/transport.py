"""HTTP as a judge needs it: one POST and its answer, over as many kept connections as there are requests in flight.

    transport = open_transport(["http://localhost:8000/v1"], headers, timeout_seconds=600)
    status, retry_after, content = await transport.post("http://localhost:8000/v1", "/chat/completions", body)

aiohttp does it for every server; for plain ``http://`` without a proxy, which is what a server of one's own speaks,
there is `curation.annotation.plain_http`, at a third of the cost.
"""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

CONNECT_SECONDS = 30.0
KEPT_SECONDS = 4.0
"""How long an idle connection is used again: servers close theirs after 5 s, and a request on its way then is lost."""


class Answer(NamedTuple):
    """Of a response what a judge reads; ``retry_after`` is empty where the server says nothing."""

    status: int
    retry_after: str
    content: bytes


class ServerGone(Exception):
    """Nothing accepts a connection there."""


class ExchangeFailed(Exception):
    """There was a connection, but no whole answer."""


class Transport(Protocol):
    """Sends requests; to be used in one event loop."""

    async def post(self, url: str, path: str, content: bytes) -> Answer:
        """The answer to ``content`` at an API root and a path below it.

        Raises:
            ServerGone: if nothing accepts a connection.
            ExchangeFailed: if there was one, but no answer in time.
        """

    async def get(self, url: str, path: str, timeout_seconds: float) -> Answer:
        """As `post`, without content."""

    async def close(self) -> None:
        """Close all connections."""


def open_transport(urls: Sequence[str], headers: Mapping[str, str], timeout_seconds: float) -> Transport:
    """The cheaper transport where it serves all of ``urls``."""
    if all(_is_plain(url) for url in urls):
        with contextlib.suppress(ImportError):
            from curation.annotation.plain_http import PlainHttp

            return PlainHttp(headers, timeout_seconds)
    return AnyHttp(urls, headers, timeout_seconds)


class AnyHttp:
    """aiohttp: TLS, proxies, redirects."""

    def __init__(self, urls: Sequence[str], headers: Mapping[str, str], timeout_seconds: float) -> None:
        # One pool without a limit: the default of 100 connections would silently cap the judge.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
            headers={**headers, "content-type": "application/json"},
            # A tenth of a request's cost is what a judge has no use for.
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding"),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=CONNECT_SECONDS),
            trust_env=not all(_is_loopback(url) for url in urls),
        )
        self._addresses: dict[str, URL] = {}

    async def post(self, url: str, path: str, content: bytes) -> Answer:
        """See `Transport.post`."""
        return await self._send(self._session.post(self._address(url + path), data=content))

    async def get(self, url: str, path: str, timeout_seconds: float) -> Answer:
        """See `Transport.get`."""
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        return await self._send(self._session.get(self._address(url + path), timeout=timeout))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _address(self, url: str) -> URL:
        if url not in self._addresses:
            self._addresses[url] = URL(url)
        return self._addresses[url]

    async def _send(self, sending: contextlib.AbstractAsyncContextManager[aiohttp.ClientResponse]) -> Answer:
        try:
            async with sending as response:
                return Answer(response.status, response.headers.get("retry-after", ""), await response.read())
        except aiohttp.ClientConnectorError as error:
            raise ServerGone(words(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ExchangeFailed(words(error)) from error


def words(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".rstrip(": ").split())


def _is_plain(url: str) -> bool:
    """Whether a server is spoken to without TLS and without a proxy."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.username is not None:
        return False
    host = parts.hostname or ""
    return _is_loopback(url) or "http" not in urllib.request.getproxies() or bool(urllib.request.proxy_bypass(host))


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
