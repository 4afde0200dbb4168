"""A page's HTML -> its text.

Example: ``ExtractText(extractor="mathematics")`` keeps mathematics as TeX between dollars, and
``ExtractText(extractor="main_content")`` is resiliparse's main content, the extractor of FineMath's first pass.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from curation.blocks.step import Documents, Step
from curation.html.extract import extract_page, main_text

Extractor = Literal["mathematics", "main_content"]

_IS_PAGE = re.compile(r"\s*(?:<\?xml[^>]{0,200}>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)


@dataclass(kw_only=True, repr=False)
class ExtractText(Step):
    """Turn the column ``html`` into text; documents that come with a text pass unchanged, whatever else they have.

    A text that begins as an HTML document does is a page too. A page without text is dropped as ``empty_text``. Adds
    ``metadata``, a JSON text that says what was found.

    Args:
        extractor: ``mathematics`` or ``main_content``.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"metadata": pa.string()}

    extractor: Extractor = "mathematics"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The HTML does not go on."""
        if "html" not in columns:
            return columns
        rest = {name: kind for name, kind in columns.items() if name != "html"}
        return rest | {name: kind for name, kind in self.adds.items() if name not in rest}

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Extract page after page."""
        for doc in data or ():
            html = doc.metadata.pop("html", None)
            if _IS_PAGE.match(doc.text):  # datatrove's readers give a page as the text
                html, doc.text = doc.text, ""
            if html is None or doc.text:
                self.count("already_text")
                yield doc
                continue
            doc.text, found = extract(html, self.extractor)
            doc.metadata["metadata"] = json.dumps(found, ensure_ascii=False)
            if not doc.text.strip():
                self.drop(doc, "empty_text", rank)
                continue
            self.count("with_mathematics", int(found.get("found_math", False)))
            yield doc


def extract(html: str, extractor: Extractor) -> tuple[str, dict[str, Any]]:
    """The text of a page and what was found in it."""
    if extractor == "main_content":
        return main_text(html), {}
    page = extract_page(html)
    found: dict[str, Any] = {"found_math": page.has_mathematics}
    if page.title:
        found["title"] = page.title
    if page.reasons:
        found["reasons"] = list(page.reasons)
    return page.text, found
