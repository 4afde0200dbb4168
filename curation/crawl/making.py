"""An index of one's own archives, laid out as Common Crawl's columnar index is.

Example: ``make_index("archives/", "index", crawl="mine-2026")`` writes
``index/crawl=mine-2026/subset=warc/part-00000.parquet`` and further files, all of them sorted by ``url_surtkey``; with
``index`` as index and ``archives`` as archives the pages are then found and fetched as a crawl's are.

In memory are the rows of one archive, then those of one file (a million rows, some 500 MB). Archives are read once.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from curation.content import resolve_location
from curation.crawl.surt import surt
from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, open_input
from curation.html.archive import Record, read_archive
from curation.text.domains import registered_domain, site

ARCHIVES = (".warc.gz", ".warc", ".arc.gz", ".arc")

MADE_COLUMNS: dict[str, pa.DataType] = {
    "url_surtkey": pa.string(),
    "url": pa.string(),
    "url_host_name": pa.string(),
    "url_host_tld": pa.string(),
    "url_host_registered_domain": pa.string(),
    "url_host_private_domain": pa.string(),
    "url_protocol": pa.string(),
    "url_path": pa.string(),
    "url_query": pa.string(),
    "fetch_time": pa.timestamp("ms"),
    "fetch_status": pa.int16(),
    "fetch_redirect": pa.string(),
    "content_digest": pa.string(),
    "content_mime_type": pa.string(),
    "content_mime_detected": pa.string(),
    "content_charset": pa.string(),
    "content_languages": pa.string(),
    "content_truncated": pa.string(),
    "warc_filename": pa.string(),
    "warc_record_offset": pa.int64(),
    "warc_record_length": pa.int64(),
    "warc_segment": pa.string(),
}
"""As published, but for places in files of more than 2 GB. Redirects and languages are not known, and null."""

_SCHEMA = pa.schema(list(MADE_COLUMNS.items()))
_ORDER = [(name, "ascending") for name in ("url_surtkey", "fetch_time", "warc_filename", "warc_record_offset")]
_SAMPLED = 1000  # every so many rows a sort key is remembered, to find where a file is to end


@dataclass(frozen=True, kw_only=True)
class MadeIndex:
    """What was made: the folder, how many archives, records and files, and why others have no row.

    ``skipped`` has the types of WARC records that are no responses, ``bad_record``, ``no_url``, ``no_time``, and
    ``shared_place`` (an archive compressed as a whole, whose records cannot be read alone).
    """

    folder: str
    archives: int
    records: int
    files: int
    skipped: Counter[str]


def make_index(
    archives: str,
    output: str,
    *,
    crawl: str = "own",
    prefix: str = "",
    rows_per_file: int = 1_000_000,
    rows_per_group: int = 100_000,
) -> MadeIndex:
    """Index every response of WARC and ARC files.

    Args:
        archives: a folder (searched through), a glob or a file.
        output: the index's folder, local or remote; gets ``crawl={crawl}/subset=warc/``.
        crawl: what the rows' crawl is called.
        prefix: put before the names of the archives, which are relative to the folder: ``{prefix}/{name}`` is what is
            looked for below the location of archives when pages are fetched.
        rows_per_file: about so many rows; rows of one page stay in one file.
        rows_per_group: at most so many rows are skipped or read together.

    Raises:
        ConfigError: if there is no archive, or an index of this crawl.
    """
    if not crawl or set("/=") & set(crawl):
        raise ConfigError(f"crawl: expected a name without / and =, got {crawl!r}")
    location = resolve_location(archives)
    files = [one.path for one in list_inputs(location, ARCHIVES)]
    folder = Folder(output) / f"crawl={crawl}/subset=warc"
    if folder.list_files("", ".parquet"):
        raise ConfigError(f"{folder.location}: an index lies here already; remove it, or name another crawl")
    skipped = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="curation-index-") as temporary:
        keys: list[str] = []
        runs = [Path(temporary, f"{number}.parquet") for number in range(len(files))]
        records = 0
        for file, run in zip(files, runs, strict=True):
            name = f"{prefix.strip('/')}/{_relative(file, location)}".lstrip("/")
            rows = _rows_of(file, name, skipped)
            pq.write_table(rows, run, row_group_size=10 * _SAMPLED)
            keys += rows["url_surtkey"].to_pylist()[::_SAMPLED]
            records += rows.num_rows
        bounds = _bounds(sorted(keys), max(1, rows_per_file // _SAMPLED))
        for number, (begin, end) in enumerate(bounds):
            with folder.create(f"part-{number:05d}.parquet") as path:
                pq.write_table(_merged(runs, begin, end), path, compression="zstd", row_group_size=rows_per_group)
    return MadeIndex(folder=folder.location, archives=len(files), records=records, files=len(bounds), skipped=skipped)


def _relative(file: str, location: str) -> str:
    """A file's path below the folder that was given, or the one in which what was given lies."""
    known = location.split("*")[0].split("?")[0].split("[")[0]
    root = known if file.startswith(f"{known.rstrip('/')}/") else known.rpartition("/")[0]
    return file.removeprefix(root.rstrip("/")).lstrip("/")


def _rows_of(file: str, name: str, skipped: Counter[str]) -> pa.Table:
    """The rows of an archive, in order."""
    rows: list[dict[str, Any]] = []
    with open_input(file) as stream:
        for record in read_archive(stream, name, skipped, digests=True):
            if (reason := _unfit(record)) is not None:
                skipped[reason] += 1
            else:
                rows.append(_row(record))
    places = Counter(row["warc_record_offset"] for row in rows)
    alone = [row for row in rows if places[row["warc_record_offset"]] == 1]
    skipped += Counter(shared_place=len(rows) - len(alone))
    return pa.Table.from_pylist(alone, schema=_SCHEMA).sort_by(_ORDER)


def _unfit(record: Record) -> str | None:
    if record.reason == "bad_record":
        return "bad_record"
    if record.url is None:
        return "no_url"
    return "no_time" if record.fetch_time is None else None


def _row(record: Record) -> dict[str, Any]:
    url = record.url or ""
    host, scheme, path, query = _parts(url)
    segments = record.warc_filename.split("/segments/")
    return {
        "url_surtkey": surt(url),
        "url": url,
        "url_host_name": host,
        "url_host_tld": host.rpartition(".")[2] or None,
        "url_host_registered_domain": registered_domain(url),
        "url_host_private_domain": site(url),
        "url_protocol": scheme,
        "url_path": path,
        "url_query": query or None,
        "fetch_time": (record.fetch_time or 0) // 1_000_000,
        "fetch_status": record.http_status,
        "content_digest": record.content_digest,
        "content_mime_type": record.content_mime_type,
        "content_mime_detected": record.content_mime_type,
        "content_charset": record.charset,
        "content_truncated": "unspecified" if record.reason == "truncated" else None,
        "warc_filename": record.warc_filename,
        "warc_record_offset": record.warc_record_offset,
        "warc_record_length": record.warc_record_length,
        "warc_segment": segments[1].partition("/")[0] if len(segments) > 1 else "",
    }


def _parts(url: str) -> tuple[str, str, str, str]:
    """Host, scheme, path and query; of a URL that is none, nothing but its path."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.scheme, parts.path, parts.query
    except ValueError:
        return "", "", url, ""


def _bounds(keys: Sequence[str], every: int) -> list[tuple[str, str | None]]:
    """Stretches of sort keys that hold about as many rows each."""
    begins = sorted({"", *keys[every::every]})
    return list(pairwise([*begins, None]))  # type: ignore[list-item]


def _merged(runs: Sequence[Path], begin: str, end: str | None) -> pa.Table:
    """The rows of a stretch, in order; of each run only the row groups that have any."""
    condition = [("url_surtkey", ">=", begin), *([("url_surtkey", "<", end)] if end is not None else [])]
    return pa.concat_tables(pq.read_table(run, filters=condition) for run in runs).sort_by(_ORDER)
