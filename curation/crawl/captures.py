"""Records that were fetched, kept as they come: a shard that is killed does not fetch them again.

    with Captures(Folder("out/fetch"), "00003") as captures:
        body = captures.read(place) if place in captures else fetch(place)
        captures.add(place, body)

``captures/00003/00000.warc.gz`` is a valid WARC file of the records as they lie in their archives, and ``00000.json``
beside it says which they are. Both appear when they are complete, every `SEGMENT_BYTES` or `SEGMENT_SECONDS`, and at
the end, also that of a run which stops; what they hold is gone once the shard is finished.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from curation.crawl.coalescing import Place
from curation.folder import Folder
from curation.manifest import Manifest

FOLDER = "captures"
SEGMENT_BYTES = 32 << 20
SEGMENT_SECONDS = 60.0


class Captures:
    """The segments of one shard.

    Args:
        folder: the stage's folder.
        shard: the shard's name.
        segment_bytes: a segment is written when so many have come,
        segment_seconds: or when it has waited so long.
    """

    def __init__(
        self,
        folder: Folder,
        shard: str,
        segment_bytes: int = SEGMENT_BYTES,
        segment_seconds: float = SEGMENT_SECONDS,
    ) -> None:
        self._folder, self._where = folder, f"{FOLDER}/{shard}"
        self._segment_bytes, self._segment_seconds = segment_bytes, segment_seconds
        self._known: dict[Place, tuple[str, int]] = {}
        self._places: list[Place] = []
        self._bodies: list[bytes] = []
        self._held, self._since, self._segments = 0, time.monotonic(), 0
        self._open: tuple[str, Any] | None = None
        for name in folder.list_files(self._where, ".json"):
            self._load(name)

    def __enter__(self) -> Captures:
        return self

    def __exit__(self, *error: object) -> None:
        self._let_go()
        self._write()

    def __contains__(self, place: Place) -> bool:
        return place in self._known

    def read(self, place: Place) -> bytes:
        """A record of an earlier start."""
        segment, position = self._known[place]
        if self._open is None or self._open[0] != segment:
            self._let_go()
            self._open = segment, self._folder.open(segment)
        stream = self._open[1]
        stream.seek(position)
        body: bytes = stream.read(place[2])
        return body

    def add(self, place: Place, body: bytes) -> None:
        """Keep a whole gzip member."""
        self._places.append(place)
        self._bodies.append(body)
        self._held += len(body)
        if self._held >= self._segment_bytes or time.monotonic() - self._since >= self._segment_seconds:
            self._write()

    def _write(self) -> None:
        if self._places:
            name = f"{self._where}/{self._segments:05d}"
            with self._folder.create(f"{name}.warc.gz") as local, Path(local).open("wb") as file:
                file.writelines(self._bodies)
            self._folder.write_json(f"{name}.json", {"records": self._places})
            self._segments += 1
        self._places, self._bodies, self._held, self._since = [], [], 0, time.monotonic()

    def _load(self, name: str) -> None:
        stem = name.removesuffix(".json")
        self._segments = max(self._segments, int(stem.rpartition("/")[2]) + 1)
        position = 0
        for archive, offset, length in (self._folder.read_json(name) or {"records": []})["records"]:
            self._known[archive, offset, length] = f"{stem}.warc.gz", position
            position += length

    def _let_go(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def forget_finished(folder: Folder) -> None:
    """Remove the captures of a stage's finished shards."""
    done = Manifest(folder).done()
    for name in folder.list_files(FOLDER):
        if int(name.rpartition("/")[2]) in done:
            folder.remove(name)


def forget_all(folder: Folder) -> None:
    """Remove the captures of a finished stage."""
    folder.remove(FOLDER)
