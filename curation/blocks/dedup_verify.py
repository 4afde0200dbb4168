"""Exact similarities of candidates, and who is dropped for whom.

Example: ``[VerifyPairs(members=(folder_of("dedup_shingles", "data"),), threshold=0.8, …)]`` in a stage of as many
parts as the clusters were dealt into.

Half of what MinHash alone removes from a real corpus can be wrong (Marin looked at a thousand such pairs): a band is
shared by templated pages, and chains of pairs join what is not similar. With a threshold only a document that is that
similar to the one that is kept is dropped for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.blocks.dedup import numbering_of
from curation.blocks.dedup_pairs import Exchange, read_columns
from curation.blocks.dedup_shingles import MEMBER_COLUMNS
from curation.blocks.tables import Tables
from curation.folder import Folder
from curation.text.clustering import leaders
from curation.text.similarity import similarities

Measure = Literal["jaccard", "containment"]

_REMOVAL_COLUMNS: dict[str, pa.DataType] = {
    "document": pa.int64(),
    "reason": pa.string(),
    "duplicate_of": pa.string(),
    "kept_document": pa.int64(),
    "similarity": pa.float64(),
    "cluster_size": pa.int64(),
    "duplicate_in": pa.string(),
}


@dataclass(kw_only=True, repr=False)
class VerifyPairs(Exchange):
    """Compare the candidates of a part exactly; give who is dropped, for whom, and how similar they are.

    With a ``threshold`` members are looked at in order of the keep rules: each is dropped for the most similar of those
    that stay if their similarity reaches it, and stays if none does. Without, the first of a cluster stays, whatever
    the similarity of the others to it, as in datatrove.

    Args:
        members: folders of `CollectShingles`, in the order of ``signatures``.
        clusters: the folder of `JoinPairs`.
        signatures: as of `FindPairs`.
        threshold: lowest similarity of a duplicate to the document that is kept; None for whole clusters.
        measure: ``jaccard``: shared shingles over all of both; ``containment``: over those of the smaller document.
        earlier: what the datasets are called whose signatures follow the first.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    members: tuple[str, ...]
    clusters: str
    signatures: tuple[str, ...]
    threshold: float | None = None
    measure: Measure = "jaccard"
    earlier: tuple[str, ...] = ()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Removals."""
        return _REMOVAL_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The removals of part ``rank``, in order of their numbers."""
        members = _Members(self.members, rank, numbering_of(self.signatures).own)
        self.count("documents_read", members.count)
        if not members.count:
            return
        pairs = (pc.field("part") == rank) & pc.field("other").is_valid()
        ends = np.stack(read_columns(self.clusters, ["document", "other"], pairs), 1)
        left, right = (members.place(side) for side in np.unique(ends, axis=0).T)  # bands give a pair more than once
        if self.threshold is None:
            left, right = members.with_first()
        jaccard, containment = similarities(members.shingles, members.offsets, left, right)
        similar = containment if self.measure == "containment" else jaccard
        self.count("pairs_compared", len(left))
        if self.threshold is not None:
            passed = similar >= self.threshold
            self.count("pairs_below_threshold", int((~passed).sum()))
            left, right, similar = left[passed], right[passed], similar[passed]
        yield self._removals(members, left, right, similar)

    def _removals(self, members: _Members, left: Any, right: Any, similar: Any) -> pa.Table:
        leader, similarity = members.follow(left, right, similar)
        size = np.bincount(leader, minlength=members.count)[leader]
        gone = np.flatnonzero((leader != np.arange(members.count)) & ~members.is_earlier)
        kept = leader[gone]
        same = members.equal[kept] == members.equal[gone]
        numbers = numbering_of(self.signatures)
        where = [
            None if not early else self.earlier[numbers.folder_of(document) - 1]
            for early, document in zip(members.is_earlier[kept], members.documents[kept], strict=True)
        ]
        columns = [
            members.documents[gone],
            np.where(same, "exact_duplicate", "near_duplicate").astype(object),
            members.ids.take(pa.array(kept)),
            members.documents[kept],
            np.where(same, 1.0, similarity[gone]),
            size[gone],
            where,
        ]
        kinds = _REMOVAL_COLUMNS.values()
        arrays = [c if isinstance(c, pa.ChunkedArray) else pa.array(c, k) for c, k in zip(columns, kinds, strict=True)]
        return pa.table(arrays, schema=pa.schema(list(_REMOVAL_COLUMNS.items())))


class _Members:
    """The members of one part, by place: ascending numbers."""

    def __init__(self, folders: tuple[str, ...], part: int, own: int) -> None:
        tables = [table for folder in folders for table in _part_tables(folder, part)]
        empty = pa.schema(list(MEMBER_COLUMNS.items())).empty_table()
        table = pa.concat_tables([empty, *tables])
        self.count = table.num_rows
        self.ids = table["id"]
        self.documents: NDArray[np.int64] = table["document"].to_numpy()
        self.clusters: NDArray[np.int64] = table["cluster"].to_numpy()
        self.equal = self.place(table["equal_to"].to_numpy())
        self.is_earlier = self.documents >= own
        width = len(table["order"][0]) if self.count else 0
        self.order = np.array(table["order"].to_pylist(), np.float64).reshape(self.count, width)
        held = [np.frombuffer(one, np.uint64) for one in table["shingles"].to_pylist()]
        self.offsets = np.concatenate([[0], np.cumsum([len(one) for one in held], dtype=np.int64)]).astype(np.int64)
        self.shingles = np.concatenate([np.empty(0, np.uint64), *held])

    def place(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where documents stand."""
        return np.searchsorted(self.documents, documents).astype(np.int64)

    def ranked(self, within: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places in order of ``within``, then earlier datasets first, then by the keep rules, then by number."""
        return np.lexsort((self.documents, *self.order.T[::-1], ~self.is_earlier, within))

    def with_first(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of the texts of each cluster with the text of the member that stays."""
        order = self.ranked(self.clusters)
        starts = np.ones(self.count, bool)
        starts[1:] = self.clusters[order[1:]] != self.clusters[order[:-1]]
        first = self.equal[order[starts]][np.cumsum(starts) - 1]
        pairs = np.unique(np.stack([first, self.equal[order]], 1), axis=0)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        return pairs[:, 0].copy(), pairs[:, 1].copy()

    def follow(self, left: Any, right: Any, similar: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The place of whom each follows, by pairs of places of texts; members of one text follow its first."""
        texts, text_of = np.unique(self.equal, return_inverse=True)
        order = self.ranked(text_of)
        starts = np.ones(self.count, bool)
        starts[1:] = text_of[order[1:]] != text_of[order[:-1]]
        heads = order[starts]  # of each text the member that would stay
        ranks = np.empty(len(heads), np.int64)
        by_rank = np.lexsort(
            (self.documents[heads], *self.order[heads].T[::-1], ~self.is_earlier[heads], self.clusters[heads])
        )
        ranks[by_rank] = np.arange(len(heads))
        ends = ranks[np.searchsorted(texts, np.concatenate([left, right]))]
        others = ranks[np.searchsorted(texts, np.concatenate([right, left]))]
        both = np.concatenate([similar, similar])
        by_end = np.lexsort((others, ends))
        bounds = np.searchsorted(ends[by_end], np.arange(len(heads) + 1)).astype(np.int64)
        leader, similarity = leaders(bounds, others[by_end], both[by_end], self.is_earlier[heads[by_rank]])
        mine = ranks[text_of]
        return heads[by_rank[leader[mine]]], similarity[mine]


def _part_tables(folder: str, part: int) -> Iterator[pa.Table]:
    source = Folder(f"{folder}/part-{part:03d}")
    for name in source.list_files("", ".parquet"):
        with source.open(name) as stream:
            yield pq.read_table(stream)
