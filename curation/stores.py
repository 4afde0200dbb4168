"""What a store says when it does not give what was asked for, and what follows from it.

    fs, path = open_store("s3://commoncrawl", s3_options("s3://commoncrawl", concurrency=32))
    try:
        fs.cat_file(f"{path}/crawl-data/segment.paths.gz")
    except Exception as error:
        again = may_pass(error)  # busy, or a broken connection: ask later; else said(error) tells why not

An object that is not there is data; a store that refuses us, or is not there, is an error that stops the run: a wrong
secret must not look like a million missing files. Errors are those of fsspec's file systems: of s3fs (which wraps
botocore's answer in an error of Python's), of aiohttp, and of the operating system.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fsspec.core import url_to_fs

from curation.errors import ConfigError

_THROTTLED = re.compile(
    "BandwidthLimitExceeded|InternalError|PriorRequestNotComplete|RequestLimitExceeded|Request(Throttled.*|Timeout)|"
    "ServiceUnavailable|SlowDown|Throttl(ing|ed).*|TooManyRequests.*"
)
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
_CLIENTS = ("aiohttp", "botocore", "aiobotocore", "urllib3", "requests")


def s3_options(location: str, concurrency: int, **config: Any) -> dict[str, Any]:
    """Options of s3fs for many requests at a time; none for a location of another kind.

    Without keys in the environment requests are not signed, as public buckets allow.

    Args:
        location: of any protocol.
        concurrency: connections.
        config: further settings of botocore's ``Config``.
    """
    if not location.startswith(("s3://", "s3a://")):
        return {}
    return {"config_kwargs": {"max_pool_connections": concurrency, **config}, "anon": not _has_keys()}


def open_store(location: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """The file system of a location, and the location as it wants it.

    Raises:
        ConfigError: if the protocol is unknown or its package is missing.
    """
    try:
        fs, path = url_to_fs(location, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{location}: {error}") from error
    return fs, path


def _has_keys() -> bool:
    from botocore.session import Session  # type: ignore[import-untyped]

    return Session().get_credentials() is not None


def is_busy(error: BaseException) -> bool:
    """Whether the store says that it would answer later."""
    code, status = answer(error)
    return _THROTTLED.fullmatch(code or "") is not None or status in _AGAIN


def may_pass(error: BaseException) -> bool:
    """Whether a later attempt may succeed: the store is busy, or a connection broke."""
    if is_busy(error):
        return True
    if isinstance(error, PermissionError | IsADirectoryError | NotADirectoryError | FileExistsError):
        return False
    known = type(error).__module__.partition(".")[0] in _CLIENTS
    return isinstance(error, OSError | TimeoutError | EOFError) or (
        known and answer(error)[1] is None and not is_refusal(error)
    )


def is_refusal(error: BaseException) -> bool:
    """Whether the store does not let us in."""
    return isinstance(error, PermissionError) or answer(error)[1] in (401, 403) or "Credentials" in type(error).__name__


def no_bucket(error: BaseException) -> bool:
    """Whether it is not the object that is missing but the bucket."""
    return answer(error)[0] == "NoSuchBucket"


def answer(error: BaseException | None) -> tuple[str | None, int | None]:
    """The code and HTTP status of a store's answer, from the error or what caused it."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict) and "Error" in response:
            return response["Error"].get("Code"), response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        status = getattr(error, "status", None) or getattr(error, "status_code", None)
        if isinstance(status, int):
            return None, status
        error = error.__cause__
    return None, None


def retry_after(error: BaseException | None) -> str | None:
    """What the answer's header Retry-After asks for, see `curation.retry.seconds_asked`; None where there is none."""
    while error is not None:
        response = getattr(error, "response", None)
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders") if isinstance(response, dict) else None
        found = headers or getattr(error, "headers", None) or {}
        if asked := found.get("Retry-After") or found.get("retry-after"):
            return str(asked)
        error = error.__cause__
    return None


def said(error: BaseException) -> str:
    """What a store said, in one line; of a refusal where its keys come from."""
    code, status = answer(error)
    told = " ".join(filter(None, [str(status or ""), code or type(error).__name__]))
    if is_refusal(error):
        return (
            f"access denied ({told}): {error}; key and secret are those of the environment (S3: AWS_ACCESS_KEY_ID, …)"
        )
    return f"{told}: {error}"
