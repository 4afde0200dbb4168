"""datatrove's Ray executor with a plain Ray task for each task of a stage.

Example: ``RayExecutor([step], tasks=64, workers=16, cpus_per_task=2, mem_per_cpu_gb=4, logging_dir="s3://…").run()``

datatrove's own forks a pool inside an actor, and waits without end for a worker that the system has killed; and what a
task raises goes to its log only. Here a task whose worker or node dies is started again, and an error ends the run.

The cluster is that of ``RAY_ADDRESS``, or the one that runs on this machine; else one is started here, see `cluster`.
Its nodes need this package, the output folder, and the keys of S3 in the environment that they were started with.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datatrove.executor.ray import RayPipelineExecutor
from loguru import logger

from curation.errors import ConfigError, CurationError
from curation.task import pickle_executor, run_rank

_RETRIES = 3
_LAST_SECONDS = 10.0
_UNITS = {"CPU": 1, "GPU": 1, "memory": 1024**3}


class RayExecutor(RayPipelineExecutor):
    """Runs ``tasks`` Ray tasks, at most ``workers`` of them at a time (-1 for as many as the cluster holds)."""

    def run(self) -> None:
        """Run all tasks to their end; after an error none is begun any more, and those under way may end.

        Raises:
            ConfigError: if the cluster cannot be reached, or none of its nodes can ever hold a task.
            CurationError: if the worker of a task has died four times.
            Exception: what the first task that failed has raised.
        """
        import ray

        resources = {
            "CPU": self.cpus_per_task,
            "GPU": self.gpus_per_task,
            "memory": int(self.mem_per_cpu_gb * self.cpus_per_task * _UNITS["memory"]),
        }
        with cluster():
            check_room(resources, [node["Resources"] for node in ray.nodes() if node["Alive"]])
            # Ray's own retries have no end where the memory runs out.
            task = ray.remote(run_rank).options(
                name=f"curation {self.pipeline[0]}"[:80],
                num_cpus=resources["CPU"],
                num_gpus=resources["GPU"],
                memory=resources["memory"],
                max_retries=0,
            )
            pickled = ray.put(pickle_executor(self))
            _Tasks(lambda rank: task.remote(pickled, rank, self.cpus_per_task), self.tasks, self.workers).run()


class _Tasks:
    """Tasks under way, those that wait, and what became of the first that failed."""

    def __init__(self, start: Any, tasks: int, most: int) -> None:
        self._start, self._most = start, most
        self._waiting = deque(range(tasks))
        self._running: dict[Any, int] = {}
        self._deaths: Counter[int] = Counter()
        self._failure: BaseException | None = None

    def run(self) -> None:
        import ray

        try:
            while self._begin():
                (ended,), _ = ray.wait(list(self._running), num_returns=1)
                self._end(ended, self._running.pop(ended))
        except BaseException:
            self._cancel()
            raise
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> bool:
        """Start what may start; whether anything is under way."""
        while self._waiting and self._failure is None and len(self._running) < self._most:
            rank = self._waiting.popleft()
            self._running[self._start(rank)] = rank
        return bool(self._running)

    def _end(self, ended: Any, rank: int) -> None:
        import ray
        from ray import exceptions

        try:
            ray.get(ended)
        except exceptions.RayTaskError as error:
            self._failure = self._failure or error.cause
        except (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.OutOfMemoryError) as error:
            self._deaths[rank] += 1
            if self._deaths[rank] <= _RETRIES:
                logger.warning(f"task {rank}: {type(error).__name__}; it is started again")
                self._waiting.append(rank)
                return
            self._failure = self._failure or CurationError(_died(rank, error))
        except exceptions.RayError as error:
            self._failure = self._failure or CurationError(f"task {rank}: {type(error).__name__}: {error}")

    def _cancel(self) -> None:
        """As Ctrl-C in each of them; what a task holds, such as a judge's replies, is written on its way out."""
        import ray

        for task in self._running:
            ray.cancel(task)
        if self._running:
            ray.wait(list(self._running), num_returns=len(self._running), timeout=_LAST_SECONDS)


def check_room(asked: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> None:
    """Raise ConfigError unless one node is as large as a task: Ray would wait without end for such a node.

    Args:
        asked: ``CPU``, ``GPU`` and ``memory`` (bytes) of a task.
        nodes: all that each node has of these.
    """
    if any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
        return
    largest = {name: max((node.get(name, 0) for node in nodes), default=0) for name in asked}
    raise ConfigError(
        f"executor: a task takes {_told(asked)}, and no node of the Ray cluster has that (at most {_told(largest)}, "
        f"over {len(nodes)} nodes): lower cpus_per_task, gpus_per_task or mem_per_cpu_gb, or add a larger node"
    )


@contextlib.contextmanager
def cluster() -> Iterator[None]:
    """Connected to Ray; what was started or connected here ends with the block. Within another block it does nothing.

    Raises:
        ConfigError: if the cluster of ``RAY_ADDRESS`` cannot be reached.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    # With its own `print` for progress bars, which calls itself, dill does not get to the end of a step that prints.
    os.environ.setdefault("RAY_TQDM_PATCH_PRINT", "0")
    _check_answers(os.environ.get("RAY_ADDRESS", ""))
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray raises plain ones, too, where a node does not start in time
        raise ConfigError(f"executor: Ray cannot be reached or started: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise ConfigError if nobody listens at ``host:port``: Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_LAST_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"executor: Ray at {address} (RAY_ADDRESS) cannot be reached: {error}") from error


def _told(resources: Mapping[str, float]) -> str:
    cpus, gpus, memory = (resources[name] / unit for name, unit in _UNITS.items())
    return f"{cpus:g} CPUs, {gpus:g} GPUs and {memory:.3g} GB of memory"


def _died(rank: int, error: Exception) -> str:
    return (
        f"task {rank}: its worker has died {_RETRIES + 1} times ({type(error).__name__}), most likely for want of "
        "memory: raise mem_per_cpu_gb, so that fewer tasks share a node, and start again; finished shards are kept"
    )
