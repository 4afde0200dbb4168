"""What the extraction of a page gives.

Example: ``Page(text="Let $x$ be 2.", has_mathematics=True, title="Sums", language="en", reasons=())``
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Macros = Literal["keep", "expand", "drop"]
"""What becomes of a page's own TeX macros, see `curation.html.extract.extract_page`."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says.

    Attributes:
        text: its text, formulas as TeX between dollars; empty where there is none.
        has_mathematics: whether a formula is in the text.
        title: of its head.
        language: that it declares.
        reasons: what was odd; see `curation.html.extract.extract_page` and `curation.html.isolation`.
        macros: the page's own macro definitions.
    """

    text: str
    has_mathematics: bool
    title: str | None
    language: str | None
    reasons: tuple[str, ...]
    macros: tuple[str, ...] = ()
