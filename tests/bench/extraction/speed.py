"""Pages a second on one core: all extractors interleaved in one run, each as a multiple of resiliparse's main content.

Two runs on a shared machine differ by more than two extractors do, so every round lets each extractor in turn have all
pages, and an extractor's time is the best of its rounds. Those in C and Rust see all pages; trafilatura, at about
twenty pages a second, sees every eighth, once, and is compared with resiliparse on the same pages.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from tests.bench.extraction.pages import SharedPage, read_pages
from tests.bench.extraction.peers import BASE, Peer, Trafilatura
from tests.bench.extraction.quality import Columns
from tests.bench.extraction.table import Cell, table, title

ROUNDS = 3
SLOW_SEE_EVERY = 8


def speed(peers: Sequence[Peer | Trafilatura], every: int) -> Columns:
    """Pages a second and multiples of resiliparse's, on ``math/`` and ``web/gold``."""
    columns: Columns = {peer.name: {} for peer in peers}
    for name in ("math", "gold"):
        for peer, cells in _measured(peers, read_pages(name, every), name).items():
            columns[peer] |= cells
    title(f"pages/s of CPU, best of {ROUNDS} interleaved rounds; times resiliparse's main content on the same pages")
    print(table(columns, "extractor"))
    return columns


def _measured(
    peers: Sequence[Peer | Trafilatura], pages: Sequence[SharedPage], name: str
) -> dict[str, dict[str, Cell]]:
    base = next(peer for peer in peers if peer.name == BASE)
    few = pages[::SLOW_SEE_EVERY]
    fast = [peer for peer in peers if not peer.slow]
    seconds = _best(fast, pages, ROUNDS)
    base_on_few = _best([base], few, ROUNDS)[BASE]
    slow = _best([peer for peer in peers if peer.slow], few, 1)
    cells: dict[str, dict[str, Cell]] = {}
    for peer in peers:
        spent, seen, against = (slow, few, base_on_few) if peer.slow else (seconds, pages, seconds[BASE])
        times = against / spent[peer.name]
        cells[peer.name] = {f"{name} pages/s": f"{len(seen) / spent[peer.name]:.0f}", f"{name} x": f"{times:.2f}"}
    return cells


def _best(peers: Sequence[Peer | Trafilatura], pages: Sequence[SharedPage], rounds: int) -> dict[str, float]:
    """The least CPU seconds of each over ``pages``."""
    for peer in peers:
        if not peer.slow:  # those warm up in their own process
            peer.run(pages[:20])
    best = {peer.name: float("inf") for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            gc.collect()
            best[peer.name] = min(best[peer.name], peer.run(pages)[1])
    return best
