"""What a stage of ``finemath`` takes for a document, one core, on real pages: the rates that estimates are made of.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_rates.py [--output DIR]

Runs the smoke values over a quarter of the pages and over all of them (mathematical pages and other pages of the web),
bound to one core; then what follows the scores over a fifth of the texts and all of them. A rate is the CPU seconds by
which the two differ, over the documents by which they differ: loading models and starting processes, which a long run
does once, are not in it. Prints what `pipelines/rates.yaml` is filled with.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from curation.folder import Folder
from curation.rates import PER_SIGNATURES
from tests.bench.growing import SHARED, Taken, measure, real_pages, write_pages, write_texts

QUARTER, FIFTH, WARM = 4, 5, 12
FROM_SCORES = ("scores", "select")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--every", type=int, default=1, help="every so manieth page")
    parser.add_argument("--texts", type=int, default=40_000, help="of real ones and copies with other words")
    given = parser.parse_args()
    if not SHARED.exists():
        print(f"skipped: needs {SHARED}")
        return
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.output or Path(temporary)
        lines = [*of_texts(folder / "texts", given.texts), *of_pages(folder / "pages", given.every)]
    print("\n".join(["", *lines]))


def of_pages(folder: Path, every: int) -> list[str]:
    """All stages, from archives."""
    pages = real_pages(("math", "web/pages"))[::every]
    # The first run on a machine compiles kernels, which is none of a stage's work.
    for name, some in (("warm", pages[::WARM]), ("few", pages[::QUARTER]), ("all", pages)):
        size = write_pages(folder / f"{name}-pages", some, copies=1)
        print(f"{name}: {len(some):,} pages, {size:,} bytes", flush=True)
    runs = [measure(folder / f"{name}-pages", folder / name, workers=1) for name in ("warm", "few", "all")]
    return entries(runs[1], runs[2], folder / "all")


def of_texts(folder: Path, documents: int) -> list[str]:
    """The stages after the scores, of which pages give too few documents."""
    runs = []
    for name, number in (("warm", documents // WARM), ("few", documents // FIFTH), ("all", documents)):
        write_texts(folder / f"{name}-texts", number)
        print(f"{name}: {number:,} texts", flush=True)
        sources = dict.fromkeys(FROM_SCORES, str(folder / f"{name}-texts" / "*.parquet"))
        runs.append(measure(folder / f"{name}-texts", folder / name, workers=1, sources=sources))
    return entries(runs[1], runs[2], folder / "all")


def entries(few: dict[str, Taken], full: dict[str, Taken], output: Path) -> list[str]:
    """A line of YAML for each stage; pairs and clusters are rated by the documents that have signatures."""
    lines = []
    for stage, taken in full.items():
        per = PER_SIGNATURES.get(stage, stage)
        documents = few[per].documents, full[per].documents
        seconds = few[stage].cpu_seconds, taken.cpu_seconds
        further = documents[1] - documents[0]
        each = f"{(seconds[1] - seconds[0]) / further:.3g}" if further > 0 else "null"
        written = (Folder(str(output)) / stage).size("data") / max(1, taken.kept)
        lines.append(
            f"{stage}: {{core_seconds: {each}, share: {taken.kept / max(1, taken.documents):.3g}, written_bytes: "
            f"{written:.0f}}}  # {documents} documents in {seconds[0]:.1f} and {seconds[1]:.1f} s"
        )
    return lines


if __name__ == "__main__":
    main()
