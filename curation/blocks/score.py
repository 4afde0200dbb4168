"""Score every document with a trained or published classifier.

Example: ``[ScoreText(classifier=folder_of("train", "model")), CountTokens(tokenizer="gpt2")]``
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from loguru import logger

from curation.blocks.learn import threads, with_cache, write_cache
from curation.blocks.score_journal import ScoreJournal
from curation.blocks.step import Documents, Step, tuning
from curation.classify.cache import CachedEmbedder, identity_text, text_digest
from curation.classify.classifier import Classifier, load_classifier
from curation.classify.device import Device, own_device
from curation.classify.feeding import Feeder
from curation.classify.storage import model_folder
from curation.content import absolute_location, resolve_location
from curation.folder import Folder, local_copy
from curation.recipe import OUTPUT
from curation.text.tokens import load_token_counter

_WINDOW_ON_CPU, _WINDOW_ON_GPU = 1024, 16_384
"""Documents that are sorted by length together, so that little is spent on padding; what a kill costs at most."""
_WINDOW_CHARACTERS = 64_000_000
_MOST_READERS = 16


@dataclass(kw_only=True, repr=False)
class ScoreText(Step):
    """Add ``score`` (raw), ``int_score`` (clipped and rounded, as published) and ``calibrated_score`` if there is one.

    A task takes a GPU of its own if there is one, and feeds it from several processes that tokenise. Equal texts that
    stand near each other (in a window of 1,024, on a GPU 16,384 documents) are computed once.

    Args:
        classifier: a folder or a Hub name.
        embeddings: folders of vectors that were computed before.
        keep_embeddings: a folder for those computed here, for stages after this one.
        journal: the stage's folder, to keep scores as they come: a shard that was killed goes on from there.
        readers: processes that tokenise; by default one less than the task has cores on a GPU, and none on a CPU.
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
    journal: str | None = tuning(None)
    readers: int | None = tuning(None)

    def __post_init__(self) -> None:
        self.classifier = classifier_location(self.classifier)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The files of a classifier from outside."""
        outside = self.classifier.startswith(("/", "package:", "content:")) or "://" in self.classifier
        return [self.classifier] if outside and not self.classifier.startswith(OUTPUT) else []

    def check(self) -> None:
        """A classifier from outside must be there."""
        if not self.classifier.startswith(OUTPUT):
            load_scorer(self.classifier)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Score a window of documents at a time, in order."""
        classifier = load_scorer(self.classifier)
        embedder = with_cache(classifier.embedder, self.embeddings)
        known = embedder if isinstance(embedder, CachedEmbedder) else None
        with own_device() as device:
            journal = self._journal(classifier, device, rank)
            windows = windows_of(iter(data or ()), device, journal.known if journal else {}, _digest)
            with Feeder(
                classifier,
                processes=self.processes(device),
                known=known,
                remember=self.keep_embeddings is not None,
                start=device.use,
            ) as feeder:
                for window, scores in feeder.feed(windows, lambda window: [doc.text for doc in window.fresh.values()]):
                    if journal and window.fresh:
                        journal.add(list(window.fresh), scores)
                    elif journal:
                        self.count("scores_taken_over", len(window.documents))
                    window.known.update(zip(window.fresh, scores.tolist(), strict=True))
                    yield from self._scored(classifier, window)
        if self.keep_embeddings and known is not None:
            write_cache(known, self.keep_embeddings, rank)
        if journal:
            journal.close()

    def _scored(self, classifier: Classifier, window: Window) -> Iterator[Document]:
        scores = np.array([window.known[digest] for digest in window.digests])
        rounded = classifier.int_scores(scores)
        calibrated = classifier.calibrated(scores) if classifier.calibration else [None] * len(scores)
        for doc, score, whole, bent in zip(window.documents, scores, rounded, calibrated, strict=True):
            doc.metadata["score"], doc.metadata["int_score"] = float(score), int(whole)
            doc.metadata["calibrated_score"] = None if bent is None else float(bent)
            self.count(f"int_score_{int(whole)}")
            yield doc

    def _journal(self, classifier: Classifier, device: Device, rank: int) -> ScoreJournal | None:
        if self.journal is None:
            return None
        kind = "cpu" if device.position is None else "gpu"
        made_by = [self.classifier, stamp_of(self.classifier), identity_text(classifier.embedder_identity or {}), kind]
        return ScoreJournal(Folder(self.journal), f"{rank:05d}", " ".join(made_by))

    def processes(self, device: Device) -> int:
        """How many processes tokenise."""
        if device.shared:
            logger.warning(f"another task of this machine scores on {device.name}, too: fewer workers are as fast")
            self.count("tasks_that_shared_a_gpu")
        if self.readers is not None:
            return self.readers
        if device.position is None:
            return 0
        return max(1, min(_MOST_READERS, (threads() or len(os.sched_getaffinity(0))) - 1))


@dataclass(eq=False)
class Window:
    """Documents that are scored together.

    Attributes:
        documents: in order.
        digests: what decides the score of each; empty for one that gets none.
        fresh: digest -> a document, of those without a known score.
        known: digest -> raw score.
    """

    documents: list[Document]
    digests: list[bytes]
    fresh: dict[bytes, Document]
    known: dict[bytes, float]


def windows_of(
    documents: Documents, device: Device, taken_over: dict[bytes, float], digest_of: Callable[[Document], bytes]
) -> Iterator[Window]:
    """Documents in windows; those of which all scores were taken over have nothing fresh."""
    most = _WINDOW_ON_CPU if device.position is None else _WINDOW_ON_GPU
    while True:
        window, characters = Window([], [], {}, {}), 0
        for doc in islice(documents, most):
            digest = digest_of(doc)
            window.documents.append(doc)
            window.digests.append(digest)
            if digest:
                window.fresh[digest] = doc
            characters += len(doc.text)
            if characters >= _WINDOW_CHARACTERS:
                break
        if not window.documents:
            return
        # A window is taken over whole or not at all: on a GPU a score depends on its batch, by rounding.
        if all(digest in taken_over for digest in window.fresh):
            window.known, window.fresh = {one: taken_over[one] for one in window.fresh}, {}
        yield window


def _digest(doc: Document) -> bytes:
    return text_digest(doc.text)


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


def trained_location(location: str) -> str:
    """As `classifier_location`; a run on an object store stands for the classifier that it trained, and is looked at.

    Raises:
        ConfigError: if the store refuses us or is not there.
    """
    if "://" in location:
        trained = Folder(location) / "train/model"
        return trained.location if trained.exists() else location
    return classifier_location(location)


def stamp_of(location: str) -> str:
    """What tells a classifier's files from others in the same place."""
    return Folder(location).stamp() if "/" in location else ""


def load_scorer(location: str) -> Classifier:
    """The classifier at a location, loaded once per process for as long as its files are the same."""
    return _load_as(location, stamp_of(location))


@lru_cache(maxsize=2)
def _load_as(location: str, stamp: str) -> Classifier:
    remote = "://" in location
    options: dict[str, Any] = {"threads": threads()}
    return load_classifier(local_copy(location) if remote else location, **options)


def _tokenizer(location: str) -> str:
    return resolve_location(location) if location.startswith(("/", "package:", "content:")) else location
