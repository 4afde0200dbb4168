"""Small indexes in the layout of Common Crawl's, for tests."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.crawl.making import MADE_COLUMNS
from curation.crawl.surt import surt
from curation.text.domains import registered_domain

CRAWL = "CC-MAIN-2024-10"


def capture(url, day=1, length=1000, offset=0, archive="a", **columns):
    """A row of the index: an English page that was fetched on a day of March 2024."""
    return {
        "url_surtkey": surt(url),
        "url": url,
        "url_host_registered_domain": registered_domain(url),
        "fetch_time": datetime(2024, 3, day),
        "fetch_status": 200,
        "content_digest": None,
        "content_mime_type": "text/html",
        "content_mime_detected": "text/html",
        "content_languages": "eng",
        "warc_filename": f"crawl-data/{CRAWL}/segments/1/warc/{archive}.warc.gz",
        "warc_record_offset": offset,
        "warc_record_length": length,
    } | columns


def write_index(folder, rows, *, crawl=CRAWL, subset="warc", part=0, group_rows=1000, without=(), **kinds):
    """Rows sorted by their key as one file of the index; returns its path."""
    schema = pa.schema([(name, kinds.get(name, kind)) for name, kind in MADE_COLUMNS.items() if name not in without])
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["url_surtkey"]), schema=schema)
    path = Path(folder) / f"crawl={crawl}/subset={subset}/part-{part:05d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group_rows)
    return str(path)
