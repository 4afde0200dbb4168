"""How time grows with a page: ten times the formulas should take about ten times as long.

A page of 1,000 and one of 10,000 formulas of each kind, resiliparse's main content beside ours; a step that looks
through the whole page for every formula shows as a ratio of up to 100.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from resiliparse.extract.html2text import extract_plain_text

from curation.html.extract import extract_page
from tests.bench.extraction.table import Cell, table, title

FEW, MANY = 1_000, 10_000
MOST_RATIO = 11.0
RUNS = 5

_ROW = "<mrow><msub><mi>x</mi><mn>{n}</mn></msub><mo>+</mo><mi>y</mi></mrow>"
_SEMANTICS = f'<semantics>{_ROW}<annotation encoding="application/x-tex">x_{{{{{{n}}}}}}+y</annotation></semantics>'
_KATEX_HTML = (
    '<span class="katex-html" aria-hidden="true"><span class="base"><span class="strut" style="height:0.7em;"></span>'
    '<span class="mord"><span class="mord mathnormal">x</span><span class="msupsub">{n}</span></span>'
    '<span class="mbin">+</span><span class="mord mathnormal">y</span></span></span>'
)
# All below 700 characters, so that 10,000 stay under the size at which extraction stops looking for formulas.
FORMULAS = {
    "LaTeXML": f'<math class="ltx_Math" alttext="x_{{{{{{n}}}}}}+y" display="inline" id="m{{n}}">{_SEMANTICS}</math>',
    "MathML without annotation": f"<math>{_ROW}</math>",
    "\\(..\\) in text": "\\(x_{{{n}}}+y\\)",
    "$..$ in text": "$x_{{{n}}}+y$",
    "KaTeX rendered": f'<span class="katex"><span class="katex-mathml"><math>{_SEMANTICS}</math></span>'
    f"{_KATEX_HTML}</span>",
    "math/tex scripts": '<script type="math/tex">x_{{{n}}}+y</script>',
    "images with alt": '<img class="latex" src="/latex/{n}.png" alt="x_{{{n}}}+y">',
    "none": "the number {n}",
}


def page_of(formula: str, count: int) -> str:
    """A page with ``count`` formulas, five to a paragraph."""
    said = [f"Then {formula.format(n=n)} is the next of these." for n in range(count)]
    paragraphs = (f"<p>{' '.join(said[i : i + 5])}</p>" for i in range(0, count, 5))
    return f"<!doctype html><html><head><title>Growth</title></head><body>{''.join(paragraphs)}</body></html>"


def growth(every: int = 1) -> list[str]:
    """Prints the table; a ratio over the target is marked, not failed: a busy machine can make one."""
    title(f"growth from {FEW:,} to {MANY:,} formulas: at most {MOST_RATIO:.0f} times as long")
    rows: dict[str, dict[str, Cell]] = {}
    for name, formula in FORMULAS.items():
        few, many = page_of(formula, FEW), page_of(formula, MANY)
        ours = _ratio(extract_page, few, many)
        theirs = _ratio(lambda html: extract_plain_text(html, main_content=True), few, many)
        page = extract_page(many)
        rows[name] = {
            "chars": len(many),
            f"ms at {FEW:,}": f"{ours[0] * 1000:.1f}",
            f"ms at {MANY:,}": f"{ours[1] * 1000:.1f}",
            "ratio": f"{ours[2]:.1f}",
            "resiliparse": f"{theirs[2]:.1f}",
            "reasons": " ".join(page.reasons) or None,
            "": "MISSED" if ours[2] > MOST_RATIO else "ok",
        }
    print(table(rows, "formulas"))
    return []


def _ratio(extract: Callable[[str], object], few: str, many: str) -> tuple[float, float, float]:
    """Seconds for the two pages, and the median ratio of pairs that ran directly after each other."""
    extract(few)
    pairs = [(_seconds(extract, few), _seconds(extract, many)) for _ in range(RUNS)]
    ratio = median(long / short for short, long in pairs)
    return median(short for short, _ in pairs), median(long for _, long in pairs), ratio


def _seconds(extract: Callable[[str], object], html: str) -> float:
    started = time.process_time()
    extract(html)
    return time.process_time() - started
