"""Pages to text by an extractor of others: trafilatura, as FineWeb used it.

Example: ``trafilatura_text(html, include_tables=False)``. Resiliparse's, the other one that datasets were made with, is
`curation.html.extract.main_text`.

With ``deduplicate`` trafilatura leaves out what it has seen more than twice, in whatever page: in FineWeb a text
depends on the pages that one process read before it. Here it forgets them, so that a page has one text, in which only
what the page itself repeats is left out. Of 1,085 pages of test archives, some of them there many times, that changed
47; of 43 of these nothing was left before.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from curation.errors import ConfigError
from curation.html.extract import MAX_HTML_CHARS, encodable

FINEWEB_OPTIONS: Mapping[str, Any] = {"favor_precision": True, "include_comments": False, "deduplicate": True}
"""What datatrove's FineWeb example gives to ``trafilatura.extract``."""


def trafilatura_text(html: str, **options: Any) -> str:
    """The text that trafilatura finds, the empty string where it finds none.

    Args:
        html: a decoded page.
        options: of ``trafilatura.extract``, above those of FineWeb.
    """
    from trafilatura import extract, meta

    meta.LRU_TEST.clear()
    return extract(encodable(html)[:MAX_HTML_CHARS], **{**FINEWEB_OPTIONS, **options}) or ""


def check_trafilatura(options: Mapping[str, Any]) -> None:
    """Raise ConfigError if trafilatura is missing, or does not know an option: it passes over these in silence."""
    try:
        from trafilatura import extract
    except ImportError as error:
        raise ConfigError(
            f"extractor trafilatura: {error}; pip install 'trafilatura>=1.8,<1.12' 'lxml[html-clean]' brings it"
        ) from error
    known = [one.name for one in inspect.signature(extract).parameters.values() if one.kind is not one.VAR_KEYWORD]
    if unknown := sorted(set(options) - set(known[1:])):
        raise ConfigError(f"trafilatura_options: {', '.join(unknown)}: not known (known are {', '.join(known[1:])})")
