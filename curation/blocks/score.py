"""Score every document with a trained or published classifier.

Example: ``[ScoreText(classifier=folder_of("train", "model")), CountTokens(tokenizer="gpt2")]``
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Documents, Step, tuning
from curation.blocks.train import threads, with_cache, write_cache
from curation.classify.cache import CachedEmbedder
from curation.classify.classifier import Classifier, load_classifier
from curation.classify.storage import model_folder
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, local_copy
from curation.recipe import OUTPUT
from curation.text.tokens import load_token_counter

_WINDOW = 2048
"""Documents held at a time; sorted by length within, so that little is spent on padding."""


@dataclass(kw_only=True, repr=False)
class ScoreText(Step):
    """Add ``score`` (raw), ``int_score`` (clipped and rounded, as published) and ``calibrated_score`` if there is one.

    Args:
        classifier: a folder or a Hub name.
        embeddings: folders of vectors that were computed before.
        keep_embeddings: a folder for those computed here, for stages after this one.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {
        "score": pa.float64(),
        "int_score": pa.int64(),
        "calibrated_score": pa.float64(),
    }

    classifier: str
    embeddings: tuple[str, ...] = tuning(())
    keep_embeddings: str | None = tuning(None)

    def __post_init__(self) -> None:
        self.classifier = classifier_location(self.classifier)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The files of a classifier from outside."""
        outside = self.classifier.startswith(("/", "package:", "content:")) or "://" in self.classifier
        return [self.classifier] if outside and not self.classifier.startswith(OUTPUT) else []

    def check(self) -> None:
        """A classifier from outside must be there."""
        if "/" not in self.classifier and not self.classifier.startswith(("package:", "content:")):
            raise ConfigError(
                f"classifier {self.classifier}: no such folder, and a name on the Hub is ORGANISATION/NAME"
            )
        if not self.classifier.startswith(OUTPUT):
            _load(self.classifier)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Score a window of documents at a time."""
        documents: Documents = iter(data or ())
        classifier = _load(self.classifier)
        embedder = with_cache(classifier.embedder, self.embeddings)
        classifier = replace(classifier, embedder=embedder)
        while window := list(islice(documents, _WINDOW)):
            self._score(classifier, window)
            yield from window
        if self.keep_embeddings and isinstance(embedder, CachedEmbedder):
            write_cache(embedder, self.keep_embeddings, rank)

    def _score(self, classifier: Classifier, window: list[Document]) -> None:
        scores = classifier.score([doc.text for doc in window])
        rounded = classifier.int_scores(scores)
        calibrated = classifier.calibrated(scores) if classifier.calibration else [None] * len(window)
        for doc, score, whole, bent in zip(window, scores, rounded, calibrated, strict=True):
            doc.metadata["score"], doc.metadata["int_score"] = float(score), int(whole)
            doc.metadata["calibrated_score"] = None if bent is None else float(bent)
            self.count(f"int_score_{int(whole)}")


@dataclass(kw_only=True, repr=False)
class CountTokens(Step):
    """Add ``token_count`` and ``char_count``.

    Args:
        tokenizer: any Hugging Face tokenizer: a Hub name, a folder or a ``tokenizer.json``.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"token_count": pa.int32(), "char_count": pa.int32()}

    tokenizer: str

    def __post_init__(self) -> None:
        if self.tokenizer.startswith((".", "~", "/")) or Path(self.tokenizer).exists():
            self.tokenizer = absolute_location(self.tokenizer)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The tokenizer's files, if it is not on the Hub."""
        return [self.tokenizer] if self.tokenizer.startswith(("/", "content:", "package:")) else []

    def check(self) -> None:
        """The tokenizer must be there."""
        load_token_counter(_tokenizer(self.tokenizer))

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Count a batch at a time."""
        counter = load_token_counter(_tokenizer(self.tokenizer))
        documents: Documents = iter(data or ())
        while batch := list(islice(documents, 256)):
            counts = counter.count([doc.text for doc in batch])
            for doc, tokens in zip(batch, counts, strict=True):
                doc.metadata["token_count"], doc.metadata["char_count"] = tokens, len(doc.text)
                self.count("tokens", tokens)
                yield doc


def classifier_location(location: str) -> str:
    """A classifier's location that means the same in any working folder; Hub names stay."""
    given = location.startswith((".", "~", "/")) or Path(location).is_dir()
    return str(model_folder(absolute_location(location))) if given else location


def _load(location: str) -> Classifier:
    return _load_as(location, Folder(location).stamp() if "/" in location else "")


@lru_cache(maxsize=2)
def _load_as(location: str, stamp: str) -> Classifier:
    remote = "://" in location
    options: dict[str, Any] = {"threads": threads()}
    return load_classifier(local_copy(location) if remote else location, **options)


def _tokenizer(location: str) -> str:
    return resolve_location(location) if location.startswith(("/", "package:", "content:")) else location
