"""Which domains are worth fetching whole, and the pages of those domains.

Example: ``ListDomains(counted=folder_of("domain_counts", "data"), rule="pages", min_pages=10, min_share=0.1)`` in a
stage of ``parts=8`` after `curation.blocks.domain_counts.CountDomains`, then ``KeepListed(domains=…)``.

FineMath's rule is told in two ways (paper: at least ten pages with a score of two; README: at least ten per cent of the
domain's pages); both are here, and with lists of URLs and domains they make the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from datatrove.data import Document
from numpy.typing import NDArray

from curation.blocks.card_counts import columns_of_folder
from curation.blocks.dedup_pairs import Exchange
from curation.blocks.domain_counts import TOTAL_COLUMNS, DomainTotals
from curation.blocks.domain_lists import given_domains, urls_by_domain
from curation.blocks.step import Documents, Select
from curation.blocks.tables import Tables, folder_tables, make_table
from curation.content import absolute_location
from curation.crawl.ranges import hashes_of
from curation.crawl.url_lists import listed_urls
from curation.folder import Folder
from curation.text.domains import registered_domain

Rule = Literal["pages", "share", "both"]

DOMAIN_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "pages": pa.int64(),
    "good_pages": pa.int64(),
    "share": pa.float64(),
    "mean_score": pa.float64(),
    "list_urls": pa.int64(),
    "listed": pa.bool_(),
    "reason": pa.string(),
    "best_score": pa.float64(),
    "best_url": pa.string(),
    "worst_score": pa.float64(),
    "worst_url": pa.string(),
}

NOT_LISTED = "not_enough_good_pages"
"""The reason of a domain that neither its pages nor a list speaks for."""


@dataclass(kw_only=True, repr=False)
class ListDomains(Exchange):
    """One row per registered domain, with the decision and its reason; in a part in order of their names.

    Each part reads its rows of what was counted, and the lists whole, of which it takes its domains.

    Args:
        counted: the folder that `CountDomains` wrote for as many parts as the stage has.
        rule: ``pages``, ``share``, or ``both`` where both must hold.
        min_pages: so many good pages.
        min_share: such a share of good pages.
        url_lists: files of one URL per line; domains with ``min_list_urls`` of them are listed.
        min_list_urls: see ``url_lists``.
        domain_lists: files of one domain per line; all are listed.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 2

    counted: str
    rule: Rule
    min_pages: int
    min_share: float
    url_lists: tuple[str, ...] = ()
    min_list_urls: int = 10
    domain_lists: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.url_lists = tuple(map(absolute_location, self.url_lists))
        self.domain_lists = tuple(map(absolute_location, self.domain_lists))
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The lists."""
        return [*self.url_lists, *self.domain_lists]

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Domains with decisions."""
        return DOMAIN_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The domains of part ``rank``: their pages added up, joined with the lists, and decided."""
        totals = DomainTotals()
        for rows in folder_tables(self.counted, list(TOTAL_COLUMNS), filters=[("part", "=", rank)]):
            self.count("documents_read", rows.num_rows)
            totals.add(rows)
        urls = urls_by_domain(self.url_lists, rank, world_size)
        given = given_domains(self.domain_lists, rank, world_size)
        found = self._decided(_joined(totals.take(), urls, given))
        self.count("domains_listed", pc.sum(found["listed"]).as_py() or 0)
        yield found

    def _decided(self, known: pa.Table) -> pa.Table:
        pages, good, urls = known["pages"], known["good_pages"], known["list_urls"]
        share = _ratio(good, pages)
        by_pages = pc.greater_equal(good, self.min_pages)
        by_share = pc.and_(pc.greater(pages, 0), pc.fill_null(pc.greater_equal(share, float(self.min_share)), False))
        reasons = {
            "score": {"pages": by_pages, "share": by_share, "both": pc.and_(by_pages, by_share)}[self.rule],
            "url_list": pc.and_(pc.greater_equal(urls, self.min_list_urls), bool(self.url_lists)),
            "domain_list": known["given"],
        }
        bits = [pc.if_else(holds, 1 << bit, 0) for bit, holds in enumerate(reasons.values())]
        spoken_for = reduce(pc.add, bits)
        told = pa.array([_names_of(one, list(reasons)) for one in range(1 << len(reasons))])
        values = {name: known[name] for name in known.column_names} | {
            "share": pc.fill_null(share, 0.0),
            "mean_score": _ratio(known["score_sum"], pages),
            "listed": pc.greater(spoken_for, 0),
            "reason": told.take(spoken_for.combine_chunks()),
        }
        return make_table(DOMAIN_COLUMNS, [values[name].cast(kind) for name, kind in DOMAIN_COLUMNS.items()])


def _names_of(bits: int, reasons: Sequence[str]) -> str:
    """Those reasons whose bit is set, such as ``score+url_list``."""
    return "+".join(name for bit, name in enumerate(reasons) if bits >> bit & 1) or NOT_LISTED


def _joined(counted: pa.Table, urls: pa.Table, given: pa.Array) -> pa.Table:
    """All domains in order of their names: what was counted, ``list_urls`` and whether they are ``given``."""
    names = pc.unique(pa.chunked_array([*counted["domain"].chunks, *urls["domain"].chunks, given]))
    names = names.take(pc.sort_indices(names))
    found = counted.take(pc.index_in(names, value_set=counted["domain"].combine_chunks()))
    list_urls = urls["urls"].take(pc.index_in(names, value_set=urls["domain"].combine_chunks()))
    numbers = {name: pc.fill_null(found[name], 0) for name in ("pages", "good_pages")}
    others = {name: found[name] for name in TOTAL_COLUMNS if name not in ("domain", *numbers)}
    lists = {"list_urls": pc.fill_null(list_urls, 0), "given": pc.is_in(names, value_set=given)}
    return pa.table({"id": names, **numbers, **others, **lists})


def _ratio(part: pa.ChunkedArray, pages: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null where there are no pages."""
    return pc.divide(part.cast(pa.float64()), pc.if_else(pc.greater(pages, 0), pages, None))


@dataclass(kw_only=True, repr=False)
class KeepListed(Select):
    """Drop pages whose domain is not listed (``domain_not_listed``), unless their URL is.

    Of a listed domain eight bytes are held, those of its hash: of 50 million 400 MB. A domain that is not listed passes
    for one that is with a chance of one in 370,000 million then.

    Args:
        domains: the folder that `ListDomains` wrote.
        urls: files of one URL per line that are kept wherever they are, such as FineWeb's rejections for a brace.
    """

    version: ClassVar[int] = 1

    domains: str
    urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._listed: NDArray[np.uint64] | None = None
        self.urls = tuple(map(absolute_location, self.urls))
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The URL lists."""
        return list(self.urls)

    def reason(self, doc: Document) -> str | None:
        """By the page's URL."""
        url = doc.metadata.get("url") or ""
        if self._listed is None:
            self._listed = _listed(self.domains, Folder(self.domains).stamp())
        return (
            None if _is_among(registered_domain(url), self._listed) or url in _urls(self.urls) else "domain_not_listed"
        )

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Look at the list anew for each shard; it is read again only if it has changed."""
        self._listed = None
        yield from super().run(data, rank, world_size)


@lru_cache(maxsize=1)
def _listed(folder: str, stamp: str) -> NDArray[np.uint64]:
    """The hashes of the listed domains, in order."""
    tables = columns_of_folder(folder, ("id", "listed"))
    keys = np.concatenate([np.zeros(0, np.uint64), *(hashes_of(one["id"].filter(one["listed"])) for one in tables)])
    keys.sort()
    return keys


def _is_among(domain: str | None, keys: NDArray[np.uint64]) -> bool:
    if domain is None:
        return False
    key = np.uint64(xxhash.xxh64_intdigest(domain))
    place = keys.searchsorted(key)
    return bool(place < len(keys) and keys[place] == key)


@lru_cache(maxsize=2)
def _urls(lists: tuple[str, ...]) -> frozenset[str]:
    return frozenset(line for one in lists for line in listed_urls(one))
