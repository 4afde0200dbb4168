"""Which captures of a page are taken: FineMath has of each the latest and the largest.

Example: ``choose(captures, "latest_and_largest")`` gives of each capture `LATEST`, `LARGEST`, or `NOT_TAKEN`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.crawl.ranges import hashes_of, url_keys
from curation.text.hashing import Hashes

Rule = Literal["latest_and_largest", "latest", "largest", "all", "one_per_digest"]

NOT_TAKEN, LATEST, LARGEST, OTHER, REPEATED = range(5)
NAMES = (None, "latest", "largest", "other", None)
"""What ``snapshot_type`` says of each."""


COMPARED = ["url", "fetch_time", "warc_record_length", "content_digest", "warc_filename", "warc_record_offset"]
"""The columns by which captures are compared."""

_SHIFT, _OFFSET = np.uint64(40), np.uint64((1 << 40) - 1)


class Captures(NamedTuple):
    """Captures of pages, each (n,): the page's key, time, bytes of the record, hash of the payload, and its place.

    A place is the archive's rank by name, and in the lower 40 bits the offset. Two captures of one place are one that
    is named twice.
    """

    keys: Hashes
    times: NDArray[np.int64]
    lengths: NDArray[np.int64]
    digests: Hashes
    places: NDArray[np.uint64]


def read_captures(tables: Iterable[pa.Table]) -> Captures:
    """What is compared of rows with the columns `COMPARED`; a payload without a digest is like no other."""
    archives: dict[str, int] = {}
    columns: list[tuple[NDArray[Any], ...]] = [tuple(np.empty(0, kind) for kind in ("u8", "i8", "i8", "u8", "u8"))]
    for rows in tables:
        places = _places(rows, archives)
        known = rows["content_digest"].is_valid().to_numpy()
        digests = np.where(known, hashes_of(rows["content_digest"]), places)
        times, lengths = (rows[name].to_numpy() for name in ("fetch_time", "warc_record_length"))
        columns.append((url_keys(rows["url"]), times, lengths, digests, places))
    keys, times, lengths, digests, places = (np.concatenate(one) for one in zip(*columns, strict=True))
    if archives:
        ranks = np.argsort(np.argsort(np.array(list(archives), object))).astype(np.uint64)
        places = (ranks[places >> _SHIFT] << _SHIFT) | (places & _OFFSET)
    return Captures(keys, times, lengths, digests, places)


def _places(rows: pa.Table, archives: dict[str, int]) -> NDArray[np.uint64]:
    """Each place, with the archive's number in order of first sight, which is added to ``archives``."""
    coded = rows["warc_filename"].combine_chunks().dictionary_encode()
    numbers = np.array([archives.setdefault(one, len(archives)) for one in coded.dictionary.to_pylist()], np.uint64)
    offsets = rows["warc_record_offset"].to_numpy().astype(np.uint64)
    return (numbers[coded.indices.to_numpy()] << _SHIFT) | offsets


def choose(captures: Captures, rule: Rule) -> NDArray[np.int8]:
    """Of each capture what it is of its page, if it is taken, (n,).

    Args:
        captures: all captures of each of the pages.
        rule: ``latest_and_largest`` takes two captures of a page, but one where it is both (`LATEST`); ``latest`` and
            ``largest`` one; ``all`` all; ``one_per_digest`` of the captures of a page that have one content the latest.
            Of equally large ones the latest is the largest, of equally late ones that of the last place.

    Returns:
        `LATEST`, `LARGEST` or `OTHER` for what is taken; `NOT_TAKEN`; `REPEATED` where a place came before.
    """
    keys, times, lengths, digests, places = captures
    first = _first(keys, places)
    latest = first[_last(keys[first], times[first], places[first])]
    largest = first[_last(keys[first], lengths[first], times[first], places[first])]
    taken = first
    if rule == "one_per_digest":
        taken = first[_last(keys[first], digests[first], times[first], places[first], of=2)]
    elif rule != "all":
        taken = {"latest": latest, "largest": largest}.get(rule, np.concatenate([latest, largest]))
    kinds = np.full(len(keys), REPEATED, np.int8)
    kinds[first] = NOT_TAKEN
    kinds[taken] = OTHER
    kinds[largest[kinds[largest] != NOT_TAKEN]] = LARGEST
    if rule != "largest":  # of which a capture is both, it is called what was asked for
        kinds[latest[kinds[latest] != NOT_TAKEN]] = LATEST
    return kinds


def _first(keys: Hashes, places: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The numbers of the captures, of those with one place the first only, ascending."""
    order = np.lexsort((places, keys))
    new = np.ones(len(order), bool)
    new[1:] = (keys[order][1:] != keys[order][:-1]) | (places[order][1:] != places[order][:-1])
    return np.sort(order[new])


def _last(*columns: NDArray[Any], of: int = 1) -> NDArray[np.int64]:
    """The numbers of the last of each group: those whose first ``of`` columns are the same, in order of the others."""
    order = np.lexsort(columns[::-1])
    ends = np.ones(len(order), bool)
    sorted_columns = [column[order] for column in columns[:of]]
    ends[:-1] = np.logical_or.reduce([column[1:] != column[:-1] for column in sorted_columns]) if len(order) else True
    return order[ends]
