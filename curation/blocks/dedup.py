"""Near-duplicates by MinHash: signatures, clusters, and one document kept of each cluster.

Example, as three stages: ``[Signatures(bands=1, rows=10)]``, then gathered ``[FindClusters()]``, then
``[KeepOneOfCluster(clusters=folder_of("dedup_clusters", "data"))]`` over the documents again.

Documents are addressed by (shard, row), because one record may stand in two archives under one id.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.step import Documents, Step
from curation.folder import Folder
from curation.text.minhash import MinHash, clusters

Normalisation = Literal["keep_mathematics", "words"]

_SIGNATURE_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "shard": pa.int32(),
    "row": pa.int64(),
    "score": pa.float64(),
    "characters": pa.int64(),
    "keys": pa.list_(pa.binary()),
}
_CLUSTER_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "shard": pa.int32(),
    "row": pa.int64(),
    "duplicate_of": pa.string(),
    "cluster_size": pa.int64(),
}


@dataclass(kw_only=True, repr=False)
class Signatures(Step):
    """A document's band keys, and what decides which member of a cluster stays.

    Args:
        ngram: tokens in a shingle.
        bands: groups of hashes; two documents are candidates if one group is equal.
        rows: hashes in a group.
        seed: of the permutations.
        normalisation: ``keep_mathematics`` keeps numbers and operators, ``words`` does not.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1

    ngram: int
    bands: int
    rows: int
    seed: int = 1
    normalisation: Normalisation = "keep_mathematics"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Signatures instead of documents."""
        return _SIGNATURE_COLUMNS

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """One row for each document, in order."""
        minhash = MinHash(
            ngram=self.ngram, bands=self.bands, rows=self.rows, seed=self.seed, normalisation=self.normalisation
        )
        for row, doc in enumerate(data or ()):
            signature = minhash.signature(doc.text)
            self.count("without_shingles", int(signature is None))
            metadata = {
                "shard": rank,
                "row": row,
                "score": doc.metadata.get("score"),
                "characters": len(doc.text),
                "keys": [] if signature is None else minhash.band_keys(signature),
            }
            yield Document(text="", id=doc.id, metadata=metadata)


@dataclass(kw_only=True, repr=False)
class FindClusters(Step):
    """Join documents that share a band; give the ones to remove, each with the one that is kept for it.

    Args:
        keep: which member stays: ``best`` (highest score, then longest), ``longest`` or ``first``.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    keep: Literal["best", "longest", "first"] = "best"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Removals instead of signatures."""
        return _CLUSTER_COLUMNS

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Read all signatures, then give the removals in the order of the documents."""
        rows = [{"id": doc.id, **doc.metadata} for doc in data or ()]
        rows.sort(key=lambda row: (row["shard"], row["row"]))
        root_of = clusters((number, row["keys"]) for number, row in enumerate(rows) if row["keys"])
        members: dict[int, list[int]] = {}
        for number, root in root_of.items():
            members.setdefault(root, []).append(number)
        found = {number: group for group in members.values() if len(group) > 1 for number in group}
        self.count("clusters", sum(len(group) > 1 for group in members.values()))
        for number in sorted(found):
            kept = min(found[number], key=lambda one: self._order(rows[one], one))
            if kept != number:
                row = rows[number]
                metadata = {key: row[key] for key in ("shard", "row")}
                metadata |= {"duplicate_of": rows[kept]["id"], "cluster_size": len(found[number])}
                yield Document(text="", id=row["id"], metadata=metadata)

    def _order(self, row: dict[str, Any], number: int) -> tuple[float, int, int]:
        """The member that comes first stays."""
        score = -(row["score"] or 0.0) if self.keep == "best" else 0.0
        return score, 0 if self.keep == "first" else -row["characters"], number


@dataclass(kw_only=True, repr=False)
class KeepOneOfCluster(Step):
    """Drop what `FindClusters` names, as ``near_duplicate``, with the id of the document kept for it.

    Args:
        clusters: the folder that `FindClusters` wrote.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"duplicate_of": pa.string(), "cluster_size": pa.int64()}

    clusters: str

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """By shard and row."""
        removals = _removals(self.clusters, Folder(self.clusters).stamp())
        for row, doc in enumerate(data or ()):
            found = removals.get((rank, row))
            if found is None:
                yield doc
            else:
                self.drop(doc, "near_duplicate", rank, duplicate_of=found[0], cluster_size=found[1])


@lru_cache(maxsize=1)
def _removals(folder: str, stamp: str) -> dict[tuple[int, int], tuple[str, int]]:
    source = Folder(folder)
    removals: dict[tuple[int, int], tuple[str, int]] = {}
    for name in source.list_files("", ".parquet"):
        with source.open(name) as file:
            for row in pq.read_table(file).to_pylist():
                removals[row["shard"], row["row"]] = row["duplicate_of"], row["cluster_size"]
    return removals
