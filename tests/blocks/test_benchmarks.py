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


@pytest.mark.parametrize(
    ("choices", "lines"),
    [
        ([{"label": "A", "text": "a"}, {"label": "B", "text": "b"}], ["a", "b"]),
        ({"label": ["A", "B"], "text": ["a", None]}, ["a"]),
        ([["a", "b"], [], ["c", 4]], ["a", "b", "c", "4"]),
        ({"A": "a", "B": "b"}, ["a", "b"]),
        (["a", None], ["a"]),
        ("a or b", ["a or b"]),
        (None, []),
    ],
)
def test_choices_of_any_form_are_lines_of_text(tmp_path, choices, lines):
    file = write_jsonl(tmp_path / "a.jsonl", [{"question": "Q", "choices": choices}])
    assert texts(file) == ["\n".join(["Q", *lines])]


def test_columns_of_a_foreign_file_are_settings(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "not this", "body": "this", "nr": 0}])
    (item,) = read_benchmark(str(file), ItemColumns(text="body", id="nr"))
    assert (item.benchmark, item.id, item.text) == ("a", "0", "this")
    with pytest.raises(ConfigError, match=r"a.jsonl: row 1: none of the columns boddy; it has text, body, nr"):
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


def test_files_may_have_a_name_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write_jsonl(tmp_path / "v2.jsonl", [{"text": "one", "benchmark": "theirs"}])
    assert absolute_benchmark("my.own=./v2.jsonl") == f"my.own={file}"
    assert locations_of(f"my.own={file}") == [str(file)]
    assert [(item.benchmark, item.text) for item in read_benchmark("my.own=v2.jsonl")] == [("my.own", "one")]
    os.mkdir("day=1")  # a folder of this name is meant, as ever
    for there in ("day=1", "day=*"):
        assert absolute_benchmark(there) == str(tmp_path / there)
    assert absolute_benchmark("s3://b/day=1/x.jsonl") == "s3://b/day=1/x.jsonl"
    with pytest.raises(ConfigError, match="no input found"):
        texts("gsm=nowhere.jsonl")


@pytest.mark.parametrize("wrong", ["gsm9k", "hella_swag"])
def test_an_unknown_name_is_a_config_error_that_lists_the_known_ones(wrong):
    said = rf"no benchmark '{wrong}' and no such file; known are arc, gsm8k, .*mmlu, and files of your own are {wrong}="
    with pytest.raises(ConfigError, match=said):
        list(read_benchmark(wrong))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("gsm8k=", "'gsm8k=': no location behind ="),
        ("mine= ", "'mine= ': no location behind ="),
        ("=a.jsonl", "'=a.jsonl': no name before ="),
        ("", "an empty name"),
    ],
)
def test_half_a_benchmark_is_a_config_error_and_not_the_working_folder(tmp_path, monkeypatch, wrong, said):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "b.jsonl", [{"text": "one"}])
    with pytest.raises(ConfigError, match=said):
        texts(wrong)


def test_the_columns_that_are_asked_for_count_first_in_files_of_ones_own(tmp_path):
    row = {"problem": "not this", "id": 1, "body": "this", "nr": 2}
    file = write_jsonl(tmp_path / "a.jsonl", [row])
    (item,) = read_benchmark(f"math={file}", ItemColumns(text="body", id="nr"))
    assert (item.benchmark, item.id, item.text) == ("math", "2", "this")
    assert texts(f"math={file}", text="of another file") == ["not this"]
    (item,) = read_benchmark(
        f"math={write_jsonl(tmp_path / 'body.jsonl', [{'body': 'only'}])}", ItemColumns(text="body")
    )
    assert item.text == "only"
    write_jsonl(tmp_path / "null.jsonl", [row | {"body": None}])
    with pytest.raises(ConfigError, match=r"null.jsonl: row 1: column 'body' is null, expected text"):
        texts(f"math={tmp_path}/null.jsonl", text="body")


def test_a_bad_row_is_named(tmp_path):
    rows = [{"question": "one"}, {"question": None}, {"question": 3}]
    for file in (write_jsonl(tmp_path / "a.jsonl", rows[:2]), write_parquet(tmp_path / "a.parquet", rows[:2])):
        with pytest.raises(ConfigError, match=rf"{file.name}: row 2: column 'question' is null, expected text"):
            texts(file)
    with pytest.raises(ConfigError, match=r"b.jsonl: row 2: column 'question' is int, expected text"):
        texts(write_jsonl(tmp_path / "b.jsonl", rows[::2]))
    (tmp_path / "c.jsonl").write_text('{"question": "one"}\n{"question": \n')
    with pytest.raises(ConfigError, match=r"c.jsonl: line 2: not valid JSON"):
        texts(tmp_path / "c.jsonl")
    for name, content in (("d.jsonl.gz", b"no gzip"), ("d.parquet", b"no parquet"), ("d.jsonl", b"\xff\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=f"{name}: row 1: cannot be read"):
            texts(tmp_path / name)


def test_rows_of_several_files_without_ids_have_different_ones(tmp_path):
    for name in ("d/a.v1.jsonl", "d/a.v2.jsonl", "e/x/test.jsonl.gz", "e/y/test.jsonl.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        write_jsonl(tmp_path / name, [{"text": "one"}, {"text": "two", "id": "own"}])

    def ids(benchmark):
        return [item.id for item in read_benchmark(benchmark)]

    assert ids(f"math={tmp_path}/d/*.jsonl") == ids(f"{tmp_path}/d") == ["a.v1:0", "own", "a.v2:0", "own"]
    assert ids(f"mine={tmp_path}/e") == ["x/test:0", "own", "y/test:0", "own"]
    assert ids(f"math={tmp_path}/d/a.v1.jsonl") == ["0", "own"]
