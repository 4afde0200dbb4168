"""The exact score from which on a share of documents stays, in two passes and a few megabytes, however many they are.

    quantile = ExactQuantile({0: 0.1})
    quantile.count(groups, scores)      # every batch once
    quantile.collect(groups, scores)    # every batch again
    quantile.cuts()                     # {0: 3.1}

Doubles are ordered as their bits are (negative ones turned round), so the first 18 bits of a score put it into one of
262,144 bins in order. The first pass counts bins, the second keeps the scores of the one bin in which the cut lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_BITS = 18  # sign, exponent and 6 bits of the mantissa: 64 bins from 2 to 4, 2 MB of counts a group
_SIGN = np.uint64(1 << 63)


class ExactQuantile:
    """For groups of rows the score that the last of the best has.

    Args:
        shares: number of a group -> the share that is wanted, more than 0 and less than 1.
    """

    def __init__(self, shares: Mapping[int, float]) -> None:
        for group, share in shares.items():
            if not 0 < share < 1:
                raise ValueError(f"share of group {group}: expected more than 0 and less than 1, got {share:g}")
        self._shares = dict(shares)
        self._counts = {group: np.zeros(1 << _BITS, np.int64) for group in shares}
        self._place: dict[int, tuple[int, int]] = {}
        self._inside: dict[int, list[NDArray[np.float64]]] = {group: [] for group in shares}

    def count(self, groups: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """The first pass.

        Args:
            groups: (n,) numbers of groups; others than those with a share are passed over.
            scores: (n,) without NaN.
        """
        for group, counts in self._counts.items():
            bins, found = np.unique(_bins(scores[groups == group]), return_counts=True)
            counts[bins] += found

    def collect(self, groups: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
        """The second pass, over the same rows."""
        if not self._place:
            self._choose()
        for group, (chosen, _) in self._place.items():
            own = scores[groups == group]
            self._inside[group].append(own[_bins(own) == chosen])

    def cuts(self) -> dict[int, float]:
        """Group -> the score from which on its share stays (more where several have just this score).

        A group without rows is not there.
        """
        found = {}
        for group, (_, rank) in self._place.items():
            inside = np.concatenate(self._inside[group])
            found[group] = float(np.partition(inside, len(inside) - rank)[len(inside) - rank])
        return found

    def _choose(self) -> None:
        """The bin of each group's cut, and which of its scores from above the cut is, from 1."""
        for group, counts in self._counts.items():
            total = int(counts.sum())
            if not total:
                continue
            wanted = min(total, max(1, round(self._shares[group] * total)))
            above = np.cumsum(counts[::-1])
            place = int(np.searchsorted(above, wanted))
            before = int(above[place - 1]) if place else 0
            self._place[group] = ((1 << _BITS) - 1 - place, wanted - before)


def _bins(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = (scores + 0.0).view(np.uint64)  # -0.0 becomes 0.0
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (ordered >> np.uint64(64 - _BITS)).astype(np.int64)
