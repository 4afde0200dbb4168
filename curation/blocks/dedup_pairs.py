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

from curation.blocks.dedup import key_column, numbering_of
from curation.blocks.step import Documents
from curation.blocks.tables import Tables, TableStep, folder_tables, make_table
from curation.folder import Folder
from curation.text.clustering import bucket_pairs, equal_pairs, join, roots

EQUAL = -1
"""The band of documents whose whole texts are equal."""
_PAIR_COLUMNS: dict[str, pa.DataType] = {"first": pa.int64(), "document": pa.int64(), "band": pa.int32()}
_CLUSTER_COLUMNS: dict[str, pa.DataType] = {
    "part": pa.int32(),
    "cluster": pa.int64(),
    "document": pa.int64(),
    "equal_to": pa.int64(),
    "compared": pa.bool_(),
    "first": pa.int64(),
    "band": pa.int32(),
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
    """Who shares a key of a band, or the whole text: each with the first of its bucket.

    Args:
        signatures: folders of `Signatures`: of the documents, and of earlier datasets that they are compared with.
        bands: how many bands the signatures have.
        splits: parts of each band.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    signatures: tuple[str, ...]
    bands: int
    splits: int = 1

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Pairs of numbers, the smaller first."""
        return _PAIR_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The pairs of band ``rank // splits``; the band after the last is that of equal texts."""
        numbers = numbering_of(self.signatures)
        self.count("documents_read", numbers.total if rank == 0 else 0)
        band, split = divmod(rank, self.splits)
        key = "digest_high" if band == self.bands else key_column(band)

        def mine(columns: Sequence[NDArray[Any]]) -> NDArray[np.bool_]:
            known = columns[0] != 0 if band < self.bands else np.ones(len(columns[0]), bool)
            return known & _of_split(columns[0], split, self.splits)

        documents, (keys, digests) = numbers.select([key, "digest_low"], mine)
        if band == self.bands:
            first, other = equal_pairs(np.stack([keys, digests], 1), documents)
        else:
            first, other = bucket_pairs(keys, digests, documents)
        ours = first < numbers.own  # a bucket of nothing but earlier documents is none of ours
        first, other = first[ours], other[ours]
        self.count("equal_texts" if band == self.bands else "in_a_bucket", len(first))
        bands = np.full(len(first), EQUAL if band == self.bands else band)
        yield from _tables(_PAIR_COLUMNS, first, other, bands)


@dataclass(kw_only=True, repr=False)
class JoinPairs(Exchange):
    """Which cluster each member belongs to, and who meets whom in it. Gathered.

    Rows with ``band`` null are members, in order of their numbers; then come the memberships of buckets.

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
        """Members and memberships."""
        return _CLUSTER_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """Join all pairs, then give members and memberships, holding those of some 100,000 pairs at a time."""
        found = np.zeros(numbering_of(self.signatures).total, bool)
        for first, document, _ in self._pairs():
            found[first] = found[document] = True
        documents = np.flatnonzero(found)
        del found
        parents, equal_to = np.arange(len(documents)), documents.copy()
        compared = np.zeros(len(documents), bool)
        for first, document, band in self._pairs():
            self.count("documents_read", len(first))
            ends = np.searchsorted(documents, first), np.searchsorted(documents, document)
            join(parents, *ends)
            equal = band == EQUAL
            equal_to[ends[1][equal]] = first[equal]
            for end in ends:
                compared[end[~equal]] = True
        clusters = documents[roots(parents)]
        self.count("documents_with_candidates", len(documents))
        self.count("clusters", int((clusters == documents).sum()))
        yield from self._tables(clusters, documents, equal_to, compared, None, None)
        for first, document, band in self._pairs():
            near = band != EQUAL
            first, document, band = first[near], document[near], band[near]
            cluster = clusters[np.searchsorted(documents, first)]
            order = np.argsort(self._part(cluster), kind="stable")
            yield from self._tables(cluster[order], document[order], None, None, first[order], band[order])

    def _tables(self, clusters: NDArray[np.int64], *columns: NDArray[Any] | None) -> Tables:
        document, equal_to, compared, first, band = columns
        yield from _tables(_CLUSTER_COLUMNS, self._part(clusters), clusters, document, equal_to, compared, first, band)

    def _pairs(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]]:
        source = Folder(self.pairs)
        for name in source.list_files("", ".parquet"):
            with source.open(name) as stream:
                for batch in pq.ParquetFile(stream).iter_batches(batch_size=_ROWS):
                    first, document, band = (batch[column].to_numpy() for column in _PAIR_COLUMNS)
                    yield first, document, band

    def _part(self, clusters: NDArray[np.int64]) -> NDArray[np.int64]:
        mixed = clusters.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # numbers of clusters may all be even
        return ((mixed >> np.uint64(32)) % np.uint64(self.parts)).astype(np.int64)


def read_columns(folder: str, names: list[str], filters: Any = None) -> list[NDArray[Any]]:
    """Whole columns of a folder of parquet files, in order; ``filters`` of pyarrow skip row groups."""
    parts = list(folder_tables(folder, names, filters))
    if not parts:
        return [np.empty(0, np.int64) for _ in names]
    table = pa.concat_tables(parts)
    return [table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in names]


def _of_split(keys: NDArray[np.uint64], split: int, splits: int) -> NDArray[np.bool_]:
    """Which keys belong to a split: by their upper half, since the lower decides places in tables elsewhere."""
    return (keys >> np.uint64(32)) % np.uint64(splits) == np.uint64(split)


def _tables(kinds: Mapping[str, pa.DataType], *columns: NDArray[Any] | None) -> Tables:
    count = len(next(column for column in columns if column is not None))
    for start in range(0, count, _ROWS):
        yield make_table(kinds, [None if column is None else column[start : start + _ROWS] for column in columns])
