"""How the card counts and how it says numbers: sums, largest groups, domains, thresholds in words."""

import json
import math
import re
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.blocks.card_counts import (
    Amount,
    LargestGroups,
    amounts_by,
    columns_of_folder,
    domains_of,
    each_value,
)
from curation.blocks.card_cut import calibration_of, classifier_folder, condition
from curation.blocks.card_header import _size_category
from curation.blocks.card_judging import model_parts
from curation.blocks.card_tables import share, short
from curation.blocks.select import column_of
from curation.classify.calibrate import Calibration
from curation.classify.each import Entry, index_json
from curation.text.domains import registered_domain

words = st.sampled_from(["a", "b", "c", "d", None])


@given(st.lists(st.lists(st.tuples(words, st.integers(0, 9) | st.none()), max_size=12), max_size=5))
def test_amounts_are_those_of_a_loop(batches):
    tables = [
        pa.table(
            {
                "language": pa.array([k for k, _ in rows], pa.string()),
                "token_count": pa.array([n for _, n in rows], pa.int32()),
            }
        )
        for rows in batches
    ]
    documents, tokens = Counter(), Counter()
    for value, number in (pair for rows in batches for pair in rows):
        documents[value] += 1
        tokens[value] += number or 0
    found = amounts_by(iter(tables), "language")
    assert {key: one.documents for key, one in found.items()} == documents
    assert {key: one.tokens or 0 for key, one in found.items()} == {key: tokens[key] for key in documents}


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=30), max_size=8), st.integers(2, 12))
def test_the_largest_groups_miss_no_more_than_they_say(batches, most):
    groups = LargestGroups(most)
    for names in batches:
        table = pa.table({"score": pa.array([1.5] * len(names), pa.float64())})
        groups.add(table, pa.array(names, pa.string()))
    truth = Counter(name for names in batches for name in names)
    found = groups.largest(20)
    for one in found:
        assert truth[one.name] - groups.missed <= one.amount.documents <= truth[one.name]
        assert one.mean_score == 1.5 and one.amount.tokens is None
    for name, number in truth.items():
        assert number <= groups.missed or name in {one.name for one in found}
    if len(truth) <= most:
        assert groups.missed == 0
        assert [(one.name, one.amount.documents) for one in found] == sorted(
            truth.items(), key=lambda pair: (-pair[1], pair[0])
        )


@pytest.mark.parametrize(
    "url",
    [
        "https://www.Example.co.uk/a?b=c",
        "http://user:word@forum.example.org:8080/x",
        "//cdn.example.com/y",
        "example.net/path",
        "http://192.168.0.1/a",
        "http://[2001:db8::1]:80/a",
        "https://bücher.example.de/",
        "  https://example.org/a",
        "",
        None,
    ],
)
def test_domains_are_those_of_the_stage_that_lists_them(url):
    (found,) = domains_of(pa.chunked_array([pa.array([url], pa.string())])).to_pylist()
    assert found == (registered_domain(url) if url else None)


def test_columns_that_files_lack_are_not_asked_for(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["x", "y"]}), tmp_path / "00000.parquet")
    tables = list(columns_of_folder(str(tmp_path), ("language",)))
    assert amounts_by(iter(tables), "language") == {None: Amount(2, None)}
    assert list(columns_of_folder(str(tmp_path / "nowhere"), ("language",))) == []
    assert list(each_value(iter(tables), "language", "reason")) == []


@given(st.integers(1, 5), st.floats(-1, 7))
def test_a_threshold_in_words_is_the_threshold(least, score):
    said = condition(least, "published")
    sign, raw = re.fullmatch(r"int_score >= \d \(score (>=?) ([\d.]+)\)", said).groups()
    reached = round(min(max(score, 0), 5)) >= least
    assert reached == (score > float(raw) if sign == ">" else score >= float(raw))


def test_thresholds_in_words():
    bent = Calibration(((2, 1.25), (3, 2.2034)))
    assert condition(3, "calibrated", bent) == "calibrated_score >= 3 (score >= 2.2034)"
    assert condition(3.0, "calibrated", bent) == "calibrated_score >= 3 (score >= 2.2034)"
    assert condition(2.5, "calibrated", bent) == "calibrated_score >= 2.5"
    assert condition(2.7, "published") == "score >= 2.7" and condition(3, "raw") == "score >= 3"
    assert condition(0, "published") == "int_score >= 0" and condition(None, "published") == "all"
    assert {column_of(2.7, "published"), column_of(3, "raw")} == {"score"}


def test_the_classifier_of_a_language_is_found_in_its_folder(tmp_path):
    for name, cut in (("cpp", 2.5), ("shared", 1.5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "head.json").write_text(json.dumps({"format": 2, "calibration": [[3, cut]]}))
    entry = Entry(
        folder="cpp",
        own=True,
        labels=9,
        groups=2,
        positives=4,
        threshold=3,
        cut="calibrated",
        raw_cut=2.5,
        figures=None,
    )
    index = {"C++": entry, "Go": replace(entry, folder="shared", own=False, why="9 labels, fewer than 300")}
    (tmp_path / "classifiers.json").write_text(index_json(index))
    assert calibration_of(str(tmp_path), "C++").raw_cut(3) == 2.5
    assert calibration_of(str(tmp_path), "Go").raw_cut(3) == 1.5
    assert calibration_of(str(tmp_path), "Ada") is None and calibration_of(None) is None
    assert calibration_of(f"{tmp_path}/{{language}}", "C++").raw_cut(3) == 2.5
    assert calibration_of(f"{tmp_path}/{{language}}", "Rust") is None
    assert classifier_folder("me/classifier") is None and classifier_folder("me/classifier-{language}", "C++") is None
    (table,) = model_parts((str(tmp_path),), "language")
    assert "| C++ | own | 9 | 3 | 4 | >= 2.5 |" in table and "9 labels, fewer than 300: Go" in table
    assert list(model_parts((f"{tmp_path}/mine/{{language}}", "me/classifier"), None)) == [
        "`{language}` was given and comes without figures of its training.",
        "`me/classifier` was given and comes without figures of its training.",
    ]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (999, "999"),
        (1000, "1.00k"),
        (9_994, "9.99k"),
        (9_995, "10.0k"),
        (99_950, "100k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (21_800_000_000, "21.8B"),
        (5_400_000_000_000, "5.40T"),
    ],
)
def test_tokens_have_three_digits(number, shown):
    assert short(number) == shown


@given(st.integers(1000, 10**15))
def test_three_digits_are_near(number):
    text = short(number)
    assert math.isclose(float(text[:-1]) * {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[text[-1]], number, rel_tol=0.0051)
    assert number >= 10**15 - 10**12 or len(text.replace(".", "")) == 4


def test_shares():
    assert (share(1, 4), share(0, 4), share(1, 0), share(None, 3)) == ("25.0%", "0.0%", "–", "–")


@pytest.mark.parametrize(
    ("documents", "shown"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (16_246_746, "10M<n<100M"), (10**12, "n>1T")],
)
def test_size_categories_are_the_hubs(documents, shown):
    assert _size_category(documents) == shown
