"""Runs on a real Ray, started here: the same bytes as locally, also where workers are killed; what is refused."""

import gc
import json
import os
import signal
import subprocess
import time
import warnings

import pyarrow.parquet as pq
import pytest
from conftest import make_toy
from toy_recipe import CURATE, curate, rows_of, tree

from curation import load_recipe, run
from curation.errors import ConfigError, CurationError

pytest.importorskip("ray", reason="ray is not installed: pip install 'curation[ray]'")
from curation.ray_executor import cluster

DYING = '''
"""A recipe with a step of its own that is killed at one document, the first time that it comes."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from curation import Stage
from curation.blocks.step import Step, tuning


@dataclass(kw_only=True, repr=False)
class DieOnce(Step):
    mark: str = tuning("")

    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            print("seen", doc.id, os.environ["OMP_NUM_THREADS"], os.environ["CURATION_THREADS"])
            if self.mark and doc.id == "3-4" and not Path(self.mark).exists():
                Path(self.mark).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield doc


@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...]
    mark: str = ""


def stages(s):
    return [Stage(name="copy", reads=s.inputs, steps=[DieOnce(mark=s.mark)])]
'''


@pytest.fixture(scope="module", autouse=True)
def ray():
    """One cluster for the module, so that its workers need not start for each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_raylet_start_wait_time_s", "240")  # 5 s on an idle machine
        with cluster():
            yield
    with warnings.catch_warnings():  # Ray does not wait for the processes that it has ended
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def dying(tmp_path):
    """A recipe whose worker is killed once, and its settings without that."""
    inputs = make_toy(tmp_path / "toy").removesuffix("toy.py") + "inputs"
    (tmp_path / "dying.py").write_text(DYING)
    (tmp_path / "dying.yaml").write_text(f"inputs: [{inputs}]\n")
    return lambda *overrides: load_recipe(str(tmp_path / "dying.py"), overrides=overrides)


def test_the_toy_recipe_gives_the_bytes_of_a_local_run(toy, undisturbed, tmp_path):
    report = run(load_recipe(toy), str(tmp_path / "out"), executor="ray", workers=2)
    assert tree(tmp_path / "out") == tree(undisturbed)
    assert {record["executor"] for record in report.records.values()} == {"ray"}
    logs = tmp_path / "out" / "measure" / "logs" / "001"
    assert "measured 0-1\n" in "".join(path.read_text() for path in logs.glob("task_*.out"))
    assert len(list((logs / "logs").glob("task_*.log"))) == 12


def test_a_task_whose_worker_is_killed_is_started_again(dying, tmp_path):
    run(dying(), str(tmp_path / "calm"), workers=2)
    overrides = [f"mark={tmp_path}/mark", "executor.cpus_per_task=2"]
    run(dying(*overrides), str(tmp_path / "killed"), executor="ray", tasks=3)
    assert (tmp_path / "mark").exists()
    assert tree(tmp_path / "killed") == tree(tmp_path / "calm")
    (log,) = (path for path in tmp_path.glob("killed/copy/logs/001/task_*.out") if "seen 3-4 " in path.read_text())
    assert "seen 3-4 2 2\n" in log.read_text()


def test_a_worker_that_dies_each_time_ends_the_run_and_the_next_goes_on(toy, undisturbed, tmp_path):
    with pytest.raises(CurationError, match=r"stage measure: task \d+: its worker has died 4 times"):
        run(load_recipe(toy, overrides=["dies_at=3-4"]), str(tmp_path), executor="ray")
    done = {path.stem for path in (tmp_path / "measure" / "shards").glob("*.json")}
    assert len(done) == 11
    run(load_recipe(toy), str(tmp_path), workers=2)
    assert tree(tmp_path) == tree(undisturbed)


def test_the_error_of_a_step_names_stage_and_place(toy, tmp_path):
    with pytest.raises(CurationError) as error:
        run(load_recipe(toy, overrides=["fails_at=3-4"]), str(tmp_path), executor="ray")
    assert str(error.value).startswith("stage measure: ")
    assert "ZeroDivisionError: cannot measure 3-4" in str(error.value)
    assert f"see {tmp_path}/measure/logs/001" in str(error.value)


def test_a_task_that_no_node_can_hold_is_refused(toy, tmp_path):
    recipe = load_recipe(toy, overrides=["executor.cpus_per_task=500"])
    with pytest.raises(ConfigError, match="a task takes 500 CPUs"):
        run(recipe, str(tmp_path), executor="ray")


def test_a_killed_run_leaves_no_workers_and_is_gone_on_with(toy, undisturbed, tmp_path):
    command = [*CURATE, "run", toy, "--output", str(tmp_path), "--executor", "ray", "--set", "pause_seconds=0.05"]
    # Of its own: the one of these tests would outlive it.
    environment = os.environ | {"RAY_ADDRESS": "local"}
    process = subprocess.Popen(command, env=environment, cwd="/", start_new_session=True)
    until = time.monotonic() + 100
    while not list(tmp_path.glob("measure/shards/*.json")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    process.kill()
    process.wait()
    opened = lambda: sorted(path.read_text() for path in tmp_path.glob("measure/shards/*"))  # noqa: E731
    time.sleep(10)
    before = opened()
    time.sleep(3)
    assert opened() == before
    assert curate("run", toy, "--output", tmp_path, "--workers", "2").returncode == 0
    assert tree(tmp_path) == tree(undisturbed)


def test_a_cluster_that_cannot_be_reached_is_one_clear_line(toy, tmp_path):
    said = curate("run", toy, "--output", tmp_path, "--executor", "ray", RAY_ADDRESS="127.0.0.1:9")
    assert (said.returncode, said.stdout) == (2, "")
    assert "ConfigError: stage measure: executor: Ray at 127.0.0.1:9 (RAY_ADDRESS) cannot be reached: " in said.stderr


def test_ctrl_c_ends_the_tasks(toy, tmp_path):
    command = [*CURATE, "run", toy, "--output", str(tmp_path), "--executor", "ray", "--set", "pause_seconds=0.2"]
    process = subprocess.Popen(command, env=os.environ | {"RAY_ADDRESS": "local"}, cwd="/", stderr=subprocess.PIPE)
    until = time.monotonic() + 100
    while not list(tmp_path.glob("measure/shards/*.opened")):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130
    assert b"Traceback" not in said


def test_finemath_publishes_the_rows_of_a_local_run(smoke, tmp_path):
    run(load_recipe("finemath", config="finemath-smoke"), str(tmp_path), executor="ray")
    published = sorted(path.parent for path in smoke[0].glob("publish/data/*/*.parquet"))
    assert published
    for folder in published:
        inside = folder.relative_to(smoke[0])
        assert rows_of(tmp_path / inside) == rows_of(folder)
        assert pq.read_schema(next(folder.glob("*.parquet"))) == pq.read_schema(
            next((tmp_path / inside).glob("*.parquet"))
        )
    record = json.loads((tmp_path / "publish" / "stage.json").read_text())
    assert record["executor"] == "ray"
