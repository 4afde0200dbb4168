import dataclasses
import json

import pytest

from curation.annotation.endpoint import EndpointJudge
from curation.annotation.judge import Request
from curation.annotation.judging import Judging
from curation.annotation.opening import check_judges, gpus_of, open_askers, open_cutter
from curation.annotation.reading import Item, Reading
from curation.errors import ConfigError, ContentError
from curation.scale import Scale

from .test_cutting import TOKENIZERS
from .toys import PROMPT


@pytest.fixture
def closing():
    """Open askers that are closed at the end."""
    opened = []

    def make(*settings):
        opened.extend(found := open_askers(*settings))
        return found

    yield make
    for one in opened:
        one.judge.close()


@pytest.fixture
def tokenizer(tmp_path):
    file = tmp_path / "tokenizer.json"
    TOKENIZERS["byte_level"].save(str(file))
    return str(file)


def replay(tmp_path, name="replies.jsonl"):
    (tmp_path / name).write_text(json.dumps({"id": "1", "reply": "Final score: 3"}) + "\n")
    return f"replay:{tmp_path / name}"


def body_of(chat_server, asker):
    asker.judge.submit(1, Request("1", None, ({"role": "user", "content": "x"},)))
    ((_, reply),) = asker.judge.completed()
    assert reply.text
    return chat_server.bodies[-1]


def test_a_judge_is_opened_once_for_all_shards(chat_server, closing):
    location = f"endpoint:{chat_server.url}#tiny"
    one, two = (closing(location, PROMPT, Judging())[0] for _ in range(2))
    assert one.judge is two.judge and isinstance(one.judge, EndpointJudge)
    warmer = Judging(generation={"temperature": 1.0})
    (other,) = closing(location, warmer.prompt(PROMPT), warmer)
    assert other.judge is not one.judge


def test_a_request_carries_all_settings(chat_server, closing):
    prompt = dataclasses.replace(PROMPT, generation={"temperature": 0.0, "max_tokens": 9, "system": "Be strict."})
    judging = Judging(judge_options={"temperature": 0.5, "min_p": 0.1}, expected_label=True)
    (asker,) = closing(f"endpoint:{chat_server.url}#tiny", judging.prompt(prompt), judging)
    body = body_of(chat_server, asker)
    assert {key: value for key, value in body.items() if key != "messages"} == {
        "model": "tiny", "temperature": 0.5, "max_tokens": 9, "min_p": 0.1, "logprobs": True, "top_logprobs": 20,
    }  # fmt: skip
    assert asker.wants_expected and asker.reminders == 1


def test_a_constraint_is_sent_unless_the_options_have_their_own(chat_server, closing):
    prompt = dataclasses.replace(PROMPT, constrain="score")
    (ours,) = closing(f"endpoint:{chat_server.url}#tiny", prompt, Judging())
    assert body_of(chat_server, ours)["structured_outputs"]["regex"].startswith("Final score: ")
    options = {"response_format": {"type": "text"}}
    (own,) = closing(f"endpoint:{chat_server.url}#tiny", prompt, Judging(judge_options=options))
    body = body_of(chat_server, own)
    assert body["response_format"] == {"type": "text"} and "structured_outputs" not in body


def test_identity_is_of_model_and_options_not_of_place_and_pace(closing):
    def key(location, **settings):
        (asker,) = closing(location, PROMPT, Judging(**settings))
        return Reading(asker, Item(None, "1", None, "x"), "x").key

    same = {key("endpoint:http://a:1#m"), key("endpoint:http://b:2,http://c:3#m", concurrency=3, reminders=0)}
    assert len(same) == 1
    others = [
        key("endpoint:http://a:1#n"),
        key("endpoint:http://a:1#m", judge_options={"temperature": 1}),
        key("endpoint:http://a:1#m", expected_label=True),
        key("vllm:m", tokenizer="none"),
    ]
    assert len(same | set(others)) == 5


def test_the_second_judge_has_options_of_its_own(chat_server, closing):
    judging = Judging(
        judge_options={"min_p": 0.1}, second_judge=f"endpoint:{chat_server.url}#other", second_options={"min_p": 0.2}
    )
    first, second = closing(f"endpoint:{chat_server.url}#tiny", PROMPT, judging)
    bodies = [body_of(chat_server, one) for one in (first, second)]
    assert [(body["model"], body["min_p"]) for body in bodies] == [("tiny", 0.1), ("other", 0.2)]


def test_recorded_replies_are_not_reminded(tmp_path):
    (asker,) = open_askers(replay(tmp_path), PROMPT, Judging(reminders=3))
    assert asker.reminders == 0


def test_checks_come_before_any_work(tmp_path, tokenizer):
    judge = replay(tmp_path)
    check_judges(judge, PROMPT, Judging())
    for settings, message in (
        ({"repeat": 2}, "recorded replies know nothing of `repeat`"),
        ({"expected_label": True}, "recorded replies know nothing of `expected_label`"),
        ({"second_judge": "replay:/nowhere.jsonl"}, "nowhere"),
        ({"second_judge": "telnet:x"}, "unknown kind 'telnet'"),
        ({"tokenizer": "/nowhere/tokenizer.json"}, "no file /nowhere"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_judges(judge, PROMPT, Judging(**settings))
    check_judges(judge, PROMPT, Judging(tokenizer=tokenizer))
    with pytest.raises(ConfigError, match="cannot be reached"):
        check_judges("endpoint:http://127.0.0.1:1#m", PROMPT, Judging())


def test_an_expected_label_needs_one_digit():
    wide = dataclasses.replace(PROMPT, scale=Scale(0, 10))
    with pytest.raises(ConfigError, match="expected_label: needs labels of one digit, the scale of toy is 0 to 10"):
        check_judges("endpoint:http://127.0.0.1:1#m", wide, Judging(expected_label=True))


def test_a_constraint_without_room_is_refused():
    prompt = dataclasses.replace(PROMPT, constrain="regex", generation={"max_tokens": 3})
    with pytest.raises(ContentError, match="max_tokens"):
        open_askers("endpoint:http://127.0.0.1:1#m", prompt, Judging())


def test_the_context_is_the_one_that_is_named_or_the_server_s(chat_server, closing, tokenizer):
    location, text = f"endpoint:{chat_server.url}#tiny", "the sum " * 5000
    prompt = dataclasses.replace(PROMPT, max_document_tokens=5000, generation={"max_tokens": 50})
    chat_server.models = [{"id": "tiny", "max_model_len": 1000}, {"id": "other", "max_model_len": 500}]
    shown = {}
    for context, ask_server in ((None, True), (None, False), (700, True), (700, False)):
        judging = Judging(tokenizer=tokenizer, context_tokens=context)
        closing(location, prompt, judging)
        cutter = open_cutter(location, prompt, judging, ask_server=ask_server)
        shown[context, ask_server] = cutter.tokens(cutter.shown(text, {}))
    assert shown[None, False] == pytest.approx(5000, abs=3)
    assert 500 < shown[None, True] < 1000
    assert 200 < shown[700, True] == shown[700, False] < 700 - 300 + 1


def test_a_reply_to_a_reminder_has_room(chat_server, closing, tokenizer):
    prompt = dataclasses.replace(PROMPT, max_document_tokens=5000, generation={"max_tokens": 50})
    shown = []
    for reminders in (0, 1):
        judging = Judging(tokenizer=tokenizer, context_tokens=1000, reminders=reminders)
        cutter = open_cutter(f"endpoint:{chat_server.url}#tiny", prompt, judging)
        shown.append(cutter.tokens(cutter.shown("the sum " * 5000, {})))
    assert shown[0] - shown[1] >= 50 + 60


def test_without_a_tokenizer_no_server_is_asked():
    judge = "endpoint:http://127.0.0.1:1#m"
    assert not open_cutter(judge, PROMPT, Judging()).counts_tokens


def test_gpus_are_those_of_the_server():
    options = {"tensor_parallel_size": 4, "data_parallel_size": 2}
    assert gpus_of("vllm:m", Judging(judge_options=options)) == 8
    assert gpus_of("vllm:m", Judging()) == 1
    assert gpus_of("endpoint:http://a#m", Judging()) == 1
