"""A small process between us and a server: it ends the server, with all its children, as soon as we are gone.

    python -I guard.py RECORD python -m vllm.entrypoints.openai.api_server --model M   # standard input: our pipe

The pipe closes when its holder closes it or dies, of ``kill -9`` too, whichever thread started the server (Linux's
parent-death signal alone fires when the starting *thread* ends). A forked child may hold the pipe open longer than its
holder lives: so the parent is watched, too. RECORD, a JSON file, learns the process ids of guard and server, for the
case that this guard is killed as well (see `curation.annotation.orphans`); the parent-death signal is set on the server
for the same case. Standard library only: it is run as a file, without the package.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10.0


def main(record: Path, command: list[str]) -> int:
    """Run ``command`` until it ends, standard input closes or the parent dies; its exit status."""
    client = os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent)
    try:
        _write_down(record, server.pid)
        _wait_for_end(server, client)
    finally:
        end(server)
        record.unlink(missing_ok=True)
    return server.returncode


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server's whole process group: asked first, killed after `GRACE_SECONDS`.

    The group is signalled though the server itself has ended: vLLM's engine outlives its killed API server.
    """
    _signal_group(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(GRACE_SECONDS)
    _signal_group(server.pid, signal.SIGKILL)
    server.wait()


def _wait_for_end(server: subprocess.Popen[bytes], client: int) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while server.poll() is None and os.getppid() == client:
            if selector.select(timeout=0.25) and not os.read(sys.stdin.fileno(), 4096):
                return


def _write_down(record: Path, server: int) -> None:
    known = json.loads(record.read_text("utf-8"))
    known |= {"guard": [os.getpid(), _started(os.getpid())], "server": [server, _started(server)]}
    beside = record.with_suffix(".new")
    beside.write_text(json.dumps(known), "utf-8")
    beside.replace(record)


def _started(pid: int) -> int:
    """When a process started, in clock ticks since boot: with its id it names a process for good; 0 without /proc."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
