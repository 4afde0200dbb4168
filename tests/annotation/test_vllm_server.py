import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.annotation.judge import Request, open_judge
from curation.annotation.vllm_server import server_arguments
from curation.errors import ConfigError

# Stands in for vLLM: the same command line, /health and chat completions, and a child process of its own.
TOY = """
import http.server, json, os, subprocess, sys
arguments = sys.argv[1:]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(os.environ["TOY_PIDS"], "w").write(f"{os.getpid()} {child.pid}")
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def do_GET(self): self.send(b"")
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = " ".join(arguments[:2] + arguments[6:]) + " " + json.dumps(body.get("seed")) + " Final score: 2"
        self.send(json.dumps({"choices": [{"message": {"content": said}}]}).encode())
    def send(self, content):
        self.send_response(200); self.send_header("content-length", str(len(content))); self.end_headers()
        self.wfile.write(content)
port = int(arguments[arguments.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
ROOT = Path(__file__).resolve().parents[2]
REQUESTS = [Request(str(row), None, ({"role": "user", "content": str(row)},)) for row in range(3)]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setenv("TOY_PIDS", str(tmp_path / "pids"))
    return tmp_path / "toy.py"


def pids(toy):
    return [int(pid) for pid in (toy.parent / "pids").read_text().split()]


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    assert condition()


def test_the_server_is_started_asked_and_ended(toy):
    judge = open_judge("vllm:tiny", options={"max_model_len": 64, "body": {"seed": 5}})
    judge.command = [sys.executable, str(toy)]
    replies = dict(judge.ask(REQUESTS))
    assert {reply.text for reply in replies.values()} == {"--model tiny --max-model-len 64 5 Final score: 2"}
    assert all(map(is_running, pids(toy)))
    judge.close()
    wait_until(lambda: not any(map(is_running, pids(toy))))
    judge.close()


def test_a_killed_client_leaves_no_server(toy):
    client = f"""
import os, sys, time
from curation.annotation.judge import Request, open_judge
judge = open_judge("vllm:tiny")
judge.command = [sys.executable, {str(toy)!r}]
print(len(list(judge.ask([Request("a", None, ({{"role": "user", "content": "x"}},))]))), flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", client], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline().strip() == "1"
        assert all(map(is_running, pids(toy)))
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, pids(toy))))


def test_a_server_that_does_not_start_says_why(tmp_path):
    judge = open_judge("vllm:tiny")
    judge.command = [sys.executable, "-c", "import sys; sys.exit('no GPU here')"]
    with pytest.raises(ConfigError, match="no GPU here"):
        list(judge.ask(REQUESTS))
    judge.close()


def test_without_vllm_the_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'curation\[vllm\]'"):
        open_judge("vllm:tiny").check()


def test_options_become_arguments():
    options = {"tensor_parallel_size": 8, "enforce-eager": True, "enable_log_requests": False, "seed": None, "body": {}}
    assert server_arguments(options) == ["--tensor-parallel-size", "8", "--enforce-eager", "--no-enable-log-requests"]
    with pytest.raises(ConfigError, match="set by the judge"):
        server_arguments({"port": 1})
    with pytest.raises(ConfigError, match="plain value"):
        server_arguments({"lora_modules": ["a"]})
