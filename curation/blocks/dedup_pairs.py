"""Candidates among signed documents, and what hangs together by them.

Example: ``[FindPairs(signatures=(folder_of("dedup_signatures", "data"),), bands=14)]`` in a stage of ``parts=15``: a
part for each band (or ``splits`` of them, by ranges of the keys) and as many for equal texts; then, gathered,
``[JoinPairs(...)]``, which gives every member of a cluster its part for the stages that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.blocks.dedup import Numbering, key_column, numbering_of
from curation.blocks.step import Documents
from curation.blocks.tables import Tables, TableStep
from curation.folder import Folder
from curation.text.clustering import bucket_pairs, equal_pairs, join, roots

_PAIR_COLUMNS: dict[str, pa.DataType] = {"left": pa.int64(), "right": pa.int64(), "equal": pa.bool_()}
_CLUSTER_COLUMNS: dict[str, pa.DataType] = {
    "part": pa.int32(),
    "cluster": pa.int64(),
    "document": pa.int64(),
    "equal_to": pa.int64(),
    "compared": pa.bool_(),
    "other": pa.int64(),
}
_ROWS = 100_000


class Exchange(TableStep):
    """A step that is given no documents and looks into folders itself."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Not in a list of other steps: there are no documents to hand on."""
        raise TypeError(f"{self.name} is a stage of its own: it reads folders and gives tables")

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """None."""
        return {}


@dataclass(kw_only=True, repr=False)
class FindPairs(Exchange):
    """Pairs of documents that share a key of a band or their whole text.

    Args:
        signatures: folders of `Signatures`: of the documents, and of earlier datasets that they are compared with.
        bands: how many bands the signatures have.
        splits: parts of each band.
        every_pair: give the pairs of a bucket, to be compared; else each member with the bucket's first.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    signatures: tuple[str, ...]
    bands: int
    splits: int = 1
    every_pair: bool = False

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Pairs of numbers, the smaller first."""
        return _PAIR_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The pairs of band ``rank // splits``; the band after the last is that of equal texts."""
        numbers = numbering_of(self.signatures)
        self.count("documents_read", numbers.total if rank == 0 else 0)
        band, split = divmod(rank, self.splits)
        left, right = self._equal(numbers, split) if band == self.bands else self._near(numbers, band, split)
        known = left < numbers.own  # pairs within the earlier datasets are none of ours
        left, right = left[known], right[known]
        self.count("equal_pairs" if band == self.bands else "candidate_pairs", len(left))
        equal = np.full(len(left), band == self.bands)
        for start in range(0, len(left), _ROWS):
            part = slice(start, start + _ROWS)
            yield pa.table([left[part], right[part], equal[part]], schema=pa.schema(list(_PAIR_COLUMNS.items())))

    def _near(self, numbers: Numbering, band: int, split: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        def mine(columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
            return (columns[1] != 0) & _of_split(columns[0], split, self.splits)

        documents, (keys, digests, lengths) = numbers.select([key_column(band), "digest_low", "characters"], mine)
        return bucket_pairs(keys, digests, lengths, documents, every_pair=self.every_pair)

    def _equal(self, numbers: Numbering, split: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        def mine(columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
            return (columns[1] != 0) & _of_split(columns[0], split, self.splits)

        documents, digests = numbers.select(["digest_high", "digest_low"], mine)
        return equal_pairs(np.stack(digests, 1), documents)


@dataclass(kw_only=True, repr=False)
class JoinPairs(Exchange):
    """Which cluster each member belongs to, and which pairs are to be compared. Gathered.

    Rows with ``other`` null are members, in order of their numbers; then come the pairs of each part.

    Args:
        pairs: the folder of `FindPairs`.
        signatures: as of `FindPairs`.
        parts: into how many parts the clusters are dealt.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    pairs: str
    signatures: tuple[str, ...]
    parts: int

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Members and pairs."""
        return _CLUSTER_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """Join all pairs, then give members and pairs, holding those of one file at a time."""
        documents = np.empty(0, np.int64)
        for left, right, _ in self._pairs():
            documents = np.union1d(documents, np.concatenate([left, right]))
        parents, equal_to = np.arange(len(documents)), documents.copy()
        compared = np.zeros(len(documents), bool)
        for left, right, equal in self._pairs():
            self.count("documents_read", len(left))
            ends = np.searchsorted(documents, left), np.searchsorted(documents, right)
            join(parents, *ends)
            equal_to[ends[1][equal]] = left[equal]
            for end in ends:
                compared[end[~equal]] = True
        clusters = documents[roots(parents)]
        self.count("documents_with_candidates", len(documents))
        self.count("clusters", len(np.unique(clusters)))
        yield from _tables(self._part(clusters), clusters, documents, equal_to, compared, None)
        for left, right, equal in self._pairs():
            left, right = left[~equal], right[~equal]
            cluster = clusters[np.searchsorted(documents, left)]
            order = np.argsort(self._part(cluster), kind="stable")
            left, right, cluster = left[order], right[order], cluster[order]
            nothing = np.zeros(len(left), np.int64)
            yield from _tables(self._part(cluster), cluster, left, nothing, nothing > 0, right)

    def _pairs(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]]:
        source = Folder(self.pairs)
        for name in source.list_files("", ".parquet"):
            with source.open(name) as stream:
                table = pq.read_table(stream)
            left, right, equal = (table[one].combine_chunks() for one in ("left", "right", "equal"))
            yield left.to_numpy(), right.to_numpy(), equal.to_numpy(zero_copy_only=False)

    def _part(self, clusters: NDArray[np.int64]) -> NDArray[np.int32]:
        return (clusters % self.parts).astype(np.int32)


def read_columns(folder: str, names: list[str], filters: Any = None) -> list[NDArray[Any]]:
    """Whole columns of a folder of parquet files, in order; ``filters`` of pyarrow skip row groups."""
    source = Folder(folder)
    parts: list[pa.Table] = []
    for name in source.list_files("", ".parquet"):
        with source.open(name) as stream:
            parts.append(pq.read_table(stream, columns=names, filters=filters))
    if not parts:
        return [np.empty(0, np.int64) for _ in names]
    table = pa.concat_tables(parts)
    return [table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in names]


def _of_split(keys: NDArray[np.uint64], split: int, splits: int) -> NDArray[np.bool_]:
    """Which keys belong to a split: by their upper half, since the lower decides places in tables elsewhere."""
    return (keys >> np.uint64(32)) % np.uint64(splits) == np.uint64(split)


def _tables(*columns: Any) -> Tables:
    schema = pa.schema(list(_CLUSTER_COLUMNS.items()))
    count = len(columns[0])
    for start in range(0, count, _ROWS):
        part = slice(start, min(count, start + _ROWS))
        arrays = [
            pa.nulls(part.stop - part.start, field.type) if column is None else pa.array(column[part], field.type)
            for column, field in zip(columns, schema, strict=True)
        ]
        yield pa.table(arrays, schema=schema)
