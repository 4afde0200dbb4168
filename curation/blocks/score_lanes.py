"""Texts of one window to their scores, encoder by encoder, while texts of the next windows are read.

Example: ``Lanes(shelf, model, stack).submit(shelf.encoder_of("cpp"), ["cpp"], ["int main() {}"]).result()``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import partial

import numpy as np
from datatrove.data import Document

from curation.blocks.learn import with_cache, write_cache
from curation.blocks.score import Window
from curation.classify.cache import CachedEmbedder
from curation.classify.classifier import Classifier
from curation.classify.features import TextFeatures
from curation.classify.feeding import AHEAD, Feeder
from curation.classify.head import Features, Floats
from curation.classify.shelf import Encoder, Shelf

Begun = list[tuple[list[bytes], Future[Floats]]]
"""Digests of texts, and their scores to come."""


class Lanes:
    """A feeder for each encoder, all with one thread that computes.

    Args:
        shelf: the classifiers.
        model: the thread that computes.
        stack: ends what is begun here.
        processes: that read texts; 0 for threads.
        embeddings: folders of vectors that were computed before.
        remember: whether fresh vectors are remembered, for `write`.
    """

    def __init__(
        self,
        shelf: Shelf,
        model: Executor,
        stack: ExitStack,
        *,
        processes: int = 0,
        embeddings: tuple[str, ...] = (),
        remember: bool = False,
    ) -> None:
        self.shelf = shelf
        self._model, self._stack, self._processes = model, stack, processes
        self._embeddings, self._remember = embeddings, remember
        self._feeders: dict[Encoder, Feeder] = {}

    def begin(self, key_of: Callable[[Document], str | None], window: Window) -> Begun:
        """Begin to score what is fresh of a window, by the classifiers that ``key_of`` names."""
        keys = {digest: key_of(doc) or "" for digest, doc in window.fresh.items()}
        of_lane: dict[Encoder, list[bytes]] = {}
        for digest in window.fresh:
            of_lane.setdefault(self.shelf.encoder_of(keys[digest]), []).append(digest)
        begun = []
        for encoder in sorted(of_lane, key=str):
            digests = of_lane[encoder]
            texts = [window.fresh[digest].text for digest in digests]
            begun.append((digests, self.submit(encoder, [keys[digest] for digest in digests], texts)))
        return begun

    def submit(self, encoder: Encoder, keys: list[str], texts: list[str]) -> Future[Floats]:
        """The scores to come (n,) of texts, each by its own classifier; all stand on one encoder."""
        if encoder not in self._feeders:
            self._feeders[encoder] = self._stack.enter_context(self._made(self.shelf[keys[0]]))
        heads = {key: self.shelf[key] for key in dict.fromkeys(keys)}
        return self._feeders[encoder].submit(texts, partial(_by_head, heads, keys))

    def write(self, folder: str, rank: int) -> None:
        """Keep vectors that were computed here, those of each encoder in a file of its own."""
        for number, feeder in enumerate(self._feeders.values()):
            if feeder.known is not None:
                write_cache(feeder.known, folder, rank, number)

    def _made(self, classifier: Classifier) -> Feeder:
        embedder = with_cache(classifier.embedder, self._embeddings)
        return Feeder(
            classifier,
            processes=max(1, self._processes // (len(self._feeders) + 1)) if self._processes else 0,
            known=embedder if isinstance(embedder, CachedEmbedder) else None,
            remember=self._remember,
            model=self._model,
        )


def ended(windows: Iterator[Window], begin: Callable[[Window], Begun]) -> Iterator[Window]:
    """Windows with all their scores known, in order, while the next ones are begun."""
    pending: deque[tuple[Window, Begun]] = deque()
    for window in windows:
        pending.append((window, begin(window)))
        if len(pending) > AHEAD:
            yield _ended(*pending.popleft())
    while pending:
        yield _ended(*pending.popleft())


def _ended(window: Window, begun: Begun) -> Window:
    for digests, scores in begun:
        window.known.update(zip(digests, scores.result().tolist(), strict=True))
    return window


def _by_head(heads: dict[str, Classifier], keys: list[str], features: Features | TextFeatures) -> Floats:
    """Each text's score by the head of its own classifier."""
    scores = np.zeros(len(keys))
    of_key = np.array(keys, object)
    for key, classifier in heads.items():
        rows = np.flatnonzero(of_key == key)
        scores[rows] = classifier.score_features(features[rows])
    return scores
