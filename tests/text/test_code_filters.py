import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.text.code_filters import CodeFailure, code_failure, code_statistics, visible_text
from curation.text.code_languages import code_language, code_table
from curation.text.code_limits import CodeLimits

CODE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "code" / "code_files.parquet"

# As published (StarCoder2, arXiv 2402.19173, section 2.1).
ENCODED = (
    re.compile(r"[a-zA-Z0-9+/\n=]{64,}"),
    re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}"),
    re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}"),
)
PIECES = [
    "0x41", "41", "ab,", "\\x41", " ", "\n", "\\u00e9", ", ", ",", "é", "0x", "x", "_", "=", "A" * 30, "\\", "4",
    "f", "g", "\r\n", "\r", "\u2028", "\x0c", "\x1c", "\U0001f600", "٣", "\\u00e", "b\\x41", "\u3000", "\ud800",
]  # fmt: skip


def measured(text):
    """What the rules say, by the published expressions and plain Python."""
    marks, longest = bytearray(len(text)), 0
    for pattern in ENCODED:
        for found in pattern.finditer(text):
            longest = max(longest, len(found[0]))
            marks[found.start() : found.end()] = b"\1" * len(found[0])
    lines = [len(line) for line in text.splitlines()]
    size = max(len(text), 1)
    return (
        len(text), len(lines), max(lines, default=0), sum(lines) / max(len(lines), 1),
        sum(map(str.isalpha, text)) / size, sum(map(str.isalnum, text)) / size, longest, sum(marks) / size,
    )  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=80).map("".join))
@example("\\x41" * 9)
@example("a" + "\\x41" * 9)
@example("0x41, " * 9)
@example("41 42\n\n43\t44,45,46 47 48  49")
@example("\\u00e9" * 8)
@example("A" * 63)
@example("A" * 64 + "é")
@example("")
def test_the_scanners_equal_the_published_expressions(text):
    assert tuple(code_statistics(text)) == pytest.approx(measured(text))


@given(st.text(alphabet="0x41f, \\\n", max_size=120))
def test_hexadecimal_numbers_in_any_order(text):
    assert tuple(code_statistics(text)) == pytest.approx(measured(text))


@given(st.text(max_size=50), st.sampled_from(PIECES[:8]), st.integers(1, 40), st.text(max_size=50))
def test_repeated_pieces_in_any_text(before, piece, times, behind):
    text = before + piece * times + behind
    assert tuple(code_statistics(text)) == pytest.approx(measured(text))


def test_real_files_are_measured_as_by_plain_python():
    if not CODE.is_file():
        pytest.skip(f"real data not on this machine: {CODE}")
    import pyarrow.parquet as pq

    texts = pq.read_table(CODE, columns=["content"])["content"].to_pylist()[::12]
    assert len(texts) > 250
    for text in texts:
        assert tuple(code_statistics(text)) == pytest.approx(measured(text))


PYTHON = CodeLimits()
WORDS = "def words(of: str) -> list[str]:\n    return of.split()\n"


def repeated(line, n):
    return (line + "\n") * n


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (WORDS, None),
        ("", CodeFailure("empty", "characters", 0, 1)),
        (" \n\t\n", CodeFailure("empty", "characters", 0, 1)),
        (repeated("a b.", 100_000), None),
        (repeated("a b.", 100_001), CodeFailure("too_many_lines", "max_lines", 100_001, 100_000)),
        (repeated("a b", 20) + "word " * 200 + "\n", None),
        (repeated("a b", 20) + "word " * 200 + "x\n", CodeFailure("long_lines", "max_line", 1001, 1000)),
        (repeated("a word " * 14 + "ab", 9), None),
        (repeated("a word " * 14 + "abc", 9), CodeFailure("long_lines", "max_mean_line", 101, 100)),
        ("a...", None),
        ("a....", CodeFailure("few_letters", "min_letters", 0.2, 0.25)),
        (WORDS * 40 + repeated("A" * 63, 16)[:-1], None),  # the end of the line before is one of 1,024
        (WORDS * 40 + repeated("A" * 63, 16), CodeFailure("encoded_data", "max_encoded_run", 1025, 1024)),
        (WORDS + "'" + "A" * 99 + "'", CodeFailure("encoded_data", "max_encoded_share", 99 / (len(WORDS) + 101), 0.5)),
    ],
)  # fmt: skip
def test_published_limits(text, failure):
    found = code_failure(text, "a.py", PYTHON)
    assert found == (failure and failure._replace(value=pytest.approx(failure.value)))


def test_markdown_may_have_long_lines_of_prose():
    line = "word " * 300
    limits = code_language("Markdown").limits
    assert code_failure(line, "a.md", PYTHON) == CodeFailure("long_lines", "max_line", 1500, 1000)
    assert code_failure(line, "a.md", limits) is None
    assert code_failure("word " * 20_001, "a.md", limits) == CodeFailure("long_lines", "max_line", 100_005, 100_000)


def test_limits_can_be_left_out_and_added():
    assert code_failure("....", "a.py", CodeLimits(min_letters=None)) is None
    assert code_failure("1234", "a.wat", CodeLimits(letters="alphanumeric")) is None
    assert code_failure("abc", "a.py", CodeLimits(min_characters=4)) == CodeFailure("too_short", "min_characters", 3, 4)


@pytest.mark.parametrize("name", ["Text", "JSON", "YAML", "Web Ontology Language", "Graphviz (DOT)"])
def test_data_of_more_than_512_lines(name):
    limits = code_table().known[name].limits
    path = "requirements.txt"
    assert code_failure(repeated("word: words", 512), path, limits) is None
    assert code_failure(repeated("word: words", 513), path, limits) == CodeFailure(
        "too_many_lines", "max_lines", 513, 512
    )


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("a/requirements-dev.txt", True), ("README.txt", True), ("README", True), ("TODO.md", True),
        ("CMakeLists.txt", True), ("notes.txt", True), ("data.txt", False), ("readme2.txt", False),
        ("readme/x.txt", False),
    ],
)  # fmt: skip
def test_names_of_text_files(path, kept):
    found = code_failure("some words", path, code_table().known["Text"].limits)
    assert found == (None if kept else CodeFailure("unwanted_name", "only_stems", 0, 1))


def test_html_must_show_text():
    limits = code_table().known["HTML"].limits
    page = f"<html><head><title>a title</title></head><body><p>{'word ' * 30}</p></body></html>"
    assert code_failure(page, "a.html", limits) is None
    script = "<script>" + "f(x); " * 200 + "</script>"
    assert code_failure(page + script, "a.html", limits)[:2] == ("little_visible_text", "min_visible_share")
    short = code_failure("<p>a few words of text</p>", "a.html", limits)
    assert short == CodeFailure("little_visible_text", "min_visible_characters", 19, 100)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<b>b</b> &lt; c</p>", "ab &lt; c"), ("a<!-- <p>x</p> -->b", "ab"), ("a < b", "a < b"),
        ("a<SCRIPT >x</p></Script\n>b", "ab"), ("<style>p{}</style>a", "a"), ("a<!-- b", "a"), ("a<script>b", "a"),
        ("a<p b", "a"), ("<!doctype html>a", "a"), ("", ""), ("<header>a</header>", "a"), ("<head>a</head>b", "b"),
        ("<?php x ?>a", "a"),
    ],
)  # fmt: skip
def test_visible_text(html, text):
    assert visible_text(html) == text


@given(
    st.lists(st.sampled_from(["<p>", "<!--", "-->", "<script>", "</script>", "a", " ", "<", ">", "<head", "</head>"]))
)
def test_visible_text_is_never_more_than_the_file(parts):
    html = "".join(parts)
    assert len(visible_text(html)) <= len(html)


@pytest.mark.parametrize("unit", [" ", "a", "<", "<!--", "<script>", "0x41,", "41 ", "\\x41", "\\u00e9", "\\u00", "\n"])
def test_ten_million_characters(unit):
    text = unit * (10_000_000 // len(unit))
    assert code_statistics(text).characters == len(text)
    assert len(visible_text(text)) <= len(text)


@pytest.mark.parametrize(("name", "value"), [("max_lines", -1), ("min_letters", 1.5), ("max_encoded_share", -0.1)])
def test_a_limit_that_cannot_be_is_an_error(name, value):
    with pytest.raises(ValueError, match=name):
        CodeLimits(**{name: value})
