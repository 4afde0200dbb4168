"""A Hub in memory: what uploads and `datasets.load_dataset` speak of its HTTP interface, with faults on demand.

Example: ``with HubServer() as hub: hub.fail("POST", "/commit/", 503, times=2)``; set HF_ENDPOINT to ``hub.url``.

Repositories have branches of commits, a commit is the whole tree. Files of data are "large" as by the Hub's
.gitattributes: they go by the LFS protocol, in parts where they are larger than ``part_bytes``.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from hub_routes import ROUTES, Entry, Refused, Repo, Routes

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


@dataclass
class Fault:
    method: str
    path: str
    does: object
    times: int
    headers: dict
    message: str
    after: int


class HubServer:
    """The server; `repos`, `stored` and `requests` are there to be looked at."""

    def __init__(self, part_bytes=1 << 40, page=1000):
        self.tokens = {"hf_writes": {"name": "me", "write": True}, "hf_reads": {"name": "you", "write": False}}
        self.repos, self.stored, self.parts, self.requests, self.faults = {}, {}, {}, [], []
        self.part_bytes, self.page, self.ignored, self.lock = part_bytes, page, (), threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def fail(self, method, path, does, times=1, headers=None, message="", after=0):
        """The next requests of this method and path (a regular expression) meet a status, "drop", "drop late"
        (the work is done, the answer is lost), or a function that is called before the request is served."""
        self.faults.append(Fault(method, path, does, times, headers or {}, message, after))

    def make(self, name, kind="dataset", private=False):
        repo = self.repos[kind, name] = Repo(kind, private)
        repo.commit("main", {".gitattributes": Entry(ATTRIBUTES, False)}, "initial commit")
        return repo

    def tree(self, name="me/pages", branch="main", kind="dataset"):
        repo = self.repos[kind, name]
        return {path: entry.content for path, entry in repo.trees[repo.branches[branch]].items()}

    def log(self, name="me/pages"):
        return self.repos["dataset", name].log[1:]

    def count(self, method, path):
        return sum(one == method and re.search(path, other) is not None for one, other in self.requests)

    def fault(self, method, path):
        with self.lock:
            self.requests.append((method, path))
            for one in self.faults:
                if one.times and one.method == method and re.search(one.path, path):
                    if one.after:
                        one.after -= 1
                        continue
                    one.times -= 1
                    return one
        return None


class Handler(Routes, BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def serve(self):
        body = self.read_body()
        parts = urlsplit(self.path)
        fault = self.hub.fault(self.command, parts.path)
        if fault and callable(fault.does):
            fault.does()
        elif fault and fault.does == "drop":
            return self.drop()
        elif fault and isinstance(fault.does, int):
            return self.answer(fault.does, {"error": fault.message}, fault.headers)
        try:
            status, content, headers = self.route(parts.path, parse_qs(parts.query), body)
        except Refused as error:
            headers = {"X-Error-Message": str(error), **({"X-Error-Code": error.code} if error.code else {})}
            status, content, headers = error.status, {"error": str(error)}, headers | error.headers
        if fault and fault.does == "drop late":
            return self.drop()
        return self.answer(status, content, headers)

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815 (names of http.server)

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def drop(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status, content=None, headers=None):
        data = content if isinstance(content, bytes) else json.dumps(content if content is not None else {}).encode()
        given = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
        with contextlib.suppress(ConnectionError):  # the client may have been killed
            self.send_response(status)
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    def route(self, path, query, body):
        for method, pattern, serve in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                found = {key: unquote(text) for key, text in match.groupdict().items() if text is not None}
                with self.hub.lock:
                    return serve(self, query, body, **found)
        raise Refused(404, f"no such address: {path}", "EntryNotFound")
