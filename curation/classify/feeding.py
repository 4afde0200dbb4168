"""Windows of texts to scores, while the next ones are read: a model should never wait for a tokenizer.

    with Feeder(classifier, processes=8) as feeder:
        for window, scores in feeder.feed(windows, texts_of=lambda window: window):  # float64 (n,), in order
            ...

Several encoders take turns: each has a `Feeder`, all of them one thread that computes (``model``), and `submit`.

Three things go on at a time: texts of coming windows are tokenised (and their statistics and character runs taken, for
the kernel head) in ``processes``, or in a thread if there are none; the model computes one window; whoever iterates
reads and writes documents. On a GPU the processes are what keeps up with it: a core tokenises 1,600 web texts of 512
tokens a second. On a CPU the model is a hundred times slower than that, and a thread is enough.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from curation.classify.cache import CachedEmbedder, text_digest
from curation.classify.classifier import Classifier
from curation.classify.features import TextFeatures, plain_features
from curation.classify.head import Features, Floats
from curation.classify.tokens import Tokeniser, Tokens

Window = TypeVar("Window")
Score = Callable[[Features | TextFeatures], Floats]

AHEAD = 2
"""Windows that are read before the one that is computed."""

_CHUNK_TEXTS = 64
_CHUNK_CHARACTERS = 2_000_000
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Read:
    """Of a list of texts: tokens of those whose vectors are not known, and what else the head reads of all."""

    tokens: Tokens | None
    plain: tuple[NDArray[np.float64], NDArray[np.uint64]] | None


@dataclass(frozen=True, eq=False)
class TextReader:
    """What a classifier reads of texts before its model does; it can be sent to other processes.

    Attributes:
        tokeniser: the embedder's; None for an embedder that takes texts.
        head: its kind.
        max_characters: how far statistics and character runs read, 0 is to the end.
    """

    tokeniser: Tokeniser | None
    head: str
    max_characters: int

    def read(self, texts: list[str], unknown: Sequence[int]) -> Read:
        """Tokens of the ``unknown`` ones, by index, and the rest of all."""
        tokens = self.tokeniser.read([texts[index] for index in unknown]) if self.tokeniser else None
        return Read(tokens, plain_features(texts, self.max_characters) if self.head == "kernel" else None)


class Feeder:
    """Scores windows of texts, each value as `Classifier.score` gives it.

    Args:
        classifier: with an embedder of ours or anyone's.
        processes: that read texts; 0 for a thread.
        known: vectors computed before, and where fresh ones are remembered.
        remember: whether fresh vectors are.
        start: called in the thread that computes, such as to choose its GPU.
        model: the thread that computes, where several feeders share one; it was started by its owner.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        processes: int = 0,
        known: CachedEmbedder | None = None,
        remember: bool = False,
        start: Callable[[], None] | None = None,
        model: Executor | None = None,
    ) -> None:
        self.classifier = classifier
        self.known, self.remember = known, remember
        self._embedder: Any = known.embedder if known is not None else classifier.embedder
        head = classifier.head
        self.reader = TextReader(
            getattr(self._embedder, "tokeniser", None), head.kind, getattr(head, "max_characters", 0)
        )
        self._processes, self._start = processes, start
        self._stopped = threading.Event()
        self._readers: Executor | None = None
        self._given, self._model = model, model

    def __enter__(self) -> Feeder:
        if self._processes:
            # A process that was forked from one with CUDA or threads may hang.
            fresh = multiprocessing.get_context("spawn")
            self._readers = ProcessPoolExecutor(
                self._processes, fresh, initializer=_begin, initargs=(self.reader, os.getpid())
            )
        else:
            self._readers = ThreadPoolExecutor(1, "read")
        if self._given is None:
            self._model = ThreadPoolExecutor(1, "score", self._start or _nothing)
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()  # whoever interrupts does not wait for the end of a window
        for executor in (self._model if self._given is None else None, self._readers):
            if executor is not None:
                executor.shutdown(cancel_futures=True)
        if hasattr(self._embedder, "release"):
            self._embedder.release()

    def feed(
        self, windows: Iterable[Window], texts_of: Callable[[Window], list[str]]
    ) -> Iterator[tuple[Window, Floats]]:
        """Each window with the raw scores (n,) of its texts, in order."""
        pending: deque[tuple[Window, Future[Floats]]] = deque()
        for window in windows:
            pending.append((window, self.submit(texts_of(window))))
            if len(pending) > AHEAD:
                first, scores = pending.popleft()
                yield first, scores.result()
        while pending:
            first, scores = pending.popleft()
            yield first, scores.result()

    def submit(self, texts: list[str], score: Score | None = None) -> Future[Floats]:
        """The raw scores (n,) of one window, which is begun to be read and waits for its turn to be computed.

        Args:
            texts: of the window.
            score: features to scores, in place of the classifier's head.
        """
        assert self._model is not None, "a Feeder is entered before it feeds"
        return self._model.submit(self._scores, score or self.classifier.score_features, texts, *self._read(texts))

    def _read(self, texts: list[str]) -> tuple[list[NDArray[np.float32] | None], list[Future[Read]]]:
        """What is known of texts, and the reading of the rest, begun."""
        assert self._readers is not None
        nothing: list[NDArray[np.float32] | None] = [None] * len(texts)
        rows = self.known.known(texts) if self.known is not None else nothing
        reads = []
        for start, end in _chunks(texts):
            unknown = [index for index in range(end - start) if rows[start + index] is None]
            given = (texts[start:end], unknown)
            # Without processes the reader is this object's own; in a process it is the one that came with its start.
            job: Any = self._readers.submit(_read_here, *given) if self._processes else None
            reads.append(job or self._readers.submit(self.reader.read, *given))
        return rows, reads

    def _scores(
        self, score: Score, texts: list[str], rows: list[NDArray[np.float32] | None], reads: list[Future[Read]]
    ) -> Floats:
        if not texts:
            return np.zeros(0)
        read = [one.result() for one in reads]
        unknown = [index for index, row in enumerate(rows) if row is None]
        if unknown:
            wanted = [texts[index] for index in unknown]
            fresh = self._vectors(wanted, [one.tokens for one in read])
            if self.remember and self.known is not None:
                self.known.remember([text_digest(text) for text in wanted], fresh)
            for index, row in zip(unknown, fresh, strict=True):
                rows[index] = row
        vectors = np.stack([row for row in rows if row is not None])
        features: Features | TextFeatures = vectors
        if self.reader.head == "kernel":
            plain = [one.plain for one in read if one.plain is not None]
            features = TextFeatures(vectors, *(np.concatenate(part) for part in zip(*plain, strict=True)))
        return score(features)

    def _vectors(self, texts: list[str], tokens: list[Tokens | None]) -> NDArray[np.float32]:
        if self.reader.tokeniser is None:
            return np.asarray(self._embedder.embed(texts), np.float32)
        joined = Tokens.joined([one for one in tokens if one is not None])
        vectors: NDArray[np.float32] = self._embedder.embed_tokens(joined, stopped=self._stopped.is_set)
        return vectors


_reader: TextReader | None = None


def _begin(reader: TextReader, parent: int) -> None:
    """In a process that reads: several of them share the cores, so each takes one, and ends with who started it."""
    global _reader
    _reader = reader
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A killed parent tells nobody: its readers would wait for texts for ever."""
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def _read_here(texts: list[str], unknown: list[int]) -> Read:
    assert _reader is not None
    return _reader.read(texts, unknown)


def _chunks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Slices of texts that are few enough to be spread, and to be sent."""
    start = characters = 0
    for end, text in enumerate(texts, 1):
        characters += len(text)
        if end - start >= _CHUNK_TEXTS or characters >= _CHUNK_CHARACTERS:
            yield start, end
            start, characters = end, 0
    if start < len(texts):
        yield start, len(texts)


def _nothing() -> None:
    """The thread that computes needs no preparation."""
