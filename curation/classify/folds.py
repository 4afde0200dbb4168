"""Cross-validation folds that keep a domain or repository together and spread the labels evenly.

Example: ``assign_folds(labels, groups, 5, seed=0)`` gives each document a fold from 0 to 4; all pages of one domain
share theirs, so that near-duplicates do not leak, and a label with a single member is simply in one fold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def assign_folds(
    labels: NDArray[np.float64], groups: Sequence[object] | None, folds: int, seed: int
) -> NDArray[np.int64]:
    """A fold per document (n,), the same for the same arguments in any process.

    With fewer groups than two there is nothing to keep apart, and documents are spread one by one; with fewer groups
    or documents than ``folds`` there are fewer folds.
    """
    members = group_indices(groups, len(labels))
    if members.max() < 1:
        members = np.arange(len(labels))
    count = min(folds, int(members.max()) + 1)
    if members.max() + 1 == len(labels):
        return _spread(labels, members, count, seed)
    return _spread_groups(labels, members, count, seed)


def group_indices(groups: Sequence[object] | None, number: int) -> NDArray[np.int64]:
    """A number per document (n,), from 0, the same for the same group; each its own without groups."""
    if groups is None:
        return np.arange(number)
    if len(groups) != number:
        raise ValueError(f"{len(groups)} groups for {number} labels")
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(group, len(seen)) for group in groups], np.int64)


def _spread(labels: NDArray[np.float64], members: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Deals documents out in order of their label, those of one label shuffled."""
    order = np.lexsort((np.random.default_rng(seed).permutation(len(labels)), labels))
    fold_of = np.empty(len(labels), np.int64)
    fold_of[order] = np.arange(len(labels)) % count
    return fold_of[members]


def _spread_groups(labels: NDArray[np.float64], members: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Gives groups, largest first, to the fold whose labels they leave most even."""
    values, classes = np.unique(labels, return_inverse=True)
    table = np.zeros((int(members.max()) + 1, len(values)))
    np.add.at(table, (members, classes), 1)
    shuffled = np.random.default_rng(seed).permutation(len(table))
    largest_first = shuffled[np.argsort(-table[shuffled].sum(1), kind="stable")]
    # A rare label weighs as much as a frequent one; the last column evens out the sizes.
    table = np.column_stack([table / table.sum(0), table.sum(1) / len(labels)])
    filled = np.zeros((count, table.shape[1]))
    fold_of = np.empty(len(table), np.int64)
    for group in largest_first:
        # Sum of squares grows least where the group's labels are scarcest.
        growth = ((filled + table[group]) ** 2 - filled**2).sum(1)
        fold_of[group] = int(np.argmin(growth))
        filled[fold_of[group]] += table[group]
    return fold_of[members]
