import math
import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.text.languages import load_language
from curation.text.quality import split_words
from curation.text.quality_statistics import Statistics, count_sentences, line_statistics, quality_statistics

ENGLISH = load_language("en")
# Few letters, so that lines, paragraphs and runs of words repeat; and all that a rule looks for.
BLANKS = [" ", " ", "  ", "\n", "\n\n", "\n\n\n", "\r\n", "\t", "\x85", "\u2028"]
WORDS = ["a", "b", "ab", "the", "be", "1", "é", "中", "can't", "the be to of and", "a b c d e f "]
MARKS = [".", "...", "…", "!", "?", "#", "-", "•", "{", "。", ",", "(", ")", "😀"]
PIECES = st.sampled_from(BLANKS + WORDS + MARKS)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=60)


def repeated(pieces):
    seen, number, chars = set(), 0, 0
    for piece in pieces:
        number += piece in seen
        chars += len(piece) if piece in seen else 0
        seen.add(piece)
    return number, chars


def share(number, total):
    return number / total if total else 0.0


def expected_pieces(text):
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    return {
        "dup_para_frac": repeated(paragraphs)[0] / len(paragraphs),
        "dup_para_char_frac": share(repeated(paragraphs)[1], len(text)),
        "dup_line_frac": repeated(lines)[0] / len(lines),
        "dup_line_char_frac": share(repeated(lines)[1], len(text)),
    }


def expected_lines(text):
    lines = [line for line in text.split("\n") if line.strip()]
    enders = tuple(".!?。")
    return {
        "lines": len(lines),
        "line_punct_ratio": share(sum(line.endswith(enders) for line in lines), len(lines)),
        "short_line_ratio": share(sum(len(line) <= 30 for line in lines), len(lines)),
        "char_dup_ratio": share(repeated(lines)[1], len(text.replace("\n", ""))),
        "newlines": text.count("\n"),
    }


def expected_marks(text, words):
    lines = text.splitlines()
    return {
        "characters": len(text),
        "words": len(words),
        "alpha_words": share(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "stop_words": len(set(words) & {"the", "be", "to", "of", "and", "that", "have", "with"}),
        "hashes_per_word": text.count("#") / max(len(words), 1),
        "ellipses_per_word": (text.count("...") + text.count("…")) / max(len(words), 1),
        "bullet_lines": share(sum(line.lstrip().startswith(("•", "-")) for line in lines), len(lines)),
        "ellipsis_lines": share(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)),
        "curly_brackets": text.count("{"),
    }


def top_run(words, n):
    runs = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    return len(Counter(runs).most_common(1)[0][0]) * Counter(runs).most_common(1)[0][1] if runs else 0


def repeated_runs(words, n):
    seen, chars, place = set(), 0, 0
    while place <= len(words) - n:
        run = "".join(words[place : place + n])
        chars += len(run) if run in seen else 0
        place += n if run in seen else 1
        seen.add(run)
    return chars


def agree(text, expected):
    found = quality_statistics(text, ENGLISH)._asdict()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), (name, text)


@given(TEXTS)
@example("")
@example("\n")
@example("a\n\na\n\nb")
@example("\na\na\n")
def test_lines_and_paragraphs_as_counted_by_hand(text):
    agree(text, expected_pieces(text))


@given(st.lists(PIECES, max_size=60).map("".join))
@example("a\r\nb.\r\n")
def test_lines_of_fineweb_as_counted_by_hand(text):
    agree(text, expected_lines(text))
    found = quality_statistics(text, ENGLISH)
    assert line_statistics(text, ENGLISH) == found[:6]
    assert line_statistics(text, ENGLISH, words=7) == (*found[:5], 7)


@given(TEXTS)
@example("-\r\n•")
@example("x...\x0b\x0c")
@example("....... …")
def test_words_and_marks_as_counted_by_hand(text):
    agree(text, expected_marks(text, split_words(text, ENGLISH)))


@given(TEXTS)
@example("a a a a a a a a a a a a a a a a a a a a a a")
@example("aa a aa a aa aaa a a a aa aa a a a aaa a")
def test_runs_of_words_as_counted_by_hand(text):
    words = split_words(text, ENGLISH)
    agree(text, {f"top_{n}_gram": share(top_run(words, n), len(text)) for n in (2, 3, 4)})
    agree(text, {f"duplicated_{n}_n_grams": share(repeated_runs(words, n), len(text)) for n in range(5, 11)})


@given(st.text())
def test_any_text_has_statistics_that_are_numbers(text):
    assert all(map(math.isfinite, quality_statistics(text, ENGLISH)))


def test_symbols_are_no_words_of_text():
    found = quality_statistics("Well, well — (that) is 5 % !", ENGLISH)
    assert (found.words, found.text_words) == (11, 5)
    assert found.mean_word_length == (4 + 4 + 4 + 2 + 1) / 5
    assert quality_statistics("", ENGLISH) == Statistics(*[0.0] * len(Statistics._fields))


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One two. Three", 2),
        ("One two. )", 1),
        ("Mr. One e.g. two", 1),
        ("One... two", 1),
        ("One?! Two", 2),
        ("One\ntwo", 2),
        ("One.\n\nTwo.", 2),
        ("One.  ) two", 2),
        ("  ", 0),
        ("", 0),
        ("一二。三四", 1),
    ],
)
def test_sentences_are_those_of_a_sentencizer_and_of_each_line(text, sentences):
    assert count_sentences(text, ENGLISH) == sentences
    assert quality_statistics(text, ENGLISH).sentences == sentences


def test_statistics_of_a_long_text_need_no_more_than_their_length():
    text = "word " * 200_000 + "\n" * 100_000
    found = quality_statistics(text, ENGLISH)
    assert found.words == 200_000
    assert found.duplicated_5_n_grams == pytest.approx(4 * (200_000 - 5 - 4) / 1_100_000, rel=0.01)
