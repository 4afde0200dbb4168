import math
from collections import Counter

import numpy as np
import pytest

from curation.blocks import sample as module
from curation.blocks.sample import DrawSample
from curation.blocks.step import identity_of
from curation.errors import ConfigError, CurationError

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


def test_all_are_taken_without_a_temporary_file(monkeypatch):
    monkeypatch.setattr(module, "StreamedDraw", None)
    step = DrawSample(size=None, balance="nothing", prefer=("words=text",))
    kept = list(step.run(document(row["text"], row["id"]) for row in ROWS))
    assert [doc.id for doc in kept] == [row["id"] for row in ROWS]
    assert {doc.metadata["sample_weight"] for doc in kept} == {1.0}
    assert step.counts == {"not_balanced": 100, "not_drawn": 0}


@pytest.mark.parametrize(
    "value", ["en", 2.5, True, b"x", np.datetime64("2024-01-01").item()], ids=["text", "float", "bool", "bytes", "date"]
)
def test_a_column_of_any_plain_type_stratifies(stage, tmp_path, value):
    rows = [row | {"kind": value if number < 10 else None} for number, row in enumerate(ROWS)]
    kept = stage.run(files(tmp_path, rows=rows), DrawSample(size=30, stratify="kind"), gather=True)
    assert Counter(row["kind"] for row in kept) == {value: 10, None: 20}
    assert sum(row["sample_weight"] for row in kept) == pytest.approx(100)


def test_with_several_columns_each_combination_gives_its_share(stage, tmp_path):
    rows = [row | {"language": ("en", "de")[number % 2]} for number, row in enumerate(ROWS)]
    step = DrawSample(size=40, stratify="language", balance="int_score", prefer=("url=/1",))
    kept = stage.run(files(tmp_path, rows=rows), step, gather=True)
    groups = Counter((row["language"], row["int_score"], "/1" in row["url"]) for row in kept)
    everything = Counter((row["language"], row["int_score"], "/1" in row["url"]) for row in rows)
    assert set(groups) == set(everything) and len(groups) == 8
    assert all(groups[one] == everything[one] or groups[one] >= max(groups.values()) - 1 for one in groups)
    assert sum(row["sample_weight"] for row in kept) == pytest.approx(100)
    assert stage.records[0]["counts"] == {"not_drawn": 60, "preferred": 11}


def test_a_column_that_is_not_there_is_an_error(stage, tmp_path):
    with pytest.raises(CurationError, match="none of 100 documents has a value in a column 'nothing'"):
        stage.run(files(tmp_path), DrawSample(size=40, stratify="nothing"), gather=True)
    with pytest.raises(CurationError, match="no document matches words=zzzzz"):
        list(DrawSample(size=40, prefer=("words=zzzzz",)).run(documents()))


def documents(rows=ROWS, **more):
    return [document(row["text"], row["id"], **{key: row[key] for key in ("url", "int_score")}, **more) for row in rows]


def test_a_missing_number_is_one_stratum(stage):
    docs = [document("x", str(number), kind=float("nan") if number % 2 else None) for number in range(100)]
    step = DrawSample(size=10, stratify="kind")
    assert len(list(step.run(docs))) == 10 and step.counts == {"not_drawn": 90}


@pytest.mark.parametrize("value", [2.5, "high", [3], float("inf")])
def test_only_integers_can_be_balanced(value):
    with pytest.raises(CurationError, match=r"balance: column 'score' holds .* expected integers"):
        list(DrawSample(size=1, balance="score").run(documents(score=value)))
    whole = list(DrawSample(size=9, balance="score").run(documents(score=2.0)))
    assert [doc.id for doc in whole] == [doc.id for doc in DrawSample(size=9).run(documents())]


def test_a_column_of_single_documents_is_no_stratum(monkeypatch):
    monkeypatch.setattr(module, "_MOST_STRATA", 50)
    with pytest.raises(CurationError, match="stratify by column 'url': more than 50 different values"):
        list(DrawSample(size=10, stratify="url").run(documents()))
    with pytest.raises(CurationError, match=r"stratify: column 'tags' holds \['a'\] \(d0\), no plain value"):
        list(DrawSample(size=10, stratify="tags").run(documents(tags=["a"])))


def test_documents_that_no_weight_stands_for_are_counted():
    step = DrawSample(size=1, balance="int_score")
    assert [doc.metadata["sample_weight"] for doc in step.run(documents())] == [70.0]
    assert step.counts == {"not_drawn": 99, "in_strata_without_share": 30}


def test_preferred_documents_are_drawn_more_often(stage, tmp_path):
    examples = write_jsonl(tmp_path / "examples.jsonl", [{"text": "a proof of the theorem by induction"}])
    rows = [row | {"text": f"the theorem number {row['id']}" if row["id"] == "d7" else row["text"]} for row in ROWS]
    for spec in ("words=theorem", "url=*/7", f"like={examples}"):
        step = DrawSample(size=10, prefer=[spec])
        kept = {row["id"]: row["sample_weight"] for row in stage.run(files(tmp_path, rows=rows), step, gather=True)}
        assert kept.pop("d7") == 1.0 and set(kept.values()) == {11.0}
        assert stage.records[0]["counts"] == {"not_drawn": 90, "preferred": 1}


def test_pages_without_extracted_text_can_be_preferred():
    pages = [document("", str(number), html=f"<p>page <b>{number}</b></p>") for number in range(100)]
    kept = list(DrawSample(size=2, prefer=("words=page 42",)).run(pages))
    assert "42" in {doc.id for doc in kept}


def test_examples_are_known_by_their_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])
    step = DrawSample(size=1, prefer=("words=a", "like=a.jsonl"))
    assert step.prefer == ("words=a", f"like={one}")
    before = identity_of(step)
    assert before["prefer"][0] == {"words": "a"} and str(tmp_path) not in str(before)
    one.rename(tmp_path / "b.jsonl")
    assert identity_of(DrawSample(size=1, prefer=("words=a", "like=b.jsonl"))) == before
    write_jsonl(tmp_path / "b.jsonl", [{"text": "b"}])
    assert identity_of(DrawSample(size=1, prefer=("words=a", "like=b.jsonl"))) != before


def test_what_is_not_used_leaves_no_trace():
    assert set(identity_of(DrawSample(size=1))) == {"step", "version", "size", "balance", "seed", "replay_only"}
    assert str(DrawSample(size=1)) == "DrawSample(size=1, seed=0)"
    assert identity_of(DrawSample(size=1, stratify="language"))["stratify"] == "language"


def test_wrong_preferences_are_found_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'words'"):
        DrawSample(size=1, prefer=("word=a",))
    with pytest.raises(ConfigError, match="cannot be read"):
        DrawSample(size=1, prefer=(f"like={tmp_path}/nothing.jsonl",)).check()
    with pytest.raises(ConfigError, match="no text"):
        DrawSample(size=1, prefer=(f"like={write_jsonl(tmp_path / 'a.jsonl', [{'id': 1}])}",)).check()


@pytest.mark.parametrize(
    "settings",
    [
        {"balance": "int_score"},
        {"stratify": "language"},
        {"prefer": ("words=rare", "url=a.org")},
        {"balance": "int_score", "stratify": "language", "prefer": ("words=rare",)},
    ],
    ids=lambda settings: "+".join(settings),
)
def test_weighted_means_are_the_population_s(settings):
    rng = np.random.default_rng(0)
    scores, rare = rng.choice(4, 200, p=[0.6, 0.2, 0.15, 0.05]), rng.random(200) < 0.1
    values = scores + 5 * rare + rng.normal(0, 1, 200)

    def population():
        for row in range(200):
            text, language = "a rare one" if rare[row] else "text", "en" if row % 9 else None
            url = f"https://{'a' if row % 5 else 'b'}.org"
            yield document(text, str(row), int_score=int(scores[row]), language=language, url=url)

    means = []
    for seed in range(100):
        drawn = list(DrawSample(size=60, seed=seed, **settings).run(population()))
        weights = np.array([doc.metadata["sample_weight"] for doc in drawn])
        assert len(drawn) == 60 and math.isclose(weights.sum(), 200)
        means.append((values[[int(doc.id) for doc in drawn]] * weights).sum() / 200)
    assert abs(np.mean(means) - values.mean()) < 4 * np.std(means) / math.sqrt(len(means))
