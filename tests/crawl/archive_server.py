"""A web server of archives that knows ranges, with faults on demand; also as much of S3 as reading needs.

Example: ``with ArchiveServer({"crawl-data/a.warc.gz": body}) as server: ArchiveReader(server.url).read(...)``
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ArchiveServer:
    """The server; ``requests`` are (path, start, end), all those that came, in order.

    ``faults`` are functions of (path, start, how often it was asked for before) that say what happens instead of an
    answer: a status, "drop" (the connection ends in the middle of the body), "all" (the range is ignored), or None.
    """

    def __init__(self, files, faults=(), retry_after="0.01", seconds=0.0):
        self.files, self.faults, self.retry_after, self.seconds = dict(files), list(faults), retry_after, seconds
        self.requests, self.agents, self.asked = [], set(), Counter()
        self.lock = threading.Lock()
        self._server = Quiet(("127.0.0.1", 0), type("Bound", (Handler,), {"archives": self}))
        self.host = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.host}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def note(self, path, start, end, agent):
        """What happens to this request."""
        with self.lock:
            before = self.asked[path, start]
            self.asked[path, start] += 1
            self.requests.append((path, start, end))
            self.agents.add(agent)
        return next(filter(None, (fault(path, start, before) for fault in self.faults)), None)

    def forget(self):
        """As if nobody had asked."""
        self.requests, self.asked = [], Counter()


class Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Clients that leave are no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20  # head and body in one packet, or the client waits for the rest
    archives: ArchiveServer

    def do_GET(self):
        first, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")
        path, start = self.path.lstrip("/"), int(first)
        body = self.archives.files.get(path)
        end = min(int(last) + 1 if last else 1 << 60, len(body or b""))
        happens = self.archives.note(path, start, end, self.headers.get("User-Agent"))
        time.sleep(self.archives.seconds)
        if isinstance(happens, int):
            self.answer(happens, b"busy", {"Retry-After": self.archives.retry_after})
        elif body is None:
            self.answer(404, b"nothing here")
        elif happens == "all":
            self.answer(200, body)
        elif start >= len(body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        else:
            place = {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}
            self.answer(206, body[start:end], place, drop=happens == "drop")

    def answer(self, status, body, headers=None, drop=False):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if drop else body)
        if drop:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


def now_and_then(share, happens):
    """A fault of the first attempt at that share of the ranges, always the same ones."""

    def fault(path, start, before):
        number = zlib.crc32(f"{happens} {path} {start}".encode()) % 1000
        return happens if before == 0 and number < 1000 * share else None

    return fault


def always(path, happens):
    """A fault of every attempt at an archive."""
    return lambda asked, start, before: happens if asked == path else None
