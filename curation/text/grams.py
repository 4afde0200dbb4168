"""Which runs of one to five characters a text holds, hashed into 65,536 bits: what it is about, and in what style.

Example::

    rows = grams(["abc", "abd", ""])   # uint64 (3, 1024): a bit per hash, 8 kB a text
    cosines(rows, rows)[0, 1]          # a, b and ab, 3 of 6 and 6: 0.5

A row stands for a vector of ones and zeros brought to length 1, and is kept as bits: no sparse matrix is smaller, and
two rows are compared by counting the bits of ``a & b``. Texts of 2,200 characters hold 3,500 hashes. Two or more blanks
count as one. The hash is of code points and ours, so that rows are the same on every machine and with any version.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel

Rows = NDArray[np.uint64]
Floats = NDArray[np.float64]

LONGEST = 5
BITS = 1 << 16
_WORDS = BITS // 64
_BLANKS = re.compile(r"\s\s+")


def grams(texts: list[str]) -> Rows:
    """The hashed runs of each text, (n, 1024)."""
    rows = np.zeros((len(texts), _WORDS), np.uint64)
    for row, text in zip(rows, texts, strict=True):
        points = np.frombuffer(_BLANKS.sub(" ", text).encode("utf-32-le", "surrogatepass"), np.uint32)
        if len(points):
            _mark(points, row)
    return rows


def cosines(a: Rows, b: Rows) -> Floats:
    """The cosine of each row of ``a`` with each of ``b``, (n, m); 0 with a text that holds nothing."""
    common = np.zeros((len(a), len(b)))
    _count_common(a, b, common)
    return common * _scales(a)[:, None] * _scales(b)[None]


def combined(rows: Rows, weights: Floats) -> Floats:
    """The sum of the rows as vectors of length 1, each times its weight, (65536,)."""
    total = np.zeros(BITS)
    _add(rows, weights * _scales(rows), total)
    return total


def projected(rows: Rows, vector: Floats) -> Floats:
    """The product of each row, as a vector of length 1, with ``vector`` (65536,), (n,); a row's depends on it alone."""
    sums = np.zeros(len(rows))
    _sum(rows, vector, sums)
    return sums * _scales(rows)


def _scales(rows: Rows) -> Floats:
    sizes = np.bitwise_count(rows).sum(1)
    scales: Floats = 1 / np.sqrt(np.maximum(sizes, 1))
    return scales


@kernel
def _mark(points: NDArray[np.uint32], row: Rows) -> None:
    for start in range(len(points)):
        state = np.uint64(0xCBF29CE484222325)
        for end in range(start, min(start + LONGEST, len(points))):
            # FNV-1a over code points; the product's upper half, mixed once more, is the bit.
            state = (state ^ np.uint64(points[end])) * np.uint64(0x100000001B3)
            mixed = (state ^ (state >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
            bit = mixed >> np.uint64(48)
            row[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))


@kernel
def _count_common(a: Rows, b: Rows, common: Floats) -> None:
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            count = np.uint64(0)
            for k in range(a.shape[1]):
                x = a[i, k] & b[j, k]
                x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
                x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
                x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
                count += (x * np.uint64(0x0101010101010101)) >> np.uint64(56)
            common[i, j] = count


@kernel
def _add(rows: Rows, weights: Floats, total: Floats) -> None:
    for i in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            word = rows[i, k]
            for bit in range(64):
                if (word >> np.uint64(bit)) & np.uint64(1):
                    total[64 * k + bit] += weights[i]


@kernel
def _sum(rows: Rows, vector: Floats, sums: Floats) -> None:
    for i in range(rows.shape[0]):
        total = 0.0
        for k in range(rows.shape[1]):
            word = rows[i, k]
            for bit in range(64):
                if (word >> np.uint64(bit)) & np.uint64(1):
                    total += vector[64 * k + bit]
        sums[i] = total
