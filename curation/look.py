"""One page or one archive to text, to look at.

Example: ``for part in look("page.html", "mathematics", 1): print(part)``
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from curation.blocks.extract import extract
from curation.blocks.read import ARCHIVES
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import open_input
from curation.html.archive import read_archive
from curation.html.charset import decode

EXTRACTORS = ("mathematics", "main_content")


def look(location: str, extractor: str, limit: int) -> Iterator[str]:
    """The text of a page, or for each page of an archive a heading line and its text.

    Args:
        location: a local file or a URL.
        extractor: see `curation.blocks.extract.ExtractText`.
        limit: pages of an archive at most.

    Raises:
        ConfigError: if it cannot be read, or the extractor is unknown.
    """
    if extractor not in EXTRACTORS:
        raise ConfigError(f"--extractor {extractor}: expected {' or '.join(EXTRACTORS)}")
    chosen: Any = extractor
    try:
        with open_input(resolve_location(location)) as stream:
            content: bytes = stream.read()
    except Exception as error:
        raise ConfigError(f"{location}: cannot be read: {error}") from error
    if location.endswith(ARCHIVES):
        yield from _archive(content, location.rsplit("/", 1)[-1], chosen, limit)
    else:
        html, _ = decode(content, None)
        if html is None:
            raise ConfigError(f"{location}: not text in any known encoding")
        yield extract(html, chosen)[0]


def _archive(content: bytes, name: str, extractor: Any, limit: int) -> Iterator[str]:
    skipped: Counter[str] = Counter()
    shown = 0
    for record in read_archive(io.BytesIO(content), name, skipped):
        if record.html is None:
            yield f"=== {record.url} at {record.warc_record_offset}: {record.reason}"
            continue
        if shown == limit:
            yield f"=== more than {limit} pages; see --limit"
            return
        shown += 1
        yield f"=== {record.url} at {record.warc_record_offset}\n{extract(record.html, extractor)[0]}"
    if skipped:
        yield "=== records that are no pages: " + ", ".join(f"{kind} {number}" for kind, number in skipped.items())
