"""One page or one archive to text, to look at.

Example: ``for part in look("page.html", View(), 1): print(part)``
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from curation.blocks.extract import Extractor, ExtractText
from curation.blocks.read import ARCHIVES
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import open_input
from curation.html.archive import read_archive
from curation.html.charset import decode
from curation.html.isolation_child import as_page, load
from curation.html.page import Macros, Page
from curation.html.peers import check_trafilatura

EXTRACTORS = get_args(Extractor)
MACROS = get_args(Macros)
_SHOWN_CHARS = 100


@dataclass(frozen=True, kw_only=True)
class View:
    """How a page is looked at.

    Attributes:
        extractor: see `curation.blocks.extract.ExtractText`.
        macros, mathematics, main_content: see `curation.html.extract.extract_page`.
        form: its ``text``, one line of ``json`` with all that was found, or the ``blocks`` of the page, each with its
            probability of being main content, ``+`` for those that are kept.
    """

    extractor: str = "mathematics"
    macros: str = "keep"
    mathematics: bool = True
    main_content: bool = True
    form: Literal["text", "json", "blocks"] = "text"

    def check(self) -> None:
        """Raise ConfigError for an extractor or a treatment of macros that does not exist."""
        if self.extractor not in EXTRACTORS:
            known = f"{', '.join(EXTRACTORS[:-1])} or {EXTRACTORS[-1]}"
            raise ConfigError(f"--extractor {self.extractor}: expected {known}")
        if self.macros not in MACROS:
            raise ConfigError(f"--macros {self.macros}: expected {', '.join(MACROS[:-1])} or {MACROS[-1]}")
        if self.form == "blocks" and self.extractor != "mathematics":
            raise ConfigError(f"--explain says what the extractor mathematics does, not {self.extractor}")
        if self.form == "blocks" and not (self.main_content and self.mathematics):
            raise ConfigError("--explain shows the whole page and its formulas: without --whole and --no-mathematics")
        if self.macros != "keep" and (self.form == "blocks" or self.extractor != "mathematics"):
            raise ConfigError(f"--macros {self.macros}: only for the text of the extractor mathematics")
        if not self.mathematics and self.extractor != "mathematics":
            raise ConfigError(f"--no-mathematics: only for the extractor mathematics; {self.extractor} knows none")
        if self.extractor == "trafilatura":
            if not self.main_content:
                raise ConfigError("--whole: trafilatura gives main content only")
            check_trafilatura({})

    def of(self, html: str, url: str | None = None) -> str:
        """What is shown of one page."""
        if self.form == "blocks":
            return _blocks(html)
        page = self._page(html)
        if self.form == "json":
            return json.dumps(({"url": url} if url else {}) | asdict(page), ensure_ascii=False)
        return page.text

    def _page(self, html: str) -> Page:
        options: dict[str, Any] = {} if self.extractor == "trafilatura" else {"main_content": self.main_content}
        if self.extractor == "mathematics":
            options |= {"mathematics": self.mathematics, "macros": self.macros}
        return as_page(load(ExtractText.functions[self.extractor])(html, **options))


def look(location: str, view: View, limit: int) -> Iterator[str]:
    """The text of a page, or for each page of an archive a heading line and its text.

    Args:
        location: a local file or a URL.
        view: how pages are looked at.
        limit: pages of an archive at most.

    Raises:
        ConfigError: if it cannot be read, or the view asks for what does not exist.
    """
    view.check()
    try:
        with open_input(resolve_location(location)) as stream:
            content: bytes = stream.read()
    except Exception as error:
        raise ConfigError(f"{location}: cannot be read: {error}") from error
    if location.endswith(ARCHIVES):
        yield from _archive(content, location.rsplit("/", 1)[-1], view, limit)
    else:
        html, _ = decode(content, None)
        if html is None:
            raise ConfigError(f"{location}: not text in any known encoding")
        yield view.of(html)


def _archive(content: bytes, name: str, view: View, limit: int) -> Iterator[str]:
    """In JSON the pages only: a line each, as a program wants them."""
    skipped: Counter[str] = Counter()
    shown = 0
    lines = view.form == "json"
    for record in read_archive(io.BytesIO(content), name, skipped):
        if record.html is None:
            if not lines:
                yield f"=== {record.url} at {record.warc_record_offset}: {record.reason}"
            continue
        if shown == limit:
            if not lines:
                yield f"=== more than {limit} pages; see --limit"
            return
        shown += 1
        heading = "" if lines else f"=== {record.url} at {record.warc_record_offset}\n"
        yield heading + view.of(record.html, record.url)
    if skipped and not lines:
        yield "=== records that are no pages: " + ", ".join(f"{kind} {number}" for kind, number in skipped.items())


def _blocks(html: str) -> str:
    from curation.html.extract import explain_page

    lines = []
    for kept, chance, text in explain_page(html):
        line = " ".join(text.split())
        line = line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]}…"
        lines.append(f"{'+' if kept else '-'} {chance:.2f}  {line}")
    return "\n".join(lines)
