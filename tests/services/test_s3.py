"""A run whose input and output lie on a real S3 server: killed under load, by two tasks, rebuilt, and refused."""

import json
import os
import random
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from annotation.judge_server import label_of
from annotation.survival import (
    CURATE,
    PROMPT,
    Client,
    Kill,
    Outcome,
    Server,
    problems,
    read_journal,
    write_documents,
)
from services.swift import bucket
from test_deduplication import corpus
from toy_recipe import tree

VARIABLE = "CURATION_SWIFT_BIN"
BUCKET = "curation-tests"
TWO_TASKS = """
import sys
from curation.annotation.judging import Judging
from curation.blocks.annotate import Annotate
from curation.recipe import Stage, folder_of
from curation.running import run_stages

if __name__ == "__main__":
    source, output, judge, concurrency = sys.argv[1:]
    ask = Annotate(prompt="finemath_5pt", judge=judge, judging=Judging(concurrency=int(concurrency)),
                   journal=folder_of("annotate"))
    stage = Stage(name="annotate", reads=(source,), steps=[ask], costly=True)
    run_stages("two", [stage], output, {"judge": judge}, workers=2)
"""

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ,
    reason=f"no S3 server: {VARIABLE} is to name the bin folder of an environment with `pip install swift`",
)


@pytest.fixture(scope="module")
def store():
    """The file system of a server that runs for this module, with a bucket; keys and address are in the environment."""
    with bucket(Path(os.environ[VARIABLE]), BUCKET) as files:
        yield files


def write_pages(store, folder, documents, files=4):
    """JSON lines on the server and in the local ``folder``; returns the ids."""
    ids = write_documents(folder / "all.parquet", documents, characters=1000)
    rows = pq.read_table(folder / "all.parquet").to_pylist()
    (folder / "pages").mkdir()
    for part in range(files):
        chosen = rows[part * documents // files : (part + 1) * documents // files]
        lines = "".join(json.dumps(row) + "\n" for row in chosen)
        (folder / "pages" / f"{part}.jsonl").write_text(lines)
        store.pipe_file(f"{BUCKET}/{folder.name}/pages/{part}.jsonl", lines.encode())
    return ids


def curate(*arguments, **environment):
    """What the command says, and its exit code."""
    wide = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | environment
    done = subprocess.run([*CURATE, *arguments], capture_output=True, text=True, env=wide, check=False)
    return done.returncode, done.stdout, done.stderr


def annotate(source, output, judge, concurrency):
    options = ["--concurrency", str(concurrency), "--judge", judge, "--output", output]
    return [*CURATE, "annotate", source, "--prompt", PROMPT, *options]


def in_two_tasks(folder):
    """As `annotate`, with a shard for each file of the input and two tasks."""
    script = folder / "two_tasks.py"
    script.write_text(TWO_TASKS)
    return lambda source, output, judge, concurrency: [CURATE[0], str(script), source, output, judge, str(concurrency)]


def run_to_the_end(folder, command, source, output, *, store=None, kills=(), delay=0.2, concurrency=48, seconds=300):
    """Start ``command``; after so many successes of the judge, when something more is in the journal, kill its process
    group and start it again.

    Output on the server is copied into ``folder`` after each kill, to see what was recorded, and at the end.
    Beside what is left of the run, it gives what ``curate status`` said after each kill.
    """
    folder.mkdir()
    server, left = Server(folder / "served.log", delay=delay, **{"at-once": concurrency}), sorted(kills)
    server.start()
    whole = command(source, output, f"endpoint:http://127.0.0.1:{server.port}#tiny", concurrency)
    client, began = Client(whole, folder / "errors.txt"), time.monotonic()
    found, said, gave_up = [], [], []
    try:
        while client.process.poll() is None and not gave_up:
            if left and server.log.read() >= left[0] and parts(store, output) > len(found):
                found.append(kill(client, server, fetched(store, output, folder)))
                left.pop(0)
                said.append(curate("status", output))
                client = Client(whole, folder / "errors.txt")
            if time.monotonic() - began > seconds:
                gave_up.append(f"not finished after {seconds} s")
            time.sleep(0.005)
        if client.process.poll():
            gave_up.append(client.errors.read_text()[-2000:])
        most = server.stats()["most_working"]
    finally:
        if client.process.poll() is None:
            client.kill()
        server.kill()
    server.log.read()
    copy = fetched(store, output, folder)()
    return Outcome(output=copy, events=server.log.events, kills=found, most_working=most, gave_up=gave_up), said


def parts(store, output):
    """How many objects the journal has."""
    store.invalidate_cache()
    return len(store.glob(output.removeprefix("s3://") + "/annotate/journal/*.jsonl"))


def fetched(store, output, folder):
    """Makes a local copy of an output folder; it is called when nobody writes there any more."""

    def fetch():
        if store is None:
            return Path(output)
        copy = folder / f"copy-{random.randrange(10**9)}"
        store.invalidate_cache()
        for path in store.find(output.removeprefix("s3://")):
            name = path.removeprefix(output.removeprefix("s3://") + "/")
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes(store.cat_file(path))
        return copy

    return fetch


def kill(client, server, fetch):
    """Kill the client, and see what was in its journal then."""
    in_flight = server.in_flight()
    client.kill()
    while server.in_flight():
        time.sleep(0.005)
    recorded = read_journal(fetch())
    server.log.read()
    paid = {one.document for one in server.log.events if one.event == "success"}
    seen, unrecorded = len(server.log.events), len(paid - recorded.scored)
    return Kill(whom="client", seen=seen, in_flight=in_flight, recorded=recorded, unrecorded=unrecorded)


@pytest.mark.parametrize("tasks", [1, 2])
def test_killed_twice_nothing_recorded_is_asked_again_and_the_output_is_that_of_a_calm_local_run(
    store, tmp_path, tasks
):
    command = annotate if tasks == 1 else in_two_tasks(tmp_path)
    ids = write_pages(store, tmp_path, 1000)
    source, output = f"s3://{BUCKET}/{tmp_path.name}/pages/*.jsonl", f"s3://{BUCKET}/{tmp_path.name}/run"
    killed, said = run_to_the_end(tmp_path / "killed", command, source, output, store=store, kills=(250, 500))
    calm, _ = run_to_the_end(tmp_path / "calm", command, f"{tmp_path}/pages/*.jsonl", str(tmp_path / "local"))
    assert problems(killed, calm, ids) == []
    assert killed.data() == calm.data()
    assert [row["label"] for row in killed.rows()] == [label_of(one) for one in ids]
    assert len(killed.kills) == 2
    assert all(one.recorded.scored for one in killed.kills)
    assert len(list((killed.output / "annotate/spent").iterdir())) >= tasks
    assert all(code == 0 and "shards are done" in out for code, out, _ in said)
    shards = {path.name.split("-")[0] for path in (killed.output / "annotate/journal").iterdir()}
    assert len(shards) == (1 if tasks == 1 else 4)


def test_what_a_cheap_stage_made_is_rebuilt_and_the_status_is_told(store, tmp_path):
    rows = [{"id": f"{n}", "text": "a text", "score": n % 6, "int_score": n % 6} for n in range(60)]
    where = f"{BUCKET}/{tmp_path.name}"
    store.pipe_file(f"{where}/scored.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    for threshold, kept in (("3", [3, 4, 5]), ("4", [4, 5])):
        said = curate("filter", f"s3://{where}/scored.jsonl", "--threshold", threshold, "--output", f"s3://{where}/out")
        assert said[0] == 0, said
        store.invalidate_cache()
        with store.open(f"{where}/out/select/data/00000.parquet") as file:
            assert pq.read_table(file)["int_score"].to_pylist() == kept * 10
    code, out, _ = curate("status", f"s3://{where}/out")
    assert code == 0
    assert f"in s3://{where}/out" in out
    assert "below_threshold 40" in out
    assert store.find(f"{where}/out/.select.new") == []


@pytest.mark.parametrize("arguments", [["status"], ["filter", "--threshold", "3", "{inputs}", "--output"]])
def test_a_wrong_secret_is_one_clear_line(store, tmp_path, arguments):
    (tmp_path / "scored.jsonl").write_text('{"id": "a", "text": "b", "score": 3.0, "int_score": 3}\n')
    given = [one.format(inputs=tmp_path / "scored.jsonl") for one in arguments]
    output = f"s3://{BUCKET}/refused"
    code, out, errors = curate(*given, output, AWS_SECRET_ACCESS_KEY="wrong")
    assert (code, out) == (2, "")
    # What the store itself says of the refusal depends on the kind of request.
    assert errors.startswith(f"ConfigError: {output}: access denied: ")
    assert errors.endswith("; key and secret are those of the environment (S3: AWS_ACCESS_KEY_ID, …)\n")
    assert errors.count("\n") == 1


def test_a_wrong_secret_for_an_input_is_one_clear_line(store, tmp_path):
    write_pages(store, tmp_path, 4, files=1)
    source = f"s3://{BUCKET}/{tmp_path.name}/pages"
    code, _, errors = curate("filter", source, "--threshold", "3", "-o", str(tmp_path), AWS_SECRET_ACCESS_KEY="wrong")
    assert code == 2
    assert errors.startswith(f"ConfigError: {source}: access denied: Forbidden")
    assert errors.count("\n") == 1


def test_a_bucket_that_is_not_there_is_not_made(store, tmp_path):
    (tmp_path / "scored.jsonl").write_text('{"id": "a", "text": "b", "score": 3.0, "int_score": 3}\n')
    given = ("filter", str(tmp_path / "scored.jsonl"), "--threshold", "3", "--output", "s3://misspelt/out")
    code, _, errors = curate(*given)
    assert code == 2
    assert errors.startswith("ConfigError: output folder s3://misspelt/out cannot be written: ")
    store.invalidate_cache()
    assert store.ls("") == [BUCKET]


def test_duplicates_are_removed_on_the_server_as_locally(store, tmp_path):
    corpus(tmp_path / "in")
    store.put(f"{tmp_path}/in", f"{BUCKET}/dedup/in", recursive=True)
    options = ("--threshold", "0.7", "--keep", "stars,longest", "--workers", "2")
    assert curate("dedup", f"{tmp_path}/in", *options, "--output", f"{tmp_path}/local")[0] == 0
    code, said, error = curate("dedup", f"s3://{BUCKET}/dedup/in", *options, "--output", f"s3://{BUCKET}/dedup/out")
    assert code == 0, error
    assert "near_duplicate" in said
    store.get(f"{BUCKET}/dedup/out/dedup", f"{tmp_path}/fetched/dedup", recursive=True)
    local = {name: digest for name, digest in tree(tmp_path / "local").items() if name.startswith("dedup/")}
    assert tree(tmp_path / "fetched") == local
    row = pq.read_table(f"{tmp_path}/local/dedup/removed").to_pylist()[0]
    code, said, _ = curate("explain", f"s3://{BUCKET}/dedup/out", row["id"])
    assert (code, f"duplicate_of {row['duplicate_of']}" in said) == (0, True)
