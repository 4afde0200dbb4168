from hypothesis import given
from hypothesis import strategies as st

from curation.text.words import strip_diacritics, tokenise


def test_tokens_are_lowercase_words_without_diacritics_and_keep_numbers():
    assert tokenise("Naïve: 3.5 \\frac{a}{b} ÉCOLE x_1") == ["naive", "3", "5", "frac", "a", "b", "ecole", "x_1"]


def test_composed_and_decomposed_letters_are_the_same():
    assert tokenise("caf\u00e9") == tokenise("cafe\u0301") == ["cafe"]


@given(st.text())
def test_tokens_do_not_change_when_joined_and_read_again(text):
    tokens = tokenise(text)
    assert strip_diacritics(strip_diacritics(text)) == strip_diacritics(text)
    assert all(token and not token.isspace() for token in tokens)
