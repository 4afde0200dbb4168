"""Of candidates only: their shingles, and what decides which of them stays.

Example: ``[CollectShingles(clusters=folder_of("dedup_clusters", "data"), …)]`` over the documents again; each part of
the clusters gets a folder of its own, which one worker can hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datatrove.data import Document

from curation.blocks.dedup import numbering_of
from curation.blocks.dedup_pairs import read_columns
from curation.blocks.keeping import check_columns, columns_needed, keep_order
from curation.blocks.tables import Tables, TableStep, make_table
from curation.text.minhash import MinHash

MEMBER_COLUMNS: dict[str, pa.DataType] = {
    "part": pa.int32(),
    "document": pa.int64(),
    "cluster": pa.int64(),
    "equal_to": pa.int64(),
    "id": pa.string(),
    "order": pa.list_(pa.float64()),
    "shingles": pa.large_binary(),
}


@dataclass(kw_only=True, repr=False)
class CollectShingles(TableStep):
    """Of the members of clusters their shingles, and what decides which of them stays.

    Args:
        clusters: the folder of `JoinPairs`.
        signatures: as of `FindPairs`.
        source: which of these signed the documents that are read.
        parts: as of `JoinPairs`.
        minhash: as of `Signatures`.
        keep: rules of `curation.blocks.keeping`.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    gives_rows_of_its_own: ClassVar[bool] = True

    clusters: str
    signatures: tuple[str, ...]
    parts: int
    minhash: MinHash = field(default_factory=MinHash)
    source: int = 0
    keep: tuple[str, ...] = ()

    @property
    def routes(self) -> list[str]:
        """A folder for each part."""
        return [f"part-{part:03d}" for part in range(self.parts)]

    def route(self, doc: Document) -> list[str]:
        """That of the cluster's part."""
        return [self.routes[doc.metadata["part"]]]

    def route_table(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """The rows of each part."""
        for part in pc.unique(table["part"]).to_pylist():
            yield self.routes[part], table.filter(pc.equal(table["part"], part))

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Members instead of documents."""
        if self.source == 0:
            check_columns(self.keep, columns)
        return MEMBER_COLUMNS

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Id, text and what the rules look at."""
        wanted = ("id", "text", *columns_needed(self.keep))
        return {name: columns.get(name, pa.null()) for name in wanted if name in columns or not columns}

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """One row for each member, in order."""
        numbers = numbering_of(self.signatures)
        first, end = numbers.span(self.source, rank)
        names = ["document", "part", "cluster", "equal_to", "compared"]
        here = (pc.field("document") >= first) & (pc.field("document") < end) & pc.field("band").is_null()
        documents, *columns = read_columns(self.clusters, names, here)
        for table in tables:
            start, stop = np.searchsorted(documents, [first, first + table.num_rows])
            found = slice(start, stop)
            rows = table.take(pa.array(documents[found] - first))
            yield self._members(rows, documents[found], *(column[found] for column in columns))
            first += table.num_rows
        numbers.check_end(self.source, rank, first)

    def _members(
        self, rows: pa.Table, documents: Any, parts: Any, clusters: Any, equal: Any, compared: Any
    ) -> pa.Table:
        texts = [text if one else "" for text, one in zip(rows["text"].to_pylist(), compared, strict=True)]
        values, offsets = self.minhash.shingle_sets(texts)
        bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        shingles = [values[start:stop].tobytes() for start, stop in bounds]
        order = keep_order(self.keep, rows).tolist()
        columns = [parts, documents, clusters, equal, rows["id"].cast(pa.string()), order, shingles]
        return make_table(MEMBER_COLUMNS, columns)
