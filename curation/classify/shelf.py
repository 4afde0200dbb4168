"""Several classifiers at hand: loaded when first asked for, one model for equal encoders, as many as memory holds.

    shelf = Shelf(lambda key: load_classifier(f"out/train/model/{key}"))
    shelf["cpp"].score(["int main() {}"])
    shelf.encoder_of("cpp") == shelf.encoder_of("rust")   # True where both stand on one frozen encoder

What a classifier reads of a text stays (its tokenizer is small); a model that was not used for longest is let go where
memory is short, and read again when it is wanted: 50 ms for a MiniLM, a few times that for a BERT.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.classifier import Classifier
from curation.classify.embedder import TransformersEmbedder
from curation.classify.models import forget_models
from curation.classify.tokens import Tokens

SHARE_OF_MEMORY = 0.5
"""Of what is available when the first model is there, for all of them."""

Encoder = tuple[object, ...]


class Shelf:
    """Classifiers by key.

    Args:
        load: key -> classifier.
        most: models at a time; None for as many as half of the available memory holds.
    """

    def __init__(self, load: Callable[[str], Classifier], most: int | None = None) -> None:
        if most is not None and most < 1:
            raise ValueError(f"most: at least one model is needed, got {most}")
        self._load, self.most = load, most
        self._classifiers: dict[str, Classifier] = {}
        self._encoders: dict[str, Encoder] = {}
        self._models: OrderedDict[Encoder, TransformersEmbedder] = OrderedDict()
        self._lock = threading.RLock()  # texts are read in one thread, and computed in another

    def __getitem__(self, key: str) -> Classifier:
        """The classifier, whose embedder may have to get its model back when it is used."""
        with self._lock:
            if key not in self._classifiers:
                self._add(key, self._load(key))
            return self._classifiers[key]

    def encoder_of(self, key: str) -> Encoder:
        """What is equal for classifiers whose texts can be embedded together."""
        self[key]
        return self._encoders[key]

    @property
    def models(self) -> int:
        """How many models are held."""
        return len(self._models)

    def model_of(self, key: str) -> TransformersEmbedder:
        """The embedder of a classifier, with its model."""
        with self._lock:
            encoder = self._encoders[key]
            if encoder not in self._models:
                embedder = self._load(key).embedder
                assert isinstance(embedder, TransformersEmbedder), "only a model can have been let go"
                self._hold(encoder, embedder)
            self._models.move_to_end(encoder)
            return self._models[encoder]

    def release(self, key: str) -> None:
        """Frees what a classifier's model takes of a GPU, if it is there."""
        with self._lock:
            held = self._models.get(self._encoders[key])
        if held is not None:
            held.release()

    def _add(self, key: str, classifier: Classifier) -> None:
        embedder, head = classifier.embedder, classifier.head
        reads = (head.kind == "kernel", getattr(head, "max_characters", 0))
        if not isinstance(embedder, TransformersEmbedder):
            self._encoders[key], self._classifiers[key] = (id(embedder), *reads), classifier
            return
        values = {name: str(value) for name, value in embedder.identity.items() if name not in ("embedder", "revision")}
        same = next((one for one in self._models if self._models[one].loaded is embedder.loaded), None)
        number = same[0] if same is not None else key
        encoder = (number, tuple(sorted(values.items())), *reads)
        self._encoders[key] = encoder
        if encoder not in self._models:
            self._hold(encoder, embedder)
        shelved: Any = ShelvedEmbedder(self, key, self._models[encoder])
        self._classifiers[key] = dataclasses.replace(classifier, embedder=shelved)

    def _hold(self, encoder: Encoder, embedder: TransformersEmbedder) -> None:
        if self.most is None:
            self.most = max(1, int(SHARE_OF_MEMORY * available_bytes() / max(1, bytes_of(embedder))))
        while len(self._models) >= self.most:
            _, oldest = self._models.popitem(last=False)
            oldest.release()
            forget_models()
        self._models[encoder] = embedder


class ShelvedEmbedder:
    """Reads texts at any time, and asks the shelf for its model when it computes.

    Attributes:
        identity: what decides the vectors.
        tokeniser: what it reads of a text.
    """

    def __init__(self, shelf: Shelf, key: str, embedder: TransformersEmbedder) -> None:
        self._shelf, self._key = shelf, key
        self.identity: Mapping[str, Any] = embedder.identity
        self.tokeniser = embedder.tokeniser

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """One row per text, in order."""
        return self._shelf.model_of(self._key).embed(texts)

    def embed_tokens(self, tokens: Tokens, *, stopped: Callable[[], bool] = bool) -> NDArray[np.float32]:
        """The rows of what `tokeniser` read of texts."""
        return self._shelf.model_of(self._key).embed_tokens(tokens, stopped=stopped)

    def release(self) -> None:
        """Frees the GPU's memory, so that others can start there."""
        self._shelf.release(self._key)


def bytes_of(embedder: TransformersEmbedder) -> int:
    """Of a model's weights."""
    return sum(one.numel() * one.element_size() for one in embedder.loaded.model.parameters())


def available_bytes() -> int:
    """Memory that this process may still take: of the machine and of its group; plenty where neither is told."""
    found = [1 << 40]
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _read("/sys/fs/cgroup/memory.max").strip(), _read("/sys/fs/cgroup/memory.current").strip()
    if limit.isdigit() and used.isdigit():
        found.append(max(0, int(limit) - int(used)))
    return min(found)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # another system
        return ""
