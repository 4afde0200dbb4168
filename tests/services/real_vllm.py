"""What the tests of real servers share: a server that stands on its own, its processes, and documents to judge."""

import os
import signal
import threading
import time
from pathlib import Path

from curation.annotation.judge import Request
from curation.annotation.orphans import started
from curation.annotation.server_process import ServerProcess, claim_port
from curation.annotation.vllm_options import MODULE, interpreter, server_arguments, server_environment

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 400  # 30 s on an idle machine


class Server:
    """A server as another team would run it: nobody watches over it."""

    def __init__(self, model, options):
        self.port, self._lock = claim_port()
        self.location = f"endpoint:http://127.0.0.1:{self.port}#{model}"
        self._model, self._options = model, options
        self.process = None

    def start(self):
        here = ["--model", self._model, "--host", "127.0.0.1", "--port", str(self.port)]
        command = [interpreter(self._options), "-m", MODULE, *here, *server_arguments(self._options)]
        environment = server_environment(self._options)
        self.process = ServerProcess(command, model=self._model, port=self.port, environment=environment)
        assert self.process.wait_until_healthy(START_SECONDS, threading.Event()) is None

    def restart(self):
        self.process.end()
        self.start()

    def close(self):
        self.process.end()
        os.close(self._lock)


def api_server(model):
    """The process of vLLM's API server of ``model``, which leads a session of its own; None if there is none."""
    leaders = [pid for pid in _ids() if f"--model {model} " in _command(pid) and _session(pid) == pid]
    found = [pid for pid in leaders if "guard.py" not in _command(pid)]
    return found[0] if found else None


def session(leader):
    """All processes of a server that live."""
    return [pid for pid in _ids() if _session(pid) == leader and is_alive(pid)]


def engine(model):
    """The process in which vLLM computes."""
    (found,) = (pid for pid in session(api_server(model)) if "EngineCore" in _command(pid))
    return found


def is_alive(pid):
    return started(pid) > 0


def kill(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    assert condition()


def documents(number):
    """Texts of ours, each another part of the README, of 200 to 1,200 characters."""
    text = (ROOT / "README.md").read_text()
    step = (len(text) - 1500) // number
    return [text[row * step : row * step + 200 + (row * 37) % 1001] for row in range(number)]


def requests(prompt, texts):
    return [Request(f"d{row}", None, tuple(prompt.messages(text))) for row, text in enumerate(texts)]


def _ids():
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _session(pid):
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
