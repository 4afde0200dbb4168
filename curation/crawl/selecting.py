"""The wanted rows of an index, whatever it is written in.

Example: ``select(rows, Wanted(domains=("example.org",)), Counter())`` gives those of a row group, of which only the
columns that are needed are read (see `Rows`), with the columns of `curation.crawl.ranges.RANGE_COLUMNS`.

Columns are known by their names in Common Crawl's index. A row counts (``not_200``, ``not_html``, ``other_language``)
where its domain is asked for: of the others nothing but the domain is looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.crawl.ranges import RANGE_COLUMNS, crawl_of
from curation.crawl.wanted import Wanted
from curation.text.domains import registered_domain

DOMAIN = "url_host_registered_domain"
INDEX_KINDS: dict[str, pa.DataType] = {
    "url": pa.string(),
    DOMAIN: pa.string(),
    "fetch_time": pa.timestamp("ns"),
    "fetch_status": pa.int16(),
    "content_digest": pa.string(),
    "content_mime_type": pa.string(),
    "content_mime_detected": pa.string(),
    "content_languages": pa.string(),
    "warc_filename": pa.string(),
    "warc_record_offset": pa.int64(),
    "warc_record_length": pa.int64(),
}
"""What is read of an index, as which types."""

OPTIONAL = frozenset({"content_digest", "content_mime_detected", "content_languages"})
"""Older indexes have not all of these (``content_languages`` came with CC-MAIN-2018-39); null stands for them."""


class Rows(Protocol):
    """Rows of an index whose columns are had one by one."""

    @property
    def count(self) -> int:
        """How many."""

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of `INDEX_KINDS`, as text maybe with a dictionary; nulls where the index has none of that name."""


def select(
    rows: Rows, wanted: Wanted, counts: Counter[str], asked: pa.Array | None = None, crawl: str | None = None
) -> pa.Table | None:
    """The wanted rows with `RANGE_COLUMNS`, None where there are none; of the others few columns are touched.

    Args:
        rows: of an index.
        wanted: what is asked for.
        counts: is added to: ``not_200``, ``not_html``, ``other_language``, ``language_unknown``, ``other_crawl``.
        asked: of the domains asked for those that may be among the rows; all if None.
        crawl: of all rows; None where the names of their archives tell.
    """
    found = _Found(rows, counts)
    if not wanted.all:
        values = pa.array(wanted.asked, pa.string()) if asked is None else asked
        found.keep(_is_in(_domains(rows, wanted), values))
    found.keep(pc.equal(found.column("fetch_status"), 200), "not_200")
    kinds = pc.coalesce(found.column("content_mime_detected"), found.column("content_mime_type"))
    found.keep(_is_in(kinds, pa.array(wanted.mime_types, pa.string())), "not_html")
    if wanted.urls is not None:
        found.keep(pc.or_(_of_whole(found, wanted), pa.array(wanted.urls.has(found.column("url")))))
    if wanted.languages:
        found.keep(_speaks(found, wanted, counts), "other_language")
    if not len(found.places):
        return None
    table = _table(found, wanted, crawl)
    mine = pa.array([wanted.takes_crawl(one) for one in table["crawl"].to_pylist()]) if wanted.crawls else None
    if mine is not None and (others := table.num_rows - (pc.sum(mine).as_py() or 0)):
        counts["other_crawl"] += others
        table = table.filter(mine)
    return table


class _Found:
    """Rows that are left, fewer with each condition; a column is read when it is asked for, once."""

    def __init__(self, rows: Rows, counts: Counter[str]) -> None:
        self.places: NDArray[np.int64] = np.arange(rows.count)
        self._rows, self._counts = rows, counts
        self._read: dict[str, pa.ChunkedArray] = {}

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the rows that are left."""
        if name not in self._read:
            kind, places = INDEX_KINDS[name], pa.array(self.places)
            found = self._rows.column(name).take(places) if len(places) else pa.chunked_array([], kind)
            self._read[name] = found.cast(kind)
        return self._read[name]

    def keep(self, good: pa.Array | pa.ChunkedArray, reason: str = "") -> None:
        """Keep the rows for which something is true; of the others it may be false or unknown."""
        good = pc.fill_null(good, False)
        mask = good.to_numpy() if isinstance(good, pa.ChunkedArray) else good.to_numpy(zero_copy_only=False)
        if reason and (gone := len(mask) - int(mask.sum())):
            self._counts[reason] += gone
        self.places = self.places[mask]
        self._read = {name: column.filter(pa.array(mask)) for name, column in self._read.items()}


def _is_in(column: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    """Membership, of a column with a dictionary by its different values: of a million rows some thousand."""
    if not pa.types.is_dictionary(column.type):
        return pc.is_in(column, value_set=values)
    found = [pc.is_in(one.dictionary, value_set=values).take(one.indices) for one in column.chunks]
    return pa.chunked_array(found, pa.bool_())


def _domains(rows: Rows, wanted: Wanted) -> pa.ChunkedArray:
    """Of each row the registered domain; where the index has none of an address that is asked for, the address."""
    column = rows.column(DOMAIN)
    return _named(column.cast(pa.string()), rows.column("url")) if wanted.has_addresses else column


def _named(domains: pa.ChunkedArray, urls: pa.ChunkedArray) -> pa.ChunkedArray:
    """Domains, and where there is none what `registered_domain` says of the URL."""
    if not domains.null_count:
        return domains
    unknown = pc.is_null(domains).combine_chunks()
    names = [registered_domain(url) for url in urls.filter(unknown).to_pylist()]
    return pa.chunked_array([pc.replace_with_mask(domains.combine_chunks(), unknown, pa.array(names, pa.string()))])


def _of_whole(found: _Found, wanted: Wanted) -> pa.ChunkedArray:
    return _is_in(_named(found.column(DOMAIN), found.column("url")), wanted.whole)


def _speaks(found: _Found, wanted: Wanted, counts: Counter[str]) -> pa.ChunkedArray:
    spoken = found.column("content_languages")
    if spoken.null_count:
        counts["language_unknown"] += spoken.null_count
    pattern = rf"(?:^|,)\s*(?:{'|'.join(map(re.escape, wanted.languages))})\s*(?:,|$)"
    return pc.fill_null(pc.match_substring_regex(spoken, pattern), True)


def _table(found: _Found, wanted: Wanted, crawl: str | None) -> pa.Table:
    """`RANGE_COLUMNS` of the rows that are left."""
    names = found.column("warc_filename")
    offsets = found.column("warc_record_offset")
    urls = found.column("url")
    domains = _named(found.column(DOMAIN), urls)
    if wanted.all:
        selected = pa.repeat(pa.scalar("all"), len(urls))
    else:
        selected = pc.if_else(_is_in(domains, wanted.whole), "domain", "url")
    columns = {
        "id": pc.binary_join_element_wise(names, offsets.cast(pa.string()), ":"),
        "url": urls,
        "domain": domains,
        "fetch_time": found.column("fetch_time").cast(pa.int64()),
        "content_mime_type": found.column("content_mime_type"),
        "content_languages": found.column("content_languages"),
        "content_digest": found.column("content_digest"),
        "warc_filename": names,
        "warc_record_offset": offsets,
        "warc_record_length": found.column("warc_record_length"),
        "crawl": _crawls(names) if crawl is None else pa.repeat(pa.scalar(crawl), len(urls)),
        "snapshot_type": pa.nulls(len(urls), pa.string()),
        "selected_by": selected,
    }
    return pa.table(columns, schema=pa.schema(list(RANGE_COLUMNS.items())))


def _crawls(names: pa.ChunkedArray) -> pa.ChunkedArray:
    coded = names.combine_chunks().dictionary_encode()
    crawls = pa.array([crawl_of(one) if one else None for one in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([crawls.take(coded.indices)])
