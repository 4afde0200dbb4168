import gzip
import json
import os

import pytest

from curation.blocks.benchmarks import PRESETS, ItemColumns, absolute_benchmark, locations_of, read_benchmark
from curation.errors import ConfigError

from .conftest import shared, write_jsonl, write_parquet


def texts(benchmark, **columns):
    return [item.text for item in read_benchmark(str(benchmark), ItemColumns(**columns))]


def test_items_of_each_kind_of_file(tmp_path):
    rows = [{"id": 7, "benchmark": "mine", "problem": "one", "solution": "two"}, {"problem": "three", "solution": ""}]
    for file in (write_jsonl(tmp_path / "a.jsonl.gz", rows), write_parquet(tmp_path / "a.parquet", rows)):
        items = [(item.benchmark, item.id, item.text) for item in read_benchmark(str(file), ItemColumns(answers=True))]
        assert items == [("mine", "7", "one"), ("mine", "7#answer", "two"), ("a", "1", "three")]
        assert texts(file) == ["one", "three"]
    (tmp_path / "b.csv").write_text("question,answer\none,two\n")
    assert texts(tmp_path / "b.csv", answers=True) == ["one", "two"]
    assert len(texts(tmp_path / "*.jsonl.gz")) == 2


def test_choices_belong_to_the_question_where_they_are_asked_for(tmp_path):
    rows = [{"question": "Which?", "choices": ["a", "b"], "answer": 1}, {"question": "Q", "choices": {"text": ["c"]}}]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    assert texts(file) == ["Which?\na\nb", "Q\nc"]
    assert texts(file, choices=False) == ["Which?", "Q"]


def test_columns_of_a_foreign_file_are_settings(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "not this", "body": "this", "nr": 0}])
    (item,) = read_benchmark(str(file), ItemColumns(text="body", id="nr"))
    assert (item.benchmark, item.id, item.text) == ("a", "0", "this")
    with pytest.raises(ConfigError, match=r"a.jsonl: none of the columns boddy; it has text, body, nr"):
        texts(file, text="boddy")


# One row of each benchmark as the Hub has it: columns, the text of the item with choices, the answer, the id.
HUB_ROWS = {
    "gsm8k": ({"question": "How many?", "answer": "So 5.\n#### 5"}, "How many?", "So 5.\n#### 5", "0"),
    "math": (
        {"problem": "Find $x$.", "level": "Level 1", "type": "Algebra", "solution": "It is 2."},
        "Find $x$.",
        "It is 2.",
        "0",
    ),
    "mmlu": (
        {"question": "Find the degree.", "subject": "algebra", "choices": ["0", "4"], "answer": 1},
        "Find the degree.\n0\n4",
        None,
        "0",
    ),
    "arc": (
        {"id": "M_1", "question": "Why?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "A"},
        "Why?\nx\ny",
        None,
        "M_1",
    ),
    "humaneval": (
        {"task_id": "HumanEval/0", "prompt": "def f():", "canonical_solution": "  return 1", "test": ""},
        "def f():",
        "  return 1",
        "HumanEval/0",
    ),
    "mbpp": ({"task_id": 11, "text": "Write it.", "code": "x = 1", "test_list": ["a"]}, "Write it.", "x = 1", "11"),
    "ifeval": ({"key": 1000, "prompt": "No commas.", "kwargs": [{"n": 1}]}, "No commas.", None, "1000"),
}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_known_benchmark_is_read_from_a_file_of_ones_own(name, tmp_path):
    row, text, answer, identifier = HUB_ROWS[name]
    for file in (write_parquet(tmp_path / "any.parquet", [row]), write_jsonl(tmp_path / "any.jsonl", [row])):
        items = list(read_benchmark(f"{name}={file}", ItemColumns(answers=True)))
        assert (items[0].benchmark, items[0].id, items[0].text) == (name, identifier, text)
        assert [(one.id, one.text) for one in items[1:]] == ([(f"{identifier}#answer", answer)] if answer else [])


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [("gsm8k", "gsm8k_test", 1319), ("math", "math_test", 5000), ("mbpp", "mbpp", 974), ("ifeval", "ifeval", 541)],
)
def test_real_files_with_columns_of_their_own_are_read_under_the_name(name, file, count):
    path = shared(f"benchmarks/{file}.jsonl.gz")
    items = list(read_benchmark(f"{name}={path}"))
    assert len(items) == count and {item.benchmark for item in items} == {name}
    assert items[0].id == f"{file}/0"
    with gzip.open(path, "rt") as lines:
        assert items[0].text == json.loads(next(lines))["question"]


def test_names_stand_for_files_on_the_hub():
    assert sorted(PRESETS) == ["arc", "gsm8k", "humaneval", "ifeval", "math", "mbpp", "mmlu"]
    assert absolute_benchmark("gsm8k") == "gsm8k"
    assert locations_of("gsm8k") == ["hf://datasets/openai/gsm8k/main/test-00000-of-00001.parquet"]
    assert len(locations_of("arc")) == 2
    assert all(location.startswith("hf://datasets/") for name in PRESETS for location in locations_of(name))
    assert locations_of("mmlu=s3://b/x.parquet") == ["s3://b/x.parquet"]
    assert locations_of("s3://b/x.parquet") == ["s3://b/x.parquet"]


def test_locations_are_made_absolute_and_a_file_may_be_called_like_a_benchmark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("math")
    os.mkdir("mine")
    write_jsonl(tmp_path / "math" / "a.jsonl", [{"text": "one"}])
    assert absolute_benchmark("./math") == str(tmp_path / "math")
    assert absolute_benchmark("math") == "math"
    assert absolute_benchmark("mine") == str(tmp_path / "mine")
    assert absolute_benchmark("math=math/a.jsonl") == f"math={tmp_path}/math/a.jsonl"
    assert absolute_benchmark("content:pipelines/x.jsonl") == "content:pipelines/x.jsonl"
    assert absolute_benchmark("/data/day=1/x.jsonl") == "/data/day=1/x.jsonl"
    assert texts("./math") == ["one"]


@pytest.mark.parametrize("wrong", ["gsm9k", "hella_swag", "gsm=/data/x.jsonl"])
def test_an_unknown_name_is_a_config_error_that_lists_the_known_ones(wrong):
    with pytest.raises(ConfigError, match=r"no benchmark '\w+' and no such file; known are arc, gsm8k, .*mmlu"):
        list(read_benchmark(wrong))
