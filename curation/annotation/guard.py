"""A small process between us and a server: it ends the server, with all its children, as soon as we are gone.

    python -I guard.py python -m vllm.entrypoints.openai.api_server --model M   # standard input: a pipe that we hold

The pipe closes when its holder closes it or dies, of ``kill -9`` too, whichever thread started the server (Linux's
parent-death signal alone fires when the starting *thread* ends). The signal is set on the server as well, for the case
that this guard is the one killed. Standard library only: it is run as a file, without the package.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10.0


def main(command: list[str]) -> int:
    """Run ``command`` until it ends or standard input closes; its exit status."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
            while server.poll() is None:
                if selector.select(timeout=0.5) and not os.read(sys.stdin.fileno(), 4096):
                    break
    finally:
        end(server)
    return server.returncode


def end(server: subprocess.Popen[bytes]) -> None:
    """End the server's whole process group: asked first, killed after `GRACE_SECONDS`."""
    until = time.monotonic() + GRACE_SECONDS
    _signal_group(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(max(0.0, until - time.monotonic()))
    _signal_group(server.pid, signal.SIGKILL)
    server.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
