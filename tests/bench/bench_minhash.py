"""MinHash signatures a second, ours beside others', and which pairs each finds: `python tests/bench/bench_minhash.py`.

One process and one core (`taskset -c 0`). The second part takes web texts and a copy of each, of which a share of the
words is replaced; datatrove splits words with spaCy, ours at blanks. rensa is given the shingles of five words, as its
documentation shows it, made by `str.split`.
"""

import argparse
import gzip
import itertools
import json
import random
import tempfile
import time
from pathlib import Path

import numpy as np

from curation.blocks.minhash_files import MinhashFiles
from curation.text.minhash import MinHash
from curation.text.similarity import similarities

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SHAPES = ((14, 8), (1, 10), (25, 10))
NORMALISATIONS = ("keep_mathematics", "words", "datatrove")
EDITED = (0.005, 0.01, 0.02, 0.03, 0.05)


def read(count):
    with gzip.open(DATA / "texts/web_texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(count), strict=False)]


def measure(name, function, texts, times=3):
    function(texts[:10])
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function(texts)
        seconds.append(time.perf_counter() - start)
    print(f"{name:64s} {len(texts) / min(seconds):10,.0f} /s   {len(texts)} texts, best of {times}", flush=True)


def datatrove_signatures(folder):
    from datatrove.pipeline.dedup.minhash import MinhashDedupSignature

    step = MinhashDedupSignature(folder)
    return lambda texts: [step.get_signature(step.get_shingles(text)) if text else None for text in texts]


def rensa_signatures():
    try:
        from rensa import RMinHash
    except ImportError:
        return None

    def signatures(texts):
        found = []
        for text in texts:
            words = text.lower().split()
            minhash = RMinHash(num_perm=112, seed=1)
            minhash.update([" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))])
            found.append(minhash.digest())
        return found

    return signatures


def speed(texts):
    with tempfile.TemporaryDirectory() as folder:
        measure("datatrove 14x8, from text (spaCy)", datatrove_signatures(folder), texts[:100], times=2)
    rensa = rensa_signatures()
    if rensa is None:
        print("rensa is not installed")
    else:
        measure("rensa RMinHash, 112 permutations, str.lower().split()", rensa, texts[:2000])
    for normalisation in NORMALISATIONS:
        for bands, rows in SHAPES:
            minhash = MinHash(bands=bands, rows=rows, normalisation=normalisation)
            measure(f"ours {bands}x{rows}, {normalisation}: signatures", lambda t, m=minhash: m.signatures(t), texts)
        measure(f"ours 14x8, {normalisation}: band hashes", MinHash(normalisation=normalisation).band_hashes, texts)
        measure(f"ours, {normalisation}: shingle sets", MinHash(normalisation=normalisation).shingle_sets, texts)
    for settings in ({"hash": "sha1"}, {"bits": 32}, {"hash": "sha1", "bits": 32}, {"shingles": "characters"}):
        measure(f"ours 14x8, keep_mathematics, {settings}", MinHash(**settings).signatures, texts)
    values, offsets = MinHash().shingle_sets(texts)
    left, right = np.random.default_rng(0).integers(0, len(texts), (2, 20_000))
    similarities(values, offsets, left[:1], right[:1])
    start = time.perf_counter()
    similarities(values, offsets, left, right)
    print(f"exact similarities {len(left) / (time.perf_counter() - start):10,.0f} pairs/s")
    with tempfile.TemporaryDirectory() as folder:
        documents = [_Document(text) for text in texts]
        step = MinhashFiles(output_folder=folder)
        measure("MinhashFiles, to files of datatrove", lambda docs: list(step.run(iter(docs))), documents)


class _Document:
    def __init__(self, text):
        self.text = text


def edited(text, share, rng):
    """A copy in which a share of the words stands for another word of the same text."""
    words = text.split(" ")
    return " ".join(rng.choice(words) if rng.random() < share else word for word in words)


def pairs_of(bands):
    """Pairs that share a band; rows of zeros have no shingles."""
    buckets = {}
    for text, row in enumerate(bands.tolist()):
        for key in enumerate(row):
            if any(row):
                buckets.setdefault(key, []).append(text)
    return {pair for members in buckets.values() for pair in itertools.combinations(members, 2)}


def effect_of_splitting(count):
    rng = random.Random(0)
    originals = read(count // 2)
    texts = originals + [edited(text, EDITED[i % len(EDITED)], rng) for i, text in enumerate(originals)]
    with tempfile.TemporaryDirectory() as folder:
        theirs = datatrove_signatures(folder)(texts)
    keys = np.array([[hash(tuple(band)) & 0xFFFFFFFFFFFFFFFF for band in one] for one in theirs], np.uint64)
    found = {"datatrove (spaCy)": pairs_of(keys)}
    for normalisation in NORMALISATIONS:
        found[f"ours, {normalisation}"] = pairs_of(MinHash(normalisation=normalisation).band_hashes(texts))
    values, offsets = MinHash(normalisation="datatrove").shingle_sets(texts)
    print(f"\n{len(texts)} texts, {len(originals)} of them edited copies; pairs that share a band of 14x8:")
    reference = found["datatrove (spaCy)"]
    for name, pairs in found.items():
        both, only, missed = pairs & reference, sorted(pairs - reference), sorted(reference - pairs)
        copies = sum(right - left == len(originals) for left, right in pairs)
        print(f"{name:24s} {len(pairs):5d} pairs, {copies} text and copy; {len(both)} in both", end="")
        print(f", {len(only)} only here, {len(missed)} only datatrove's", end="")
        for these in filter(None, (only, missed)):
            exact, _ = similarities(values, offsets, *np.array(these).T)
            print(f"; Jaccard {np.min(exact):.2f} to {np.max(exact):.2f}, median {np.median(exact):.2f}", end="")
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=600, help="texts of which half are edited copies")
    arguments = parser.parse_args()
    texts = read(arguments.texts)
    print(f"{len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters on average\n")
    speed(texts)
    effect_of_splitting(arguments.pairs)


if __name__ == "__main__":
    main()
