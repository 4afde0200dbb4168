"""A query of an index of 20 million rows in the layout of Common Crawl's: seconds, memory and bytes read, by hand.

    python tests/bench/bench_index.py                      # 20 files of a million rows; beside DuckDB where it is there
    python tests/bench/bench_index.py --files 2 --keep index

What a row holds is made up, but as long and as often repeated as what is published: 400,000 domains of which few have
most pages, hosts, paths and queries, random digests, 80,000 archives; sorted by url_surtkey over all files. A published
file has some 10 million rows in row groups of 128 MB, which are a million and more; so a file here is one row group of
a million, and another measurement has groups of 100,000 (what ``curate index`` writes).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROWS, DOMAINS, ARCHIVES = 1_000_000, 400_000, 80_000
GROUPS = (ROWS, ROWS // 10)
CRAWL = "crawl=CC-MAIN-2024-10/subset=warc"
NEEDED = (
    "url, url_host_registered_domain, fetch_time, content_mime_type, content_languages, content_digest, "
    "warc_filename, warc_record_offset, warc_record_length"
)


def make_index(folder, files):
    """The same files with each of `GROUPS`; returns the domains."""
    rng = np.random.default_rng(0)
    sizes = 1 / np.arange(10, DOMAINS + 10)
    counts = rng.multinomial(files * ROWS - DOMAINS, sizes / sizes.sum()) + 1
    tlds = rng.choice(["com", "org", "de", "ru", "net", "co.uk", "fr", "info"], DOMAINS, p=TLD_SHARES)
    names = [f"{word}{number}" for number, word in enumerate(rng.choice(WORDS, DOMAINS))]
    domains = [f"{name}.{tld}" for name, tld in zip(names, tlds, strict=True)]
    keys = [",".join(reversed(domain.split("."))) for domain in domains]
    order = sorted(range(DOMAINS), key=keys.__getitem__)
    all_domains = np.repeat(np.array(order), counts[order])
    for group in GROUPS:
        (folder / str(group) / CRAWL).mkdir(parents=True)
    for number in range(files):
        table = rows_of(all_domains[number * ROWS : (number + 1) * ROWS], domains, keys, rng)
        for group in GROUPS:
            path = folder / str(group) / CRAWL / f"part-{number:05d}.parquet"
            pq.write_table(table, path, compression="zstd", row_group_size=group)
    return domains


TLD_SHARES = [0.5, 0.1, 0.1, 0.08, 0.08, 0.05, 0.05, 0.04]
WORDS = ["math", "shop", "blog", "news", "photo", "travel", "forum", "wiki", "physics", "garden", "music", "school"]


def rows_of(places, domains, keys, rng):
    """A file's rows, sorted within each domain."""
    of_domain = pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(domains)).cast(pa.string())
    key = pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(keys)).cast(pa.string())
    words = pa.array([f"{one}-{two}" for one in WORDS for two in WORDS])
    numbers = pa.array(np.sort(rng.integers(0, 10**9, len(places)))).cast(pa.string())
    pick = lambda values: values.take(pa.array(rng.integers(0, len(values), len(places))))  # noqa: E731
    path = pc.binary_join_element_wise("/", pick(words), "/", pick(words), "-", numbers, "")
    query = pc.if_else(pa.array(rng.random(len(places)) < 0.2), pc.binary_join_element_wise("id=", numbers, ""), None)
    shown = pc.fill_null(pc.binary_join_element_wise("?", query, ""), "")
    host = pc.binary_join_element_wise("www.", of_domain, "")
    digests = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", np.uint8)[rng.integers(0, 32, (len(places), 32))]
    archives = pa.array([f"crawl-data/CC-MAIN-2024-10/segments/17073{n // 900:03d}.88/warc/CC-MAIN-20240220211055-"
                         f"20240221001055-{n % 900:05d}.warc.gz" for n in range(ARCHIVES)])  # fmt: skip
    mimes = pa.array(["text/html"] * 94 + ["application/pdf", "text/plain", "application/xhtml+xml"] * 2)
    constant = lambda text: pa.repeat(pa.scalar(text), len(places))  # noqa: E731
    times = rng.integers(1708000000000, 1709600000000, len(places))
    columns = {
        "url_surtkey": pc.binary_join_element_wise(key, ")", path, shown, ""),
        "url": pc.binary_join_element_wise("https://", host, path, shown, ""),
        "url_host_name": host,
        "url_host_tld": pc.replace_substring_regex(of_domain, r"^.*\.", ""),
        "url_host_registered_domain": of_domain,
        "url_host_private_domain": of_domain,
        "url_protocol": constant("https"),
        "url_path": path,
        "url_query": query,
        "fetch_time": pa.array(times).cast(pa.timestamp("ms")),
        "fetch_status": pa.array(np.where(rng.random(len(places)) < 0.995, 200, 206).astype(np.int16)),
        "fetch_redirect": pa.nulls(len(places), pa.string()),
        "content_digest": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(32), len(places), [None, pa.py_buffer(digests)]
        )
        .cast(pa.binary())
        .cast(pa.string()),
        "content_mime_type": (kinds := pick(mimes)),
        "content_mime_detected": kinds,
        "content_charset": constant("UTF-8"),
        "content_languages": pick(
            pa.array(["eng"] * 45 + ["deu,eng", "rus", "fra", "spa", "zho", "jpn,eng", None] * 8)
        ),
        "content_truncated": pa.nulls(len(places), pa.string()),
        "warc_filename": (names := pick(archives)),
        "warc_record_offset": pa.array(rng.integers(0, 1 << 30, len(places)).astype(np.int32)),
        "warc_record_length": pa.array(rng.integers(2000, 60000, len(places)).astype(np.int32)),
        "warc_segment": pc.replace_substring_regex(names, r"^.*/segments/([^/]*)/.*$", r"\1"),
    }
    return pa.table(columns)


def ours(folder, domains):
    """Found rows and counts of our query."""
    from curation.crawl.columnar import read_columnar
    from curation.crawl.wanted import Wanted

    wanted, counts, found = Wanted(domains=domains, languages=("eng",)), Counter(), 0
    for file in sorted((folder / CRAWL).iterdir()):
        found += sum(table.num_rows for table in read_columnar(str(file), wanted, counts))
    return found, dict(counts)


def duckdb(folder, domains):
    """Found rows of the same query; its peak of bytes read is not told."""
    import duckdb as database

    connection = database.connect()
    connection.execute(f"SET threads = 1; SET temp_directory = '{folder}/temporary'")
    connection.register("listed", pa.table({"domain": domains}))
    query = (
        f"SELECT {NEEDED} FROM read_parquet('{folder}/{CRAWL}/*.parquet') "
        "SEMI JOIN listed ON url_host_registered_domain = listed.domain "
        "WHERE fetch_status = 200 AND coalesce(content_mime_detected, content_mime_type) IN "
        "('text/html', 'application/xhtml+xml') AND (content_languages IS NULL OR "
        "regexp_matches(content_languages, '(^|,)eng(,|$)'))"
    )
    reader = connection.execute(query).to_arrow_reader(100_000)
    return sum(batch.num_rows for batch in reader), {}


def measure_one(which, folder, domains):
    """In this process alone: what a query takes, as JSON."""
    pa.set_cpu_count(1)
    importlib.import_module("curation.crawl.columnar")
    before, used, read = time.perf_counter(), time.process_time(), _bytes_read()
    found, counts = {"ours": ours, "duckdb": duckdb}[which](folder, domains)
    took = {"seconds": time.perf_counter() - before, "cpu": time.process_time() - used, "peak_mb": _peak_mb()}
    print(json.dumps(took | {"read": _bytes_read() - read, "found": found, **counts}))


def _peak_mb():
    """Of this process since it was started; what getrusage says is that of the process that it was forked from."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


def _bytes_read():
    """What this process has read by system calls, from the page cache or the disk."""
    return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])


def measure(which, folder, listed, name):
    """A query in a process of its own."""
    command = [sys.executable, __file__, "--only", which, "--keep", str(folder), "--listed", str(listed)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    took = json.loads(shown.stdout)
    stored = sum(file.stat().st_size for file in (folder / CRAWL).iterdir())
    groups = (
        f"{took.get('row_groups_skipped', 0)} of {took['row_groups']} row groups skipped"
        if "row_groups" in took
        else ""
    )
    print(
        f"{name} {which:7} {took['seconds']:6.1f} s  {took['cpu']:6.1f} s of CPU  peak {took['peak_mb']:5} MB  "
        f"{took['read'] / 1e6:6,.0f} of {stored / 1e6:,.0f} MB read  {took['found']:9,} rows  {groups}",
        flush=True,
    )


def main(argv):
    options = argparse.ArgumentParser()
    options.add_argument("--files", type=int, default=20)
    options.add_argument("--keep", type=Path)
    options.add_argument("--only")
    options.add_argument("--listed", type=Path)
    given = options.parse_args(argv)
    if given.only:
        measure_one(given.only, given.keep, given.listed.read_text().split())
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, begun = given.keep or Path(temporary), time.perf_counter()
        if not (names := folder / "domains.txt").exists():
            names.write_text("\n".join(make_index(folder, given.files)))
            print(f"{given.files} files made in {time.perf_counter() - begun:.0f} s")
        domains = names.read_text().split()
        for count in (50, 20_000):
            chosen = np.random.default_rng(1).choice(domains, count, replace=False)
            (listed := Path(temporary, f"{count}.txt")).write_text("\n".join(sorted(chosen)))
            for group in GROUPS:
                for which in ("ours", *(["duckdb"] if importlib.util.find_spec("duckdb") else [])):
                    measure(which, folder / str(group), listed, f"{count:6,} domains, groups of {group:9,}")


if __name__ == "__main__":
    main(sys.argv[1:])
