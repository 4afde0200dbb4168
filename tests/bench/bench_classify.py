"""How well small classifiers learn the judge: F1 at 3, Spearman and AUC of held-out documents, head by head.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_classify.py [--random-folds] [--seeds 3] [--sets math web code]

Cross-validation over sites (code: repositories) by `fit_classifier` itself, on the labels beside the repository, with
the embedder that pip brings: the head, its cut and its calibration are learned without the part that they are judged
by. Each figure is the mean over several deals of the folds; in brackets lowest and highest. ``published cut`` is
``int_score >= 3``, all else the cut learned inside the folds. With ``--random-folds`` near-duplicates and other pages
of a site stand on both sides, as in figures that ignore it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curation import load_spec
from curation.blocks.learn import group_of_url
from curation.classify import figures
from curation.classify.cache import CachedEmbedder, EmbeddingCache
from curation.classify.train import fit_classifier, spec_embedder

LABELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "labels"
SETS = {
    "math": ("finemath-embedded", "finemath_5pt"),
    "web": ("fineweb_edu-embedded", "fineweb_edu_5pt"),
    "code": ("stack_edu-embedded", "stack_edu_5pt"),
}
PLAIN = {"layers": (), "windows": 1, "max_characters": 0, "head": "linear", "calibration": "f1"}
HEADS: dict[str, dict[str, Any]] = {
    "linear, last layer": PLAIN,
    "linear, layers 4 and 5": {"head": "linear", "calibration": "f1"},
    "ordinal, layers 4 and 5": {"head": "ordinal", "calibration": "f1"},
    "kernel, cut by f1": {"calibration": "f1"},
    "kernel, cut by mix (shipped)": {},
}


def rows_of(name: str) -> list[dict[str, Any]]:
    with gzip.open(LABELS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def shown(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--random-folds", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    given = parser.parse_args()
    if not LABELS.is_dir():
        print(f"skipped: needs the labels in {LABELS}")
        return
    figures.BOOTSTRAPS = 2  # intervals are the report's own; here only the figures
    for name in given.sets:
        spec_name, file = SETS[name]
        rows, shipped = rows_of(file), load_spec(spec_name)
        texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
        groups = None if given.random_folds else [group_of_url(row["url"]) for row in rows]
        kept = "documents one by one" if groups is None else f"{len(set(groups))} sites or repositories"
        print(f"\n{name}: {len(rows)} labels, {sum(label >= 3 for label in labels)} of at least 3, {kept}")
        print(f"{'head':30} {'F1, published cut':22} {'F1, learned cut':22} {'Spearman':22} {'AUC at 3':22} seconds")
        embedders: dict[str, Any] = {}
        for head, changes in HEADS.items():
            spec = replace(shipped, **changes)
            key = str((spec.layers, spec.windows, spec.max_characters))
            if key not in embedders:
                base = spec_embedder(spec)
                embedders[key] = CachedEmbedder(base, EmbeddingCache([], base.identity))
                embedders[key].embed(texts)
            started = time.perf_counter()
            reports = [
                fit_classifier(texts, labels, spec, groups=groups, embedder=embedders[key], seed=seed)[1]
                for seed in range(given.seeds)
            ]
            seconds = (time.perf_counter() - started) / given.seeds
            at = [report.at(3) for report in reports]
            print(
                f"{head:30} {shown([one.published.f1.value for one in at]):22} "
                f"{shown([one.calibrated.f1.value for one in at]):22} "
                f"{shown([report.spearman for report in reports]):22} {shown([one.auc.value for one in at]):22} "
                f"{seconds:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
