"""Headings and code: marked in the page's source, written as Markdown in its text.

Example: ``<h2>Limits</h2>`` becomes ``## Limits``, and a ``<pre>`` of several lines stands between two lines of three
backticks, its indentation kept.
"""

from __future__ import annotations

import re

from curation.html.markers import CODE_CLOSE, CODE_OPEN, HEADING, PRE_CLOSE, PRE_OPEN

_TAG = re.compile(r"<(/?)(?:(pre|textarea)|(code|samp|kbd|tt)|h([1-6]))(?=[\s>])([^<>]*)>", re.IGNORECASE)
_PRE = re.compile(f"{PRE_OPEN}([^{PRE_OPEN}{PRE_CLOSE}]*){PRE_CLOSE}")
_HEADING = re.compile(f"[ \t]*((?:{HEADING}[1-6])+)[ \t]*([^\n]*)")
_REMAINDER = re.compile(f"{HEADING}[1-6]?|[{CODE_OPEN}{CODE_CLOSE}{PRE_OPEN}{PRE_CLOSE}]")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")


def mark_blocks(html: str) -> str:
    """``html`` with marks inside its headings and around its code."""

    def replace(match: re.Match[str]) -> str:
        closing, pre, _, level, _ = match.groups()
        if level:
            return match[0] if closing else f"{match[0]}{HEADING}{level}"
        if pre:
            return f"{PRE_CLOSE}{match[0]}" if closing else f"{match[0]}{PRE_OPEN}"
        return f"{CODE_CLOSE}{match[0]}" if closing else f"{match[0]}{CODE_OPEN}"

    return _TAG.sub(replace, html)


def write_blocks(text: str) -> str:
    """``text`` with its marks for headings and code written as Markdown."""
    if PRE_OPEN in text:
        text = _PRE.sub(_fence, text)
    if HEADING in text:
        text = _HEADING.sub(_heading, text)
    text = _REMAINDER.sub("", text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def _fence(match: re.Match[str]) -> str:
    code = _REMAINDER.sub("", match[1]).strip("\n")
    if "\n" not in code.strip():
        return code.strip()
    return f"\n```\n{code.rstrip()}\n```\n"


def _heading(match: re.Match[str]) -> str:
    words = match[2].strip()
    return f"{'#' * int(match[1][1])} {words}" if words else ""
