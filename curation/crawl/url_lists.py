"""Lists of URLs, millions of them: of another dataset, or what FineWeb threw away.

Example: ``read_url_list(("openwebmath/", "fineweb-rejected/c4.jsonl.gz"), reason="curly_bracket")``

The end of a file's name says how it is read:

    .parquet                            column ``url`` or ``URL``, or else ``metadata.url`` (a struct, or JSON)
    .jsonl .ndjson (.gz .zst) .json.gz  the same keys of an object a line; where ``metadata.filter_reason`` (or
                                        ``filter_reason``) stands beside, as in datatrove's logs of what a filter
                                        dropped, and ``reason`` is given, those of another reason are left out
    all else (.gz .zst)                 one URL a line

Of each URL 8 bytes are kept, and of each registered domain its name: 10 million URLs of 1 million domains take 200 MB.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.content import resolve_location
from curation.crawl.ranges import url_keys
from curation.errors import ConfigError
from curation.folder import list_inputs, open_input, read_lines
from curation.text.domains import registered_domain
from curation.text.hashing import Hashes
from curation.text.urls_kernels import without_repeats

JSON_LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".json.gz")

_NAMES = ("url", "URL")
_BATCH = 100_000
_HOST = r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?(?P<host>[^/?#]*)"


@dataclass(frozen=True, slots=True, eq=False)
class UrlList:
    """Many URLs: their keys (see `curation.crawl.ranges.url_keys`), ascending, and their registered domains, sorted."""

    keys: Hashes
    domains: list[str]

    def has(self, urls: pa.Array | pa.ChunkedArray) -> NDArray[np.bool_]:
        """Which of the URLs are listed, (n,)."""
        keys = url_keys(urls)
        places = np.searchsorted(self.keys, keys)
        return np.append(self.keys, np.uint64(0))[places] == keys if len(self.keys) else np.zeros(len(keys), bool)


@lru_cache(maxsize=2)
def read_url_list(locations: tuple[str, ...], reason: str | None = None) -> UrlList:
    """The URLs of files, folders or globs, local or remote; read once in a process.

    Args:
        locations: where the lists lie.
        reason: of what filters dropped, only what was dropped for it.

    Raises:
        ConfigError: if a file is none of these forms, or has no such column.
    """
    keys, domains = [np.empty(0, np.uint64)], set[str]()
    urls = (url for one in locations for url in listed_urls(one, reason))
    while batch := list(islice(urls, _BATCH)):
        column = pa.array(batch)
        keys.append(without_repeats(url_keys(column)))
        hosts = pc.unique(pc.struct_field(pc.extract_regex(column, _HOST), "host")).to_pylist()
        domains.update(filter(None, (registered_domain(f"//{host}") for host in hosts if host)))
    return UrlList(without_repeats(np.concatenate(keys)), sorted(domains))


def listed_urls(location: str, reason: str | None = None) -> Iterator[str]:
    """The URLs of one location, in its order; see `read_url_list`."""
    for file in list_inputs(resolve_location(location), (".parquet",), JSON_LINES, ("",)):
        if file.path.endswith(".parquet"):
            yield from _of_table(file.path, reason)
        elif file.path.endswith(JSON_LINES):
            yield from _of_objects(file.path, reason)
        else:
            yield from filter(None, map(str.strip, text_lines(file.path)))


def text_lines(file: str) -> Iterator[str]:
    """The lines of a text, compressed with gzip (.gz) or Zstandard (.zst) or not.

    Raises:
        ConfigError: if it is no text, or ends within what was compressed.
    """
    try:
        yield from read_lines(file)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, pa.ArrowException) as error:
        raise ConfigError(f"{file}: cannot be read as a text of one entry a line: {error}") from error


def _of_table(file: str, reason: str | None) -> Iterator[str]:
    with open_input(file) as stream:
        table = pq.ParquetFile(stream)
        there = table.schema_arrow.names
        column = next((one for one in (*_NAMES, "metadata") if one in there), None)
        if column is None:
            raise ConfigError(f"{file}: no column url, URL or metadata (there are {', '.join(there)})")
        for batch in table.iter_batches(columns=[column]):
            values = batch[column].to_pylist()
            rows = values if column == "metadata" else [{"url": url} for url in values]
            yield from _wanted((row or {} for row in rows), reason, file)


def _of_objects(file: str, reason: str | None) -> Iterator[str]:
    return _wanted((line for line in text_lines(file) if line.strip()), reason, file)


def _wanted(rows: Iterable[str | dict[str, Any]], reason: str | None, file: str) -> Iterator[str]:
    """The URLs of objects, or of JSON; with a reason, of those that were not dropped for another."""
    for number, given in enumerate(rows, 1):
        row = _object(given, file, number)
        row = _object(row.get("metadata") or {}, file, number) | row
        why = row.get("filter_reason")
        if reason is not None and why is not None and why != reason:
            continue
        url = next((row[name] for name in _NAMES if row.get(name)), None)
        if not isinstance(url, str):
            raise ConfigError(f"{file}: entry {number}: expected url, URL or metadata.url with a text, got {url!r}")
        yield url.strip()


def _object(given: str | dict[str, Any], file: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ConfigError(f"{file}: entry {number}: not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise ConfigError(f"{file}: entry {number}: expected an object, found {type(row).__name__}")
    return row
