import itertools
import sys
import unicodedata
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.text.shingles import batches, shingles
from curation.text.shingles_normalise import Normalisation, table, tokens

NORMALISATIONS = get_args(Normalisation)
# What the rules speak of, so that it stands side by side more often than by chance.
PIECES = [
    "a",
    "B",
    "é",
    "1",
    "23",
    ".",
    ",",
    "٫",
    "٣",
    "²",
    "\\",
    "\\Frac",
    "_",
    " ",
    "\n",
    "$",
    "+",
    "’",
    "İ",
    "I\u0307",
]
PIECES += [
    "Σ",
    "ς",
    "e\u0301",
    "\u0323",
    "\u302e",
    "数",
    "か\u3099",
    "ガ",
    "・",
    "。",
    "한",
    "\u1112\u1161",
    "\uf900",
    "Ω",
]
PIECES += ["\u212a", "ß", "\u0f71\u0f74", "\U0001d15e", "\ud800", "\u00a0", "\x1c", "\x85", "\U0001f600", "ु"]
mixed = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(), st.text(max_size=3)), max_size=25).map("".join)


def cut(texts, **settings):
    found = shingles(texts, **settings)
    data = found.data.tobytes()
    pieces = [
        data[begin:end].decode("utf-8", "surrogatepass")
        for begin, end in zip(found.begins.tolist(), found.ends.tolist(), strict=True)
    ]
    bounds = found.offsets.tolist()
    return [pieces[start:end] for start, end in itertools.pairwise(bounds)]


def grams(units, n, between):
    length = min(n, len(units))
    return [between.join(units[i : i + length]) for i in range(len(units) - length + 1)] if units else []


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@given(st.lists(mixed, max_size=4), st.integers(1, 6))
@example(["ΑΣ ΑΣΑ", "", "x"], 2)
def test_shingles_are_the_grams_of_the_tokens(normalisation, texts, n):
    expected = [tokens(text, normalisation) for text in texts]
    assert cut(texts, ngram=n, normalisation=normalisation) == [grams(one, n, " ") for one in expected]
    assert cut(texts, ngram=n, normalisation=normalisation, unit="characters") == [
        grams(" ".join(one), n, "") for one in expected
    ]


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_every_character_is_read_as_by_the_patterns(normalisation):
    named = [chr(point) for point in (*range(0x32000), *range(0xE0000, 0xE0200), 0xF0000, sys.maxunicode)]
    for start in range(0, len(named), 4000):
        texts = [f"1{char}2A{char}b {char} \\{char}Q" for char in named[start : start + 4000]]
        assert cut(texts, ngram=1, normalisation=normalisation) == [tokens(text, normalisation) for text in texts]


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_real_texts(web_texts, normalisation):
    texts = web_texts[:150]
    assert cut(texts, ngram=1, normalisation=normalisation) == [tokens(text, normalisation) for text in texts]


@given(mixed)
def test_datatrove_normalisation_is_its_simplify_text_split_at_blanks(text):
    from datatrove.utils.text import simplify_text

    # Of digits its package `regex` may know more than this Python does.
    text = "".join(char for char in text if unicodedata.category(char) != "Cn")
    assert tokens(text, "datatrove") == simplify_text(text).split()


def test_real_texts_are_normalised_as_by_datatrove(web_texts):
    from datatrove.utils.text import simplify_text

    for text in web_texts[:300]:
        assert tokens(text, "datatrove") == simplify_text(text).split()


def test_mathematics():
    text = r"Let $x_1 = 3.14 \cdot \Frac{1}{2}$, 1,000.5. \!"
    assert " ".join(cut([text], ngram=1)[0]) == r"let x _ 1 = 3.14 \cdot \frac { 1 } { 2 } 1,000.5 \ !"
    assert cut([text], ngram=1, normalisation="words") == [
        ["let", "x_1", "3", "14", "cdot", "frac", "1", "2", "1", "000", "5"]
    ]
    assert cut([text], ngram=1, normalisation="datatrove") == [
        ["let", "x", "0", "0", "cdot", "frac", "0", "0", "0", "0"]
    ]


def test_batches_cover_all_texts_in_order():
    assert batches([]) == []
    texts = ["a" * length for length in (10, 70_000, 0, 40_000, 40_000, 3)]
    found = batches(texts)
    assert [text for rows in found for text in texts[rows]] == texts
    assert len(found) == 3
    assert batches([""]) == [slice(0, 1)]


def test_few_code_points_need_more_than_the_table():
    assert chr(table("keep_mathematics").first) == "İ"
    assert table("words").first > 0x300
    assert table("datatrove").first > 0x300


@pytest.mark.parametrize("wrong", [{"ngram": 0}, {"ngram": 1, "unit": "lines"}, {"ngram": 1, "normalisation": "none"}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match="unknown shingles"):
        shingles(["a text"], **wrong)
