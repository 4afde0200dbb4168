"""The card's part about the domains that pages were taken from.

Example: ``listed_domains("out/domains/data")`` says how many domains were listed and why, and shows the best and the
worst of them and the largest that were not, each with a page to look at. Held in memory are the rows that are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from curation.blocks.card_counts import columns_of_folder
from curation.blocks.card_tables import share
from curation.blocks.domains import DOMAIN_COLUMNS, NOT_LISTED
from curation.report import markdown_table
from curation.text.domains import snapshot_version

_SHOWN = 15
_LONGEST_URL = 100
_URL_CHARACTERS = "%/:?#[]@!$&'()+,;=~"
_BEST = [("good_pages", "descending"), ("share", "descending"), ("id", "ascending")]
_WORST = [("share", "ascending"), ("mean_score", "ascending"), ("pages", "descending"), ("id", "ascending")]
_LARGEST = [("pages", "descending"), ("share", "descending"), ("id", "ascending")]
_SUMS = ("domains", "pages", "good_pages")


def listed_domains(location: str) -> str:
    """How many were listed and why, and up to three tables of them.

    Args:
        location: the folder that `curation.blocks.domains.ListDomains` wrote.
    """
    reasons = pa.table({name: pa.array([], pa.int64()) for name in _SUMS} | {"reason": pa.array([], pa.string())})
    best, worst, largest = _First(_BEST), _First(_WORST), _First(_LARGEST)
    for table in columns_of_folder(location, list(DOMAIN_COLUMNS)):
        reasons = _by_reason(reasons, table)
        with_pages = table.filter(pc.greater(table["pages"], 0))
        ours = with_pages.filter(with_pages["listed"])
        best.add(ours)
        worst.add(ours)
        largest.add(with_pages.filter(pc.invert(with_pages["listed"])))
    if not reasons.num_rows:
        return "No list of domains was made in this run."
    tables = [
        _shown("The best of them, by good pages", best.rows(), "best"),
        _shown("The worst of them, by share of good pages and mean score", worst.rows(), "worst"),
        _shown("The largest that were not listed", largest.rows(), "best"),
    ]
    return "\n\n".join([_decisions(reasons), *filter(None, tables)])


class _First:
    """The first rows of any number, in an order that no two share."""

    def __init__(self, order: Sequence[tuple[str, str]]) -> None:
        self._order, self._held = list(order), pa.table({})

    def add(self, table: pa.Table) -> None:
        both = pa.concat_tables([self._held, table]) if self._held.num_rows else table
        self._held = both.take(pc.select_k_unstable(both, min(_SHOWN, both.num_rows), self._order))

    def rows(self) -> list[dict[str, Any]]:
        return list(self._held.to_pylist())


def _by_reason(before: pa.Table, table: pa.Table) -> pa.Table:
    ones = pa.repeat(pa.scalar(1, pa.int64()), table.num_rows)
    rows = table.select(["pages", "good_pages", "reason"]).append_column("domains", ones).select(before.column_names)
    sums = pa.concat_tables([before, rows]).group_by("reason", use_threads=False)
    return (
        sums.aggregate([(name, "sum") for name in _SUMS]).rename_columns(["reason", *_SUMS]).select(rows.column_names)
    )


def _decisions(reasons: pa.Table) -> str:
    """How many domains of which reason there are; those that were listed first."""
    rows = sorted(reasons.to_pylist(), key=lambda row: (row["reason"] == NOT_LISTED, -row["domains"], row["reason"]))
    listed = sum(row["domains"] for row in rows if row["reason"] != NOT_LISTED)
    total = sum(row["domains"] for row in rows)
    table = markdown_table(
        ["why", "domains", "pages", "good pages"],
        [[row["reason"].replace("_", " ").replace("+", " and "), *(row[name] for name in _SUMS)] for row in rows],
    )
    return (
        f"{listed:,} of {total:,} domains were listed. They are registered domains by the Public Suffix List of "
        f"{snapshot_version()}.\n\n{table}"
    )


def _shown(title: str, rows: Sequence[Mapping[str, Any]], which: str) -> str:
    """A table with the best or the worst page of each domain; empty without rows."""
    if not rows:
        return ""
    cells = [
        [
            row["id"],
            row["pages"],
            row["good_pages"],
            share(row["good_pages"], row["pages"]),
            f"{row['mean_score']:.2f}",
            _page(row[f"{which}_url"], row[f"{which}_score"]),
        ]
        for row in rows
    ]
    head = ["domain", "pages", "good pages", "share", "mean score", f"its {which} page"]
    return f"{title}:\n\n{markdown_table(head, cells)}"


def _page(url: str | None, score: float) -> str:
    """A URL that does not break the table, with the page's score."""
    if url is None:
        return "–"
    whole = quote(url.strip(), safe=_URL_CHARACTERS)
    cut = f"{whole[:_LONGEST_URL]}…" if len(whole) > _LONGEST_URL else whole
    return f"{cut} ({score:.2f})"
