"""One task of a stage in a worker process: its threads, its log, and errors that arrive where they are waited for.

Example: ``run_rank(dill.dumps(executor, byref=False, recurse=True), rank=3, threads=2)``

What a task prints goes to ``task_00003.out`` in its executor's logging folder, datatrove's own messages to
``logs/task_00003.log`` below it; of a folder on an object store both appear when the task has ended.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill
from loguru import logger

from curation.errors import CurationError


def pickle_executor(executor: Any) -> bytes:
    """An executor, or a plan, with its steps; classes of a recipe's own file by value: workers cannot import it."""
    pickled: bytes = dill.dumps(executor, byref=False, recurse=True)
    return pickled


def run_rank(pickled: bytes, rank: int, threads: int) -> None:
    """Run one task in this process.

    Args:
        pickled: what `pickle_executor` gave.
        rank: the number of the task.
        threads: how many the task may use.

    Raises:
        Exception: what the task raised; as CurationError if it could not be sent to another process.
    """
    os.environ["OMP_NUM_THREADS"] = os.environ["CURATION_THREADS"] = str(threads)
    executor = dill.loads(pickled)
    with _printed_to(executor.logging_dir, f"task_{rank:05d}.out"):
        try:
            executor._run_for_rank(rank, local_rank=0)
        except Exception as error:
            raise _sendable(error) from None
        finally:
            logger.remove()
    logger.add(sys.stderr, level="ERROR")


@contextlib.contextmanager
def _printed_to(folder: Any, name: str) -> Iterator[None]:
    """Standard output and error of this process in a file of ``folder``, a datatrove DataFolder."""
    with contextlib.ExitStack() as stack:
        if folder.is_local():
            log = Path(folder.resolve_paths(name))
            log.parent.mkdir(parents=True, exist_ok=True)
        else:
            log = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="curation-log-")), name)
            stack.callback(lambda: folder.put_file(str(log), name) if log.stat().st_size else None)
        target = stack.enter_context(log.open("w"))
        stack.enter_context(contextlib.redirect_stdout(target))
        stack.enter_context(contextlib.redirect_stderr(target))
        yield


def _sendable(error: Exception) -> Exception:
    """An error that arrives at the other end: one that pickle cannot rebuild would look like a killed worker."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return CurationError(f"{type(error).__name__}: {error}")
    return error
