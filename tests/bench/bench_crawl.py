"""FineMath out of an index on a real S3 server: planned, queried, fetched, extracted and published there.

    PYTHONPATH=. python tests/bench/bench_crawl.py --swift BIN [--rows 1000000] [--executor ray]

The archives of the shared pages lie on the server as a crawl does, with a columnar index of them that ``curate index``
made and that is padded with rows of other domains to a million. The first pass reads nine archives with mathematics,
and the second fetches the pages of the domains that it lists by the index, labels as recorded. Told are requests and
bytes beside the least that are needed, what each stage took, and memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import load_recipe, plan, run
from curation.blocks.published_beside import rows_of
from curation.crawl.making import make_index
from curation.foretelling import foretold
from curation.report import funnel, funnel_table
from tests.bench.bench_index import make_index as make_padding
from tests.services.swift import bucket

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
BUCKET = "crawl"
CRAWL = "CC-MAIN-2024-10"
ROWS_PER_FILE = 125_000


def padded(made: Path, rows: int, folder: Path) -> int:
    """The index with rows of other domains, sorted as one, in files of some bytes; returns its rows."""
    own = pq.read_table(made / f"crawl={CRAWL}" / "subset=warc", partitioning=None)
    files = -(-rows // 1_000_000)
    make_padding(folder / "padding", files)
    others = pa.concat_tables(
        [pq.read_table(one, partitioning=None) for one in sorted((folder / "padding" / "100000").rglob("*.parquet"))],
    ).slice(0, rows - own.num_rows)
    here = [name for name in own.column_names if name in others.column_names]
    whole = pa.concat_tables([own, others.select(here).cast(pa.schema([own.schema.field(name) for name in here]))],
                             promote_options="default").sort_by("url_surtkey")  # fmt: skip
    place = folder / "index" / f"crawl={CRAWL}" / "subset=warc"
    place.mkdir(parents=True)
    for number, start in enumerate(range(0, whole.num_rows, ROWS_PER_FILE)):
        part = whole.slice(start, ROWS_PER_FILE)
        pq.write_table(part, place / f"part-{number:05d}.parquet", compression="zstd", row_group_size=25_000)
    return whole.num_rows


def replies(name: str, folder: Path) -> str:
    """The recorded labels as a file of replies, by URL."""
    with gzip.open(SHARED / "labels" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"url": row["url"], "reply": row["reply"]}) + "\n" for row in rows))
    return str(path)


def settings(folder: Path, parts: int) -> dict[str, object]:
    return {
        "inputs": [f"s3://{BUCKET}/archives/math/[a-g]*.warc.gz"],
        "first": {"judge": f"replay:{replies('finemath_3pt', folder)}", "replay_only": True, "sample_size": 150},
        "second": {"judge": f"replay:{replies('finemath_5pt', folder)}", "replay_only": True, "sample_size": 150},
        "domains": {"min_pages": 5, "parts": 2},
        "crawl": {
            "index": [f"s3://{BUCKET}/index"],
            "crawls": [CRAWL],
            "archives": f"s3://{BUCKET}/archives",
            "parts": parts,
            "requests_per_second": 1000.0,
        },
        "pool_size": 400,
        "benchmarks": [f"gsm8k={SHARED}/benchmarks/gsm8k_test.jsonl.gz"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swift", default=os.environ.get("CURATION_SWIFT_BIN"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--executor", choices=["local", "ray"])
    given = parser.parse_args()
    if not SHARED.exists() or not given.swift:
        print(f"skipped: needs {SHARED} and the bin folder of an environment with swift (--swift)")
        return
    with tempfile.TemporaryDirectory() as temporary, bucket(Path(given.swift), BUCKET) as store:
        folder, output = Path(temporary), f"s3://{BUCKET}/out"
        for name, source in (("math", SHARED / "math"), ("pages", SHARED / "web" / "pages")):
            store.put(f"{source}/", f"{BUCKET}/archives/{name}/", recursive=True)
        made = make_index(f"s3://{BUCKET}/archives", f"{folder}/made", crawl=CRAWL)
        total = padded(folder / "made", given.rows, folder)
        store.put(f"{folder}/index", f"{BUCKET}/", recursive=True)
        print(f"index: {made.records:,} records of ours of {total:,} rows, {store.du(f'{BUCKET}/index') / 1e6:.1f} MB")
        recipe = load_recipe("finemath", config="finemath-smoke", values=settings(folder, given.parts))
        begun = time.perf_counter()
        before = run(recipe, output, until="ranges", executor=given.executor)
        print(f"until ranges: {time.perf_counter() - begun:.1f} s, peak memory {before.peak_memory_gb:.2f} GB")
        for stage, line in foretold(recipe, plan(recipe, output), output):
            print(f"{stage} will take: {line}")
        begun = time.perf_counter()
        report = run(recipe, output, executor=given.executor)
        print(f"the rest: {time.perf_counter() - begun:.1f} s, peak memory {report.peak_memory_gb:.2f} GB\n")
        print(funnel_table(funnel(output, list(report.records))))
        ranges = pa.Table.from_pylist(list(rows_of(f"{output}/ranges/data")))
        counts = report.records["fetch"]["counts"]
        wanted = pc.sum(ranges["warc_record_length"]).as_py()
        print(f"\nfetch: {counts['requests']:,} requests for {ranges.num_rows:,} ranges of "
              f"{len(ranges['warc_filename'].unique()):,} archives; {counts['bytes_fetched']:,} bytes of {wanted:,} "
              f"that are wanted ({counts['bytes_fetched'] / wanted:.3f} x)")  # fmt: skip
        index = report.records["index"]
        print(f"index: {index['counts'].get('bytes_read', 0):,} bytes read of {store.du(f'{BUCKET}/index'):,}, "
              f"{index['counts']}")  # fmt: skip


if __name__ == "__main__":
    main()
