"""Decontamination against GSM8K, MATH and MMLU: speed, recall of injected items, false removals on the math pages.

`python tests/bench/bench_decontaminate.py [--rounds 5]`, one process; the best of the rounds counts.

Beside ours run the first look of the published script (sets of 13-grams as tuples of tokens, no ratio) and datatrove's
NGramsDecontFilter with an index of the same items and the same n. Its indexer imports lighteval, which items of one's
own do not need, so the index is written here as the indexer would.
"""

import argparse
import gzip
import json
import random
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from datatrove.data import Document

from curation import html_to_text
from curation.blocks.decontaminate import Decontaminate
from curation.blocks.read import read_files
from curation.text.overlap import BenchmarkItem, OverlapIndex
from curation.text.words import tokenise

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FILES = {name: DATA / f"benchmarks/{name}_test.jsonl.gz" for name in ("gsm8k", "math", "mmlu")}
NGRAM, RATIO = 13, 0.6
INJECTED, FEWEST_WORDS, SEED = 1000, 20, 7


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_items():
    return [
        BenchmarkItem(row["benchmark"], row["id"], row["question"]) for path in FILES.values() for row in read(path)
    ]


def best(rounds, function, values):
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        for value in values:
            function(value)
        seconds.append(time.perf_counter() - start)
    return len(values) / min(seconds)


def speed(texts, items, rounds):
    print(f"{len(texts):,} texts of {np.mean(list(map(len, texts))):.0f} characters, {len(items):,} items, one process")
    start = time.perf_counter()
    index = OverlapIndex(items, NGRAM, RATIO)
    print(f"{'index':44} {time.perf_counter() - start:10.1f} s; not looked for: {dict(index.too_short)}")
    index.first_contaminating(texts[0])
    print(f"{'first_contaminating':44} {best(rounds, index.first_contaminating, texts):10,.0f} documents/s")
    step = Decontaminate(benchmarks=tuple(f"{name}={path}" for name, path in FILES.items()))
    rates = []
    for _ in range(rounds + 1):
        docs = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
        start = time.perf_counter()
        kept = sum(1 for _ in step.run(iter(docs), 1))  # rank 0 also counts the unchecked items
        rates.append(len(texts) / (time.perf_counter() - start))
    print(f"{'the step Decontaminate':44} {max(rates):10,.0f} documents/s, keeps {kept:,}")
    known = {gram for item in items for gram in grams(tokenise(item.text))}
    script = best(1, lambda text: not known.isdisjoint(grams(tokenise(text))), texts)
    print(f"{'published script, first look only':44} {script:10,.0f} documents/s")
    peer(texts, items)


def grams(tokens):
    return set(zip(*(tokens[at:] for at in range(NGRAM)), strict=False))


def peer(texts, items):
    """datatrove's filter; spaCy's tokeniser, numbers taken as one."""
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    with tempfile.TemporaryDirectory() as folder:
        config = NGramsDecontConfig(n_grams=NGRAM, find_query_ngrams=True)
        try:
            step = NGramsDecontFilter(folder, config)
            step.tokenizer.word_tokenize("a")
        except ImportError as error:
            print(f"{'datatrove NGramsDecontFilter':44} cannot be run here: {error}")
            return
        hashes = set()
        for item in items:
            tokens = step.tokenizer.word_tokenize(simplify_text(item.text, config.norm_config))
            hashes.update(map(step.hash_func, map(" ".join, ngrams(tokens, NGRAM))))
        np.array(list(hashes), config.hash_config.np_descr).tofile(f"{folder}/items.index.hashes")
        docs = [Document(text=text, id=str(number)) for number, text in enumerate(texts[:1000])]
        step.filter(docs[0])
        start = time.perf_counter()
        dropped = sum(step.filter(doc) is not True for doc in docs)
        rate = len(docs) / (time.perf_counter() - start)
        print(f"{'datatrove NGramsDecontFilter (1,000 texts)':44} {rate:10,.0f} documents/s, drops {dropped}")


def verbatim(item, rng, pages):
    return surrounded(item, rng, pages)


def wrapped(item, rng, pages):
    """Lines of another width, some with an indent or a quotation mark."""
    words, lines = item.split(), []
    while words:
        width = rng.randrange(3, 12)
        lines.append(rng.choice(["", "  ", "> "]) + " ".join(words[:width]))
        words = words[width:]
    return surrounded("\n".join(lines), rng, pages)


def spaced(item, rng, pages):
    """More blanks between words, and blanks around TeX's signs."""
    item = re.sub(r"\s+", lambda _: rng.choice([" ", "  ", "\t", "\u00a0", " \n"]), item)
    return surrounded(
        re.sub(r"[$={}()+<>]", lambda sign: rng.choice([f" {sign[0]}", f"{sign[0]} ", sign[0]]), item), rng, pages
    )


def cut(item, rng, pages):
    """Seven tenths of the words, one after another."""
    words = re.split(r"(?<=\s)(?=\S)", item)
    length = -(-7 * len(words) // 10)
    start = rng.randrange(len(words) - length + 1)
    return surrounded("".join(words[start : start + length]), rng, pages)


def embedded(item, rng, pages):
    around = [rng.choice(pages) for _ in range(20)]
    return "\n\n".join([*around[:10], item, *around[10:]])


def surrounded(item, rng, pages):
    return f"{rng.choice(pages)[:1000]}\n\n{item}\n\n{rng.choice(pages)[:1000]}"


def recall(index, items, texts):
    rng = random.Random(SEED)
    pages = [text for text in texts if not index.overlaps(text)]
    long = [item for item in items if len(item.text.split()) >= FEWEST_WORDS]
    chosen = rng.sample(long, INJECTED)
    print(f"\nrecall of {INJECTED:,} items of at least {FEWEST_WORDS} words, injected once in each way")
    total = 0
    for kind in (verbatim, wrapped, spaced, cut, embedded):
        found = own = 0
        missed = defaultdict(int)
        for item in chosen:
            hit = index.first_contaminating(kind(item.text, rng, pages))
            found += hit is not None
            own += hit is not None and hit.item_text.split() == item.text.split()
            missed[item.benchmark] += hit is None
        total += found
        print(f"{kind.__name__:12} {found / INJECTED:.4f}, as itself {own / INJECTED:.4f}; missed {dict(missed)}")
    print(f"{'all':12} {total / INJECTED / 5:.4f}")


def false_removals(items, texts):
    """Every find on the pages that nothing was put into; whoever runs this looks at each."""
    pages = {}
    for doc in read_files(sorted(str(path) for path in (DATA / "math").glob("*.warc.gz")), {}, lambda *_: None):
        pages[doc.metadata["url"]] = html_to_text(doc.metadata["html"])
    with_answers = [
        BenchmarkItem(row["benchmark"], f"{row['id']}#answer", row["answer"])
        for path in FILES.values()
        for row in read(path)
    ]
    for name, chosen in (("questions", items), ("answers on their own", with_answers)):
        index = OverlapIndex(chosen, NGRAM, RATIO)
        found = [(url, hit) for url, text in pages.items() if (hit := index.first_contaminating(text))]
        sharing = sum(bool(index.overlaps(text)) for text in pages.values())
        share = 1000 * len(found) / len(pages)
        print(
            f"\n{name}: {len(found)} of {len(pages):,} math pages removed ({share:.2f} per thousand), "
            f"{sharing} share an n-gram"
        )
        for url, hit in found:
            print(f"  {url}\n    {hit.benchmark} {hit.item_id} {hit.ratio:.3f}: {' '.join(hit.passage.split())}")
            print(f"    item: {' '.join(hit.item_text.split())}")
        web = [hit for text in texts if (hit := index.first_contaminating(text))]
        print(f"{name}: {len(web)} of {len(texts):,} web texts removed")
        for hit in web:
            print(f"    {hit.benchmark} {hit.item_id} {hit.ratio:.3f}: {' '.join(hit.passage.split())}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    texts, items = [row["text"] for row in read(DATA / "texts/web_texts.jsonl.gz")], read_items()
    speed(texts, items, given.rounds)
    recall(OverlapIndex(items, NGRAM, RATIO), items, texts)
    false_removals(items, texts)


if __name__ == "__main__":
    main()
