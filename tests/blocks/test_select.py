import pyarrow as pa
import pytest

from curation.blocks.select import KeepScore, KeepWhere, passes
from curation.errors import ConfigError, CurationError

from .conftest import document, write_jsonl


def kept(step, *rows):
    return [doc.id for doc in step.run(document(identifier=str(number), **row) for number, row in enumerate(rows))]


def test_a_whole_threshold_compares_the_rounded_score():
    rows = [{"score": 2.5, "int_score": 2}, {"score": 2.51, "int_score": 3}, {"score": 4.2, "int_score": 4}]
    assert kept(KeepScore(threshold=3, cut="published"), *rows) == ["1", "2"]
    assert kept(KeepScore(threshold=3.0, cut="published"), *rows) == ["1", "2"]


def test_a_fraction_compares_the_raw_score():
    rows = [{"score": 2.69, "int_score": 3}, {"score": 2.7, "int_score": 3}]
    assert kept(KeepScore(threshold=2.7, cut="published"), *rows) == ["1"]


def test_the_calibrated_cut_compares_the_calibrated_score():
    rows = [{"score": 2.0, "int_score": 2, "calibrated_score": 3.0}, {"int_score": 4, "calibrated_score": 2.9}]
    assert kept(KeepScore(threshold=3, cut="calibrated"), *rows) == ["0"]


def test_a_missing_column_is_an_error_and_no_silent_drop():
    with pytest.raises(CurationError, match="cut: calibrated needs the column calibrated_score"):
        passes({"score": 3.0, "int_score": 3, "calibrated_score": None}, 3, "calibrated")
    with pytest.raises(CurationError, match="cut: published needs the column int_score"):
        kept(KeepScore(threshold=3, cut="published"), {})


def test_a_row_that_says_it_has_no_score_is_dropped_as_such():
    unscored = {"score": None, "int_score": None, "calibrated_score": None, "language": "Java"}
    for step in (
        KeepScore(threshold=3, cut="calibrated"),
        KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2}),
    ):
        assert step.reason(document(**unscored)) == "no_score"
    with pytest.raises(CurationError, match="is its classifier calibrated"):
        kept(KeepScore(threshold=3, cut="calibrated"), {**unscored, "score": 3.0})


def test_reasons_are_written(stage, tmp_path):
    rows = [{"id": str(n), "text": "x", "score": n / 2, "int_score": round(n / 2), "url": "u"} for n in range(8)]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], KeepScore(threshold=3, cut="published"))
    assert [row["id"] for row in kept] == ["6", "7"]  # 2.5 is rounded to 2, to even
    assert stage.records[0]["removed"] == {"below_threshold": 6}


def test_a_raw_cut_compares_the_raw_score_whatever_it_is():
    rows = [{"score": 2.9, "int_score": 3}, {"score": 3.0, "int_score": 3}]
    step = KeepScore(threshold=3, cut="raw")
    assert kept(step, *rows) == ["1"] and step.condition == "score >= 3"
    assert KeepScore(threshold=2.5, cut="published").condition == "score >= 2.5"
    assert KeepScore(threshold=3, cut="calibrated").condition == "calibrated_score >= 3"


def test_documents_without_scores_say_so_before_any_work():
    columns = {"id": pa.string(), "text": pa.string(), "scores": pa.float64()}
    with pytest.raises(ConfigError, match=r"no column 'score' \(did you mean 'scores'\?\): score them first"):
        KeepScore(threshold=2.5, cut="published").schema(columns)
    assert KeepScore(threshold=2.5, cut="raw").schema({"score": pa.float64()}) == {"score": pa.float64()}


LANGUAGES = [
    {"language": "Java", "score": 2.2, "int_score": 2},
    {"language": "Java", "score": 1.2, "int_score": 1},
    {"language": "Python", "score": 2.2, "int_score": 2},
    {"language": None, "score": 3.2, "int_score": 3},
    {"score": 2.4, "int_score": 2},
]


def test_a_group_has_its_own_threshold():
    step = KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2})
    assert kept(step, *LANGUAGES) == ["0", "3"]
    assert step.condition == "int_score >= 3; Java: int_score >= 2"
    assert str(step) == "KeepScore(threshold=3, cut=published, by=language, threshold_of={'Java': 2})"
    step = KeepScore(threshold=3, cut="published", by="language", threshold_of={"Python": 2.1, "Java": 3})
    assert kept(step, *LANGUAGES) == ["2", "3"]


def test_a_drop_by_group_says_what_was_compared(stage, tmp_path):
    rows = [{"id": str(n), "text": "x", **row} for n, row in enumerate(LANGUAGES)]
    step = KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2, "Python": 2.5})
    stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], step)
    assert [(row["id"], row["value"], row["limit"]) for row in stage.rows()] == [
        ("1", 1.0, 2.0),
        ("2", 2.2, 2.5),
        ("4", 2.0, 3.0),
    ]


def test_without_groups_a_stage_is_what_it_was():
    identity = {"step": "KeepScore", "version": 1, "threshold": 3, "cut": "published"}
    step = KeepScore(threshold=3, cut="published")
    assert step.identity() == identity and step.evidence == {}
    assert str(step) == "KeepScore(threshold=3, cut=published)"
    grouped = KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2})
    assert grouped.identity() == {**identity, "by": "language", "threshold_of": {"Java": 2}}


def test_groups_that_cannot_be_are_said_before_any_work():
    with pytest.raises(ConfigError, match="name the column whose values"):
        KeepScore(threshold=3, cut="published", threshold_of={"Java": 2})
    step = KeepScore(threshold=3, cut="published", by="language", threshold_of={"Java": 2.5})
    with pytest.raises(ConfigError, match=r"no column 'score' \(did you mean 'int_score'\?\)"):
        step.schema({"int_score": pa.int64(), "language": pa.string()})
    with pytest.raises(ConfigError, match=r"thresholds: the documents have no column 'language'"):
        step.schema({"int_score": pa.int64(), "score": pa.float64()})


FILES = [
    {"language": "C", "license_type": "permissive", "detected_licenses": ["MIT"], "token_count": 100},
    {"language": "Go", "license_type": "no_license", "detected_licenses": [], "token_count": 9},
    {
        "language": "C",
        "license_type": "non_permissive",
        "detected_licenses": ["GPL-3.0-only", "MIT"],
        "token_count": 50,
    },
    {"language": "C", "license_type": None, "detected_licenses": None, "token_count": None},
]


@pytest.mark.parametrize(
    ("settings", "stay"),
    [
        ({"languages": ("C",)}, ["0", "2", "3"]),
        ({"licences": ("permissive",)}, ["0"]),
        ({"licences": ("Permissive", "no_license")}, ["0", "1", "3"]),
        ({"licences": ("mit",)}, ["0"]),
        ({"licences": ("MIT", "gpl-3.0-only")}, ["0", "2"]),
        ({"licences": ("other",)}, ["2"]),
        ({"licences_excluded": ("MIT",)}, ["1", "3"]),
        ({"licences_excluded": ("non_permissive",)}, ["0", "1", "3"]),
        ({"licences": ("permissive", "no_license"), "licences_excluded": ("no_license",)}, ["0"]),
        ({"min_tokens": 50}, ["0", "2"]),
        ({"min_tokens": 10, "languages": ("Go",)}, []),
        ({}, ["0", "1", "2", "3"]),
    ],
)
def test_rows_are_kept_by_language_licence_and_size(settings, stay):
    assert kept(KeepWhere(**settings), *FILES) == stay


def test_why_a_row_goes(stage, tmp_path):
    rows = [{"id": str(n), "text": "x", **row} for n, row in enumerate(FILES)]
    step = KeepWhere(languages=("C",), licences=("permissive", "other"), min_tokens=60)
    stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], step)
    assert {row["id"]: row["reason"] for row in stage.rows()} == {
        "1": "other_language",
        "2": "few_tokens",
        "3": "licence",
    }


def test_a_flag_about_a_column_that_is_not_there_is_said_before_any_work():
    columns = {"id": pa.string(), "licence_type": pa.string()}
    with pytest.raises(ConfigError, match=r"no column 'license_type' \(did you mean 'licence_type'\?\)"):
        KeepWhere(licences=("permissive",)).schema(columns)
    with pytest.raises(ConfigError, match="no column 'detected_licenses'"):
        KeepWhere(licences_excluded=("MIT",)).schema(columns)
    with pytest.raises(ConfigError, match="no column 'token_count'"):
        KeepWhere(min_tokens=5).schema(columns)
