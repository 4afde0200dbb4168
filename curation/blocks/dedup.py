"""Near-duplicates by MinHash: what of each document is compared with all others.

Example: ``Signatures(bands=14, rows=8)``, the first of the stages that `curation.deduplication.dedup_stages` makes:

    signatures   each document's band keys and the digest of its text                       this module
    pairs        documents that share a key of a band: candidates                            dedup_pairs
    clusters     what hangs together by pairs, split into parts that are worked on alone     dedup_pairs
    shingles     of candidates only: their shingles, and what decides which of them stays    dedup_shingles
    verified     exact similarities, and who is dropped for whom                             dedup_verify
    dedup        the documents again, without those                                          dedup_drop

Documents are numbered through all shards, because one record may stand in two archives under one id. Memory is that of
a part in all stages but ``clusters``: it takes a byte for each document and 60 for each that has a candidate (measured
with 9 million). Of 10 billion documents of which 40 % have one that is 250 GB, on one machine; every other stage is
spread. A cluster lies in one part, though, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

from curation.blocks.tables import Tables, TableStep, make_table
from curation.errors import CurationError
from curation.folder import Folder, open_input
from curation.text.minhash import MinHash


@dataclass(kw_only=True, repr=False)
class Signatures(TableStep):
    """A document's band keys, and the digest and length of its text.

    Args:
        minhash: shingles, normalisation, bands and rows.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 2

    minhash: MinHash = field(default_factory=MinHash)

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Signatures instead of documents: keys are null for a text without words."""
        digest = {"digest_high": pa.uint64(), "digest_low": pa.uint64()}
        keys = {key_column(band): pa.uint64() for band in range(self.minhash.bands)}
        return {"id": pa.string(), "characters": pa.int64(), **digest, **keys}

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Id and text."""
        return {name: kind for name, kind in columns.items() if name in ("id", "text")}

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """One row for each document, in order."""
        for table in tables:
            columns = self._signed(table["text"].to_pylist())
            yield make_table(self.schema({}), [table["id"].cast(pa.string()), *columns])

    def _signed(self, texts: Sequence[str]) -> list[pa.Array]:
        keys = self.minhash.band_hashes(texts)
        empty = ~keys.any(1)
        self.count("without_words", int(empty.sum()))
        digests = np.frombuffer(b"".join(map(text_digest, texts)), ">u8").reshape(-1, 2).astype(np.uint64)
        lengths = pa.array([len(text) for text in texts], pa.int64())
        bands = [pa.array(np.ascontiguousarray(band), mask=empty) for band in keys.T]
        return [lengths, *(pa.array(np.ascontiguousarray(half)) for half in digests.T), *bands]


def key_column(band: int) -> str:
    """The name of a band's column."""
    return f"key_{band:02d}"


def text_digest(text: str) -> bytes:
    """128 bits of a text: two of 10 billion texts share one by chance with a probability of 1.5e-19."""
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))


class Numbering:
    """The numbers of documents over the shards of one or more stages that signed them, one after another.

    Args:
        folders: what those stages wrote; documents of the first come first.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self.files: list[list[str]] = []
        counts: list[list[int]] = []
        for location in folders:
            folder = Folder(location)
            names = folder.list_files("", ".parquet")
            self.files.append([f"{folder.location}/{name}" for name in names])
            counts.append([_rows_of(folder, name) for name in names])
        flat = [count for one in counts for count in one]
        bounds = np.concatenate([[0], np.cumsum(flat, dtype=np.int64)])
        self.total = int(bounds[-1])
        self.own = sum(counts[0])
        places = np.cumsum([0, *(len(one) for one in counts)])
        self._bounds = [bounds[places[i] : places[i + 1] + 1] for i in range(len(counts))]

    def span(self, folder: int, shard: int) -> tuple[int, int]:
        """The number of the first document of a shard, and the one after its last."""
        bounds = self._bounds[folder]
        if shard + 1 >= len(bounds):
            raise CurationError(
                f"shard {shard} was not signed: the stages of a deduplication must have the same shards"
            )
        return int(bounds[shard]), int(bounds[shard + 1])

    def check_end(self, folder: int, shard: int, end: int) -> None:
        """Raise CurationError unless a shard ended where it did when it was signed."""
        expected = self.span(folder, shard)[1]
        if end != expected:
            raise CurationError(
                f"shard {shard} has {end - self.span(folder, shard)[0]} documents, but as many as "
                f"{expected - self.span(folder, shard)[0]} were signed: its stages must have the same shards"
            )

    def locate(self, document: int) -> tuple[int, int, int]:
        """In which folder and shard a document was signed, and in which row of it."""
        folder = next(number for number, bounds in enumerate(self._bounds) if document < bounds[-1])
        shard = int(np.searchsorted(self._bounds[folder], document, side="right")) - 1
        return folder, shard, document - int(self._bounds[folder][shard])

    def select(
        self, names: Sequence[str], chosen: Callable[[Sequence[NDArray[Any]]], NDArray[np.bool_]]
    ) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
        """The numbers of chosen documents, and columns of them.

        One file is in memory at a time beside what is chosen.

        Args:
            names: columns; a null is 0.
            chosen: which rows of a file to take, by these columns.
        """
        numbers: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        parts: list[list[NDArray[Any]]] = [[] for _ in names]
        first = 0
        for file in (file for files in self.files for file in files):
            with open_input(file) as stream:
                table = pq.read_table(stream, columns=list(names))
            columns = [table[one].combine_chunks().fill_null(0).to_numpy(zero_copy_only=False) for one in names]
            rows = np.flatnonzero(chosen(columns))
            numbers.append(rows + first)
            first += table.num_rows
            for part, column in zip(parts, columns, strict=True):
                part.append(column[rows])
        return np.concatenate(numbers), [np.concatenate(part) if part else np.empty(0, np.uint64) for part in parts]


@lru_cache(maxsize=4)
def numbering(folders: tuple[str, ...], stamp: str) -> Numbering:
    """`Numbering`, read once for each state of the folders (``stamp``)."""
    return Numbering(folders)


def numbering_of(folders: Sequence[str]) -> Numbering:
    """The numbering of signed documents."""
    return numbering(tuple(folders), "".join(Folder(one).stamp() for one in folders))


def _rows_of(folder: Folder, name: str) -> int:
    with folder.open(name) as stream:
        return int(pq.read_metadata(stream).num_rows)
