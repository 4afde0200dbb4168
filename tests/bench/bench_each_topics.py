"""Do labels of other subjects help where each has a rubric of its own? A learning curve of mathematics, web and code.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_each_topics.py [--seeds 2] [--embeddings FOLDER]

A head of one subject's own n labels, beside heads that learn from all labels of the two other subjects, too: as one
(shared), and with a kernel that knows the subject. Five folds over sites or repositories of the subject, cuts learned
inside the training part.
"""

from __future__ import annotations

import argparse

import numpy as np
from bench_each import FOLDS, INNER, LABELS, SETS, Floats, Ints, Labels, Predict, kernel_of, ridge

from curation.classify.calibrate import fit_calibration
from curation.classify.features import TextFeatures
from curation.classify.figures import auc, rates
from curation.classify.folds import assign_folds
from curation.scale import Scale


def topics(seeds: int, embeddings: list[str]) -> None:
    """Prints a learning curve of one subject's own labels, alone and with all labels of two other subjects."""
    sets = [Labels(name, embeddings) for name in SETS]
    parts = [[getattr(one.features, name) for one in sets] for name in ("vectors", "statistics", "grams")]
    kernel = kernel_of(TextFeatures(*map(np.concatenate, parts)))
    y, of = np.concatenate([one.y for one in sets]), np.repeat(np.arange(3), [len(one.y) for one in sets])
    same = (of[:, None] == of[None]).astype(float)
    kernels = {"own": kernel, "shared": kernel, "kernel w=2 o=0.1": kernel * (1 + 2 * same) + 0.1 * same}
    print(f"\nn labels of a subject: mean F1 at 3 and AUC of {', '.join(SETS)}, sites or repositories held out\n")
    for labels in (32, 64, 128, 256, 512):
        for name, one in kernels.items():
            others = [np.flatnonzero(of != topic) if name != "own" else np.zeros(0, int) for topic in range(3)]
            found = [
                learned(ridge(one, y), y, np.flatnonzero(of == topic), sets[topic].groups, others[topic], labels, seed)
                for topic in range(3)
                for seed in range(seeds)
            ]
            print(
                f"{labels:4} {name:18} F1 {np.mean(found, axis=0)[0]:.3f}  AUC {np.mean(found, axis=0)[1]:.3f}",
                flush=True,
            )


def learned(
    predict: Predict, y: Floats, rows: Ints, groups: Ints, others: Ints, labels: int, seed: int
) -> tuple[float, float]:
    """F1 at 3 and AUC of one subject with so many labels of its own, and all ``others``."""
    folds, draw = assign_folds(y[rows], groups.tolist(), FOLDS, seed), np.random.default_rng(seed)
    scores, kept = np.zeros(len(rows)), np.zeros(len(rows), bool)
    for fold in range(folds.max() + 1):
        places = draw.permutation(np.flatnonzero(folds != fold))[:labels]
        mine, out = rows[places], folds == fold
        scores[out] = predict(np.concatenate([mine, others]), rows[out])
        parts, inner = assign_folds(y[mine], groups[places].tolist(), INNER, seed + 1), np.zeros(len(mine))
        for part in range(parts.max() + 1):
            inner[parts == part] = predict(np.concatenate([mine[parts != part], others]), mine[parts == part])
        kept[out] = scores[out] >= fit_calibration(inner, y[mine], Scale(0, 5), method="mix").raw_cut(3)
    wanted, ones = y[rows] >= 3, np.ones(len(rows))
    return float(rates(wanted, kept, ones)[2]), auc(scores, wanted, ones)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--embeddings", nargs="*", default=[])
    given = parser.parse_args()
    if LABELS.is_dir():
        topics(given.seeds, given.embeddings)
    else:
        print(f"skipped: needs the labels in {LABELS}")


if __name__ == "__main__":
    main()
