"""Keys and passwords: sent to whom they belong, and written nowhere."""

import threading

import pytest

from curation.annotation.judge import Request, ask, open_judge
from curation.annotation.judging import Judging
from curation.annotation.opening import check_judges, lasting_options, open_askers, sent_options
from curation.annotation.prompt import load_prompt
from curation.blocks.annotate import Annotate
from curation.errors import ConfigError
from curation.labelling import annotate
from curation.retry import Backoff

from .conftest import ChatServer

PROMPT = load_prompt("finemath_5pt")
KEY = "sk-very-secret-0123456789"


def one(number=0):
    return Request(str(number), None, ({"role": "user", "content": "?"},))


@pytest.mark.parametrize("padding", [0, 150, 190, 480])
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_server_that_repeats_the_key_does_not_make_us_write_it(chat_server, monkeypatch, status, padding):
    monkeypatch.setenv("MY_KEY", KEY)
    body = b"x" * padding + b'{"headers": {"authorization": "Bearer ' + KEY.encode() + b'"}}'
    chat_server.answer = lambda _, count: (status, body, {})
    judge = open_judge(f"endpoint:{chat_server.url}#tiny", key_env="MY_KEY")
    judge.backoff = Backoff(attempts=2, first_seconds=0.01, longest_seconds=0.01)
    try:
        said = str(dict(ask(judge, [one()])))
    except ConfigError as error:
        said = str(error)
    judge.close()
    assert said and not any(KEY[:length] in said for length in range(6, len(KEY)))


def test_each_judge_is_sent_its_own_key_alone(chat_server, monkeypatch):
    other = ChatServer()
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("MY_KEY", KEY)
    second = f"endpoint:{other.url}#big"
    judging = Judging(key_env="MY_KEY", second_judge=second)
    first, further = open_askers(f"endpoint:{chat_server.url}#tiny", PROMPT, judging)
    for asker in (first, further):
        list(ask(asker.judge, [one()]))
        asker.judge.close()
    other.shutdown()
    other.server_close()
    thread.join()
    assert "Authorization" in {name.title() for name in chat_server.headers_seen[0]}
    assert "Authorization" not in {name.title() for name in other.headers_seen[0]}


def test_the_key_is_in_no_file_of_a_run(chat_server, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", KEY)
    pages = tmp_path / "pages.jsonl"
    pages.write_text("".join(f'{{"id": "{n}", "text": "page {n}"}}\n' for n in range(20)))
    judge, output = f"endpoint:{chat_server.url}#tiny", tmp_path / "out"
    annotate(str(pages), prompt="finemath_5pt", judge=judge, output=str(output), judging=Judging(key_env="MY_KEY"))
    files = [path for path in output.rglob("*") if path.is_file()]
    assert len(files) > 10 and not any(KEY.encode() in path.read_bytes() for path in files)
    assert chat_server.headers_seen[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("location", "settings", "said"),
    [
        ("endpoint:http://me:pw@127.0.0.1:1#m", {}, "a password in the URL"),
        ("endpoint:http://127.0.0.1:1#m", {"judge_options": {"api_key": "x"}}, "api_key would stand"),
        ("vllm:m", {"judge_options": {"env": {"HF_TOKEN": "x"}}, "tokenizer": "none"}, "HF_TOKEN: options are written"),
        ("vllm:m", {"judge_options": {"api_key": "x"}, "tokenizer": "none"}, "api_key: options are written"),
        ("vllm:m", {"key_env": "MY_KEY", "tokenizer": "none"}, "key_env: MY_KEY: only a judge endpoint"),
    ],
)
def test_what_would_be_written_is_refused(location, settings, said):
    with pytest.raises(ConfigError, match=said):
        check_judges(location, PROMPT, Judging(**settings))


def test_what_only_tunes_a_server_is_no_part_of_what_was_asked():
    passing = {"python": "/x", "env": {"A": "1"}, "gpu-memory-utilization": 0.8, "tensor_parallel_size": 8}
    options = {**passing, "dtype": "half"}
    assert lasting_options("vllm:m", options) == {"dtype": "half"} == sent_options("vllm:m", options)
    assert lasting_options("endpoint:http://x#m", {"tensor_parallel_size": 8}) == {"tensor_parallel_size": 8}
    assert sent_options("replay:x", {"a": 1}) == {}

    def step(**more):
        return Annotate(prompt="finemath_5pt", judge="vllm:m", judging=Judging(judge_options=more)).identity()

    assert step(tensor_parallel_size=8) == step(tensor_parallel_size=4, max_num_seqs=9) == step()
    assert step(dtype="half") != step()
