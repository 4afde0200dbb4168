import dataclasses

import pytest

from curation.annotation.judging import Judging, Price

from .toys import PROMPT

TUNING = {
    "key_env", "second_key_env", "concurrency", "timeout_seconds", "patience_seconds", "stop_unreadable", "stop_after",
    "price", "max_cost", "max_requests",
}  # fmt: skip
LABELS = {
    "judge_options": {"top_k": 1}, "generation": {"temperature": 1.0}, "constrain": "score", "expected_label": True,
    "reminders": 0, "repeat": 2, "second_judge": "replay:x", "second_options": {"top_k": 1}, "further_share": 0.5,
    "tokenizer": "none", "context_tokens": 8192,
}  # fmt: skip


def test_defaults_have_no_identity():
    assert Judging().identity() == {}


@pytest.mark.parametrize(("name", "value"), LABELS.items())
def test_what_changes_labels_is_identity(name, value):
    assert Judging(**{name: value}).identity() == {name: value}


def test_every_field_is_identity_or_tuning():
    fields = {one.name: one for one in dataclasses.fields(Judging)}
    assert set(fields) == TUNING | set(LABELS)
    assert {name for name, one in fields.items() if not one.metadata.get("identity", True)} == TUNING
    price = Price(per_gpu_hour=1.0)
    tuned = Judging(
        key_env="KEY", concurrency=1, timeout_seconds=1, patience_seconds=1, stop_unreadable=0.1, stop_after=5,
        price=price, max_cost=1, max_requests=1,
    )  # fmt: skip
    assert tuned.identity() == {}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reminders": -1}, "reminders: expected 0 or more, got -1"),
        ({"repeat": 0}, "repeat: expected at least 1, got 0"),
        ({"context_tokens": 0}, "context_tokens: expected at least 1, got 0"),
        ({"concurrency": 0}, "concurrency: expected at least 1, got 0"),
        ({"stop_after": 0}, "stop_after: expected at least 1, got 0"),
        ({"timeout_seconds": 0}, "timeout_seconds: expected more than 0, got 0"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds: expected more than 0, got nan"),
        ({"patience_seconds": -1}, "patience_seconds: expected more than 0, got -1"),
        ({"stop_unreadable": 1.5}, r"stop_unreadable: expected a share from 0 to 1, got 1\.5"),
        ({"further_share": -0.1}, r"further_share: expected a share from 0 to 1, got -0\.1"),
        ({"max_requests": 0}, "max_requests: expected more than 0, got 0"),
        ({"max_cost": 0}, "max_cost: expected more than 0, got 0"),
        ({"max_cost": 5}, r"max_cost: needs a price"),
        ({"generation": {"temprature": 1}}, "generation: unknown key 'temprature' .*temperature"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Judging(**settings)


def test_a_price():
    assert not Price() and not Price(gpus=4)
    price = Price(per_gpu_hour=2.0, gpus=4, per_million_prompt_tokens=1.0, per_million_completion_tokens=3.0)
    assert price and price.of(2e6, 1e6, 10.0) == 2 + 3 + 20
    for name in ("per_gpu_hour", "gpus", "per_million_prompt_tokens", "per_million_completion_tokens"):
        with pytest.raises(ValueError, match=f"{name}: expected .*, got -1"):
            Price(**{name: -1})


def test_the_prompt_gets_what_is_set():
    prompt = dataclasses.replace(PROMPT, generation={"temperature": 0.0, "max_tokens": 400, "seed": 0})
    assert Judging().prompt(prompt) == prompt and Judging().prompt(prompt).digest == prompt.digest
    changed = Judging(generation={"temperature": 0.7, "seed": None, "system": "Be strict."}).prompt(prompt)
    assert changed.generation == {"temperature": 0.7, "max_tokens": 400, "system": "Be strict."}
    assert changed.digest != prompt.digest
    assert Judging(constrain="score").prompt(prompt).constrain == "score"
    assert prompt.constrain == "none"


def test_it_shows_what_is_not_the_default():
    assert repr(Judging()) == "Judging()"
    assert repr(Judging(repeat=2, max_requests=7)) == "Judging(repeat=2, max_requests=7)"
