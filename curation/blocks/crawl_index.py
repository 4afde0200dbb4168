"""Which records of a crawl are fetched, by its index: as rows that name their places, in the order of the archives.

    Stage(name="index", reads=(".../crawl=CC-MAIN-2024-10/subset=warc/",), steps=[QueryIndex(domains=…, parts=64)])
    Stage(name="snapshots", reads="index", steps=[ChooseSnapshots(ranges=folder_of("index"), parts=64)], parts=64)
    Stage(name="ranges", reads="snapshots", steps=[SortRanges(snapshots=folder_of("snapshots"), parts=64)], parts=64)

The rows have `curation.crawl.ranges.RANGE_COLUMNS`. Between the stages they are dealt by the hash of their page, and
then of their archive, so that a shard holds one part in memory and the result does not depend on the number of tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.blocks.dedup_pairs import Exchange
from curation.blocks.tables import Tables
from curation.content import absolute_location
from curation.crawl.cdx import LINES, read_lines
from curation.crawl.columnar import COLUMNAR, read_columnar
from curation.crawl.ranges import (
    EXCHANGED_COLUMNS,
    RANGE_COLUMNS,
    ByPart,
    generation_files,
    hashes_of,
    read_part,
    url_keys,
)
from curation.crawl.snapshots import COMPARED, LARGEST, LATEST, NAMES, NOT_TAKEN, REPEATED, Rule, choose, read_captures
from curation.crawl.url_lists import read_url_list
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError
from curation.folder import Folder
from curation.html.payload import HTML_TYPES


@dataclass(kw_only=True, repr=False)
class QueryIndex(Exchange):
    """Rows of an index that are pages of listed domains, or listed themselves; with no list all pages.

    It reads Common Crawl's columnar index (parquet), cdx files and answers of the CDX API, whichever the shard's files
    are, see `curation.crawl.columnar` and `curation.crawl.cdx`; what is not read, and why, is counted.

    Args:
        parts: of the next stage.
        crawls: dumps such as ``CC-MAIN-2024-10``; none for all that the index has.
        domains: the folder that `curation.blocks.domains.ListDomains` wrote; its listed domains are wanted whole.
        urls: files of URLs that are wanted wherever they are, see `curation.crawl.url_lists`.
        reason: of lists that are logs of filters, only what was dropped for it, such as ``curly_bracket``.
        languages: codes of ISO 639-3 (``eng``). A page stays if the index names one of them among its up to three
            languages, since that tells little of pages with few words, or names none (``language_unknown``).
        mime_types: a page is of one of these by its content, or by its header where the index knows no more.
        subsets: of Common Crawl's index.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1
    gives_rows_of_its_own: ClassVar[bool] = True
    reads_files: ClassVar[tuple[tuple[str, ...], ...]] = (COLUMNAR, LINES)

    parts: int
    crawls: tuple[str, ...] = ()
    domains: str | None = None
    urls: tuple[str, ...] = ()
    reason: str | None = None
    languages: tuple[str, ...] = ()
    mime_types: tuple[str, ...] = tuple(sorted(HTML_TYPES))
    subsets: tuple[str, ...] = ("warc",)

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        self.urls = tuple(map(absolute_location, self.urls))
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The lists of URLs."""
        return list(self.urls)

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Ranges, whatever the index has."""
        return EXCHANGED_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The wanted rows of the shard's files.

        Raises:
            ConfigError: if a file is no index, or a list none.
        """
        counts = Counter[str]()
        yield from ByPart(lambda rows: url_keys(rows["url"]), self.parts)(self._rows(counts))
        for name, n in sorted(counts.items()):
            self.count(name, n)
        self.count("documents_read", counts["rows_scanned"])

    def _rows(self, counts: Counter[str]) -> Iterator[pa.Table]:
        wanted = self._wanted()
        for file in self.files:
            read = read_columnar if file.endswith(COLUMNAR) else read_lines
            yield from read(file, wanted, counts)

    def _wanted(self) -> Wanted:
        return Wanted(
            domains=_listed(self.domains, Folder(self.domains).stamp()) if self.domains is not None else None,
            urls=read_url_list(self.urls, self.reason) if self.urls else None,
            crawls=self.crawls,
            languages=self.languages,
            mime_types=self.mime_types,
            subsets=self.subsets,
        )


@dataclass(kw_only=True, repr=False)
class ChooseSnapshots(Exchange):
    """Of each page the captures that are fetched, with ``snapshot_type``; others are counted (``not_chosen``).

    Captures are those of one page if their URLs differ in scheme and fragment only. When the index has grown, a part
    of the new generation compares with what came before and gives new captures only, so that a page may then have two
    that were the latest of their time. See `curation.crawl.snapshots.choose` for the rules.

    Args:
        ranges: the folder of the stage of `QueryIndex`.
        parts: of this stage and the next.
        snapshots: the rule.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1

    ranges: str
    parts: int
    snapshots: Rule = "latest_and_largest"

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        super().__post_init__()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Ranges."""
        return EXCHANGED_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """The chosen rows of a part; in memory are 50 bytes for each of its captures."""
        own, earlier = generation_files(self.ranges, rank, world_size, self.parts)
        part = rank % self.parts
        captures = read_captures(read_part(self.ranges, [*earlier, *own], part, COMPARED))
        kinds = choose(captures, self.snapshots)
        mine = kinds[sum(rows.num_rows for rows in read_part(self.ranges, earlier, part, ["url"])) :]
        self.count("documents_read", len(mine))
        self.count("not_chosen", int((mine == NOT_TAKEN).sum()))
        self.count("same_place", int((mine == REPEATED).sum()))
        self.count("latest", int((mine == LATEST).sum()))
        self.count("largest", int((mine == LARGEST).sum()))
        yield from ByPart(lambda rows: hashes_of(rows["warc_filename"]), self.parts)(self._chosen(own, part, mine))

    def _chosen(self, names: list[str], part: int, kinds: NDArray[np.int8]) -> Iterator[pa.Table]:
        begin = 0
        for rows in read_part(self.ranges, names, part):
            here = pa.array(kinds[begin : begin + rows.num_rows])
            begin += rows.num_rows
            said = pa.array(NAMES, pa.string()).take(here)
            place = rows.column_names.index("snapshot_type")
            yield rows.set_column(place, "snapshot_type", said).filter(pc.is_valid(said))


@dataclass(kw_only=True, repr=False)
class SortRanges(Exchange):
    """The same rows in order of archive and offset, no place twice (``same_place``), so that neighbours meet.

    Args:
        snapshots: the folder of the stage of `ChooseSnapshots`.
        parts: of that stage and this.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    snapshots: str
    parts: int

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        super().__post_init__()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """Ranges."""
        return RANGE_COLUMNS

    def run_tables(self, tables: Tables, rank: int = 0, world_size: int = 1) -> Tables:
        """A part in order; it is held in memory whole, some 400 bytes a row."""
        names, _ = generation_files(self.snapshots, rank, world_size, self.parts)
        empty = pa.schema(list(RANGE_COLUMNS.items())).empty_table()
        rows = pa.concat_tables([empty, *read_part(self.snapshots, names, rank % self.parts)])
        self.count("documents_read", rows.num_rows)
        rows = rows.sort_by([(name, "ascending") for name in ("warc_filename", "warc_record_offset", "url")])
        new = _differs(rows["id"])
        self.count("same_place", rows.num_rows - int(new.sum()))
        if rows.num_rows:
            yield rows.filter(pa.array(new))


def _differs(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Which values are not that of the row before."""
    new = np.ones(len(column), bool)
    if len(column) > 1:
        new[1:] = pc.not_equal(column[1:], column[:-1]).to_numpy()
    return new


@lru_cache(maxsize=2)
def _listed(folder: str, stamp: str) -> tuple[str, ...]:
    """The listed domains; read anew only if the folder has changed."""
    source, listed = Folder(folder), list[str]()
    names = source.list_files("", ".parquet")
    if not names:
        raise ConfigError(f"{folder}: no list of domains lies here")
    for name in names:
        with source.open(name) as file:
            table = pq.ParquetFile(file)
            missing = [one for one in ("id", "listed") if one not in table.schema_arrow.names]
            if missing:
                raise ConfigError(f"{folder}/{name}: no list of domains: no column {', '.join(missing)}")
            rows = table.read(["id", "listed"])
        listed += rows.filter(pc.fill_null(rows["listed"], False))["id"].to_pylist()
    return tuple(sorted(listed))


def _check_parts(parts: int) -> None:
    if parts < 1:
        raise ConfigError(f"parts: expected at least 1, got {parts}")
