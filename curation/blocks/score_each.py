"""Score every document with the classifier of its language, or of its value in any column.

Example: ``ScoreTexts(classifier=folder_of("train", "model"), journal=folder_of("score"))`` after `TrainClassifiers`, or
``ScoreTexts(classifier="HuggingFaceTB/stack-edu-classifier-{language}", values=("Python", "C++"))``.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import xxhash
from datatrove.data import Document

from curation.blocks.learn import threads
from curation.blocks.score import ScoreText, Window, load_scorer, stamp_of, windows_of
from curation.blocks.score_journal import ScoreJournal
from curation.blocks.score_lanes import Lanes, ended
from curation.blocks.step import Documents, tuning
from curation.classify.classifier import load_classifier
from curation.classify.device import Device, own_device
from curation.classify.each import LANGUAGE
from curation.classify.precision import choose_precision
from curation.classify.shelf import Shelf
from curation.classify.whose import Whose, mark_of
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder
from curation.recipe import OUTPUT


@dataclass(kw_only=True, repr=False)
class ScoreTexts(ScoreText):
    """Add what `ScoreText` adds, by the classifier of each document's language, and ``classifier``: which one it was.

    Scores are those of `ScoreText` with that classifier alone. A document without a classifier for its value stays,
    with null scores (``no_classifier`` in the counts). Classifiers on one and the same frozen encoder share it, and
    their texts are computed together; of different encoders as many are held as memory allows, and a window of
    documents is computed encoder by encoder.

    Args:
        classifier: a folder that `TrainClassifiers` wrote; or one classifier for all; or names or folders with
            ``{language}``, or another column in braces, for the value's slug.
        by: the column. ``language`` holds programming languages, by any of their names.
        values: that must have a classifier, and are scored; empty for all that have one. Of names on the Hub they must
            be said.
        languages: a user's table of programming languages, see `code_languages`.
        embeddings: as of `ScoreText`.
        keep_embeddings: as of `ScoreText`; vectors of different encoders stand in files of their own.
        journal: as of `ScoreText`.
        readers: as of `ScoreText`; encoders share them.
        models: encoders that are held at a time; None for as many as half of the available memory holds.
    """

    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {**ScoreText.adds, "classifier": pa.string()}

    by: str = LANGUAGE
    values: tuple[str, ...] = ()
    languages: str = ""
    models: int | None = tuning(None)

    def __post_init__(self) -> None:
        if self.languages:
            self.languages = absolute_location(self.languages)
        if self.models is not None and self.models < 1:
            raise ConfigError(f"models: at least one must be held, got {self.models}")
        before, mark, _ = self.classifier.partition(mark_of(self.classifier, self.by) or "\0")
        if mark and (folder := before.rpartition("/")[0]) and Path(folder).is_dir():
            self.classifier = absolute_location(self.classifier)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The files of classifiers from outside, and a user's table."""
        table = [self.languages] if self.languages else []
        if not mark_of(self.classifier, self.by):
            return super().inputs() + table
        return self._whose().places() + table

    def check(self) -> None:
        """Classifiers from outside must be there, all of `values`."""
        if self.classifier.startswith(OUTPUT):
            return
        whose = self._whose()
        whose.check()
        if not whose.mark and not whose.index:
            load_scorer(self.classifier)

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """With scores; the column of values must be there."""
        if self.by not in columns and self._asks_value():
            raise ConfigError(f"the documents have no column {self.by!r} that tells which classifier is theirs")
        return super().schema(columns)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Score a window of documents at a time, encoder by encoder, in order."""
        whose = self._whose()
        shelf = _shelf(whose, self.models)
        with own_device() as device, ThreadPoolExecutor(1, "score", device.use) as model, ExitStack() as stack:
            lanes = Lanes(
                shelf,
                model,
                stack,
                processes=self.processes(device),
                embeddings=self.embeddings,
                remember=self.keep_embeddings is not None,
            )
            journal = self._score_journal(whose, device, rank)
            known = journal.known if journal else {}
            windows = windows_of(iter(data or ()), device, known, partial(self._digest, whose))
            for window in ended(windows, partial(lanes.begin, partial(self._key, whose))):
                if journal and window.fresh:
                    journal.add(list(window.fresh), np.array([window.known[digest] for digest in window.fresh]))
                elif journal and window.known:
                    self.count("scores_taken_over", sum(map(bool, window.digests)))
                yield from self._each_scored(shelf, whose, window)
            if self.keep_embeddings:
                lanes.write(self.keep_embeddings, rank)
        if journal:
            journal.close()

    def _asks_value(self) -> bool:
        """Whether not one classifier is for all."""
        return bool(self.classifier.startswith(OUTPUT) or (whose := self._whose()).mark or whose.index)

    def _whose(self) -> Whose:
        table = resolve_location(self.languages) if self.languages else ""
        whose = Whose(self.classifier, self.by, self.values, table)
        stamps = tuple(map(stamp_of, whose.places() or [self.classifier]))
        return _same_whose(self.classifier, self.by, self.values, table, stamps)

    def _key(self, whose: Whose, doc: Document) -> str | None:
        return whose.key(doc.metadata.get(self.by))

    def _digest(self, whose: Whose, doc: Document) -> bytes:
        """What decides a document's score, its text and its classifier; empty where it has none."""
        key = self._key(whose, doc)
        if key is None:
            return b""
        digest = xxhash.xxh3_128(f"{key}\0")
        digest.update(doc.text.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def _score_journal(self, whose: Whose, device: Device, rank: int) -> ScoreJournal | None:
        if self.journal is None:
            return None
        stamps = map(stamp_of, whose.places() or [self.classifier])
        made_by = [self.classifier, *stamps, "cpu" if device.position is None else "gpu"]
        return ScoreJournal(Folder(self.journal), f"{rank:05d}", " ".join([*made_by, choose_precision("auto")]))

    def _each_scored(self, shelf: Shelf, whose: Whose, window: Window) -> Iterator[Document]:
        keys = [self._key(whose, doc) for doc in window.documents]
        rows: list[dict[str, Any]] = [dict.fromkeys(self.adds) for _ in keys]
        for key in dict.fromkeys(key for key in keys if key):
            classifier, places = shelf[key], [place for place, one in enumerate(keys) if one == key]
            scores = np.array([window.known[window.digests[place]] for place in places])
            calibrated = classifier.calibrated(scores).tolist() if classifier.calibration else [None] * len(scores)
            given = zip(places, scores.tolist(), classifier.int_scores(scores).tolist(), calibrated, strict=True)
            for place, score, rounded, bent in given:
                rows[place] = {"score": score, "int_score": rounded, "calibrated_score": bent, "classifier": key}
        for doc, row in zip(window.documents, rows, strict=True):
            self.count("no_classifier" if row["classifier"] is None else f"int_score_{row['int_score']}")
            doc.metadata.update(row)
            yield doc


@lru_cache(maxsize=2)
def _same_whose(classifier: str, by: str, values: tuple[str, ...], languages: str, stamps: tuple[str, ...]) -> Whose:
    """Read once per process for as long as the files are the same."""
    return Whose(classifier, by, values, languages)


@lru_cache(maxsize=1)
def _shelf(whose: Whose, models: int | None) -> Shelf:
    """The classifiers, kept for the next shard."""
    return Shelf(lambda key: load_classifier(whose.location(key), threads=threads()), models)
