"""The device that this task computes on: on a machine with several GPUs each task takes its own.

with own_device() as device:
    device.name      # "cuda:3" or "cpu"
    device.shared    # another task of ours is on the same GPU: both are slow
    device.use()     # in each thread that computes
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from curation.classify.models import import_torch
from curation.gpus import claim_one

_held: list[Device] = []


@dataclass(frozen=True)
class Device:
    """A GPU by its position among the visible ones, or the CPU."""

    position: int | None
    shared: bool = False

    @property
    def name(self) -> str:
        """As torch calls it."""
        return "cpu" if self.position is None else f"cuda:{self.position}"

    def use(self) -> None:
        """Makes it the current device of this thread."""
        if self.position is not None:
            import_torch().cuda.set_device(self.position)


@contextlib.contextmanager
def own_device() -> Iterator[Device]:
    """A GPU of this task's own, claimed until the end; one that others use too if none is free; or the CPU.

    A second one within a task is the first one.
    """
    if _held:
        yield _held[0]
        return
    if not import_torch().cuda.is_available():
        yield Device(None)
        return
    claim, position, shared = claim_one(os.environ)
    device = Device(position, shared)
    _held.append(device)
    try:
        yield device
    finally:
        _held.remove(device)
        claim.close()
