import gzip
import json

import pyarrow.parquet as pq
import pytest

from curation.blocks.dedup import FindClusters, KeepOneOfCluster, Signatures
from curation.blocks.write import RowWriter

from .conftest import OneStage, document, shared, write_jsonl

PROSE = (
    "To complete the square we add and subtract the square of half the coefficient of the linear term, so that the "
    "first three terms are a perfect square; then the roots follow by taking square roots on both sides. "
)
EXERCISE = "Exercise: compute the sum 17 + 25 and then the product 17 * 25 . Show each step of your work on paper ."


def deduplicated(tmp_path, shards, keep="best", **values):
    """The three stages on shards of rows: what is kept, and what is removed."""
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    files = [write_jsonl(folder / f"{number}.jsonl", rows) for number, rows in enumerate(shards)]
    step = Signatures(**({"ngram": 5, "bands": 14, "rows": 8} | values))
    signatures = OneStage(tmp_path / "signatures")
    signatures.run(files, step)
    made = [signatures.folder.path(name) for name in signatures.folder.list_files("data")]
    clusters = OneStage(tmp_path / "clusters")
    rows = [row for name in made for row in pq.read_table(name).to_pylist()]
    clusters_of(clusters, rows, keep)
    dedup = OneStage(tmp_path / "dedup")
    kept = dedup.run(files, KeepOneOfCluster(clusters=clusters.folder.path("data")))
    return kept, dedup.rows()


def clusters_of(stage, rows, keep):
    """FindClusters on signatures, written as its stage does."""
    step = FindClusters(keep=keep)
    docs = (document("", row.pop("id"), **row) for row in rows)
    with stage.folder.create("data/00000.parquet") as path:
        writer = RowWriter(path, step.schema({}), "clusters")
        for doc in step.run(docs):
            writer.write(doc)
        writer.close()


def row(identifier, text, **more):
    return {"id": identifier, "text": text, "score": 1.0, **more}


def test_a_near_duplicate_is_dropped_with_the_one_that_is_kept_for_it(tmp_path):
    near = PROSE * 4 + "Posted on Monday."
    shards = [[row("a", PROSE * 4 + "Posted on Friday."), row("other", EXERCISE)], [row("b", near, score=2.0)]]
    kept, removed = deduplicated(tmp_path, shards)
    assert [one["id"] for one in kept] == ["other", "b"]
    assert [(one["id"], one["reason"], one["duplicate_of"], one["cluster_size"]) for one in removed] == [
        ("a", "near_duplicate", "b", 2)
    ]
    assert removed[0]["text"].startswith("To complete")


def test_exercises_that_differ_only_in_numbers_are_both_kept(tmp_path):
    other = EXERCISE.replace("17", "31").replace("25", "44")
    kept, _ = deduplicated(tmp_path, [[row("a", EXERCISE), row("b", other)]], bands=1, rows=10)
    assert [one["id"] for one in kept] == ["a", "b"]


def test_one_id_in_two_shards_is_two_documents(tmp_path):
    shards = [[row("same", PROSE * 4), row("same", EXERCISE)], [row("same", PROSE * 4, score=3.0)]]
    kept, removed = deduplicated(tmp_path, shards)
    assert [(one["id"], one["score"]) for one in kept] == [("same", 1.0), ("same", 3.0)]
    assert kept[0]["text"] == EXERCISE
    assert [(one["id"], one["duplicate_of"]) for one in removed] == [("same", "same")]


@pytest.mark.parametrize(("keep", "expected"), [("best", "b"), ("longest", "c"), ("first", "a")])
def test_which_member_stays(tmp_path, keep, expected):
    shards = [[row("a", PROSE * 6), row("b", PROSE * 6, score=5.0), row("c", PROSE * 6 + "So.")], [row("d", EXERCISE)]]
    kept, removed = deduplicated(tmp_path, shards, keep=keep)
    assert [one["id"] for one in kept] == [expected, "d"]
    assert {one["duplicate_of"] for one in removed} == {expected}
    assert {one["cluster_size"] for one in removed} == {3}


def test_texts_without_words_are_never_duplicates(tmp_path):
    kept, _ = deduplicated(tmp_path, [[row("a", ""), row("b", ""), row("c", " \n")]])
    assert [one["id"] for one in kept] == ["a", "b", "c"]


def test_short_texts_that_are_equal_are_duplicates(tmp_path):
    kept, _ = deduplicated(tmp_path, [[row("a", "x^2 = 4"), row("b", "x^2 = 4"), row("c", "x^2 = 9")]])
    assert [one["id"] for one in kept] == ["a", "c"]


def test_documents_without_a_score_can_be_deduplicated(tmp_path):
    rows = [{"id": "a", "text": PROSE * 4}, {"id": "b", "text": PROSE * 4}]
    kept, _ = deduplicated(tmp_path, [rows])
    assert [one["id"] for one in kept] == ["a"]


def test_real_texts_and_their_copies(tmp_path):
    with gzip.open(shared("texts/web_texts.jsonl.gz"), "rt") as lines:
        texts = [json.loads(line)["text"] for _, line in zip(range(150), lines, strict=False)]
    originals = [row(f"o{number}", text) for number, text in enumerate(texts)]
    copies = [row(f"c{number}", text) for number, text in enumerate(texts)]
    alone = tmp_path / "alone"
    alone.mkdir()
    _, removed_alone = deduplicated(alone, [originals])
    kept, removed = deduplicated(tmp_path, [originals, copies])
    assert len(removed) == 150 + len(removed_alone)
    assert all(one["id"].startswith("o") for one in kept)
    assert {one["reason"] for one in removed} == {"near_duplicate"}


def test_plain_chaining():
    step = Signatures(ngram=5, bands=1, rows=10)
    rows = list(step.run([document(PROSE, "a", score=1.0), document("", "b")], 3, 9))
    assert [(doc.metadata["shard"], doc.metadata["row"], len(doc.metadata["keys"])) for doc in rows] == [
        (3, 0, 1),
        (3, 1, 0),
    ]
    assert step.counts["without_shingles"] == 1
