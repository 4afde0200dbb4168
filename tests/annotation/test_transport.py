"""Both transports against a server that answers byte for byte as it is told."""

import asyncio
import contextlib
import socket
import threading

import pytest

from curation.annotation.plain_http import PlainHttp
from curation.annotation.transport import Answer, AnyHttp, ExchangeFailed, ServerGone, open_transport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Scripted:
    """Answers the requests of each connection with `answers(request)`: bytes, a list of pieces, or None to hang up."""

    def __init__(self, answers):
        self.answers = answers
        self.requests, self.connections = [], 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._listening.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while head := self._head(stream):
                length = next((int(one.split(b":")[1]) for one in head if one.startswith(b"content-length")), 0)
                self.requests.append((head, stream.read(length)))
                answer = self.answers(len(self.requests))
                for piece in [answer] if isinstance(answer, bytes) else answer or []:
                    connection.sendall(piece)
                if answer is None or b"close" in b"".join([answer] if isinstance(answer, bytes) else answer):
                    return

    def _head(self, stream):
        lines = []
        while (line := stream.readline().strip()) or not lines:
            if not line:
                return []
            lines.append(line.lower())
        return lines


@pytest.fixture
def scripted():
    made = []

    def make(answers):
        made.append(Scripted(answers if callable(answers) else lambda count: answers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def plain(url, headers, timeout_seconds):
    return PlainHttp(headers, timeout_seconds)


def general(url, headers, timeout_seconds):
    return AnyHttp([url], headers, timeout_seconds)


@pytest.fixture(params=[plain, general])
def talk(request):
    """Runs a coroutine with a transport in a loop of its own."""

    def run(url, work, headers=None, timeout_seconds=30.0):
        async def main():
            transport = request.param(url, headers or {}, timeout_seconds)
            try:
                return await work(transport)
            finally:
                await transport.close()

        return asyncio.run(main())

    return run


FORMS = {
    "a length": OK,
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    "in pieces": [b"HTTP/1.1 2", b"00 OK\r\ncontent-le", b"ngth: 2\r\n\r", b"\no", b"k"],
    "until the end": b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok",
    "old": b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nok",
    "after a go-ahead": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "closing": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_answer_is_read(scripted, talk, form):
    server = scripted(FORMS[form])

    async def twice(transport):
        return [await transport.post(server.url, "/chat/completions", b'{"a": 1}') for _ in range(2)]

    assert talk(server.url, twice) == [Answer(200, "", b"ok")] * 2
    assert [content for _, content in server.requests] == [b'{"a": 1}'] * 2


def test_what_is_sent(scripted, talk):
    server = scripted(OK)

    async def both(transport):
        await transport.get(server.url, "/models", 5.0)
        await transport.post(server.url, "/chat/completions", b"{}")

    talk(server.url, both, {"authorization": "Bearer x"})
    (asked, _), (posted, _) = server.requests
    assert asked[0] == b"get /v1/models http/1.1" and posted[0] == b"post /v1/chat/completions http/1.1"
    assert b"authorization: bearer x" in asked and b"authorization: bearer x" in posted
    assert b"content-type: application/json" in posted and b"content-length: 2" in posted


def test_status_and_what_it_asks_to_wait(scripted, talk):
    server = scripted(b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n")

    async def once(transport):
        return await transport.post(server.url, "/x", b"")

    assert talk(server.url, once) == Answer(429, "7", b"")


def test_connections_are_kept_and_as_many_as_are_asked_at_once(scripted, talk):
    server = scripted(OK)

    async def many(transport):
        for _ in range(5):
            await transport.post(server.url, "/x", b"1")
        one = server.connections
        await asyncio.gather(*[transport.post(server.url, "/x", b"1") for _ in range(150)])
        return one, server.connections

    one, all_of_them = talk(server.url, many)
    assert one == 1 and 100 < all_of_them <= 150 and len(server.requests) == 155


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"nothing of the kind\r\n\r\n close",
        [b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nconnection: close"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nclose"],
    ],
)
def test_no_whole_answer_is_a_failure(scripted, talk, answer):
    server = scripted(answer)

    async def once(transport):
        await transport.post(server.url, "/x", b"1")

    with pytest.raises(ExchangeFailed):
        talk(server.url, once)


def test_a_late_answer_is_a_failure_and_the_next_request_is_not_given_it(scripted, talk):
    held = threading.Event()

    def answers(count):
        if count == 1:
            held.wait(30)
            return OK.replace(b"ok", b"NO")
        return OK

    server = scripted(answers)

    async def twice(transport):
        with pytest.raises(ExchangeFailed):
            await transport.post(server.url, "/x", b"1")
        held.set()
        return await transport.post(server.url, "/x", b"2")

    assert talk(server.url, twice, timeout_seconds=0.3).content == b"ok"


def test_a_server_that_is_not_there_is_gone(talk):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"

    async def once(transport):
        await transport.post(url, "/x", b"1")

    with pytest.raises(ServerGone, match=r"refused|[Cc]onnect"):
        talk(url, once)


def test_an_answer_that_nobody_asked_for_ends_the_connection(scripted):
    server = scripted([OK, OK])

    async def twice():
        transport = PlainHttp({}, 30.0)
        first = await transport.post(server.url, "/x", b"1")
        await asyncio.sleep(0.1)
        second = await transport.post(server.url, "/x", b"2")
        await transport.close()
        return first, second

    assert asyncio.run(twice()) == (Answer(200, "", b"ok"), Answer(200, "", b"ok"))


def test_which_transport_serves(monkeypatch):
    async def kinds(*urls):
        transport = open_transport(urls, {}, 1.0)
        await transport.close()
        return type(transport)

    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert asyncio.run(kinds("http://localhost:1/v1", "http://node7:8000/v1")) is PlainHttp
    assert asyncio.run(kinds("http://localhost:1/v1", "https://api.example/v1")) is AnyHttp
    assert asyncio.run(kinds("http://me:pw@node7:8000/v1")) is AnyHttp
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    assert asyncio.run(kinds("http://node7:8000/v1")) is AnyHttp
    assert asyncio.run(kinds("http://127.0.0.1:8000/v1")) is PlainHttp
    monkeypatch.setenv("no_proxy", "node7")
    assert asyncio.run(kinds("http://node7:8000/v1")) is PlainHttp


@pytest.mark.parametrize("steps", range(8))
def test_closed_while_a_request_is_under_way_no_connection_stays_open(scripted, steps):
    server = scripted(OK)

    async def talk():
        transport = PlainHttp({}, 5)
        asked = asyncio.ensure_future(transport.post(server.url, "/x", b"{}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        await transport.close()
        (answer,) = await asyncio.gather(asked, return_exceptions=True)
        assert not transport._open and not any(transport._idle.values())
        return answer

    assert isinstance(asyncio.run(talk()), Answer | ExchangeFailed)
