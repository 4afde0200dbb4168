"""``vllm:``: a real server that the judge starts, starts again and ends."""

import pytest
from services.real_vllm import api_server, documents, is_alive, kill, requests, session

from curation.annotation.expected import expected_label
from curation.annotation.judge import ask, open_judge
from curation.annotation.judging import Judging
from curation.annotation.opening import open_askers
from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.errors import ConfigError


@pytest.fixture(scope="module")
def judge(model, options):
    """A judge and its prompt."""
    short = {"max_tokens": 64}  # a random judge fills whatever room it has
    judging = Judging(constrain="regex", expected_label=True, concurrency=32, generation=short, judge_options=options)
    prompt = judging.prompt(load_prompt("finemath_5pt"))
    (asker,) = open_askers(f"vllm:{model}", prompt, judging)
    asker.judge.check()
    yield asker.judge, prompt
    asker.judge.close()
    assert api_server(model) is None


def test_constrained_replies_and_log_probabilities(judge):
    asked, prompt = judge
    replies = dict(ask(asked, requests(prompt, documents(150))))
    labels = [read_reply(replies[row].text or "", prompt) for row in range(150)]
    assert all(label in range(6) for label in labels)
    assert all(0 <= expected_label(reply.logprobs, prompt) <= 5 for reply in replies.values())
    assert all(reply.prompt_tokens and reply.completion_tokens for reply in replies.values())


def test_a_server_killed_under_load_is_started_again(judge, model):
    asked, prompt = judge
    assert dict(ask(asked, requests(prompt, ["1 + 1 = 2"])))[0].text
    first = session(api_server(model))
    assert len(first) >= 3  # engine and worker do not notice that the API server was killed
    replies = {}
    for row, reply in ask(asked, requests(prompt, documents(200))):
        replies[row] = reply
        if len(replies) == 60:
            kill(api_server(model))
    assert sorted(replies) == list(range(200))
    assert {reply.reason for reply in replies.values()} == {None}
    assert all(read_reply(reply.text, prompt) in range(6) for reply in replies.values())
    assert api_server(model) not in first
    assert not any(map(is_alive, first))


def test_an_option_that_vllm_does_not_know_is_named(model, options):
    judge = open_judge(f"vllm:{model}", options={**options, "no_such_option": 3})
    with pytest.raises(ConfigError, match=r"unrecognized arguments: --no-such-option"):
        list(ask(judge, requests(load_prompt("finemath_5pt"), ["1 + 1 = 2"])))
    judge.close()
