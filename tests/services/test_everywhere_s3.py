"""Commands with their input, their output and what they are given on a real S3 server: the same rows as locally."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from services.swift import KEY, SECRET, bucket
from toy_recipe import CURATE, SAMPLE, curate, tree

from curation import load_recipe, run
from curation.errors import ConfigError
from curation.folder import Folder

VARIABLE = "CURATION_SWIFT_BIN"
BUCKET = "everywhere"
HERE = f"s3://{BUCKET}"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION")
CHAIN = (
    "annotate {texts} --prompt finemath_5pt --judge replay:{replies} --output {out}/labels",
    "train finemath-embedded --labels {out}/labels --output {out}/classifier",
    "score {texts} --classifier {out}/classifier --output {out}/scored",
    "filter {out}/scored --threshold 2 --output {out}/filtered",
    "decontaminate {texts} --benchmarks {benchmark} --output {out}/clear",
    "clean {texts} --output {out}/good",
    "mask {texts} --output {out}/masked",
)
MADE = {
    "labels/annotate/data", "scored/score/data", "filtered/select/data",
    "clear/decontaminate/data", "clear/decontaminate/removed", "good/clean/data",
    "good/clean/removed", "masked/mask/data",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ,
    reason=f"no S3 server: {VARIABLE} is to name the bin folder of an environment with `pip install swift`",
)


LONG = pytest.mark.skipif(
    "CURATION_LONG_TESTS" not in os.environ, reason="takes many minutes; CURATION_LONG_TESTS=1 runs it"
)


@pytest.fixture(scope="module")
def store():
    """The file system of a server with the bundled sample in a bucket; keys and address are in the environment."""
    with bucket(Path(os.environ[VARIABLE]), BUCKET) as files:
        for path in (*SAMPLE.glob("*.warc.gz"), *SAMPLE.glob("*.jsonl"), SAMPLE / "texts.parquet"):
            files.put_file(str(path), f"{BUCKET}/sample/{path.name}")
        yield files


def fetched(store, location, folder):
    """A local copy of a folder on the server."""
    store.invalidate_cache()
    store.get(f"{location.removeprefix('s3://')}/", f"{folder}/", recursive=True)
    return Path(folder)


def same_rows(ours, theirs):
    """Whether two folders hold parquet of the same names and content."""
    names = {path.name for path in theirs.glob("*.parquet")}
    assert names
    assert {path.name for path in ours.glob("*.parquet")} == names
    return all(pq.read_table(ours / name).equals(pq.read_table(theirs / name)) for name in names)


def holds(folder, *words):
    """The files below a folder in whose bytes one of the words stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(word.encode() in path.read_bytes() for word in words)]


@LONG
def test_finemath_from_archives_to_the_dataset(store, smoke, tmp_path):
    overrides = [
        f'inputs=["{HERE}/sample/finemath-*.warc.gz"]',
        f"first.judge=replay:{HERE}/sample/replies-3pt.jsonl",
        f"second.judge=replay:{HERE}/sample/replies-5pt.jsonl",
        f'benchmarks=["{HERE}/sample/benchmark.jsonl"]',
    ]
    recipe = load_recipe("finemath", config="finemath-smoke", overrides=overrides)
    run(recipe, f"{HERE}/finemath", workers=2)
    copy = fetched(store, f"{HERE}/finemath", tmp_path / "copy")
    published = sorted(path.relative_to(smoke[0]) for path in smoke[0].glob("publish/data/*") if path.is_dir())
    assert {"finemath-smoke-3plus", "finemath-smoke-4plus", "annotations"} <= {path.name for path in published}
    assert all(same_rows(copy / one, smoke[0] / one) for one in published)
    assert figures(copy) == figures(smoke[0])
    assert holds(copy, SECRET, KEY) == []
    assert run(recipe, f"{HERE}/finemath").ran == ()
    again = load_recipe("finemath", config="finemath-smoke", overrides=[*overrides, "threshold=2"])
    assert "publish" in run(again, f"{HERE}/finemath", workers=2).ran
    assert store.find(f"{BUCKET}/finemath/.publish.new") == []


def figures(run_folder):
    """The card without what tells where, when and with which overrides it was made."""
    card = (run_folder / "publish/data/README.md").read_text()
    lines = [line for line in card.splitlines() if "replay:" not in line and ".warc.gz" not in line]
    return [line for line in lines if not re.search(r"--set|Made by the recipe|seconds|\d s\b|benchmark\.jsonl", line)]


@LONG
def test_each_command_reads_and_writes_there(store, tmp_path):
    places = {
        "local": {"out": str(tmp_path / "local"), **given(str(SAMPLE))},
        "remote": {"out": f"{HERE}/chain", **given(f"{HERE}/sample")},
    }
    said = {}
    for kind, place in places.items():
        for command in CHAIN:
            done = curate(*command.format(**place).split())
            assert done.returncode == 0, (command, done.stderr)
            said[kind, command] = re.sub(r"[\d.]+ s\b.*", "", done.stdout.replace(place["out"], "OUT"))
    assert all(said["remote", command] == said["local", command] for command in CHAIN)
    copy = fetched(store, places["remote"]["out"], tmp_path / "remote")
    assert all(same_rows(copy / one, tmp_path / "local" / one) for one in MADE)
    assert holds(copy, SECRET, KEY) == []
    told = curate("status", f"{HERE}/chain/scored")
    assert "score" in told.stdout


def given(folder):
    return {
        "texts": f"{folder}/texts.parquet",
        "replies": f"{folder}/replies-5pt.jsonl",
        "benchmark": f"{folder}/benchmark.jsonl",
    }


def test_an_archive_is_shown(store):
    ours, theirs = (curate("extract", f"{folder}/finemath-00.warc.gz") for folder in (f"{HERE}/sample", SAMPLE))
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout == theirs.stdout != ""


def test_a_killed_run_goes_on_to_the_bytes_of_an_undisturbed_one(store, toy, undisturbed, tmp_path):
    store.put(f"{Path(toy).parent}/inputs", f"{BUCKET}/toy", recursive=True)
    command = [*CURATE, "run", toy, "--output", f"{HERE}/killed", "--workers", "2", "--set", f'inputs=["{HERE}/toy"]']
    for stage in ("measure", "select"):
        process = subprocess.Popen([*command, "--set", "pause_seconds=0.01"], cwd="/", start_new_session=True)
        while not records(store, stage):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert len(records(store, stage)) < 12
    subprocess.run(command, cwd="/", check=True)
    assert tree(fetched(store, f"{HERE}/killed", tmp_path / "copy")) == tree(undisturbed)


def records(store, stage):
    store.invalidate_cache()
    return store.glob(f"{BUCKET}/killed/{stage}/shards/*.json")


def test_keys_come_from_a_profile_too(store, tmp_path):
    address = os.environ["AWS_ENDPOINT_URL_S3"]
    (tmp_path / "credentials").write_text(
        f"[tests]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\nregion = us-east-1\n"
    )
    command = [*CURATE, "filter", f"{HERE}/profile.jsonl", "--threshold", "3", "--output", f"{HERE}/profile"]
    store.pipe_file(f"{BUCKET}/profile.jsonl", b'{"id": "a", "text": "b", "score": 3.0, "int_score": 3}\n')
    environment = {name: value for name, value in os.environ.items() if name not in KEYS}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": f"{tmp_path}/credentials", "AWS_ENDPOINT_URL": address}
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
    assert refused.returncode == 2
    done = subprocess.run(
        [*command], env=environment | {"AWS_PROFILE": "tests"}, capture_output=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_wrong_secret_for_the_replies_of_a_judge_is_one_clear_line(store, tmp_path):
    replies = f"replay:{HERE}/sample/replies-5pt.jsonl"
    given = ("annotate", SAMPLE / "texts.parquet", "--prompt", "finemath_5pt", "--judge", replies, "-o", tmp_path)
    said = curate(*given, AWS_SECRET_ACCESS_KEY="wrong")
    assert said.returncode == 2
    assert f"{replies}: access denied: " in said.stderr
    assert said.stderr.count("\n") == 1


def test_files_are_listed_with_their_sizes_and_read_many_at_a_time(store):
    folder = Folder(f"{HERE}/many")
    for number in range(70):
        folder.write_json(f"{number:02d}.json", {"number": number})
    names = folder.list_files("", ".json")
    assert [one["number"] for one in folder.read_jsons(names)] == list(range(70))
    assert folder.list_sizes("", ".json") == {name: folder.size(name) for name in names}
    folder.remove_file("00.json")
    folder.remove_file("00.json")
    assert folder.read_json("00.json") is None
    with pytest.raises(ConfigError, match="access denied"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        type(folder.fs).clear_instance_cache()
        Folder(f"{HERE}/many").read_json("01.json")
    type(folder.fs).clear_instance_cache()
