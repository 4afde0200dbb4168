"""One start of a server: its guard, its port, its log and its record.

port, lock = claim_port()
server = ServerProcess([*command, "--port", str(port)], model="m", port=port, environment={}, locks=(lock,))
trouble = server.wait_until_healthy(3600, threading.Event())  # None, or in words why it is not there
server.end()
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from curation.annotation.orphans import listens, session_members, write_record
from curation.errors import ConfigError
from curation.locks import lock_file, own_folder

PORTS = range(20_000, 21_000)
"""Below the ports that Linux gives to outgoing connections (32768 and up): such a connection, even one of our own that
looks for the server, would otherwise now and then hold the port of a server that is to be started again."""

_ANSWER_SECONDS = 5.0
_GUARD = Path(__file__).with_name("guard.py")
_SPEAKER = re.compile(r"^(?:\([^()]*pid=\d+\) ?)?(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] ?)?")
_CAUSE = re.compile(r"^(?:[\w.]*(?:Error|Exception)(?=:|$)|[\w.-]+: error:)")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServerProcess:
    """A server that has been started.

    Args:
        command: what starts it.
        model: for the record.
        port: where on 127.0.0.1 it will listen.
        environment: all of its environment.
        locks: open files that its guard is to hold, too.

    Attributes:
        log: what it says.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        model: str,
        port: int,
        environment: Mapping[str, str],
        locks: Sequence[int] = (),
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        descriptor, log = tempfile.mkstemp(prefix="vllm-", suffix=".log", dir=own_folder())
        self.log = Path(log)
        self._record = write_record(model, port, self.log)
        with os.fdopen(descriptor, "wb") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", str(_GUARD), str(self._record), *command],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=dict(environment),
                pass_fds=tuple(locks), start_new_session=True,  # Ctrl-C is for the client: it ends the server in order
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        """Whether the server has not ended."""
        return self._guard.poll() is None

    def answers(self) -> bool:
        """Whether it says that it is well."""
        try:
            with _DIRECT.open(f"{self.url}/health", timeout=_ANSWER_SECONDS) as response:
                return bool(response.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def wait_until_healthy(self, seconds: float, closing: threading.Event) -> str | None:
        """None when it answers; in words why it does not: it ended, or so many seconds passed; "" when closed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.is_running:
                return f"the server {self.ending()} while starting: {self.last_words()}"
            if self.answers() and listens(self._port, self._members()):  # not a stranger in its place
                return None
            if closing.wait(0.25):
                return ""
        return f"not ready after {seconds:g} s: {self.last_words()}"

    def ending(self) -> str:
        """How it ended: 9 is the signal of who finds too little memory."""
        status = self._guard.wait()
        return f"was killed by signal {256 - status}" if status > 192 else f"ended with status {status}"

    def last_words(self) -> str:
        """What the log says of an error; where it names none, its last lines."""
        lines = [_SPEAKER.sub("", line.rstrip()) for line in self.log.read_text("utf-8", "replace").splitlines()]
        causes = [" ".join([line, *_continued(lines, at)]) for at, line in enumerate(lines) if _CAUSE.match(line)]
        said = list(dict.fromkeys(causes))[-4:] or [line.strip() for line in lines if line.strip()][-8:]
        return " | ".join(line[:400] for line in said) or "it said nothing"

    def end(self, *, keep_log: bool = False) -> None:
        """End the server, with all its children; once, a second call does nothing."""
        if self._guard.stdin is None or self._guard.stdin.closed:
            return
        self._guard.stdin.close()  # the guard ends the server when this pipe closes
        self._guard.wait()
        self._record.unlink(missing_ok=True)
        if not keep_log:
            self.log.unlink(missing_ok=True)

    def _members(self) -> list[int]:
        """The processes of the server, as far as the guard has written it down."""
        with contextlib.suppress(OSError, ValueError):
            leader, since = json.loads(self._record.read_text("utf-8")).get("server", (0, 0))
            return session_members(leader, since, self.log)
        return []


def claim_port() -> tuple[int, int]:
    """A port where nobody listens, and the open file whose lock keeps other clients of ours from it.

    Raises:
        ConfigError: if there is none.
    """
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):  # a seeded run walks the same way twice
        lock = lock_file(f"port-{port}")
        if lock is not None:
            if _is_free(port):
                return port, lock
            os.close(lock)
    raise ConfigError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free on this machine")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _continued(lines: Sequence[str], at: int) -> list[str]:
    """The line after an error that only announces what is wrong, as pydantic's do."""
    return [line.strip() for line in lines[at + 1 : at + 2] if re.search(r"\d validation errors? for", lines[at])]
