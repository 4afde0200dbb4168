import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from curation.text.overlap_tokens import read_tokens
from curation.text.words import strip_diacritics, tokenise

known = {}


def check(text):
    tokens, read = tokenise(text), read_tokens(text)
    assert len(tokens) == len(read.values) == len(read.begins) == len(read.ends)
    for token, value, begin, end in zip(
        tokens, read.values.tolist(), read.begins.tolist(), read.ends.tolist(), strict=True
    ):
        assert known.setdefault(token, value) == value
        own = strip_diacritics(text[begin:end]).lower()
        assert own.replace("ς", "σ").startswith(token.replace("ς", "σ"))  # a vowel sign at the end may stay


@given(st.text() | st.text(st.sampled_from("aÉé\u0301\u0300Σσ'’ İıﬁ가각ᆨஔᬆ_9٣²½K\n$\\{}\ud800\U0001d165\u302e")))
def test_tokens_are_those_of_the_plain_function(text):
    check(text)


def test_every_code_point_that_has_a_name_is_read_as_the_plain_function_does():
    points = (chr(point) for point in range(sys.maxunicode + 1))
    named = [char for char in points if unicodedata.category(char) not in ("Cn", "Co", "Cs")]
    assert len(named) > 140_000
    check("".join(f"a{char}b {char}" for char in named if char != "Σ"))
    check("".join(f"{char}." for char in "ΑΣ Σ' ΣΑ ΟΔΟΣ'Α"))


def test_unequal_tokens_have_unequal_values(web_texts):
    for text in web_texts[:300]:
        check(text)
    assert len(set(known.values())) == len(known) > 10_000


def test_the_places_of_tokens_are_in_the_characters_of_the_text():
    text = "Naïve — 3.5, Ｘ e\u0301t"
    read = read_tokens(text)
    words = [text[begin:end] for begin, end in zip(read.begins, read.ends, strict=True)]
    assert words == ["Naïve", "3", "5", "Ｘ", "e\u0301t"]
    assert read_tokens("").values.size == read_tokens(" \n$").values.size == 0
