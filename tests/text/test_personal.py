import gzip
import json
from pathlib import Path

import pytest
from datatrove.pipeline.formatters import PIIFormatter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation.text.masking import Allowed
from curation.text.personal import EMAILS, IPS, find_personal, replace_personal

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def of_fineweb(text):
    """A formatter for each text, as its turns go on from text to text."""
    return PIIFormatter().format(text)


# Pieces that addresses are made of, and what stands at their edges.
PIECES = st.sampled_from(
    [*"@.-_+!/'[]:,# \né%", "..", "a", "b1", "Ab", "x.org", "ann@uni.edu", "@b.com", "[1.2.3.4]", "[1.2.3.a:]"]
) | st.sampled_from(
    ["8.8.8.8", "10.0.0.1", "256", "25", "1.", ".2", "01.2.3.4", "192.168.1.1", "9.9.9", "127.0.0.1", "1.1.1.1.1"]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=24).map("".join))
@example("é!!@b.com")
@example("a..b@x.org a.@x.org .c@x.org")
@example("a@b.com@c.org@d.net")
@example("1.2.3.4@5.6.7.8.com 1.2.3." + "ann@uni.edu" + "4")
def test_any_text_becomes_what_fineweb_makes_of_it(text):
    assert replace_personal(text) == of_fineweb(text)


@given(st.text(alphabet="a1.@-/ é", max_size=40))
def test_any_text_of_few_letters_becomes_what_fineweb_makes_of_it(text):
    assert replace_personal(text) == of_fineweb(text)


def test_real_texts_become_what_fineweb_makes_of_them():
    path = DATA / "texts" / "web_texts.jsonl.gz"
    if not path.exists():
        pytest.skip(f"real data not on this machine: {path}")
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        texts = [json.loads(row)["text"] for row in rows]
    replaced = [replace_personal(text) for text in texts]
    assert replaced == [of_fineweb(text) for text in texts]
    assert sum(a != b for a, b in zip(texts, replaced, strict=True)) > 100


def test_turns_begin_anew_with_each_text():
    text = " ".join(f"a{n}@b.org 8.8.{n}.8" for n in range(8))
    found = replace_personal(text).split()
    assert found[::2] == list(EMAILS) * 4
    assert found[1::2] == [*IPS, *IPS[:2]]
    assert replace_personal(text) == replace_personal(text)


def test_kinds_are_chosen_and_private_addresses_stay():
    text = "ann@uni.edu 8.8.8.8 10.0.0.1 192.168.0.7 127.0.0.1 300.1.1.1x"
    assert replace_personal(text, ips=False) == text.replace("ann@uni.edu", EMAILS[0])
    assert replace_personal(text, emails=False) == of_fineweb(text).replace(EMAILS[0], "ann@uni.edu")
    assert replace_personal(text, emails=False, ips=False) == text
    assert [(text[span.start : span.end], span.kind) for span in find_personal(text)][:2] == [
        ("ann@uni.edu", "email"),
        ("8.8.8.8", "ip"),
    ]


def test_allowed_addresses_stay_and_take_no_turn():
    allowed = Allowed(frozenset({"info@us.org", "8.8.8.8"}))
    text = "info@us.org ann@uni.edu 8.8.8.8 9.9.9.9"
    assert replace_personal(text, allowed=allowed) == f"info@us.org {EMAILS[0]} 8.8.8.8 {IPS[0]}"


def test_a_masked_text_stays_as_it_is():
    once = replace_personal("a@b.org 8.8.8.8 c@d.org 9.9.9.9 c@d.org")
    assert find_personal(once) == []
    assert replace_personal(f"{IPS[3]} {EMAILS[1]} a@b.org 8.8.8.8") == f"{IPS[3]} {EMAILS[1]} {EMAILS[0]} {IPS[0]}"


@pytest.mark.parametrize("text", ["a/" * 200_000 + "@ ", "a@" * 200_000, "a-" * 200_000, ".." * 200_000 + "@b.org"])
def test_long_runs_are_read_once(text):
    # One regular expression for the whole address reads such a run once for each character: 19 s for 40,000.
    assert replace_personal(text) == text
    assert replace_personal(text + " ann@uni.edu") == f"{text} {EMAILS[0]}"
