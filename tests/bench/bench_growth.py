"""1, 2, 4 and 8 times the pages through ``finemath``: does each stage take as much more?

    PYTHONPATH=. .venv/bin/python tests/bench/bench_growth.py [--pages 200] [--workers 2] [--output DIR]

Pages of mathematics and copies of them with other words, on sites of their own; the smoke values, samples of a fixed
size. A row is a stage: CPU seconds and wall seconds at each size, peak memory, and by how much CPU seconds and memory
have grown from once to eight times the pages. What loads a model or starts processes grows less than the pages, which
is no fault; more than eight times is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from curation.report import markdown_table
from tests.bench.growing import SHARED, Taken, measure, real_pages, write_pages

TIMES = (1, 2, 4, 8)
_GB = 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if not SHARED.exists():
        print(f"skipped: needs {SHARED}")
        return
    pages = real_pages()
    pages = pages[:: max(1, len(pages) // given.pages)][: given.pages]
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.output or Path(temporary)
        runs = []
        # The first run on a machine compiles kernels, which is none of a stage's work.
        for name, copies in (("warm", 1), *((f"times{copies}", copies) for copies in TIMES)):
            size = write_pages(folder / f"{name}-pages", pages, copies)
            print(f"{name}: {len(pages) * copies:,} pages, {size:,} bytes", flush=True)
            runs.append(measure(folder / f"{name}-pages", folder / name, given.workers))
        print(table(runs[1:]))


def table(runs: list[dict[str, Taken]]) -> str:
    """A row for each stage, in Markdown."""
    head = ["stage", "documents", "CPU seconds", "wall seconds", "peak GB", "CPU seconds grow", "memory grows"]
    return markdown_table(head, [row(stage, [run[stage] for run in runs]) for stage in runs[0]])


def row(stage: str, taken: list[Taken]) -> list[str]:
    """The figures of one stage at each size."""
    first, last = taken[0], taken[-1]
    return [
        stage,
        " ".join(f"{one.documents:,}" for one in taken),
        " ".join(f"{one.cpu_seconds:.1f}" for one in taken),
        " ".join(f"{one.seconds:.1f}" for one in taken),
        " ".join(f"{one.peak_bytes / _GB:.2f}" for one in taken),
        f"× {last.cpu_seconds / max(first.cpu_seconds, 0.01):.1f}",
        f"× {last.peak_bytes / max(first.peak_bytes, 1):.2f}",
    ]


if __name__ == "__main__":
    main()
