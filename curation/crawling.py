"""The pages of a crawl by its index, as the stages ``index``, ``snapshots``, ``ranges`` and ``fetch``.

    stages = crawl_stages(s.crawl, domains=folder_of("domains", "data"), urls=s.extra_urls)

The index says where each capture of a page lies, so that the pages of chosen domains are fetched out of dumps of
billions by ranged reads. What is to be fetched stands in ``ranges/data`` before anything is: `curate plan` says how
many requests, bytes and hours it will take.
"""

from __future__ import annotations

from dataclasses import dataclass

from curation.blocks.crawl_found import CheckFound
from curation.blocks.crawl_index import ChooseSnapshots, QueryIndex, SortRanges
from curation.blocks.fetch_ranges import FetchRanges, ForgetCaptures
from curation.crawl.snapshots import Rule
from curation.path_lists import is_path_list
from curation.recipe import Removed, Stage, folder_of


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """Which captures are fetched, and how, as recipes' settings name it.

    Args:
        index: where the index lies: the folder above ``crawl=…`` of a columnar index, single files, lists of paths
            (``cc-index-table.paths.gz``), cdx files, or answers of the CDX API.
        crawls: the dumps, such as ``CC-MAIN-2024-10``; none for all that ``index`` has.
        archives: what the index's file names are relative to: ``https://data.commoncrawl.org``, ``s3://commoncrawl``.
        languages: a page is fetched if the index says one of these of it, as ISO 639-3 (``eng``); none for all.
        snapshots: which captures of a URL.
        parts: into how many parts ranges are exchanged, which is how many shards are fetched.
        gap_bytes: neighbours of one archive that lie no further apart are fetched in one request.
        requests_per_second: of all tasks together.
        concurrency: requests at a time of one task.
        verify: compare each record with the URL and the digest that the index promises.
    """

    index: tuple[str, ...]
    crawls: tuple[str, ...] = ()
    archives: str
    languages: tuple[str, ...] = ()
    snapshots: Rule = "latest_and_largest"
    parts: int = 64
    gap_bytes: int = 65_536
    requests_per_second: float = 100.0
    concurrency: int = 32
    verify: bool = True

    def __post_init__(self) -> None:
        if not self.index:
            raise ValueError("index: expected at least one location")
        for name in ("parts", "concurrency", "requests_per_second"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.gap_bytes < 0:
            raise ValueError(f"gap_bytes: expected 0 or more, got {self.gap_bytes}")

    @property
    def locations(self) -> tuple[str, ...]:
        """What is listed: of a columnar index only the partitions of the crawls, not the 100 others beside them."""
        return tuple(
            location for one in self.index for location in (_partitions(one, self.crawls) if _is_table(one) else (one,))
        )


def crawl_stages(
    c: Crawl,
    *,
    domains: str | None = None,
    urls: tuple[str, ...] = (),
    reason: str | None = None,
    removed: Removed = "ids",
    name: str = "fetch",
) -> list[Stage]:
    """The stages that find and fetch pages; they are read from the last, which has what an archive's pages have.

    Args:
        c: which captures.
        domains: the folder that `ListDomains` wrote; its listed domains are fetched whole.
        urls: files of URLs that are fetched wherever they are, such as FineWeb's rejections for a brace.
        reason: of lists that are logs of a filter, only what was dropped for it, such as ``curly_bracket``.
        removed: of ranges of which no page could be had.
        name: of the last stage.
    """
    # What the locations say already is no part of the query: a further crawl is then a further input, and no change.
    named = () if all(map(_is_table, c.index)) else c.crawls
    query = QueryIndex(crawls=named, domains=domains, urls=urls, reason=reason, languages=c.languages, parts=c.parts)
    choose = ChooseSnapshots(ranges=folder_of("index"), snapshots=c.snapshots, parts=c.parts)
    sort = SortRanges(snapshots=folder_of("snapshots"), parts=c.parts)
    fetch = FetchRanges(
        archives=c.archives,
        gap_bytes=c.gap_bytes,
        requests_per_second=c.requests_per_second,
        concurrency=c.concurrency,
        verify=c.verify,
        keep=folder_of(name),
    )
    return [
        Stage(name="index", reads=c.locations, steps=[query], costly=True, removed="none"),
        Stage(name="snapshots", reads="index", steps=[choose], parts=c.parts, extends=True, removed="none"),
        Stage(
            name="ranges",
            reads="snapshots",
            steps=[sort],
            parts=c.parts,
            extends=True,
            removed="none",
            finish=CheckFound(),
        ),
        Stage(name=name, reads="ranges", steps=[fetch], costly=True, removed=removed, finish=ForgetCaptures()),
    ]


def _is_table(location: str) -> bool:
    """Whether a location is a folder with partitions of crawls, rather than a file or one of them."""
    last = location.rstrip("/").rsplit("/", 1)[-1]
    return not (is_path_list(location) or "." in last or "=" in last or "*" in location)


def _partitions(location: str, crawls: tuple[str, ...]) -> tuple[str, ...]:
    if not crawls:
        return (location,)
    return tuple(f"{location.rstrip('/')}/crawl={crawl}/subset=warc" for crawl in crawls)
