"""Which domains are worth fetching whole, and the pages of those domains.

Example: ``ListDomains(threshold=2, cut="published", rule="pages", min_pages=10, min_share=0.1)``

FineMath's rule is told in two ways (paper: at least ten pages with a score of two; README: at least ten per cent of the
domain's pages); both are here, and with lists of URLs and domains they make the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.select import Cut, passes
from curation.blocks.step import Documents, Select, Step
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, open_input
from curation.text.domains import registered_domain

DOMAIN_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "pages": pa.int64(),
    "good_pages": pa.int64(),
    "share": pa.float64(),
    "list_urls": pa.int64(),
    "listed": pa.bool_(),
    "reason": pa.string(),
}


@dataclass(kw_only=True, repr=False)
class ListDomains(Step):
    """One row per registered domain, with the decision and its reason.

    Args:
        threshold: a page is good from this score on.
        cut: see `curation.blocks.select.KeepScore`.
        rule: ``pages``, ``share``, or ``both`` where both must hold.
        min_pages: so many good pages.
        min_share: such a share of good pages.
        url_lists: files of one URL per line; domains with ``min_list_urls`` of them are listed.
        min_list_urls: see ``url_lists``.
        domain_lists: files of one domain per line; all are listed.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    threshold: float
    cut: Cut
    rule: Literal["pages", "share", "both"]
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
        """Domains instead of documents."""
        return DOMAIN_COLUMNS

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Count all pages, then give the domains in order."""
        pages, good = Counter[str](), Counter[str]()
        for doc in data or ():
            domain = registered_domain(doc.metadata.get("url") or "")
            if domain is None:
                self.count("pages_without_domain")
                continue
            pages[domain] += 1
            good[domain] += passes(doc.metadata, self.threshold, self.cut)
        urls = Counter(filter(None, (registered_domain(url) for one in self.url_lists for url in _lines(one))))
        given = {registered_domain(line) or line for one in self.domain_lists for line in _lines(one)}
        for domain in sorted({*pages, *urls, *given}):
            row = self._row(domain, pages[domain], good[domain], urls[domain], domain in given)
            self.count("domains_listed", int(row["listed"]))
            yield Document(text="", id=domain, metadata=row)

    def _row(self, domain: str, pages: int, good: int, urls: int, given: bool) -> dict[str, Any]:
        share = good / pages if pages else 0.0
        by_pages, by_share = good >= self.min_pages, pages > 0 and share >= self.min_share
        scored = {"pages": by_pages, "share": by_share, "both": by_pages and by_share}[self.rule]
        in_lists = bool(self.url_lists) and urls >= self.min_list_urls
        reasons = {"score": scored, "url_list": in_lists, "domain_list": given}
        return {
            "pages": pages,
            "good_pages": good,
            "share": share,
            "list_urls": urls,
            "listed": any(reasons.values()),
            "reason": "+".join(name for name, holds in reasons.items() if holds) or "not_enough_good_pages",
        }


@dataclass(kw_only=True, repr=False)
class KeepListed(Select):
    """Drop pages whose domain is not listed (``domain_not_listed``), unless their URL is.

    Args:
        domains: the folder that `ListDomains` wrote.
        urls: files of one URL per line that are kept wherever they are, such as FineWeb's rejections for a brace.
    """

    version: ClassVar[int] = 1

    domains: str
    urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._listed: frozenset[str] | None = None
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
        return None if registered_domain(url) in self._listed or url in _urls(self.urls) else "domain_not_listed"

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Look at the list anew for each shard; it is read again only if it has changed."""
        self._listed = None
        yield from super().run(data, rank, world_size)


@lru_cache(maxsize=2)
def _listed(folder: str, stamp: str) -> frozenset[str]:
    source = Folder(folder)
    listed: set[str] = set()
    for name in source.list_files("", ".parquet"):
        with source.open(name) as file:
            table = pq.read_table(file, columns=["id", "listed"])
        listed |= {row["id"] for row in table.to_pylist() if row["listed"]}
    return frozenset(listed)


@lru_cache(maxsize=2)
def _urls(lists: tuple[str, ...]) -> frozenset[str]:
    return frozenset(line for one in lists for line in _lines(one))


def _lines(location: str) -> Iterator[str]:
    for file in list_inputs(resolve_location(location), ("",)):
        try:
            with open_input(file.path) as stream:
                for line in stream:
                    if text := line.decode().strip():
                        yield text
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file.path}: expected a text file with one entry per line: {error}") from error
