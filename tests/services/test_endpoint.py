"""``endpoint:`` against a real vLLM that somebody else runs."""

import math
import threading
import time
from dataclasses import replace

import pytest
from services.real_vllm import START_SECONDS, documents, engine, kill, requests

from curation.annotation.expected import expected_label
from curation.annotation.judge import ask
from curation.annotation.judging import Judging
from curation.annotation.opening import open_askers
from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply


@pytest.fixture
def judge(server):
    """Makes a judge and its prompt; all are closed at the end."""
    judges = []

    def make(prompt="finemath_5pt", **settings):
        judging = Judging(patience_seconds=2 * START_SECONDS, **settings)
        prompt = judging.prompt(load_prompt(prompt))
        (asker,) = open_askers(server.location, prompt, judging)
        judges.append(asker.judge)
        return asker.judge, prompt

    yield make
    for one in judges:
        one.close()


def test_chat(judge):
    free = {"max_tokens": 16, "ignore_eos": True}
    asked, prompt = judge(concurrency=32, judge_options=free)
    asked.check()
    assert asked.context_tokens() == 4096
    texts = documents(100)
    replies = dict(ask(asked, requests(prompt, texts)))
    assert sorted(replies) == list(range(100))
    assert all(reply.text.strip() for reply in replies.values())
    assert {reply.completion_tokens for reply in replies.values()} == {16}
    longest = max(range(100), key=lambda row: len(texts[row]))
    shortest = min(range(100), key=lambda row: len(texts[row]))
    assert replies[longest].prompt_tokens > replies[shortest].prompt_tokens > 100


@pytest.mark.parametrize(
    ("name", "constrain"),
    [("finemath_5pt", "score"), ("finemath_5pt", "regex"), ("finemath_3pt", "json"), ("fineweb_edu_5pt", "regex")],
)
def test_constrained_replies_are_all_readable(judge, name, constrain):
    # A seed with a temperature ends vLLM's engine on a CPU: "CPU Generator does not use offset".
    asked, prompt = judge(name, constrain=constrain, concurrency=64, generation={"seed": None})
    began, number = time.monotonic(), 120
    replies = dict(ask(asked, requests(prompt, documents(number))))
    labels = [read_reply(replies[row].text or "", prompt) for row in range(number)]
    print(f"{name} {constrain}: {number / (time.monotonic() - began):.0f} replies/s, labels {sorted(set(labels))}")
    assert all(prompt.scale.low <= label <= prompt.scale.high for label in labels)
    if constrain == "regex":
        assert all("\n" in reply.text for reply in replies.values())


@pytest.mark.parametrize("constrain", ["score", "regex"])
def test_labels_from_log_probabilities(judge, constrain):
    asked, prompt = judge(constrain=constrain, expected_label=True, concurrency=64, generation={"max_tokens": 64})
    replies = dict(ask(asked, requests(prompt, documents(100))))
    expected = [expected_label(replies[row].logprobs, prompt) for row in range(100)]
    assert all(value is not None and math.isfinite(value) for value in expected)
    assert all(prompt.scale.low <= value <= prompt.scale.high for value in expected)
    assert len(set(expected)) > 50  # of a number that the judge gives between its labels


def test_a_document_that_is_too_long_says_so(judge):
    asked, prompt = judge(constrain="score")
    long = replace(prompt, max_characters=100_000, max_document_tokens=None)
    short, too_long = (dict(ask(asked, requests(long, [text])))[0] for text in ("1 + 1 = 2", "one and two " * 8000))
    assert read_reply(short.text, prompt) in range(6)
    assert too_long.text is None and too_long.reason.startswith("too_long: 400 ")


def test_a_server_that_is_killed_and_comes_back_is_waited_for(judge, server, model):
    asked, prompt = judge(constrain="regex", concurrency=32, generation={"max_tokens": 64})
    replies, back = {}, threading.Thread(target=server.restart)
    for row, reply in ask(asked, requests(prompt, documents(200))):
        replies[row] = reply
        if len(replies) == 60:
            kill(engine(model))
            back.start()
    back.join()
    assert sorted(replies) == list(range(200))
    assert {reply.reason for reply in replies.values()} == {None}
    assert all(read_reply(reply.text, prompt) in range(6) for reply in replies.values())
