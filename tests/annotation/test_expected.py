"""Token lists as servers report them: what is in `top_logprobs`, and how tokenizers split the final line."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.expected import expected_label
from curation.annotation.prompt import load_prompt
from curation.scale import Scale

MATH = load_prompt("finemath_5pt")
IN_JSON = dataclasses.replace(MATH, constrain="json")


def told(*tokens):
    """Tokens in OpenAI's form; `{"4": 0.8}` is a token with what is reported at its place, the first one chosen."""
    content = []
    for token in tokens:
        reported = token if isinstance(token, dict) else {token: 1.0}
        top = [
            {"token": text, "logprob": math.log(p) if p > 0 else -9999.0, "bytes": list(text.encode())}
            for text, p in reported.items()
        ]
        content.append({**top[0], "top_logprobs": top})
    return content


LINE = ["Clear", " steps", ".", "\n", "Final", " score", ":"]
CASES = {
    "llama: a blank of its own": ([*LINE, " ", {"4": 0.8, "3": 0.2}], 3.8),
    "gpt: the blank in the token": ([*LINE, {" 4": 0.75, " 5": 0.25}], 4.25),
    "the blank apart or not": ([*LINE, {" ": 0.5, " 4": 0.3, " 3": 0.2}, {"4": 0.8, "3": 0.2}], 3.7),
    "split words": (["Fin", "al", " sc", "ore", ":", " ", {"4": 0.5, "2": 0.5}], 3.0),
    "a total behind": ([*LINE, " ", {"4": 0.9, "3": 0.1}, "/", "5"], 3.9),
    "the label is the total": ([*LINE, " ", {"5": 0.6, "4": 0.4}, "/", "5"], 4.6),
    "the total in the token": ([*LINE, " ", {"4/5": 0.5, "3/5": 0.5}], 3.5),
    "a line break in the token": ([*LINE, " ", {"4\n": 0.5, "4": 0.25, "2": 0.25}], 3.5),
    "bold": (["**", "Final", " score", ":**", {" 3": 0.5, " 4": 0.5}], 3.5),
    "bold number": ([*LINE, {" **4": 0.5, " **3": 0.5}, "**"], 3.5),
    "spellings add": ([*LINE, {" 4": 0.3, "4": 0.3, "3": 0.2, " 3": 0.2}], 3.6),
    "other tokens do not count": ([*LINE, " ", {"4": 0.4, "3": 0.1, "N": 0.3, "four": 0.2}], 3.8),
    "off the scale does not count": ([*LINE, " ", {"4": 0.5, "7": 0.25, "-1": 0.25}], 4.0),
    "masked tokens": ([*LINE, " ", {"4": 1.0, "3": 0.0}], 4.0),
    "arabic digits": ([*LINE, " ", {"٤": 0.5, "٣": 0.5}], 3.5),
    "full width": (["Final score", "：", {"４": 0.5, "３": 0.5}], 3.5),
    "chinese points": ([*LINE, " ", {"4分": 0.5, "2分": 0.5}], 3.0),
    "digits before": (
        ["Points", " 1", " and", " 2", " hold", ".\n", "Final", " score", ": ", {"2": 0.5, "3": 0.5}],
        2.5,
    ),
    "said twice": ([*LINE, " ", {"2": 1.0}, "\n", "Final", " score", ":", " ", {"3": 0.5, "4": 0.5}], 3.5),
    "a remark behind": (
        [*LINE, " ", {"2": 0.5, "3": 0.5}, "\nA", " final", " score", " of", " 5", " would", " need"],
        2.5,
    ),
    "the number alone": ([{"4": 0.8, "5": 0.2}], 4.2),
    "the number alone with a total": ([" ", {"4": 0.8, "5": 0.2}, "/", "5"], 4.2),
    "token not among the top": ([*LINE, {"4": 1.0}], 4.0),
    "after thinking": (["<think>", "Final score", ": ", "5", "</think>", *LINE, " ", {"1": 0.5, "2": 0.5}], 1.5),
}
JSON = {
    "an object": (
        ['{"', "justification", '":', ' "', "2 of 5", '",', ' "', "score", '":', " ", {"3": 0.5, "4": 0.5}, "}"],
        3.5,
    ),
    "the brace in the token": (['{"justification":"', "a", '","', "score", '":', {"3}": 0.5, "4}": 0.5}], 3.5),
    "the words inside": (['{"justification": "Final score: 5", "', "score", '": ', {"1": 0.5, "0": 0.5}, "}"], 0.5),
    "a final line after all": ([*LINE, " ", {"4": 0.8, "3": 0.2}], 3.8),
}
NONE = {
    "unreadable": [*LINE, " ", "N", "/A"],
    "a half": [*LINE, " ", "3", ".", "5"],
    "no words": ["It", " is", " 4"],
    "cut off": LINE,
    "a sum, whose first digit is no label": [*LINE, " 1", " +", " 1", " =", " 2"],
    "the words in the token": ["Clear\n", "Final score: 4"],
    "off the scale": [*LINE, " 7"],
    "nothing": [],
}


@pytest.mark.parametrize(("tokens", "mean"), CASES.values(), ids=CASES)
def test_the_mean_over_the_labels_at_the_score(tokens, mean):
    assert expected_label(told(*tokens), MATH) == pytest.approx(mean)


@pytest.mark.parametrize(("tokens", "mean"), JSON.values(), ids=JSON)
def test_the_mean_in_json(tokens, mean):
    assert expected_label(told(*tokens), IN_JSON) == pytest.approx(mean)


@pytest.mark.parametrize("tokens", NONE.values(), ids=NONE)
def test_no_label_no_mean(tokens):
    assert expected_label(told(*tokens), MATH) is None


def test_no_mean_where_labels_have_several_digits_or_signs():
    tokens = told(*LINE, " ", "4")
    assert expected_label(tokens, dataclasses.replace(MATH, scale=Scale(0, 10))) is None
    assert expected_label(tokens, dataclasses.replace(MATH, scale=Scale(-1, 5))) is None
    assert expected_label(tokens, dataclasses.replace(MATH, scale=Scale(1, 9))) == 4


def test_the_token_itself_counts_where_nothing_else_is_reported():
    tokens = told(*LINE, " 4")
    for without in ([], None):
        assert expected_label([{**token, "top_logprobs": without} for token in tokens], MATH) == 4


@pytest.mark.parametrize("logprob", [-9999.0, -math.inf, math.nan])
def test_a_label_without_probability_has_no_mean(logprob):
    token = {"token": " 4", "logprob": logprob, "top_logprobs": [{"token": " 4", "logprob": logprob}]}
    assert expected_label([*told(*LINE), token], MATH) is None


BROKEN = [None, "x", 3, {}, [None], [3], [[]], ["Final score: 4"], [{}], [{"token": "4"}], [{"logprob": 0}]]
BROKEN += [[{"token": "4", "logprob": 0, "top_logprobs": top}] for top in (3, [3], [None], [{}], [{"token": "4"}])]
BROKEN += [[{"token": "4", "logprob": logprob}] for logprob in (None, "x", [], 10**400)]


@pytest.mark.parametrize("logprobs", BROKEN, ids=range(len(BROKEN)))
def test_malformed_lists_have_no_mean(logprobs):
    assert expected_label(logprobs, MATH) is None


@given(
    st.lists(st.sampled_from([*LINE, " ", "4", "/5", '{"score": ', "}", "5", "\n", "**"]), max_size=12),
    st.dictionaries(st.sampled_from(["0", " 1", "2", "3", "4", "**5", "x", "9"]), st.floats(0, 1), min_size=1),
    st.sampled_from([MATH, IN_JSON]),
)
def test_a_mean_is_on_the_scale(tokens, reported, prompt):
    mean = expected_label(told(*tokens, reported), prompt)
    assert mean is None or 0 <= mean <= 5
