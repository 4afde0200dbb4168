"""What sampling costs, and how many pages of a rare topic `--prefer` finds: `python tests/bench/bench_sampling.py`.

The draw: a million tiny documents, 10,000 drawn, in one pass. The topic: 100 math pages (judge's label of at least 3)
hidden among 5,000 web texts in random order, 200 drawn; five other math pages are the examples. Some of the web texts
are about mathematics themselves and count as misses. Ten hidings.
"""

import gzip
import json
import math
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from datatrove.data import Document

from curation.annotation.prefer import Preference
from curation.annotation.sample import StreamedDraw
from curation.blocks.sample import DrawSample

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NUMBER, SIZE = 1_000_000, 10_000
HIDDEN, EXAMPLES, DRAWN, TRIALS = 100, 5, 200, 10
WORDS = "words=theorem,equation,proof"


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_pass(strata):
    before, written = peak_megabytes(), 0
    start = time.perf_counter()
    with StreamedDraw(SIZE) as sample:
        for row in range(NUMBER):
            held = sample._spill.bytes
            sample.offer(str(row), row % strata, Document(text="tiny", id=str(row)))
            written += sample._spill.bytes > held
        drawn, spilled = sum(1 for _ in sample.drawn()), sample._spill.bytes
    seconds = time.perf_counter() - start
    print(
        f"{drawn:,} of {NUMBER:,} documents, {strata} strata: {seconds:.1f} s, {peak_megabytes() - before:.0f} MB more "
        f"memory, {written:,} candidates written ({SIZE * (1 + math.log(NUMBER / SIZE)):,.0f} expected), "
        f"{spilled / 1e6:.0f} MB on disk"
    )


def read(name):
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def hide(web, mathematics, rng, folder):
    """The documents of one trial, shuffled, those of the topic with a mark; and the file of examples."""
    order = rng.permutation(len(mathematics))
    examples, hidden = order[:EXAMPLES], order[EXAMPLES : EXAMPLES + HIDDEN]
    file = Path(folder, "examples.jsonl")
    file.write_text("".join(json.dumps({"text": mathematics[row]["text"]}) + "\n" for row in examples))
    rows = [(row, False) for row in web] + [(mathematics[row], True) for row in hidden]
    return [(rows[row], str(number)) for number, row in enumerate(rng.permutation(len(rows)))], str(file)


def found(rows, prefer, seed):
    docs = (Document(text=row["text"], id=key, metadata={"topic": topic}) for (row, topic), key in rows)
    drawn = list(DrawSample(size=DRAWN, prefer=prefer, seed=seed).run(docs))
    weights = [doc.metadata["sample_weight"] for doc in drawn]
    topic = [doc.metadata["topic"] for doc in drawn]
    estimate = sum(weight for weight, one in zip(weights, topic, strict=True) if one)
    return sum(topic), estimate


def rare_topic():
    web = read("texts/web_texts.jsonl.gz")
    mathematics = [row for row in read("labels/finemath_5pt.jsonl.gz") if (row["label"] or 0) >= 3]
    print(f"{HIDDEN} of {len(mathematics)} math pages hidden in {len(web)} web texts, {DRAWN} drawn, {TRIALS} trials:")
    with tempfile.TemporaryDirectory() as folder:
        results = {}
        for seed in range(TRIALS):
            rows, file = hide(web, mathematics, np.random.default_rng(seed), folder)
            for name, prefer in {"random": (), WORDS: (WORDS,), "like": (f"like={file}",)}.items():
                results.setdefault(name, []).append(found(rows, prefer, seed))
        for name, pairs in results.items():
            counts, estimates = zip(*pairs, strict=True)
            print(
                f"  {name:30s} {np.mean(counts):5.1f} drawn ({min(counts)} to {max(counts)}); "
                f"weighted estimate of the {HIDDEN}: {np.mean(estimates):.0f} ± {np.std(estimates):.0f}"
            )
        texts = [row["text"] for row in web]
        print(f"on {len(texts)} texts of {np.mean(list(map(len, texts))):.0f} characters:")
        for spec in (WORDS, f"like={file}"):
            start = time.perf_counter()
            levels = [level for _, level in Preference([spec]).levels(texts, lambda text: (text, None))]
            seconds = time.perf_counter() - start
            print(f"  {spec.partition('=')[0]:30s} {len(levels) / seconds:10,.0f} documents/s")


def main():
    for strata in (1, 7):
        one_pass(strata)
    if (DATA / "texts").is_dir() and (DATA / "labels").is_dir():
        rare_topic()
    else:
        print(f"skipped the rare topic: no real data in {DATA}")


if __name__ == "__main__":
    main()
