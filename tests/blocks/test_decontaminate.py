import gzip
import json

import pytest

from curation.blocks.decontaminate import Decontaminate, read_benchmark
from curation.errors import ConfigError

from .conftest import Kept, document, shared, write_jsonl, write_parquet

QUESTION = (
    "Janet has 16 ducks that lay eggs every morning and she eats three of them for breakfast before she sells the "
    "rest at the market for two dollars each; how many dollars does she make every day there?"
)
ANSWER = "She sells 16 - 3 = 13 eggs a day, and so she makes 13 * 2 = 26 dollars every single day at the market."


@pytest.fixture
def benchmark(tmp_path):
    return str(write_jsonl(tmp_path / "ducks.jsonl", [{"question": QUESTION, "answer": ANSWER}, {"question": "2+2?"}]))


def contaminated(step, *texts):
    step.exclusion_writer = Kept()
    kept = [doc.id for doc in step.run(document(text, str(number), url="u") for number, text in enumerate(texts))]
    return kept, step.exclusion_writer.rows


def test_a_document_with_a_question_is_dropped_with_the_evidence(benchmark):
    kept, dropped = contaminated(
        Decontaminate(benchmarks=(benchmark,)), "Nothing of it.", f"Homework. {QUESTION} Solve it.", "2+2?"
    )
    assert kept == ["0", "2"]
    row = dropped[0]
    assert row["filter_reason"] == "contaminated"
    assert (row["benchmark"], row["benchmark_id"]) == ("ducks", "0")
    assert row["benchmark_text"] == QUESTION
    assert row["overlap_ratio"] > 0.9
    assert "ducks" in row["matched"]
    assert len(row["ngram"].split()) >= 13


def test_the_answer_is_looked_for_on_its_own(benchmark):
    _, dropped = contaminated(Decontaminate(benchmarks=(benchmark,)), f"The solution: {ANSWER}")
    assert [row["benchmark_id"] for row in dropped] == ["0#answer"]


def test_a_shared_piece_below_the_ratio_stays(benchmark):
    piece = " ".join(QUESTION.split()[:16])
    assert contaminated(Decontaminate(benchmarks=(benchmark,)), piece)[0] == ["0"]
    assert contaminated(Decontaminate(benchmarks=(benchmark,), ratio=0.3), piece)[0] == []


def test_items_of_each_kind_of_file(tmp_path):
    rows = [{"id": 7, "benchmark": "mine", "problem": "one", "solution": "two"}, {"problem": "three", "solution": ""}]
    for file in (write_jsonl(tmp_path / "a.jsonl.gz", rows), write_parquet(tmp_path / "a.parquet", rows)):
        items = [(item.benchmark, item.id, item.text) for item in read_benchmark(str(file))]
        assert items == [("mine", "7", "one"), ("mine", "7#answer", "two"), ("a", "1", "three")]
    (tmp_path / "b.csv").write_text("question,answer\none,two\n")
    assert [item.text for item in read_benchmark(str(tmp_path / "b.csv"))] == ["one", "two"]
    assert len(list(read_benchmark(str(tmp_path / "*.jsonl.gz")))) == 3


def test_choices_belong_to_the_question(tmp_path):
    rows = [{"question": "Which?", "choices": ["a", "b"], "answer": 1}, {"question": "Q", "choices": {"text": ["c"]}}]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    assert [item.text for item in read_benchmark(str(file))] == ["Which?\na\nb", "Q\nc"]


def test_a_benchmark_without_text_or_items_is_a_config_error(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"body": "x"}])
    with pytest.raises(ConfigError, match=r"a.jsonl: none of the columns text, question.*; it has body"):
        Decontaminate(benchmarks=(str(file),)).check()
    empty = write_jsonl(tmp_path / "b.jsonl", [])
    with pytest.raises(ConfigError, match=r"benchmark .*b.jsonl: no items"):
        Decontaminate(benchmarks=(str(empty),)).check()
    with pytest.raises(ConfigError, match="no input found"):
        Decontaminate(benchmarks=(str(tmp_path / "c.jsonl"),)).check()


def test_without_benchmarks_everything_stays():
    step = Decontaminate(benchmarks=())
    step.check()
    assert contaminated(step, QUESTION)[0] == ["0"]


def test_every_item_of_a_real_benchmark_is_found(stage, tmp_path):
    path = shared("benchmarks/gsm8k_test.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        questions = [json.loads(line)["question"] for _, line in zip(range(60), lines, strict=False)]
    rows = [{"id": str(n), "text": f"Read this.\n\n{text}\n\nWell?", "n": n} for n, text in enumerate(questions)]
    clean = {"id": "clean", "text": "A page about gardens. " * 30, "n": -1}
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", [*rows, clean])], Decontaminate(benchmarks=(str(path),)))
    removed = stage.rows()
    long_enough = [row for row in rows if len(row["text"].split()) > 25]
    assert "clean" in {row["id"] for row in kept}
    assert {row["id"] for row in removed} >= {row["id"] for row in long_enough}
    assert len({row["benchmark"] for row in removed}) == 1
    assert all(row["n"] >= 0 and row["overlap_ratio"] >= 0.6 for row in removed)
