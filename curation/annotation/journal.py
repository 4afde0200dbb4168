"""Replies that were paid for, kept as they come: a killed run does not ask for them again.

    journal = Journal(Folder("out/annotate"), "00003")
    journal.take(key)        # a recorded reply, or None
    journal.add(key, reply)  # written within 100 replies or 5 seconds
    journal.close()

Append-only: on a local disk one file for each start, which grows; on an object store, whose objects cannot grow, one
object for each flush. File names carry a random part, so that two processes never write over each other's replies.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Any

from curation.annotation.judge import Reply
from curation.folder import Folder

_FLUSH_REPLIES = 100
_FLUSH_SECONDS = 5.0
_KEPT = ("text", "reason", "prompt_tokens", "completion_tokens", "seconds", "expected_label")


class Journal:
    """The replies of one shard.

    Args:
        folder: the stage's folder.
        shard: the shard's name.
        known: folders of other stages whose replies count as recorded, such as a pilot's.

    Attributes:
        torn: lines that a killed writer left unfinished.
    """

    def __init__(self, folder: Folder, shard: str, known: Sequence[Folder] = ()) -> None:
        self.torn = 0
        self._folder = folder
        self._recorded: dict[str, list[Reply]] = {}
        own = [name for name in folder.list_files("journal", ".jsonl") if name.startswith(f"journal/{shard}-")]
        for source, names in ((folder, own), *((one, one.list_files("journal", ".jsonl")) for one in known)):
            for name in names:
                self._load(source, name)
        self._prefix = f"journal/{shard}-{len(own):05d}-{secrets.token_hex(3)}"
        self._parts = 0
        self._fresh: list[str] = []
        self._flushed = self._synced = time.monotonic()
        self._file: Any = None

    def take(self, key: str) -> Reply | None:
        """A recorded reply; it is given once, because memory is to hold only what is still needed."""
        replies = self._recorded.get(key)
        if not replies:
            return None
        if len(replies) == 1:
            del self._recorded[key]
        return replies.pop(0)

    def add(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        row = {name: value for name in _KEPT if (value := getattr(reply, name)) is not None}
        self._fresh.append(json.dumps({"key": key, **row}, ensure_ascii=False))
        if len(self._fresh) >= _FLUSH_REPLIES or self.due_seconds() <= 0:
            self.flush()

    def due_seconds(self) -> float:
        """Seconds until what is not written must be."""
        return self._flushed + _FLUSH_SECONDS - time.monotonic() if self._fresh else _FLUSH_SECONDS

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._fresh:
            content = "".join(f"{line}\n" for line in self._fresh).encode("utf-8", "surrogatepass")
            if self._folder.is_local:
                self._append(content)
            else:
                self._folder.write_bytes(f"{self._prefix}-{self._parts:05d}.jsonl", content)
                self._parts += 1
        self._fresh, self._flushed = [], time.monotonic()

    def close(self) -> None:
        """Write what is not written yet, down to the disk."""
        self.flush()
        if self._file is not None:
            self._sync()
            self._file.close()
            self._file = None

    def _append(self, content: bytes) -> None:
        if self._file is None:
            path = self._folder.path(f"{self._prefix}.jsonl")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115  closed by close()
        self._file.write(content)
        # The kernel has it: it outlives this process. The disk's own copy, for the machine's end, costs milliseconds.
        if time.monotonic() - self._synced >= _FLUSH_SECONDS:
            self._sync()

    def _sync(self) -> None:
        os.fdatasync(self._file.fileno())
        self._synced = time.monotonic()

    def _load(self, folder: Folder, name: str) -> None:
        for row in read_part(folder, name):
            if row is None:
                self.torn += 1
            else:
                self._recorded.setdefault(row.pop("key"), []).append(Reply(**row))


def read_part(folder: Folder, name: str) -> Iterator[dict[str, Any] | None]:
    """The rows of one file of a journal: ``key`` and the fields of a `Reply`.

    None for a line that a writer killed in the middle left behind: its reply was never safely recorded.
    """
    with folder.open(name) as file:
        content = file.read()
    for line in content.split(b"\n"):
        if not line:
            continue
        try:
            row = json.loads(line.decode("utf-8", "surrogatepass"))
            yield {"key": row["key"], **{field: row.get(field) for field in _KEPT}}
        except (ValueError, LookupError, TypeError):
            yield None
