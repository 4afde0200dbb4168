"""A judge's server as a program of its own: slow as told, faulty as told, and what it did stands in its log.

    python tests/annotation/judge_server.py --delay 0.2 --at-once 512 --rate-429 0.1 --log served.log

prints its port and serves ``POST /v1/chat/completions``, ``GET /v1/models``, ``/health`` and ``/stats`` until killed.
A request waits until fewer than ``--at-once`` are worked on, takes ``--delay`` seconds, and gets a label that follows
from its document alone: the id in ``[document ID]`` within the first user message, or that whole message.

Each line of the log is ``time event turn document``, written before what it tells of is sent, so that a server killed
with -9 has logged all that it sent; ``time`` is the machine's monotonic clock, and ``turn`` counts the request's user
messages. Events: ``ask`` for each request, then one of `OUTCOMES`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import re
import time
import zlib
from collections import Counter, deque

OUTCOMES = (
    "success",
    "429",
    "500",
    "dropped",  # before any work
    "dropped_worked",  # after the work, in place of the reply
    "empty_content",
    "empty_body",
    "broken",  # a body that ends in the middle
    "unscored",  # a readable reply without a score line
    "abandoned",  # the client went away while it waited or was worked on
)
_REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_DOCUMENT = re.compile(r"\[document ([\w.-]+)\]")


class Faults:
    """Which request goes wrong and how: a seeded draw for each."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._draw = random.Random(given.seed).random
        shares = {
            "429": given.rate_429,
            "500": given.rate_500,
            "dropped": given.rate_dropped / 2,
            "dropped_worked": given.rate_dropped / 2,
            "empty_content": given.rate_empty / 2,
            "empty_body": given.rate_empty / 2,
            "broken": given.rate_garbage / 2,
            "unscored": given.rate_garbage / 2,
        }
        self._steps, below = [], 0.0
        for outcome, share in shares.items():
            below += share
            if share:
                self._steps.append((below, outcome))

    def outcome(self) -> str:
        """The next request's."""
        if not self._steps:
            return "success"
        drawn = self._draw()
        return next((outcome for below, outcome in self._steps if drawn < below), "success")


class Desk:
    """The work of all connections: at most ``at_once`` requests at a time, the others in a queue; and the log."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.loop = asyncio.get_running_loop()
        self.faults = Faults(given)
        self.delay, self.at_once, self.retry_after = given.delay, given.at_once, given.retry_after
        self.max_model_len = given.max_model_len
        self.working, self.most_working = 0, 0
        self.waiting: deque[Ask] = deque()
        self.counts: Counter[str] = Counter()
        self._path, self._log = given.log, -1

    def note(self, event: str, turn: int, document: str) -> None:
        """Count and log what is about to happen."""
        self.counts[event] += 1
        if self._path:
            if self._log < 0:
                self._log = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.write(self._log, f"{time.monotonic():.6f} {event} {turn} {document}\n".encode())

    def take(self, ask: Ask) -> None:
        """Work on a request, now or when there is room."""
        if self.working >= self.at_once:
            self.waiting.append(ask)
            return
        self.working += 1
        self.most_working = max(self.most_working, self.working)
        ask.timer = self.loop.call_later(self.delay, ask.finish)

    def leave(self) -> None:
        """One request less is worked on."""
        self.working -= 1
        while self.waiting and self.working < self.at_once:
            ask = self.waiting.popleft()
            if not ask.is_over:
                self.take(ask)

    def stats(self) -> dict[str, object]:
        """What is going on now, and what was counted so far."""
        waiting = sum(not ask.is_over for ask in self.waiting)
        return {
            "working": self.working,
            "waiting": waiting,
            "most_working": self.most_working,
            "cpu_seconds": time.process_time(),
            "counts": dict(self.counts),
        }


class Ask:
    """One request: from its arrival to what it gets."""

    __slots__ = ("asked", "connection", "document", "is_over", "outcome", "timer", "turn")

    def __init__(self, connection: Connection, body: bytes) -> None:
        self.connection = connection
        self.asked = json.loads(body)
        said = [message["content"] for message in self.asked["messages"] if message["role"] == "user"]
        found = _DOCUMENT.search(said[0])
        self.document = found[1] if found else f"{zlib.crc32(said[0].encode()):08x}"
        self.turn = len(said)
        self.timer: asyncio.TimerHandle | None = None
        self.is_over = False

    def begin(self) -> None:
        """Refuse it at once, or put it to work."""
        desk = self.connection.desk
        self.outcome = desk.faults.outcome()
        desk.note("ask", self.turn, self.document)
        if self.outcome == "429":
            self._end(429, b'{"error": {"message": "slow down"}}', f"retry-after: {desk.retry_after}\r\n")
        elif self.outcome == "dropped":
            self._end(0)
        else:
            desk.take(self)

    def finish(self) -> None:
        """The work is done."""
        self.timer = None
        self.connection.desk.leave()
        if self.outcome == "dropped_worked":
            self._end(0)
        elif self.outcome == "500":
            self._end(500, b'{"error": {"message": "worker died"}}')
        elif self.outcome == "empty_body":
            self._end(200)
        else:
            body = self._completion()
            self._end(200, body[: len(body) // 2] if self.outcome == "broken" else body)

    def abandon(self) -> None:
        """The client went away."""
        if self.is_over:
            return
        self.is_over = True
        desk = self.connection.desk
        desk.note("abandoned", self.turn, self.document)
        if self.timer is not None:
            self.timer.cancel()
            desk.leave()

    def _end(self, status: int, body: bytes = b"", headers: str = "") -> None:
        """Log the outcome, then send it; status 0 drops the connection."""
        self.is_over = True
        self.connection.desk.note(self.outcome, self.turn, self.document)
        self.connection.reply(status, body, headers)

    def _completion(self) -> bytes:
        said = {
            "empty_content": "",
            "unscored": f"The extract {self.document} would have to be read again before I could rate it.",
        }.get(self.outcome, f"The extract {self.document} was read.\nFinal score: {label_of(self.document)}")
        prompt_tokens = sum(len(message["content"]) for message in self.asked["messages"]) // 4
        choice: dict[str, object] = {
            "index": 0,
            "message": {"role": "assistant", "content": said},
            "finish_reason": "stop",
        }
        if self.asked.get("logprobs"):
            choice["logprobs"] = {"content": _logprobs(said)}
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(said) // 4}
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage}
        return json.dumps(answer).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as far as judges need it: one request at a time, bodies with a content-length."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._buffer = b""
        self._ask: Ask | None = None
        self._closes = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ask is not None:
            self._ask.abandon()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._ask is None:
            self._next()

    def reply(self, status: int, body: bytes, headers: str = "") -> None:
        """Send a response; status 0 drops the connection."""
        self._ask = None
        if status == 0:
            self._transport.abort()
            return
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n{headers}"
        self._transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        if self._closes:
            self._transport.close()
        elif self._buffer:
            self._next()

    def _next(self) -> None:
        """The next request, if all of it is here."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < whole:
            return
        body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
        self._closes = bool(_CLOSE.search(head))
        if head.startswith(b"POST /v1/chat/completions "):
            self._ask = Ask(self, body)
            self._ask.begin()
        else:
            self._answer(head.split(b" ", 2)[1].decode())

    def _answer(self, path: str) -> None:
        model = {"id": "tiny", "object": "model", "max_model_len": self.desk.max_model_len}
        known = {"/v1/models": {"object": "list", "data": [model]}, "/health": {}, "/stats": self.desk.stats()}
        if path in known:
            self.reply(200, json.dumps(known[path]).encode())
        else:
            self.reply(404, b'{"error": {"message": "no such path"}}')


def label_of(document: str) -> int:
    """The label that a document gets, 0 to 5."""
    return zlib.crc32(document.encode()) % 6


def _logprobs(said: str) -> list[dict[str, object]]:
    """Words as tokens; the last one's alternative is its neighbour."""
    tokens = re.findall(r"\S+|\s+", said)
    return [{"token": token, "logprob": -0.1, "top_logprobs": _alternatives(token)} for token in tokens]


def _alternatives(token: str) -> list[dict[str, object]]:
    other = [{"token": str((int(token) + 1) % 6), "logprob": -2.4}] if token.isdecimal() else []
    return [{"token": token, "logprob": -0.1}, *other]


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds of work for each request")
    parser.add_argument("--at-once", type=int, default=512, help="requests worked on at a time")
    parser.add_argument("--seed", type=int, default=1)
    for fault in ("429", "500", "dropped", "empty", "garbage"):
        parser.add_argument(f"--rate-{fault}", type=float, default=0.0, help="share of the requests")
    parser.add_argument("--retry-after", type=float, default=0.2, help="what a 429 asks for, in seconds")
    parser.add_argument("--max-model-len", type=int, default=8192)
    parser.add_argument("--log", help="a file to append to")
    return parser.parse_args()


async def serve(given: argparse.Namespace) -> None:
    """Serve until killed."""
    desk = Desk(given)
    server = await desk.loop.create_server(
        lambda: Connection(desk), "127.0.0.1", given.port, backlog=2048, reuse_address=True
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    given = _read_arguments()
    gc.freeze()
    gc.set_threshold(100_000)
    try:
        import uvloop  # type: ignore[import-not-found]
    except ImportError:
        asyncio.run(serve(given))
    else:
        uvloop.run(serve(given))


if __name__ == "__main__":
    main()
