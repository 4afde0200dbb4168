r"""A page's HTML to its text: main content as Markdown, formulas as ``$…$`` and ``$$…$$``.

Example: ``html_to_text("<p>Let \\(x\\) be 2.</p>")`` is ``Let $x$ be 2.`` On pages with mathematics a literal dollar is
written ``\$``; pages without mathematics keep theirs. The path of a page: bytes to tokens (``scan.py``), formulas out
of the tokens (``formulas.py``), tokens to blocks of text (``outline.py``), the blocks that are main content
(``main_content.py``), formulas between delimiters (``delimiters.py``), Markdown (``markdown.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from resiliparse.extract.html2text import extract_plain_text

from curation.html import tags
from curation.html.blocks import Blocks, read
from curation.html.columns import FIRST, TEX
from curation.html.configuration import configuration_of
from curation.html.delimiters import looks_like_dollars, take_delimited
from curation.html.macro_expansion import expand
from curation.html.macros import Macro, definitions_in
from curation.html.main_content import chances_of, main_blocks
from curation.html.markdown import finish, write
from curation.html.markers import CLOSE, MARK, OPEN, Formulas, without_marks
from curation.html.nesting import is_too_deep
from curation.html.page import Macros, Page
from curation.html.panic import is_panic
from curation.html.scan import RAW_TEXT

MAX_HTML_CHARS = 8_000_000
MAX_EXPANDED_CHARS = 2_000_000

_DEFINITION = re.compile(rb"\\(?:(?:re)?newcommand|def|DeclareMathOperator)(?![a-zA-Z])")
_CONFIGURED = (b"inlineMath", b"displayMath", b"delimiters")
_MARKS = "\ufdd0".encode()[:2]
_LANGUAGE = re.compile(r"\slang\s*=\s*[\"']?\s*([a-zA-Z][\w-]{0,34})", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?<![\\$])\${MARK.pattern}\$(?!\$)")
_HALF_CHARACTER = re.compile(rb"\xed[\xa0-\xbf]")  # a surrogate, which UTF-8 has not
_LITERAL_DOLLAR = re.compile(r"(?<!\\)\$")


def html_to_text(html: str, *, mathematics: bool = True, main_content: bool = True, macros: Macros = "keep") -> str:
    """The text of ``html``; the empty string where there is none. The arguments are those of :func:`extract_page`."""
    return extract_page(html, mathematics=mathematics, main_content=main_content, macros=macros).text


def extract_page(
    html: str | bytes, *, mathematics: bool = True, main_content: bool = True, macros: Macros = "keep"
) -> Page:
    r"""The text of ``html``, its title, its declared language, and what was odd.

    Args:
        html: A decoded page, any string; or a page in UTF-8.
        mathematics: Whether to look for formulas; without them the text keeps what the page shows.
        main_content: Whether to leave out navigation, menus, footers and the like.
        macros: What becomes of TeX macros that the page defines: ``keep`` gives their definitions beside the text, as
        ``\newcommand`` lines, ``expand`` writes formulas without them, ``drop`` leaves formulas as they are and
        definitions out.

    Returns:
        A page whose ``reasons`` may name ``too_large`` (over ``MAX_HTML_CHARS``, of which the first are read),
        ``too_deep`` (elements nested deeper than browsers allow), ``empty_text``.

    Raises:
        ValueError: for an unknown treatment of macros.
        TypeError: if ``html`` is no text.
    """
    if not isinstance(html, str | bytes):
        raise TypeError(f"html: expected str, or bytes in UTF-8, got {type(html).__name__}")
    if macros not in get_args(Macros):
        raise ValueError(f"macros: expected {', '.join(get_args(Macros))}, got {macros!r}")
    reasons: list[str] = []
    if isinstance(html, bytes) and (len(html) > MAX_HTML_CHARS or _HALF_CHARACTER.search(html)):
        html = html.decode("utf-8", "surrogatepass")
    if len(html) > MAX_HTML_CHARS:
        reasons.append("too_large")
        html = html[:MAX_HTML_CHARS]
    blocks = read(_bytes(html), mathematics=mathematics)
    title, language = _head(blocks)
    if blocks.too_deep:
        reasons.append("too_deep")
    kept = main_blocks(blocks) if main_content else np.arange(len(blocks.rows))
    text = write(blocks, kept)
    count, defined = 0, tuple[str, ...]()
    if mathematics and _may_have_mathematics(blocks, kept, text):
        text, count, defined = _with_mathematics(blocks, text, macros)
    text = finish(text)
    if not text:
        reasons.append("empty_text")
    return Page(text, count > 0, title, language, tuple(reasons), defined)


def explain_page(html: str) -> Iterator[tuple[bool, float, str]]:
    """The blocks of a page in order: whether each is kept, its probability of being main content, and its text."""
    blocks = read(_bytes(html[:MAX_HTML_CHARS]))
    kept = set(main_blocks(blocks).tolist())
    for number, chance in enumerate(chances_of(blocks).tolist() if len(blocks.rows) else ()):
        yield number in kept, chance, finish(blocks.formulas.shown_in(blocks.text(number))[0])


def main_text(html: str, *, main_content: bool = True, alt_texts: bool = False) -> str:
    """The first pass over a crawl: resiliparse's plain text, nothing else done to it; empty where it gives up."""
    html = encodable(html)[:MAX_HTML_CHARS]
    main_content = main_content and not is_too_deep(html)
    try:
        return str(extract_plain_text(html, main_content=main_content, alt_texts=alt_texts))
    except (ValueError, RuntimeError, TypeError):
        return ""
    except BaseException as error:
        if not is_panic(error):
            raise
        return ""


def _bytes(html: str | bytes) -> bytes:
    """``html`` in UTF-8, without null bytes and the characters that serve as marks; half characters become ``?``."""
    source = html if isinstance(html, bytes) else html.encode("utf-8", "replace")
    if b"\0" in source or _MARKS in source:
        source = without_marks(source.decode("utf-8", "replace")).encode()
    return source


def _may_have_mathematics(blocks: Blocks, kept: NDArray[np.int64], text: str) -> bool:
    """The cheap test: most pages have no sign of mathematics, and need not be read for its delimiters."""
    if blocks.formulas.tex or blocks.rows[kept, TEX].any() or "`" in text:
        return True
    return any(sign in blocks.source for sign in _CONFIGURED)


def _with_mathematics(blocks: Blocks, text: str, macros: Macros) -> tuple[str, int, tuple[str, ...]]:
    """The text with its formulas between dollars, how many there are, and the definitions of the page's macros."""
    formulas = blocks.formulas
    configuration = configuration_of(blocks.scripts())
    if not configuration.dollars and "$" in text and looks_like_dollars(text):
        configuration = replace(configuration, dollars=True)
    text = take_delimited(text, formulas, configuration)
    names = {macro.name: macro for macro in (*configuration.macros, *formulas.macros, *_hidden_macros(blocks))}
    if macros == "expand" and names:
        formulas.tex = _expanded(formulas.tex, names)
    text, count = _dollars(text, formulas)
    return text, count, tuple(map(str, names.values())) if count and macros == "keep" else ()


def _expanded(formulas: list[str], macros: dict[str, Macro]) -> list[str]:
    """Formulas without the page's macros, as long as all of them stay below a limit; those after it keep theirs."""
    left = MAX_EXPANDED_CHARS
    expanded = []
    for tex in formulas:
        expanded.append(expand(tex, macros) if left > 0 else tex)
        left -= len(expanded[-1])
    return expanded


def _hidden_macros(blocks: Blocks) -> list[Macro]:
    """The macros that a page defines in text, which is often a block that no reader sees."""
    out = blocks.out
    if b"\\newcommand" not in out and b"\\def" not in out and b"\\DeclareMathOperator" not in out:
        return []
    places = [match.start() for match in _DEFINITION.finditer(out)]
    numbers = np.unique(np.searchsorted(blocks.rows[:, FIRST], places, side="right") - 1)
    return [macro for number in numbers.tolist() for macro in definitions_in(blocks.text(max(0, number)))[0]]


def _dollars(text: str, formulas: Formulas) -> tuple[str, int]:
    """Marks to dollars; literal dollars escaped where there is mathematics to tell them from."""
    if OPEN not in text:
        return text, 0
    text = _apart(text, formulas)
    if "$" in text:
        text = _LITERAL_DOLLAR.sub(r"\\$", text)
    return formulas.shown_in(text)


def _apart(text: str, formulas: Formulas) -> str:
    """``text`` with no dollar beside a formula's own: literal ones around it meant a display, others are moved off."""

    def show(match: re.Match[str]) -> str:
        formulas.display[int(match[1])] = True
        return match[0][1:-1]

    text = text.replace(CLOSE + OPEN, f"{CLOSE} {OPEN}")
    if "$" in text:
        text = _BETWEEN.sub(show, text).replace(f"${OPEN}", f"$ {OPEN}").replace(f"{CLOSE}$", f"{CLOSE} $")
    return text


def _head(blocks: Blocks) -> tuple[str | None, str | None]:
    """The title of a page, and the language that its first tag declares."""
    kind, names, starts, ends, _, _ = blocks.tokens
    title = np.flatnonzero((names == tags.TAGS["title"]) & (kind == RAW_TEXT))[:1]
    page = np.flatnonzero(names == tags.TAGS["html"])[:1]
    words = "".join(blocks.source[starts[i] : ends[i]].decode("utf-8", "replace") for i in title)
    tag = "".join(blocks.source[starts[i] : ends[i]].decode("utf-8", "replace") for i in page)
    language = _LANGUAGE.search(tag)
    return " ".join(unescape(words).split()) or None, language[1].lower() if language else None


def encodable(html: str) -> str:
    """``html`` without lone surrogates, which resiliparse takes for something other than a string."""
    try:
        html.encode()
    except UnicodeEncodeError:
        return html.encode("utf-8", "replace").decode("utf-8")
    return html
