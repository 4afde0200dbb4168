from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text.languages import Language, WordSplitting, load_language
from curation.text.quality import split_words

ENGLISH, GERMAN = load_language("en"), load_language("de")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He didn't (in 1999).", ["He", "did", "n't", "(", "in", "1999", ")", "."]),
        ("They’re its dog's.", ["They", "’re", "its", "dog", "'s", "."]),
        ("St. Mary, i.e. U.S. and USA.", ["St.", "Mary", ",", "i.e.", "U.S.", "and", "USA", "."]),
        ("see http://a-b.org/c-d?e=f.", ["see", "http://a-b.org/c-d?e=f", "."]),
        ("me@x-y.co.uk x-ray,y 5km $3.50", ["me@x-y.co.uk", "x", "-", "ray", ",", "y", "5", "km", "$", "3.50"]),
        ("wait...what :-) end.Start", ["wait", "...", "what", ":-)", "end", ".", "Start"]),
        ("3+4 +5 +a 10am", ["3", "+", "4", "+5", "+", "a", "10", "am"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_english_words(text, words):
    assert split_words(text, ENGLISH) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Am 3. Mai, z.B. um 5 Uhr.", ["Am", "3.", "Mai", ",", "z.B.", "um", "5", "Uhr", "."]),
        ("E-Mail und/oder ich's", ["E-Mail", "und", "/", "oder", "ich", "'s"]),
        ("Müllers' 1990-95", ["Müllers", "'", "1990", "-", "95"]),
    ],
)
def test_german_words(text, words):
    assert split_words(text, GERMAN) == words


def test_a_language_without_blanks_is_split_into_characters():
    language = Language(name="x", codes=("x",), words=WordSplitting(splitting="characters"), stop_words="")
    assert split_words("中文 a!", language) == ["中", "文", "a", "!"]


@given(st.text(alphabet=st.sampled_from("ab.,'’-:/()…5$ \n😀é中{“C+=#@°F"), max_size=30))
def test_words_are_the_text_without_white_space(text):
    for language in (ENGLISH, GERMAN):
        words = split_words(text, language)
        assert "".join(words) == "".join(text.split())
        assert all(words)


@pytest.mark.parametrize("language", [ENGLISH, GERMAN], ids=lambda language: language.name)
def test_real_texts_are_split_as_spacy_does(language, web_texts):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: pip install spacy")
    tokenizer = spacy.blank(language.codes[0]).tokenizer
    same = total = 0
    for text in web_texts[::250]:
        words = [token.text for token in tokenizer(text) if not token.is_space]
        total += 1
        same += split_words(text, language) == words
    assert same >= total - 1


@given(st.text(alphabet=st.sampled_from("abI.,'s-:/()5$ n tAB%m"), max_size=12))
def test_short_texts_are_split_as_spacy_does(text):
    tokenizer = english_tokenizer()
    words = [token.text for token in tokenizer(text) if not token.is_space]
    assert split_words(text, ENGLISH) == words


@cache
def english_tokenizer():
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: pip install spacy")
    return spacy.blank("en").tokenizer
