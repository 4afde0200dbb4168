"""A server that is started, watched and started again where it dies, by a thread of its own.

    kept = KeptServer(start, given_up=endpoint.give_up)  # start(port, locks) -> ServerProcess
    url = kept.url(timeout=None)  # when it answers
    kept.close()

It comes back at the same port, so that who asks it has only to wait.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from loguru import logger

from curation.annotation.server_process import ServerProcess, claim_port
from curation.errors import ConfigError

_PORT_TRIES = 3
_LOOK_SECONDS = 5.0


class KeptServer:
    """A server at a port of ours.

    Args:
        start: starts it at a port; its guard is to hold the locks.
        given_up: told, in words, that it will not come back.
        start_seconds: how long it may take until it answers.
        silent_seconds: a server that runs, but does not answer for so long, is ended and started again.

    Attributes:
        restart_waits: seconds before each restart; when it has died once more, it is given up.
        calm_seconds: having answered for so long, it counts as new.
        process: the server as it runs now.
    """

    def __init__(
        self,
        start: Callable[[int, Sequence[int]], ServerProcess],
        given_up: Callable[[str], None],
        *,
        start_seconds: float = 3600.0,
        silent_seconds: float = 900.0,
    ) -> None:
        self.restart_waits: Sequence[float] = (1.0, 15.0, 60.0)
        self.calm_seconds = 300.0
        self.process: ServerProcess | None = None
        self._start, self._given_up = start, given_up
        self._start_seconds, self._silent_seconds = start_seconds, silent_seconds
        self._deaths = 0
        self._url: Future[str] = Future()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vllm", daemon=True)
        self._thread.start()

    def url(self, timeout: float | None = None) -> str | None:
        """Where it answers; None if it does not yet.

        Raises:
            ConfigError: if it did not start.
        """
        try:
            return self._url.result(timeout)
        except TimeoutError:
            return None

    def close(self) -> None:
        """End it."""
        self._closing.set()
        self._thread.join()

    def _keep(self) -> None:
        """In the thread, which alone starts and ends the server."""
        lock = None
        try:
            port, lock = self._first_start()
            self._url.set_result(f"http://127.0.0.1:{port}")
            while self._has_ended() and self._is_back(port, lock):
                pass
        except BaseException as error:  # to whoever waits for the start, or for replies
            if self._url.done():
                self._given_up(f"{type(error).__name__}: {error}")
            else:
                self._url.set_exception(error)
        finally:
            if self.process is not None:
                self.process.end()
            if lock is not None:
                os.close(lock)

    def _first_start(self) -> tuple[int, int]:
        """The port and its lock; another port is tried where a stranger was faster.

        Raises:
            ConfigError: with the server's last words.
        """
        trouble: str | None = ""
        for _ in range(_PORT_TRIES):
            port, lock = claim_port()
            trouble = self._started(port, lock)
            if trouble is None:
                return port, lock
            os.close(lock)
            if "address already in use" not in trouble.lower():
                break
        raise ConfigError(trouble or "closed while the server started")

    def _started(self, port: int, lock: int) -> str | None:
        """Start the server; None when it answers, in words why it does not, empty when closed before."""
        self.process = self._start(port, (lock,))
        logger.info(f"vLLM is starting at {self.process.url}, its log is {self.process.log}")
        trouble = self.process.wait_until_healthy(self._start_seconds, self._closing)
        if trouble is None:
            logger.info(f"vLLM answers at {self.process.url}")
            return None
        self.process.end(keep_log=bool(trouble))
        return f"{trouble} (log: {self.process.log})" if trouble else ""

    def _has_ended(self) -> bool:
        """Wait until the server has ended, or end it where it no longer answers; false when closed."""
        process = self.process
        assert process is not None
        began = looked = answered = time.monotonic()
        while not self._closing.wait(0.25):
            now = time.monotonic()
            if not process.is_running:
                self._deaths = 0 if now - began > self.calm_seconds else self._deaths
                return True
            if now - looked > _LOOK_SECONDS:
                looked, answered = now, now if process.answers() else answered
            if now - answered > self._silent_seconds:
                process.end(keep_log=True)
        return False

    def _is_back(self, port: int, lock: int) -> bool:
        """Start the server again; false when closed or given up."""
        assert self.process is not None
        process = self.process
        trouble: str | None = f"the server {process.ending()}: {process.last_words()} (log: {process.log})"
        for wait in self.restart_waits[self._deaths :]:
            logger.warning(f"vLLM: {trouble}; it is started again in {wait:g} s")
            self._deaths += 1
            self.process.end(keep_log=True)
            if self._closing.wait(wait):
                return False
            trouble = self._started(port, lock)
            if not trouble:
                return trouble is None
        self.process.end(keep_log=True)
        self._given_up(f"{trouble}; given up after {self._deaths} restarts")
        return False
