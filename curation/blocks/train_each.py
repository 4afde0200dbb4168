"""Learn the judge for each language, or each value of any column: labelled documents in, a folder of classifiers out.

Example: ``TrainClassifiers(spec="stack_edu-embedded", model=folder_of("train", "model"))`` in a stage that gathers
writes ``model/python``, ``model/cpp`` …, each as `TrainClassifier` writes it, ``model/shared`` for languages with few
labels, ``model/classifiers.json``, which says whose is which, and ``model/report.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from datatrove.data import Document

from curation.blocks.learn import Learn
from curation.blocks.step import Documents
from curation.classify.cache import CachedEmbedder, EmbeddingCache
from curation.classify.classifier import Classifier
from curation.classify.each import (
    INDEX,
    LANGUAGE,
    MINIMUM_GROUPS,
    MINIMUM_LABELS,
    SHARED,
    Entry,
    index_json,
    named,
    read_index,
    slugs_of,
    spec_of,
    why_shared,
)
from curation.classify.each_figures import SharedClassifier, entry_of, held_out_of, kept_of
from curation.classify.each_markdown import index_markdown
from curation.classify.embedder import Embedder
from curation.classify.encoders import link_files
from curation.classify.held_out import Floats
from curation.classify.report import TrainingReport
from curation.classify.spec import ClassifierSpec
from curation.classify.train import LEAST_LABELS
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError, CurationError
from curation.folder import Folder, local_copy
from curation.text.code_languages import code_table


@dataclass(kw_only=True, repr=False)
class TrainClassifiers(Learn):
    """Fit a classifier to the labels of each value of a column; gives the documents that were learned from.

    Vectors are computed once for all. A value with too few labels gets the shared classifier, which learns from the
    labels of all values. Each value has its threshold (of the spec, or of a user's table of languages), and every
    figure is of held-out documents. A document that cannot be learned from is dropped, as `TrainClassifier` does, and
    one without a value, too (``no_value``).

    Args:
        by: the column. ``language`` holds programming languages, by any of their names; of any other column every
            value counts as it is.
        languages: a user's table of programming languages, see `code_languages`.
        shared: ``rare`` is for values with few labels, ``always`` one classifier for all, ``never`` an error for them.
        minimum_labels: fewer are few.
        minimum_groups: labels of fewer repositories or sites (`group_column`) are few, too.

    Raises:
        CurationError: with ``never``, if any value has too few; the message names all.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    by: str = LANGUAGE
    languages: str = ""
    shared: Literal["rare", "always", "never"] = "rare"
    minimum_labels: int = MINIMUM_LABELS
    minimum_groups: int = MINIMUM_GROUPS

    def __post_init__(self) -> None:
        if self.languages:
            self.languages = absolute_location(self.languages)
        if self.minimum_labels < LEAST_LABELS or self.minimum_groups < 0:
            raise ConfigError(
                f"minimum_labels: at least {LEAST_LABELS}, got {self.minimum_labels}; minimum_groups: at least 0, got "
                f"{self.minimum_groups}"
            )
        self._names: dict[str, str | None] = {}
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """The spec's exceptions by language count here, too."""
        return super().identity() | {"threshold_of": dict(self.read_spec().threshold_of)}

    def inputs(self) -> list[str]:
        """The user's table."""
        return [self.languages] if self.languages else []

    def check(self) -> None:
        """The embedder and the user's table must be there."""
        super().check()
        code_table(self._table)

    def columns(self) -> tuple[str, ...]:
        """What classifiers are told apart by."""
        return (self.by,)

    def other(self, doc: Document) -> str | None:
        """Without a value."""
        return "no_value" if self._value(doc) is None else None

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Read all, fit and save one after another, then give what was learned from."""
        spec = self.read_spec()
        labelled = self.labelled(data or (), spec.scale, rank)
        documents: dict[str, list[Document]] = {}
        for doc in labelled:
            documents.setdefault(self._value(doc) or "", []).append(doc)
        slugs = slugs_of(documents, by=self.by, languages=self._table)
        specs = {one: spec_of(spec, one, slugs[one], by=self.by, languages=self._table) for one in sorted(documents)}
        few = self._few(documents, specs)
        folder = Folder(self.model)
        folder.remove()
        with self.vectors(spec, rank) as embedder:
            if not isinstance(embedder, CachedEmbedder):
                embedder = CachedEmbedder(embedder, EmbeddingCache([], {}))
            common = self._shared(labelled, spec, embedder) if few else None
            if common is not None:
                _save(common.classifier, folder, SHARED)
            index = {}
            for value, of_value in specs.items():
                own = None
                if value not in few:
                    own, _ = self.fit(documents[value], of_value, embedder)
                    _save(own, folder, slugs[value])
                index[value] = self._entry(
                    value, documents[value], of_value, common, own, slugs[value], few.get(value, "")
                )
        folder.write_bytes(
            "report.md",
            f"# Classifiers\n\n{index_markdown(index, common.report if common else None, self.by)}".encode(),
        )
        folder.write_bytes(INDEX, index_json(index).encode())  # last: a folder without it is none of ours
        self.count("labels", len(labelled))
        self.count("classifiers_of_their_own", sum(one.own for one in index.values()))
        self.count("values_that_share_one", len(few))
        yield from labelled

    @property
    def _table(self) -> str:
        return resolve_location(self.languages) if self.languages else ""

    def _value(self, doc: Document) -> str | None:
        given = doc.metadata.get(self.by)
        text = "" if given is None else str(given)  # 0 is a value
        if text not in self._names:
            self._names[text] = named(text, by=self.by, languages=self._table)
        return self._names[text]

    def _groups(self, documents: Sequence[Document]) -> int | None:
        found = {group for group in map(self.group, documents) if group}
        return len(found) or None

    def _labels(self, documents: Sequence[Document]) -> Floats:
        return np.array([float(doc.metadata[self.label_column]) for doc in documents])

    def _few(self, documents: Mapping[str, list[Document]], specs: Mapping[str, ClassifierSpec]) -> dict[str, str]:
        """Values without a classifier of their own, and why."""
        if self.shared == "always":
            return dict.fromkeys(specs, "`shared: always` was asked for")
        least = (self.minimum_labels, self.minimum_groups)
        few = {}
        for value, spec in specs.items():
            labels, groups = self._labels(documents[value]), self._groups(documents[value])
            if why := why_shared(labels, spec.threshold_for(), groups, *least):
                few[value] = why
        if few and self.shared == "never":
            told = "; ".join(f"{value}: {why}" for value, why in few.items())
            raise CurationError(
                f"{len(few)} of {len(specs)} values of {self.by!r} cannot have a classifier of their own ({told}): "
                f"judge more of them, lower minimum_labels or minimum_groups, or let them share one (shared: rare)"
            )
        return few

    def _shared(self, labelled: Sequence[Document], spec: ClassifierSpec, embedder: Embedder) -> SharedClassifier:
        """The classifier of all labels."""
        spec = replace(spec, name=f"{spec.name}-{SHARED}", threshold_of={})
        classifier, report = self.fit(labelled, spec, embedder)
        held_out = held_out_of(classifier)
        if len(held_out) == len(labelled):
            values = [self._value(doc) for doc in labelled]
        else:  # an encoder was trained along, and some documents are held out
            value_of = {doc.id: self._value(doc) for doc in labelled}
            values = [value_of[one] for one in held_out.ids]
        return SharedClassifier(classifier, report, spec, held_out, np.array(values, object))

    def _entry(
        self,
        value: str,
        documents: Sequence[Document],
        spec: ClassifierSpec,
        common: SharedClassifier | None,
        own: Classifier | None,
        folder: str,
        why: str,
    ) -> Entry:
        threshold, labels, groups = spec.threshold_for(), self._labels(documents), self._groups(documents)
        shared = None
        if common is not None:
            held_out, kept = common.of(value, threshold)
            shared = entry_of(
                spec, common.classifier.calibration, held_out, kept, labels, folder=SHARED, groups=groups, why=why
            )
        if own is None:
            assert shared is not None, "who has no classifier of its own shares one"
            return shared
        held_out = held_out_of(own)
        return entry_of(
            spec,
            own.calibration,
            held_out,
            kept_of(spec, held_out, threshold),
            labels,
            folder=folder,
            groups=groups,
            f1_of_shared=shared.figures.f1 if shared is not None and shared.figures is not None else None,
        )


def classifiers_markdown(folder: str, by: str = LANGUAGE) -> str:
    """The table of a folder of classifiers for a card: labels, threshold, precision, recall and F1 of each value.

    Args:
        folder: that `TrainClassifiers` wrote.
        by: the column, for the table's head.

    Raises:
        ConfigError: if there is no index in it.
    """
    location = local_copy(resolve_location(folder))
    if not (index := read_index(location)):
        raise ConfigError(f"{folder}: no {INDEX}: not a folder of several classifiers")
    report = location / SHARED / "report.json"
    of_all = TrainingReport.from_json(report.read_text("utf-8")) if report.is_file() else None
    return index_markdown(index, of_all, by)


def _save(classifier: Classifier, model: Folder, name: str) -> None:
    """Write a classifier's folder; a frozen encoder that another has already takes no room of its own."""
    with model.create_folder(name) as folder:
        classifier.save(folder)
    if model.is_local:
        link_files(Path(model.root), name)
