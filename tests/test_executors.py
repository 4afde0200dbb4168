import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import dill
import pyarrow.parquet as pq
import pytest
from dill import CONTENTS_FMODE

from curation import load_recipe
from curation.blocks.read import PAGE_COLUMNS, columns_of
from curation.blocks.shards import RunShards
from curation.blocks.step import bind
from curation.errors import ConfigError, CurationError
from curation.executors import LocalExecutor, local_pool, make_executor
from curation.folder import Folder
from curation.manifest import Manifest, Shard, digest, fix_shards
from curation.recipe import ExecutorSettings

KINDS = {
    "local": ExecutorSettings(kind="local"),
    "slurm": ExecutorSettings(kind="slurm", partition="cpu", sbatch_args={"account": "a"}),
    "ray": ExecutorSettings(kind="ray"),
}
LOCAL_STEPS = '''
"""Steps that only this file knows."""

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from curation import Stage
from curation.blocks.step import Select, Step

LEAST = 3


class Unhappy(Exception):
    """An error that pickle cannot rebuild."""

    def __init__(self, *, where):
        super().__init__(f"unhappy at {where}")


@dataclass(kw_only=True, repr=False)
class KeepLong(Select):
    """Uses a constant and a function of its module."""

    limit: int = LEAST

    def reason(self, doc):
        return None if long_enough(doc.text, self.limit) else "too_short"


@dataclass(kw_only=True, repr=False)
class CountWords(Step):
    adds: ClassVar[dict[str, pa.DataType]] = {"words": pa.int64()}

    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            doc.metadata["words"] = len(doc.text.split())
            yield doc


@dataclass(kw_only=True, repr=False)
class Die(Step):
    how: str

    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "unhappy":
                raise Unhappy(where=doc.id)
            if self.how == "wrong":
                raise ValueError(f"wrong at {doc.id}")
            yield doc


def long_enough(text, limit):
    return len(text) >= limit


@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...]
    how: str = "not at all"


def stages(s):
    return [Stage(name="keep", reads=s.inputs, steps=[KeepLong(), CountWords(), Die(how=s.how)])]
'''

LOAD = """
import sys
import dill
with open(sys.argv[1], "rb") as file:
    executor = dill.load(file)
(step,) = executor.pipeline
for one in step.steps:
    print(type(one).__name__, getattr(one, "name", ""), sep="\\t")
    repr(one), one.stats, vars(one)
if len(sys.argv) > 2:
    executor._run_for_rank(0)
"""


@pytest.fixture
def recipe(tmp_path):
    """A recipe with steps of its own, and eight documents in four files for it."""
    for part in range(4):
        lines = f'{{"id": "{part}a", "text": "a long text"}}\n{{"id": "{part}b", "text": "b"}}\n'
        (tmp_path / f"in-{part}.jsonl").write_text(lines)
    (tmp_path / "mine.py").write_text(LOCAL_STEPS)
    (tmp_path / "mine.yaml").write_text(f"inputs: ['{tmp_path}/in-*.jsonl']\n")
    return lambda *overrides: load_recipe(str(tmp_path / "mine.py"), overrides=overrides)


def shards_of(steps, output, columns=None, files=(), most=4):
    fixed = fix_shards([(str(file), 1) for file in files], gather=False, most=most) or [Shard(0, (), 0)]
    return RunShards(
        folder=str(output / "keep"),
        digest=digest({"stage": "keep"}),
        shards=fixed,
        total=len(fixed),
        steps=[bind(step, str(output)) for step in steps],
        columns=columns or PAGE_COLUMNS,
        mapping={},
        removed="full",
        balanced=True,
    )


def started(recipe, tmp_path, tasks=4):
    """The executor of the recipe's only stage, ready to run, and its manifest."""
    files = sorted(tmp_path.glob("in-*.jsonl"))
    step = shards_of(recipe.stages[0].steps, tmp_path, columns_of(list(map(str, files)), {}), files)
    manifest = Manifest(Folder(step.folder))
    manifest.start({"stage": "keep"}, step.shards, {})
    logs = str(tmp_path / "logs")
    return make_executor(step, KINDS["local"], name="keep", tasks=tasks, workers=2, logs=logs), manifest


def executor_of(kind, step, logs, tasks=4):
    if kind == "ray":
        pytest.importorskip("ray", reason="ray is not installed: pip install curation[ray]")
    return make_executor(step, KINDS[kind], name="test", tasks=tasks, workers=2, logs=str(logs))


def dumped(executor, path):
    """Written the way datatrove's Slurm executor does it."""
    with path.open("wb") as file:
        dill.dump(executor, file, fmode=CONTENTS_FMODE)
    return path


def loaded_elsewhere(path, *arguments):
    """What a fresh interpreter in another folder finds in it."""
    command = [sys.executable, "-c", LOAD, str(path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(line.split("\t")) for line in done.stdout.splitlines() if "\t" in line]


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_of_finemath_can_be_sent_to_a_worker(kind, tmp_path):
    stages = load_recipe("finemath", config="finemath-smoke").stages
    steps = [step for stage in stages for step in stage.steps]
    executor = executor_of(kind, shards_of(steps, tmp_path), tmp_path / "logs")
    found = loaded_elsewhere(dumped(executor, tmp_path / "executor.pik"))
    assert found == [(type(step).__name__, step.name) for step in steps]
    for stage in stages:
        executor = executor_of(kind, shards_of(stage.steps, tmp_path), tmp_path / "logs")
        again = dill.loads(dill.dumps(executor, byref=False, recurse=True))
        assert [vars(step).keys() for step in again.pipeline[0].steps] == [vars(step).keys() for step in stage.steps]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_a_recipes_own_can_be_sent_to_a_worker(kind, recipe, tmp_path):
    executor = executor_of(kind, shards_of(recipe().stages[0].steps, tmp_path), tmp_path / "logs")
    found = loaded_elsewhere(dumped(executor, tmp_path / "executor.pik"))
    assert [name for name, _ in found] == ["KeepLong", "CountWords", "Die"]


def test_slurm_can_note_itself_as_json(recipe, tmp_path):
    executor = executor_of("slurm", shards_of(recipe().stages[0].steps, tmp_path), tmp_path / "logs")
    executor.save_executor_as_json()
    noted = json.loads((tmp_path / "logs" / "executor.json").read_text())
    assert noted["pipeline"][0]["steps"][0] == {"limit": 3}


def test_slurm_gets_its_options(tmp_path):
    settings = ExecutorSettings(kind="slurm", partition="gpu", time="1:00:00", gpus_per_task=2, qos="high", tasks=3)
    executor = make_executor(shards_of([], tmp_path), settings, name="score", tasks=3, workers=-1, logs=str(tmp_path))
    assert (executor.partition, executor.time, executor.qos, executor.tasks) == ("gpu", "1:00:00", "high", 3)
    options = executor.get_sbatch_args()
    assert options["partition"] == "gpu"
    assert options["time"] == "1:00:00"
    assert "2" in str([value for name, value in options.items() if "gres" in name or "gpus" in name])


def test_slurm_needs_a_partition(tmp_path):
    with pytest.raises(ConfigError, match="slurm needs a partition"):
        make_executor(
            shards_of([], tmp_path), ExecutorSettings(kind="slurm"), name="x", tasks=1, workers=1, logs=str(tmp_path)
        )


def test_ray_that_is_missing_names_the_pip_line(tmp_path):
    try:
        import ray  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match=r"ray is not installed; pip install 'curation\[ray\]'"):
            make_executor(shards_of([], tmp_path), KINDS["ray"], name="x", tasks=1, workers=1, logs=str(tmp_path))
    else:
        pytest.skip("ray is installed")


def result(tmp_path, part="data"):
    paths = sorted((tmp_path / "keep" / part).glob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


KEPT = [{"id": f"{part}a", "text": "a long text", "words": 3} for part in range(4)]


def test_a_whole_stage_runs_in_a_fresh_interpreter(recipe, tmp_path):
    executor, manifest = started(recipe(), tmp_path, tasks=1)
    loaded_elsewhere(dumped(executor, tmp_path / "executor.pik"), "run")
    assert result(tmp_path) == KEPT
    assert [row["reason"] for row in result(tmp_path, "removed")] == ["too_short"] * 4
    assert manifest.unfinished() == []


def test_a_stage_runs_in_this_process(recipe, tmp_path):
    executor, manifest = started(recipe(), tmp_path)
    executor.run()
    assert result(tmp_path) == KEPT
    assert manifest.unfinished() == []


def test_a_stage_runs_over_a_pool_and_prints_into_its_log(recipe, tmp_path, capfd):
    executor, manifest = started(recipe(), tmp_path)
    with local_pool(2) as pool:
        executor.run(pool)
    assert result(tmp_path) == KEPT
    assert manifest.unfinished() == []
    assert sorted(path.name for path in (tmp_path / "logs").glob("*.out")) == [f"task_{n:05d}.out" for n in range(4)]
    assert capfd.readouterr().out == ""


def test_tasks_only_group_shards(recipe, tmp_path):
    executor, manifest = started(recipe(), tmp_path, tasks=3)
    assert isinstance(executor, LocalExecutor)
    executor.run()
    assert result(tmp_path) == KEPT
    assert len(manifest.records()) == 4


def test_a_worker_that_is_killed_is_an_error_and_not_a_wait_without_end(recipe, tmp_path):
    executor, manifest = started(recipe("how=killed"), tmp_path)
    with (
        pytest.raises(CurationError, match=r"worker process has ended.*finished shards are kept"),
        local_pool(2) as pool,
    ):
        executor.run(pool)
    assert len(manifest.unfinished()) == 4


def test_an_error_in_a_worker_arrives_with_its_message(recipe, tmp_path):
    executor, _ = started(recipe("how=wrong"), tmp_path)
    with pytest.raises(Exception, match=r"wrong at .a"), local_pool(2) as pool:
        executor.run(pool)


def test_an_error_that_pickle_cannot_rebuild_is_not_taken_for_a_killed_worker(recipe, tmp_path):
    executor, _ = started(recipe("how=unhappy"), tmp_path)
    with pytest.raises(Exception, match=r"unhappy at .a") as caught, local_pool(2) as pool:
        executor.run(pool)
    assert "killed" not in str(caught.value)


def test_a_failed_stage_goes_on_where_it_was(recipe, tmp_path):
    executor, manifest = started(recipe("how=wrong"), tmp_path)
    with pytest.raises(Exception, match="wrong"):
        executor.run()
    assert not list((tmp_path / "keep" / "data").glob("*"))
    executor, _ = started(recipe(), tmp_path)
    executor.logging_dir = executor.logging_dir.__class__(str(tmp_path / "logs-2"))
    executor.run()
    assert result(tmp_path) == KEPT
    assert [record["opened"] for record in manifest.records()] == [2, 1, 1, 1]


def test_no_pickled_executor_holds_the_checkout(recipe, tmp_path):
    executor, _ = started(recipe(), tmp_path)
    pickled = dill.dumps(executor, byref=False, recurse=True)
    assert pickle.PROTO in pickled[:2]
    assert os.fsencode(str(Path(__file__).resolve().parents[1])) not in pickled


def test_a_machine_without_slurm_is_told_before_any_work(monkeypatch):
    from curation.executors import check_here

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="--executor local"):
        check_here(ExecutorSettings(kind="slurm", partition="cpu"))
    check_here(ExecutorSettings(kind="local"))
