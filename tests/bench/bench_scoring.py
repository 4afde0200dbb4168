"""Documents a second from text to score on a CPU, beside the plain loop that everybody writes.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_scoring.py [--documents 400] [--rounds 3]

The plain loop is plain ``transformers``: batches of 32 in input order, ``padding="longest"``, truncation at 512 tokens,
fp32. Ours is the step ``ScoreText`` on the same folder, the MiniLM that pip brings with the published kind of head,
trained on real labels, and beside it the shipped embedded spec, whose head reads hidden layers, statistics and
character runs. Rounds alternate, and the median of each is taken: this machine may be noisy.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TEXTS = SHARED / "texts" / "web_texts.jsonl.gz"
LABELS = SHARED / "labels" / "finemath_5pt.jsonl.gz"
BATCH, TOKENS = 32, 512


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def train(folder: Path, spec: str) -> str:
    from curation import load_spec
    from curation.classify.train import fit_classifier

    labelled = rows(LABELS)[:300]
    chosen = load_spec(spec)
    if spec == "finemath":
        own = load_spec("finemath-embedded")
        chosen = replace(chosen, embedder=own.embedder, revision=own.revision, minimum_steps=100)
    chosen = replace(chosen, folds=2)
    classifier, _ = fit_classifier([row["text"] for row in labelled], [row["label"] for row in labelled], chosen)
    classifier.save(folder / spec)
    return str(folder / spec)


def plain_loop(folder: str) -> Callable[[list[str]], list[float]]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def score(texts: list[str]) -> list[float]:
        scores = []
        with torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                batch = texts[start : start + BATCH]
                given = tokenizer(batch, padding="longest", truncation=True, max_length=TOKENS, return_tensors="pt")
                scores += model(**given).logits.squeeze(-1).float().tolist()
        return scores

    return score


def ours(folder: str) -> Callable[[list[str]], list[float]]:
    from datatrove.data import Document

    from curation import ScoreText

    def score(texts: list[str]) -> list[float]:
        documents = (Document(text=text, id=str(index)) for index, text in enumerate(texts))
        return [doc.metadata["score"] for doc in ScoreText(classifier=folder).run(documents)]

    return score


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    missing = [str(path) for path in (TEXTS, LABELS) if not path.is_file()]
    if missing:
        print(f"skipped: needs {', '.join(missing)}")
        return
    texts = [row["text"] for row in rows(TEXTS)]
    random.Random(0).shuffle(texts)
    texts = texts[: given.documents]
    with tempfile.TemporaryDirectory() as folder:
        published, embedded = (train(Path(folder), spec) for spec in ("finemath", "finemath-embedded"))
        contenders = {
            "plain loop, published kind of head": plain_loop(published),
            "ours, the same classifier": ours(published),
            "ours, finemath-embedded": ours(embedded),
        }
        for score in contenders.values():
            score(texts[:8])  # what is loaded and compiled once
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        scores: dict[str, list[float]] = {}
        for _ in range(given.rounds):
            for name, score in contenders.items():
                started = time.perf_counter()
                scores[name] = score(texts)
                seconds[name].append(time.perf_counter() - started)
    names = list(contenders)
    base = statistics.median(seconds[names[0]])
    characters, cores = sum(map(len, texts)) / len(texts), len(os.sched_getaffinity(0))
    print(f"{len(texts)} web texts of {characters:,.0f} characters, {cores} cores, median of rounds")
    for name in names:
        took = statistics.median(seconds[name])
        every = ", ".join(f"{len(texts) / one:.1f}" for one in seconds[name])
        print(f"{name:36} {len(texts) / took:6.1f} documents/s  {base / took:5.2f} x  ({every})")
    far = max(abs(a - b) for a, b in zip(scores[names[0]], scores[names[1]], strict=True))
    print(f"largest difference of a score between the first two: {far:.4f}")


if __name__ == "__main__":
    main()
