"""How ranges are asked for by HTTP: by whom, undisturbed by compression, and what is no answer to a range.

Example: ``url_to_fs("https://data.commoncrawl.org/", **http_options("https://…", 32, "curation/1.0"))``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

_CONNECT_SECONDS = 30.0
_SILENT_SECONDS = 60.0


class RangeIgnored(OSError):
    """Other bytes came than were asked for, such as the whole archive; it passes with another server of the pool."""


def http_options(location: str, concurrency: int, user_agent: str) -> dict[str, Any]:
    """Options of fsspec's HTTP file system; none for a location of another kind.

    Args:
        location: of any protocol.
        concurrency: connections.
        user_agent: who asks.
    """
    if not location.startswith(("http://", "https://")):
        return {}
    import aiohttp

    async def client(**options: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency), **options)

    session = {
        "headers": {"User-Agent": user_agent, "Accept-Encoding": "identity"},
        "auto_decompress": False,  # a gzip file is what we want, whatever its server calls it
        "raise_for_status": _check_answer,
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENT_SECONDS),
    }
    return {"client_kwargs": session, "get_client": client}


async def _check_answer(response: aiohttp.ClientResponse) -> None:
    """Refuse what is no answer before its body, which may be a gigabyte, is read."""
    response.raise_for_status()
    asked = response.request_info.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
    given = response.headers.get("Content-Range", "").lower().removeprefix("bytes ").partition("-")[0]
    if asked and (response.status != 206 or given.strip() != asked):
        raise RangeIgnored(f"status {response.status} and range {given or 'of everything'} for one from {asked} on")
