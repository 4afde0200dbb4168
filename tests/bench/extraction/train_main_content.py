r"""Grow the forest that decides what is main content: ``curation/html/main_content.npz``, the same bytes every time.

    PYTHONPATH=. .venv/bin/python tests/bench/extraction/train_main_content.py --output curation/html/main_content.npz

Trees are gradient-boosted by scikit-learn from the labels of `block_labels` and written as plain arrays, so that the
package needs neither scikit-learn nor pickles. Before that `held_out` says what such a forest is worth on sites that it
has not seen; ``--no-cross-validation`` leaves that out.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from curation.html.features import NAMES
from curation.html.main_content import LEAF, Forest
from tests.bench.extraction.block_labels import Labelled, labelled_pages
from tests.bench.extraction.held_out import report
from tests.bench.extraction.pages import missing

# A page weighs 1 and shares it out among its blocks by their words; a very long block is still one decision, and a
# heading of one word is one too. Snippets speak of few blocks of a page and weigh less.
MOST_WORDS, WORDS_OF_A_BLOCK = 150, 6
SNIPPETS_WEIGHT, SNIPPETS_OF_A_PAGE = 0.4, 3
SEED = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, report and write."""
    options = _options(arguments)
    absent = missing()
    if absent:
        print(absent)
        return
    grow = partial(grown, trees=options.trees, leaves=options.leaves, rate=options.rate)
    pages = list(labelled_pages())
    print(f"{len(pages)} pages, {sum(len(page.targets) for page in pages)} blocks")
    if not options.no_cross_validation:
        report(pages, lambda some: grow(some)[0])
    forest, gains = grow(pages)
    print("\nWhat the trees go by most, as a share of what all splits gain:")
    for number in np.argsort(-gains, kind="stable")[:10]:
        print(f"  {NAMES[number]:24s}{gains[number]:6.1%}")
    if options.output:
        write(forest, options.output)
        print(f"{options.output}: {options.output.stat().st_size} bytes")


def grown(pages: Sequence[Labelled], *, trees: int, leaves: int, rate: float) -> tuple[Forest, NDArray[np.float64]]:
    """A forest from the labels of ``pages``, and each feature's share of the gain of all its splits."""
    values, targets, weights = learnt_from(pages)
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        max_leaf_nodes=leaves,
        learning_rate=rate,
        min_samples_leaf=30,
        l2_regularization=1.0,
        max_features=0.3,
        max_bins=64,
        early_stopping=False,
        random_state=SEED,
    )
    model.fit(values, targets > 0.5, sample_weight=weights)
    return forest_of(model), _gains(model)


def learnt_from(pages: Sequence[Labelled]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The features, targets and weights of all blocks with a target; the weights are 1 in the mean."""
    known = [np.flatnonzero(~np.isnan(page.targets) & (page.words > 0)) for page in pages]
    values = np.concatenate([page.values[some] for page, some in zip(pages, known, strict=True)])
    targets = np.concatenate([page.targets[some] for page, some in zip(pages, known, strict=True)])
    weights = np.concatenate([_weights(page, some) for page, some in zip(pages, known, strict=True)])
    # A block that is half main content teaches nothing.
    weights *= np.abs(2 * targets - 1)
    return values, targets, weights * (weights.size / weights.sum())


def _weights(page: Labelled, known: NDArray[np.intp]) -> NDArray[np.float32]:
    weights = np.minimum(page.words[known], MOST_WORDS) + WORDS_OF_A_BLOCK
    weight = SNIPPETS_WEIGHT * min(1, known.size / SNIPPETS_OF_A_PAGE) if page.kind == "snippets" else 1
    return weights * np.float32(weight / max(1, weights.sum()))


def forest_of(model: Any) -> Forest:
    """A fitted model's trees, in one row of nodes."""
    nodes = [trees[0].nodes for trees in model._predictors]
    together = np.concatenate(nodes)
    is_leaf = together["is_leaf"].astype(bool)
    return Forest(
        feature=np.where(is_leaf, LEAF, together["feature_idx"]).astype(np.uint8),
        number=_shortened(np.where(is_leaf, together["value"], together["num_threshold"])),
        left=np.where(is_leaf, 0, together["left"]).astype(np.uint8),
        right=np.where(is_leaf, 0, together["right"]).astype(np.uint8),
        roots=np.cumsum([0, *map(len, nodes[:-1])]).astype(np.int32),
        start=float(model._baseline_prediction.ravel()[0]),
    )


def _shortened(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Numbers as their two-byte floats: a quarter less to ship, nothing lost on held-out pages."""
    return numbers.astype(np.float16).astype(np.float32)


def _gains(model: Any) -> NDArray[np.float64]:
    nodes = np.concatenate([trees[0].nodes for trees in model._predictors])
    splits = nodes[nodes["is_leaf"] == 0]
    gains = np.bincount(splits["feature_idx"], splits["gain"], len(NAMES))
    return gains / gains.sum()


def write(forest: Forest, path: Path) -> None:
    """The arrays of a forest as ``main_content.forest`` reads them."""
    arrays = {field.name: np.asarray(getattr(forest, field.name)) for field in dataclasses.fields(forest)}
    short = {"number": forest.number.astype(np.float16), "roots": forest.roots.astype(np.uint16)}
    np.savez_compressed(path, **arrays | short)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="an .npz; without it nothing is written")
    parser.add_argument("--trees", type=int, default=120)
    parser.add_argument("--leaves", type=int, default=14)
    parser.add_argument("--rate", type=float, default=0.14)
    parser.add_argument("--no-cross-validation", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
