import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.text.masking import (
    Allowed,
    Pattern,
    Span,
    find_patterns,
    gaps,
    lines,
    masked,
    merged,
    read_allowed,
    read_patterns,
)

NUMBERS = Pattern("number", re.compile(r"\d+"), "<N>")
PHONES = {"a": r"\d{3}-\d{3}", "b": r"\d{3}-\d{4}-\d{2}"}
IDS = Pattern("employee", re.compile(r"id=(\w+)"), "<EMPLOYEE>")


def test_places_are_replaced_and_their_lines_counted():
    text = "a 12\nid=ann 7\n\n8"
    spans = find_patterns(text, [IDS, NUMBERS], Allowed(), [])
    assert masked(text, spans) == "a <N>\nid=<EMPLOYEE> <N>\n\n<N>"
    assert [span.kind for span in spans] == ["number", "employee", "number", "number"]
    assert lines(text, spans) == [1, 2, 2, 4]


def test_what_overlaps_is_one_place_of_the_earlier_pattern():
    assert masked("id=a1", find_patterns("id=a1", [IDS, NUMBERS], Allowed(), [])) == "id=<EMPLOYEE>"
    taken = [Span(1, 2, "first", "-")]
    assert find_patterns("1234", [NUMBERS], Allowed(), taken) == [Span(0, 4, "first", "-")]
    short, long = (Pattern(kind, re.compile(one), f"<{kind}>") for kind, one in PHONES.items())
    assert masked("call 555-123-4567-89!", find_patterns("call 555-123-4567-89!", [short, long], Allowed(), [])) == (
        "call <a>!"
    )


def test_exceptions_are_whole_values_or_patterns_of_them():
    allowed = Allowed(frozenset({"12"}), (re.compile("9+"),))
    assert masked("12 123 99 991", find_patterns("12 123 99 991", [NUMBERS], allowed, [])) == "12 <N> 99 <N>"


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8))), st.integers(30, 50))
def test_merged_spans_are_in_order_and_the_gaps_are_the_rest(pairs, length):
    spans = merged(Span(start, min(start + size, length), "k", "") for start, size in pairs)
    assert {place for start, size in pairs for place in range(start, min(start + size, length))} == {
        place for span in spans for place in range(span.start, span.end)
    }
    covered = [place for span in spans for place in range(span.start, span.end)]
    free = [place for start, end in gaps(spans, length) for place in range(start, end)]
    assert covered == sorted(set(covered))
    assert sorted(covered + free) == list(range(length))


def test_files_of_patterns_and_exceptions_are_read(tmp_path):
    (tmp_path / "patterns.yaml").write_text(
        "employee: '\\bEMP-\\d{6}\\b'\nbadge:\n  pattern: 'badge (\\w+)'\n  replacement: B-0\n"
    )
    (tmp_path / "allowed.txt").write_text("# the example\nEMP-000000\nre: EMP-9+\n\n")
    patterns, allowed = read_patterns(str(tmp_path / "patterns.yaml")), read_allowed(str(tmp_path / "allowed.txt"))
    text = "EMP-123456 EMP-000000 EMP-999999 badge x1"
    spans = find_patterns(text, patterns, allowed, [])
    assert masked(text, spans) == "<EMPLOYEE> EMP-000000 EMP-999999 badge B-0"
    assert read_patterns("") == ()
    assert "x" not in read_allowed("")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("employee: '('", "employee: '\\(' is no regular expression"),
        ("employee: 'x*'", "employee: 'x\\*' matches where nothing is"),
        ("Employee: x", "'Employee' is no kind"),
        ("employee: 12", "employee: pattern: expected text, got 12"),
        ("employee: {regex: x}", "employee: unknown key 'regex'; known are pattern, replacement"),
        ("employee: {pattern: x, replacement: 1}", "employee: replacement: expected text, got 1"),
        ("- x", "expected a mapping"),
        ("a: x\na: y", "not valid YAML"),
    ],
)
def test_a_bad_file_of_patterns_is_named(tmp_path, content, said):
    (tmp_path / "mine.yaml").write_text(content)
    with pytest.raises(ConfigError, match=f"mine.yaml: .*{said}"):
        read_patterns(str(tmp_path / "mine.yaml"))


def test_missing_and_bad_files_of_exceptions_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no file of exceptions .*none.txt"):
        read_allowed(str(tmp_path / "none.txt"))
    with pytest.raises(ConfigError, match=r"no file of patterns .*none.yaml"):
        read_patterns(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.txt").write_text("re: [")
    with pytest.raises(ConfigError, match=r"bad.txt: re:: '\[' is no regular expression"):
        read_allowed(str(tmp_path / "bad.txt"))
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bytes.txt: not UTF-8"):
        read_allowed(str(tmp_path / "bytes.txt"))
