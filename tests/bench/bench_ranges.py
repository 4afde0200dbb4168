"""From an index to ranges: seconds of one core a row of each stage, every page of a made-up index taken.

    PYTHONPATH=. python tests/bench/bench_ranges.py [--files 2]

A row is one of `bench_index`; nothing is left out, so that the stages after the query have as many rows as it reads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from curation.crawling import Crawl, crawl_stages
from curation.report import markdown_table
from curation.running import Silent, run_stages
from tests.bench.bench_index import make_index


class Watch(Silent):
    """Seconds of the shards of each stage, of one worker."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int, float]] = []

    def end(self, planned, record) -> None:
        self.rows.append((planned.stage.name, record["documents"], record["kept"], record["shard_seconds"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2)
    parser.add_argument("--parts", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_index(folder / "index", given.files)
        crawl = Crawl(
            index=(f"{folder}/index/100000",), crawls=("CC-MAIN-2024-10",), archives=temporary, parts=given.parts
        )
        stages = crawl_stages(crawl)[:-1]
        begun, watch = time.perf_counter(), Watch()
        report = run_stages("ranges", stages, f"{folder}/out", {}, workers=1, progress=watch)
        rows = [
            [name, read, kept, f"{seconds:.1f}", f"{1e6 * seconds / read:.2f}"]
            for name, read, kept, seconds in watch.rows
        ]
        print(markdown_table(["stage", "rows", "kept", "seconds", "seconds a million rows"], rows))
        print(f"{time.perf_counter() - begun:.1f} s, peak memory {report.peak_memory_gb:.2f} GB")


if __name__ == "__main__":
    main()
