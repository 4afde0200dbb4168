"""How fast ranges are fetched, with how many requests and bytes beyond what is needed, and in how much memory.

Example: ``python tests/bench/bench_fetch.py``; ``CURATION_SWIFT_BIN=ENV/bin`` measures a real S3 server, too.

A crawl is made of the bundled pages: each archive holds the same records in another order, repeated to 34 MB, of which
every tenth is wanted (scattered), or runs of ten (neighbours). The server runs in a process of its own on this machine,
so the figures are those of the client: no network is between.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import s3fs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crawl.archive_server import ArchiveServer
from crawl.sample_ranges import archives, ranges_of, write_ranges
from services.swift import bucket

from curation.blocks.fetch_ranges import FetchRanges
from curation.blocks.read import read_files
from curation.memory import MemoryWatch

ARCHIVES, REPEATS, BUCKET = 4, 90, "bench-fetch"


def make_crawl():
    """Path -> bytes, and all rows, sorted by place."""
    files = archives()
    records = [
        (row, files[row["warc_filename"]][row["warc_record_offset"] :][: row["warc_record_length"]])
        for row in ranges_of(files)
    ]
    crawl, rows = {}, []
    for number in range(ARCHIVES):
        path, position, pieces = f"crawl-data/CC-MAIN-2024-10/warc/{number:05d}.warc.gz", 0, []
        chosen = random.Random(number)
        for _ in range(REPEATS):
            for row, body in chosen.sample(records, len(records)):
                rows.append(row | {"warc_filename": path, "warc_record_offset": position})
                pieces.append(body)
                position += len(body)
        crawl[path] = b"".join(pieces)
    return crawl, rows


def serve(folder, seconds, told):
    crawl = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.warc.gz")}
    with ArchiveServer(crawl, seconds=seconds) as server:
        told.send(server.url)
        told.recv()


def measure(name, ranges, location, **settings):
    """One pass over the rows, printed."""
    step = FetchRanges(archives=location, requests_per_second=1e6, **settings)
    told = step.forecast([type("Shard", (), {"files": (str(ranges),)})], {}, 1)
    with MemoryWatch() as before:
        pass
    begun = time.perf_counter()
    with MemoryWatch() as memory:
        pages = sum(1 for _ in step.run(read_files([str(ranges)])))
    seconds = time.perf_counter() - begun
    more = (memory.peak_bytes - before.peak_bytes) / 1e6
    fetched, wanted = step.counts["bytes_fetched"], step.counts["bytes_wanted"]
    print(
        f"{name:34} {told.documents / seconds:6.0f} ranges/s {fetched / seconds / 1e6:6.1f} MB/s  "
        f"{step.counts['requests']:6,} requests ({told.requests:,} foretold, {told.documents:,} ranges)  "
        f"{fetched / 1e6:6.1f} MB of {wanted / 1e6:.1f} wanted  +{more:.0f} MB memory  {pages} pages"
    )


def main():
    crawl, rows = make_crawl()
    folder = Path(tempfile.mkdtemp(prefix="bench-fetch-"))
    print(f"{len(crawl)} archives, {sum(map(len, crawl.values())) / 1e6:.0f} MB, {len(rows):,} records")
    scattered = write_ranges(folder / "scattered.parquet", rows[::10])
    neighbours = write_ranges(
        folder / "neighbours.parquet", [row for place, row in enumerate(rows) if place // 10 % 10 == 0]
    )
    every = write_ranges(folder / "all.parquet", rows[: len(rows) // 10])
    for path, body in crawl.items():
        (folder / "crawl" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "crawl" / path).write_bytes(body)
    crawl.clear()
    measure("folder, scattered, single", scattered, str(folder / "crawl"), gap_bytes=0)
    measure("folder, neighbours", neighbours, str(folder / "crawl"))
    for delay in (0.0, 0.05):
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(folder / "crawl", delay, theirs), daemon=True
        )
        server.start()
        url = ours.recv()
        for concurrency in (8, 32, 64):
            name = f"http +{1000 * delay:.0f} ms, scattered, {concurrency} at a time"
            measure(name, scattered, url, gap_bytes=0, concurrency=concurrency)
        measure(f"http +{1000 * delay:.0f} ms, neighbours", neighbours, url)
        measure(f"http +{1000 * delay:.0f} ms, scattered, gaps read", scattered, url)
        measure(f"http +{1000 * delay:.0f} ms, all, with captures", every, url, keep=str(folder / f"kept{delay}"))
        ours.send("end")
        server.join()
    if "CURATION_SWIFT_BIN" in os.environ:
        with bucket(Path(os.environ["CURATION_SWIFT_BIN"]), BUCKET) as files:
            files.put(f"{folder}/crawl/", BUCKET, recursive=True)
            s3fs.S3FileSystem.clear_instance_cache()
            some = folder / "some.parquet"
            pq.write_table(pq.read_table(scattered).slice(0, 300), some)
            for concurrency in (1, 8, 32):
                name = f"swift, scattered, {concurrency} at a time"
                measure(name, some, f"s3://{BUCKET}/", gap_bytes=0, concurrency=concurrency)
            measure("swift, scattered, gaps read", some, f"s3://{BUCKET}/")


if __name__ == "__main__":
    main()
