import csv
import json

import pytest

from curation.blocks.compare import compare_labels
from curation.errors import ConfigError

from .conftest import shared, write_jsonl, write_parquet


def judged(identifier, label, **more):
    base = {"id": identifier, "url": f"http://{identifier}", "label": label, "judge": "llama", "text_shown": "t"}
    return {**base, "reply": f"Final score: {label}", "prompt": "finemath_5pt", **more}


@pytest.fixture
def output(tmp_path):
    (tmp_path / "out/annotate/data").mkdir(parents=True)
    write_parquet(tmp_path / "out/annotate/data/00000.parquet", [judged("a", 3), judged("b", 0)])
    write_parquet(tmp_path / "out/annotate/data/00001.parquet", [judged("7", 5), judged("d", None)])
    return tmp_path / "out"


def write_csv(path, rows, encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows(rows)
    return path


def test_hand_labels_of_a_spreadsheet(output, tmp_path):
    rows = [["id", "stars"], ["a", "4"], ["b", " "], ["7", "5.0"], ["d", "1"], ["z", "2"]]
    mine = write_csv(tmp_path / "mine.csv", rows, encoding="utf-8-sig")
    found = compare_labels(str(output), str(mine), label_column="stars")
    assert (found.hand_labels, found.blank, found.unmatched, found.unlabelled) == (4, 1, 1, 1)
    assert found.agreement.documents == 2 and found.agreement.table[4][3] == found.agreement.table[5][5] == 1
    stage = output / "annotate"
    assert json.loads((stage / "comparison.json").read_text())["labels"] == "mine.csv"
    assert (stage / "comparison.md").read_text() == found.to_markdown()
    (row,) = map(json.loads, (stage / "comparison_disagreements.jsonl").read_text().splitlines())
    assert row == {"id": "a", "url": "http://a", "hand": 4, "judge": 3, "reply": "Final score: 3", "text_shown": "t"}


def test_hand_labels_of_other_files_and_the_stage_itself(output, tmp_path):
    lines = write_jsonl(tmp_path / "a.jsonl", [{"url": "http://a", "label": 3}, {"url": "http://b"}])
    found = compare_labels(str(output / "annotate"), str(lines), prompt="finemath_5pt")
    assert found.agreement.exact.value == 1.0 and found.blank == 1
    table = write_parquet(tmp_path / "a.parquet", [{"id": 7, "label": 4.0}, {"id": 8, "label": None}])
    assert compare_labels(str(output), str(table)).bias == 1.0


def test_another_run_can_be_the_reference(output, tmp_path):
    found = compare_labels(str(output), str(output / "annotate/data"))
    assert found.agreement.documents == 3 and found.agreement.exact.value == 1.0 and found.blank == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["id", "label"], ["zebra", "3"]], r"has id 'zebra'.*has id 'a', url 'http://a'"),
        ([["id", "label"], ["a", "6"]], r"row 1: label '6' is no whole number from 0 to 5"),
        ([["id", "label"], ["b", ""], ["a", "2.5"]], r"row 2: label '2.5'"),
        ([["id", "label"], ["a", "good"]], r"label 'good'"),
        ([["id", "stars"], ["a", "3"]], r"no column 'label' of labels; it has id, stars"),
        ([["name", "label"], ["a", "3"]], r"no column id or url .* it has name, label"),
        ([["id;label"], ["a;3"]], r"no columns id, url and label; it has id;label"),
        ([["id", "label"], ["a", ""]], r"no row has a label"),
        ([["id", "label"], ["", "3"]], r"row 1: neither id nor url"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(output, tmp_path, rows, said):
    with pytest.raises(ConfigError, match=said):
        compare_labels(str(output), str(write_csv(tmp_path / "mine.csv", rows)))
    assert not (output / "annotate/comparison.json").exists()


def test_labels_that_are_not_there_are_refused(output, tmp_path):
    mine = str(write_csv(tmp_path / "mine.csv", [["id", "label"], ["a", "3"]]))
    with pytest.raises(ConfigError, match="no input found"):
        compare_labels(str(output), str(tmp_path / "nowhere.csv"))
    with pytest.raises(ConfigError, match="no labels of a judge here"):
        compare_labels(str(tmp_path), mine)
    (output / "annotate/shards.json").write_text("{}")
    with pytest.raises(ConfigError, match="judging is unfinished"):
        compare_labels(str(output), mine)


def test_a_prompt_of_ones_own_names_the_scale(output, tmp_path):
    write_parquet(output / "annotate/data/00000.parquet", [judged("a", 3, prompt="my_own_prompt")])
    mine = str(write_csv(tmp_path / "mine.csv", [["id", "label"], ["a", "3"]]))
    with pytest.raises(ConfigError, match="name the prompt whose scale"):
        compare_labels(str(output), mine)
    assert compare_labels(str(output), mine, prompt="finemath_3pt").agreement.scale == (0, 3)


def test_real_labels_of_two_prompts(output):
    data = shared("labels/finemath_5pt.jsonl.gz")
    other = shared("labels/finemath_3pt.jsonl.gz")
    from curation.blocks.read import raw_rows

    rows = [judged(one["id"], one["label"], url=one["url"]) for one in raw_rows(str(data))]
    for file in (output / "annotate/data").iterdir():
        file.unlink()
    write_parquet(output / "annotate/data/00000.parquet", rows)
    found = compare_labels(str(output), str(other))
    assert found.agreement.documents == 999 and found.unmatched == 0
    assert found.bias > 0 and found.agreement.within_one.value > 0.85
