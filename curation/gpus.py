"""Which GPUs a task takes, where several share a machine: a server some of them, a task that scores one.

    claim = claim_gpus(needed=2, environment=os.environ)
    claim.visible  # "2,3", for CUDA_VISIBLE_DEVICES; None: all that are visible, or there are none to choose from
    claim.close()  # or the end of all processes that hold the lock

    claim, position, shared = claim_one(os.environ)  # torch.cuda.set_device(position)

Eight tasks on a machine of eight GPUs start eight servers, or score on eight GPUs, each on its own. A claim is a lock
on a file of this user; a server's guard holds it, too, so it lasts until the server is gone. Slurm gives each task its
own GPUs: a server has nothing to choose then, and claims nothing.
"""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from curation.locks import lock_file

_PROC_GPUS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True)
class Claim:
    """GPUs that are ours.

    Attributes:
        visible: what CUDA_VISIBLE_DEVICES is to say; None to leave it.
        locks: open files whose locks are the claim; a process that inherits them holds it as well.
    """

    visible: str | None = None
    locks: tuple[int, ...] = ()

    def close(self) -> None:
        """Let go, as far as this process is concerned."""
        for lock in self.locks:
            os.close(lock)


def gpus_needed(options: Mapping[str, Any]) -> int:
    """GPUs of this machine that a server takes with these options; 0 where vLLM itself places its parts on machines.

    Raises:
        ConfigError: if a size is no number.
    """
    values = {key.strip("-").replace("-", "_"): value for key, value in options.items()}
    if values.get("distributed_executor_backend") == "ray" or _number(values, "nnodes") > 1:
        return 0
    replicas = "data_parallel_size_local" if values.get("data_parallel_size_local") else "data_parallel_size"
    sizes = [_number(values, key) for key in (replicas, "tensor_parallel_size", "pipeline_parallel_size")]
    return math.prod(sizes)


def claim_gpus(needed: int, environment: Mapping[str, str]) -> Claim:
    """So many free GPUs, where more are visible than are needed.

    Raises:
        ConfigError: if fewer are visible, or other servers hold too many of them.
    """
    known = _all_gpus()
    named = environment.get("CUDA_VISIBLE_DEVICES")
    visible = list(known) if named is None else _listed(named)
    if not needed or not visible or len(visible) == needed:
        return Claim()
    if len(visible) < needed:
        raise ConfigError(
            f"the options ask for {needed} GPUs, of which {len(visible)} are visible ({', '.join(visible)})"
        )
    return _claim({one: known.get(one, one) for one in visible}, needed)


def claim_one(environment: Mapping[str, str]) -> tuple[Claim, int, bool]:
    """One GPU for a task that scores: the claim, its position among the visible ones, and whether it is shared.

    With all of them taken by other tasks of ours the task shares one rather than fail: it is slow, not wrong. Tasks
    that share are spread by their process number. Without any GPU position 0 is nobody's, and nothing is claimed.
    """
    known = _all_gpus()
    named = environment.get("CUDA_VISIBLE_DEVICES")
    visible = list(known) if named is None else _listed(named)
    for position, name in enumerate(visible):
        lock = lock_file(f"gpu-{known.get(name, name)}")
        if lock is not None:
            return Claim(name, (lock,)), position, False
    return Claim(), os.getpid() % max(1, len(visible)), bool(visible)


def _claim(gpus: Mapping[str, str], needed: int) -> Claim:
    taken: dict[str, int] = {}
    for name, identity in gpus.items():
        lock = lock_file(f"gpu-{identity}")
        if lock is not None:
            taken[name] = lock
        if len(taken) == needed:
            return Claim(",".join(taken), tuple(taken.values()))
    Claim(locks=tuple(taken.values())).close()
    raise ConfigError(
        f"the options ask for {needed} GPUs, of {len(gpus)} only {len(taken)} are free: "
        "servers of ours hold the others (fewer --workers, or smaller tensor_parallel_size)"
    )


def _all_gpus() -> dict[str, str]:
    """Index -> what names the GPU for good: in a Slurm task each GPU is number 0, but not the same one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        number = len(list(_PROC_GPUS.iterdir())) if _PROC_GPUS.is_dir() else 0
        return {str(index): str(index) for index in range(number)}
    command = [program, "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    except subprocess.TimeoutExpired:
        return {}
    rows = [line.split(",") for line in said.splitlines() if line.count(",") == 1]
    return {index.strip(): uuid.strip() for index, uuid in rows}


def _listed(named: str) -> list[str]:
    """The entries of CUDA_VISIBLE_DEVICES; as CUDA reads it, -1 ends the list."""
    entries = [one.strip() for one in named.split(",") if one.strip()]
    return entries[: entries.index("-1")] if "-1" in entries else entries


def _number(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key) or 1
    if not str(value).isdigit():
        raise ConfigError(f"judge options: {key}: expected a number, got {value!r}")
    return int(value)
