"""What isolation costs: ``python tests/bench/extraction/isolation.py [rounds]``.

Extracts the pages of ``../shared/data/math`` in this process and in a process of its own, with a stand-in that takes
one millisecond of CPU a page, with one that takes none, and with the extractions themselves, and prints pages per
second and CPU per page, of both processes together; the child's start is in it. Round by round one after the other,
because the machine is never the same twice; the best round counts.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

from curation.html.archive import read_archive
from curation.html.isolation import DirectExtractor, IsolatedExtractor
from curation.html.isolation_child import EXTRACT_PAGE

MATH = Path(__file__).resolve().parents[3].parent / "shared/data/math"
TIMES = 4  # thousands of pages, as a shard has, share the child's start
STAND_IN = "isolation:spin"  # this file, for the child


def spin(html: str) -> str:
    """Takes a millisecond of CPU and gives a text of the usual length."""
    until = time.thread_time() + 1e-3
    while time.thread_time() < until:
        pass
    return html[:10_000]


def nothing(html: str) -> str:
    """Takes no time."""
    return html[:10_000]


def pages_of(folder: Path) -> list[str]:
    pages = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            pages += [record.html for record in read_archive(stream, path.name) if record.html is not None]
    return pages


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(extractor: DirectExtractor | IsolatedExtractor, pages: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds a page, the child's start and end included."""
    started, used = time.perf_counter(), cpu_seconds()
    with extractor:
        for _ in extractor.extract_each((None, html) for html in pages):
            pass
    return (time.perf_counter() - started) / len(pages), (cpu_seconds() - used) / len(pages)


def compare(function: str, pages: list[str], rounds: int) -> None:
    best = {DirectExtractor: (9e9, 9e9), IsolatedExtractor: (9e9, 9e9)}
    for _ in range(rounds):
        for kind, (wall, cpu) in best.items():
            found = measure(kind(function), pages)
            best[kind] = min(wall, found[0]), min(cpu, found[1])
    print(f"{function}: {len(pages)} pages of {sum(map(len, pages)) / len(pages) / 1000:.0f} kB, best of {rounds}")
    for name, (wall, cpu) in zip(("in this process", "isolated"), best.values(), strict=True):
        print(f"  {name:16} {1 / wall:6.0f} pages/s   {1e6 * cpu:6.0f} µs of CPU a page")
    (wall, cpu), (isolated_wall, isolated_cpu) = best.values()
    more = 1e6 * (isolated_wall - wall), 1e6 * (isolated_cpu - cpu)
    share = f" ({100 * (isolated_cpu / cpu - 1):.1f} %)" if cpu > 1e-4 else ""
    print(f"  {'isolation':16} {more[0]:+6.0f} µs wall    {more[1]:+6.0f} µs of CPU a page{share}\n")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    pages = pages_of(MATH) * TIMES
    if not pages:
        print(f"skipped: no archives in {MATH}")
        return
    for function in (STAND_IN, "isolation:nothing", "curation.html.extract:main_text", EXTRACT_PAGE):
        compare(function, pages, rounds)


if __name__ == "__main__":
    main()
