"""Chains of Slurm jobs without a Slurm: what is submitted is recorded, and the jobs are run by hand, in order."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import dill
import pytest
from toy_recipe import curate, record_of, tree

from curation import ConfigError, load_recipe, run
from curation.folder import Folder
from curation.slurm_finish import main
from curation.slurm_record import ChainRecord

# Programs in place of Slurm's: the one notes its arguments and what it is to run, the other what is said to be live.
SBATCH = """#!/bin/bash
cd "{folder}"
number=$(( $(ls | grep -c arguments) + 1 ))
[ -e refuse_at ] && [ "$(cat refuse_at)" = $number ] && echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2 && exit 1
printf '%s\\n' "$@" > $number.arguments
cat > $number.script
echo $number
"""
SQUEUE = """#!/bin/bash
[ -e "{folder}/silent" ] && echo "slurm_load_jobs error: Unable to contact slurm controller" >&2 && exit 1
cat "{folder}/live" 2>/dev/null || true
"""
SCANCEL = """#!/bin/bash
echo "$@" >> "{folder}/cancelled"
"""
SRUN = """#!/bin/bash
shift 4
exec "$@"
"""


class Submitted:
    """What was submitted to the programs in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def arguments(self, job):
        """Option -> value of a job, True for a flag."""
        lines = (self.folder / f"{job}.arguments").read_text().splitlines()
        pairs = (line.removeprefix("--").partition("=") for line in lines)
        return {name: value if equals else True for name, equals, value in pairs}

    def count(self):
        return len(list(self.folder.glob("*.arguments")))

    def run(self, job, index=None):
        """Run a job's script as Slurm would; returns its exit code. Of an array, one task."""
        given = dict(pair.partition("=")[::2] for pair in self.arguments(job)["export"].split(",")[1:])
        environment = os.environ | given | {"SLURM_JOB_ID": str(job), "SLURM_NODELIST": "localhost"}
        if index is not None:
            environment["SLURM_ARRAY_TASK_ID"] = str(index)
        log = self.arguments(job)["output"].replace("%A", str(job)).replace("%j", str(job)).replace("%a", str(index))
        with Path(log).open("ab") as file:
            script = ["bash", str(self.folder / f"{job}.script")]
            return subprocess.run(script, env=environment, stdout=file, stderr=file, cwd="/", check=False).returncode

    def run_here(self, job, index=None):
        """As `run`, but what the script starts is run in this process, without the seconds of a new one."""
        words = shlex.split((self.folder / f"{job}.script").read_text().splitlines()[-1])
        if "curation.slurm_finish" in words:
            return main(words[-2:])
        offset = self.arguments(job)["export"].rpartition("RUN_OFFSET=")[2]
        given = {"SLURM_ARRAY_TASK_ID": str(index), "RUN_OFFSET": offset, "SLURM_NODELIST": "localhost"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            try:
                dill.loads(Path(words[-1]).read_bytes()).run()
            except Exception:
                return 1
        return 0

    def run_array(self, job):
        """Run all tasks of an array; returns their exit codes."""
        last = int(re.match(r"0-(\d+)", self.arguments(job)["array"])[1])
        return [self.run_here(job, index) for index in range(last + 1)]


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    folder = tmp_path / "slurm"
    folder.mkdir()
    programs = {
        "sbatch": SBATCH,
        "squeue": SQUEUE,
        "scancel": SCANCEL,
        "srun": SRUN,
        "scontrol": "#!/bin/bash\necho localhost\n",
    }
    for name, text in programs.items():
        (folder / name).write_text(text.replace("{folder}", str(folder)))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    return Submitted(folder)


def submit(toy, output, *overrides, **options):
    recipe = load_recipe(toy, overrides=["executor.partition=cpu", *overrides])
    return run(recipe, str(output), executor="slurm", **options)


def test_the_whole_chain_is_submitted_at_once(slurm, toy, tmp_path):
    report = submit(toy, tmp_path / "out", tasks=3)
    assert report.submitted == {"measure": ("1", "2"), "select": ("3", "4"), "join": ("5", "6")}
    assert report.ran == () and report.records == {}
    needs = {job: slurm.arguments(job).get("dependency") for job in range(1, 7)}
    assert needs == {
        1: None,
        2: "afterany:1",
        3: "afterok:2",
        4: "afterok:2,afterany:3",
        5: "afterok:4",
        6: "afterok:4,afterany:5",
    }
    assert all(slurm.arguments(job)["kill-on-invalid-dep"] == "yes" for job in range(2, 7))
    assert [slurm.arguments(job).get("array") for job in range(1, 7)] == ["0-2", None, "0-2", None, "0-0", None]
    assert all(slurm.arguments(job)["requeue"] is True for job in range(1, 7))
    assert {slurm.arguments(job)["open-mode"] for job in range(1, 7)} == {"append"}
    script = (slurm.folder / "1.script").read_text()
    activate = Path(sys.prefix, "bin/activate")
    assert (f"source {activate}" if activate.is_file() else "export PATH=") in script
    assert f"launch_pickled_pipeline {tmp_path}/out/slurm/001/measure/executor.pik" in script


def test_all_arrays_of_a_stage_are_waited_for(slurm, toy, tmp_path):
    submit(toy, tmp_path / "out", "executor.max_array_size=4", tasks=10)
    arrays = [slurm.arguments(job) for job in (1, 2, 3)]
    assert [(one["array"], one["export"].rsplit(",", 1)[1]) for one in arrays] == [
        ("0-3", "RUN_OFFSET=0"),
        ("0-3", "RUN_OFFSET=1"),
        ("0-1", "RUN_OFFSET=2"),
    ]
    assert not any("dependency" in one for one in arrays), "they run side by side"
    assert slurm.arguments(4)["dependency"] == "afterany:1:2:3"
    assert [slurm.arguments(job)["dependency"] for job in (5, 6, 7)] == ["afterok:4"] * 3


def test_arrays_that_share_a_number_of_workers_run_one_after_another(slurm, toy, tmp_path):
    submit(toy, tmp_path / "out", "executor.max_array_size=4", tasks=10, workers=2)
    assert [slurm.arguments(job)["array"] for job in (1, 2, 3)] == ["0-3%2", "0-3%2", "0-1%2"]
    assert [slurm.arguments(job).get("dependency") for job in (1, 2, 3)] == [None, "afterany:1", "afterany:2"]


def test_a_finishing_job_asks_for_no_gpu(slurm, toy, tmp_path):
    recipe = Path(toy).read_text()
    (tmp_path / "toy.py").write_text(recipe)
    (tmp_path / "toy.yaml").write_text(
        f"inputs: [{Path(toy).parent}/inputs]\n"
        "executor: {kind: slurm, partition: cpu, tasks: 2}\n"
        "stages: {measure: {partition: gpu, gpus_per_task: 4, cpus_per_task: 8}}\n"
    )
    run(load_recipe(str(tmp_path / "toy.py")), str(tmp_path / "out"))
    assert (slurm.arguments(1)["partition"], slurm.arguments(1)["gpus"]) == ("gpu", "4")
    assert "OMP_NUM_THREADS=8" in slurm.arguments(1)["export"]
    assert slurm.arguments(2)["partition"] == "cpu" and "gpus" not in slurm.arguments(2)


def test_run_in_order_it_gives_what_a_local_run_gives(slurm, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    submit(toy, output, tasks=1)
    for array, finish in ((1, 2), (3, 4), (5, 6)):
        assert slurm.run(array, 0) == 0
        assert slurm.run(finish) == 0, next(output.glob(f"slurm/001/*/{finish}.out")).read_text()
    assert tree(output) == tree(undisturbed)
    assert record_of(output / "join")["executor"] == "slurm"
    assert slurm.run_here(4) == 0, "requeued after it had done its work"
    assert tree(output) == tree(undisturbed)


def test_a_missing_shard_is_named_and_the_stage_is_not_finished(slurm, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    submit(toy, output, "executor.max_array_size=4", "fails_at=2-3", tasks=10)
    (jobs, *_), record = ChainRecord.latest(Folder(str(output))).jobs(), ChainRecord.latest(Folder(str(output)))
    place = jobs.place_of(record.prepared("measure").task_of(2))
    tasks = [(job, index) for job in (1, 2, 3) for index in range(4 if job < 3 else 2)]
    codes = {
        (str(job), index): (slurm.run if (str(job), index) == place else slurm.run_here)(job, index)
        for job, index in tasks
    }
    assert [at for at, code in codes.items() if code] == [place]
    assert slurm.run_here(4) == 1
    assert not (output / "measure/stage.json").exists() and not (output / "select").exists()
    why = record.failed("measure")
    assert "2 of 12" in why or "1 of 12" in why
    assert "shard 00002: ZeroDivisionError: cannot measure 2-3" in why
    log = Path(shlex.split(why)[-1])
    assert "cannot measure 2-3" in log.read_text()

    shown = curate("status", output).stdout
    assert "1 failed" in shown and str(log) in shown and "select: not reached (jobs 5, 6, 7, 8)" in shown
    assert slurm.run_here(5, 0) == 1, "an array that would run all the same finds nothing to do"

    report = submit(toy, output, tasks=2)
    assert report.planned[0].status == "resume"
    for array, finish in ((11, 12), (13, 14), (15, 16)):
        assert set(slurm.run_array(array)) == {0} and slurm.run_here(finish) == 0
    assert tree(output) == tree(undisturbed)


def test_a_stage_that_was_made_with_something_else_is_not_read(slurm, toy, tmp_path):
    output = tmp_path / "out"
    submit(toy, output, tasks=1)
    assert slurm.run_array(1) == [0] and slurm.run_here(2) == 0
    record = record_of(output / "measure")
    (output / "measure/stage.json").write_text(json.dumps(record | {"digest": "another"}))
    assert slurm.run(3, 0) != 0
    assert slurm.run_here(4) == 1
    why = ChainRecord(Folder(str(output / "slurm/001"))).failed("select")
    assert (
        f"{output}/measure is not the finished stage that was planned with"
        in (output / "slurm/001/select/3_0.out").read_text()
    )
    assert "12 of 12 shards are unfinished" in why
    assert not (output / "select/stage.json").exists()


def test_a_second_start_is_refused_while_jobs_are_under_way(slurm, toy, tmp_path):
    submit(toy, tmp_path / "out", tasks=1)
    (slurm.folder / "live").write_text("1 0 RUNNING\n2 N/A PENDING\n")
    for kind in ("slurm", "local"):
        done = curate("run", toy, "--output", tmp_path / "out", "--executor", kind, "--set", "executor.partition=cpu")
        assert done.returncode == 1 and "under way" in done.stderr and "scancel 1 2" in done.stderr
    assert slurm.count() == 6
    (slurm.folder / "silent").write_text("")
    done = curate("run", toy, "--output", tmp_path / "out", "--executor", "local")
    assert done.returncode == 1 and "Slurm does not answer" in done.stderr


def test_status_counts_what_runs_and_waits(slurm, toy, tmp_path):
    output = tmp_path / "out"
    submit(toy, output, tasks=4)
    assert slurm.run_here(1, 0) == 0
    (output / "measure/shards/00001.opened").write_text('{"times": 1}')
    task = ChainRecord.latest(Folder(str(output))).prepared("measure").task_of(1)
    others = [index for index in range(1, 4) if index != task]
    (slurm.folder / "live").write_text(
        f"1 {task} RUNNING\n" + "".join(f"1 {index} PENDING\n" for index in others) + "2 N/A PENDING\n"
    )
    shown = curate("status", output).stdout
    assert "measure: 3 of 12 shards are done, 1 running, 8 waiting" in shown
    (slurm.folder / "silent").write_text("")
    assert "9 unfinished" in curate("status", output).stdout


def test_if_slurm_refuses_a_job_none_is_left(slurm, toy, tmp_path):
    (slurm.folder / "refuse_at").write_text("4")
    done = curate("run", toy, "--output", tmp_path / "out", "--executor", "slurm", "--set", "executor.partition=cpu")
    assert done.returncode == 1 and "QOSMaxSubmitJobPerUserLimit" in done.stderr
    cancelled = (slurm.folder / "cancelled").read_text().split()
    assert sorted(cancelled) == ["1", "2", "3"]


def test_a_local_stage_after_slurm_needs_to_wait(slurm, toy, tmp_path):
    (tmp_path / "toy.py").write_text(Path(toy).read_text())
    (tmp_path / "toy.yaml").write_text(
        f"inputs: [{Path(toy).parent}/inputs]\n"
        "executor: {kind: slurm, partition: cpu}\n"
        "stages: {join: {kind: local}}\n"
    )
    recipe = load_recipe(str(tmp_path / "toy.py"))
    with pytest.raises(ConfigError, match="join does not run on Slurm, but stages before it do: --wait"):
        run(recipe, str(tmp_path / "out"))
    assert slurm.count() == 0


def test_a_redo_is_owed_until_the_last_job_has_ended(slurm, toy, done, tmp_path):
    submit(toy, done, tasks=1, redo=["select"])
    assert json.loads((done / "run.json").read_text())["redo"] == {"select": 1}
    assert slurm.run_array(1) == [0] and slurm.run_here(2) == 0
    assert slurm.run_array(3) == [0] and slurm.run_here(4) == 0
    assert json.loads((done / "run.json").read_text())["redo"] == {}
    assert run(load_recipe(toy), str(done)).ran == ()


def test_an_interpreter_outside_of_an_environment_is_put_on_the_path(slurm, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    submit(toy, tmp_path / "out", tasks=1)
    assert f"export PATH={Path(sys.executable).parent}:$PATH" in (slurm.folder / "1.script").read_text()
