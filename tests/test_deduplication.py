"""`curate dedup` and `curate explain` as a user calls them: with any number of workers, killed, against a dataset."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_recipe import curate, rows_of, tree

from curation import ConfigError, Dedup, dedup, explain, run
from curation.deduplication import dedup_stages
from curation.recipe import Recipe

STAGES = ("signatures", "pairs", "clusters", "shingles", "verified")


def corpus(folder):
    """Four files of 60 texts: a third are copies with some words changed, some are copies as they are."""
    random_ = random.Random(5)
    words = [f"word{number}" for number in range(3000)]
    texts = [" ".join(random_.choices(words, k=random_.randrange(20, 200))) for _ in range(160)]
    for number in range(80):
        changed = texts[number].split()
        for _ in range(number % 4):
            changed[random_.randrange(len(changed))] = random_.choice(words)
        texts.append(" ".join(changed))
    random_.shuffle(texts)
    folder.mkdir()
    for part in range(4):
        rows = [
            {"id": f"{part}-{row}", "text": text, "stars": row}
            for row, text in enumerate(texts[part * 60 : part * 60 + 60])
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The corpus and what an undisturbed run made of it; nobody writes there."""
    folder = tmp_path_factory.mktemp("dedup")
    corpus(folder / "in")
    curate(
        "dedup", folder / "in", "--threshold", "0.7", "--keep", "stars,longest", "--workers", "1", "-o", folder / "out"
    )
    return folder


def test_what_is_dropped_is_said_and_nothing_is_lost(undisturbed):
    kept, removed = (rows_of(undisturbed / "out/dedup" / part) for part in ("data", "removed"))
    given = rows_of(undisturbed / "in")
    assert len(kept) + len(removed) == len(given) == 240
    stays = {row["id"]: row for row in kept}
    assert len(removed) > 60
    for row in removed:
        other = stays[row["duplicate_of"]]
        assert other["stars"] >= row["stars"]
        assert (row["reason"] == "exact_duplicate") == (row["text"] == other["text"])
        assert 0.7 <= row["similarity"] <= 1.0
    assert list(kept[0]) == ["id", "text", "stars"]


def test_seven_workers_write_the_same_bytes(undisturbed, tmp_path):
    settings = Dedup(threshold=0.7, keep=("stars", "longest"))
    dedup(str(undisturbed / "in"), output=str(tmp_path / "out"), settings=settings, workers=7)
    assert tree(tmp_path / "out") == tree(undisturbed / "out")


@pytest.mark.parametrize("stage", ["dedup_pairs", "dedup_verified"])
def test_killed_and_started_again_the_bytes_are_the_same(undisturbed, tmp_path, stage):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "curation.cli", "dedup", undisturbed / "in", "--threshold", "0.7"]
    command += ["--keep", "stars,longest", "--workers", "1", "-o", out]
    code = "import sys; from curation.cli import main; sys.argv[0] = 'curate'; main()"
    command = [sys.executable, "-c", code, *map(str, command[3:])]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list((out / stage / "shards").glob("*.opened")):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, capture_output=True)
    assert tree(out) == tree(undisturbed / "out")


def test_another_threshold_makes_only_what_depends_on_it_again(undisturbed, tmp_path):
    shutil.copytree(undisturbed / "out", tmp_path / "out")
    settings = Dedup(threshold=0.9, keep=("stars", "longest"))
    report = dedup(str(undisturbed / "in"), output=str(tmp_path / "out"), settings=settings, workers=1)
    assert report.ran == ("dedup_verified", "dedup")
    assert all(row["similarity"] >= 0.9 for row in rows_of(tmp_path / "out/dedup/removed"))


def test_of_json_lines_and_against_an_earlier_dataset(undisturbed, tmp_path):
    rows = rows_of(undisturbed / "in")
    lines = "".join(json.dumps({"content": row["text"], "key": row["id"]}) + "\n" for row in rows[:50])
    (tmp_path / "new.jsonl").write_text(lines)
    given = ("--columns", "text=content,id=key", "--threshold", "0.9", "--removed", "ids")
    curate("dedup", tmp_path / "new.jsonl", *given, "--against", undisturbed / "in", "-o", tmp_path / "out")
    assert rows_of(tmp_path / "out/dedup/data") == []
    removed = rows_of(tmp_path / "out/dedup/removed")
    assert {(row["reason"], row["duplicate_in"]) for row in removed} == {("exact_duplicate", str(undisturbed / "in"))}
    told = list(explain(str(tmp_path / "out"), "0-3"))
    assert told[0].split() == ["texts", "kept"]
    assert "removed as exact_duplicate: duplicate_of " in told[1]
    assert "the texts are equal" in told[2] and len(told) == 3
    with (tmp_path / "new.jsonl").open("a") as file:
        file.write(json.dumps({"content": "Another text that nobody has written before.", "key": "new"}) + "\n")
    curate("dedup", tmp_path / "new.jsonl", *given, "--against", undisturbed / "in", "-o", tmp_path / "out")
    assert [row["id"] for row in rows_of(tmp_path / "out/dedup/data")] == ["new"]


def test_within_a_column_only_its_equals_are_compared(undisturbed, tmp_path):
    rows = rows_of(undisturbed / "in")
    for name, part in {"new": rows[:120], "old": rows}.items():
        pq.write_table(
            pa.Table.from_pylist([row | {"crawl": row["id"][0]} for row in part]), tmp_path / f"{name}.parquet"
        )
    curate("dedup", tmp_path / "new.parquet", "--within", "crawl", "--keep", "first", "-o", tmp_path / "out")
    kept, removed = (rows_of(tmp_path / "out/dedup" / part) for part in ("data", "removed"))
    assert len(kept) + len(removed) == 120
    assert removed and all(row["id"][0] == row["duplicate_of"][0] for row in removed)
    assert len({row["text"] for row in kept}) < len(kept)  # equal texts of two crawls
    settings = Dedup(within="crawl", keep=("first",))
    dedup(
        str(tmp_path / "new.parquet"),
        output=str(tmp_path / "b"),
        settings=settings,
        against=str(tmp_path / "old.parquet"),
    )
    assert rows_of(tmp_path / "b/dedup/data") == []
    assert all(row["id"][0] == row["duplicate_of"][0] for row in rows_of(tmp_path / "b/dedup/removed"))
    with pytest.raises(ConfigError, match="within: the documents have no column 'crawl'"):
        dedup(
            str(tmp_path / "new.parquet"),
            output=str(tmp_path / "c"),
            settings=settings,
            against=str(undisturbed / "in"),
        )
    assert not list(tmp_path.glob("c/*/data"))


def test_explain_shows_the_pair(undisturbed):
    row = next(row for row in rows_of(undisturbed / "out/dedup/removed") if row["reason"] == "near_duplicate")
    told = curate("explain", undisturbed / "out", row["id"]).stdout
    assert f"removed as near_duplicate: duplicate_of {row['duplicate_of']}, similarity {row['similarity']:.4g}" in told
    assert "[-word" in told and "{+word" in told
    kept = curate("explain", undisturbed / "out", row["duplicate_of"]).stdout
    assert kept.split() == ["dedup", "kept"]


def test_explain_says_what_it_does_not_find(undisturbed, tmp_path):
    with pytest.raises(ConfigError, match="no stage has kept or dropped a document with the id 'nobody'"):
        list(explain(str(undisturbed / "out"), "nobody"))
    with pytest.raises(ConfigError, match="no run was started in this folder"):
        list(explain(str(tmp_path), "nobody"))


def test_a_wrong_call_is_told_before_any_work(undisturbed, tmp_path):
    for arguments, words in {
        ("--keep", "starz"): "'starz' is no rule",
        ("--keep", "highest:forks"): "no column 'forks'",
        ("--within", "crawl"): "within: the documents have no column 'crawl'",
        ("--parts", "1000"): "parts: expected at most 512",
        ("--threshold", "2"): "threshold: expected more than 0 and at most 1, got 2",
        ("--shingles", "lines"): "'lines'",
        ("--removed", "some"): "--removed some: expected full, ids or none",
        ("--against", "nowhere"): "nowhere",
    }.items():
        done = curate("dedup", undisturbed / "in", *arguments, "-o", tmp_path / "out")
        assert done.returncode == 2 and words in done.stderr, done.stderr
    assert not Path(tmp_path, "out").exists() or not list(Path(tmp_path, "out").glob("*/data"))


def test_as_stages_of_a_recipe(undisturbed, tmp_path):
    stages = dedup_stages(Dedup(parts=1, splits=2, threshold=0.7), (str(undisturbed / "in"),), name="once")
    assert [stage.name for stage in stages] == [*(f"once_{stage}" for stage in STAGES), "once"]
    report = run(Recipe(name="mine", settings={}, stages=tuple(stages)), str(tmp_path / "out"), workers=1)
    others = {row["id"] for row in rows_of(undisturbed / "out/dedup/removed")}
    assert report.records["once"]["kept"] == 240 - len(others)
