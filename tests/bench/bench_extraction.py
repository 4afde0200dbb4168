"""Extraction of text from HTML, ours beside others: ``PYTHONPATH=. python tests/bench/bench_extraction.py``.

``--only math gold`` runs some of the parts, ``--quick`` an eighth of the pages, which lie in ``../shared``. Trafilatura 2
needs a Python of its own: ``python -m venv /tmp/traf2 && /tmp/traf2/bin/pip install 'trafilatura==2.3.*' lxml_html_clean``,
then ``--trafilatura2 /tmp/traf2/bin/python`` or TRAFILATURA2_PYTHON.
"""

from __future__ import annotations

import argparse
import os

from tests.bench.extraction.pages import missing
from tests.bench.extraction.peers import peers
from tests.bench.extraction.quality import Columns, gold, math, snippets
from tests.bench.extraction.speed import speed
from tests.bench.extraction.table import table, title

# A part of the table takes the extractors and "every so manieth page", prints its details and gives columns.
PARTS = {"math": math, "gold": gold, "snippets": snippets, "speed": speed}
QUICK_EVERY = 8


def main() -> None:
    arguments = _arguments()
    if reason := missing():
        print(reason)
        return
    every = QUICK_EVERY if arguments.quick else 1
    extractors = peers(arguments.trafilatura2)
    columns: Columns = {peer.name: {} for peer in extractors}
    for name in PARTS:
        if name in arguments.only:
            for peer, cells in PARTS[name](extractors, every).items():
                columns[peer] |= cells
    title("all extractors")
    print(table(columns, "extractor"))
    for peer in extractors:
        print(f"{peer.name}: version {peer.release}")
    if arguments.trafilatura2 is None:
        print("trafilatura 2 is LEFT OUT: no --trafilatura2 PYTHON and no TRAFILATURA2_PYTHON")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS], metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help=f"every {QUICK_EVERY}th page")
    parser.add_argument("--trafilatura2", default=os.environ.get("TRAFILATURA2_PYTHON"), metavar="PYTHON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
