import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.text.statistics import NAMES, STATISTICS, statistics

CODE = """// Adds two numbers.
// Both are whole.
int addTwo(int first_value, int b) {
    if (a == b) return 0;

    int c = first_value + b;
    return c;
}
"""


def of(text):
    return dict(zip(NAMES, statistics(text).tolist(), strict=True))


def test_there_are_72_and_each_is_said_what_it_is():
    assert len(NAMES) == 72 == len(set(NAMES)) and all(STATISTICS.values())
    assert statistics("x").shape == (72,) and statistics("x").dtype == np.float64


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_finite_numbers(text):
    found = statistics(text)
    assert np.all(np.isfinite(found))
    assert np.array_equal(found, statistics(text))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\ud800", "_", "1", "\x00" * 10, "a" * 10_000])
def test_odd_texts(text):
    assert np.all(np.isfinite(statistics(text)))


def test_words_by_hand():
    found = of("The cat saw the dog. The dog ran!")
    assert found["log_words"] == pytest.approx(np.log1p(8))
    assert found["top_word"] == 3 / 8 and found["lone_words"] == 3 / 8
    assert found["cap_words"] == 2 / 8 and found["short_words"] == 1
    assert found["words_per_sentence"] == pytest.approx(np.log1p(8 / 3))
    assert found["distinct_words"] == pytest.approx(5 / 8**0.7)
    shares = np.array([3, 2, 1, 1, 1]) / 8
    assert found["entropy"] == pytest.approx(-(shares * np.log(shares)).sum())


def test_lines_and_comments_of_code():
    found = of(CODE)
    assert found["comment_lines"] == found["first_comment"] == 2 / 7
    assert found["comment_runs"] == pytest.approx(np.log1p(1))
    assert found["comment_words"] == 6 / 24
    assert found["lines_end_code"] == 5 / 7 and found["indented"] == 3 / 7
    assert found["blank_lines"] == pytest.approx(1 - 7 / 9)
    assert found["camel"] == 1 / 24 and found["snake"] == 2 / 24
    assert found["assign"] == pytest.approx(np.log1p(1000 / len(CODE)))
    assert found["calls"] == pytest.approx(np.log1p(1000 / len(CODE)))


def test_marks_of_mathematics_and_years():
    text = r"In 1987, $\frac{a}{b} \leq 3.5$ and ∑ α ≥ 0; see https://x.org"
    found = of(text)
    per_thousand = 1000 / len(text)
    for name, count in (("tex", 2), ("math_delimiters", 2), ("math_symbols", 3), ("years", 1), ("decimals", 1)):
        assert found[name] == pytest.approx(np.log1p(count * per_thousand)), name
    assert found["urls"] == pytest.approx(np.log1p(per_thousand))
    assert found["dollar"] == found["math_delimiters"]


def test_real_texts_are_told_apart(web_texts):
    values = np.array([statistics(text[:2200]) for text in [*web_texts[::5], CODE, "# Title\n1"]])
    assert np.all(np.isfinite(values))
    said = dict(zip(NAMES, values.std(0), strict=True))
    assert [name for name, spread in said.items() if spread == 0] == []
