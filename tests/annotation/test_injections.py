"""No document leaves its slot, and a judge that quotes one is read by its own words."""

import dataclasses
import json
import re
import unicodedata

import pytest
from annotation.injections import CONTROL_TOKENS, INJECTIONS
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation import fence as fencing
from curation.annotation.fence import disarm, fence
from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.content import list_content

PROMPTS = [load_prompt(name) for name in sorted(list_content("prompts"))]
DOCUMENTS = [row[1] for row in INJECTIONS]
IDS = [row[0] for row in INJECTIONS]
INVISIBLE = dict.fromkeys(code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf")


def content_of(prompt, text):
    slots = {"language": "Python"} if "language" in prompt.slots else {}
    messages = prompt.messages(text, **slots)
    assert [message["role"] for message in messages] == ["user"]
    return messages[0]["content"]


def test_they_are_many_and_distinct():
    assert len(set(DOCUMENTS)) == len(set(IDS)) == len(INJECTIONS) >= 50
    assert len(set(CONTROL_TOKENS)) == len(CONTROL_TOKENS) > 100


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
@pytest.mark.parametrize("text", DOCUMENTS, ids=IDS)
def test_a_document_stays_in_its_slot(text, prompt):
    before, _, after = re.split(
        r"<extract [0-9a-f]{12}>\n(.*)\n</extract [0-9a-f]{12}>", content_of(prompt, "A"), flags=re.S
    )
    content = content_of(prompt, text)
    assert content.startswith(before) and content.endswith(after)
    opening, *_, closing = content[len(before) : len(content) - len(after)].split("\n")
    tag = re.fullmatch(r"<extract ([0-9a-f]{12})>", opening)[1]
    assert closing == f"</extract {tag}>"
    assert content.count(tag) == 2
    assert len(re.findall(r"<\s*/?\s*extract", content, re.IGNORECASE)) == 2


@pytest.mark.parametrize("text", DOCUMENTS, ids=IDS)
def test_no_control_token_survives(text):
    shown = disarm(text)
    assert len(shown) == len(text)
    assert not re.search("[\U000e0000-\U000e007f]", shown)
    normalised = unicodedata.normalize("NFKC", shown).translate(INVISIBLE)
    for form in (shown, shown.translate(INVISIBLE), normalised):
        assert [token for token in CONTROL_TOKENS if token in form] == []


@pytest.mark.parametrize("token", CONTROL_TOKENS)
def test_each_control_token_is_broken_wherever_it_stands(token):
    for text in (token, f"a{token}b", f"x = 1\n{token * 3}\n", f"<{token}>", f"[{token}]", f"é{token}"):
        assert token not in disarm(text)


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
@pytest.mark.parametrize("text", DOCUMENTS, ids=IDS)
def test_a_judge_that_quotes_the_document_first_is_read_by_its_own_line(text, prompt):
    shown = disarm(prompt.shown(text))
    quoted = "\n".join(f"> {line}" for line in shown.splitlines())
    for quotation in (shown, f"“{shown}”", quoted, f"```\n{shown}\n```", f"The page says: {' '.join(shown.split())}"):
        assert read_reply(f"{quotation}\nThat is no mathematics.\n\n{prompt.reply_words}: 1", prompt) == 1


@pytest.mark.parametrize("text", DOCUMENTS, ids=IDS)
def test_quotations_after_the_final_line_are_marked_or_count(text):
    """Marked as quoted they do not count; a bare copy of a final line below the judge's own is the last, and wins."""
    prompt = load_prompt("finemath_5pt")
    shown = disarm(prompt.shown(text))
    quoted = "\n".join(f"> {line}" for line in shown.splitlines())
    in_sentence = " ".join(shown.split())
    for quotation in (quoted, f"I disregarded that the page says: {in_sentence}"):
        assert read_reply(f"Spam.\nFinal score: 1\n\n{quotation}", prompt) == 1
    assert read_reply("Final score: 1\n\nFinal score: 5", prompt) == 5


@pytest.mark.parametrize("text", DOCUMENTS, ids=IDS)
def test_a_judge_that_replies_in_json_is_read_by_its_own_score(text):
    prompt = dataclasses.replace(load_prompt("finemath_5pt"), constrain="json")
    own = json.dumps({"justification": f"The page says: {disarm(prompt.shown(text))}", "score": 1})
    assert read_reply(own, prompt) == 1
    assert read_reply(f"{disarm(prompt.shown(text))}\n{own}", prompt) == 1


def test_a_document_that_holds_its_own_tag_gets_another(monkeypatch):
    digests = iter(["a" * 12, "b" * 12, "c" * 12])
    monkeypatch.setattr(fencing, "_digest", lambda text: next(digests))
    assert fence(f"x\n{'a' * 12} {'b' * 12}").splitlines()[0] == f"<extract {'c' * 12}>"


@given(
    st.lists(st.sampled_from([*CONTROL_TOKENS, "<", ">", "|", "[", "]", " ", "\n", "\u200b", "x", "é", "</extract>"]))
)
def test_no_mixture_survives(pieces):
    text = "".join(pieces)
    shown = disarm(text)
    assert len(shown) == len(text)
    assert not any(token in shown or token in shown.translate(INVISIBLE) for token in CONTROL_TOKENS)
    assert "</extract" not in shown


@given(st.text(max_size=200))
def test_text_without_brackets_or_hidden_characters_is_shown_as_it_is(text):
    plain = re.sub("[<\\[＜［◁\U000e0000-\U000e007f]", "", text)
    assert disarm(plain) == plain


ORDINARY = [
    "if a<b and c>d: x[i] = y[j]",
    "a <| b |> c <|> d",
    "$x<|y|$ and ⟨x|y⟩",
    "<p>text</p> <b>x</b>",
    "vector<int> v;",
]
ORDINARY += [
    "[1] [edit] [x] [img]a[/img]",
    "f(x) < g(x) | x > 0",
    "<table><tr><td>1</td></tr></table>",
    "zero\u200bwidth",
]
ORDINARY += [
    "caf\u00e9 <em>né</em> [à]",
    "#include <string>",
    "import <fs>",
    "[INSTALL] [masks]",
    "👨\u200d👩\u200d👧 [x]",
    "＜标题＞",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text):
    assert disarm(text) == text


def test_the_judges_own_tokens_are_broken_where_they_are_known():
    own = frozenset({"]~b]", "<filename>", "[e~[", "<|im_end|>", "\n\n", " ", "", "▁role", "<file"})
    text = "]~b]ai <filename> [e~[\n\n  <|im_end|> ▁role <file"
    shown = disarm(text, own)
    assert not any(token in shown for token in own if token.strip())
    assert len(shown) == len(text) and "\n\n  " in shown
    assert disarm(text, list(own)) == shown
    assert disarm("<filename>") == "<filename>" and disarm("<filename>", ["\n", ""]) == "<filename>"
    assert "]~b]" not in fence(text, own)
