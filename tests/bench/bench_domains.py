"""Seconds of CPU and peak memory of the stages that list domains, beside one counter in one process: run by hand.

    python tests/bench/bench_domains.py               # 20 million pages of a million domains, 20 files, 8 parts
    python tests/bench/bench_domains.py 2000000 100000

Pages are made up: a domain's number is drawn by Zipf's law, the path is a number, and scores are uniform. Each part of
the work is measured in a process of its own; the lists that both ways make are compared at the end.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.card_domains import listed_domains
from curation.blocks.domain_counts import CountDomains
from curation.blocks.domains import KeepListed, ListDomains
from curation.blocks.shards import RunShards
from curation.folder import Folder
from curation.manifest import Manifest, digest, fix_shards
from curation.text.domains import registered_domain

FILES, PARTS, EXPONENT = 20, 8, 1.05
RULE = {"rule": "pages", "min_pages": 10, "min_share": 0.1}
CRAWL_PAGES = 5_800_000_000
COLUMNS = {"id": pa.string(), "text": pa.string(), "url": pa.string(), "score": pa.float64(), "int_score": pa.int64()}


def write_pages(folder, pages, domains):
    """Pages without text: none of the stages reads it."""
    rng = np.random.default_rng(1)
    weights = np.cumsum(np.arange(1, domains + 1) ** -EXPONENT)
    for file in range(FILES):
        count = pages // FILES
        drawn = np.searchsorted(weights, rng.random(count) * weights[-1])
        path = pa.array(rng.integers(0, 1 << 40, count)).cast(pa.string())
        hosts = pa.array(drawn).cast(pa.string())
        urls = pc.binary_join_element_wise("https://www.site-", hosts, ".example-", hosts, ".org/lesson/", path, "")
        score = rng.random(count) * 3
        table = {"id": path, "text": path, "url": urls, "score": score, "int_score": np.round(score).astype(np.int64)}
        pq.write_table(pa.table(table, schema=pa.schema(list(COLUMNS.items()))), f"{folder}/{file:05d}.parquet")


def run_stage(folder, step, files=(), parts=None):
    """All shards of a stage, one after another in this process."""
    sized = [(str(path), path.stat().st_size) for path in files]
    shards = fix_shards(sized, gather=False, most=1000, parts=parts)
    Manifest(Folder(folder)).start({"stage": folder}, shards, {})
    RunShards(
        folder=folder,
        digest=digest({"stage": folder}),
        shards=shards,
        total=len(shards),
        steps=[step],
        columns=COLUMNS,
        mapping={},
        removed="none",
        balanced=False,
    ).run()


def count(work):
    run_stage(f"{work}/counts", CountDomains(threshold=2, cut="published", parts=PARTS), pages_of(work))


def decide(work):
    run_stage(f"{work}/domains", ListDomains(counted=f"{work}/counts/data", **RULE), parts=PARTS)


def one_counter(work):
    """As one process did it: every page's domain into two counters, then all domains in order."""
    pages, good = Counter(), Counter()
    for path in pages_of(work):
        for batch in pq.ParquetFile(path).iter_batches(columns=["url", "int_score"]):
            for url, score in zip(batch["url"].to_pylist(), batch["int_score"].to_pylist(), strict=True):
                domain = registered_domain(url)
                pages[domain] += 1
                good[domain] += score >= 2
    rows = [{"id": name, "pages": pages[name], "listed": good[name] >= RULE["min_pages"]} for name in sorted(pages)]
    pq.write_table(pa.Table.from_pylist(rows), f"{work}/one_counter.parquet")


def card(work):
    listed_domains(f"{work}/domains/data")


def keep_listed(work):
    """Reading the list: what it adds to the memory of an interpreter with all its modules is the list's."""
    from curation.blocks.domains import _listed

    before = peak_mb()
    keys = _listed(f"{work}/domains/data", "")
    print(f"    {len(keys):,} hashes of {keys.nbytes / max(1, len(keys)):.0f} bytes; peak +{peak_mb() - before:.0f} MB")
    assert KeepListed(domains=f"{work}/domains/data").inputs() == []


def strings(work):
    """The same list as a set of names."""
    before = peak_mb()
    tables = [pq.read_table(path, columns=["id", "listed"]) for path in sorted(Path(work, "domains/data").iterdir())]
    names = frozenset(name for table in tables for name in table["id"].filter(table["listed"]).to_pylist())
    held = sys.getsizeof(names) + sum(map(sys.getsizeof, names))
    print(f"    {len(names):,} names of {held / max(1, len(names)):.0f} bytes; peak grew {peak_mb() - before:.0f} MB")


def pages_of(work):
    return sorted(Path(work, "pages").iterdir())


def peak_mb():
    """Of this process alone: getrusage tells a child its parent's."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def measured(what, work, pipe):
    base, began = peak_mb(), time.process_time()
    what(work)
    pipe.send((time.process_time() - began, base, peak_mb()))


def measure(what, work):
    """Run in a fresh interpreter; returns its seconds of CPU."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(False)
    process = context.Process(target=measured, args=(what, work, theirs))
    process.start()
    process.join()
    seconds, base, peak = ours.recv()
    print(f"{what.__name__:12} {seconds:8.1f} CPU s   peak {peak:6.0f} MB, of which modules {base:.0f} MB", flush=True)
    return seconds


def main():
    pages, domains = (int(one) for one in (sys.argv[1:3] or (20_000_000, 1_000_000)))
    work = tempfile.mkdtemp(prefix="bench-domains-")
    try:
        Path(work, "pages").mkdir()
        write_pages(f"{work}/pages", pages, domains)
        seconds = {
            what.__name__: measure(what, work) for what in (count, decide, card, keep_listed, strings, one_counter)
        }
        ours = pq.read_table(f"{work}/domains/data", columns=["id", "pages", "listed"]).sort_by("id")
        assert ours.to_pylist() == pq.read_table(f"{work}/one_counter.parquet").to_pylist()
        rows = sum(pq.read_metadata(path).num_rows for path in Path(work, "counts/data").iterdir())
        size = sum(path.stat().st_size for path in Path(work, "counts/data").iterdir())
        print(f"{ours.num_rows:,} domains, {rows:,} rows of counts in {size / 1e6:.0f} MB; both ways list the same")
        hours = seconds["count"] / pages * CRAWL_PAGES / 3600
        print(f"{CRAWL_PAGES:,} pages: {hours:.1f} core hours; {seconds['decide'] / rows * 1e9:,.0f} s for 10^9 rows")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
