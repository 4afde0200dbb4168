"""Formula recall and main-text F1, by the functions of ``../shared/bench/score_extraction.py``.

That file stays the one definition of these figures: it is loaded by its path and what it prints is read.
Example: ``formula_figures(pages, texts)`` is ``({"recall": 0.97, ...}, {"colah": {"recall": 0.99, ...}, ...})``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType

from tests.bench.extraction.pages import SCORER, SharedPage

Figures = dict[str, float | int]

_FIGURE = re.compile(r"(pages|formulas|recall|delimited|precision|repeated|prose|F1|per 100 pages)\s+(\d[\d.]*)")


@cache
def scorer() -> ModuleType:
    """The shared scorer, as a module."""
    spec = importlib.util.spec_from_file_location("score_extraction", SCORER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def formula_figures(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> tuple[Figures, dict[str, Figures]]:
    """Figures over all pages, and by site; of the means over sites the names begin with ``site``."""
    total, sites = _scored(scorer().score_formulas, pages, texts)
    over_pages, _, rest = total.partition("| mean over")
    over_sites, _, over_spans = rest.partition("|")
    figures = _figures(over_pages) | {f"site {name}": value for name, value in _figures(over_sites).items()}
    return figures | _figures(over_spans), sites


def text_figures(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> tuple[Figures, dict[str, Figures]]:
    """Figures over the pages with ``gold_text``, and by source."""
    total, sources = _scored(scorer().score_text, pages, texts)
    figures = _figures(total)
    figures["spans/100"] = figures.pop("per 100 pages")
    return figures, sources


def _scored(
    score: Callable[[list[dict], dict[str, str]], None], pages: Sequence[SharedPage], texts: Mapping[str, str]
) -> tuple[str, dict[str, Figures]]:
    """The scorer's last line, and the figures of the indented lines before it."""
    # The scorer joins by `url`, which some pages share; their keys are unique.
    rows = [page.row | {"url": page.key} for page in pages]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        score(rows, dict(texts))
    *groups, total = printed.getvalue().splitlines()
    return total, {line.split()[0]: _figures(line.strip().partition(" ")[2]) for line in groups}


def _figures(line: str) -> Figures:
    return {name: float(value) if "." in value else int(value) for name, value in _FIGURE.findall(line)}
