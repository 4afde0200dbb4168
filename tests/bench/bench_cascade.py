"""What a cascade saves: time to score web texts and math pages, all of them and those that a student lets pass.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_cascade.py [--documents 6608] [--sample 1500]

The corpus: 5,000 web texts and 1,608 pages of mathematical sites, extracted by this library, less the documents of the
labels. ``finemath-embedded`` is trained on those labels, its calibrated cut at 3 decides what is kept. A sample of the
corpus is scored for the student, which learns its score and its cut from it; all figures are of the other documents,
which neither classifier, student nor any cut has seen. Both ways run through the steps of the recipes, once each.
"""

from __future__ import annotations

import argparse
import glob
import gzip
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datatrove.data import Document

from curation import ScoreText, ScreenText, TrainStudent, html_to_text, load_spec
from curation.blocks.learn import group_of_url
from curation.blocks.read import read_files
from curation.classify.figures import estimates, rates
from curation.classify.train import fit_classifier

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TEXTS, MATH = SHARED / "texts" / "web_texts.jsonl.gz", SHARED / "math"
LABELS = SHARED / "labels" / "finemath_5pt.jsonl.gz"
THRESHOLD = 3


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def corpus() -> Iterator[tuple[str, str]]:
    for row in lines(TEXTS):
        yield row["url"], row["text"]
    for doc in read_files(sorted(glob.glob(f"{MATH}/*.warc.gz")), {}, None, None):
        if doc.metadata.get("html"):
            yield str(doc.metadata["url"]), html_to_text(doc.metadata["html"])


def documents(rows: list[tuple[str, str]]) -> Iterator[Document]:
    return (Document(text=text, id=url, metadata={"url": url}) for url, text in rows)


def timed(step: Any, given: Iterator[Document]) -> tuple[list[Document], float]:
    started = time.perf_counter()
    return list(step.run(given)), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=1500)
    parser.add_argument("--recalls", type=float, nargs="+", default=[0.95, 0.99, 0.995])
    given = parser.parse_args()
    missing = [str(path) for path in (TEXTS, MATH, LABELS) if not path.exists()]
    if missing:
        print(f"skipped: needs {', '.join(missing)}")
        return
    labelled, rows = lines(LABELS), list(corpus())
    seen = {row["url"] for row in labelled} | {row["text"][:500] for row in labelled}
    fresh = [(url, text) for url, text in rows if url not in seen and text[:500] not in seen]
    print(f"{len(rows):,} documents, {len(rows) - len(fresh):,} of the labels left out")
    random.Random(0).shuffle(fresh)
    fresh = fresh[: given.documents]
    sample, rest = fresh[: given.sample], fresh[given.sample :]
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/model"
        classifier, _ = fit_classifier(
            [row["text"] for row in labelled],
            [row["label"] for row in labelled],
            load_spec("finemath-embedded"),
            groups=[group_of_url(row["url"]) for row in labelled],
        )
        classifier.save(model)
        timed(ScoreText(classifier=model), documents(sample[:8]))  # what is loaded and compiled once
        every, plain = timed(ScoreText(classifier=model), documents(rest))
        scores = np.array([doc.metadata["score"] for doc in every])
        kept = classifier.keeps(scores, THRESHOLD)
        members = np.unique([group_of_url(url) for url, _ in rest], return_inverse=True)[1]
        print(f"all of {len(rest):,} scored: {plain:.1f} s, {kept.mean():.1%} kept\n")
        drawn, asked = timed(ScoreText(classifier=model), documents(sample))
        for recall in given.recalls:
            step = TrainStudent(classifier=model, student=f"{folder}/s", threshold=THRESHOLD, recall=recall)
            _, learned = timed(step, iter(drawn))
            passed, screened = timed(ScreenText(student=f"{folder}/s"), documents(rest))
            _, scored = timed(ScoreText(classifier=model), iter(passed))
            left = {doc.id for doc in passed}
            passes = np.array([url in left for url, _ in rest])
            found = estimates(lambda w, p=passes: rates(kept, p, w)[[1, 3]], members, np.ones(len(rest)), 0)
            says = json.loads(Path(folder, "s", "report.json").read_text())
            print(
                f"recall {recall:g} asked: {found[0]} of {kept.sum()} kept documents pass, the classifier sees "
                f"{found[1]}\n"
                f"  its own report: recall {says['recall']['value']:.3f}, sees {says['share_seen']['value']:.3f} "
                f"{says['note']}\n"
                f"  screen {screened:.1f} s + score {scored:.1f} s = {(screened + scored) / plain:.3f} x;  with the "
                f"student made of {len(sample):,} more documents ({asked:.1f} s scoring, {learned:.1f} s learning): "
                f"{(screened + scored + asked + learned) / (plain + asked):.3f} x of scoring both",
                flush=True,
            )


if __name__ == "__main__":
    main()
