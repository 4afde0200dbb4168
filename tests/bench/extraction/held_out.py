"""What ``html_to_text`` is worth on sites that its forest has not seen: cross-validation of the whole extraction.

Example: ``report(pages, grow)`` grows five forests, each without a fifth of the sites, extracts the pages of that fifth
with each, and prints what the texts are worth. All pages of a site are in one fold.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from curation.html import main_content
from curation.html.extract import html_to_text
from curation.html.main_content import Forest
from tests.bench.extraction.block_labels import Labelled, site_of
from tests.bench.extraction.boilerplate import content, counted, left_in, lines_of, lost, read_marks
from tests.bench.extraction.figures import formula_figures, text_figures
from tests.bench.extraction.pages import SharedPage, read_pages
from tests.bench.extraction.snippets import has_snippets, snippet_figures
from tests.bench.extraction.table import Cell, table, title

FOLDS = 5
Grow = Callable[[Sequence[Labelled]], Forest]


def fold_of(site: str) -> int:
    """The fold that all pages of a site are in; a digest, so that it is the same in every process."""
    return int(hashlib.md5(site.encode()).hexdigest(), 16) % FOLDS


@contextmanager
def shipped_as(forest: Forest) -> Iterator[None]:
    """Extraction with another forest than the one that the package ships."""
    shipped = main_content.forest
    main_content.forest = lambda: forest
    try:
        yield
    finally:
        main_content.forest = shipped


def held_out_texts(labelled: Sequence[Labelled], pages: Sequence[SharedPage], grow: Grow) -> dict[str, str]:
    """The texts of ``pages`` by key, each by a forest that has seen no page of its site."""
    texts: dict[str, str] = {}
    for fold in range(FOLDS):
        forest = grow([page for page in labelled if fold_of(page.site) != fold])
        with shipped_as(forest):
            texts |= {page.key: html_to_text(page.html) for page in pages if fold_of(site_of(page)) == fold}
        print(f"fold {fold + 1} of {FOLDS}: {len(texts)} of {len(pages)} pages", flush=True)
    return texts


def report(labelled: Sequence[Labelled], grow: Grow) -> None:
    """Print what the texts of held-out pages are worth: main text, snippets, formulas, the marked pages."""
    gold, math = read_pages("gold"), read_pages("math")
    texts = held_out_texts(labelled, [*gold, *math], grow)
    total, sources = text_figures([page for page in gold if page.row.get("gold_text")], texts)
    title("held out: main text of web/gold")
    wanted = ("pages", "precision", "recall", "F1")
    print(table({name: {key: row[key] for key in wanted} for name, row in {**sources, "all": total}.items()}))
    title("held out: snippets of web/gold")
    some = [page for page in gold if has_snippets(page)]
    german = [page for page in some if page.is_german]
    print(table({"all": dict(snippet_figures(some, texts)), "German": dict(snippet_figures(german, texts))}))
    title("held out: formulas of math/")
    print(table({"all": dict(formula_figures(math, texts)[0])}))
    title("held out: lines of the marked pages")
    print(table(_marked(math, texts)))


def _marked(pages: Sequence[SharedPage], texts: dict[str, str]) -> dict[str, dict[str, Cell]]:
    """Boilerplate lines left in and content lines lost, of the marked pages."""
    marks = {row["url"]: row for row in read_marks()}
    sums: Counter[str] = Counter()
    for page in pages:
        row = marks.pop(page.url, None)
        if row is None:
            continue
        lines, text = lines_of(page.html), texts[page.key]
        sums["boilerplate", "lines"] += len(counted(row, lines))
        sums["boilerplate", "wrong"] += left_in(row, lines, text)
        sums["content", "lines"] += len(content(row, lines))
        sums["content", "wrong"] += lost(row, lines, text)
    return {
        "boilerplate left in": {"of": sums["boilerplate", "lines"], "lines": sums["boilerplate", "wrong"]},
        "content lost": {"of": sums["content", "lines"], "lines": sums["content", "wrong"]},
    }
