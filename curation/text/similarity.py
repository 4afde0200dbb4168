"""How alike two texts are, exactly: of their sets of shingles, what both have by what either or one of them has.

Example: with the sets {1, 2, 3} and {2, 3} one after another::

    values, offsets = np.array([1, 2, 3, 2, 3], np.uint64), np.array([0, 3, 5])
    similarities(values, offsets, np.array([0]), np.array([1]))   # Jaccard [0.667], containment [1.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.compiled import bare, part

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]


def similarities(values: Hashes, offsets: Numbers, left: Numbers, right: Numbers) -> tuple[Floats, Floats]:
    """Jaccard similarity of pairs of sets, and what of the right one is in the left; with an empty set both are 0.

    Args:
        values: the sets one after another, each ascending and without repeats, as of `MinHash.shingle_sets`.
        offsets: where each begins, and the end, (n + 1,).
        left: the number of a set, (pairs,).
        right: that of the other, (pairs,).

    Returns:
        Shared by all of either, and shared by the size of the right one, both (pairs,), 0 to 1.

    Raises:
        ValueError: if the offsets do not fit the values, or a pair names a set that is not there.
    """
    offsets, left, right = (np.ascontiguousarray(one, np.int64) for one in (offsets, left, right))
    values = np.ascontiguousarray(values, np.uint64)
    if not offsets.size or offsets[0] != 0 or offsets[-1] != values.size or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets must ascend from 0 to the number of values, {values.size}, got {offsets}")
    if left.shape != right.shape or left.ndim != 1:
        raise ValueError(f"left and right must be of one length, got shapes {left.shape} and {right.shape}")
    for name, numbers in (("left", left), ("right", right)):
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < offsets.size - 1:
            raise ValueError(
                f"{name} must name sets of 0 to {offsets.size - 2}, got {numbers.min()} to {numbers.max()}"
            )
    jaccard, containment = np.zeros(left.size), np.zeros(left.size)
    _compare(values, offsets.view(np.uint64), left, right, jaccard, containment)
    return jaccard, containment


@part
def shared_values(values: Hashes, i: np.uint64, end_i: np.uint64, j: np.uint64, end_j: np.uint64) -> np.uint64:
    """How many values two ascending runs without repeats share."""
    shared = np.uint64(0)
    while i < end_i and j < end_j:
        x, y = values[i], values[j]
        shared += np.uint64(x == y)
        i += np.uint64(x <= y)  # without branches, which no processor could guess
        j += np.uint64(y <= x)
    return shared


@bare
def _compare(
    values: Hashes, offsets: Hashes, left: Numbers, right: Numbers, jaccard: Floats, containment: Floats
) -> None:
    for pair in range(len(left)):
        i, end_i = offsets[left[pair]], offsets[left[pair] + 1]
        j, end_j = offsets[right[pair]], offsets[right[pair] + 1]
        size_i, size_j = end_i - i, end_j - j
        if size_i and size_j:
            shared = shared_values(values, i, end_i, j, end_j)
            jaccard[pair] = shared / (size_i + size_j - shared)
            containment[pair] = shared / size_j
