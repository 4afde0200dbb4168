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
from curation.config import nearest
from curation.errors import ConfigError, CurationError
from curation.folder import Folder, open_input
from curation.text.minhash import Hashes, MinHash


@dataclass(kw_only=True, repr=False)
class Signatures(TableStep):
    """A document's band keys, and the digest and length of its text.

    With ``within`` keys and digests are mixed with a hash of the column's value: equal texts under different values
    then have nothing in common, and no later stage needs to know of it.

    Args:
        minhash: shingles, normalisation, bands and rows.
        within: a column: documents of different values are never compared; those without one are a group of their own.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 2

    minhash: MinHash = field(default_factory=MinHash)
    within: str | None = None

    def __post_init__(self) -> None:
        self._is_declared = False
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Without groups as it was when there were none."""
        found = super().identity()
        if self.within is None:
            del found["within"]
        return found

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Signatures instead of documents: keys are null for a text without words."""
        if self.within is not None and columns:
            _check_group(self.within, columns)
            self._is_declared = True
        digest = {"digest_high": pa.uint64(), "digest_low": pa.uint64()}
        keys = {key_column(band): pa.uint64() for band in range(self.minhash.bands)}
        return {"id": pa.string(), "characters": pa.int64(), **digest, **keys}

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Id and text, and the column of groups."""
        wanted = ("id", "text", *([self.within] if self.within else []))
        return {name: columns.get(name, pa.null()) for name in wanted if name in columns or not columns}

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """One row for each document, in order."""
        rows, found = 0, self._is_declared
        for table in tables:
            rows, found = rows + table.num_rows, found or self.within in table.column_names
            columns = self._signed(table["text"].to_pylist(), self._groups(table))
            yield make_table(self.schema({}), [table["id"].cast(pa.string()), *columns])
        if self.within is not None and rows and not found:  # in a list of steps of anyone, where nothing is declared
            raise ConfigError(f"within: the documents of shard {rank} have no column {self.within!r}")

    def _groups(self, table: pa.Table) -> list[Any] | None:
        if self.within is None or self.within not in table.column_names:
            return None
        self.count("without_group", table[self.within].null_count)
        values: list[Any] = table[self.within].to_pylist()
        return values

    def _signed(self, texts: Sequence[str], groups: Sequence[Any] | None) -> list[pa.Array]:
        keys = self.minhash.band_hashes(texts)
        empty = ~keys.any(1)
        self.count("without_words", int(empty.sum()))
        digests = np.frombuffer(b"".join(map(text_digest, texts)), ">u8").reshape(-1, 2).astype(np.uint64)
        if groups is not None:
            keys, digests = _of_groups(keys, digests, groups)
        lengths = pa.array([len(text) for text in texts], pa.int64())
        bands = [pa.array(np.ascontiguousarray(band), mask=empty) for band in keys.T]
        return [lengths, *(pa.array(np.ascontiguousarray(half)) for half in digests.T), *bands]


def key_column(band: int) -> str:
    """The name of a band's column."""
    return f"key_{band:02d}"


def text_digest(text: str) -> bytes:
    """128 bits of a text: two of 10 billion texts share one by chance with a probability of 1.5e-19."""
    return xxhash.xxh3_128_digest(text.encode("utf-8", "surrogatepass"))


def _check_group(name: str, columns: Mapping[str, pa.DataType]) -> None:
    if name not in columns:
        raise ConfigError(f"within: the documents have no column {name!r} ({nearest(name, sorted(columns))})")
    if pa.types.is_nested(columns[name]):
        raise ConfigError(f"within: expected a column of single values, {name!r} is {columns[name]}")


def _of_groups(keys: Hashes, digests: Hashes, groups: Sequence[Any]) -> tuple[Hashes, Hashes]:
    """Keys (n, bands) and digests (n, 2) that two documents share by chance only unless they are of one group.

    As hashes are random, so are their differences: two keys become one with a probability of 2^-64.
    """
    values = {value: bytes(16) if value is None else text_digest(str(value)) for value in set(groups)}
    salts = np.frombuffer(b"".join(values[value] for value in groups), ">u8").reshape(-1, 2)
    salted = keys ^ salts[:, :1].astype(np.uint64)
    return np.where(salted == 0, np.uint64(1), salted), digests ^ salts.astype(np.uint64)  # a key of 0 is none


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
