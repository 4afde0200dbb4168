r"""What is read from the source text without taking it apart: attributes of a tag, lengths, comments.

Example: ``attribute(' form="prefix" stretchy=false', "stretchy")`` is ``false``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape

_REMARK = re.compile(r"<!--|<!\[CDATA\[|<[!?]")
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>"}


@lru_cache(maxsize=64)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)


def attribute(attributes: str, name: str) -> str | None:
    """The unescaped value, or None."""
    if name not in attributes:
        return None
    found = _pattern(name).search(attributes)
    if not found:
        return None
    value = next(value for value in found.groups() if value is not None)
    return unescape(value) if "&" in value else value


def number(text: str) -> float | None:
    """The leading number of a length (``0.167em``, ``120%``) in its own unit; a percentage is a share."""
    found = re.match(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*(%?)", text)
    if not found:
        return None
    return float(found[1][:40]) / (100 if found[2] else 1)


def without_remarks(markup: str) -> str:
    """``markup`` without comments and declarations; the text of CDATA stays."""
    if "<!" not in markup and "<?" not in markup:
        return markup
    pieces: list[str] = []
    position = 0
    for found in _REMARK.finditer(markup):
        if found.start() < position:
            continue
        mark = _ENDS.get(found[0], ">")
        end = markup.find(mark, found.end())
        pieces.append(markup[position : found.start()])
        if found[0] == "<![CDATA[":
            pieces.append(escape(markup[found.end() : end if end >= 0 else None]))
        if end < 0:
            return "".join(pieces)  # what has no end goes on to the last character
        position = end + len(mark)
    return "".join([*pieces, markup[position:]])
