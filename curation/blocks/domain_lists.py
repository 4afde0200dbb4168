"""Lists of URLs and of domains from elsewhere, as what they say of registered domains.

Example: ``urls_by_domain(("openwebmath-urls.txt",), part=0, parts=8)`` gives a table of ``domain`` and ``urls``, how
many URLs of the list are of each domain of the first of eight parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import pyarrow as pa
import pyarrow.compute as pc

from curation.blocks.card_counts import domains_of
from curation.blocks.domain_counts import part_of
from curation.content import resolve_location
from curation.crawl.url_lists import listed_urls, text_lines
from curation.folder import list_inputs
from curation.text.domains import registered_domain

_LINES = 100_000


def urls_by_domain(lists: tuple[str, ...], part: int, parts: int) -> pa.Table:
    """How many URLs of the lists are of each domain of a part: ``domain`` and ``urls``."""
    found = pa.table({"domain": pa.array([], pa.large_string()), "urls": pa.array([], pa.int64())})
    lines = chain.from_iterable(map(listed_urls, lists))
    while urls := list(islice(lines, _LINES)):
        counted = pc.value_counts(_of_part(domains_of(pa.chunked_array([pa.array(urls)])), part, parts))
        rows = pa.table({"domain": counted.field("values"), "urls": counted.field("counts")})
        grouped = pa.concat_tables([found, rows]).group_by("domain", use_threads=False).aggregate([("urls", "sum")])
        found = grouped.rename_columns(["domain", "urls"])
    return found


def given_domains(lists: tuple[str, ...], part: int, parts: int) -> pa.Array:
    """The domains of the lists that belong to a part; what names no domain stands for itself."""
    names = {registered_domain(line) or line for one in lists for line in lines_of(one)}
    return _of_part(pa.array(sorted(names), pa.large_string()), part, parts)


def _of_part(domains: pa.Array, part: int, parts: int) -> pa.Array:
    known = domains.drop_null()
    return known.filter(pa.array(part_of(known, parts) == part))


def lines_of(location: str) -> Iterator[str]:
    """The lines of a list that are not empty, without white space around them.

    Raises:
        ConfigError: if it is no text.
    """
    for file in list_inputs(resolve_location(location), ("",)):
        yield from filter(None, map(str.strip, text_lines(file.path)))
