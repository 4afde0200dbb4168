"""Which documents the judge is asked about: seeded, independent of order and of the number of workers.

    rows, weights = draw(["a", "b", "c", "d"], 2, seed=0)
    # rows are the positions drawn, sorted; each stands for weights[i] = 4 / 2 documents

Rows are ranked by the 64-bit xxhash of (seed, key) and the lowest are taken: another order of the input draws the same
documents, and of a pool that grew from N to M rows about N / M of an earlier draw is drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_NO_STRATUM = np.iinfo(np.int64).min


def draw(
    keys: Sequence[str], size: int, *, strata: Sequence[int | None] | None = None, seed: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The rows drawn, ascending, and the weight (1 / inclusion probability) of each.

    Args:
        keys: one per row, such as document ids; rows with the same key are ordered by position.
        size: how many to draw; all rows, each of weight 1, where there are no more than that.
        strata: one per row, such as a preliminary score: every stratum gives an equal share, and what a small one
            cannot give is shared among the others. None is a stratum of its own.
        seed: another seed draws another sample.

    Raises:
        ValueError: if ``size`` is negative, or ``strata`` are not as many as ``keys``.
    """
    if size < 0:
        raise ValueError(f"size: expected 0 or more, got {size}")
    if strata is not None and len(strata) != len(keys):
        raise ValueError(f"strata: expected one per key ({len(keys)}), got {len(strata)}")
    hashes = _hashes(keys, seed)
    if strata is None:
        stratum = np.zeros(len(keys), np.int64)
    else:
        stratum = np.fromiter((_NO_STRATUM if one is None else one for one in strata), np.int64, len(keys))
    values, stratum_of, counts = np.unique(stratum, return_inverse=True, return_counts=True)
    taken = shares(counts, size)
    order = np.lexsort((hashes, stratum_of))  # by stratum, within it by hash; stable
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, counts)
    rows = np.flatnonzero(rank < taken[stratum_of]) if len(values) else np.empty(0, np.int64)
    drawn = stratum_of[rows]
    return rows.astype(np.int64), counts[drawn] / taken[drawn]


def shares(counts: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """How many each stratum of ``counts`` rows gives to a sample of ``size``: equal shares, as water fills vessels.

    A remainder that cannot be shared equally goes to the largest strata.
    """
    taken = np.zeros(len(counts), np.int64)
    left = min(size, int(counts.sum()))
    for position, index in enumerate(np.argsort(counts, kind="stable")):
        taken[index] = min(int(counts[index]), left // (len(counts) - position))
        left -= int(taken[index])
    return taken


def _hashes(keys: Sequence[str], seed: int) -> npt.NDArray[np.uint64]:
    import xxhash

    digest, seed = xxhash.xxh64_intdigest, seed & 0xFFFFFFFFFFFFFFFF
    return np.fromiter((digest(key.encode("utf-8", "surrogatepass"), seed) for key in keys), np.uint64, len(keys))
