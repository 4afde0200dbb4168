"""Replies that were paid for, kept as they come: a killed run does not ask for them again.

Example: ``journal = Journal(Folder("out/annotate"), "00003"); journal.add(key, reply); journal.flush()``

Append-only parts, each written at once, so that it works on object stores and a kill loses at most the replies since
the last flush: 100 replies or 5 seconds.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict

from curation.annotation.judge import Reply
from curation.folder import Folder

_FLUSH_REPLIES = 100
_FLUSH_SECONDS = 5.0


class Journal:
    """The replies of one shard.

    Args:
        folder: the stage's folder.
        shard: the shard's name.
    """

    def __init__(self, folder: Folder, shard: str) -> None:
        self._folder, self._shard = folder, shard
        self._fresh: list[str] = []
        self._flushed = time.monotonic()
        parts = [name for name in folder.list_files("journal", ".jsonl") if f"/{shard}-" in name]
        self._parts = len(parts)
        self.replies: dict[str, Reply] = {}
        for part in parts:
            with folder.open(part) as file:
                for line in file.read().decode().splitlines():
                    row = json.loads(line)
                    key = row.pop("key")
                    self.replies[key] = Reply(**row)

    def add(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        self.replies[key] = reply
        self._fresh.append(json.dumps({"key": key, **asdict(reply)}, ensure_ascii=False))
        if len(self._fresh) >= _FLUSH_REPLIES or time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._fresh:
            content = "".join(f"{line}\n" for line in self._fresh).encode()
            self._folder.write_bytes(f"journal/{self._shard}-{self._parts:05d}.jsonl", content)
            self._parts += 1
        self._fresh, self._flushed = [], time.monotonic()
