"""What the dataset's card counts: documents and tokens by language or configuration, the largest domains, the licences.

Example: ``amounts_by(columns_of_folder("out/scores/data", ("language", "token_count")), "language")`` is
``{"Python": Amount(documents=812, tokens=640113), …}``.

All of it is streamed with Arrow, a batch in memory at a time, and only the columns that are counted are read: a million
rows take seconds. Of domains and repositories a crawl has more than fit: at most `MOST_GROUPS` are remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.tables import Tables
from curation.folder import Folder
from curation.text.domains import registered_domain

MOST_GROUPS = 1_000_000
"""Domains or repositories that are remembered at a time; with their names about 100 MB."""

_ROWS = 1 << 16
_PLAIN = r"^[A-Za-z][A-Za-z0-9+.\-]*://(?P<host>[A-Za-z0-9.\-]+)(?::[0-9]*)?(?:[/?#]|$)"
_TOTALS = [("documents", "sum"), ("tokens", "sum"), ("score", "sum")]


@dataclass
class Amount:
    """So many documents with so many tokens, None where tokens were not counted."""

    documents: int = 0
    tokens: int | None = None

    def add(self, documents: int, tokens: int | None) -> None:
        """Add others to these."""
        self.documents += documents
        if tokens is not None:
            self.tokens = tokens + (self.tokens or 0)


@dataclass(frozen=True)
class Group:
    """A domain or repository with what stands here of it."""

    name: str
    amount: Amount
    mean_score: float | None


def columns_of_folder(location: str, wanted: Sequence[str]) -> Tables:
    """Those of the columns that the parquet files directly in a folder have, a batch of rows at a time, in order."""
    folder = Folder(location)
    for name in folder.list_files("", ".parquet"):
        with folder.open(name) as stream:
            opened = pq.ParquetFile(stream)
            here = [column for column in wanted if column in opened.schema_arrow.names]
            if not here and opened.metadata.num_rows:
                here = opened.schema_arrow.names[:1]  # rows are counted all the same
            for batch in opened.iter_batches(batch_size=_ROWS, columns=here):
                yield pa.Table.from_batches([batch])


def amounts_by(tables: Tables, by: str | None) -> dict[str | None, Amount]:
    """Documents and tokens for each value of a column; under None where a document has none, or all without ``by``."""
    found: dict[str | None, Amount] = {}
    for table in tables:
        if by is None or by not in table.column_names:
            found.setdefault(None, Amount()).add(table.num_rows, tokens_of(table))
            continue
        for row in _grouped(_narrow(table, table[by])).to_pylist():
            found.setdefault(row["key"], Amount()).add(row["documents"], row["tokens"])
    return found


def tokens_of(table: pa.Table) -> int | None:
    """The sum of ``token_count``, None where there is no such column."""
    if "token_count" not in table.column_names:
        return None
    return int(pc.sum(table["token_count"].cast(pa.int64())).as_py() or 0)


def count_values(found: Counter[str | None], values: pa.ChunkedArray) -> None:
    """Add how often each value occurs."""
    for one in pc.value_counts(values).to_pylist():
        found[one["values"]] += one["counts"]


def domains_of(urls: pa.ChunkedArray) -> pa.Array:
    """The registered domain of each URL, as `registered_domain` says it.

    Of URLs without login, brackets or letters beyond ASCII, which are nearly all, each host is looked up once.
    """
    whole = urls.combine_chunks()
    hosts = pc.utf8_lower(pc.struct_field(pc.extract_regex(whole, _PLAIN), "host"))
    others = pc.if_else(pc.is_null(hosts), whole, None)
    by_host = _mapped(hosts, lambda host: registered_domain(f"//{host}") if host else None)
    return pc.coalesce(by_host, _mapped(others, lambda url: registered_domain(url) if url else None))


class LargestGroups:
    """The largest of any number of groups, in bounded memory.

    When more than ``most`` are there, the smaller half is forgotten. What may be missing of any group, since it may
    have been forgotten before it came again, is at most `missed` documents: 0 where nothing was forgotten.
    """

    def __init__(self, most: int = MOST_GROUPS) -> None:
        self.missed = 0
        self._most = most
        self._totals: pa.Table | None = None
        self._waiting: list[pa.Table] = []

    def add(self, table: pa.Table, names: pa.Array | pa.ChunkedArray) -> None:
        """Add rows with ``token_count`` and ``score``, where they have them, under the names of their groups."""
        one = _grouped(_narrow(table, names))
        self._waiting.append(one.filter(pc.is_valid(one["key"])))
        if sum(part.num_rows for part in self._waiting) > self._most // 2:
            self._merge()

    def largest(self, most: int) -> list[Group]:
        """By documents, those of equal size by name."""
        self._merge()
        if self._totals is None:
            return []
        order = pc.select_k_unstable(self._totals, most, [("documents", "descending"), ("key", "ascending")])
        rows = self._totals.take(order).to_pylist()
        return [
            Group(
                row["key"],
                Amount(row["documents"], row["tokens"]),
                None if row["score"] is None else row["score"] / row["documents"],
            )
            for row in rows
        ]

    def _merge(self) -> None:
        parts = [*([self._totals] if self._totals is not None else []), *self._waiting]
        self._waiting = []
        if not parts:
            return
        self._totals = _grouped(pa.concat_tables(parts))
        if self._totals.num_rows > self._most:
            self._forget(self._totals)

    def _forget(self, totals: pa.Table) -> None:
        order = pc.sort_indices(totals, [("documents", "descending"), ("key", "ascending")])
        self.missed += totals["documents"][order[self._most // 2].as_py()].as_py()
        self._totals = totals.take(order[: self._most // 2])


def _narrow(table: pa.Table, keys: pa.Array | pa.ChunkedArray) -> pa.Table:
    """One row per document with what is summed over groups; keys as plain strings whatever they were."""
    rows = table.num_rows
    return pa.table(
        {
            "key": keys.cast(pa.large_string()),
            "documents": pa.repeat(pa.scalar(1, pa.int64()), rows),
            "tokens": _or_nulls(table, "token_count", pa.int64()),
            "score": _or_nulls(table, "score", pa.float64()),
        }
    )


def _or_nulls(table: pa.Table, name: str, kind: pa.DataType) -> Any:
    return table[name].cast(kind) if name in table.column_names else pa.nulls(table.num_rows, kind)


def _grouped(narrow: pa.Table) -> pa.Table:
    """Sums for each key; by one thread, so that sums of fractions are the same each time."""
    found = narrow.group_by("key", use_threads=False).aggregate(_TOTALS)
    return found.rename_columns({f"{name}_sum": name for name, _ in _TOTALS})


def _mapped(values: pa.Array, change: Callable[[str | None], str | None]) -> pa.Array:
    coded = values.dictionary_encode()
    changed = pa.array([change(one) for one in coded.dictionary.to_pylist()], pa.large_string())
    return changed.take(coded.indices)


def each_value(tables: Tables, by: str, name: str) -> Iterator[tuple[str | None, Counter[str | None]]]:
    """For each value of ``name``, how often each value of ``by`` occurs with it."""
    found: dict[str | None, Counter[str | None]] = {}
    for table in tables:
        if name not in table.column_names:
            continue
        keys = table[by] if by in table.column_names else pa.nulls(table.num_rows, pa.string())
        pairs = pa.table({"name": table[name], "by": keys})
        for row in pairs.group_by(["name", "by"], use_threads=False).aggregate([([], "count_all")]).to_pylist():
            found.setdefault(row["name"], Counter())[row["by"]] += row["count_all"]
    yield from found.items()
