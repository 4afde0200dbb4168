"""The documents again, without duplicates.

Example: ``[DropDuplicates(removals=folder_of("dedup_verified", "data"), signatures=(…,))]``. What is dropped, as
``exact_duplicate`` or ``near_duplicate``, is in ``removed/`` with the document that is kept for it, their similarity,
and the number of documents that the kept one stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.blocks.dedup import Numbering, numbering_of
from curation.blocks.step import Documents
from curation.blocks.tables import Tables, TableStep, folder_tables
from curation.errors import CurationError

_EVIDENCE: dict[str, pa.DataType] = {
    "duplicate_of": pa.string(),
    "similarity": pa.float64(),
    "cluster_size": pa.int64(),
    "duplicate_in": pa.string(),
    "kept_document": pa.int64(),
}


@dataclass(kw_only=True, repr=False)
class DropDuplicates(TableStep):
    """Drop what `VerifyPairs` names, each with the document that is kept for it and their similarity.

    Args:
        removals: the folder of `VerifyPairs`.
        signatures: as of `FindPairs`; the first signed the documents that are read.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = _EVIDENCE

    removals: str
    signatures: tuple[str, ...]

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """By number."""
        removals, numbers, first = self._removals(rank)
        documents = removals["document"].to_numpy()
        for table in tables:
            start, stop = np.searchsorted(documents, [first, first + table.num_rows])
            gone = documents[start:stop] - first
            first += table.num_rows
            rows, found = table.take(pa.array(gone)), removals.slice(start, stop - start)
            _check_ids(rows["id"].to_pylist(), found["id"].to_pylist())
            self._drop(rows, found)
            stays = np.ones(table.num_rows, bool)
            stays[gone] = False
            yield table.filter(pa.array(stays))
        numbers.check_end(0, rank, first)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """By number."""
        removals, numbers, number = self._removals(rank)
        rows = {row.pop("document"): row for row in removals.to_pylist()}
        for doc in data or ():
            row = rows.get(number)
            number += 1
            if row is None:
                yield doc
            else:
                _check_ids([doc.id], [row.pop("id")])
                self.drop(doc, row.pop("reason"), rank, **row)
        numbers.check_end(0, rank, number)

    def _drop(self, rows: pa.Table, removals: pa.Table) -> None:
        for name in ("reason", *_EVIDENCE):
            if name in rows.column_names:  # of an earlier run
                rows = rows.drop_columns([name])
            rows = rows.append_column(name, removals[name])
        if rows.num_rows:
            self.drop_rows(rows)

    def _removals(self, rank: int) -> tuple[pa.Table, Numbering, int]:
        """Those of one shard in order; row groups of other shards are not read."""
        numbers = numbering_of(self.signatures)
        first, end = numbers.span(0, rank)
        here = (pc.field("document") >= first) & (pc.field("document") < end)
        tables = list(folder_tables(self.removals, ["document", "id", "reason", *_EVIDENCE], here))
        return pa.concat_tables(tables).sort_by("document"), numbers, first


def _check_ids(here: list[str], signed: list[str]) -> None:
    """Documents are known by their place: an input that has changed since it was signed must not cost others."""
    for one, other in zip(here, signed, strict=True):
        if one != other:
            raise CurationError(
                f"document {one!r} stands where {other!r} was signed: the input has changed, run the stages again"
            )
