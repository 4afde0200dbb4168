"""Where the pages of a crawl lie: a row names a record of an archive, and how such rows go from stage to stage.

Example: of ``https://example.org/a`` a row says ``crawl-data/CC-MAIN-2024-10/segments/…/00017.warc.gz``, from byte
397346194 on, 24662 bytes.

Stages of many shards exchange rows through files in which those of one part stand together: column ``part`` says into
which part of the next stage a row goes (`ByPart` writes so, `read_part` reads only that part's row groups).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.text.hashing import Hashes, hash_pieces

PLACE = ("warc_filename", "warc_record_offset", "warc_record_length")
"""The columns that say where a record lies."""

RANGE_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "url": pa.string(),
    "domain": pa.string(),
    "fetch_time": pa.int64(),
    "content_mime_type": pa.string(),
    "content_languages": pa.string(),
    "content_digest": pa.string(),
    "warc_filename": pa.string(),
    "warc_record_offset": pa.int64(),
    "warc_record_length": pa.int64(),
    "crawl": pa.string(),
    "snapshot_type": pa.string(),
    "selected_by": pa.string(),
}
"""``id`` is ``{warc_filename}:{warc_record_offset}``, ``fetch_time`` in nanoseconds since 1970 (UTC),
``content_digest`` the SHA-1 of the payload in base32; ``selected_by`` is ``domain``, ``url`` or ``all``."""

EXCHANGED_COLUMNS = RANGE_COLUMNS | {"part": pa.int32()}

_SCHEMA = pa.schema(list(EXCHANGED_COLUMNS.items()))
_MOST_WAITING = 500_000  # rows of about 400 bytes
_NONE = np.zeros(1, np.int64)
_SCHEME_OR_FRAGMENT = r"^[a-zA-Z][a-zA-Z0-9+.-]*://|#.*$"


def crawl_of(location: str) -> str | None:
    """The dump that a Common Crawl path names, such as CC-MAIN-2024-10, else None."""
    for name in location.split("/"):
        part = name.removeprefix("crawl=")
        if part.startswith("CC-MAIN-") and part.count("-") == 3 and part[-2:].isdigit():
            return part
    return None


def hashes_of(texts: pa.Array | pa.ChunkedArray) -> Hashes:
    """The 64-bit xxHash of each text, (n,); of null that of the empty text."""
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    whole = pc.fill_null(whole.cast(pa.large_string()), "")
    _, offsets, data = whole.buffers()
    bounds = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1] if len(whole) else _NONE
    return hash_pieces(np.frombuffer(data or b"", np.uint8), bounds[:-1], bounds[1:], "xxhash", 64)


def url_keys(urls: pa.Array | pa.ChunkedArray) -> Hashes:
    """What makes captures those of one page, (n,): the hash of the URL without scheme and fragment.

    So ``http://a.org/x#y`` and ``https://a.org/x`` are one; of a billion URLs two others are with a chance of 1 in 40.
    """
    return hashes_of(pc.replace_substring_regex(urls, _SCHEME_OR_FRAGMENT, ""))


def parts_of(keys: Hashes, parts: int) -> NDArray[np.int32]:
    """The part that each key goes to, (n,)."""
    return (keys % np.uint64(parts)).astype(np.int32)


class ByPart:
    """Puts the rows of one part together, half a million rows at a time, so that memory does not grow with a shard.

    Args:
        key: the column of which each row's part is the hash, as that function says it.
        parts: of the next stage.
    """

    def __init__(self, key: Callable[[pa.Table], Hashes], parts: int) -> None:
        self._key, self._parts = key, parts
        self._waiting: list[pa.Table] = []

    def __call__(self, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """A table for each part among the rows so far, again and again; their order in a part stays."""
        for table in tables:
            self._waiting.append(table)
            if sum(one.num_rows for one in self._waiting) >= _MOST_WAITING:
                yield from self._emptied()
        yield from self._emptied()

    def _emptied(self) -> Iterator[pa.Table]:
        if not self._waiting:
            return
        rows = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting = []
        part = parts_of(self._key(rows), self._parts)
        order = np.argsort(part, kind="stable")
        ordered = rows.take(pa.array(order)).append_column("part", pa.array(part[order])).cast(_SCHEMA)
        bounds = np.searchsorted(part[order], np.arange(self._parts + 1))
        for start, stop in pairwise(bounds):
            if stop > start:
                yield ordered.slice(start, stop - start)


def generation_files(folder: str, rank: int, world_size: int, parts: int) -> tuple[list[str], list[str]]:
    """What part ``rank`` of a growing stage reads of the stage before: files of its generation, and of those before.

    Rank r is part ``r % parts`` of generation ``r // parts``. Where the stage that is read has more generations, as in
    a list of steps of one's own, the last takes all files that are left.

    Args:
        folder: the folder of the stage that is read.
        rank: the shard.
        world_size: how many shards there are.
        parts: how many of them are one generation.

    Raises:
        CurationError: if the stage that is read has fewer generations.
    """
    ends, generation = Manifest(Folder(folder)).generations(), rank // parts
    if generation >= len(ends):
        raise CurationError(f"{folder}: has grown {len(ends) - 1} times, but is read as if it had {generation} times")
    last = generation == (world_size - 1) // parts
    begin, end = (ends[generation - 1] if generation else 0), (ends[-1] if last else ends[generation])
    names = [f"data/{shard:05d}.parquet" for shard in range(end)]
    return names[begin:], names[:begin]


def read_part(folder: str, names: Sequence[str], part: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a part, a row group at a time, in order of the files; of each file only the row groups that have any.

    Args:
        folder: of the stage.
        names: its files.
        part: the part.
        columns: which to give; all without ``part`` if None.
    """
    source, wanted = Folder(folder), list(columns or RANGE_COLUMNS)
    for name in names:
        with source.open(name) as stream:
            file = pq.ParquetFile(stream)
            place = file.schema_arrow.names.index("part")
            for group in range(file.num_row_groups):
                known = file.metadata.row_group(group).column(place).statistics
                if known is None or known.min <= part <= known.max:
                    rows = file.read_row_group(group, [*wanted, "part"])
                    yield rows.filter(pc.equal(rows["part"], part)).select(wanted)
