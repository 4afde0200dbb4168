"""Learn the judge: labelled documents in, a classifier's folder out.

Example: ``TrainClassifier(spec="finemath-embedded", model=folder_of("train", "model"))`` in a stage that gathers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from datatrove.data import Document

from curation.blocks.learn import Learn
from curation.blocks.step import Documents
from curation.classify.languages import programming_language
from curation.classify.spec import ClassifierSpec, load_spec
from curation.errors import ConfigError
from curation.folder import Folder


@dataclass(kw_only=True, repr=False)
class TrainClassifier(Learn):
    """Fit a classifier to all labels, with its figures from cross-validation; gives the documents that it learned from.

    A document that cannot be learned from is dropped: without a label (with the reason why it has none), with one that
    is no number or off the scale, without text, or of another language.

    Args:
        language: of the documents that are learned from; all by default.
        language_column: where a document's language stands.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 3

    language: str | None = None
    language_column: str = "language"

    def columns(self) -> tuple[str, ...]:
        """The language, if only one is learned from."""
        return (self.language_column,) if self.language else ()

    def other(self, doc: Document) -> str | None:
        """Of another language than is asked for."""
        if self.language and not _same_language(doc.metadata.get(self.language_column), self.language):
            return "other_language"
        return None

    def read_spec(self) -> ClassifierSpec:
        """That of the language, if there is one."""
        return replace(load_spec(self.spec, self.language), target=super().read_spec().target)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Read all, fit, save, then give what was learned from."""
        spec = self.read_spec()
        labelled = self.labelled(data or (), spec.scale, rank)
        with self.vectors(spec, rank) as embedder:
            classifier, report = self.fit(labelled, spec, embedder)
        with Folder(self.model).create_folder("") as folder:
            classifier.save(folder)
        self.count("labels", report.labels)
        yield from labelled


def _same_language(given: Any, wanted: str) -> bool:
    try:
        return programming_language(str(given)) == programming_language(wanted)
    except ConfigError:  # a document of a language that is in no table
        return False
