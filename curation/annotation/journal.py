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
import tempfile
import time
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import xxhash

from curation.annotation.judge import Reply
from curation.folder import Folder

_FLUSH_REPLIES = 100
_FLUSH_SECONDS = 5.0
_KEPT = ("text", "reason", "prompt_tokens", "completion_tokens", "seconds", "expected_label")
_READ_AT_ONCE = 64  # objects of an object store, which are small and far away
_BYTES_IN_MEMORY = 32 << 20  # of recorded lines; more of them wait on disk


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
        self._folder = folder
        own = [name for name in folder.list_files("journal", ".jsonl") if name.startswith(f"journal/{shard}-")]
        self._recorded = _Recorded()
        for source, names in ((folder, own), *((one, one.list_files("journal", ".jsonl")) for one in known)):
            self._recorded.load(read_parts(source, names))
        self._recorded.sort()
        self.torn = self._recorded.torn
        self._prefix = f"journal/{shard}-{len(own):05d}-{secrets.token_hex(3)}"
        self._parts = 0
        self._fresh: list[str] = []
        self._flushed = self._synced = time.monotonic()
        self._file: Any = None

    def take(self, key: str) -> Reply | None:
        """A recorded reply; each is given once, so that documents with one id and text keep replies of their own."""
        return self._recorded.take(key)

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
        """Write what is not written yet, down to the disk; recorded replies are given no more, new ones still kept."""
        self._recorded.close()
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
        left = memoryview(content)
        while left:  # without a buffer a full disk takes a part, and only the next write says so
            left = left[self._file.write(left) :]
        # The kernel has it: it outlives this process. The disk's own copy, for the machine's end, costs milliseconds.
        if time.monotonic() - self._synced >= _FLUSH_SECONDS:
            self._sync()

    def _sync(self) -> None:
        os.fdatasync(self._file.fileno())
        self._synced = time.monotonic()


class _Recorded:
    """Recorded replies by their keys: 20 bytes of memory for each, so that a shard of a million can be resumed."""

    def __init__(self) -> None:
        self.torn = 0
        self._lines = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  closed below
        weakref.finalize(self, self._lines.close)
        self._found, self._places = array("Q"), array("Q")
        self._taken = np.zeros(0, np.uint32)
        self.sort()

    def load(self, rows: Iterable[dict[str, Any] | None]) -> None:
        """Keep rows of a journal."""
        for row in rows:
            if row is None:
                self.torn += 1
            else:
                self._found.append(_digest(row["key"]))
                self._places.append(self._lines.tell())
                self._lines.write(json.dumps(row).encode() + b"\n")

    def sort(self) -> None:
        """To be done once, when all is loaded."""
        digests, places = np.array(self._found, np.uint64), np.array(self._places, np.uint64)
        order = np.argsort(digests, kind="stable")
        self._digests, self._sorted = digests[order], places[order]
        self._taken = np.zeros(len(order), np.uint32)  # for the first of equal keys: how many of them are taken
        self._found, self._places = array("Q"), array("Q")

    def take(self, key: str) -> Reply | None:
        """The next reply of that key, in the order of recording."""
        digest = np.uint64(_digest(key))
        first = int(np.searchsorted(self._digests, digest))
        at = first + int(self._taken[first]) if first < len(self._digests) else first
        if at >= len(self._digests) or self._digests[at] != digest:
            return None
        self._lines.seek(int(self._sorted[at]))
        row = json.loads(self._lines.readline())
        if row.pop("key") != key:  # two keys of one digest: asked again rather than answered wrongly
            return None
        self._taken[first] += 1
        return Reply(**row)

    def close(self) -> None:
        """Free what is held; there is nothing recorded any more."""
        self.sort()
        self._lines.close()


def _digest(key: str) -> int:
    return xxhash.xxh3_64_intdigest(key.encode("utf-8", "surrogatepass"))


def read_parts(folder: Folder, names: Sequence[str]) -> Iterator[dict[str, Any] | None]:
    """The rows of files of a journal: ``key`` and the fields of a `Reply`.

    None for a line that a writer killed in the middle left behind: its reply was never safely recorded.
    """
    for line in _lines(folder, names):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8", "surrogatepass"))
            yield {"key": row["key"], **{field: row.get(field) for field in _KEPT}}
        except (ValueError, LookupError, TypeError):
            yield None


def _lines(folder: Folder, names: Sequence[str]) -> Iterator[bytes]:
    if folder.is_local:
        for name in names:
            with folder.open(name) as file:
                yield from file
        return
    for start in range(0, len(names), _READ_AT_ONCE):
        paths = [folder.path(name) for name in names[start : start + _READ_AT_ONCE]]
        for content in folder.fs.cat(paths).values():
            yield from content.split(b"\n")
