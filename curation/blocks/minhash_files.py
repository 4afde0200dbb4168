"""MinHash signatures as files of datatrove: what its ``MinhashDedupSignature`` writes, for its stages 2 to 4.

Example, in the place of datatrove's first stage, or beside it in the same folder::

    [JsonlReader("pages"), MinhashFiles(output_folder="signatures", minhash=MinHash(normalisation="datatrove"))]
    [MinhashDedupBuckets("signatures", "buckets", config=MinhashConfig())]

Bands, rows, seed, hash and bits must be those of the ``MinhashConfig`` of the later stages. Layout of a file such as
``bucket_003/00017.minhash.sig``, of band 3 and shard 17: for each document the values of the band (little-endian, 8 or
4 bytes each) and its position in the shard (4 bytes), sorted by these numbers in this order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from datatrove.data import Document
from numpy.typing import NDArray

from curation.blocks.step import Documents, Step
from curation.folder import Folder
from curation.text.minhash import MinHash

_BATCH = 1000


@dataclass(kw_only=True, repr=False)
class MinhashFiles(Step):
    """Write the signatures of a shard's documents, and pass the documents on.

    A text of fewer words than the n-gram length has one shingle here, where datatrove has none and writes nothing. A
    text without words is in no file. 14 bands of 8 rows are held as 896 bytes a document until the shard ends.

    Args:
        output_folder: local or remote.
        minhash: shingles, normalisation, bands and rows.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1

    output_folder: str
    minhash: MinHash = field(default_factory=lambda: MinHash(normalisation="datatrove"))

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents as they are; the files are there when the last one has been taken."""
        kept: list[NDArray[Any]] = []
        positions: list[NDArray[np.int64]] = []
        start = 0
        for documents in _batches(data or iter(())):
            values, present = self.minhash.signatures([doc.text for doc in documents])
            kept.append(values[present].astype(self._value))
            positions.append(start + np.flatnonzero(present))
            start += len(documents)
            self.count("without_shingles", int((~present).sum()))
            yield from documents
        width = self.minhash.bands * self.minhash.rows
        signatures = np.concatenate([np.empty((0, width), self._value), *kept])
        self._write(signatures, np.concatenate([np.empty(0, np.int64), *positions]), rank)

    @property
    def _value(self) -> str:
        return f"<u{self.minhash.bits // 8}"

    def _write(self, signatures: NDArray[Any], positions: NDArray[np.int64], rank: int) -> None:
        rows = self.minhash.rows
        record = np.dtype([("values", self._value, (rows,)), ("position", "<u4")])
        folder = Folder(self.output_folder)
        for band in range(self.minhash.bands):
            values = signatures[:, band * rows : (band + 1) * rows]
            order = np.lexsort((positions, *values.T[::-1]))
            records = np.empty(len(values), record)
            records["values"], records["position"] = values[order], positions[order]
            name = f"bucket_{band:03d}/{rank:05d}.minhash.sig"
            _remove_parts(folder, name)
            folder.write_bytes(name, records.tobytes())


def _batches(documents: Documents) -> Iterator[list[Document]]:
    while batch := list(islice(documents, _BATCH)):
        yield batch


def _remove_parts(folder: Folder, name: str) -> None:
    """Remove what a killed writer left of this file, since datatrove reads whatever lies in a bucket's folder."""
    if folder.is_local:
        final = Path(folder.path(name))
        for left in final.parent.glob(f".{final.name}.part-*"):
            left.unlink(missing_ok=True)
