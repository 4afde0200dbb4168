import pyarrow as pa
import pytest

from curation.blocks.select import KeepScore, passes
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
