"""Extraction of text from HTML, ours beside others: ``PYTHONPATH=. python tests/bench/bench_extraction.py``.

``--only math gold`` runs some of the parts and checks, ``--quick`` an eighth of the pages, which lie in ``../shared``.
Trafilatura 2 needs a Python of its own: ``python -m venv /tmp/traf2``, then
``/tmp/traf2/bin/pip install 'trafilatura==2.3.*' lxml_html_clean``, then ``--trafilatura2 /tmp/traf2/bin/python`` or
TRAFILATURA2_PYTHON.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from tests.bench.extraction.false_mathematics import false_mathematics
from tests.bench.extraction.growth import growth
from tests.bench.extraction.mutated import mutated_pages
from tests.bench.extraction.pages import missing
from tests.bench.extraction.peers import peers
from tests.bench.extraction.quality import Columns, gold, math, snippets
from tests.bench.extraction.speed import speed
from tests.bench.extraction.table import table, title

# A part of the table takes the extractors and "every so manieth page", prints its details and gives columns.
PARTS = {"math": math, "gold": gold, "snippets": snippets, "speed": speed}
# A check of our own extraction takes "every so manieth page", prints what it found and gives what fails the run.
CHECKS = {"growth": growth, "false_mathematics": false_mathematics, "mutated": mutated_pages}
QUICK_EVERY = 8


def main() -> None:
    arguments = _arguments()
    if reason := missing():
        print(reason)
        return
    every = QUICK_EVERY if arguments.quick else 1
    parts = [part for name, part in PARTS.items() if name in arguments.only]
    if parts:
        _compare(parts, arguments.trafilatura2, every)
    failures = [failure for name, check in CHECKS.items() if name in arguments.only for failure in check(every)]
    if failures:
        raise SystemExit(f"{len(failures)} failures")


def _compare(parts: Sequence[Callable[..., Columns]], trafilatura2: str | None, every: int) -> None:
    extractors = peers(trafilatura2)
    columns: Columns = {peer.name: {} for peer in extractors}
    for part in parts:
        for name, cells in part(extractors, every).items():
            columns[name] |= cells
    title("all extractors")
    print(table(columns, "extractor"))
    for peer in extractors:
        print(f"{peer.name}: version {peer.release}")
    if trafilatura2 is None:
        print("trafilatura 2 is LEFT OUT: no --trafilatura2 PYTHON and no TRAFILATURA2_PYTHON")


def _arguments() -> argparse.Namespace:
    names = [*PARTS, *CHECKS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help=f"every {QUICK_EVERY}th page")
    parser.add_argument("--trafilatura2", default=os.environ.get("TRAFILATURA2_PYTHON"), metavar="PYTHON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
