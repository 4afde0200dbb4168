"""How much memory a run takes: this process and all that it started, sampled.

Example: ``with MemoryWatch() as memory: ...`` and then ``memory.peak_bytes``; 0 where /proc does not tell.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_SAMPLE_SECONDS = 1.0


class MemoryWatch:
    """Samples the proportional set size of the process tree: memory that processes share is counted once."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, sum(map(_held, _tree(os.getpid()))))
            if self._stop.wait(_SAMPLE_SECONDS):
                return


def _tree(root: int) -> list[int]:
    """The process and its descendants."""
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # the process has ended
        return []
    return [int(child) for task in tasks for child in _read(task / "children").split()]


def _held(pid: int) -> int:
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended, or this system does not tell
        return ""
