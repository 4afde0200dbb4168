"""Recipes on a real one-node Slurm: undisturbed, with a worker killed, a node drained, a task failing."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from services.slurm import NODE, PARTITION, slurm, why_not
from toy_recipe import curate, record_of, tree

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "a Slurm can be started")


@pytest.fixture(scope="module")
def cluster():
    """A cluster for this module; Slurm's commands find it by their environment."""
    with slurm() as running, pytest.MonkeyPatch.context() as patch:
        for key, value in running.environment.items():
            patch.setenv(key, value)
        yield running
        assert running.tell("squeue", "-h") == ""


def on_slurm(recipe, output, *arguments):
    """``curate run`` of the same settings as locally, but for where."""
    where = ("--executor", "slurm", "--set", f"executor.partition={PARTITION}", "--set", "executor.mem_per_cpu_gb=1")
    return curate("run", recipe, "--output", output, *where, *arguments)


def until(what, seconds=300):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return found


def ended(cluster, seconds=300):
    return until(lambda: not cluster.tell("squeue", "-h"), seconds)


def shards_done(stage):
    return len(list((Path(stage) / "shards").glob("*.json")))


def opened(stage):
    return [json.loads(path.read_text())["opened"] for path in sorted((Path(stage) / "shards").glob("*.json"))]


def task_processes(stage):
    """Processes that run tasks of a stage, by /proc."""
    wanted = f"slurm/001/{stage}/executor.pik"
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:
            continue
        if "python" in words[0] and any(word.endswith(wanted) for word in words):
            found.append(int(path.parent.name))
    return found


def test_a_recipe_runs_whole(cluster, toy, undisturbed, tmp_path):
    done = on_slurm(toy, tmp_path / "out", "--tasks", "3", "--wait")
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == tree(undisturbed)
    assert record_of(tmp_path / "out/join")["executor"] == "slurm"
    assert [line.split()[1] for line in done.stderr.splitlines() if "✓" in line] == ["measure", "select", "join"]
    again = on_slurm(toy, tmp_path / "out", "--tasks", "3")
    assert "Nothing to do" in again.stdout and again.returncode == 0


def test_it_returns_at_once_and_a_worker_that_is_killed_stops_what_follows(cluster, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    arguments = ("--tasks", "2", "--set", "pause_seconds=0.3")  # a task takes half a minute
    done = on_slurm(toy, output, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("submitted") == 3 and not (output / "measure/stage.json").exists()

    victim = until(lambda: shards_done(output / "measure") and task_processes("measure"))[0]
    shown = curate("status", output).stdout
    assert "measure: " in shown and " running" in shown and "select: waits for the stage before it" in shown
    refused = on_slurm(toy, output, *arguments)
    assert refused.returncode == 1 and "of an earlier start are under way" in refused.stderr
    os.kill(victim, signal.SIGKILL)
    ended(cluster)

    assert not (output / "measure/stage.json").exists() and not (output / "select").exists()
    shown = curate("status", output).stdout
    assert "1 failed" in shown and "ended without a word" in shown and "select: not reached" in shown
    assert "Killed" in shown or "137" in shown or "task 0: " in shown, "the end of the log"
    finished = shards_done(output / "measure")

    done = on_slurm(toy, output, "--tasks", "2", "--wait")
    assert done.returncode == 0, done.stderr
    assert tree(output) == tree(undisturbed)
    assert sorted(opened(output / "measure")) == [1] * 11 + [2] and finished >= 1


def test_a_node_is_drained_in_the_middle_and_its_tasks_are_requeued(cluster, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    done = on_slurm(toy, output, "--tasks", "4", "--set", "pause_seconds=0.05")
    assert done.returncode == 0, done.stderr
    until(lambda: shards_done(output / "measure") >= 2)
    cluster.tell("scontrol", "update", f"nodename={NODE}", "state=drain", "reason=test")
    try:
        running = cluster.tell("squeue", "-h", "-t", "R", "-o", "%A").split()
        for job in running:
            cluster.tell("scontrol", "requeue", job)
        until(lambda: not cluster.tell("squeue", "-h", "-t", "R,CG"))
        before = shards_done(output / "measure")
        assert 2 <= before < 12
        assert f"{before} of 12 shards are done, {12 - before} waiting" in curate("status", output).stdout
    finally:
        cluster.tell("scontrol", "update", f"nodename={NODE}", "state=resume")
    ended(cluster)
    assert tree(output) == tree(undisturbed)
    assert max(opened(output / "measure")) == 2 and opened(output / "measure").count(1) >= before


def test_a_signal_before_the_time_limit_requeues(cluster, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    done = on_slurm(toy, output, "--tasks", "1", "--set", "pause_seconds=0.05")
    assert done.returncode == 0, done.stderr
    until(lambda: shards_done(output / "measure") >= 1)
    (job,) = cluster.tell("squeue", "-h", "-t", "R", "-o", "%A").split()
    cluster.tell("scancel", "--signal=USR1", job)  # as --signal=USR1@90 in sbatch_args does it
    until(lambda: cluster.tell("squeue", "-h", "-t", "PD", "-j", job, "-o", "%i"))
    ended(cluster)
    assert tree(output) == tree(undisturbed)
    assert sum(opened(output / "measure")) == 13


def test_one_task_of_several_arrays_fails_and_the_next_stage_does_not_run(cluster, toy, undisturbed, tmp_path):
    output = tmp_path / "out"
    arrays = ("--tasks", "10", "--set", "executor.max_array_size=4")
    done = on_slurm(toy, output, *arrays, "--set", "fails_at=2-3", "--wait")
    assert done.returncode == 1
    jobs = json.loads((output / "slurm/001/jobs.json").read_text())["stages"]
    assert [len(one["arrays"]) for one in jobs] == [3, 3, 1]
    assert "shard 00002: ZeroDivisionError: cannot measure 2-3" in done.stderr
    assert shards_done(output / "measure") == 10, "two other shards share a task with a third"
    assert not (output / "measure/stage.json").exists() and not (output / "select").exists()
    shown = curate("status", output).stdout
    assert "10 of 12 shards are done, 1 failed, 1 not run" in shown or "11 of 12 shards are done, 1 failed" in shown
    assert "cannot measure 2-3" in shown.split("  log ")[1], "the end of the task's log"

    done = on_slurm(toy, output, *arrays, "--wait")
    assert done.returncode == 0, done.stderr
    assert tree(output) == tree(undisturbed)


def test_finemath_gives_the_same_rows_as_on_one_machine(cluster, smoke, tmp_path):
    """The longest: 28 stages, each in Python processes of its own."""
    settings = ("--config", "finemath-smoke", "--tasks", "2")
    done = on_slurm("finemath", tmp_path / "out", *settings)
    assert done.returncode == 0, done.stderr
    ended(cluster, seconds=1800)
    ours, theirs = (
        {path: digest for path, digest in tree(output).items() if path.endswith(".parquet")}
        for output in (tmp_path / "out", smoke[0])
    )
    assert any(path.startswith("publish/data/") for path in ours) and ours == theirs
