from collections import Counter

import pytest

from curation.blocks.sample import DrawSample
from curation.errors import ConfigError

from .conftest import document, write_jsonl, write_parquet

ROWS = [
    {"id": f"d{number}", "text": f"text {number}", "url": f"https://a.org/{number}", "int_score": number % 10 // 7}
    for number in range(100)
]


def files(folder, parts=4, rows=ROWS):
    return [write_parquet(folder / f"{part}.parquet", rows[part::parts]) for part in range(parts)]


def test_a_sample_is_of_the_size_asked_for_and_whole(stage, tmp_path):
    kept = stage.run(files(tmp_path), DrawSample(size=20), gather=True)
    assert len(kept) == 20
    for row in kept:
        original = ROWS[int(row["id"][1:])]
        assert {name: row[name] for name in original} == original
        assert row["sample_weight"] == 5.0
    assert stage.records[0]["documents"] == 100
    assert stage.records[0]["counts"] == {"not_drawn": 80}


def test_neither_order_nor_files_count(stage, tmp_path):
    first = {row["id"] for row in stage.run(files(tmp_path), DrawSample(size=20), gather=True)}
    other = tmp_path / "other"
    other.mkdir()
    assert {row["id"] for row in stage.run(files(other, 3, ROWS[::-1]), DrawSample(size=20), gather=True)} == first
    plain = {doc.id for doc in DrawSample(size=20).run(document(row["text"], row["id"]) for row in ROWS)}
    assert plain == first
    seeded = {row["id"] for row in stage.run(files(other), DrawSample(size=20, seed=1), gather=True)}
    assert seeded != first


def test_all_are_taken_where_there_are_no_more(stage, tmp_path):
    for size in (None, 1000, 100):
        kept = stage.run(files(tmp_path), DrawSample(size=size), gather=True)
        assert len(kept) == 100
        assert {row["sample_weight"] for row in kept} == {1.0}


def test_a_balanced_sample(stage, tmp_path):
    kept = stage.run(files(tmp_path), DrawSample(size=40, balance="int_score"), gather=True)
    assert Counter(row["int_score"] for row in kept) == {0: 20, 1: 20}
    assert sum(row["sample_weight"] for row in kept) == pytest.approx(100)


def test_a_column_that_is_not_there_is_counted_as_not_balanced(stage, tmp_path):
    kept = stage.run(files(tmp_path), DrawSample(size=40, balance="nothing"), gather=True)
    assert len(kept) == 40
    assert stage.records[0]["counts"]["not_balanced"] == 100


def test_rows_without_text_shift_nothing(stage, tmp_path):
    rows = [row | {"text": None if number % 3 else row["text"]} for number, row in enumerate(ROWS)]
    whole = {row["id"]: row for row in rows if row["text"] is not None}
    parquet, lines = write_parquet(tmp_path / "a.parquet", rows), write_jsonl(tmp_path / "a.jsonl", rows)
    for file in (parquet, lines):
        kept = stage.run([file], DrawSample(size=10, balance="int_score"), gather=True)
        assert len(kept) == 10
        assert Counter(row["int_score"] for row in kept) == {0: 5, 1: 5}
        for row in kept:
            assert row["text"] == whole[row["id"]]["text"]


def test_columns_can_be_mapped(stage, tmp_path):
    rows = [{"key": row["id"], "content": row["text"], "stars": 1} for row in ROWS]
    file = write_parquet(tmp_path / "a.parquet", rows)
    kept = stage.run([file], DrawSample(size=20), mapping={"id": "key", "text": "content"}, gather=True)
    assert all(row["text"] == f"text {row['id'][1:]}" and row["stars"] == 1 for row in kept)
    assert len(kept) == 20


def test_only_documents_with_a_recorded_reply(stage, tmp_path):
    replies = [{"id": row["id"], "reply": "Score: 3"} for row in ROWS[:10]]
    replies += [{"url": row["url"], "reply": "Score: 3"} for row in ROWS[10:15]]
    judge = f"replay:{write_jsonl(tmp_path / 'replies.jsonl', replies)}"
    kept = stage.run(files(tmp_path), DrawSample(size=50, replay_only=judge), gather=True)
    assert {row["id"] for row in kept} == {f"d{number}" for number in range(15)}
    assert stage.records[0]["counts"]["without_recorded_reply_left_out"] == 85


def test_replay_only_needs_recorded_replies(tmp_path):
    with pytest.raises(ConfigError):
        DrawSample(size=1, replay_only=f"replay:{tmp_path}/nothing.jsonl").check()
    with pytest.raises(ConfigError, match="replay_only needs a judge replay:FILE"):
        DrawSample(size=1, replay_only="endpoint:http://localhost:1#m").check()


def test_an_empty_input_gives_an_empty_sample(stage, tmp_path):
    empty, full = write_jsonl(tmp_path / "a.jsonl", []), write_jsonl(tmp_path / "b.jsonl", ROWS[:3])
    assert stage.run([empty], DrawSample(size=5), gather=True) == []
    assert len(stage.run([empty, full], DrawSample(size=5), gather=True)) == 3
    assert list(DrawSample(size=5).run(None)) == []
