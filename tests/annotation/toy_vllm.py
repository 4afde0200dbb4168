"""Stands in for vLLM: the same command line, /health and chat completions, and a child process of its own.

Each start leaves a JSON file in TOY_FOLDER. What goes wrong is set by the environment: TOY_DIES_AFTER replies,
TOY_LOADS so many times only, TOY_IN_USE at the first start, TOY_STUBBORN against SIGTERM, TOY_SLOW with it, TOY_FREEZES
after so many replies, TOY_ANSWERS_AFTER_LOOK so many seconds after somebody looked whether it answers.
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ARGUMENTS = sys.argv[1:]
FOLDER = Path(os.environ["TOY_FOLDER"])
NUMBER = len(list(FOLDER.glob("start-*")))
COUNT = {"replies": 0}
LOCK = threading.Lock()
LOOKED = threading.Event()


def setting(name):
    return int(os.environ.get(f"TOY_{name}", 10**9))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        if COUNT["replies"] >= setting("FREEZES"):
            time.sleep(60)
        model = ARGUMENTS[ARGUMENTS.index("--model") + 1]
        threading.Timer(float(os.environ.get("TOY_ANSWERS_AFTER_LOOK", 0)), LOOKED.set).start()
        self.send({"object": "list", "data": [{"id": model, "max_model_len": 512}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "TOY_ANSWERS_AFTER_LOOK" in os.environ:
            LOOKED.wait()
        with LOCK:
            COUNT["replies"] += 1
            if COUNT["replies"] > setting("DIES_AFTER"):
                print("ValueError: the toy had enough", flush=True)
                os._exit(3)
        if COUNT["replies"] > setting("FREEZES"):
            time.sleep(60)
        said = f"{' '.join(ARGUMENTS)} {json.dumps(body.get('seed'))} Final score: 2"
        self.send({"choices": [{"message": {"content": said}}]})

    def send(self, content):
        content = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


def main():
    if "TOY_STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "TOY_SLOW" in os.environ:
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(2), os._exit(0)))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    port = int(ARGUMENTS[ARGUMENTS.index("--port") + 1])
    seen = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "TOY_WORD")}
    started = {"pids": [os.getpid(), child.pid], "guard": os.getppid(), "port": port, **seen}
    (FOLDER / f"start-{NUMBER}-{os.getpid()}").write_text(json.dumps(started))
    if setting("LOADS") <= NUMBER:
        child.kill()
        sys.exit("api_server.py: error: unrecognized arguments: --no-such-option")
    if NUMBER == 0 and "TOY_IN_USE" in os.environ:
        child.kill()
        sys.exit("OSError: [Errno 98] Address already in use")
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
