r"""A page's HTML to its text: main content by resiliparse, formulas as ``$…$`` and ``$$…$$``.

Example: ``html_to_text("<p>Let \\(x\\) be 2.</p>")`` is ``Let $x$ be 2.`` On pages with mathematics a literal dollar is
written ``\$``; pages without mathematics keep theirs. The path of a page: formulas out of its source (``source.py``),
out of its tree where something is rendered (``tree.py``), text by resiliparse, formulas out of the text
(``delimiters.py``), Markdown (``blocks.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from curation.html.blocks import mark_blocks, write_blocks
from curation.html.delimiters import looks_like_dollars, single_dollars_configured, take_delimited
from curation.html.lists import keep_lists
from curation.html.markers import DOLLAR, MARK, Formulas, without_marks
from curation.html.nesting import is_too_deep
from curation.html.panic import is_panic
from curation.html.scripts import without_scripts
from curation.html.signs import may_have_mathematics
from curation.html.source import take_elements, take_leaves
from curation.html.tree import needs_tree, take_rendered

MAX_HTML_CHARS = 8_000_000

_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html\b[^<>]*?\slang\s*=\s*[\"']?\s*([a-zA-Z][\w-]{0,34})", re.IGNORECASE)
# Main-content detection drops figures; pages of mathematics put tables of formulas and their explanation into them.
_FIGURE = re.compile(r"<(/?)fig(?:ure|caption)(?=[\s>])", re.IGNORECASE)
_LITERAL_DOLLAR = re.compile(r"(?<!\\)\$")


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says; ``reasons`` are listed at :func:`extract_page`."""

    text: str
    has_mathematics: bool
    title: str | None
    language: str | None
    reasons: tuple[str, ...]


def html_to_text(html: str, *, mathematics: bool = True) -> str:
    """The text of ``html``; the empty string where there is none."""
    return extract_page(html, mathematics=mathematics).text


def extract_page(html: str, *, mathematics: bool = True) -> Page:
    """The text of ``html``, its title, its declared language, and what was odd.

    Args:
        html: A decoded page; any string.
        mathematics: Whether to look for formulas; without them the text keeps what the page shows.

    Returns:
        A page whose ``reasons`` may name ``too_large`` (over ``MAX_HTML_CHARS``: plain text without main content),
        ``too_deep`` (nesting that main-content detection would take minutes for), ``mathematics_dropped`` (more than
        half of the formulas stood outside the main content), ``parse_failed``, ``empty_text``.
    """
    html = without_marks(_encodable(html))
    reasons: list[str] = []
    title, language = _head(html)
    if len(html) > MAX_HTML_CHARS:
        reasons.append("too_large")
        text, count = _guarded(lambda: _whole_text(html[:MAX_HTML_CHARS]), reasons), 0
    else:
        text, count = _extract(html, mathematics, reasons)
    if not text:
        reasons.append("empty_text")
    return Page(text=text, has_mathematics=count > 0, title=title, language=language, reasons=tuple(reasons))


def main_text(html: str, *, main_content: bool = True, alt_texts: bool = False) -> str:
    """The first pass over a crawl: resiliparse's plain text, nothing else done to it; empty where it gives up."""
    html = _encodable(html)[:MAX_HTML_CHARS]
    main_content = main_content and not is_too_deep(html)
    return _guarded(lambda: str(extract_plain_text(html, main_content=main_content, alt_texts=alt_texts)), [])


def _extract(html: str, mathematics: bool, reasons: list[str]) -> tuple[str, int]:
    """The text and the number of formulas in it."""
    formulas = Formulas()
    dollars = mathematics and single_dollars_configured(html)
    source = without_scripts(html)
    mathematics = mathematics and (dollars or may_have_mathematics(source))
    if mathematics:
        source = take_leaves(take_elements(source, formulas), formulas)
        if dollars or formulas.tex:
            source = _FIGURE.sub(r"<\1div", source)
    deep = is_too_deep(source)
    if deep:
        reasons.append("too_deep")
    source = mark_blocks(keep_lists(source))
    found = len(formulas.tex)
    text = _text_of(source, formulas, rendered=found > 0 and needs_tree(source), main_content=not deep, reasons=reasons)
    if not mathematics:
        return write_blocks(text), 0
    if found > 4 and text.count("\ufdd0") * 2 < found:
        reasons.append("mathematics_dropped")
    text = take_delimited(text, formulas, dollars=dollars or looks_like_dollars(text))
    return _write(text, formulas)


def _text_of(source: str, formulas: Formulas, *, rendered: bool, main_content: bool, reasons: list[str]) -> str:
    def read() -> str:
        page: Any = source
        if rendered:
            page = HTMLTree.parse(source)
            take_rendered(page, formulas)
        return str(extract_plain_text(page, main_content=main_content, alt_texts=False))

    return _guarded(read, reasons)


def _guarded(read: Callable[[], str], reasons: list[str]) -> str:
    """What ``read`` gives; nothing, with a reason, where the parser gives up on the page."""
    try:
        return read()
    except (ValueError, RuntimeError, TypeError):
        pass
    except BaseException as error:
        if not is_panic(error):
            raise
    reasons.append("parse_failed")
    return ""


def _write(text: str, formulas: Formulas) -> tuple[str, int]:
    """Marks to dollars; literal dollars escaped where there is mathematics to tell them from."""
    count = len(MARK.findall(text))
    if count and "$" in text:
        text = _LITERAL_DOLLAR.sub(r"\\$", text)
    text = write_blocks(text)
    text = MARK.sub(lambda mark: formulas.show(int(mark[1])), text)
    return text.replace(DOLLAR, "$"), count


def _whole_text(html: str) -> str:
    return str(extract_plain_text(html, main_content=False, alt_texts=False)).strip()


def _head(html: str) -> tuple[str | None, str | None]:
    head = html[:200_000]
    title, language = _TITLE.search(head), _LANGUAGE.search(head)
    words = " ".join(unescape(title[1]).split()) if title else ""
    return words or None, language[1].lower() if language else None


def _encodable(html: str) -> str:
    """``html`` without lone surrogates, which resiliparse takes for something other than a string."""
    try:
        html.encode()
    except UnicodeEncodeError:
        return html.encode("utf-8", "replace").decode("utf-8")
    return html
