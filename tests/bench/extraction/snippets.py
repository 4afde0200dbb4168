"""Snippets that a text must and must not have, counted as in trafilatura's own evaluation.

A wanted snippet that is found is a true positive, a missing one a false negative; an unwanted one that is found is a
false positive, an absent one a true negative. White space counts as one space, in snippets and texts alike, since
extractors break lines where they like.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.bench.extraction.pages import SharedPage


def has_snippets(page: SharedPage) -> bool:
    """Whether the page's row names any; some rows carry the fields empty."""
    return bool(page.row.get("must_contain") or page.row.get("must_not_contain"))


def counts_of(page: SharedPage, text: str) -> Counter[str]:
    """``tp``, ``fn``, ``fp`` and ``tn`` of one page."""
    text = one_line(text)
    found: Counter[str] = Counter()
    for snippet in page.row.get("must_contain") or ():
        found["tp" if one_line(snippet) in text else "fn"] += 1
    for snippet in page.row.get("must_not_contain") or ():
        found["fp" if one_line(snippet) in text else "tn"] += 1
    return found


def snippet_figures(pages: Sequence[SharedPage], texts: Mapping[str, str]) -> dict[str, float | int]:
    """Shares over all snippets of ``pages``: wanted ones found, unwanted ones absent, accuracy, precision, F1."""
    counted = [page for page in pages if has_snippets(page)]
    total: Counter[str] = Counter()
    for page in counted:
        total.update(counts_of(page, texts.get(page.key, "")))
    tp, fn, fp, tn = (total[name] for name in ("tp", "fn", "fp", "tn"))
    return {
        "pages": len(counted),
        "wanted": tp + fn,
        "found": _share(tp, tp + fn),
        "unwanted": fp + tn,
        "absent": _share(tn, fp + tn),
        "accuracy": _share(tp + tn, total.total()),
        "precision": _share(tp, tp + fp),
        "F1": _share(2 * tp, 2 * tp + fp + fn),
    }


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space."""
    return " ".join(text.split())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
