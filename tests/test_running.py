import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_recipe import CURATE, curate, everything, record_of, rows_of, tree

from curation import ConfigError, CurationError, Recipe, Stage, StaleOutput, load_recipe, run
from curation.blocks.select import KeepScore

STAGES = ("measure", "select", "join")


def run_toy(toy, output, *overrides, **options):
    options.setdefault("workers", 2)
    return run(load_recipe(toy, overrides=list(overrides)), str(output), **options)


def opened(stage):
    """Shard -> how often it was opened, as the records of the finished shards say."""
    records = [json.loads(path.read_text()) for path in sorted((Path(stage) / "shards").glob("*.json"))]
    return {record["shard"]: record["opened"] for record in records}


def hidden(output):
    return [path.name for path in Path(output).rglob(".*")]


def test_a_run_keeps_and_removes_every_document_once(done):
    inputs = [f"{part}-{row}" for part in range(12) for row in range(20)]
    read = inputs
    for stage in ("measure", "select"):
        kept, removed = rows_of(done / stage / "data"), rows_of(done / stage / "removed")
        assert sorted(row["id"] for row in kept + removed) == sorted(read)
        record = record_of(done / stage)
        assert (record["documents"], record["kept"]) == (len(read), len(kept))
        assert sum(record["removed"].values()) == len(removed)
        read = [row["id"] for row in kept]
    assert {row["reason"] for row in rows_of(done / "measure/removed")} == {"empty"}
    assert {row["reason"] for row in rows_of(done / "select/removed")} == {"below_threshold"}
    assert [row["id"] for row in rows_of(done / "join/data")] == read
    assert all(row["note"] and row["part"] is not None for row in rows_of(done / "join/data"))
    assert len(list((done / "join/data").glob("*.parquet"))) == -(-len(read) // 50)
    assert hidden(done) == []


def test_a_second_run_does_nothing(toy, done):
    before = everything(done)
    report = run_toy(toy, done)
    assert report.ran == ()
    assert {one.status for one in report.planned} == {"done"}
    assert set(report.records) == set(STAGES)
    assert everything(done) == before


@pytest.mark.parametrize(("workers", "tasks"), [(1, None), (2, 1), (2, 5), (3, 40)])
def test_workers_and_tasks_do_not_change_a_byte(toy, done, tmp_path, workers, tasks):
    run_toy(toy, tmp_path / "other", workers=workers, tasks=tasks)
    assert tree(tmp_path / "other") == tree(done)


def test_what_is_printed_goes_to_the_logs(toy, tmp_path, capfd):
    run_toy(toy, tmp_path / "out")
    printed = capfd.readouterr()
    assert printed.out == "" and printed.err == ""
    logs = (tmp_path / "out/measure/logs").rglob("*")
    assert any("measured 3-1\n" in path.read_text() for path in logs if path.is_file())


def start(toy, output, *arguments):
    """A run in a process group of its own."""
    return subprocess.Popen(
        [*CURATE, "run", toy, "--output", str(output), *arguments],
        cwd="/",
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill(process):
    """The whole group, workers included, with no chance to tidy up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for_shards(process, stage, count):
    while len(list((stage / "shards").glob("*.json"))) < count:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)


def test_killed_with_8_tasks_and_continued_with_3(toy, done, tmp_path):
    output = tmp_path / "out"
    process = start(toy, output, "--tasks", "8", "--workers", "4", "--set", "pause_seconds=0.02")
    wait_for_shards(process, output / "measure", 5)
    kill(process)
    finished = opened(output / "measure")
    assert 5 <= len(finished) < 12 and not (output / "measure/stage.json").exists()
    before = {name: (output / name).stat().st_mtime_ns for name in tree(output) if Path(name).stem.isdigit()}

    report = run_toy(toy, output, tasks=3)
    assert report.planned[0].status == "resume"
    again = opened(output / "measure")
    assert {shard: again[shard] for shard in finished} == dict.fromkeys(finished, 1)
    assert sorted(again) == list(range(12)) and max(again.values()) == 2
    untouched = [f"measure/data/{shard:05d}.parquet" for shard in finished]
    assert all((output / name).stat().st_mtime_ns == before[name] for name in untouched)
    assert tree(output) == tree(done)
    assert hidden(output) == []


def workers_of(session):
    """Processes of a session that are at work, by /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z" and "forkserver" in command:
            found.append(stat.parent.name)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_run_that_is_killed_alone(toy, done, tmp_path):
    output = tmp_path / "out"
    process = start(toy, output, "--workers", "2", "--set", "pause_seconds=0.05")
    wait_for_shards(process, output / "measure", 1)
    assert workers_of(process.pid)
    process.kill()
    process.wait()
    end = time.monotonic() + 20
    while workers_of(process.pid) and time.monotonic() < end:
        time.sleep(0.05)
    try:
        assert not workers_of(process.pid)
    finally:
        for left in workers_of(process.pid):
            os.kill(int(left), signal.SIGKILL)
    run_toy(toy, output)
    assert tree(output) == tree(done)


def test_killed_at_random_moments(toy, done, tmp_path):
    output, seed = tmp_path / "out", time.time_ns()
    moments, killed = random.Random(seed), 0
    while killed < 3:
        process = start(toy, output, "--workers", "2", "--set", "pause_seconds=0.02")
        try:
            process.wait(moments.uniform(0.2, 2.5))
            shutil.rmtree(output)  # it ended before it could be killed: from the beginning
        except subprocess.TimeoutExpired:
            kill(process)
            killed += 1
    run_toy(toy, output)
    assert tree(output) == tree(done), f"seed {seed}"
    assert hidden(output) == []


def test_a_cheap_setting_rebuilds_only_what_follows(toy, done, tmp_path):
    before = everything(done / "measure")
    report = run_toy(toy, done, "threshold=5")
    assert report.ran == ("select", "join")
    assert [one.status for one in report.planned] == ["done", "rebuild", "rebuild"]
    assert everything(done / "measure") == before
    assert hidden(done) == []
    run_toy(toy, tmp_path / "fresh", "threshold=5")
    assert tree(done) == tree(tmp_path / "fresh")
    assert {row["int_score"] for row in rows_of(done / "join/data")} == {5, 6}


def test_moving_a_setting_back_gives_the_same_bytes(toy, done):
    before = tree(done)
    run_toy(toy, done, "threshold=5")
    run_toy(toy, done)
    assert tree(done) == before


@pytest.fixture
def swapping(toy, done, tmp_path):
    """A run at threshold 3, and the finished ``select`` of one at threshold 5 that is to take its place."""
    new = tmp_path / "new"
    shutil.copytree(done, new)
    run_toy(toy, new, "threshold=5")
    return done, new


def continued(toy, output, new):
    """A run at threshold 5 ends like an undisturbed one; returns what it did."""
    report = run_toy(toy, output, "threshold=5")
    assert tree(output) == tree(new)
    assert hidden(output) == []
    return report.ran


def test_killed_before_the_swap(toy, swapping):
    output, new = swapping
    shutil.copytree(new / "select", output / ".select.new")
    assert continued(toy, output, new) == ("select", "join")
    assert set(opened(output / "select").values()) == {1}


def test_killed_between_the_renames_of_a_swap(toy, swapping):
    output, new = swapping
    (output / "select").rename(output / ".select.old")
    shutil.copytree(new / "select", output / ".select.new")
    assert continued(toy, output, new) == ("join",)


def test_killed_while_the_old_stage_was_removed_after_a_swap(toy, swapping):
    output, new = swapping
    (output / "select").rename(output / ".select.old")
    (output / ".select.old/stage.json").unlink()
    shutil.copytree(new / "select", output / "select")
    assert continued(toy, output, new) == ("join",)


def test_killed_while_rebuilding_for_yet_another_setting(toy, swapping):
    output, new = swapping
    run_toy(toy, new, "threshold=4")
    shutil.copytree(new / "select", output / ".select.new")
    (output / ".select.new/stage.json").unlink()
    run_toy(toy, new, "threshold=5")
    assert continued(toy, output, new) == ("select", "join")


def test_giving_up_a_rebuild_leaves_nothing_behind(toy, swapping):
    output, new = swapping
    shutil.copytree(new / "select", output / ".select.new")
    assert run_toy(toy, output).ran == ()
    assert hidden(output) == []


def test_a_costly_setting_is_refused_before_any_work(toy, done):
    before = everything(done)
    with pytest.raises(StaleOutput) as raised:
        run_toy(toy, done, "factor=11", "threshold=5")
    message = str(raised.value)
    assert "stage measure" in message and "factor" in message and "7 -> 11" in message
    assert "--redo measure" in message and "\n" not in message
    assert everything(done) == before


def test_a_half_done_costly_stage_is_refused_too(toy, tmp_path):
    with pytest.raises(CurationError):
        run_toy(toy, tmp_path / "out", "fails_at=7-3", workers=1)
    assert opened(tmp_path / "out/measure")
    with pytest.raises(StaleOutput, match="factor"):
        run_toy(toy, tmp_path / "out", "factor=11")


def test_a_changed_input_is_refused_and_named(own_toy, tmp_path):
    run_toy(own_toy, tmp_path / "out")
    changed = Path(own_toy).parent / "inputs/part-03.jsonl"
    changed.write_text(changed.read_text() + '{"id": "new", "text": "more"}\n')
    with pytest.raises(StaleOutput, match=r"part-03\.jsonl"):
        run_toy(own_toy, tmp_path / "out")


def test_redo_runs_again_and_rebuilds_what_follows(toy, done):
    before = tree(done)
    report = run_toy(toy, done, redo=["measure"])
    assert report.ran == STAGES
    assert tree(done) == before
    assert run_toy(toy, done).ran == ()


def test_redo_takes_the_new_setting(toy, done, tmp_path):
    report = run_toy(toy, done, "factor=11", redo=["measure"])
    assert report.ran == STAGES
    run_toy(toy, tmp_path / "fresh", "factor=11")
    assert tree(done) == tree(tmp_path / "fresh")


def test_redo_makes_a_costly_stage_after_it_stale(toy, tmp_path):
    run_toy(toy, tmp_path / "out", "costly_end=true")
    before = everything(tmp_path / "out")
    with pytest.raises(StaleOutput, match="join"):
        run_toy(toy, tmp_path / "out", "costly_end=true", redo=["measure"])
    assert everything(tmp_path / "out") == before
    assert run_toy(toy, tmp_path / "out", "costly_end=true", redo=["measure", "join"]).ran == STAGES


def test_a_killed_redo_goes_on_where_it_was(toy, done):
    before = tree(done)
    with pytest.raises(CurationError):
        run_toy(toy, done, "fails_at=11-3", workers=1, redo=["measure"])
    finished = opened(done / "measure")
    assert finished
    assert run_toy(toy, done).ran == STAGES
    assert {shard: opened(done / "measure")[shard] for shard in finished} == dict.fromkeys(finished, 1)
    assert tree(done) == before


def test_one_stage_at_a_time(toy, done, tmp_path):
    output = tmp_path / "out"
    with pytest.raises(ConfigError, match="measure"):
        run_toy(toy, output, stage="select")
    assert not output.exists()
    for stage in STAGES:
        assert run_toy(toy, output, stage=stage).ran == (stage,)
    assert tree(output) == tree(done)


def test_an_unknown_stage_names_the_nearest(toy, tmp_path):
    for option in ({"stage": "mesure"}, {"redo": ["mesure"]}, {"sources": {"mesure": "/tmp"}}):
        with pytest.raises(ConfigError, match="'measure'"):
            run_toy(toy, tmp_path / "out", **option)
    assert not (tmp_path / "out").exists()


def test_from_a_parquet_with_other_column_names(toy, tmp_path):
    table = pa.table(
        {
            "blob_id": pa.array(["a", "b", "c"]),
            "content": pa.array(["x" * 40, "y" * 41, ""], pa.large_string()),
            "stars": pa.array([1, None, 3], pa.int32()),
            "paths": pa.array([["p", "q"], [], None], pa.list_(pa.string())),
            "text": pa.array(["not", "the", "text"]),
        }
    )
    pq.write_table(table, tmp_path / "other.parquet")
    run_toy(
        toy,
        tmp_path / "out",
        "threshold=0",
        sources={"measure": str(tmp_path / "other.parquet")},
        columns={"text": "content", "id": "blob_id"},
    )
    found = pq.read_table(tmp_path / "out/join/data/00000.parquet")
    rows = found.to_pylist()
    assert [(row["id"], row["text"]) for row in rows] == [("a", "x" * 40), ("b", "y" * 41)]
    assert [(row["stars"], row["paths"]) for row in rows] == [(1, ["p", "q"]), (None, [])]
    assert found.schema.field("stars").type == pa.int32()
    assert found.schema.field("paths").type == pa.list_(pa.string())


def test_from_a_later_stage_leaves_out_those_before(toy, done, tmp_path):
    report = run_toy(toy, tmp_path / "out", sources={"select": str(done / "measure")})
    assert report.ran == ("select", "join")
    assert [one.status for one in report.planned] == ["left out", "run", "run"]
    assert tree(tmp_path / "out") == {name: seen for name, seen in tree(done).items() if "measure" not in name}


def test_from_a_whole_run_reads_its_last_stage(toy, done, tmp_path):
    run_toy(toy, tmp_path / "out", sources={"join": str(done)})
    assert rows_of(tmp_path / "out/join/data") == rows_of(done / "join/data")


def test_a_missing_column_is_named_before_any_work(toy, tmp_path):
    with pytest.raises(ConfigError, match="content"):
        run_toy(toy, tmp_path / "out", sources={"measure": f"{Path(toy).parent}/inputs"}, columns={"text": "content"})
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_failing_step_names_stage_and_log(toy, done, tmp_path):
    output = tmp_path / "out"
    with pytest.raises(CurationError) as raised:
        run_toy(toy, output, "fails_at=7-3")
    message = str(raised.value)
    assert "stage measure" in message and "cannot measure 7-3" in message and "\n" not in message
    log = next(word.strip(".,;()") for word in message.split() if "/logs" in word)
    texts = [path.read_text() for path in Path(log).rglob("*") if path.is_file()] or [Path(log).read_text()]
    assert any("ZeroDivisionError: cannot measure 7-3" in text for text in texts)
    assert not (output / "measure/data/00007.parquet").exists()
    run_toy(toy, output)
    assert tree(output) == tree(done)


def test_a_killed_worker_is_an_error_and_the_run_goes_on_from_there(toy, done, tmp_path):
    with pytest.raises(CurationError, match="killed"):
        run_toy(toy, tmp_path / "out", "dies_at=7-3")
    run_toy(toy, tmp_path / "out")
    assert tree(tmp_path / "out") == tree(done)


def test_a_step_that_loses_documents_is_an_error(toy, tmp_path):
    with pytest.raises(CurationError, match="1 of 20 documents were neither kept"):
        run_toy(toy, tmp_path / "out", "loses=7-3")


class Told:
    """A progress that writes down what it is told."""

    def __init__(self):
        self.said = []

    def begin(self, planned, shards, done, marks):
        self.said.append(("begin", planned.stage.name, shards, done, Path(marks).is_dir()))

    def end(self, planned, record):
        self.said.append(("end", planned.stage.name, record["documents"]))


def test_progress_is_told(toy, tmp_path):
    told = Told()
    report = run_toy(toy, tmp_path / "out", progress=told)
    counts = {stage: report.records[stage]["documents"] for stage in STAGES}
    assert told.said == [
        ("begin", "measure", 12, 0, True),
        ("end", "measure", 240),
        ("begin", "select", 12, 0, True),
        ("end", "select", counts["select"]),
        ("begin", "join", 1, 0, True),
        ("end", "join", counts["join"]),
    ]
    told = Told()
    run_toy(toy, tmp_path / "out", progress=told)
    assert told.said == []


def test_inside_a_running_event_loop(toy, done, tmp_path):
    async def notebook():
        return run_toy(toy, tmp_path / "out")

    assert asyncio.run(notebook()).ran == STAGES
    assert tree(tmp_path / "out") == tree(done)


def test_a_recipe_of_stages_made_in_python(toy, tmp_path):
    (tmp_path / "scored.jsonl").write_text('{"id": "a", "text": "x", "int_score": 4}\n{"text": "y", "int_score": 1}\n')
    stage = Stage(name="good", reads=(str(tmp_path / "scored.jsonl"),), steps=[KeepScore(threshold=3, cut="published")])
    report = run(Recipe(name="mine", settings={"threshold": 3}, stages=(stage,)), str(tmp_path / "out"))
    assert report.records["good"]["removed"] == {"below_threshold": 1}
    assert rows_of(tmp_path / "out/good/data") == [{"id": "a", "text": "x", "int_score": 4}]
    assert rows_of(tmp_path / "out/good/removed")[0]["id"] == f"{tmp_path.name}/scored.jsonl:1"


def test_the_number_of_workers_of_a_stage_is_its_own(own_toy, tmp_path):
    Path(own_toy).with_suffix(".yaml").write_text(
        f"inputs: [{Path(own_toy).parent}/inputs]\nexecutor: {{workers: 3}}\nstages: {{select: {{workers: 1}}}}\n"
    )
    run(load_recipe(own_toy), str(tmp_path / "out"))
    logs = [path.read_text() for path in (tmp_path / "out/select/logs").rglob("*.out")]
    assert len(logs) == 12
    assert len({line for text in logs for line in text.splitlines() if line.startswith("worker ")}) == 1


def test_an_unknown_executor_is_told_before_any_work(toy, tmp_path):
    with pytest.raises(ConfigError, match="executor slrum"):
        run_toy(toy, tmp_path / "out", executor="slrum")
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_told_before_any_work(toy, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConfigError, match="cannot be written"):
        run_toy(toy, tmp_path / "file/out")


def test_the_command_runs_a_recipe_from_another_folder(toy, done, tmp_path):
    for name in ("toy.py", "toy.yaml"):
        shutil.copy(Path(toy).with_name(name), tmp_path / name)
    shown = curate("run", "toy.py", "--output", "out", "--set", "factor=7", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert tree(tmp_path / "out") == tree(done)
