import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.blocks.scores import SCORE_COLUMNS, KeepScores
from curation.errors import ConfigError

from .conftest import document, write_jsonl, write_parquet

ROW = {"text": "print(1)", "html": "<p>", "star_events_count": 3, "reason": "x"}


def scored(count, first=0):
    return [
        {
            **ROW,
            "id": f"d{n}",
            "repo_name": f"r{n % 3}",
            "language": ["Python", "C++"][n % 2],
            "detected_licenses": ["MIT"] if n % 2 else [],
            "token_count": n,
            "int_score": n % 6,
            "score": n / 10,
        }
        for n in range(first, first + count)
    ]


def test_files_rows_and_order_are_those_of_the_stage_that_is_read(tmp_path, stage):
    files = [write_parquet(tmp_path / f"{part:05d}.parquet", scored(2500, 2500 * part)) for part in range(3)]
    rows = stage.run(files, KeepScores())
    assert rows == [{k: row[k] for k in SCORE_COLUMNS if k in row} for row in scored(7500)]
    assert stage.folder.list_files("data") == [f"data/{part:05d}.parquet" for part in range(3)]
    assert list(stage.schema()) == [name for name in SCORE_COLUMNS if name in scored(1)[0]]
    assert [record["kept"] for record in stage.records] == [2500] * 3


def test_row_groups_are_large_and_columns_have_dictionaries(tmp_path, stage):
    stage.run([write_parquet(tmp_path / "a.parquet", scored(21_000))], KeepScores())
    described = pq.read_metadata(stage.folder.path("data/00000.parquet"))
    assert [described.row_group(n).num_rows for n in range(described.num_row_groups)] == [10_000, 10_000, 1000]
    column = described.row_group(0).column(list(stage.schema()).index("language"))
    assert column.compression == "ZSTD" and "RLE_DICTIONARY" in column.encodings


def test_documents_of_other_files_become_the_same_rows(tmp_path, stage):
    given = [{k: v for k, v in row.items() if k != "detected_licenses"} for row in scored(30)]
    wanted = [{k: row[k] for k in SCORE_COLUMNS if k in row} for row in given]
    assert stage.run([write_jsonl(tmp_path / "a.jsonl", given)], KeepScores()) == wanted
    (doc,) = KeepScores(columns=("url", "score")).run(iter([document("long", "7", url="u", score=1.0, other=2)]))
    assert (doc.id, doc.text, doc.metadata) == ("7", "", {"url": "u", "score": 1.0})


def test_other_columns_can_be_named(tmp_path, stage):
    rows = stage.run(
        [write_parquet(tmp_path / "a.parquet", scored(2))], KeepScores(columns=("score", "star_events_count", "none"))
    )
    assert rows == [
        {"id": "d0", "score": 0.0, "star_events_count": 3},
        {"id": "d1", "score": 0.1, "star_events_count": 3},
    ]


def test_an_empty_shard_has_an_empty_file(tmp_path, stage):
    pq.write_table(pa.Table.from_pylist(scored(1)).slice(0, 0), tmp_path / "a.parquet")
    assert stage.run([tmp_path / "a.parquet"], KeepScores()) == []
    assert stage.folder.list_files("data") == ["data/00000.parquet"]


def test_documents_without_scores_and_texts_as_columns_are_refused():
    with pytest.raises(ConfigError, match=r"the documents have no score .*: score them first, curate score"):
        KeepScores().schema({"id": pa.string(), "text": pa.string(), "language": pa.string()})
    with pytest.raises(ConfigError, match="scores: text is what is left out"):
        KeepScores(columns=("score", "text"))


def test_the_plan_says_only_what_was_set():
    assert str(KeepScores()) == "KeepScores()" and KeepScores().identity()["version"] == 1
