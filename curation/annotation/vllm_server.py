"""A judge that starts its own vLLM server and ends it.

    judge = open_judge("vllm:meta-llama/Llama-3.1-70B-Instruct", options={"tensor_parallel_size": 8})

The server starts with the first request and is ended by `close`, at exit, and, through its guard, when this process is
killed. Options become command-line options of the server; those under ``body`` go into each request's body.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.annotation.endpoint import EndpointJudge
from curation.annotation.judge import Reply, Request
from curation.errors import ConfigError

_GUARD = Path(__file__).with_name("guard.py")
_SILENT = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


class VllmJudge:
    """A vLLM server of our own, asked like any endpoint.

    Attributes:
        name: the model.
        command: what starts the server, before model, host, port and options.
        start_seconds: how long loading the model may take.
    """

    def __init__(
        self, model: str, generation: Mapping[str, Any] = {}, options: Mapping[str, Any] = {}, *, concurrency: int = 64
    ) -> None:
        self.name = model
        self.command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        self.start_seconds = 3600.0
        self._generation = generation
        self._options = dict(options)
        self._concurrency = concurrency
        self._endpoint: EndpointJudge | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None

    def check(self) -> None:
        """Raise `ConfigError` if vLLM is not installed or its options cannot be written on a command line."""
        if "vllm.entrypoints.openai.api_server" in self.command and importlib.util.find_spec("vllm") is None:
            raise ConfigError(f"judge vllm:{self.name}: vllm is not installed; pip install 'curation[vllm]'")
        server_arguments(self._options)
        if not isinstance(self._options.get("body", {}), Mapping):
            raise ConfigError(f"judge vllm:{self.name}: options: body: expected a mapping")

    def ask(self, requests: Sequence[Request]) -> Iterator[tuple[int, Reply]]:
        """The replies, in order of completion; the server is started if it is not yet there.

        Raises:
            ConfigError: if the server does not start, or refuses the first request.
        """
        if not requests:
            return
        if self._endpoint is None:
            self._endpoint = self._start()
        yield from self._endpoint.ask(requests)

    def close(self) -> None:
        """End the server."""
        atexit.unregister(self.close)
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()
        guard, self._guard = self._guard, None
        if guard is not None and guard.stdin is not None:
            guard.stdin.close()  # the guard ends the server when this pipe closes
            guard.wait()
        if self._log is not None:
            self._log.unlink(missing_ok=True)

    def _start(self) -> EndpointJudge:
        self.check()
        port = _free_port()
        arguments = ["--model", self.name, "--host", "127.0.0.1", "--port", str(port), *server_arguments(self._options)]
        descriptor, log = tempfile.mkstemp(prefix="curation-vllm-", suffix=".log")
        self._log = Path(log)
        with os.fdopen(descriptor, "wb") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", str(_GUARD), *self.command, *arguments],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env={**_SILENT, **os.environ},
            )  # fmt: skip
        atexit.register(self.close)
        try:
            self._wait_until_healthy(self._guard, f"http://127.0.0.1:{port}/health")
        except BaseException:
            self.close()
            raise
        body = self._options.get("body", {})
        url = f"http://127.0.0.1:{port}"
        return EndpointJudge([url], self.name, self._generation, body, concurrency=self._concurrency)

    def _wait_until_healthy(self, guard: subprocess.Popen[bytes], url: str) -> None:
        import httpx

        until = time.monotonic() + self.start_seconds
        while time.monotonic() < until:
            if guard.poll() is not None:
                raise ConfigError(f"judge vllm:{self.name}: the server ended while starting: {self._last_words()}")
            try:
                if httpx.get(url, timeout=5.0, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        raise ConfigError(f"judge vllm:{self.name}: not ready after {self.start_seconds:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log else []
        return " | ".join(line.strip() for line in lines[-8:] if line.strip()) or "it said nothing"


def server_arguments(options: Mapping[str, Any]) -> list[str]:
    """Options as command-line arguments: ``max_model_len: 8192`` is ``--max-model-len 8192``, true a bare flag.

    Raises:
        ConfigError: for a value that is no plain one, or for what is ours to set.
    """
    arguments: list[str] = []
    for key, value in options.items():
        flag = key.strip("-").replace("_", "-")
        if flag in ("model", "host", "port"):
            raise ConfigError(f"judge options: {key!r} is set by the judge itself")
        if key == "body" or value is None:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, str | int | float):
            arguments += [f"--{flag}", str(value)]
        else:
            raise ConfigError(f"judge options: {key}: expected a plain value, got {value!r}")
    return arguments


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
