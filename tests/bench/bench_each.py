"""One classifier per language, or one for all: micro-averaged F1 at each language's threshold, on the real labels.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_each.py [--seeds 3] [--parts pooling own]
        [--embeddings FOLDER of vectors computed before]

960 labels of 15 languages, 64 each, Java at 2 and all others at 3; heads as ``stack_edu-embedded`` has them; cross-
validation with the cut learned inside the training part. ``repositories`` keeps a repository on one side of a split
(most languages have 3 to 12: a head of one language then learns from two and is judged on a third), ``documents``
deals documents out one by one (files of one repository stand on both sides). What is between own and shared:

- cuts: each language's cut of the shared head, drawn towards the cut of all, weight n / (n + m) of its n labels;
- offsets: likewise the mean residual of each language, added to the score;
- feature: the language as fifteen further statistics, which the kernel sees;
- kernel: k(a, b) (1 + w [same language]) + o [same language] (Bonilla 2008): a head for each language, all fitted
  together.

``own`` counts languages together until a head of their own is as good as the shared one.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from curation import load_spec
from curation.blocks.learn import group_of_url
from curation.classify.cache import CachedEmbedder, EmbeddingCache
from curation.classify.calibrate import fit_calibration
from curation.classify.features import TextFeatures, read_features
from curation.classify.figures import estimates, rates
from curation.classify.folds import assign_folds, group_indices
from curation.classify.kernel import WIDTHS, _Kernel, _Landmarks, _standard, _standardised
from curation.classify.train import spec_embedder
from curation.estimate import Estimate
from curation.scale import Scale

LABELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "labels"
SETS = {"code": "stack_edu", "math": "finemath", "web": "fineweb_edu"}
FAMILIES = [
    *("C", "C++", "C#", "Java", "Go"),
    *("JavaScript", "TypeScript", "PHP", "Ruby", "Python"),
    *("Rust", "Swift", "Shell", "SQL", "Markdown"),
]
FOLDS, INNER, RIDGE = 5, 3, 0.1
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Predict = Callable[[Ints, Ints], Floats]


class Labels:
    """Judged documents: labels, repositories, languages, thresholds, and what heads read of them."""

    def __init__(self, name: str, embeddings: list[str]) -> None:
        spec = load_spec(f"{SETS[name]}-embedded")
        with gzip.open(LABELS / f"{SETS[name]}_5pt.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        base: Any = spec_embedder(spec)
        embedder = CachedEmbedder(base, EmbeddingCache(embeddings, base.identity))
        features = read_features([row["text"] for row in rows], embedder, "kernel", spec.max_characters)
        assert isinstance(features, TextFeatures)
        self.features = features
        self.y = np.array([row["label"] for row in rows], float)
        self.groups = group_indices([group_of_url(row["url"]) for row in rows], len(rows))
        self.names = np.array([row.get("language") or name for row in rows])
        self.thresholds = np.where(self.names == "Java", 2, 3)


class Trial:
    """Cross-validation of a head and its cuts over some documents."""

    def __init__(self, y: Floats, groups: Ints, thresholds: Ints, seed: int) -> None:
        self.y, self.groups, self.thresholds, self.seed = y, groups, thresholds, seed

    def scores(self, predict: Predict) -> tuple[Ints, Floats, Floats]:
        """Folds, held-out scores, and those inside the training part of each fold, (n, folds)."""
        folds = assign_folds(self.y, self.groups.tolist(), FOLDS, self.seed)
        held_out, inner = np.zeros(len(self.y)), np.full((len(self.y), folds.max() + 1), np.nan)
        for fold in range(folds.max() + 1):
            out, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            held_out[out] = predict(rest, out)
            parts = assign_folds(self.y[rest], self.groups[rest].tolist(), INNER, self.seed + 1)
            for part in range(parts.max() + 1):
                inner[rest[parts == part], fold] = predict(rest[parts != part], rest[parts == part])
        return folds, held_out, inner

    def cut(self, scores: Floats, rows: Any, threshold: int) -> float:
        return fit_calibration(scores, self.y[rows], Scale(0, 5), method="mix").raw_cut(threshold)

    def kept(self, found: tuple[Ints, Floats, Floats]) -> Any:
        """What one cut for each threshold keeps."""
        return self.kept_by(found, None, 0.0)

    def kept_by(self, found: tuple[Ints, Floats, Floats], of: Ints | None, m: float) -> Any:
        """What cuts of each language keep, drawn towards those of all."""
        folds, scores, inner = found
        kept = np.zeros(len(self.y), bool)
        for fold in range(inner.shape[1]):
            rest, out = np.isfinite(inner[:, fold]), folds == fold
            for threshold in np.unique(self.thresholds):
                cut = self.cut(inner[rest, fold], rest, threshold)
                kept[out & (self.thresholds == threshold)] = (scores >= cut)[out & (self.thresholds == threshold)]
                for language in () if of is None else np.unique(of[self.thresholds == threshold]):
                    here, mine = rest & (of == language), out & (of == language)
                    if here.any():
                        share = here.sum() / (here.sum() + m)
                        kept[mine] = (
                            scores[mine] >= share * self.cut(inner[here, fold], here, threshold) + (1 - share) * cut
                        )
        return kept

    def with_offsets(self, found: tuple[Ints, Floats, Floats], of: Ints, m: float) -> tuple[Ints, Floats, Floats]:
        """Scores with each language's mean residual added, learned inside the training part."""
        folds, scores, inner = found
        moved, within = scores.copy(), inner.copy()
        for fold in range(inner.shape[1]):
            for language in np.unique(of):
                rest = np.isfinite(inner[:, fold]) & (of == language)
                offset = float((self.y[rest] - inner[rest, fold]).sum() / (rest.sum() + m))
                moved[(folds == fold) & (of == language)] += offset
                within[rest, fold] += offset
        return folds, moved, within


def kernel_of(features: TextFeatures) -> Floats:
    """The kernel head's, of all documents with all (n, n)."""
    rows = _standardised(features, *_standard(features, np.ones(len(features))))
    near = [_Landmarks(one.astype(np.float16)) for one in rows]
    factors = np.array([width / one.median() for width, one in zip(WIDTHS, near, strict=True)])
    return _Kernel(features.grams, near[0], near[1], factors).of(*rows, features.grams)


def ridge(kernel: Floats, y: Floats) -> Predict:
    penalty = RIDGE * float(np.mean(np.diag(kernel)))

    def predict(learned: Ints, asked: Ints) -> Floats:
        mean = y[learned].mean()
        within = kernel[np.ix_(learned, learned)] + penalty * np.eye(len(learned))
        return np.asarray(kernel[np.ix_(asked, learned)] @ np.linalg.solve(within, y[learned] - mean) + mean)

    return predict


def own_kept(trial: Trial, kernel: Floats, of: Ints) -> Any:
    """What heads of each part alone keep, each with its own cut."""
    kept = np.zeros(len(trial.y), bool)
    for part in np.unique(of):
        rows = np.flatnonzero(of == part)
        groups = group_indices(trial.groups[rows].tolist(), len(rows))
        one = Trial(trial.y[rows], groups, trial.thresholds[rows], trial.seed)
        kept[rows] = one.kept(one.scores(ridge(kernel[np.ix_(rows, rows)], one.y)))
    return kept


def pooled(trial: Trial, kernel: Floats, of: Ints, features: TextFeatures) -> dict[str, Any]:
    """What each way between own and shared keeps."""
    shared = trial.scores(ridge(kernel, trial.y))
    same = (of[:, None] == of[None]).astype(float)
    one_hot = np.concatenate([features.statistics, np.eye(of.max() + 1)[of]], axis=1)
    told = kernel_of(TextFeatures(features.vectors, one_hot, features.grams))
    found = {"own, 64 labels each": own_kept(trial, kernel, of), "shared": trial.kept(shared)}
    found |= {f"shared, cuts m={m}": trial.kept_by(shared, of, m) for m in (0, 64, 256)}
    found |= {f"shared, offsets m={m}": trial.kept(trial.with_offsets(shared, of, m)) for m in (0, 64, 256)}
    found["shared, feature"] = trial.kept(trial.scores(ridge(told, trial.y)))
    for w, o in ((0.0, 0.1), (0.5, 0.0), (0.5, 0.05), (1.0, 0.1), (2.0, 0.1)):
        found[f"kernel w={w} o={o}"] = trial.kept(trial.scores(ridge(kernel * (1 + w * same) + o * same, trial.y)))
    return found


def pooling(code: Labels, kernel: Floats, seeds: int, *, by_language: bool) -> None:
    """Prints micro-averaged F1 of every way, and of own and shared by language."""
    of = np.unique(code.names, return_inverse=True)[1]
    wanted, ones = code.y >= code.thresholds, np.ones(len(code.y))
    for kind, groups in (("repositories", code.groups), ("documents", np.arange(len(code.y)))):
        kept: dict[str, list[Any]] = {}
        for seed in range(seeds):
            trial = Trial(code.y, groups, code.thresholds, seed)
            for name, one in pooled(trial, kernel, of, code.features).items():
                kept.setdefault(name, []).append(one)
        print(f"\nF1 over all documents, {kind} held out\n")
        for name, found in kept.items():
            f1 = [rates(wanted, one, ones)[2] for one in found]
            spread = f"({min(f1):.3f}–{max(f1):.3f})"
            print(f"{name:24} {np.mean(f1):.3f} {spread}, interval {interval(wanted, found[0], groups)}")
        for language in np.unique(code.names) if by_language else ():
            here = code.names == language
            shown = [interval(wanted[here], kept[name][0][here], groups[here]) for name in list(kept)[:2]]
            print(f"  {language:12} own {shown[0]}   shared {shown[1]}   {len(set(groups[here]))} {kind}")


def interval(wanted: Any, kept: Any, groups: Ints) -> Estimate:
    return estimates(lambda weights: rates(wanted, kept, weights), groups, np.ones(len(wanted)), 0)[2]


def own(code: Labels, kernel: Floats, seeds: int) -> None:
    """Prints own against shared with languages put together, and with fewer labels."""
    print("\nheads of k languages together against one of all: labels of a head, F1 own, F1 shared\n")
    place = np.array([FAMILIES.index(name) for name in code.names])
    wanted, ones = code.y >= code.thresholds, np.ones(len(code.y))
    for kind, groups in (("repositories", code.groups), ("documents", np.arange(len(code.y)))):
        for together, labels in ((1, 16), (1, 32), (1, 48), (1, 64), (3, 64), (5, 64)):
            f1 = []
            for seed in range(seeds):
                draw = np.random.default_rng(seed)
                some = [draw.permutation(np.flatnonzero(place == one))[:labels] for one in range(len(FAMILIES))]
                rows = np.sort(np.concatenate(some))
                trial = Trial(
                    code.y[rows], group_indices(groups[rows].tolist(), len(rows)), code.thresholds[rows], seed
                )
                within = kernel[np.ix_(rows, rows)]
                both = (
                    own_kept(trial, within, place[rows] // together),
                    trial.kept(trial.scores(ridge(within, trial.y))),
                )
                f1.append([rates(wanted[rows], one, ones[rows])[2] for one in both])
            mean = np.mean(f1, axis=0)
            print(f"{kind:12} {together * labels:4} labels  own {mean[0]:.3f}  shared {mean[1]:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=["pooling", "own"], default=["pooling", "own"])
    parser.add_argument("--embeddings", nargs="*", default=[])
    given = parser.parse_args()
    if not LABELS.is_dir():
        print(f"skipped: needs the labels in {LABELS}")
        return
    code = Labels("code", given.embeddings)
    kernel = kernel_of(code.features)
    print(f"{len(code.y)} labels, {len(set(code.names))} languages, {len(set(code.groups))} repositories")
    if "pooling" in given.parts:
        pooling(code, kernel, given.seeds, by_language=True)
    if "own" in given.parts:
        own(code, kernel, given.seeds)


if __name__ == "__main__":
    main()
