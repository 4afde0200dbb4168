"""Which texts are computed together.

Example: ``next(fixed_batches([500, 12, 498], rows=4))`` is ``([0, 2], 512)``: indices and their padded length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

LENGTH_STEP = 16
"""Padded lengths are multiples of this many tokens: 32 lengths up to 512, 4 % padding on average."""

LEAST_TOKENS = 8192
"""Fewer tokens than these leave a GPU partly idle; for more of them up to a quarter of padding is borne."""


def fixed_batches(lengths: Sequence[int], rows: int) -> Iterator[tuple[list[int], int]]:
    """Batches of one padded length and at most ``rows`` texts, longest first; for CPUs.

    Texts that fill their padded length exactly go apart from those that need a mask, since attention without a mask
    takes another kernel.
    """

    def key(index: int) -> tuple[int, bool]:
        padded = padded_length(lengths[index])
        return -padded, lengths[index] < padded

    for (minus_padded, _), group in groupby(sorted(range(len(lengths)), key=key), key):
        indices = list(group)
        for start in range(0, len(indices), rows):
            yield indices[start : start + rows], -minus_padded


def token_batches(lengths: Sequence[int], most_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Batches of up to ``most_tokens`` padded tokens, texts of like length together, longest first; for GPUs."""
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable").tolist()
    start = 0
    while start < len(order):
        longest = padded_length(lengths[order[start]])
        end = min(len(order), start + max(1, most_tokens // longest))
        enough = start + -(-LEAST_TOKENS // longest)
        while end > enough and lengths[order[end - 1]] < 0.75 * longest:
            end -= 1
        yield order[start:end], longest
        start = end


def padded_length(tokens: int) -> int:
    """The next multiple of `LENGTH_STEP`."""
    return -(-tokens // LENGTH_STEP) * LENGTH_STEP
