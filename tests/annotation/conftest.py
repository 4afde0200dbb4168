"""A small real chat server, and the recorded labels."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


class ChatServer(ThreadingHTTPServer):
    """Answers with `answer(body, count)`: a string, or (status, body, headers); count is of requests for that text."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answer = lambda body, count: "Fine.\nFinal score: 3"
        self.models_status = 200
        self.models = []
        self.bodies, self.headers_seen, self.paths = [], [], []
        self.running = self.most_running = 0
        self.lock = threading.Lock()

    def handle_error(self, request, client_address):
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        status = self.server.models_status
        self._send(status, {"data": self.server.models} if status == 200 else {"error": {"message": "no such key"}}, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        with server.lock:
            count = sum(seen["messages"] == body["messages"] for seen in server.bodies)
            server.bodies.append(body)
            server.headers_seen.append(dict(self.headers))
            server.paths.append(self.path)
            server.running += 1
            server.most_running = max(server.most_running, server.running)
        answer = server.answer(body, count)
        with server.lock:
            server.running -= 1
        if answer is None:
            self.close_connection = True
        elif isinstance(answer, str):
            usage = {"prompt_tokens": 7, "completion_tokens": 5}
            choice = {"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
            self._send(200, {"choices": [choice], "usage": usage}, {})
        else:
            self._send(*answer)

    def _send(self, status, body, headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def chat_server():
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def labels_file():
    """Path of the recorded labels made with a prompt; skips where the shared data is absent."""

    def find(name):
        path = SHARED / "data" / "labels" / f"{name}.jsonl.gz"
        if not path.is_file():
            pytest.skip(f"no {path}")
        return path

    return find


@pytest.fixture
def recorded(labels_file):
    """Rows of the recorded labels made with a prompt."""

    def read(name):
        with gzip.open(labels_file(name), "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return read
