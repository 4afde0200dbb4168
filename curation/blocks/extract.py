"""A page's HTML -> its text.

Example: ``ExtractText(extractor="mathematics")`` keeps mathematics as TeX between dollars, and
``ExtractText(extractor="resiliparse")`` is resiliparse's main content, the extractor of FineMath's first pass, and
``ExtractText(extractor="trafilatura")`` that of FineWeb.

Pages are extracted in a process of its own (`curation.html.isolation`), so that none can stop a run, whatever is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document
from loguru import logger

from curation.blocks.step import Documents, Step, tuning
from curation.errors import ConfigError
from curation.html.isolation import (
    LIMIT_REASONS,
    MAX_HTML_CHARS,
    MAX_MEMORY_MB,
    TIMEOUT_SECONDS,
    DirectExtractor,
    IsolatedExtractor,
)
from curation.html.isolation_child import EXTRACT_PAGE
from curation.html.page import Macros
from curation.html.peers import check_trafilatura

Extractor = Literal["mathematics", "main_content", "resiliparse", "trafilatura"]

_KEEP_SECONDS = 30  # for the next shard, which is read by then

_IS_PAGE = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)


@dataclass(kw_only=True, repr=False)
class ExtractText(Step):
    """Turn the column ``html`` into text; documents that come with a text pass unchanged, whatever else they have.

    A text that begins as an HTML document does is a page too. A page without text is dropped as ``empty_text``, one
    that a limit stopped as ``too_large``, ``too_slow``, ``too_much_memory`` or ``crashed``. Adds ``metadata``, a JSON
    text that says what was found.

    Time and memory are no part of the identity: they stand so far above what any page of a crawl takes that they stop
    only pages without end, which another number would stop too; and a run that goes on after they were raised, for a
    slower machine, need not begin anew.

    Args:
        extractor: ``mathematics``, ours; ``resiliparse`` or, the same, ``main_content``; ``trafilatura``, see
            `curation.html.peers`.
        macros: what becomes of the page's own TeX macros, for ``mathematics``; see `curation.html.extract`.
        trafilatura_options: of ``trafilatura.extract``, above those of FineWeb: favor_precision and deduplicate (within
            a page), no comments. FineWeb also dropped pages that took longer than a second; here that is
            ``timeout_seconds``, which should not decide what a dataset holds.
        max_html_chars: longer pages, and pages with a longer text, are dropped.
        isolate: whether pages are extracted in another process; without it only ``too_large`` is looked after.
        timeout_seconds: for one page.
        max_memory_mb: for one page.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 2
    adds: ClassVar[dict[str, pa.DataType]] = {"metadata": pa.string()}
    functions: ClassVar[dict[str, str]] = {
        "mathematics": EXTRACT_PAGE,
        "main_content": "curation.html.extract:main_text",
        "resiliparse": "curation.html.extract:main_text",
        "trafilatura": "curation.html.peers:trafilatura_text",
    }

    extractor: Extractor = "mathematics"
    macros: Macros = "keep"
    trafilatura_options: dict[str, Any] = field(default_factory=dict)
    max_html_chars: int = MAX_HTML_CHARS
    isolate: bool = tuning(True)
    timeout_seconds: float = tuning(TIMEOUT_SECONDS)
    max_memory_mb: int = tuning(MAX_MEMORY_MB)

    def check(self) -> None:
        """Raise ConfigError for a limit that nothing passes, and for a setting that the extractor has no use for."""
        for name in ("max_html_chars", "timeout_seconds", "max_memory_mb"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if self.macros != "keep" and self.extractor != "mathematics":
            raise ConfigError(f"macros: {self.macros} needs the extractor mathematics, not {self.extractor}")
        if self.extractor == "trafilatura":
            check_trafilatura(self.trafilatura_options)
        elif self.trafilatura_options:
            raise ConfigError(f"trafilatura_options: needs the extractor trafilatura, not {self.extractor}")

    def identity(self) -> dict[str, Any]:
        """Without the options of an extractor that is not used."""
        found = super().identity()
        if self.extractor != "trafilatura":
            del found["trafilatura_options"]
        return found

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The HTML does not go on."""
        if "html" not in columns:
            return columns
        rest = {name: kind for name, kind in columns.items() if name != "html"}
        return rest | {name: kind for name, kind in self.adds.items() if name not in rest}

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Extract page after page, in order; a few are read ahead."""
        with self._open() as extractor:
            for doc, page in extractor.extract_each(_pages(data or ()), **self._options()):
                if page is None:
                    self.count("already_text")
                    yield doc
                    continue
                doc.text, found = page.text, _found(page, self.extractor)
                doc.metadata["metadata"] = json.dumps(found, ensure_ascii=False)
                if doc.text.strip():
                    self.count("with_mathematics", int(page.has_mathematics))
                    yield doc
                    continue
                reason = next((reason for reason in page.reasons if reason in LIMIT_REASONS), "empty_text")
                if reason != "empty_text":
                    logger.warning("page {} is {}: {}", doc.id, reason, extractor.last_words)
                self.drop(doc, reason, rank)

    def _open(self) -> IsolatedExtractor | DirectExtractor:
        function = self.functions[self.extractor]
        if not self.isolate:
            return DirectExtractor(function, max_html_chars=self.max_html_chars)
        return IsolatedExtractor(
            function,
            max_html_chars=self.max_html_chars,
            timeout_seconds=self.timeout_seconds,
            max_memory_mb=self.max_memory_mb,
            keep_seconds=_KEEP_SECONDS,
        )

    def _options(self) -> dict[str, Any]:
        return self.trafilatura_options or ({} if self.macros == "keep" else {"macros": self.macros})


def _pages(documents: Iterable[Document]) -> Iterator[tuple[Document, str | None]]:
    """Documents with their HTML; with None where they have a text already."""
    for doc in documents:
        html = doc.metadata.pop("html", None)
        if _IS_PAGE.match(doc.text):  # datatrove's readers give a page as the text
            html, doc.text = doc.text, ""
        yield doc, None if doc.text else html


def _found(page: Any, extractor: Extractor) -> dict[str, Any]:
    """What the column ``metadata`` says."""
    found: dict[str, Any] = {"found_math": page.has_mathematics} if extractor == "mathematics" else {}
    if page.title:
        found["title"] = page.title
    if page.language:
        found["html_lang"] = page.language
    if page.reasons:
        found["reasons"] = list(page.reasons)
    if macros := getattr(page, "macros", ()):
        found["macros"] = list(macros)
    return found
