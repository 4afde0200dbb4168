"""What the texts are worth: the parts ``math``, ``gold`` and ``snippets`` of the bench, a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.bench.extraction.false_mathematics import true_addresses
from tests.bench.extraction.figures import Figures, formula_figures, text_figures
from tests.bench.extraction.pages import SharedPage, read_pages
from tests.bench.extraction.peers import Peer, Trafilatura
from tests.bench.extraction.snippets import has_snippets, snippet_figures
from tests.bench.extraction.table import Cell, table, title
from tests.bench.extraction.texts import texts_of

Columns = dict[str, dict[str, Cell]]
Score = Callable[[Sequence[SharedPage], Mapping[str, str]], tuple[Figures, dict[str, Figures]]]

_SHORT = {"site recall": "site rec", "site delimited": "site delim", "delimited": "delim"}


def math(peers: Sequence[Peer | Trafilatura], every: int) -> Columns:
    """Formulas of ``math/``, over all pages and by site."""
    title("math/: recall of formulas / inside delimiters, by site")
    pages = read_pages("math", every)
    totals, sites = _by_group(peers, "math", pages, formula_figures)
    print(table({site: _pairs(row, "recall", "delimited") for site, row in sites.items()}, "site"))
    title("math/: all pages")
    print(table({name: dict(row) for name, row in totals.items()}, "extractor"))
    wanted = ("recall", "delimited", "site recall", "site delimited", "precision", "repeated", "prose")
    return {name: {_SHORT.get(key, key): row[key] for key in wanted} for name, row in totals.items()}


def gold(peers: Sequence[Peer | Trafilatura], every: int) -> Columns:
    """Main text of ``web/gold``, over all pages with ``gold_text``, the German ones, and by source."""
    pages = [page for page in read_pages("gold", every) if page.row.get("gold_text")]
    german = [page for page in pages if page.is_german]
    title(f"web/gold: F1 by source, {len(pages)} pages with gold_text")
    totals, sources = _by_group(peers, "gold-text", pages, text_figures)
    print(table({source: _pairs(row, "F1") for source, row in sources.items()}, "source"))
    title("web/gold: precision / recall by source")
    print(table({source: _pairs(row, "precision", "recall") for source, row in sources.items()}, "source"))
    title("web/gold: all pages with gold_text; spans/100* on those without mathematics")
    plain = [page for page in pages if page.url not in true_addresses()]
    for peer in peers:
        texts = texts_of(peer, "gold-text", pages)
        totals[peer.name]["spans/100*"] = text_figures(plain, texts)[0]["spans/100"]
        totals[peer.name]["empty texts"] = sum(not text.strip() for text in texts.values())
    print(table({name: dict(row) for name, row in totals.items()}, "extractor"))
    own = text_figures(plain, {page.key: page.row["gold_text"] for page in plain})[0]["spans/100"]
    print(f"Two prices in dollars count as a span: the gold texts themselves have {own:.1f} spans/100*.")
    if german:
        title(f"web/gold: the {len(german)} German ones of them")
        few = {peer.name: text_figures(german, texts_of(peer, "gold-text", pages))[0] for peer in peers}
        print(table({name: dict(row) for name, row in few.items()}, "extractor"))
    wanted = {"precision": "gold P", "recall": "gold R", "F1": "gold F1", "spans/100*": "spans/100*"}
    return {name: {short: row[key] for key, short in wanted.items()} for name, row in totals.items()}


def snippets(peers: Sequence[Peer | Trafilatura], every: int) -> Columns:
    """Snippets of ``web/gold``: all pages that have some, and the German ones."""
    pages = [page for page in read_pages("gold", every) if has_snippets(page)]
    german = [page for page in pages if page.is_german]
    texts = {peer.name: texts_of(peer, "gold-snippets", pages) for peer in peers}
    columns: Columns = {peer.name: {} for peer in peers}
    for name, some in (("snip", pages), ("snip de", german)):
        title(f"web/gold: snippets of {len(some)} pages" + (" in German" if some is german else ""))
        rows = {peer.name: snippet_figures(some, texts[peer.name]) for peer in peers}
        print(table(rows, "extractor"))
        for peer in peers:
            columns[peer.name] |= {f"{name} acc": rows[peer.name]["accuracy"], f"{name} F1": rows[peer.name]["F1"]}
    return columns


def _by_group(
    peers: Sequence[Peer | Trafilatura], name: str, pages: Sequence[SharedPage], score: Score
) -> tuple[dict[str, Figures], dict[str, dict[str, Figures]]]:
    """Totals by extractor, and the figures of every group (site or source) by extractor."""
    totals: dict[str, Figures] = {}
    groups: dict[str, dict[str, Figures]] = {}
    for peer in peers:
        totals[peer.name], by_group = score(pages, texts_of(peer, name, pages))
        for group, figures in by_group.items():
            groups.setdefault(group, {})[peer.name] = figures
    return totals, groups


def _pairs(row: Mapping[str, Figures], *names: str) -> dict[str, Cell]:
    pages = int(next(iter(row.values()))["pages"])
    cells: dict[str, Cell] = {"pages": pages}
    return cells | {peer: " ".join(f"{figures[name]:.3f}" for name in names) for peer, figures in row.items()}
