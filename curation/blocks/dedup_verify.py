"""Exact similarities of candidates, and who is dropped for whom.

Example: ``[VerifyPairs(members=(folder_of("dedup_shingles", "data"),), threshold=0.8, …)]`` in a stage of as many
parts as the clusters were dealt into.

Half of what MinHash alone removes from a real corpus can be wrong (Marin looked at a thousand such pairs): a band is
shared by templated pages, and chains of pairs join what is not similar. With a threshold only a document that is that
similar to the one that is kept is dropped for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.blocks.dedup import Numbering, numbering_of
from curation.blocks.dedup_pairs import Exchange, read_columns
from curation.blocks.dedup_shingles import MEMBER_COLUMNS
from curation.blocks.tables import Tables, folder_tables, make_table
from curation.text.clustering import leaders
from curation.text.similarity import similarities

Measure = Literal["jaccard", "containment"]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

_REMOVAL_COLUMNS: dict[str, pa.DataType] = {
    "document": pa.int64(),
    "id": pa.string(),
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
        measure: ``jaccard``: shared shingles over all of both; ``containment``: over those of the document that goes.
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
        numbers = numbering_of(self.signatures)
        members = _Members(self.members, rank, numbers.own)
        self.count("documents_read", members.count)
        if not members.count:
            return
        if self.threshold is None:
            leader, similarity = members.follow_the_first(contained=self.measure == "containment")
        else:
            mine = (pc.field("part") == rank) & pc.field("band").is_valid()
            buckets = read_columns(self.clusters, ["first", "document", "band"], mine)
            leader, similarity, compared = members.follow(buckets, self.threshold, self.measure == "containment")
            self.count("pairs_compared", compared)
        yield self._removals(members, numbers, leader, similarity)

    def _removals(self, members: _Members, numbers: Numbering, leader: Numbers, similarity: Floats) -> pa.Table:
        size = np.bincount(leader, minlength=members.count)[leader]
        gone = np.flatnonzero((leader != np.arange(members.count)) & ~members.is_earlier)
        kept = leader[gone]
        same = members.equal[kept] == members.equal[gone]
        where = [
            None if not early else self.earlier[numbers.locate(document)[0] - 1]
            for early, document in zip(members.is_earlier[kept], members.documents[kept], strict=True)
        ]
        columns = [
            members.documents[gone],
            members.ids.take(pa.array(gone)),
            np.where(same, "exact_duplicate", "near_duplicate").astype(object),
            members.ids.take(pa.array(kept)),
            members.documents[kept],
            np.where(same, 1.0, similarity[gone]),
            size[gone],
            where,
        ]
        return make_table(_REMOVAL_COLUMNS, columns)


class _Members:
    """The members of one part, by place: ascending numbers."""

    def __init__(self, folders: tuple[str, ...], part: int, own: int) -> None:
        tables = [table for folder in folders for table in folder_tables(f"{folder}/part-{part:03d}")]
        empty = pa.schema(list(MEMBER_COLUMNS.items())).empty_table()
        table = pa.concat_tables([empty, *tables])
        self.count = table.num_rows
        self.ids = table["id"]
        self.documents: Numbers = table["document"].to_numpy()
        self.clusters: Numbers = table["cluster"].to_numpy()
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

    def follow_the_first(self, contained: bool) -> tuple[Numbers, Floats]:
        """The place of the member of each one's cluster that stays, and the similarity to it."""
        texts = self._texts()
        starts = np.ones(len(texts.heads), bool)
        clusters = self.clusters[texts.heads]
        starts[1:] = clusters[1:] != clusters[:-1]
        first = np.flatnonzero(starts)[np.cumsum(starts) - 1]
        first = np.where(self.is_earlier[texts.heads], np.arange(len(first)), first)  # earlier ones stay, too
        followers = np.flatnonzero(first != np.arange(len(first)))
        jaccard, share = similarities(
            self.shingles, self.offsets, texts.places[first[followers]], texts.places[followers]
        )
        similarity = np.ones(len(first))
        similarity[followers] = share if contained else jaccard
        return texts.heads[first[texts.of]], similarity[texts.of]

    def follow(self, buckets: list[Numbers], threshold: float, contained: bool) -> tuple[Numbers, Floats, int]:
        """The place of whom each follows, how similar it is to it, and how many pairs were compared."""
        texts = self._texts()
        first, document, band = buckets
        rank = texts.of[self.place(document)]
        bucket, number = np.unique(np.stack([band, first], 1), axis=0, return_inverse=True)
        memberships = (
            np.concatenate([number.ravel(), np.arange(len(bucket))]),
            np.concatenate([rank, texts.of[self.place(bucket[:, 1])]]),
        )
        sizes = np.diff(self.offsets)[texts.places]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        order = np.repeat(self.offsets[texts.places] - offsets[:-1], sizes) + np.arange(offsets[-1])
        found, similarity, compared = leaders(
            memberships, self.shingles[order], offsets, self.is_earlier[texts.heads], threshold, contained=contained
        )
        return texts.heads[found[texts.of]], similarity[texts.of], compared

    def _texts(self) -> _Texts:
        """Members of one text are one: in order of cluster, earlier datasets first, then the keep rules."""
        places, text_of = np.unique(self.equal, return_inverse=True)
        order = self._ranked(np.arange(self.count), text_of)
        starts = np.ones(self.count, bool)
        starts[1:] = text_of[order[1:]] != text_of[order[:-1]]
        heads = order[starts]
        by_rank = self._ranked(heads, self.clusters[heads])
        ranks = np.empty(len(heads), np.int64)
        ranks[by_rank] = np.arange(len(heads))
        return _Texts(heads=heads[by_rank], places=places[by_rank], of=ranks[text_of])

    def _ranked(self, rows: Numbers, within: Numbers) -> Numbers:
        """The order of some places: by ``within``, then earlier datasets first, the keep rules, the number."""
        return np.lexsort((self.documents[rows], *self.order[rows].T[::-1], ~self.is_earlier[rows], within))


@dataclass(frozen=True)
class _Texts:
    """The different texts among members, by rank.

    Attributes:
        heads: of each the place of the member that would stay.
        places: the place of the member that has its shingles.
        of: the rank of each member's text.
    """

    heads: Numbers
    places: Numbers
    of: Numbers
