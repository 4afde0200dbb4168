r"""A page without its scripts and styles: what a reader sees, often a tenth of the source.

Example: ``without_scripts("<p>a<script>if (x < 1) f()</script>b")`` is ``<p>ab``. Scripts of type ``math/...`` stay:
they are formulas. All that follows is faster, and the ``\\(`` and ``$$`` of JavaScript are not taken for mathematics.
"""

from __future__ import annotations

import re

_OPENING = re.compile(r"<(script|style)(?=[\s>/])([^<>]{0,2000})>", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}(?=[\\s>/])[^<>]*>", re.IGNORECASE) for name in ("script", "style")}
_KEPT = re.compile(r"type\s*=\s*[\"']?\s*math/", re.IGNORECASE)


def without_scripts(html: str) -> str:
    """``html`` without ``<script>`` and ``<style>``; those that are never closed stay."""
    pieces: list[str] = []
    position = 0
    unclosed: set[str] = set()
    for opening in _OPENING.finditer(html):
        name = opening[1].lower()
        if opening.start() < position or name in unclosed:
            continue
        closing = _CLOSING[name].search(html, opening.end())
        if closing is None:
            unclosed.add(name)
            continue
        if not _KEPT.search(opening[2]):
            pieces.append(html[position : opening.start()])
        else:
            pieces.append(html[position : closing.end()])
        position = closing.end()
    pieces.append(html[position:])
    return "".join(pieces)
