"""Servers that outlived their client: each server is written down, and the next start on the machine ends orphans.

    record = write_record(model="meta-llama/Llama-3.1-8B-Instruct", port=20123, log=log)  # the guard adds its own
    end_orphans()  # those of other clients, if these are gone

The guard ends its server when the client dies. Where the guard is killed as well, vLLM's engine may live on and hold
the GPU. A process is known by its id and its start time, so that a recycled id is never killed; where the server itself
is gone, what is left of its session is known by writing to the server's log.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from curation.annotation.guard import GRACE_SECONDS
from curation.locks import own_folder

_PROC = Path("/proc")
_LISTENS = "0A"  # of /proc/net/tcp
_KEEP_LOGS_SECONDS = 7 * 86_400.0
_TERM_SECONDS = 5.0


def write_record(model: str, port: int, log: Path) -> Path:
    """The file that the guard completes, and removes when the server has ended."""
    record = {"machine": _machine(), "client": [os.getpid(), started(os.getpid())], "model": model, "port": port}
    path = log.with_suffix(".json")
    path.write_text(json.dumps(record | {"log": str(log)}), "utf-8")
    return path


def end_orphans() -> list[str]:
    """End the servers whose client is gone; the models they served."""
    ended = []
    for path in sorted(own_folder().glob("*.json")):
        with contextlib.suppress(OSError, ValueError):  # a neighbour task ended it first
            record = json.loads(path.read_text("utf-8"))
            if record["machine"] == _machine() and not _is_alive(record["client"]):
                _end(record)
                ended.append(str(record["model"]))
                Path(record["log"]).unlink(missing_ok=True)
                path.unlink(missing_ok=True)
    _remove_old_logs()
    return ended


def started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 if there is none, or it only waits to be buried."""
    fields = _stat(pid)
    return 0 if not fields or fields[0] == "Z" else int(fields[19])


def session_members(leader: int, since: int, log: Path) -> list[int]:
    """The processes of the session that ``leader``, started at ``since``, opened.

    Where the leader has ended, its id may meanwhile lead another session: then those count that write to ``log``.
    """
    is_there = started(leader) == since != 0
    members = [pid for pid in _processes() if (fields := _stat(pid)) and int(fields[3]) == leader]
    return [pid for pid in members if started(pid) >= since and (is_there or str(log) in _open_files(pid))]


def listens(port: int, members: Iterable[int]) -> bool:
    """Whether one of ``members`` holds the socket that listens at ``port``; true where /proc does not tell."""
    try:
        lines = (_PROC / "net/tcp").read_text().splitlines()[1:]
    except OSError:
        return True
    rows = [line.split() for line in lines]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENS and int(row[1].split(":")[1], 16) == port}
    return any(sockets & _open_files(pid) for pid in members)


def _end(record: dict[str, Any]) -> None:
    """End the session of the server; its guard, if it lives, is given time to do so."""
    guard, server = record.get("guard"), record.get("server")
    if guard is None or server is None:
        return
    _wait(lambda: not _is_alive(guard), GRACE_SECONDS + 5.0)
    log, (leader, since) = Path(record["log"]), server
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in session_members(leader, since, log):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        _wait(lambda: not session_members(leader, since, log), _TERM_SECONDS)


def _remove_old_logs() -> None:
    """Those that nobody ended in order, and nobody has read since."""
    for log in own_folder().glob("vllm-*.log"):
        with contextlib.suppress(OSError):
            if not log.with_suffix(".json").exists() and time.time() - log.stat().st_mtime > _KEEP_LOGS_SECONDS:
                log.unlink()


def _wait(is_done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not is_done() and time.monotonic() < until:
        time.sleep(0.1)


def _is_alive(process: list[int]) -> bool:
    pid, since = process
    return started(pid) == since != 0


def _machine() -> str:
    """This boot of this machine, or container: process ids mean nothing in another."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:
        return "unknown"


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: 0 state, 3 session, 19 start time."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _open_files(pid: int) -> set[str]:
    """What the open files of a process are, as /proc names them: paths, sockets."""
    found = set()
    with contextlib.suppress(OSError):  # not ours, or ended while we looked
        for link in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(os.readlink(link).removesuffix(" (deleted)"))
    return found
