import sys
from pathlib import Path

import pytest

from curation import Recipe, load_recipe
from curation.errors import ConfigError, ContentError
from curation.recipe import ExecutorSettings, Stage, folder_of, list_configs, settings_of

LOCAL_STEP = '''
"""Keep long texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from datatrove.data import Document

from curation import Stage
from curation.blocks.step import Select


@dataclass(kw_only=True, repr=False)
class KeepLong(Select):
    min_characters: int

    def reason(self, doc: Document) -> str | None:
        return None if len(doc.text) >= self.min_characters else "too_short"


@dataclass(frozen=True, kw_only=True)
class Limits:
    least: int
    unit: Literal["characters", "words"] = "characters"


@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...]
    limits: Limits


def stages(s: Settings) -> list[Stage]:
    return [Stage(name="keep", reads=s.inputs, steps=[KeepLong(min_characters=s.limits.least)])]
'''

TWO = """
from dataclasses import dataclass
from curation import Stage

@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...] = ("x",)

def stages(s):
    return [Stage(name="one", reads=s.inputs, steps=[]), Stage(name="two", reads="one", steps=[])]
"""


def recipe_file(folder, code, values="{}\n", name="mine"):
    (folder / f"{name}.py").write_text(code)
    (folder / f"{name}.yaml").write_text(values)
    return str(folder / f"{name}.py")


@pytest.fixture
def local(tmp_path):
    return recipe_file(tmp_path, LOCAL_STEP, "inputs: [a.jsonl]\nlimits: {least: 5}\n")


def test_shipped_recipes_load_with_each_of_their_values():
    assert {"finemath", "finemath-smoke"} <= set(list_configs("finemath"))
    for config in list_configs("finemath"):
        recipe = load_recipe("finemath", config=config)
        assert recipe.name == "finemath"
        assert recipe.origin == f"{config}.yaml"
        assert [stage.name for stage in recipe.stages][-1] == "publish"
    assert str(load_recipe("finemath")).splitlines()[0].startswith("extract_first")


def test_a_recipe_of_the_users_own_with_a_step_of_its_own(local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (local, "./mine.py", "mine.py"):
        recipe = load_recipe(name, overrides=["limits.least=9", "limits.unit=words"])
        assert recipe.name == "mine"
        assert recipe.stages[0].steps[0].min_characters == 9
        assert settings_of(recipe) == {"inputs": ["a.jsonl"], "limits.least": 9, "limits.unit": "words"}
    assert str(recipe) == "keep               <- a.jsonl            KeepLong(min_characters=9)"


def test_its_nested_settings_are_checked_too(local):
    with pytest.raises(ConfigError, match=r"mine.yaml.*: unknown key 'limits.last' \(did you mean 'least'\?\)"):
        load_recipe(local, overrides=["limits.last=9"])
    with pytest.raises(ConfigError, match=r"mine.yaml.*: limits.unit: 'bytes' is not one of 'characters', 'words'"):
        load_recipe(local, overrides=["limits.unit=bytes"])


def test_no_module_stays_behind(local):
    before = set(sys.modules)
    step = load_recipe(local).stages[0].steps[0]
    assert not [name for name in set(sys.modules) - before if "mine" in name]
    assert type(step).__module__ not in sys.modules


def test_values_from_python_lie_on_top(local):
    recipe = load_recipe(local, overrides=["limits.least=9"], values={"limits": {"least": 11}, "inputs": ("b",)})
    assert recipe.settings.limits.least == 11
    assert recipe.settings.inputs == ("b",)


def test_values_from_another_file(local, tmp_path):
    (tmp_path / "other.yaml").write_text("extends: mine.yaml\nlimits: {least: 7}\n")
    assert load_recipe(local, config=str(tmp_path / "other.yaml")).settings.limits.least == 7


def test_a_missing_set_of_values_is_named(local):
    with pytest.raises(ConfigError, match=r"no settings file .*nothing"):
        load_recipe(local, config="nothing")


def test_a_recipe_without_values_needs_a_file(tmp_path):
    (tmp_path / "mine.py").write_text(TWO)
    with pytest.raises(ConfigError, match=r"no settings file .*mine\.yaml"):
        load_recipe(str(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def broken(:", r"cannot be loaded: SyntaxError"),
        ("import no_such_module", r"cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", r"cannot be loaded: ZeroDivisionError"),
        ("x = 1", r"a recipe defines a dataclass Settings and a function stages\(settings\)"),
        (
            "class Settings: pass\ndef stages(s): return []",
            r"a recipe defines a dataclass Settings and a function stages",
        ),
        (TWO.replace("def stages(s)", "def steps(s)"), r"a recipe defines a dataclass Settings"),
        (TWO.replace('reads="one"', 'reads="on"'), r"mine: stage two reads on, which no earlier stage writes"),
        (TWO.replace('name="two"', 'name="one"'), r"mine: two stages are named one"),
        (
            TWO.replace("steps=[])]", 'steps=[KeepListed(domains=folder_of("domains"))])]').replace(
                "import Stage", "import KeepListed, Stage, folder_of"
            ),
            r"mine: stage two reads domains, which no earlier stage writes",
        ),
    ],
)
def test_a_broken_recipe_is_a_content_error_that_names_it(tmp_path, code, message):
    before = set(sys.modules)
    with pytest.raises(ContentError, match=message) as caught:
        load_recipe(recipe_file(tmp_path, code))
    assert "mine" in str(caught.value)
    assert not [name for name in set(sys.modules) - before if "mine" in name]


def test_a_recipe_that_is_not_there():
    with pytest.raises(ContentError, match=r"no 'finemth' \(did you mean 'finemath'\?\)"):
        load_recipe("finemth")
    with pytest.raises(ContentError, match="no file"):
        load_recipe("./finemath.py")


def test_executor_settings_of_a_stage_lie_over_the_defaults(tmp_path):
    values = """
executor: {kind: slurm, partition: cpu, tasks: 100, sbatch_args: {account: a, constraint: c}}
stages:
  two: {partition: gpu, gpus_per_task: 4, sbatch_args: {account: b}}
"""
    recipe = load_recipe(recipe_file(tmp_path, TWO, values))
    assert recipe.executor_of("one") == recipe.executor
    assert recipe.executor == ExecutorSettings(
        kind="slurm", partition="cpu", tasks=100, sbatch_args={"account": "a", "constraint": "c"}
    )
    assert recipe.executor_of("two") == ExecutorSettings(
        kind="slurm",
        partition="gpu",
        tasks=100,
        gpus_per_task=4,
        sbatch_args={"account": "b", "constraint": "c"},
    )
    assert recipe.executor_of("unheard of") == recipe.executor


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("stages: {tow: {tasks: 1}}", r"mine.yaml: stages: no stage 'tow' \(did you mean 'two'\?\)"),
        ("stages: {two: {task: 1}}", r"mine.yaml: stages.two: unknown key 'task' \(did you mean 'tasks'\?\)"),
        ("stages: {two: {tasks: many}}", r"mine.yaml: stages.two: tasks: expected int, got 'many'"),
        ("stages: {two: 3}", r"mine.yaml: stages.two: expected a mapping"),
        ("stages: [two]", r"mine.yaml: stages: expected a mapping"),
        ("executor: {kind: local, worker: 1}", r"executor: unknown key 'worker' \(did you mean 'workers'\?\)"),
        ("executor: {kind: kubernetes}", r"executor: kind: 'kubernetes' is not one of 'local', 'slurm', 'ray'"),
        ("executor: local", r"mine.yaml: executor: .*expected a mapping"),
        ("workers: 3", r"mine.yaml: unknown key 'workers'"),
    ],
)
def test_wrong_executor_settings_are_config_errors(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        load_recipe(recipe_file(tmp_path, TWO, values + "\n"))


def test_needs_are_the_stages_that_steps_name():
    recipe = load_recipe("finemath", config="finemath-smoke")
    needs = {stage.name: stage.needs for stage in recipe.stages}
    assert needs["index"] == ("domains",)
    assert needs["score"] == ("train",)
    assert needs["annotate"] == ()
    assert "annotate_first" in needs["publish"]


def test_a_recipe_can_be_made_in_python():
    stage = Stage(name="one", reads=("x",), steps=[], left_out="not wanted")
    recipe = Recipe(name="mine", settings={"a": 1}, stages=(stage,))
    assert recipe.executor_of("one").kind == "local"
    assert settings_of(recipe) == {"a": 1}
    assert str(recipe) == "one                <- x                  left out: not wanted"
    assert folder_of("train", "model") == "{output}/train/model"
    assert folder_of("train") == "{output}/train"


def test_a_recipe_in_a_folder_that_cannot_be_imported(tmp_path):
    folder = tmp_path / "my recipes (old)"
    folder.mkdir()
    assert load_recipe(recipe_file(folder, TWO, name="a-b c")).name == "a-b c"
    assert Path(folder, "a-b c.py").is_file()
