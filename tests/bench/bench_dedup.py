"""Near-duplicate removal of a corpus on one core, beside datatrove: time, memory, recall, precision; and its growth.

    python tests/bench/bench_dedup.py                         # 20,000 documents beside datatrove, growth to 100,000
    python tests/bench/bench_dedup.py --documents 100000 --growth 50000,100000,200000,400000

The corpus is made of the 5,000 texts of ../shared/data/texts by known edits: every version of a text replaces, drops or
moves another share of its words. What is right is told by the exact Jaccard similarity of shingles in the normalisation
that was asked for: recall is the share of pairs of 0.9 or more of which at most one is kept, precision the share of
dropped documents that are at least 0.8 similar to a document that is kept.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NEAR, SAME = 0.9, 0.8
SHARES = (0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.3, 0.4, 0.5, 0.6)  # of words that are edited


def read_texts():
    path = DATA / "texts" / "web_texts.jsonl.gz"
    if not path.exists():
        sys.exit(f"skipped: {path} is not there")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def edited(text, share, random_):
    """A version of a text: ``share`` of its words replaced, dropped or moved."""
    words = text.split(" ")
    for _ in range(int(len(words) * share) or (share > 0)):
        place, kind = random_.randrange(len(words)), random_.randrange(3)
        if kind == 0:
            words[place] = f"{random_.choice(words)}{random_.randrange(10_000)}"
        elif kind == 1 and len(words) > 10:
            del words[place]
        else:
            words.insert(random_.randrange(len(words)), words[place])
    return " ".join(words)


def make_corpus(folder, count, texts):
    """``count`` documents in files of 5,000; the id names text and version."""
    folder.mkdir(parents=True)
    random_ = random.Random(0)
    order = list(range(count))
    random_.shuffle(order)
    for start in range(0, count, 5000):
        rows = []
        for number in order[start : start + 5000]:
            text, version = number % len(texts), number // len(texts)
            share = 0 if version == 0 else SHARES[random_.randrange(len(SHARES))]
            rows.append({"id": f"{text}-{version}", "text": edited(texts[text], share, random_)})
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{start // 5000:04d}.parquet", row_group_size=1000)


def documents(folder):
    tables = [pq.read_table(path, columns=["id", "text"]) for path in sorted(Path(folder).glob("*.parquet"))]
    table = pa.concat_tables(
        [one.cast(pa.schema([("id", pa.string()), ("text", pa.large_string())])) for one in tables]
    )
    return table["id"].to_pylist(), table["text"].to_pylist()


# What is run in a process of its own, on one core: its wall time and the peak memory of all its processes are taken.
OURS = """
from curation import Dedup, dedup
if __name__ == "__main__":
    dedup({source!r}, output={output!r}, workers=1, settings=Dedup(bands=14, rows=8, keep=("first",),
          normalisation={normalisation!r}, threshold={threshold!r}))
"""
THEIRS = """
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.hashing import HashConfig

if __name__ == "__main__":
    config = MinhashConfig(hash_config=HashConfig(hash_fc="xxhash", precision=64), num_buckets=14, hashes_per_bucket=8)
    base, reader = {output!r}, ParquetReader({source!r})
    stages = [
        ([reader, MinhashDedupSignature(output_folder=base + "/1", config=config)], {files}),
        ([MinhashDedupBuckets(base + "/1", base + "/2", config=config)], 14),
        ([MinhashDedupCluster(base + "/2", base + "/3", config=config)], 1),
        ([reader, MinhashDedupFilter(base + "/3"), ParquetWriter(base + "/kept")], {files}),
    ]
    for number, (steps, tasks) in enumerate(stages):
        LocalPipelineExecutor(pipeline=steps, tasks=tasks, workers=1, logging_dir=base + f"/logs{{number}}").run()
"""


def timed(name, code, folder):
    """Wall seconds and peak memory in GB of the processes of a script on one core."""
    script = Path(folder, f"{name}.py")
    script.write_text(code)
    core = str(min(os.sched_getaffinity(0)))
    started = time.perf_counter()
    with open(Path(folder, f"{name}.log"), "w") as log:
        process = subprocess.Popen(["taskset", "-c", core, sys.executable, str(script)], stdout=log, stderr=log)
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"{name} failed, see {log.name}:\n" + Path(log.name).read_text()[-2000:])
    return time.perf_counter() - started, peak / 1e9


def memory_of(pid):
    """Proportional set size of a process and those that it started."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            total += 1024 * int(Path(f"/proc/{one}/smaps_rollup").read_text().split("Pss:")[1].split()[0])
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, IndexError, ValueError):
            continue
    return total


class Truth:
    """The pairs of a corpus that may be similar, with their exact similarity."""

    def __init__(self, ids, texts, normalisation):
        from curation.text.minhash import MinHash
        from curation.text.similarity import similarities

        self.ids = ids
        values, offsets = MinHash(normalisation=normalisation).shingle_sets(texts)
        first = {one.partition("-")[0]: place for place, one in enumerate(ids) if one.endswith("-0")}
        family = families(list(first), [values[offsets[place] : offsets[place + 1]] for place in first.values()])
        groups = {}
        for place, identifier in enumerate(ids):
            groups.setdefault(family[identifier.partition("-")[0]], []).append(place)
        self.pairs = np.array([(i, j) for group in groups.values() for i in group for j in group if i < j])
        self.jaccard, _ = similarities(values, offsets, self.pairs[:, 0].copy(), self.pairs[:, 1].copy())

    def judge(self, kept):
        """Recall of pairs and precision of drops, see above, and how many there are."""
        stays = np.array([identifier in kept for identifier in self.ids])
        near = self.pairs[self.jaccard >= NEAR]
        found = ~(stays[near[:, 0]] & stays[near[:, 1]])
        best = np.zeros(len(stays))  # the highest similarity to a document that is kept
        for side, other in ((0, 1), (1, 0)):
            with_kept = stays[self.pairs[:, other]]
            np.maximum.at(best, self.pairs[with_kept, side], self.jaccard[with_kept])
        return found.mean(), (best[~stays] >= SAME).mean(), len(near), int((~stays).sum())


def families(names, sets):
    """Text -> the first text that it shares half of its shingles with: the 5,000 texts have duplicates of their own."""
    owners, shared = {}, {}
    for number, one in enumerate(sets):
        for shingle in one.tolist():
            owners.setdefault(shingle, []).append(number)
    for having in owners.values():
        for i in having[:50]:
            for j in having[:50]:
                if i < j:
                    shared[i, j] = shared.get((i, j), 0) + 1
    family = list(range(len(names)))
    for (i, j), count in sorted(shared.items()):
        if count >= 0.3 * min(len(sets[i]), len(sets[j])):
            old, new = family[j], family[i]
            family = [new if one == old else one for one in family]
    return dict(zip(names, family, strict=True))


def beside_datatrove(count, texts, without):
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/in"
        make_corpus(Path(source), count, texts)
        ids, all_texts = documents(source)
        print(f"{count:,} documents of {np.mean([len(text) for text in all_texts]):.0f} characters, 14 x 8, one core")
        runs = [
            (f"ours, {normalisation}, {'verified at .8' if threshold else 'unverified'}", normalisation, threshold)
            for normalisation, threshold in (
                ("datatrove", None),
                ("datatrove", SAME),
                ("keep_mathematics", None),
                ("keep_mathematics", SAME),
            )
        ]
        figures, truth = {}, {kind: Truth(ids, all_texts, kind) for kind in ("datatrove", "keep_mathematics")}
        for number, (name, normalisation, threshold) in enumerate(runs):
            output = f"{folder}/ours{number}"
            code = OURS.format(source=source, output=output, normalisation=normalisation, threshold=threshold)
            took = timed(f"ours{number}", code, folder)
            figures[name] = (*took, *truth[normalisation].judge(set(documents(f"{output}/dedup/data")[0])))
            show(name, figures[name], count)
        if not without:
            code = THEIRS.format(source=source, output=f"{folder}/theirs", files=len(list(Path(source).iterdir())))
            took = timed("theirs", code, folder)
            name = "datatrove's four stages"
            figures[name] = (*took, *truth["datatrove"].judge(set(documents(f"{folder}/theirs/kept")[0])))
            show(name, figures[name], count)
            ours = figures[runs[0][0]][0]
            print(
                f"datatrove takes {took[0] / ours:.0f} times as long (verified: {took[0] / figures[runs[1][0]][0]:.0f})"
            )


def show(name, figures, count):
    seconds, memory, recall, precision, near, gone = figures
    print(
        f"{name:36} {seconds:7.1f} s  {count / seconds:7,.0f}/s  {memory:5.2f} GB  "
        f"recall of {near:,} pairs {recall:.4f}  precision of {gone:,} drops {precision:.4f}",
        flush=True,
    )


def growth(counts, texts):
    """Time and memory of more and more documents."""
    print("growth, verified at .8, one core")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            make_corpus(Path(folder, "in"), count, texts)
            code = OURS.format(
                source=f"{folder}/in", output=f"{folder}/out", normalisation="keep_mathematics", threshold=SAME
            )
            seconds, memory = timed("growth", code, folder)
            stages = {
                path.parent.name.removeprefix("dedup_"): json.loads(path.read_text())["wall_seconds"]
                for path in sorted(Path(folder, "out").glob("*/stage.json"))
            }
        parts = ", ".join(f"{stage} {took:.1f}" for stage, took in stages.items())
        print(
            f"{count:9,} documents {seconds:7.1f} s  {1e6 * seconds / count:6.1f} µs each  {memory:5.2f} GB  ({parts})",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--growth", default="25000,50000,100000")
    parser.add_argument("--without-datatrove", action="store_true")
    given = parser.parse_args()
    texts = read_texts()
    if given.documents:
        beside_datatrove(given.documents, texts, given.without_datatrove)
    if given.growth:
        growth([int(one) for one in given.growth.split(",")], texts)


if __name__ == "__main__":
    main()
