"""The next crawl: files added to a finished output, and what is done again for them."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from toy_recipe import CURATE, everything, record_of, rows_of, tree

from curation import ConfigError, Recipe, Stage, StaleOutput, folder_of, load_recipe, plan, run
from curation.blocks.sample import DrawSample
from curation.blocks.select import KeepScore
from curation.blocks.step import Step
from curation.folder import Folder
from curation.manifest import Manifest


def add(toy, number, rows=20, start="x"):
    lines = [
        f'{{"id": "{number}-{row}", "text": "{start * (row % 13 + 1)}", "note": "n", "part": 1}}' for row in range(rows)
    ]
    (Path(toy).parent / f"inputs/part-{number}.jsonl").write_text("\n".join(lines) + "\n")


def go(toy, output, *overrides, **options):
    return run(load_recipe(toy, overrides=list(overrides)), str(output), **({"workers": 2} | options))


def statuses(toy, output, *overrides):
    planned = plan(load_recipe(toy, overrides=list(overrides)), str(output))
    return {one.stage.name: one.status for one in planned}


def ids(folder):
    return sorted(row["id"] for row in rows_of(folder))


def test_only_the_new_files_are_run_and_what_compares_all_is_made_again(own_toy, tmp_path):
    out = tmp_path / "out"
    go(own_toy, out)
    before = {path: seen for path, seen in everything(out).items() if "/data/" in path and "/join/" not in path}
    add(own_toy, 50)
    add(own_toy, "00b")  # its name stands between those that are there
    assert statuses(own_toy, out) == {"measure": "grow", "select": "grow", "join": "rebuild"}
    go(own_toy, out)
    after = everything(out)
    assert {path: after[path] for path in before} == before  # not written again
    assert Manifest(Folder(str(out / "measure"))).generations() == [12, 14]
    assert [record_of(out / "measure")[key] for key in ("documents", "shards", "opened")] == [280, 14, 14]
    go(own_toy, tmp_path / "fresh")
    for stage in ("measure", "select", "join"):
        assert ids(out / stage / "data") == ids(tmp_path / "fresh" / stage / "data")
        assert ids(out / stage / "removed") == ids(tmp_path / "fresh" / stage / "removed")
    assert set(statuses(own_toy, out).values()) == {"done"}
    add(own_toy, 51)
    go(own_toy, out)
    assert Manifest(Folder(str(out / "select"))).generations() == [12, 14, 15]
    assert "51-1" in ids(out / "measure/data")


def test_growing_goes_on_after_a_kill_with_the_same_bytes(own_toy, tmp_path):
    for name in ("killed", "whole"):
        go(own_toy, tmp_path / name)
    for number in range(20, 26):
        add(own_toy, number)
    go(own_toy, tmp_path / "whole")
    command = [*CURATE, "run", own_toy, "--output", tmp_path / "killed", "--set", "pause_seconds=0.02"]
    process = subprocess.Popen([*map(str, command)], cwd="/")
    manifest, until = Manifest(Folder(str(tmp_path / "killed/measure"))), time.monotonic() + 60
    while len(manifest.done()) < 14 and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert 14 <= len(manifest.done()) < 18
    assert statuses(own_toy, tmp_path / "killed")["measure"] == "resume"
    go(own_toy, tmp_path / "killed")
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


def test_a_kill_between_the_old_and_the_new_memory_grows_again(own_toy, tmp_path):
    go(own_toy, tmp_path / "out")
    add(own_toy, 50)
    (tmp_path / "out/measure/stage.json").unlink()
    assert statuses(own_toy, tmp_path / "out")["measure"] == "grow"
    go(own_toy, tmp_path / "out")
    assert record_of(tmp_path / "out/measure")["shards"] == 13


def test_growth_with_another_setting_or_without_a_file_is_refused(own_toy, tmp_path):
    go(own_toy, tmp_path / "out")
    add(own_toy, 50)
    with pytest.raises(StaleOutput, match="factor"):
        go(own_toy, tmp_path / "out", "factor=11")
    (Path(own_toy).parent / "inputs/part-03.jsonl").unlink()
    with pytest.raises(StaleOutput, match=r"part-03\.jsonl"):
        go(own_toy, tmp_path / "out")


def test_added_files_with_other_columns_are_refused_before_anything_is_touched(own_toy, tmp_path):
    go(own_toy, tmp_path / "out")
    (Path(own_toy).parent / "inputs/part-50.jsonl").write_text('{"id": "a", "text": "b", "stars": 3}\n')
    before = tree(tmp_path / "out")
    with pytest.raises(ConfigError, match="stars"):
        go(own_toy, tmp_path / "out")
    assert tree(tmp_path / "out") == before
    assert record_of(tmp_path / "out/measure")


@dataclass(kw_only=True, repr=False)
class Learn(Step):
    def run(self, data, rank=0, world_size=1):
        Path(self.place).parent.mkdir(parents=True, exist_ok=True)
        Path(self.place).write_text(str(sum(1 for _ in data)))
        yield from ()

    gives_rows_of_its_own: ClassVar[bool] = True
    place: str


@dataclass(kw_only=True, repr=False)
class Exchange(Step):
    """Gives the ids of the files of its generation, of which it takes every ``parts``-th row."""

    gives_rows_of_its_own: ClassVar[bool] = True
    source: str
    parts: int

    def run(self, data, rank=0, world_size=1):
        from datatrove.data import Document

        part, generation = rank % self.parts, rank // self.parts
        bounds = [0, *Manifest(Folder(self.source)).generations()]
        for number in range(bounds[generation], bounds[generation + 1]):
            rows = rows_of_file(Path(self.source) / f"data/{number:05d}.parquet")
            yield from (Document(text=row["text"], id=row["id"], metadata={}) for row in rows[part :: self.parts])

    def schema(self, columns):
        return {name: kind for name, kind in columns.items() if name in ("id", "text")}


def rows_of_file(path):
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist()


def learned(inputs, settled=True):
    stages = (
        Stage(name="texts", reads=(str(inputs / "*.jsonl"),), steps=[], costly=True),
        Stage(name="sample", reads="texts", steps=[DrawSample(size=2, seed=0)], gather=True, settled=settled),
        Stage(name="train", reads="sample", steps=[Learn(place=folder_of("train", "model"))], gather=True, costly=True),
        Stage(
            name="places", reads="texts", steps=[Exchange(source=folder_of("texts"), parts=2)], parts=2, extends=True
        ),
        Stage(name="after", reads="places", steps=[KeepKnown(model=folder_of("train", "model"))], costly=True),
    )  # fmt: skip
    return Recipe(name="learned", settings={}, stages=stages)


@dataclass(kw_only=True, repr=False)
class KeepKnown(Step):
    model: str

    def run(self, data, rank=0, world_size=1):
        assert Path(self.model).read_text() == "2"
        yield from data


def test_what_was_learned_stays_and_parts_come_after_parts(tmp_path):
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    for name in "ab":
        (inputs / f"{name}.jsonl").write_text("".join(f'{{"id": "{name}{n}", "text": "t"}}\n' for n in range(5)))
    run(learned(inputs), str(out), workers=1)
    before = everything(out)
    (inputs / "c.jsonl").write_text("".join(f'{{"id": "c{n}", "text": "t"}}\n' for n in range(5)))
    planned = {one.stage.name: (one.status, one.why) for one in plan(learned(inputs), str(out))}
    assert planned["sample"] == ("done", "2 documents, kept as made before files were added")
    assert [planned[name][0] for name in ("texts", "train", "places", "after")] == ["grow", "done", "grow", "grow"]
    report = run(learned(inputs), str(out), workers=1)
    assert report.ran == ("texts", "places", "after")
    assert Manifest(Folder(str(out / "places"))).generations() == [2, 4]
    assert ids(out / "after/data") == sorted(f"{name}{n}" for name in "abc" for n in range(5))
    after = everything(out)
    assert all(after[path] == seen for path, seen in before.items() if "/data/" in path or "/train/" in path)
    assert {one.status for one in plan(learned(inputs), str(out))} == {"done"}


def test_parts_that_are_begun_late_are_as_many_as_the_generations_before(tmp_path):
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    for number, name in enumerate("abc"):
        (inputs / f"{name}.jsonl").write_text("".join(f'{{"id": "{name}{n}", "text": "t"}}\n' for n in range(5)))
        run(learned(inputs), str(out), until="train" if number < 2 else None, workers=1)
        assert (out / "places").exists() == (number == 2)
    assert Manifest(Folder(str(out / "places"))).generations() == [6]
    (inputs / "d.jsonl").write_text('{"id": "d0", "text": "t"}\n')
    run(learned(inputs), str(out), workers=1)
    assert Manifest(Folder(str(out / "places"))).generations() == [6, 8]
    assert ids(out / "after/data") == [*sorted(f"{name}{n}" for name in "abc" for n in range(5)), "d0"]


def test_a_sample_that_is_not_settled_makes_what_it_cost_stale(tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    (inputs / "a.jsonl").write_text('{"id": "a", "text": "t"}\n{"id": "b", "text": "t"}\n')
    run(learned(inputs, settled=False), str(tmp_path / "out"), workers=1)
    (inputs / "c.jsonl").write_text('{"id": "c", "text": "t"}\n')
    with pytest.raises(StaleOutput, match="train"):
        run(learned(inputs, settled=False), str(tmp_path / "out"), workers=1)


def test_redo_learns_from_all(tmp_path):
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    (inputs / "a.jsonl").write_text('{"id": "a", "text": "t"}\n{"id": "b", "text": "t"}\n')
    run(learned(inputs), str(out), workers=1)
    (inputs / "c.jsonl").write_text('{"id": "c", "text": "t"}\n')
    report = run(learned(inputs), str(out), redo=["sample+"], workers=1)
    assert report.ran == ("texts", "sample", "train", "places", "after")
    assert ids(out / "after/data") == ["a", "b", "c"]
    assert {one.status for one in plan(learned(inputs), str(out))} == {"done"}


def test_a_threshold_may_move_while_files_are_added(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text('{"id": "a", "text": "t", "int_score": 3, "score": 3.0}\n')
    where = (str(tmp_path / "in"),)

    def recipe(threshold):
        steps = [KeepScore(threshold=threshold, cut="published")]
        return Recipe(
            name="r", settings={"threshold": threshold}, stages=(Stage(name="select", reads=where, steps=steps),)
        )

    run(recipe(3), str(tmp_path / "out"))
    (tmp_path / "in/b.jsonl").write_text('{"id": "b", "text": "t", "int_score": 4, "score": 4.0}\n')
    run(recipe(4), str(tmp_path / "out"))
    assert ids(tmp_path / "out/select/data") == ["b"]
