r"""A page's HTML to its text: main content as Markdown, formulas as ``$…$`` and ``$$…$$``.

Example: ``html_to_text("<p>Let \\(x\\) be 2.</p>")`` is ``Let $x$ be 2.`` On pages with mathematics a literal dollar is
written ``\$``; pages without mathematics keep theirs. The path of a page: bytes to tokens (``scan.py``), formulas out of
the tokens (``formulas.py``), tokens to blocks of text (``outline.py``), the blocks that are main content
(``main_content.py``), formulas between delimiters (``delimiters.py``), Markdown (``markdown.py``).
"""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Literal

import numpy as np
from resiliparse.extract.html2text import extract_plain_text

from curation.html.blocks import Blocks, read
from curation.html.configuration import configuration_of
from curation.html.delimiters import looks_like_dollars, take_delimited
from curation.html.macros import Macro, definitions_in, expand
from curation.html.main_content import main_blocks
from curation.html.markdown import finish, write
from curation.html.markers import CLOSE, DOLLAR, MARK, OPEN, Formulas, without_marks
from curation.html.nesting import is_too_deep
from curation.html.outline import FIRST, TEX, outline
from curation.html.page import Page
from curation.html.panic import is_panic

Macros = Literal["keep", "expand", "drop"]

MAX_HTML_CHARS = 8_000_000

_DEFINITION = re.compile(rb"\\(?:(?:re)?newcommand|def|DeclareMathOperator)(?![a-zA-Z])")
_CONFIGURED = ("inlineMath", "displayMath", "delimiters")
_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_LANGUAGE = re.compile(r"<html\b[^<>]*?\slang\s*=\s*[\"']?\s*([a-zA-Z][\w-]{0,34})", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?<![\\$])\${MARK.pattern}\$(?!\$)")
_LITERAL_DOLLAR = re.compile(r"(?<!\\)\$")


def html_to_text(html: str, *, mathematics: bool = True, main_content: bool = True, macros: Macros = "keep") -> str:
    """The text of ``html``; the empty string where there is none. The arguments are those of :func:`extract_page`."""
    return extract_page(html, mathematics=mathematics, main_content=main_content, macros=macros).text


def extract_page(html: str, *, mathematics: bool = True, main_content: bool = True, macros: Macros = "keep") -> Page:
    """The text of ``html``, its title, its declared language, and what was odd.

    Args:
        html: A decoded page; any string.
        mathematics: Whether to look for formulas; without them the text keeps what the page shows.
        main_content: Whether to leave out navigation, menus, footers and the like.
        macros: What becomes of TeX macros that the page defines: ``keep`` gives their definitions beside the text, as
        ``\\newcommand`` lines, ``expand`` writes formulas without them, ``drop`` leaves formulas as they are and
        definitions out.

    Returns:
        A page whose ``reasons`` may name ``too_large`` (over ``MAX_HTML_CHARS``, of which the first are read),
        ``too_deep`` (elements nested deeper than browsers allow), ``empty_text``.
    """
    reasons: list[str] = []
    if len(html) > MAX_HTML_CHARS:
        reasons.append("too_large")
        html = html[:MAX_HTML_CHARS]
    html = without_marks(_encodable(html))
    title, language = _head(html)
    text, count, defined = _extract(html, mathematics, main_content, macros, reasons)
    if not text:
        reasons.append("empty_text")
    return Page(text, count > 0, title, language, tuple(reasons), defined)


def main_text(html: str, *, main_content: bool = True, alt_texts: bool = False) -> str:
    """The first pass over a crawl: resiliparse's plain text, nothing else done to it; empty where it gives up."""
    html = _encodable(html)[:MAX_HTML_CHARS]
    main_content = main_content and not is_too_deep(html)
    try:
        return str(extract_plain_text(html, main_content=main_content, alt_texts=alt_texts))
    except (ValueError, RuntimeError, TypeError):
        return ""
    except BaseException as error:
        if not is_panic(error):
            raise
        return ""


def _extract(
    html: str, mathematics: bool, main_content: bool, macros: Macros, reasons: list[str]
) -> tuple[str, int, tuple[str, ...]]:
    """The text, the number of formulas in it, and the definitions of its macros."""
    blocks = read(html, mathematics=mathematics)
    formulas = blocks.formulas
    if blocks.too_deep:
        reasons.append("too_deep")
    kept = main_blocks(blocks) if main_content else np.arange(len(blocks.rows))
    rows = blocks.rows
    text = write(blocks.out.tobytes(), rows.tolist(), blocks.bits.tolist(), kept.tolist(), blocks.language_of)
    signs = int(rows[kept, TEX].sum())
    # The cheap test: most pages have no sign of mathematics, and need not be read for its delimiters.
    if not mathematics or not (formulas.tex or signs or "`" in text or any(sign in html for sign in _CONFIGURED)):
        return finish(text), 0, ()
    configuration = configuration_of(blocks.scripts())
    if signs or configuration.others or configuration.asciimath:
        if not configuration.dollars and "$" in text and looks_like_dollars(text):
            configuration = replace(configuration, dollars=True)
        text = take_delimited(text, formulas, configuration)
    names = {macro.name: macro for macro in (*configuration.macros, *formulas.macros, *_hidden_macros(blocks))}
    if macros == "expand" and names:
        formulas.tex = [expand(tex, names) for tex in formulas.tex]
    text, count = _write(text, formulas)
    return text, count, tuple(map(str, names.values())) if count and macros == "keep" else ()


def _hidden_macros(blocks: Blocks) -> list[Macro]:
    """The macros that a page defines in text, which is often a block that no reader sees."""
    out = blocks.out.tobytes()
    if b"\\newcommand" not in out and b"\\def" not in out and b"\\DeclareMathOperator" not in out:
        return []
    places = [match.start() for match in _DEFINITION.finditer(out)]
    numbers = np.unique(np.searchsorted(blocks.rows[:, FIRST], places, side="right") - 1)
    return [macro for number in numbers.tolist() for macro in definitions_in(blocks.text(max(0, number)))[0]]


def _write(text: str, formulas: Formulas) -> tuple[str, int]:
    """Marks to dollars; literal dollars escaped where there is mathematics to tell them from."""
    count = len(MARK.findall(text))
    if count:
        text = _apart(text, formulas)
    if count and "$" in text:
        text = _LITERAL_DOLLAR.sub(r"\\$", text)
    text = finish(text)
    text = MARK.sub(lambda mark: formulas.show(int(mark[1])), text)
    return text.replace(DOLLAR, "$"), count


def _apart(text: str, formulas: Formulas) -> str:
    """``text`` with no dollar beside a formula's own: literal ones on both sides meant a display, others are moved off."""

    def show(match: re.Match[str]) -> str:
        formulas.display[int(match[1])] = True
        return match[0][1:-1]

    text = text.replace(CLOSE + OPEN, f"{CLOSE} {OPEN}")
    if "$" in text:
        text = _BETWEEN.sub(show, text).replace(f"${OPEN}", f"$ {OPEN}").replace(f"{CLOSE}$", f"{CLOSE} $")
    return text


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
