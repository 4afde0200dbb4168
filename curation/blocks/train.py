"""Learn the judge: labelled documents in, a classifier's folder out.

Example: ``TrainClassifier(spec="finemath-embedded", model=folder_of("train", "model"))`` in a stage that gathers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from datatrove.data import Document

from curation.blocks.step import Documents, Step, tuning
from curation.classify.cache import CachedEmbedder, EmbeddingCache
from curation.classify.embedder import Embedder
from curation.classify.models import import_transformers
from curation.classify.spec import ClassifierSpec, is_local, load_spec
from curation.classify.train import fit_classifier, spec_embedder
from curation.content import absolute_name, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, local_copy
from curation.text.domains import repository, site


@dataclass(kw_only=True, repr=False)
class TrainClassifier(Step):
    """Fit a classifier to all labels, with its figures from cross-validation; gives the documents that it learned from.

    A document without label is dropped with the reason why it has none.

    Args:
        spec: a shipped spec's name or a file.
        model: the folder for the classifier.
        group_column: documents equal in it are kept on one side of a split. ``url`` means its site (registered domain,
            or ``alice.github.io``), or the repository of what names no host; ``repository``, where there is no such
            column, the repository of ``url``.
        label_column: where the label stands.
        embeddings: folders of vectors that were computed before.
        keep_embeddings: a folder for those computed here.
        embedder: an object with ``embed(list[str]) -> array``, in place of the spec's.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 2

    spec: str
    model: str
    group_column: str = "url"
    label_column: str = "label"
    embeddings: tuple[str, ...] = tuning(())
    keep_embeddings: str | None = tuning(None)
    embedder: Any = tuning(None)

    def __post_init__(self) -> None:
        self.spec = absolute_name("classifiers", self.spec)
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """The spec's values count, not its name; an embedder that is given counts in place of the spec's."""
        spec = load_spec(self.spec)
        if self.embedder is None:
            return super().identity() | {"spec": spec.identity()}
        given = getattr(self.embedder, "identity", type(self.embedder).__name__)
        spec = replace(spec, embedder="given", revision=None)
        return super().identity() | {"spec": spec.identity(), "embedder": given}

    def check(self) -> None:
        """The embedder must be there."""
        if self.embedder is None:
            check_embedder(load_spec(self.spec))

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Read all, fit, save, then give what was learned from."""
        labelled: list[Document] = []
        for doc in data or ():
            if doc.metadata.get(self.label_column) is None:
                self.drop(doc, (doc.metadata.get("label_reason") or "no_label").partition(":")[0], rank)
            else:
                labelled.append(doc)
        spec = load_spec(self.spec)
        embedder = self.embedder or spec_embedder(spec, threads=threads())
        cached = with_cache(embedder, self.embeddings)
        classifier, report = fit_classifier(
            [doc.text for doc in labelled],
            [float(doc.metadata[self.label_column]) for doc in labelled],
            spec,
            groups=[self._group(doc) for doc in labelled],
            embedder=cached,
        )
        with Folder(self.model).create_folder("") as folder:
            classifier.save(folder)
        if self.keep_embeddings and isinstance(cached, CachedEmbedder):
            write_cache(cached, self.keep_embeddings, rank)
        self.count("labels", report.labels)
        yield from labelled

    def _group(self, doc: Document) -> str:
        value = doc.metadata.get(self.group_column)
        if not value and self.group_column == "repository":
            value = repository(str(doc.metadata.get("url") or ""))
        if value is None or value == "":
            return doc.id
        return group_of_url(str(value)) if self.group_column == "url" else str(value)


def group_of_url(url: str) -> str:
    """The site of a URL; of what names no host, such as ``owner/repository/file.c``, the repository."""
    return site(url) or repository(url)


def threads() -> int | None:
    """Threads that the executor grants this worker, None outside a run."""
    given = os.environ.get("CURATION_THREADS")
    return int(given) if given else None


def with_cache(embedder: Embedder, folders: tuple[str, ...]) -> Embedder:
    """An embedder that takes known vectors from ``folders``; one that does not say what it is is left as it is."""
    identity = getattr(embedder, "identity", None)
    if identity is None:
        return embedder
    return CachedEmbedder(embedder, EmbeddingCache([local_copy(folder) for folder in folders], identity))


def write_cache(embedder: CachedEmbedder, folder: str, rank: int) -> None:
    """Keep what had to be embedded here."""
    if embedder.fresh:
        with Folder(folder).create(f"{rank:05d}.safetensors") as local:
            embedder.write(local)


def check_embedder(spec: ClassifierSpec) -> None:
    """Raise ConfigError if the embedder of a spec cannot be had; of a Hub model only the configuration is fetched."""
    transformers = import_transformers()
    name = resolve_location(spec.embedder) if is_local(spec.embedder) else spec.embedder
    try:
        transformers.AutoConfig.from_pretrained(name, revision=spec.revision if name == spec.embedder else None)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError(
            f"embedder {spec.embedder} of spec {spec.name} cannot be had: {reason} (nothing was put in its place)"
        ) from error
