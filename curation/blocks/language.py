"""Which language a text is in, and keeping one.

Example: ``[DetectLanguage(detector="langid"), KeepLanguage(language="en", threshold=0.65)]``
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document
from datatrove.io import cached_asset_path_or_download

from curation.blocks.step import Documents, Select, Step
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError, CurationError
from curation.text.language import LanguageDetector, load_detector

_WINDOW = 256  # documents of one call of the model


@dataclass(kw_only=True, repr=False)
class DetectLanguage(Step):
    """Add ``language`` (ISO 639-1 where it has a code, else ISO 639-3) and ``language_score`` (a probability).

    Args:
        detector: ``langid``, or ``fasttext:`` and the path or URL of a model such as lid.176.bin or GlotLID's.
        script: whether to add ``language_script`` (ISO 15924, such as ``Latn``), which GlotLID's labels name.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"language": pa.string(), "language_score": pa.float64()}

    detector: str
    script: bool = False

    def __post_init__(self) -> None:
        kind, colon, model = self.detector.partition(":")
        if colon:
            self.detector = f"{kind}:{absolute_location(model)}"
        if self.script:
            self.adds = {**type(self).adds, "language_script": pa.string()}  # type: ignore[misc]
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Without what is left at its default, so that stages made before there was a script stay as they are."""
        return {key: value for key, value in super().identity().items() if key != "script" or value}

    def inputs(self) -> list[str]:
        """The model's file; a URL is not listed, it names the model."""
        model = self.detector.partition(":")[2]
        return [model] if model and "://" not in model else []

    def check(self) -> None:
        """The model must be there, and name scripts where they are wanted."""
        if self.script and not _detector(self.detector).names_scripts:
            raise ConfigError(f"language detector {self.detector} names no scripts; GlotLID does")
        _detector(self.detector)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """A window of documents at a time, in order."""
        detector = _detector(self.detector)
        documents: Documents = iter(data or ())
        while window := list(islice(documents, _WINDOW)):
            for doc, found in zip(window, detector.detect_batch([doc.text for doc in window]), strict=True):
                doc.metadata["language"], doc.metadata["language_score"] = found.language, found.score
                if self.script:
                    doc.metadata["language_script"] = found.script
                yield doc


@dataclass(kw_only=True, repr=False)
class KeepLanguage(Select):
    """Drop what is not in one language, or not surely enough: ``other_language``, ``language_unsure``.

    Args:
        language: as the detector names it: ISO 639-1, such as ``en``, or ISO 639-3 where there is no such code.
        threshold: the probability that must be exceeded, as FineWeb's 0.65.
    """

    version: ClassVar[int] = 1

    language: str
    threshold: float

    def reason(self, doc: Document) -> str | None:
        """By the two columns that `DetectLanguage` adds."""
        if "language" not in doc.metadata:
            raise CurationError(f"KeepLanguage: document {doc.id} has no column language; put DetectLanguage before it")
        if doc.metadata["language"] != self.language:
            return "other_language"
        return None if doc.metadata["language_score"] > self.threshold else "language_unsure"


@lru_cache(maxsize=2)
def _detector(spec: str) -> LanguageDetector:
    kind, _, model = spec.partition(":")
    if "://" not in model:
        return load_detector(f"{kind}:{resolve_location(model)}" if model else kind)
    try:
        path: Any = cached_asset_path_or_download(model, namespace="filters", subfolder="language_filter", desc="model")
    except Exception as error:
        raise ConfigError(f"language detector {model} cannot be had: {error}; nothing was put in its place") from error
    return load_detector(f"{kind}:{path}")
