"""Embeddings kept on disk, so that a text is embedded once: judged texts are scored later, heads are tried often.

Example: ``write_embeddings("e.safetensors", [text_digest(t) for t in texts], vectors, embedder.identity)``, then
``EmbeddingCache(["e.safetensors"], embedder.identity).get(texts)``. Vectors are fp32, to the bit what the embedder
gave, so that results are the same with and without a cache. 1M texts x 384 floats = 1.5 GB.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from curation.classify.embedder import Embedder
from curation.classify.models import import_safetensors

DIGEST_BYTES = 16


def text_digest(text: str) -> bytes:
    """xxh3-128 of a text, 16 bytes; lone surrogates are hashed as they are."""
    return xxhash.xxh3_128(text.encode("utf-8", "surrogatepass")).digest()


def identity_text(identity: Mapping[str, Any]) -> str:
    """An embedder's identity as one line, the same for the same values."""
    return json.dumps(dict(identity), sort_keys=True)


def write_embeddings(
    path: str | Path, digests: Sequence[bytes], vectors: NDArray[np.float32], identity: Mapping[str, Any]
) -> None:
    """Writes one safetensors file: digests (n, 16) uint8, sorted, and vectors (n, d) float32.

    Raises:
        ValueError: if there are not as many digests as vectors.
    """
    if len(digests) != len(vectors):
        raise ValueError(f"{len(digests)} digests for {len(vectors)} vectors")
    keys = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES)
    order = np.lexsort(keys.T[::-1])
    tensors = {"digests": keys[order], "vectors": np.ascontiguousarray(vectors[order], np.float32)}
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    import_safetensors("embeddings").numpy.save_file(tensors, partial, metadata={"identity": identity_text(identity)})
    partial.replace(path)


class EmbeddingCache:
    """Vectors of texts embedded before, by one embedder; files made by another are ignored.

    Args:
        paths: files of `write_embeddings`, or folders of them.
        identity: the embedder's.
    """

    def __init__(self, paths: Iterable[str | Path], identity: Mapping[str, Any]) -> None:
        self.identity = identity
        self._row_of: dict[bytes, NDArray[np.float32]] = {}
        for path in sorted(file for one in paths for file in _files(Path(one))):
            self._read(path)

    def __len__(self) -> int:
        return len(self._row_of)

    def get(self, texts: list[str]) -> list[NDArray[np.float32] | None]:
        """The vector (d,) of each text, or None."""
        return [self.row(text_digest(text)) for text in texts]

    def row(self, digest: bytes) -> NDArray[np.float32] | None:
        """The vector (d,) of the text with that digest, or None."""
        return self._row_of.get(digest)

    def _read(self, path: Path) -> None:
        with import_safetensors("embeddings").safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("identity") != identity_text(self.identity):
                return
            keys, vectors = file.get_tensor("digests").tobytes(), file.get_tensor("vectors")
        for row, vector in enumerate(vectors):
            self._row_of[keys[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]] = vector


class CachedEmbedder:
    """An embedder that embeds only what the cache does not know, and remembers it for `write`."""

    def __init__(self, embedder: Embedder, cache: EmbeddingCache) -> None:
        self.embedder = embedder
        self.cache = cache
        self.fresh: dict[bytes, NDArray[np.float32]] = {}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The embedder's."""
        return self.cache.identity

    @property
    def pooler(self) -> Any:
        """The embedder's own pooler, if it has one."""
        return getattr(self.embedder, "pooler", None)

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """One row per text, in order; a text that stands twice is embedded once."""
        if not texts:
            return self.embedder.embed([])
        digests = [text_digest(text) for text in texts]
        missing = {digest: text for digest, text in zip(digests, texts, strict=True) if self._row(digest) is None}
        if missing:
            self.remember(list(missing), self.embedder.embed(list(missing.values())))
        rows = [row for row in map(self._row, digests) if row is not None]
        return np.stack(rows).astype(np.float32, copy=False)

    def known(self, texts: list[str]) -> list[NDArray[np.float32] | None]:
        """The vector (d,) of each text that has one by now, None for the others."""
        return [self._row(text_digest(text)) for text in texts]

    def _row(self, digest: bytes) -> NDArray[np.float32] | None:
        row = self.cache.row(digest)
        return self.fresh.get(digest) if row is None else row

    def remember(self, digests: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Takes vectors (n, d) that were computed elsewhere, for `write`."""
        self.fresh |= dict(zip(digests, vectors, strict=True))

    def write(self, path: str | Path) -> int:
        """Writes what this embedder had to embed itself; returns how many, and forgets nothing."""
        if self.fresh:
            write_embeddings(path, list(self.fresh), np.stack(list(self.fresh.values())), self.identity)
        return len(self.fresh)


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.safetensors")) if path.is_dir() else [path] if path.is_file() else []
