"""Lists that main-content detection would take for menus.

Example: resiliparse drops every ``<ul>`` less than four elements below ``<body>``; a list of exercises there is
wrapped in four ``<div>`` and stays. A list with a link in every second item is left to its judgement.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)ul(?=[\s>])", re.IGNORECASE)
_ITEM = re.compile(r"<li(?=[\s>])", re.IGNORECASE)
_LINK = re.compile(r"<a\s", re.IGNORECASE)
_BEFORE = "<div><div><div><div>"
_AFTER = "</div></div></div></div>"
MAX_LINK_SHARE = 0.5


def keep_lists(html: str) -> str:
    """``html`` with its outermost lists wrapped, unless they are lists of links."""
    pieces: list[str] = []
    position = depth = start = 0
    for tag in _TAG.finditer(html):
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            end = html.find(">", tag.start()) + 1
            if depth == 0 and end and _is_content(html, start, end):
                pieces += (html[position:start], _BEFORE, html[start:end], _AFTER)
                position = end
    pieces.append(html[position:])
    return "".join(pieces)


def _is_content(html: str, start: int, end: int) -> bool:
    items = len(_ITEM.findall(html, start, end))
    return items > 0 and len(_LINK.findall(html, start, end)) < MAX_LINK_SHARE * items
