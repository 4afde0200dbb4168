import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.constrain import constraint_body, json_scores, own_constraints
from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.content import list_content
from curation.errors import ContentError
from curation.scale import Scale

MATH = load_prompt("finemath_5pt")


def asked(constrain, max_tokens=400, **changes):
    generation = {key: value for key, value in MATH.generation.items() if key != "max_tokens"}
    if max_tokens is not None:
        generation["max_tokens"] = max_tokens
    return dataclasses.replace(MATH, constrain=constrain, generation=generation, **changes)


def expression(prompt):
    body = constraint_body(prompt)
    assert set(body) == {"structured_outputs"} and set(body["structured_outputs"]) == {"regex"}
    return body["structured_outputs"]["regex"]


def schema(prompt):
    wanted = constraint_body(prompt)["response_format"]
    assert wanted["type"] == "json_schema"
    return wanted["json_schema"]["schema"]


def test_an_unconstrained_prompt_adds_nothing():
    assert constraint_body(asked("none")) == {}


def test_only_the_final_line():
    assert expression(asked("score")) == "Final score: [0-5]"


def test_words_are_no_expression():
    found = expression(asked("score", reply_words="Note (finale) [a]+?"))
    assert re.fullmatch(found, "Note (finale) [a]+?: 3")
    assert "\\ " not in found  # not every engine knows an escaped blank


@pytest.mark.parametrize("scale", [Scale(0, 5), Scale(1, 3), Scale(0, 10), Scale(-2, 2), Scale(1, 100)])
def test_every_label_of_the_scale_and_no_other(scale):
    prompt = asked("score", scale=scale)
    found = re.compile(expression(prompt))
    for label in range(-120, 121):
        line = f"Final score: {label}"
        assert bool(found.fullmatch(line)) == scale.holds(label)
        if scale.holds(label):
            assert found.match(line)[0] == line  # the 1 of 10 comes later
            assert read_reply(line, prompt) == label


def test_a_justification_and_the_final_line():
    prompt = asked("regex")
    found = re.compile(expression(prompt))
    assert found.fullmatch("Uses $\\frac{1}{2}$, “clear”.\nFinal score: 4")
    for wrong in (
        "Final score: 4",
        "a\nb\nFinal score: 4",
        "a\nFinal score: 6",
        "a Final score: 4",
        "a\nFinal score: 4 ",
    ):
        assert not found.fullmatch(wrong)


@given(st.integers(1, 3000), st.sampled_from([Scale(0, 5), Scale(0, 10), Scale(-10, 100)]), st.booleans())
def test_the_longest_reply_fits_one_character_a_token(max_tokens, scale, completion):
    prompt = asked("regex", max_tokens=max_tokens, scale=scale)
    if completion:  # the newer name of the same setting
        prompt = dataclasses.replace(prompt, generation={"max_completion_tokens": max_tokens})
    ending = f"\nFinal score: {max((scale.low, scale.high), key=lambda label: len(str(label)))}"
    if max_tokens < len(ending) + 2:
        with pytest.raises(ContentError, match=rf"tokens: {max_tokens} leaves no room"):
            constraint_body(prompt)
        return
    longest = int(re.search(r"\{1,(\d+)\}", expression(prompt))[1])
    assert re.fullmatch(expression(prompt), "x" * longest + ending)
    assert longest + len(ending) + 1 <= max_tokens  # the 1 is the end token
    assert longest + len(ending) + 1 == max_tokens or longest == 1500


@given(st.integers(45, 4000))
def test_the_longest_object_fits_even_if_all_of_it_is_escaped(max_tokens):
    longest = schema(asked("json", max_tokens=max_tokens))["properties"]["justification"]["maxLength"]
    for character in ("x", "\\", '"', "\n"):
        written = json.dumps({"justification": character * longest, "score": 5}, indent=1)
        assert len(written) + 1 <= max_tokens


def test_the_object_has_the_justification_first_and_the_labels():
    found = schema(asked("json"))
    assert list(found["properties"]) == found["required"] == ["justification", "score"]
    assert found["properties"]["score"] == {"type": "integer", "enum": [0, 1, 2, 3, 4, 5]}
    assert found["additionalProperties"] is False
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("constrain", ["score", "regex", "json"])
def test_no_room_names_setting_and_number(constrain):
    with pytest.raises(
        ContentError, match=r"finemath_5pt: generation: max_tokens: 9 leaves no room.*needs at least \d\d"
    ):
        constraint_body(asked(constrain, max_tokens=9))


@pytest.mark.parametrize("constrain", ["score", "regex", "json"])
def test_without_a_limit_the_justification_has_one(constrain):
    body = json.dumps(constraint_body(asked(constrain, max_tokens=None)))
    assert constrain == "score" or re.search(r"1500|750", body)


@pytest.mark.parametrize("name", sorted(list_content("prompts")))
@pytest.mark.parametrize("constrain", ["score", "regex", "json"])
def test_every_shipped_prompt_can_be_constrained_and_is_read(name, constrain):
    prompt = dataclasses.replace(load_prompt(name), constrain=constrain)
    assert constraint_body(prompt)
    high = prompt.scale.high
    replies = {
        "score": f"{prompt.reply_words}: {high}",
        "regex": f"Clear.\n{prompt.reply_words}: {high}",
        "json": json.dumps({"justification": "Clear.", "score": high}),
    }
    assert read_reply(replies[constrain], prompt) == high


def test_options_that_constrain_are_named():
    assert own_constraints({"temperature": 0, "response_format": {"type": "json_object"}}) == ("response_format",)
    assert own_constraints({"guided_regex": "a", "structured_outputs": {}}) == ("guided_regex", "structured_outputs")
    assert own_constraints({"response_format": None, "top_k": 5}) == ()


def test_scores_of_objects_in_order():
    assert json_scores('{"score": 1}\n{"a": {"score": 2}}\n{"score": 3, "a": {"score": 4}}') == [1, 3]
    assert json_scores('say {"score": 1}') == [1]
    assert json_scores('{"score": 1, "a": "') == [None]
    assert json_scores("{1, 2} and {x}") == []
    assert json_scores('{"score": 1}\n' * 50) == [1] * 50
    assert json_scores('{"a": \n' * 50_000) == [None] * 20
