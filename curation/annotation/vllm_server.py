"""A judge that starts its own vLLM server, starts it again where it dies, and ends it.

    judge = open_judge("vllm:meta-llama/Llama-3.1-70B-Instruct", options={"tensor_parallel_size": 8})
    judge = open_judge("vllm:Qwen/Qwen3-8B", options={
        "python": "/opt/vllm/bin/python",  # an environment of vLLM's own: its pins clash with many a pipeline's
        "env": {"VLLM_ATTENTION_BACKEND": "FLASHINFER"}, "start_seconds": 7200, "body": {"seed": 1},
        "max_model_len": 8192, "speculative_config": {"method": "ngram", "num_speculative_tokens": 4},
    })

The server starts with the first request and is ended by `close`, at exit, and, through its guard, when this process is
killed. What is no option of ours becomes one of the server's command line; those under ``body`` go into each request's
body. Each judge has a server of its own, so eight tasks start eight; where more GPUs are visible than one needs, each
takes its share (`curation.gpus`).

datatrove has a server class, too. It runs ``vllm serve`` of its own environment, always with ``--trust-remote-code``,
lives in the event loop of its inference runner, marks a server that has died as failed for good, takes whatever answers
at its port for its own, and knows neither guard nor orphans: a killed task leaves vLLM on the GPU.
"""

from __future__ import annotations

import atexit
import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from curation.annotation.endpoint import EndpointJudge
from curation.annotation.judge import Reply, Request
from curation.annotation.kept_server import KeptServer
from curation.annotation.orphans import end_orphans
from curation.annotation.server_process import ServerProcess
from curation.annotation.vllm_options import (
    MODULE,
    check_options,
    find_vllm,
    interpreter,
    server_arguments,
    server_environment,
    start_seconds,
)
from curation.errors import ConfigError
from curation.gpus import Claim, claim_gpus, gpus_needed


class VllmJudge:
    """A vLLM server of our own, asked like any endpoint.

    Attributes:
        name: the model.
        concurrency: requests in flight at most.
        command: what starts the server, before model, host, port and options.
        server: it, once started.
    """

    def __init__(
        self,
        model: str,
        generation: Mapping[str, Any] = {},
        options: Mapping[str, Any] = {},
        *,
        concurrency: int = 256,
        timeout_seconds: float = 600.0,
        patience_seconds: float = 900.0,
    ) -> None:
        self.name, self.concurrency = model, concurrency
        self.command = [interpreter(options), "-m", MODULE]
        self.server: KeptServer | None = None
        self._generation, self._options = generation, dict(options)
        self._timeout_seconds, self._patience_seconds = timeout_seconds, patience_seconds
        self._waiting: deque[tuple[Hashable, Request]] = deque()
        self._endpoint: EndpointJudge | None = None
        self._claim = Claim()
        self._hopeless = ""

    @property
    def trouble(self) -> str:
        """What requests wait for; empty where they are answered."""
        return self._endpoint.trouble if self._endpoint is not None else "the server starts" if self.server else ""

    def check(self) -> None:
        """Raise `ConfigError` if vLLM is not installed or an option cannot be meant."""
        check_options(self._options)
        if MODULE in self.command:
            find_vllm(self.command[0])

    def submit(self, ticket: Hashable, request: Request) -> None:
        """Hand in a request; the first starts the server, and all wait here until it answers.

        Raises:
            ConfigError: if the server cannot be started, or did not start.
        """
        self._waiting.append((ticket, request))
        self._opened(0.0)

    def completed(self, timeout: float | None = None) -> list[tuple[Hashable, Reply]]:
        """What has come; waits for the server's start, then for the first reply.

        Raises:
            ConfigError: if the server does not start, with the last words of its log, or refuses the first request.
        """
        if self.server is None:
            return []
        until = None if timeout is None else time.monotonic() + timeout
        endpoint = self._opened(timeout)
        if endpoint is None:
            return []
        return endpoint.completed(None if until is None else max(0.0, until - time.monotonic()))

    def context_tokens(self) -> int | None:
        """The context that the server gives the model; it is started for the answer, if its options do not tell.

        Raises:
            ConfigError: as `completed`.
        """
        named = self._options.get("max_model_len")
        if isinstance(named, int):
            return named
        endpoint = self._opened(None)
        return endpoint.context_tokens() if endpoint else None

    def close(self) -> None:
        """End the server."""
        atexit.unregister(self.close)
        endpoint, self._endpoint = self._endpoint, None
        server, self.server = self.server, None
        if endpoint is not None:
            endpoint.close()
        if server is not None:
            server.close()
        claim, self._claim = self._claim, Claim()
        claim.close()
        self._waiting.clear()
        self._hopeless = ""

    def _opened(self, timeout: float | None) -> EndpointJudge | None:
        """The client of the server, with all that waited handed in; None where the server does not answer in time."""
        if self.server is None:
            self._start()
        assert self.server is not None
        if self._endpoint is None:
            url = self._answering(self.server, timeout)
            if url is None:
                return None
            self._endpoint = self._client(url)
        while self._waiting:
            self._endpoint.submit(*self._waiting.popleft())
        if self._hopeless:
            self._endpoint.give_up(self._hopeless)
        return self._endpoint

    def _answering(self, server: KeptServer, timeout: float | None) -> str | None:
        try:
            return server.url(timeout)
        except ConfigError as error:
            raise ConfigError(f"judge vllm:{self.name}: {error}") from error

    def _client(self, url: str) -> EndpointJudge:
        served = self._options.get("served_model_name") or self.name
        return EndpointJudge(
            [url], served if isinstance(served, str) else served[0], self._generation, self._options.get("body") or {},
            concurrency=self.concurrency, timeout_seconds=self._timeout_seconds,
            # It is told when there is no hope: until then it waits for restarts, however long loading takes.
            patience_seconds=max(self._patience_seconds, 10 * start_seconds(self._options)),
        )  # fmt: skip

    def _start(self) -> None:
        self.check()
        end_orphans()
        environment = server_environment(self._options)
        self._claim = claim_gpus(gpus_needed(self._options), environment)
        if self._claim.visible is not None:
            environment["CUDA_VISIBLE_DEVICES"] = self._claim.visible
        # A line of the log for each of millions of requests would fill the disk.
        arguments = server_arguments({"disable_uvicorn_access_log": True, **self._options})

        def start(port: int, locks: Sequence[int]) -> ServerProcess:
            here = ["--model", self.name, "--host", "127.0.0.1", "--port", str(port)]
            return ServerProcess(
                [*self.command, *here, *arguments], model=self.name, port=port, environment=environment,
                locks=[*self._claim.locks, *locks],
            )  # fmt: skip

        self.server = KeptServer(
            start, self._give_up, start_seconds=start_seconds(self._options), silent_seconds=self._patience_seconds
        )
        atexit.register(self.close)

    def _give_up(self, words: str) -> None:
        """From the server's thread: it will not come back."""
        self._hopeless = words
        if self._endpoint is not None:
            self._endpoint.give_up(words)
