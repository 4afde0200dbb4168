"""URLs a second of the URL filter beside datatrove's on the same lists, and where they disagree: run by hand.

`python tests/bench/bench_urls.py`; datatrove unpacks its lists into the cache folder of huggingface_hub.
"""

import gzip
import json
import resource
import time
import warnings
from pathlib import Path

import tldextract
from datatrove.data import Document
from datatrove.pipeline.filters.url_filter import URLFilter

from curation.blocks.urls import KeepUrl

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ROUNDS = 5


def read_urls():
    urls = []
    for name in (
        "texts/web_texts.jsonl.gz",
        "web/pages/index.jsonl.gz",
        "web/gold/gold.jsonl.gz",
        "math/gold.jsonl.gz",
    ):
        with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
            urls += [url for line in lines if (url := json.loads(line).get("url"))]
    return urls


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(urls):
    docs = [Document(text="text", id=url, metadata={"url": url}) for url in urls]
    step, found = KeepUrl(), {}
    start = time.perf_counter()
    step.reason(docs[0])
    print(f"ours       {time.perf_counter() - start:6.2f} s to read the lists, peak {peak_mb():.0f} MB")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = {doc.id: step.reason(doc) for doc in docs}
        print(f"ours       {len(docs) / (time.perf_counter() - start):9,.0f} URLs/s")
    start = time.perf_counter()
    kept = sum(1 for _ in step.run(iter(docs)))
    print(f"ours       {len(docs) / (time.perf_counter() - start):9,.0f} URLs/s as a step, {kept} of {len(docs)} kept")
    return found


def theirs(urls):
    docs = [Document(text="text", id=url, metadata={"url": url}) for url in urls]
    step, found = URLFilter(), {}
    step.tldextractor = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
    start = time.perf_counter()
    step.filter(docs[0])
    print(f"datatrove  {time.perf_counter() - start:6.2f} s to read the lists, peak {peak_mb():.0f} MB")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = {doc.id: None if (one := step.filter(doc)) is True else one[1] for doc in docs}
        print(f"datatrove  {len(docs) / (time.perf_counter() - start):9,.0f} URLs/s")
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    urls = read_urls()
    mine, other = ours(urls), theirs(urls)
    differing = {url: (mine[url], other[url]) for url in mine if mine[url] != other[url]}
    print(f"{len(mine):,} different URLs, {sum(map(bool, mine.values()))} dropped, {len(differing)} differ", differing)
