"""What heads read of texts: their vectors and, for the kernel head, statistics and character runs as well.

Example: ``read_features(texts, embedder, "kernel", 2200)`` is a `TextFeatures`; for any other head it is the array of
the texts' vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.embedder import Embedder

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """Of n texts: ``vectors`` (n, d), ``statistics`` (n, 72) and ``grams`` (n, 1024), all indexed as one."""

    vectors: Vectors
    statistics: NDArray[np.float64]
    grams: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: Any) -> TextFeatures:
        return TextFeatures(self.vectors[rows], self.statistics[rows], self.grams[rows])


def read_features(texts: list[str], embedder: Embedder, head: str, max_characters: int) -> Vectors | TextFeatures:
    """What a head of that kind reads of texts.

    Args:
        texts: whole ones.
        embedder: cuts them itself, if it does.
        head: its kind.
        max_characters: of each text, for statistics and character runs; 0 is all.
    """
    vectors = np.asarray(embedder.embed(texts), np.float32)
    return vectors if head != "kernel" else TextFeatures(vectors, *plain_features(texts, max_characters))


def plain_features(texts: list[str], max_characters: int) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """Statistics (n, 72) and character runs (n, 1024) of texts, read as far as ``max_characters`` (0: to their end)."""
    from curation.text.grams import grams
    from curation.text.statistics import NAMES, statistics

    read = [text[: max_characters or None] for text in texts]
    return np.array([statistics(text) for text in read], np.float64).reshape(-1, len(NAMES)), grams(read)


def standard(features: Vectors, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and standard deviation of each feature; a constant feature has deviation 1."""
    x = features.astype(np.float64)
    center = weights @ x / weights.sum()
    spread = np.sqrt(weights @ (x - center) ** 2 / weights.sum())
    return center, np.where(spread > 1e-9, spread, 1.0)
