import asyncio
import socket
import threading
import time
from email.utils import formatdate

import pytest

from curation.annotation.endpoint import EndpointJudge
from curation.annotation.judge import Request, ask, open_judge
from curation.annotation.openai_api import api_root, chat_body, error_message, read_completion, without_credentials
from curation.errors import ConfigError
from curation.retry import Backoff, seconds_asked

from .conftest import ChatServer

QUICK = Backoff(attempts=3, first_seconds=0.01, longest_seconds=0.02)


def requests(count):
    return [Request(str(row), None, ({"role": "user", "content": f"document {row}"},)) for row in range(count)]


@pytest.fixture
def judge_for(chat_server):
    opened = []

    def make(location=None, **settings):
        judge = open_judge(location or f"endpoint:{chat_server.url}#tiny", **settings)
        judge.backoff = QUICK
        opened.append(judge)
        return judge

    yield make
    for judge in opened:
        judge.close()


def row_of(body):
    return int(body["messages"][-1]["content"].split()[-1])


def test_every_request_is_answered_once(chat_server, judge_for):
    chat_server.answer = lambda body, count: f"Final score: {row_of(body) % 6}"
    judge = judge_for(concurrency=8)
    judge.check()
    for _ in range(2):
        replies = list(ask(judge, requests(40)))
        assert sorted(index for index, _ in replies) == list(range(40))
        assert all(reply.text == f"Final score: {index % 6}" for index, reply in replies)
        assert {(reply.prompt_tokens, reply.completion_tokens) for _, reply in replies} == {(7, 5)}
    assert list(ask(judge, [])) == []
    assert len(chat_server.bodies) == 80
    assert 1 <= chat_server.most_running <= 8


def test_more_than_a_hundred_requests_run_at_once(chat_server, judge_for):
    together = threading.Barrier(120)

    def answer(body, count):
        if row_of(body):
            together.wait(timeout=60)
        return "Final score: 1"

    chat_server.answer = answer
    assert len(list(ask(judge_for(concurrency=120), requests(121)))) == 121
    assert chat_server.most_running == 120


def test_replies_come_in_order_of_completion(chat_server, judge_for):
    later = threading.Event()

    def answer(body, count):
        if row_of(body) == 1:
            later.wait(timeout=60)
        return "Final score: 1"

    chat_server.answer = answer
    seen = []
    for index, _ in ask(judge_for(concurrency=2), requests(5)):
        seen.append(index)
        if len(seen) == 4:
            later.set()
    assert seen == [0, 2, 3, 4, 1]


def test_it_works_inside_a_running_loop(judge_for):
    async def notebook():
        return dict(ask(judge_for(), requests(3)))

    assert len(asyncio.run(notebook())) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        (429, {"error": {"message": "slow down"}}, {"retry-after": "0"}),
        (500, b"oops", {}),
        (503, {"detail": "loading"}, {}),
        (200, b"<html>gateway</html>", {}),
        (200, {"choices": []}, {}),
        "",
        None,
    ],
)
def test_trouble_that_passes_is_repeated(chat_server, judge_for, trouble):
    chat_server.answer = lambda body, count: trouble if row_of(body) == 2 and count == 0 else "Final score: 3"
    replies = dict(ask(judge_for(), requests(4)))
    assert {reply.text for reply in replies.values()} == {"Final score: 3"}
    assert len(chat_server.bodies) == 5


def test_trouble_that_stays_ends(chat_server, judge_for):
    chat_server.answer = lambda body, count: (500, b"oops", {}) if row_of(body) == 1 else "Final score: 3"
    replies = dict(ask(judge_for(concurrency=2), requests(40)))
    # The server answers others: it is the document's fault, and not the end of the run.
    assert replies[1].text is None and replies[1].reason == "request_failed: 500 oops (3 attempts)"
    assert all(replies[index].text == "Final score: 3" for index in range(40) if index != 1)
    assert len(chat_server.bodies) == 39 + QUICK.attempts


def test_trouble_with_every_document_is_the_judges(chat_server, judge_for):
    chat_server.answer = lambda body, count: (500, b"oops", {})
    replies = dict(ask(judge_for(), requests(3)))
    assert {reply.reason for reply in replies.values()} == {"judge_failed: 500 oops (3 attempts)"}


def test_a_rejected_document_does_not_stop_the_run(chat_server, judge_for):
    too_long = (400, {"error": {"message": "This model's maximum context length is 1024 tokens"}}, {})
    chat_server.answer = lambda body, count: too_long if row_of(body) in (0, 2) else "Final score: 3"
    replies = dict(ask(judge_for(), requests(4)))
    for index in (0, 2):  # the first too: an overflow is the document's fault, not the judge's
        assert replies[index].text is None
        assert replies[index].reason.startswith("too_long: 400 This model's maximum")
    assert replies[1].text == replies[3].text == "Final score: 3"
    assert len(chat_server.bodies) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refused_first_request_stops_the_run(chat_server, judge_for, status):
    chat_server.answer = lambda body, count: (status, {"error": {"message": "The model `tiny` does not exist."}}, {})
    with pytest.raises(ConfigError, match="The model `tiny` does not exist"):
        list(ask(judge_for(), requests(50)))
    assert len(chat_server.bodies) == 1


def test_a_wrong_option_later_is_one_documents_reason(chat_server, judge_for):
    chat_server.answer = lambda body, count: (400, b"bad", {}) if row_of(body) == 3 else "Final score: 3"
    assert dict(ask(judge_for(), requests(5)))[3].reason == "request_rejected: 400 bad"


def test_thinking_that_used_up_all_tokens_is_not_paid_again(chat_server, judge_for):
    cut = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
    chat_server.answer = lambda body, count: (200, cut, {})
    assert dict(ask(judge_for(), requests(1)))[0].reason == "empty_reply"
    assert len(chat_server.bodies) == 1


def test_body_and_key(chat_server, judge_for, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret")
    judge = judge_for(
        f"endpoint:{chat_server.url}/v1/#org/tiny",
        generation={"temperature": 0.6, "top_k": 50, "system": "in the messages"},
        options={"top_k": None, "structured_outputs": {"regex": "[0-5]"}},
        key_env="MY_KEY",
    )
    judge.check()
    list(ask(judge, requests(1)))
    body = chat_server.bodies[0]
    assert body.pop("messages") == [{"role": "user", "content": "document 0"}]
    assert body == {"model": "org/tiny", "temperature": 0.6, "structured_outputs": {"regex": "[0-5]"}}
    assert chat_server.paths == ["/v1/chat/completions"]
    assert {key.lower(): value for key, value in chat_server.headers_seen[0].items()}[
        "authorization"
    ] == "Bearer sk-secret"


def test_the_key_is_in_no_message(chat_server, judge_for, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("MY_KEY", "sk-secret")
    chat_server.answer = lambda body, count: (401, {"error": {"message": "Incorrect API key: sk-secret"}}, {})
    with pytest.raises(ConfigError, match="Incorrect API key: …") as caught:
        list(ask(judge_for(key_env="MY_KEY"), requests(1)))
    assert "sk-secret" not in str(caught.value) + caplog.text
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(ConfigError, match="MY_KEY"):
        judge_for(key_env="MY_KEY").check()


def test_check_names_a_server_that_is_not_there(chat_server, judge_for):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConfigError, match=f"127.0.0.1:{port}/v1 cannot be reached"):
        judge_for(f"endpoint:{chat_server.url},http://me:pw@127.0.0.1:{port}#tiny").check()
    chat_server.models_status = 401
    with pytest.raises(ConfigError, match="401 no such key"):
        judge_for().check()
    chat_server.models_status = 404  # not every server lists its models
    judge_for().check()


def test_a_dead_server_leaves_its_work_to_the_other(chat_server, judge_for):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    replies = dict(ask(judge_for(f"endpoint:http://127.0.0.1:{port},{chat_server.url}#tiny"), requests(10)))
    assert {reply.text for reply in replies.values()} == {"Fine.\nFinal score: 3"}


def test_a_server_that_has_gone_is_waited_for_by_all_together(judge_for):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    judge = judge_for(f"endpoint:http://127.0.0.1:{port}#tiny", patience_seconds=30.0)
    for row, request in enumerate(requests(20)):
        judge.submit(row, request)
    assert judge.completed(0.2) == []
    server = ChatServer(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    replies = {}
    while len(replies) < 20:
        replies |= dict(judge.completed())
    server.shutdown()
    server.server_close()
    thread.join()
    assert {reply.text for reply in replies.values()} == {"Fine.\nFinal score: 3"}
    assert len(server.bodies) == 20


def test_patience_ends_and_giving_up_ends_it_at_once(judge_for):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    short = judge_for(f"endpoint:http://127.0.0.1:{port}#tiny", patience_seconds=0.1)
    replies = dict(ask(short, requests(3)))
    assert all(reply.reason.startswith("judge_failed: no server for 0.1 s") for reply in replies.values())
    long = judge_for(f"endpoint:http://127.0.0.1:{port}#tiny")
    for row, request in enumerate(requests(3)):
        long.submit(row, request)
    assert long.completed(0.1) == []
    long.give_up("the server ended three times")
    replies = {}
    while len(replies) < 3:
        replies |= dict(long.completed())
    assert all(reply.reason.startswith("judge_failed: the server ended three") for reply in replies.values())


def test_a_busy_server_is_waited_for_beyond_the_attempts(chat_server, judge_for):
    busy = (429, {"error": {"message": "slow down"}}, {"retry-after": "0"})
    chat_server.answer = lambda body, count: busy if count < 3 * QUICK.attempts else "Final score: 3"
    assert dict(ask(judge_for(), requests(2)))[1].text == "Final score: 3"


def test_the_context_is_what_the_servers_say(chat_server, judge_for):
    assert judge_for().context_tokens() is None
    chat_server.models = [{"id": "other", "max_model_len": 10}, {"id": "tiny", "max_model_len": 4096}]
    assert judge_for().context_tokens() == 4096


def test_a_reading_of_its_own_has_its_own_seed(chat_server, judge_for):
    one = Request("a", None, ({"role": "user", "content": "document 0"},), seed=7)
    list(ask(judge_for(generation={"seed": 1}), [one]))
    assert chat_server.bodies[0]["seed"] == 7


def test_leaving_early_ends_the_rest(chat_server, judge_for):
    judge = judge_for(concurrency=2)
    for _ in ask(judge, requests(500)):
        break
    judge.close()
    judge.close()
    time.sleep(0.05)
    done = len(chat_server.bodies)
    assert done < 500
    time.sleep(0.1)
    assert len(chat_server.bodies) == done


def test_waits_are_bounded_and_what_the_server_asks_is_kept():
    backoff = Backoff()
    assert all(0.25 * 2**attempt <= backoff.delay(attempt) <= 0.5 * 2**attempt for attempt in range(6))
    assert backoff.delay(500) <= 30.0
    assert 7.0 <= backoff.delay(0, "7") <= 7.1
    assert backoff.delay(0, "86400") == backoff.longest_asked_seconds
    assert 50 < seconds_asked(formatdate(time.time() + 60, usegmt=True)) <= 60
    assert seconds_asked(formatdate(time.time() - 60)) == 0.0
    assert [seconds_asked(value) for value in ("soon", "-1", "nan", "inf")] == [None] * 4


def test_addresses_and_bodies():
    assert api_root("http://x:8000") == api_root("http://x:8000/v1/") == "http://x:8000/v1"
    assert api_root("https://x/api/v1/chat/completions") == "https://x/api/v1"
    assert api_root("https://x/v1beta/openai") == "https://x/v1beta/openai"
    assert api_root("https://x/vllm") == "https://x/vllm/v1"
    assert without_credentials("https://me:pw@x:1/v1?key=s") == "https://x:1/v1"
    assert chat_body("m", {"seed": 0, "system": "s"}, {"model": None, "seed": 1}) == {"seed": 1}
    assert error_message(b'{"detail": [{"msg": "bad"}]}') == '[{"msg": "bad"}]'
    assert error_message(b'{"error": "model not found"}') == "model not found"
    assert error_message(b"") == ""
    for content in (b"[]", b"null", b'{"choices": [1]}', b'{"choices": [{"message": null}]}', b"\xff", b"{}"):
        assert read_completion(content).startswith("not a chat completion")


def test_a_judge_is_cheap_until_asked():
    before = threading.active_count()
    EndpointJudge(["http://nowhere.invalid"], "m").close()
    assert threading.active_count() == before


def test_what_is_waited_for_is_told_and_a_quota_that_is_used_up_is_not_waited_for(chat_server, judge_for):
    chat_server.answer = lambda body, count: (429, {"error": {"message": "slow down"}}, {"retry-after": "0"})
    judge = judge_for()
    judge.submit(0, requests(1)[0])
    assert judge.completed(0.3) == [] and judge.trouble == "429 slow down"
    chat_server.answer = lambda body, count: "Final score: 1"
    assert dict(judge.completed())[0].text and judge.trouble == ""
    chat_server.answer = lambda body, count: (429, {"error": {"message": "insufficient_quota: see your plan"}}, {})
    assert dict(ask(judge_for(), requests(1)))[0].reason == "judge_failed: 429 insufficient_quota: see your plan"
