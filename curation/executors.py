"""Where a stage's tasks run: datatrove's Local, Slurm and Ray executors, chosen by settings.

Example: ``make_executor(step, ExecutorSettings(kind="slurm", partition="cpu"), name="score", tasks=64, logs="…")``

The local one runs over a pool of processes that lives as long as the run, so that models are loaded once; a worker that
the system kills is an error instead of a wait without end; and what datatrove and the models print goes to ``logs/``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from curation.errors import ConfigError, CurationError
from curation.recipe import ExecutorSettings
from curation.slurm_jobs import SlurmArrays
from curation.task import pickle_executor, run_rank

_LAST_SECONDS = 10.0


class LocalExecutor(LocalPipelineExecutor):
    """datatrove's local executor over a pool that is given to `run`."""

    def run(self, pool: ProcessPoolExecutor | None = None, threads: int = 1, grace_seconds: float = 0.0) -> None:
        """Run all tasks; without a pool in this process, one after another.

        Args:
            pool: worker processes.
            threads: of each task.
            grace_seconds: how long other tasks may end by themselves after one has stopped for a reason of ours.

        Raises:
            CurationError: if a worker was killed.
        """
        if pool is None:
            for rank in range(self.tasks):
                run_rank(pickle_executor(self), rank, threads)
            return
        pickled = pickle_executor(self)
        futures: list[Future[None]] = [pool.submit(run_rank, pickled, rank, threads) for rank in range(self.tasks)]
        finished, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        if any(isinstance(future.exception(), CurationError) for future in finished):
            wait(waiting, timeout=grace_seconds)
        try:
            for future in finished:
                future.result()
        except BrokenProcessPool as error:
            raise CurationError(
                'a worker process has ended: in a script, work must stand below `if __name__ == "__main__":`, because '
                "workers import the script; else the system most likely killed it for want of memory: take fewer "
                "--workers and start again, finished shards are kept"
            ) from error


@contextlib.contextmanager
def local_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes; ended at once if the run fails or is interrupted."""
    context = get_context("forkserver")
    # pandas: pyarrow imports it at the first array, half a second in which a judge's client would stand still.
    context.set_forkserver_preload(["curation.executors", "curation.blocks.shards", "pandas"])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_run, initargs=(dict(os.environ),))
    try:
        yield pool
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _end_with_run(environment: Mapping[str, str]) -> None:
    """A worker whose run was killed ends too, rather than write into a folder that another run goes on with.

    Args:
        environment: of the run: workers are forked from a process that may be older, as in a notebook.
    """
    os.environ.update(environment)
    run = parent_process()

    def watch() -> None:
        run.join()  # type: ignore[union-attr]
        os._exit(1)

    # Asked to end, as by Ctrl-C: what is held, such as a judge's replies, is written on the way out.
    signal.signal(signal.SIGTERM, _end)
    if run is not None:
        threading.Thread(target=watch, daemon=True).start()


def _end(*_: object) -> None:
    last = threading.Timer(_LAST_SECONDS, os._exit, (1,))
    last.daemon = True
    last.start()
    sys.exit(1)


def check_executor(settings: ExecutorSettings) -> None:
    """Raise ConfigError if the executor's package is missing or an option it needs is not set."""
    if settings.kind == "slurm" and not settings.partition:
        raise ConfigError("executor: slurm needs a partition")
    if settings.kind == "ray" and importlib.util.find_spec("ray") is None:
        raise ConfigError("executor: ray is not installed; pip install 'curation[ray]'")


def check_here(settings: ExecutorSettings) -> None:
    """As `check_executor`, and that the cluster can be reached from this machine."""
    check_executor(settings)
    if settings.kind == "slurm" and shutil.which("sbatch") is None:
        raise ConfigError("executor: no Slurm here (no command `sbatch`); --executor local runs on this machine")


def make_executor(
    step: PipelineStep,
    settings: ExecutorSettings,
    *,
    name: str,
    tasks: int,
    workers: int,
    logs: str,
    printed: str | None = None,
) -> Any:
    """The executor of one stage.

    Args:
        step: the one step that every task runs.
        settings: which executor, and its options.
        name: the job's name.
        tasks: number of tasks.
        workers: tasks at a time, -1 for no limit.
        logs: datatrove's logging folder, a new one for every start.
        printed: a local folder for what Slurm's jobs print; one below the working directory by default.

    Raises:
        ConfigError: if the executor's package is missing or an option it needs is not set.
    """
    check_executor(settings)
    if settings.kind == "slurm":
        return _slurm(step, settings, name, tasks, workers, logs, printed)
    if settings.kind == "ray":
        return _ray(step, settings, tasks, workers, logs)
    return LocalExecutor([step], tasks=tasks, workers=workers, logging_dir=logs)


def _slurm(
    step: PipelineStep,
    settings: ExecutorSettings,
    name: str,
    tasks: int,
    workers: int,
    logs: str,
    printed: str | None,
) -> SlurmArrays:
    activate, command = settings.venv_path, settings.env_command
    if not (activate or command):
        activate, command = _own_environment()
    return SlurmArrays(
        [step],
        tasks=tasks,
        workers=workers,
        time=settings.time,
        partition=settings.partition,
        cpus_per_task=settings.cpus_per_task,
        mem_per_cpu_gb=settings.mem_per_cpu_gb,
        gpus_per_task=settings.gpus_per_task,
        qos=settings.qos or "",
        job_name=name,
        venv_path=activate,
        env_command=command,
        sbatch_args=dict(settings.sbatch_args),
        max_array_size=settings.max_array_size,
        logging_dir=logs,
        slurm_logs_folder=printed,
    )


def _own_environment() -> tuple[str | None, str | None]:
    """That of this interpreter: its ``activate`` script, or a command where it stands in no virtual environment."""
    activate = Path(sys.prefix, "bin", "activate")
    if activate.is_file():
        return shlex.quote(str(activate)), None
    return None, f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"


def _ray(step: PipelineStep, settings: ExecutorSettings, tasks: int, workers: int, logs: str) -> Any:
    from curation.ray_executor import RayExecutor

    return RayExecutor(
        [step],
        tasks=tasks,
        workers=workers,
        cpus_per_task=settings.cpus_per_task,
        mem_per_cpu_gb=settings.mem_per_cpu_gb,
        gpus_per_task=settings.gpus_per_task,
        logging_dir=logs,
    )
