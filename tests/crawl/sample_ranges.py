"""The bundled archives as a crawl keeps them, the ranges of their pages, and what reading them whole gives.

Example: ``ranges_of(archives())`` are rows with the columns of `RANGE_COLUMNS`, sorted by place.
"""

from __future__ import annotations

import io
import re
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator
from toy_recipe import SAMPLE

from curation.crawl.ranges import RANGE_COLUMNS
from curation.html.archive import read_archive

CRAWL = "CC-MAIN-2024-10"


def archives():
    """Path in the crawl -> bytes."""
    files = sorted([*SAMPLE.glob("*.warc.gz"), *SAMPLE.glob(f"web/{CRAWL}/*.warc.gz")])
    return {f"crawl-data/{CRAWL}/warc/{file.name}": file.read_bytes() for file in files}


def records_of(files):
    """Every response, as read with its whole archive, under the archive's path."""
    for path, body in sorted(files.items()):
        for record in read_archive(io.BytesIO(body), path.rpartition("/")[2]):
            yield path, record


def ranges_of(files):
    """A row for every response."""
    rows = []
    for path, record in records_of(files):
        start = record.warc_record_offset
        plain = zlib.decompressobj(31).decompress(files[path][start : start + record.warc_record_length])
        digest = re.search(rb"WARC-Payload-Digest: sha1:(\w+)", plain)
        rows.append(
            dict.fromkeys(RANGE_COLUMNS)
            | {
                "id": f"{path}:{start}",
                "url": record.url,
                "fetch_time": record.fetch_time,
                "content_digest": digest[1].decode() if digest else None,
                "warc_filename": path,
                "warc_record_offset": start,
                "warc_record_length": record.warc_record_length,
                "crawl": CRAWL,
                "snapshot_type": "latest",
                "selected_by": "domain",
            }
        )
    return rows


def write_ranges(path, rows, part=True):
    """Rows as the stage before writes them: with the column ``part``, and without a text."""
    columns = RANGE_COLUMNS | ({"part": pa.int32()} if part else {})
    rows = [row | {"part": 0} if part else row for row in rows]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(columns.items()))), path)
    return path


def digest_checked(files):
    """How many records fastwarc says hold the payload of their digest."""
    return sum(
        record.verify_payload_digest()
        for body in files.values()
        for record in ArchiveIterator(io.BytesIO(body), parse_http=True)
        if "WARC-Payload-Digest" in record.headers
    )
