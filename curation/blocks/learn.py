"""What the steps share that learn from labelled documents: which those are, what keeps them together, their vectors.

Example: ``TrainClassifier`` fits one classifier to all of them, ``TrainClassifiers`` one to those of each language.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Step, tuning
from curation.classify.cache import CachedEmbedder, EmbeddingCache
from curation.classify.classifier import Classifier
from curation.classify.device import own_device
from curation.classify.embedder import Embedder
from curation.classify.models import import_transformers
from curation.classify.operating import Target
from curation.classify.report import TrainingReport
from curation.classify.spec import ClassifierSpec, is_local, load_spec
from curation.classify.train import LEAST_LABELS, fit_classifier, spec_embedder
from curation.config import nearest
from curation.content import absolute_name, resolve_location
from curation.errors import ConfigError, CurationError
from curation.folder import Folder, local_copy
from curation.scale import Scale
from curation.text.domains import repository, site

REASONS = {
    "no_label": "have no label",
    "label_is_no_number": "have a label that is no number",
    "label_off_scale": "have one off the scale",
    "empty_text": "have no text",
    "other_language": "are of another language",
    "no_value": "say nothing of what classifiers are told apart by",
}
"""Reasons in words, for messages."""


@dataclass(kw_only=True, repr=False)
class Learn(Step):
    """A step that learns from the labels of its documents, which it gives on.

    A document that cannot be learned from is dropped: without a label (with the reason why it has none), with one that
    is no number or off the scale, or without text.

    Args:
        spec: a shipped spec's name or a file.
        model: the folder for what is learned.
        group_column: documents equal in it are kept on one side of a split. ``url`` means its site (registered domain,
            or ``alice.github.io``), or the repository of what names no host, or ``repo_name`` where there is no URL;
            ``repository``, where there is no such column, the repository of ``url``.
        label_column: where the label stands.
        weight_column: where inverse sampling rates stand, if anywhere; cuts and figures are of the corpus then.
        target: what the cut is chosen for, in place of the spec's; see `Target`.
        embeddings: folders of vectors that were computed before.
        keep_embeddings: a folder for those computed here.
        embedder: an object with ``embed(list[str]) -> array``, in place of the spec's.
    """

    spec: str
    model: str
    group_column: str = "url"
    label_column: str = "label"
    weight_column: str = "sample_weight"
    target: str | None = None
    embeddings: tuple[str, ...] = tuning(())
    keep_embeddings: str | None = tuning(None)
    embedder: Any = tuning(None)

    def __post_init__(self) -> None:
        self.spec = absolute_name("classifiers", self.spec)
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """The spec's values count, not its name; an embedder that is given counts in place of the spec's."""
        spec, found = self.read_spec(), super().identity()
        if self.embedder is None:
            return found | {"spec": spec.identity()}
        given = getattr(self.embedder, "identity", type(self.embedder).__name__)
        return found | {"spec": replace(spec, embedder="given", revision=None).identity(), "embedder": given}

    def check(self) -> None:
        """The embedder must be there."""
        if self.embedder is None:
            check_embedder(self.read_spec())

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is taken is given; the column of labels must be among it."""
        wanted = {self.label_column, *self.columns()}
        if self.group_column not in ("url", "repository"):  # those two are looked for, others are asked for
            wanted.add(self.group_column)
        for name in sorted(wanted - columns.keys()):
            raise ConfigError(f"the labels have no column {name!r} ({nearest(name, sorted(columns))})")
        return columns

    def columns(self) -> tuple[str, ...]:
        """What must be there beside the label."""
        return ()

    def other(self, doc: Document) -> str | None:
        """A reason of the step's own why a document is not learned from, None for one that is."""
        return None

    def read_spec(self) -> ClassifierSpec:
        """What to train."""
        spec = load_spec(self.spec)
        return spec if self.target is None else replace(spec, target=str(Target.parse(self.target)))

    def labelled(self, documents: Iterable[Document], scale: Scale, rank: int) -> list[Document]:
        """The documents that can be learned from; the others are dropped.

        Raises:
            CurationError: if there are too few; the message says why.
        """
        labelled: list[Document] = []
        reasons: Counter[str] = Counter()
        for doc in documents:
            reason = self.reason(doc, scale)
            if reason is None:
                labelled.append(doc)
            else:
                reasons[reason] += 1
                self.drop(doc, reason, rank)
        if len(labelled) < LEAST_LABELS:
            why = "; ".join(f"{number:,} {REASONS.get(reason, reason)}" for reason, number in reasons.most_common())
            others = f"; of the others {why}" if why else ""
            raise CurationError(
                f"{len(labelled)} documents to learn from, at least {LEAST_LABELS} are needed (labels are read from "
                f"column {self.label_column!r}, scale {scale.low} to {scale.high}){others}"
            )
        return labelled

    def reason(self, doc: Document, scale: Scale) -> str | None:
        """Why a document cannot be learned from, None for one that can."""
        label = doc.metadata.get(self.label_column)
        if (other := self.other(doc)) is not None:
            return other
        if label is None or label == "":
            return str(doc.metadata.get("label_reason") or "no_label").partition(":")[0]
        try:
            number = float(label)
        except (TypeError, ValueError):
            return "label_is_no_number"
        if not scale.holds(number):
            return "label_off_scale"
        return None if doc.text.strip() else "empty_text"

    @contextmanager
    def vectors(self, spec: ClassifierSpec, rank: int) -> Iterator[Embedder]:
        """The embedder, which embeds a text once; what it had to embed is kept at the end, if there is a place."""
        embedder = self.embedder or spec_embedder(spec, threads=threads())
        cached = with_cache(embedder, self.embeddings)
        with own_device() as device:
            device.use()
            yield cached
        if hasattr(embedder, "release"):
            embedder.release()
        if self.keep_embeddings and isinstance(cached, CachedEmbedder):
            write_cache(cached, self.keep_embeddings, rank)

    def fit(
        self, documents: Sequence[Document], spec: ClassifierSpec, embedder: Embedder
    ) -> tuple[Classifier, TrainingReport]:
        """A classifier of labelled documents, and its figures; see `fit_classifier`."""
        groups = [self.group(doc) for doc in documents]
        return fit_classifier(
            [doc.text for doc in documents],
            [float(doc.metadata[self.label_column]) for doc in documents],
            spec,
            ids=[doc.id for doc in documents],
            groups=[group or doc.id for group, doc in zip(groups, documents, strict=True)] if any(groups) else None,
            weights=self.weights(documents),
            further=[_further(doc) for doc in documents],
            embedder=embedder,
        )

    def weights(self, labelled: Sequence[Document]) -> list[float] | None:
        """Inverse sampling rates, if every document has one."""
        found = [doc.metadata.get(self.weight_column) for doc in labelled]
        known = [float(one) for one in found if one not in (None, "")]
        if known and len(known) < len(found):
            raise CurationError(
                f"column {self.weight_column!r}: {len(found) - len(known)} of {len(found)} documents have no weight"
            )
        return known or None

    def group(self, doc: Document) -> str | None:
        """What the document is kept together with; None where nothing tells."""
        value = doc.metadata.get(self.group_column)
        if not value and self.group_column == "repository":
            value = repository(str(doc.metadata.get("url") or ""))
        if not value and self.group_column == "url":
            return str(doc.metadata.get("repo_name") or "") or None
        if value is None or value == "":
            return None
        return group_of_url(str(value)) if self.group_column == "url" else str(value)


def _further(doc: Document) -> float | None:
    """A further reading of the judge, as `Annotate` writes it."""
    found = doc.metadata.get("further_labels")
    return next((float(one) for one in found if one is not None), None) if isinstance(found, list) else None


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


def write_cache(embedder: CachedEmbedder, folder: str, rank: int, number: int = 0) -> None:
    """Keep what had to be embedded here; ``number`` tells several embedders of a task apart."""
    if embedder.fresh:
        with Folder(folder).create(f"{rank:05d}{f'-{number}' if number else ''}.safetensors") as local:
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
