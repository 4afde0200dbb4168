r"""Boilerplate lines that extractors leave in: ``PYTHONPATH=. .venv/bin/python tests/bench/extraction/boilerplate.py``.

``boilerplate_marks.jsonl`` holds the marks that a reader gave the visible lines of 100 pages under
``../shared/data/math``, without any of their text: per page the numbers of the lines that are site chrome
(``boilerplate``: navigation, menus, sidebars, breadcrumbs, previous/next, search boxes, banners, footers, hidden
dialogs) and of those one may argue about (``neutral``: an article's own table of contents, by-lines, tags, macro
definitions); every other line is content. The digest tells when :func:`lines_of` splits a page differently than it
did for the reader.

A boilerplate line is left in if the text holds its letters more often than the content and neutral lines do. A
content line is lost if less than 80 % of the word trigrams outside of its formulas are in the text.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import trafilatura
from lxml import html as lxml_html
from lxml.etree import _Element as Element
from resiliparse.extract.html2text import extract_plain_text

from curation.html.archive import read_archive
from curation.html.extract import html_to_text

MARKS = Path(__file__).with_name("boilerplate_marks.jsonl")
PAGES = Path(__file__).resolve().parents[3].parent / "shared/data/math"

_INVISIBLE = frozenset({"script", "style", "noscript", "template", "head", "annotation", "annotation-xml"})
_BLOCK_NAMES = (
    "address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html iframe legend li main menu nav "
    "ol optgroup option p pre section select summary table tbody td textarea tfoot th thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
# What KaTeX and MathJax have rendered; MathML is its own element.
_RENDERED = re.compile(r"(?:^|\s)(?:katex|MathJax|MathJax_Display|MathJax_CHTML|MathJax_SVG|mjx-chtml)(?:\s|$)")
_FORMULA = re.compile(
    r"\\\(.*?\\\)|\\\[.*?\\\]|\$\$.+?\$\$|(?<!\\)\$[^$\n]+(?<!\\)\$|\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL
)
_TOKEN = re.compile(r"[^\W_]+")
# A boilerplate line counts if it holds a word: "2" and "»" occur in any text.
_WORD = re.compile(r"[^\W\d_]{2,}")
_LEAST_TOKENS = 4
_LEAST_KEPT = 0.8


def lines_of(html: str) -> list[str]:
    r"""The visible lines of a page: one per block, line break, cell, item and button; white space collapsed.

    A formula that the page carries rendered is written ``\(…\)``, so that it is known for one.
    """
    return [line for line, _ in placed_lines(html)]


def placed_lines(html: str) -> list[tuple[str, Element]]:
    """The lines with the element that their first word stands in."""
    lines: list[tuple[str, Element]] = []
    pieces: list[tuple[str, Element]] = []
    for text, element in [*_pieces(html), (None, None)]:
        if text is not None:
            pieces.append((text, element))
            continue
        line = " ".join("".join(piece for piece, _ in pieces).split())
        if line:
            lines.append((line, next(place for piece, place in pieces if piece.strip())))
        pieces = []
    return lines


def _pieces(html: str) -> Iterator[tuple[str | None, Element | None]]:
    """Texts with their elements in the order of the page; ``None`` where a line ends."""
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    # A stack, because pages nest deeper than Python recurses.
    stack = [(root, False)]
    while stack:
        element, is_left = stack.pop()
        ends_line = element.tag in _BLOCKS
        if ends_line:
            yield None, None
        if not is_left and element.tag not in _INVISIBLE:
            if _is_formula(element):
                yield f" \\({_formula(element)}\\) ", element
            else:
                yield element.text or "", element
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
        yield element.tail or "", element.getparent()


def _is_formula(element: Element) -> bool:
    return element.tag == "math" or bool(_RENDERED.search(element.get("class") or ""))


def _formula(element: Element) -> str:
    for hidden in element.iter("annotation", "annotation-xml", "script"):
        hidden.text = None
    return " ".join(element.itertext())


def digest_of(lines: list[str]) -> str:
    """What tells two splittings of a page apart."""
    return hashlib.sha1("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def read_marks() -> list[dict]:
    """The marked pages: ``url``, ``site``, number of ``lines``, ``boilerplate``, ``neutral``, ``digest``."""
    return [json.loads(row) for row in MARKS.read_text(encoding="utf-8").splitlines()]


class _Letters:
    """A text without anything but its letters and digits, and where its words begin and end.

    Without spaces, because ``<a>Next</a><a>Up</a>`` is written ``NextUp`` by one extractor and ``Next Up`` by another.
    """

    def __init__(self, text: str) -> None:
        self.letters = ""
        self._bounds = {0}
        self.add(text)

    def add(self, text: str) -> None:
        tokens = _TOKEN.findall(text.lower())
        position = len(self.letters)
        for token in tokens:
            position += len(token)
            self._bounds.add(position)
        self.letters += "".join(tokens)

    def count(self, letters: str) -> int:
        """How often ``letters`` occur from the beginning of a word to the end of one, without overlap."""
        count, start = 0, self.letters.find(letters)
        while start >= 0:
            end = start + len(letters)
            is_whole = start in self._bounds and end in self._bounds
            count += is_whole
            start = self.letters.find(letters, end if is_whole else start + 1)
        return count


def counted(marks: dict, lines: list[str]) -> list[str]:
    """The boilerplate lines that hold a word."""
    return [lines[number] for number in marks["boilerplate"] if _WORD.search(lines[number])]


def left_in(marks: dict, lines: list[str], text: str) -> int:
    """How many of the page's boilerplate lines an extractor's ``text`` still holds."""
    chrome = set(marks["boilerplate"])
    expected = _Letters("\n".join(line for number, line in enumerate(lines) if number not in chrome))
    found = _Letters(text)
    wanted = Counter("".join(_TOKEN.findall(line.lower())) for line in counted(marks, lines))
    total = 0
    # Long lines first: what is left in of them explains the short lines that are part of them.
    for letters in sorted(wanted, key=len, reverse=True):
        left = min(wanted[letters], max(0, found.count(letters) - expected.count(letters)))
        for _ in range(left):
            expected.add(letters)
        total += left
    return total


def content(marks: dict, lines: list[str]) -> list[list[str]]:
    """The word trigrams of every content line that has at least 4 words outside of its formulas."""
    others = {*marks["boilerplate"], *marks["neutral"]}
    grams = (_trigrams(line) for number, line in enumerate(lines) if number not in others)
    return [trigrams for trigrams in grams if trigrams]


def _trigrams(line: str) -> list[str]:
    stretches = [_TOKEN.findall(part) for part in _FORMULA.sub("\0", line.lower()).split("\0")]
    if sum(map(len, stretches)) < _LEAST_TOKENS:
        return []
    return ["".join(words[at : at + 3]) for words in stretches for at in range(len(words) - 2)]


def lost(marks: dict, lines: list[str], text: str) -> int:
    """How many of the page's content lines are missing from an extractor's ``text``."""
    letters = _Letters(text).letters
    return sum(
        sum(gram in letters for gram in trigrams) < _LEAST_KEPT * len(trigrams) for trigrams in content(marks, lines)
    )


def _trafilatura(html: str) -> str:
    return trafilatura.extract(html, include_comments=True, include_tables=True, favor_recall=False) or ""


EXTRACTORS: dict[str, Callable[[str], str]] = {
    "resiliparse main": lambda html: extract_plain_text(html, main_content=True),
    "resiliparse all": lambda html: extract_plain_text(html, main_content=False),
    "trafilatura": _trafilatura,
    "curation": html_to_text,
}


def read_pages(rows: list[dict]) -> Iterator[tuple[dict, str]]:
    """The marked pages with their HTML."""
    wanted = {row["url"]: row for row in rows}
    for name in sorted({row["site"] for row in rows}):
        path = PAGES / f"{name}.warc.gz"
        with path.open("rb") as stream:
            for record in read_archive(stream, path.name):
                if record.html is not None and record.url in wanted:
                    yield wanted.pop(record.url), record.html


def main() -> None:
    if not PAGES.is_dir():
        print("skipped: the marked pages, ../shared/data/math beside the repository, are not there")
        return
    figures: dict[str, Counter[str]] = defaultdict(Counter)
    for marks, html in read_pages(read_marks()):
        lines = lines_of(html)
        if digest_of(lines) != marks["digest"]:
            sys.exit(f"{marks['url']}: its lines are not those that were marked; mark it anew")
        figures[marks["site"]] += _figures(marks, lines, html)
    figures["all"] = sum(figures.values(), Counter())
    for key, what in (("left", "boilerplate lines left in"), ("lost", "content lines lost")):
        _print_table(key, what, figures)


def _figures(marks: dict, lines: list[str], html: str) -> Counter[str]:
    figures = Counter({"left of": len(counted(marks, lines)), "lost of": len(content(marks, lines))})
    for name, extract in EXTRACTORS.items():
        text = extract(html)
        figures[f"left {name}"] = left_in(marks, lines, text)
        figures[f"lost {name}"] = lost(marks, lines, text)
    return figures


def _print_table(key: str, what: str, figures: dict[str, Counter[str]]) -> None:
    print(f"\n{what:28}{'of':>7}" + "".join(f"{name:>18}" for name in EXTRACTORS))
    for site, counts in figures.items():
        row = "".join(f"{counts[f'{key} {name}']:>18}" for name in EXTRACTORS)
        print(f"{site:28}{counts[f'{key} of']:>7}{row}")


if __name__ == "__main__":
    main()
