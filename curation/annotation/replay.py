"""A judge that answers from recorded replies: the smoke values' judge, and a way to re-read old annotations.

    judge = ReplayJudge("labels/finemath_5pt.jsonl.gz")
    judge.has("m3675d74b44", None)  # True: the sampler draws only from what was recorded

The file, local or remote, is jsonl, jsonl.gz or parquet with ``reply`` (or ``label``) and ``id`` and/or ``url``. A row
without a reply counts as not recorded; where a key stands twice, the later row wins.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from curation.annotation.judge import Reply, Request
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import open_input, refusal

_COLUMNS = ("id", "url", "reply", "label")


class _Recorded(NamedTuple):
    by_id: dict[str, str]
    by_url: dict[str, str]


class ReplayJudge:
    """Recorded replies, found by document id, then by URL."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.name = f"replay:{_name(location)}"
        self.concurrency = 256  # looked up at once; so many are held between `submit` and `completed`
        self._found: list[tuple[Hashable, Reply]] = []

    def check(self) -> None:
        """Read the file.

        Raises:
            ConfigError: if it is missing, unreadable, or holds no reply with an id or URL.
        """
        if not self._recorded.by_id and not self._recorded.by_url:
            raise ConfigError(f"replay:{self.location}: no row has `reply` or `label` with `id` or `url`")

    def has(self, document_id: str, url: str | None) -> bool:
        """Whether a reply was recorded for the document."""
        return self._find(document_id, url) is not None

    def context_tokens(self) -> int | None:
        """Nobody knows what judged then."""
        return None

    def submit(self, ticket: Hashable, request: Request) -> None:
        """Look a reply up; `completed` gives it."""
        text = self._find(request.document_id, request.url)
        self._found.append((ticket, Reply(None, "no_recorded_reply") if text is None else Reply(text)))

    def completed(self, timeout: float | None = None) -> list[tuple[Hashable, Reply]]:
        """The replies since the last call, in the order of their requests."""
        found, self._found = self._found, []
        return found

    def close(self) -> None:
        """Nothing to free."""

    def _find(self, document_id: str, url: str | None) -> str | None:
        text = self._recorded.by_id.get(document_id)
        return self._recorded.by_url.get(url) if text is None and url is not None else text

    @cached_property
    def _recorded(self) -> _Recorded:
        recorded = _Recorded({}, {})
        for row in _rows(self.location):
            text = row.get("reply") if row.get("reply") is not None else row.get("label")
            if text is None:
                continue
            if row.get("id") is not None:
                recorded.by_id[str(row["id"])] = str(text)
            if row.get("url") is not None:
                recorded.by_url[str(row["url"])] = str(text)
        return recorded


def file_identity(location: str) -> dict[str, str]:
    """Name and digest of the recorded file: a moved file is the same, a changed one is not."""
    with _opened(location) as file:
        return {"file": _name(location), "digest": hashlib.file_digest(file, "sha256").hexdigest()[:16]}


def _name(location: str) -> str:
    return resolve_location(location).rstrip("/").rpartition("/")[2]


def _opened(location: str) -> Any:
    """The bytes of the recorded file, local or remote."""
    where = resolve_location(location)
    try:
        return open_input(where)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(f"replay:{location}: no file {where}") from None
    except Exception as error:  # of a store also what its own package calls an error
        raise ConfigError(f"replay:{location}: {refusal(error)}") from error


def _rows(location: str) -> Iterator[dict[str, Any]]:
    try:
        with _opened(location) as file:
            yield from _parquet_rows(file) if _name(location).endswith(".parquet") else _json_rows(location, file)
    except (OSError, EOFError, ValueError) as error:
        raise ConfigError(f"replay:{location}: cannot be read: {error}") from error


def _json_rows(location: str, file: Any) -> Iterator[dict[str, Any]]:
    unpacked = gzip.GzipFile(fileobj=file) if _name(location).endswith(".gz") else file
    with io.TextIOWrapper(unpacked, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is not an object")
                yield row


def _parquet_rows(file: Any) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file) as table:
        columns = [name for name in _COLUMNS if name in table.schema_arrow.names]
        for batch in table.iter_batches(columns=columns):
            yield from batch.to_pylist()
