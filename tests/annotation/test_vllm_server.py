import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from curation.annotation import kept_server, orphans, server_process
from curation.annotation.judge import Request, ask, open_judge
from curation.annotation.orphans import end_orphans, session_members, started
from curation.annotation.server_process import ServerProcess, claim_port
from curation.annotation.vllm_options import server_arguments, server_environment
from curation.errors import ConfigError
from curation.gpus import claim_gpus, gpus_needed
from curation.locks import own_folder

TOY = Path(__file__).with_name("toy_vllm.py")
ROOT = Path(__file__).resolve().parents[2]
# A client in a process of its own: it gets its replies, says so, and lives on.
CLIENT = """
import json, sys, time
from curation.gpus import claim_gpus, gpus_needed
from curation.annotation.judge import Request, ask, open_judge
judge = open_judge("vllm:tiny", options=json.loads(sys.argv[2]))
judge.command = [sys.executable, sys.argv[1]]
requests = [Request(str(row), None, ({"role": "user", "content": str(row)},)) for row in range(3)]
print(len(list(ask(judge, requests))), flush=True)
time.sleep(600)
"""


def asked(number):
    return [Request(str(row), None, ({"role": "user", "content": str(row)},)) for row in range(number)]


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def toy():
    """Makes a judge of the toy; all are closed at the end."""
    judges = []

    def make(**options):
        judge = open_judge("vllm:tiny", options=options, patience_seconds=60)
        judge.command = [sys.executable, str(TOY)]
        judges.append(judge)
        return judge

    yield make
    for judge in judges:
        judge.close()


def starts(folder):
    """What the toys wrote, in order of their start."""
    paths = sorted(folder.glob("start-*"), key=lambda path: int(path.name.split("-")[1]))
    return [json.loads(path.read_text()) for path in paths]


def is_running(pid):
    return started(pid) > 0


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    assert condition()


def test_the_server_is_started_asked_and_ended(toy, tmp_path):
    judge = toy(max_model_len=64, body={"seed": 5}, env={"TOY_WORD": "said"})
    replies = dict(ask(judge, asked(3)))
    (seen,) = starts(tmp_path)
    arguments = f"--model tiny --host 127.0.0.1 --port {seen['port']} --disable-uvicorn-access-log --max-model-len 64"
    assert {reply.text for reply in replies.values()} == {f"{arguments} 5 Final score: 2"}
    assert seen["TOY_WORD"] == "said"
    assert all(map(is_running, seen["pids"]))
    judge.close()
    assert not any(map(is_running, seen["pids"]))
    assert [path.suffix for path in own_folder().iterdir()] == [".lock"]
    judge.close()


def test_requests_may_be_handed_in_before_the_server_answers(toy):
    judge = toy()
    for ticket, request in enumerate(asked(3)):
        judge.submit(ticket, request)
    assert judge.completed(0.0) == []
    found = []
    while len(found) < 3:
        found += judge.completed()
    assert sorted(ticket for ticket, _ in found) == [0, 1, 2]
    assert judge.completed() == []


def test_the_context_is_the_servers(toy):
    assert toy().context_tokens() == 512
    assert toy(max_model_len=64).context_tokens() == 64


def test_a_server_killed_in_the_middle_is_started_again_and_all_requests_are_answered(toy, tmp_path):
    judge = toy()
    replies = {}
    for index, reply in ask(judge, asked(600)):
        replies[index] = reply.text
        if len(replies) == 20:
            judge.server.restart_waits = (0.1, 0.1, 0.1)
            os.kill(starts(tmp_path)[0]["pids"][0], signal.SIGKILL)
    assert sorted(replies) == list(range(600)) and all(replies.values())
    first, second = starts(tmp_path)
    assert first["port"] == second["port"]
    assert not any(map(is_running, first["pids"]))  # its child does not hold the GPU


def test_a_server_that_dies_again_and_again_is_given_up(toy, tmp_path):
    judge = toy(env={"TOY_DIES_AFTER": "2"})
    judge.submit(0, asked(1)[0])
    judge.server.restart_waits = (0.1, 0.1)
    replies = dict(judge.completed())
    replies |= dict(ask(judge, asked(20)))
    failed = [reply.reason for reply in replies.values() if reply.text is None]
    assert failed and len(starts(tmp_path)) == 3
    assert all(reason.startswith("judge_failed: ") and "the toy had enough" in reason for reason in failed)
    assert dict(ask(judge, asked(1)))[0].reason.startswith("judge_failed: ")  # later requests do not wait either


def test_deaths_long_after_another_do_not_add_up(toy, tmp_path):
    # More deaths than restarts. Two restarts, not one: on a busy machine waiting requests can kill a server before it
    # is seen to answer, and that death is the second of its kind in a row.
    judge = toy(env={"TOY_DIES_AFTER": "4", "TOY_ANSWERS_AFTER_LOOK": "0.5"})
    judge.submit("first", asked(1)[0])
    judge.server.restart_waits, judge.server.calm_seconds = (0.1, 0.1), 0.0
    judge.completed()
    replies = dict(ask(judge, asked(17)))
    assert [reply.reason for reply in replies.values() if not reply.text] == []
    assert len(starts(tmp_path)) >= 5


def test_a_server_that_no_longer_answers_is_started_again(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_server, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(server_process, "_ANSWER_SECONDS", 0.2)
    judge = toy(env={"TOY_FREEZES": "1"})
    judge._patience_seconds = 0.5
    judge.submit(0, asked(1)[0])
    judge.server.restart_waits = (0.1,) * 3
    assert judge.completed()[0][1].text
    wait_until(lambda: len(starts(tmp_path)) == 2)
    assert not any(map(is_running, starts(tmp_path)[0]["pids"]))


def test_a_server_that_does_not_start_says_why_and_where(toy, tmp_path):
    judge = toy(env={"TOY_LOADS": "0"})
    with pytest.raises(
        ConfigError, match=r"judge vllm:tiny: the server ended.*unrecognized arguments: --no-such"
    ) as said:
        list(ask(judge, asked(3)))
    log = Path(str(said.value).rpartition("(log: ")[2].rstrip(")"))
    assert "--no-such-option" in log.read_text()
    with pytest.raises(ConfigError, match="--no-such-option"):
        judge.submit(3, asked(1)[0])
    assert len(starts(tmp_path)) == 1


def test_a_server_that_takes_too_long_is_ended(toy, tmp_path):
    judge = toy(start_seconds=1.5)
    judge.command = [sys.executable, "-c", "print('still loading', flush=True); import time; time.sleep(600)"]
    with pytest.raises(ConfigError, match=r"not ready after 1.5 s: still loading"):
        list(ask(judge, asked(1)))


def test_what_the_log_says_of_a_failure(tmp_path):
    log = """\
INFO 11-26 04:45:10 [core.py:1] hello
(Worker pid=8039) ERROR 11-26 04:45:17 [mp.py:953]   File "core.py", line 920, in main
(Worker pid=8039) ERROR 11-26 04:45:17 [mp.py:953] torch.OutOfMemoryError: CUDA out of memory.
Traceback (most recent call last):
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, max_model_len is too large
    For further information visit
RuntimeError: Engine core initialization failed. See root cause above.
RuntimeError: Engine core initialization failed. See root cause above.
    warnings.warn("resource_tracker")
"""
    assert words_of(log) == (
        "torch.OutOfMemoryError: CUDA out of memory. | "
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig Value error, max_model_len "
        "is too large | RuntimeError: Engine core initialization failed. See root cause above."
    )
    assert words_of("one\n\ntwo\n") == "one | two"
    assert words_of("") == "it said nothing"


def words_of(log):
    server = ServerProcess([sys.executable, "-c", ""], model="m", port=1, environment=os.environ)
    wait_until(lambda: not server.is_running)
    server.log.write_text(log)
    words = server.last_words()
    server.end()
    return words


def test_another_port_is_taken_where_a_stranger_was_faster(toy, tmp_path):
    assert len(dict(ask(toy(env={"TOY_IN_USE": "1"}), asked(3)))) == 3
    first, second = starts(tmp_path)
    assert first["port"] != second["port"]


def test_a_stranger_that_answers_in_its_place_is_not_taken_for_the_server(tmp_path):
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    stranger = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    server = ServerProcess(sleeper, model="m", port=stranger.server_port, environment=os.environ)
    assert server.answers()
    assert server.wait_until_healthy(1.5, threading.Event()).startswith("not ready after 1.5 s")
    server.end()
    stranger.shutdown()
    stranger.server_close()


def test_ports_are_each_given_once():
    claims = [claim_port() for _ in range(20)]
    assert len({port for port, _ in claims}) == 20
    for _, lock in claims:
        os.close(lock)


def client(options):
    """A client whose replies have come."""
    arguments = [sys.executable, "-c", CLIENT, str(TOY), json.dumps(options)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline().strip() == "3"
    return process


def kill(process):
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_killed_client_leaves_no_server(tmp_path):
    process = client({})
    (seen,) = starts(tmp_path)
    assert all(map(is_running, seen["pids"]))
    kill(process)
    wait_until(lambda: not any(map(is_running, seen["pids"])))
    wait_until(lambda: not list(own_folder().glob("*.json")))


@pytest.mark.parametrize("options", [{}, {"env": {"TOY_STUBBORN": "1"}}], ids=["child left", "all left"])
def test_what_outlives_client_and_guard_is_ended_by_the_next_start(toy, tmp_path, options, monkeypatch):
    monkeypatch.setattr(orphans, "_TERM_SECONDS", 1.0)
    other = client({})  # lives: its server is nobody's orphan
    process = client(options)
    living, orphan = starts(tmp_path)
    os.kill(orphan["guard"], signal.SIGKILL)
    kill(process)
    wait_until(lambda: not is_running(orphan["guard"]))
    if not options:
        wait_until(lambda: not is_running(orphan["pids"][0]))  # of the parent-death signal
    assert is_running(orphan["pids"][1])
    assert len(dict(ask(toy(), asked(3)))) == 3
    assert not any(map(is_running, orphan["pids"]))
    assert all(map(is_running, living["pids"]))
    kill(other)


def test_a_recycled_process_id_is_never_killed(tmp_path):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    now = started(sleeper.pid)
    log = own_folder() / "vllm-x.log"
    assert session_members(sleeper.pid, now, log) == [sleeper.pid]
    assert session_members(sleeper.pid, now - 1, log) == []
    server = ServerProcess([sys.executable, "-c", ""], model="m", port=1, environment=os.environ)
    server.end()
    log.write_text("")
    record = json.loads(_record(tmp_path, log, server=[sleeper.pid, now - 1]))
    assert end_orphans() == [record["model"]]
    assert sleeper.poll() is None
    assert not log.exists()
    sleeper.kill()
    sleeper.wait()


def _record(tmp_path, log, server):
    from curation.annotation.orphans import write_record

    path = write_record("m", 1, log)
    record = json.loads(path.read_text()) | {"client": [2**22 + 1, 1], "guard": [2**22 + 1, 1], "server": server}
    path.write_text(json.dumps(record))
    return path.read_text()


def test_records_of_another_machine_are_left_alone(tmp_path):
    log = own_folder() / "vllm-x.log"
    _record(tmp_path, log, [1, 1])
    path = log.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "another"}))
    assert end_orphans() == []
    assert path.exists()


def test_each_task_gets_gpus_of_its_own(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,8")
    judges = [toy(tensor_parallel_size=2), toy(tensor_parallel_size=2)]
    for judge in judges:
        assert len(dict(ask(judge, asked(1)))) == 1
    assert sorted(seen["CUDA_VISIBLE_DEVICES"] for seen in starts(tmp_path)) == ["4,5", "6,7"]
    with pytest.raises(ConfigError, match="2 GPUs, of 5 only 1 are free"):
        list(ask(toy(tensor_parallel_size=2), asked(1)))
    judges[0].close()
    assert len(dict(ask(toy(tensor_parallel_size=2), asked(1)))) == 1
    assert starts(tmp_path)[2]["CUDA_VISIBLE_DEVICES"] == "4,5"


def test_a_claim_lasts_as_long_as_the_server(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    process = client({"env": {"TOY_SLOW": "1"}})
    kill(process)
    claim = claim_gpus(1, os.environ)
    assert claim.visible == "1"
    claim.close()
    assert len(dict(ask(toy(), asked(1)))) == 1  # waits for the orphan's end
    assert starts(tmp_path)[1]["CUDA_VISIBLE_DEVICES"] == "0"


@pytest.mark.parametrize(
    ("options", "visible", "taken"),
    [
        ({}, None, None),  # no GPU: nothing to choose
        ({}, "", None),
        ({}, "GPU-1a", None),  # just what is needed, as from Slurm
        ({"tensor-parallel-size": 2, "pipeline_parallel_size": 2}, "0,1,2,3", None),
        ({"data_parallel_size": 2}, "0, 1, 2", "0,1"),
        ({"data_parallel_size": 8, "data_parallel_size_local": 1}, "3,1", "3"),
        ({"tensor_parallel_size": 16, "distributed_executor_backend": "ray"}, "0,1", None),
        ({}, "2,-1,3", None),  # CUDA stops reading at -1
    ],
)
def test_what_is_claimed(options, visible, taken, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")  # no nvidia-smi
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    claim = claim_gpus(gpus_needed(options), environment)
    assert claim.visible == taken
    claim.close()


def test_gpus_are_known_by_what_names_them_for_good(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho '0, GPU-aa'; echo '1, GPU-bb'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    claim = claim_gpus(1, {})
    assert claim.visible == "0" and (own_folder() / "gpu-GPU-aa.lock").exists()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho '0, GPU-cc'; echo '1, GPU-dd'\n")
    other = claim_gpus(1, {})  # another Slurm task, whose number 0 is another GPU
    assert other.visible == "0"
    claim.close()
    other.close()
    with pytest.raises(ConfigError, match=r"ask for 3 GPUs, of which 2 are visible \(0, 1\)"):
        claim_gpus(3, {})


def test_the_interpreter_is_asked_for_vllm(toy, tmp_path, monkeypatch):
    judge = open_judge("vllm:tiny", options={"python": sys.executable})
    with pytest.raises(ConfigError, match=r"pip install 'curation\[vllm\]', or name an interpreter"):
        judge.check()
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    with pytest.raises(ConfigError, match=f"vllm is not installed for {other}"):
        open_judge("vllm:tiny", options={"python": str(other)}).check()
    with pytest.raises(ConfigError, match="/no/such/python cannot be run"):
        open_judge("vllm:tiny", options={"python": "/no/such/python"}).check()
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text("raise SystemExit('not to be imported')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    open_judge("vllm:tiny", options={"python": str(other)}).check()


def test_the_servers_environment(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("PROXY", "http://proxy")
    values = server_environment({"python": "/opt/vllm/bin/python", "env": {"SEED": 7, "PROXY": None}})
    assert values["PATH"] == f"/opt/vllm/bin{os.pathsep}/bin"
    assert values["SEED"] == "7" and values["USE_TF"] == "0"
    assert not {"PYTHONPATH", "PROXY"} & set(values)
    assert server_environment({})["PYTHONPATH"] == "/ours"


def test_options_become_arguments():
    options = {"tensor_parallel_size": 8, "enforce-eager": True, "enable_log_requests": False, "seed": None, "body": {}}
    assert server_arguments(options) == ["--tensor-parallel-size", "8", "--enforce-eager", "--no-enable-log-requests"]
    assert server_arguments({"python": "x", "env": {}, "start_seconds": 1}) == []
    assert server_arguments({"lora_modules": ["a=b", "c=d"]}) == ["--lora-modules", "a=b", "c=d"]
    assert server_arguments({"compilation_config": {"level": 3}}) == ["--compilation-config", '{"level": 3}']


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 1}, "set by the judge"),
        ({"lora_modules": []}, "expected a plain value"),
        ({"lora_modules": [None]}, "expected a plain value"),
        ({"env": "A=1"}, "env: expected a mapping"),
        ({"body": 3}, "body: expected a mapping"),
        ({"start_seconds": "long"}, "start_seconds: expected more than 0"),
        ({"tensor_parallel_size": "two"}, "tensor_parallel_size: expected a number"),
    ],
)
def test_options_that_cannot_be_meant(options, words):
    with pytest.raises(ConfigError, match=words):
        open_judge("vllm:tiny", options=options).check()
