"""The files of a topic of one's own, and values that name files beside them."""

from pathlib import Path

import pytest
import yaml

from curation import ConfigError, load_prompt, load_recipe, load_spec, plan
from curation.config import read_values
from curation.topic import new_topic


def test_what_is_written_can_be_planned_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages.jsonl").write_text('{"id": "1", "text": "Force is mass times acceleration."}\n')
    paths = new_topic("physics", topic="physics lessons", inputs=["pages.jsonl"], judge="endpoint:http://localhost:9#M")
    assert [str(path) for path in paths] == ["physics/physics.yaml", "physics/prompt.md", "physics/classifier.yaml"]
    values = yaml.safe_load(paths[0].read_text())
    assert values["inputs"] == ["pages.jsonl"] and values["judged"]["judge"] == "endpoint:http://localhost:9#M"
    assert list(values["configs"]) == ["physics-3plus", "physics-4plus"]
    assert not any("%" in path.read_text() for path in paths)
    assert "a collection of\nphysics lessons." in load_prompt(str(paths[1])).text
    assert load_spec(str(paths[2])).head == "kernel"
    recipe = load_recipe("topic", config=str(paths[0]))
    assert recipe.settings.judged.prompt == "./physics/prompt.md"
    assert [one.stage.name for one in plan(recipe, "out")][:4] == ["extract", "language", "quality", "sample"]


def test_it_runs_from_another_folder_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, _, _ = new_topic("birds", topic="notes on birds", folder=tmp_path / "deep" / "birds")
    monkeypatch.chdir("/")
    prompt = load_recipe("topic", config=str(config)).settings.judged.prompt
    assert "notes on birds" in load_prompt(prompt).text


@pytest.mark.parametrize("name", ["Physics", "", "a/b", "../x", "-x", "a b"])
def test_a_name_that_cannot_be_one(name, tmp_path):
    with pytest.raises(ConfigError, match="lowercase"):
        new_topic(name, folder=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nothing_is_written_over(tmp_path):
    config, prompt, _ = new_topic("physics", folder=tmp_path)
    prompt.write_text("mine")
    config.unlink()
    with pytest.raises(ConfigError, match=r"prompt\.md.*is there already"):
        new_topic("physics", folder=tmp_path)
    assert prompt.read_text() == "mine" and not config.exists()


def test_the_sample_has_inputs_and_judge_of_its_own(tmp_path):
    with pytest.raises(ConfigError, match="choose one"):
        new_topic("physics", sample=True, judge="vllm:M", folder=tmp_path)


def test_odd_characters_stay_values(tmp_path):
    config, _, _ = new_topic("odd", inputs=['a "b": [c]\\d.jsonl'], topic="words: and\n a line", folder=tmp_path)
    assert yaml.safe_load(config.read_text())["inputs"] == ['a "b": [c]\\d.jsonl']


def test_beside_names_the_folder_of_the_file_that_says_so(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine.yaml").write_text(
        "a: beside:x.md\nb: [replay:beside:y.jsonl, 'not beside: this']\nc: {d: nobeside:x}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = read_values(tmp_path / "below" / "mine.yaml")
    assert found == {
        "a": "./below/x.md",
        "b": ["replay:./below/y.jsonl", "not beside: this"],
        "c": {"d": "nobeside:x"},
    }
    monkeypatch.chdir("/")
    assert Path(read_values(tmp_path / "below" / "mine.yaml")["a"]).resolve() == tmp_path / "below" / "x.md"
