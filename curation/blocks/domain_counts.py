"""How many pages of each registered domain there are, how many of them are good, and which are the best and the worst.

Example: ``CountDomains(threshold=2, cut="published", parts=8)`` before `curation.blocks.domains.ListDomains`, as
`curation.domain_choice.domain_stages` puts them together. A row of what it gives, without its part::

    example.org   120 pages   31 good_pages   score_sum 170.5   best_score 4.7   best_url https://example.org/…   …

Memory does not grow with the input: a shard gives what it has counted, in order of ``part``, whenever that is a million
domains. So a domain may have several rows, of one shard or of several; all have one part, whose reader adds them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.blocks.card_counts import domains_of
from curation.blocks.select import Cut, column_of, passes
from curation.blocks.tables import Tables, TableStep
from curation.crawl.ranges import hashes_of

TOTAL_COLUMNS: dict[str, pa.DataType] = {
    "domain": pa.large_string(),
    "pages": pa.int64(),
    "good_pages": pa.int64(),
    "score_sum": pa.float64(),
    "best_score": pa.float64(),
    "best_url": pa.large_string(),
    "worst_score": pa.float64(),
    "worst_url": pa.large_string(),
}
"""What is known of a domain; a page is a row of it, too."""

MOST_DOMAINS = 1_000_000
"""Of a shard, held at a time; with two URLs each about 400 MB."""

_ROWS = 200_000


@dataclass(kw_only=True, repr=False)
class CountDomains(TableStep):
    """Count the scored pages of each domain: rows of `TOTAL_COLUMNS`, and the ``part`` of the next stage they go to.

    Pages whose URL names no domain are counted as ``pages_without_domain``. Scores are ``score`` where the pages have
    it, or else what the threshold is compared with.

    Args:
        threshold: a page is good from this score on.
        cut: see `curation.blocks.select.KeepScore`.
        parts: of the next stage.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1
    gives_rows_of_its_own: ClassVar[bool] = True

    threshold: float
    cut: Cut
    parts: int

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Domains instead of pages."""
        return TOTAL_COLUMNS | {"part": pa.int32()}

    def reads_columns(self, columns: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The URL and the scores, but no text."""
        wanted = dict.fromkeys(("id", "url", "score", column_of(self.threshold, self.cut)))
        return {name: columns.get(name, pa.null()) for name in wanted if name in columns or not columns}

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The domains of a shard, in order of their part.

        Raises:
            CurationError: if a page of a domain has not the score that is compared.
        """
        totals = DomainTotals()
        for table in _enlarged(tables):
            totals.add(self._pages(table))
            if totals.domains > MOST_DOMAINS:
                yield from self._by_part(totals.take())
        yield from self._by_part(totals.take())

    def _pages(self, table: pa.Table) -> pa.Table:
        """A row of `TOTAL_COLUMNS` for each page of a domain."""
        urls = _column(table, "url", pa.large_string())
        domains = domains_of(urls)
        if without := domains.null_count:
            self.count("pages_without_domain", without)
        known = pc.is_valid(domains)
        domains, urls, table = domains.filter(known), urls.filter(known), table.filter(known)
        column = column_of(self.threshold, self.cut)
        compared = _column(table, column, pa.float64())
        if compared.null_count:
            passes({column: None}, self.threshold, self.cut)  # says what is wrong
        good = pc.greater_equal(compared, float(self.threshold)).cast(pa.int64())
        score = pc.coalesce(_column(table, "score", pa.float64()), compared)
        pages = pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)
        columns = [domains, pages, good, score, score, urls, score, urls]
        return pa.table(columns, schema=pa.schema(list(TOTAL_COLUMNS.items())))

    def _by_part(self, totals: pa.Table) -> Tables:
        """A table for each part, so that a row group holds few of them."""
        part = part_of(totals["domain"], self.parts)
        order = np.argsort(part, kind="stable")
        ordered = totals.take(pa.array(order)).append_column("part", pa.array(part[order]))
        bounds = np.searchsorted(part[order], np.arange(self.parts + 1))
        for start, stop in pairwise(bounds):
            if stop > start:
                yield ordered.slice(start, stop - start)


class DomainTotals:
    """Rows of `TOTAL_COLUMNS`, added up as they come: in memory are at most twice as many rows as domains."""

    def __init__(self) -> None:
        self._waiting: list[pa.Table] = []
        self._rows = self._merged = 0

    @property
    def domains(self) -> int:
        """How many are held, at least."""
        return self._merged

    def add(self, rows: pa.Table) -> None:
        """Add pages, or domains that were counted before."""
        self._waiting.append(rows)
        self._rows += rows.num_rows
        if self._rows > 2 * max(self._merged, _ROWS):
            self._merge()

    def take(self) -> pa.Table:
        """One row for each domain; nothing is held any more."""
        self._merge()
        (found,) = self._waiting
        self._waiting, self._rows, self._merged = [], 0, 0
        return found

    def _merge(self) -> None:
        empty = pa.schema(list(TOTAL_COLUMNS.items())).empty_table()
        self._waiting = [added_up(pa.concat_tables(self._waiting or [empty]))]
        self._rows = self._merged = self._waiting[0].num_rows


def added_up(rows: pa.Table) -> pa.Table:
    """One row for each domain of rows of `TOTAL_COLUMNS`, in order of their first; of equal pages the first by URL."""
    coded = rows["domain"].combine_chunks().dictionary_encode()
    keyed = rows.drop_columns(["domain"]).append_column("code", coded.indices)
    sums = [
        ("pages", "sum"),
        ("good_pages", "sum"),
        ("score_sum", "sum"),
        ("best_score", "max"),
        ("worst_score", "min"),
    ]
    found = keyed.group_by("code", use_threads=False).aggregate(sums)  # by one thread, so that sums are the same
    names = {f"{name}_{how}": name for name, how in sums}
    found = found.rename_columns([names.get(name, name) for name in found.column_names])
    for which in ("best", "worst"):
        found = found.append_column(f"{which}_url", _example(keyed, found, which))
    return found.append_column("domain", coded.dictionary).select(list(TOTAL_COLUMNS))


def _example(rows: pa.Table, found: pa.Table, which: str) -> pa.ChunkedArray:
    """The URL of each domain's best or worst page; ``rows`` and ``found`` have codes 0, 1, … in order of ``found``."""
    score = f"{which}_score"
    reaches = pc.equal(rows[score], found[score].take(rows["code"]))
    candidates = rows.select(["code", f"{which}_url"]).filter(reaches)
    first = candidates.group_by("code", use_threads=False).aggregate([(f"{which}_url", "min")])
    return first[f"{which}_url_min"].take(pc.index_in(found["code"], value_set=first["code"].combine_chunks()))


def part_of(domains: pa.Array | pa.ChunkedArray, parts: int) -> NDArray[np.int32]:
    """Which of the parts each domain belongs to."""
    return (hashes_of(domains) % np.uint64(parts)).astype(np.int32)


def _enlarged(tables: Tables) -> Tables:
    """The same rows in tables of some hundred thousand, since each host of a table is looked up once."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(one.num_rows for one in waiting) >= _ROWS:
            yield pa.concat_tables(waiting, promote_options="permissive")
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting, promote_options="permissive")


def _column(table: pa.Table, name: str, kind: pa.DataType) -> Any:
    return table[name].cast(kind) if name in table.column_names else pa.chunked_array([pa.nulls(table.num_rows, kind)])
