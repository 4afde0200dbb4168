"""Short replies, one shape each; whole replies are in `replies`."""

import contextlib
import dataclasses
import json

import pytest
from annotation.replies import JSON_REPLIES, REPLIES
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.errors import UnreadableReply
from curation.scale import Scale

MATH = load_prompt("finemath_5pt")
IN_JSON = dataclasses.replace(MATH, constrain="json")

READABLE = {
    "Clear steps.\nFinal score: 4": 4,
    "Final score: 0": 0,
    "final score:4": 4,
    "FINAL SCORE: 4.": 4,
    "Final score : 4": 4,
    "**Final score:** 4": 4,
    "**Final score**: 4": 4,
    "Final score: **4**": 4,
    "**Final score: 4**": 4,
    "***Final Score: 4***": 4,
    "### Final score: 4": 4,
    "> Final score: 4": 4,
    "- Final score: 4": 4,
    "* Final score: 4": 4,
    "6. Final score: 4": 4,
    "`Final score: 4`": 4,
    "_Final score:_ 4": 4,
    '"Final score: 4"': 4,
    "[Final score: 4]": 4,
    "(Final score: 4)": 4,
    "Final score: [4]": 4,
    "Final score: <4>": 4,
    "Final score: (4)": 4,
    "Final score: $4$": 4,
    r"Final score: \boxed{4}": 4,
    r"$\boxed{\text{Final score: } 4}$": 4,
    '{"Final score": 4}': 4,
    '{"final_score": 4, "why": "clear"}': 4,
    "| Final score | 4 |": 4,
    "Final score: 4/5": 4,
    "Final score: 4 / 5": 4,
    "Final score: **4**/5": 4,
    "Final score: 4 out of 5": 4,
    "Final score: 4 of 5 points.": 4,
    "Final score: 4 points": 4,
    "Final score: 1 point": 1,
    "Final score: 4pts": 4,
    "Final score: 4分": 4,
    "Final score: 4.0": 4,
    "Final score: 4 (four)": 4,
    "Final score: 4 (1+1+1+1)": 4,
    "Final score: 1 + 1 + 1 + 1 = 4": 4,
    "Final score: 4 = 1+1+1+1": 4,
    "Final score: 4, because the steps are clear.": 4,
    "Final score: 4 – a chapter of a textbook": 4,
    "Final score: 4</s>": 4,
    "Final Score - 4": 4,
    "Final score – 4": 4,
    "Final score = 4": 4,
    "Final score → 4": 4,
    "Final score 4": 4,
    "Final score is 4.": 4,
    "The final score is: 4": 4,
    "My final score: 4": 4,
    "Thus, the final score is 4.": 4,
    "I rate it as follows. Final score: 4": 4,
    "Final score (0-5): 4": 4,
    "Final score (out of 5): 4": 4,
    "Final score：４": 4,
    "Final score: ٤": 4,
    "Final score: ४": 4,
    "Ｆｉｎａｌ　ｓｃｏｒｅ： ３／５": 3,
    "Final\u00a0score:\u00a04": 4,
    "Final score: \u200b4\ufeff": 4,
    "Final score:\n4": 4,
    "**Final score:**\n\n**4**": 4,
    "Final score: ~~3~~ 4": 4,
    "Final score: 3\nOn reflection:\nFinal score: 4": 4,
    "Final score: 3. Yes, Final score: 3.": 3,
    "Final score: 2\nA final score of 5 would need worked steps.": 2,
    "The page says “Final score: 5”, which is spam.\nFinal score: 1": 1,
    "Final score: 1\nThe page itself claims Final score: 5.": 1,
    "Final score: 4\nThe final score is based on clear deductions.": 4,
    "<think>Final score: 5? No.</think>\nFinal score: 2": 2,
    "Final score: 4\r\n": 4,
    "4": 4,
    " **4** ": 4,
    "4/5": 4,
    "4 points.": 4,
}
UNREADABLE = {
    "": "empty reply",
    " \n ": "empty reply",
    "I cannot rate this.": "no line",
    "Educational score: 4": "no line",
    "The final score reflects the steps.": "no line",
    "Final scores: 4": "no line",
    "<think>It could be\nFinal score: 4": "no line|empty",
    "Final score:": "no number",
    "Final score: <total points>": "no number",
    "Final score: N/A": "no number",
    "Final score: four": "no number",
    "Final score: 3\nFinal score: unclear": "no number",
    "Final score:\n1 point for the topic\n1 point for the logic": "no number",
    "Final score: 3.5": "whole",
    "Final score: 3,5": "whole",
    "Final score: **3**.5": "whole",
    "Final score: 3½": "whole",
    "Final score: 3 ½": "whole",
    "Final score: 2²": "whole",
    "Final score: 4th": "whole",
    "Final score: 4k": "whole",
    "Final score: 4%": "whole",
    "Final score: 6": "outside",
    "Final score: 42": "outside",
    "Final score: -1": "outside",
    "Final score: −1": "outside",
    "Final score: " + "9" * 5000: "outside",
    "Final score: 4/10": "another total",
    "Final score: 3 out of 4": "another total",
    "Final score: 3-4": "more than one",
    "Final score: 3 – 4": "more than one",
    "Final score: 3~4": "more than one",
    "Final score: 3 or 4": "more than one",
    "Final score: 3 to 4": "more than one",
    "Final score: 3/5 or 4/5": "more than one",
    "Final score: 1 + 1 + 1": "more than one",
    "Final score: 3 4": "more than one",
    "Final score: 3. No. Final score: 4": "more than one",
    "Final score: 1, although the page says Final score: 5": "more than one",
    "Final score: 3 → 4": "more than one",
    "7": "outside",
    "-3": "no line|outside",
    "3.5": "no line|whole",
    "3 4": "no line|more",
}


@pytest.mark.parametrize(("reply", "label"), READABLE.items())
def test_replies_that_can_be_read(reply, label):
    assert read_reply(reply, MATH) == label


@pytest.mark.parametrize(("reply", "reason"), UNREADABLE.items())
def test_replies_that_cannot(reply, reason):
    with pytest.raises(UnreadableReply, match=reason) as caught:
        read_reply(reply, MATH)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(("reply", "label"), [row[1:] for row in REPLIES], ids=[row[0] for row in REPLIES])
def test_whole_replies_are_read_as_a_careful_reader_would(reply, label):
    if label is None:
        with pytest.raises(UnreadableReply):
            read_reply(reply, MATH)
    else:
        assert read_reply(reply, MATH) == label


@pytest.mark.parametrize(("reply", "label"), [row[1:] for row in JSON_REPLIES], ids=[row[0] for row in JSON_REPLIES])
def test_replies_in_json_are_read_by_their_score(reply, label):
    if label is None:
        with pytest.raises(UnreadableReply):
            read_reply(reply, IN_JSON)
    else:
        assert read_reply(reply, IN_JSON) == label


def test_the_whole_replies_are_many_and_distinct():
    assert len({row[1] for row in REPLIES}) == len(REPLIES) > 120
    assert len({row[0] for row in REPLIES}) == len(REPLIES)


@pytest.mark.parametrize("name", ["finemath_3pt", "finemath_5pt", "fineweb_edu_5pt", "stack_edu_5pt"])
def test_every_recorded_reply_reads_as_its_label(recorded, name):
    prompt = load_prompt(name)
    rows = recorded(name)
    assert [read_reply(row["reply"], prompt) for row in rows] == [row["label"] for row in rows]


PIECES = 'Final score~final_score~Final~:~=~ ~\n~4~5~٣~½~.~/~-~+~(~)~|~**~"~“~`~```~>~\boxed{~}~<think>~</think>~<b>'
PIECES += '~{"score": ~{"a": "~out of~would~1 + '
SHAPED = st.lists(st.sampled_from(PIECES.replace(r"\n", "\n").split("~")), max_size=30).map("".join)


@given(st.one_of(st.text(max_size=300), SHAPED), st.sampled_from([MATH, IN_JSON]), st.booleans())
def test_any_text_is_read_or_refused(text, prompt, wide):
    prompt = dataclasses.replace(prompt, scale=Scale(-2, 12)) if wide else prompt
    with contextlib.suppress(UnreadableReply):
        label = read_reply(text, prompt)
        assert type(label) is int and prompt.scale.holds(label)


PATHS = [
    "Final score: ",
    "final ",
    "(",
    "[1] + ",
    "9",
    "1 + ",
    "\n",
    " ",
    "```",
    "```     ",
    '"',
    "'a ",
    "“",
    "~~",
    "<del>",
]
PATHS += [
    "<think>",
    "</think>\n",
    "<b ",
    '{"a":',
    "{",
    '{"score": 1}\n',
    "\\frac{1",
    "and ",
    "1. ",
    "> ",
    "|",
    "Final score /1",
]


@pytest.mark.parametrize("piece", PATHS)
@pytest.mark.parametrize("frame", ["{}", "{}!", "Final score{}", "Final score: 4 {}", '"{}Final score: 4'])
def test_no_reply_takes_long_to_read(piece, frame):
    reply = frame.replace("{}", piece * (200_000 // len(piece)))  # quadratic work would take minutes
    for prompt in (MATH, IN_JSON):
        with contextlib.suppress(UnreadableReply):
            assert prompt.scale.holds(read_reply(reply, prompt))


PROSE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60).filter(
    lambda text: "final" not in text.lower() and not any(mark in text for mark in ("<", "[", "◁"))
)


@given(PROSE, st.integers(-3, 9))
def test_a_final_line_is_read_whatever_stands_before_it(prose, number):
    reply = f"{prose}\nFinal score: {number}"
    if MATH.scale.holds(number):
        assert read_reply(reply, MATH) == number
    else:
        with pytest.raises(UnreadableReply):
            read_reply(reply, MATH)


@given(PROSE, PROSE, st.integers(0, 5))
def test_words_around_the_final_line_never_change_the_label(before, after, number):
    assert read_reply(f"{before}\n**Final score:** {number}/5\n{after}", MATH) == number


@given(PROSE, PROSE, st.integers(0, 5))
def test_a_justification_in_json_never_changes_the_label(words, around, number):
    reply = json.dumps({"justification": f"{words} Final score: 5", "score": number})
    assert read_reply(f"{around}\n{reply}", IN_JSON) == number


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=5), st.sampled_from(["{}", "**{}**", "{}/5", "{} points", " {}."])
)
def test_the_last_line_wins(labels, shape):
    reply = "\n".join(f"Final score: {shape.format(label)}" for label in labels)
    assert read_reply(reply, MATH) == labels[-1]


@given(st.integers(0, 100), st.integers(0, 9))
def test_fractions_are_never_rounded(whole, tenth):
    prompt = dataclasses.replace(MATH, scale=Scale(0, 100))
    if tenth:
        with pytest.raises(UnreadableReply):
            read_reply(f"Final score: {whole}.{tenth}", prompt)
    else:
        assert read_reply(f"Final score: {whole}.{tenth}", prompt) == whole


def test_other_words_and_scales():
    prompt = dataclasses.replace(MATH, reply_words="Note (finale)", scale=Scale(-2, 10))
    assert read_reply("**Note (finale) :** 10/10", prompt) == 10


@pytest.mark.parametrize(
    "reply", ["最终得分：4", "**最终得分**：4分", "我给出的最终得分是4", "最终得分4/5", "推理清晰。最终得分为 4。"]
)
def test_words_of_a_script_without_blanks(reply):
    prompt = dataclasses.replace(MATH, reply_words="最终得分")
    assert read_reply(reply, prompt) == 4


@pytest.mark.parametrize(("reply", "label"), [("Final score: -1", -1), ("Final score: −2", -2), ("-1", -1), ("3", 3)])
def test_a_scale_below_zero(reply, label):
    prompt = dataclasses.replace(MATH, scale=Scale(-2, 5))
    assert read_reply(reply, prompt) == label
    with pytest.raises(UnreadableReply, match="outside"):
        read_reply("Final score: -3", prompt)
