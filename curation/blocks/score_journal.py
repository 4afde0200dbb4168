"""Scores that were computed, kept as they come: a killed shard does not compute them again.

    journal = ScoreJournal(Folder("out/score"), "00003", made_by="classifier and its files")
    journal.known           # digest of a text -> its raw score
    journal.add(digests, scores)
    journal.close()         # at the end of the shard, whose rows hold them now

One small file for each window, 24 bytes a text, without any text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.folder import Folder

# Raw bytes: numpy's strings would lose zeros at the end of a digest.
_ROW = np.dtype([("digest", "V16"), ("score", "<f8")])


class ScoreJournal:
    """The scores of one shard.

    Args:
        folder: the stage's folder.
        shard: the shard's name.
        made_by: what the scores depend on beside the text; those of anything else are not known.

    Attributes:
        known: digest (16 bytes) -> raw score, from an earlier start.
    """

    def __init__(self, folder: Folder, shard: str, made_by: str) -> None:
        self._folder, self._shard, self._made_by = folder, shard, made_by.encode()
        self._parts = 0
        self.known: dict[bytes, float] = {}
        for name in self._files():
            self._load(name)

    def add(self, digests: Sequence[bytes], scores: NDArray[np.float64]) -> None:
        """Keeps the scores of a window."""
        if not digests:
            return
        rows = np.zeros(len(digests), _ROW)
        rows["digest"], rows["score"] = np.frombuffer(b"".join(digests), "V16"), scores
        header = len(self._made_by).to_bytes(4, "little") + self._made_by
        self._folder.write_bytes(f"scored/{self._shard}-{self._parts:06d}.bin", header + rows.tobytes())
        self._parts += 1

    def close(self) -> None:
        """Forgets the files."""
        for name in self._files():
            self._folder.remove(name)

    def _files(self) -> list[str]:
        return [one for one in self._folder.list_files("scored", ".bin") if one.startswith(f"scored/{self._shard}-")]

    def _load(self, name: str) -> None:
        with self._folder.open(name) as stream:
            file = io.BytesIO(stream.read())
        self._parts = max(self._parts, int(name.removesuffix(".bin").rpartition("-")[2]) + 1)
        if file.read(int.from_bytes(file.read(4), "little")) != self._made_by:
            return
        rows = np.frombuffer(file.read(), _ROW)
        self.known |= {bytes(digest): float(score) for digest, score in zip(rows["digest"], rows["score"], strict=True)}
