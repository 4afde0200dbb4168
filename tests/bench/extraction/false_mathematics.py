"""Pages of the general web on which ``extract_page`` says that there is mathematics, for a person to look at.

``true_mathematics.txt`` lists the addresses of those that carry some indeed, found by looking at the HTML of every page
with a sign of it (<math>, MathJax's and KaTeX's classes, formula images, TeX delimiters). All other pages of
``web/gold`` and ``web/pages`` carry none; on those, it should be said of at most one in a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curation.html.extract import extract_page
from tests.bench.extraction.figures import scorer
from tests.bench.extraction.pages import SharedPage, read_pages
from tests.bench.extraction.table import title

MOST_SHARE = 0.01

_LIST = Path(__file__).with_name("true_mathematics.txt")


def true_addresses() -> frozenset[str]:
    """Addresses of the pages that carry mathematics."""
    lines = (line.strip() for line in _LIST.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def false_mathematics(every: int = 1) -> list[str]:
    """Prints the pages and the share; the share over the target is marked, not failed."""
    title("has_mathematics on the general web")
    true = true_addresses()
    pages = [page for name in ("gold", "pages") for page in read_pages(name, every)]
    found = {page.key: extract_page(page.html) for page in pages}
    said = [page for page in pages if found[page.key].has_mathematics]
    wrong = [page for page in said if page.url not in true]
    missed = [page for page in pages if page.url in true and not found[page.key].has_mathematics]
    for headline, some in (
        ("said of pages that carry mathematics", [page for page in said if page.url in true]),
        ("not said of pages that carry mathematics", missed),
        ("said of pages that are not on the list: look, and put them on true_mathematics.txt or mend it", wrong),
    ):
        print(f"-- {headline}: {len(some)}")
        _show(some, {page.key: found[page.key].text for page in some})
    without = sum(page.url not in true for page in pages)
    share = len(wrong) / max(1, without)
    verdict = "ok" if share <= MOST_SHARE else "MISSED"
    print(f"{len(wrong)} of {without} pages without mathematics: {share:.2%}, target {MOST_SHARE:.0%}: {verdict}")
    return []


def _show(pages: Sequence[SharedPage], texts: dict[str, str]) -> None:
    for page in pages:
        spans = [a or b for a, b in scorer().MATH.findall(texts[page.key])]
        print(f"   {page.row['source']:18s} {len(spans):4d} spans  {page.url[:120]}")
        for span in spans[:3]:
            print(f"{'':24s} {' '.join(span.split())[:100]}")
