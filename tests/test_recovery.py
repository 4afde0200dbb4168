"""Runs that were cut short, asked for in part or started in the middle; folders without renames."""

import json
import uuid
from pathlib import Path

import pytest
from toy_recipe import everything, record_of, rows_of, tree

from curation import ConfigError, CurationError, StaleOutput, load_recipe, run
from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards
from curation.folder import Folder
from curation.manifest import Manifest, Shard, digest
from curation.swapping import recover, swap

RECIPE = '''
"""Three stages in one of three shapes; each can be told to fail once."""

from dataclasses import dataclass, field
from pathlib import Path

from curation import Stage, folder_of
from curation.blocks.step import Step, tuning


@dataclass(kw_only=True, repr=False)
class Work(Step):
    factor: int
    needed: str | None = None
    fails_once: str | None = tuning(None)

    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            if self.fails_once and doc.id == "1-0" and not Path(self.fails_once).exists():
                Path(self.fails_once).write_text("failed")
                raise ZeroDivisionError("once")
            yield doc


@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...]
    shape: str
    factor: dict = field(default_factory=dict)
    fails_once: dict = field(default_factory=dict)


def stages(s: Settings) -> list[Stage]:
    def work(name, **more):
        return [Work(factor=s.factor.get(name, 1), fails_once=s.fails_once.get(name), **more)]

    if s.shape == "needs":
        return [
            Stage(name="left", reads=s.inputs, steps=work("left"), costly=True),
            Stage(name="right", reads=s.inputs, steps=work("right")),
            Stage(name="end", reads="right", steps=work("end", needed=folder_of("left"))),
        ]
    return [
        Stage(name="left", reads=s.inputs, steps=work("left"), costly=True),
        Stage(name="right", reads="left", steps=work("right"), costly=True),
        Stage(name="end", reads="left" if s.shape == "fork" else "right", steps=work("end")),
    ]
'''


@pytest.fixture
def build(tmp_path):
    """A recipe of a shape, with three input files."""
    (tmp_path / "inputs").mkdir()
    for part in range(3):
        rows = [{"id": f"{part}-{row}", "text": f"text {part} {row}"} for row in range(4)]
        (tmp_path / f"inputs/{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "steered.py").write_text(RECIPE)
    (tmp_path / "steered.yaml").write_text(f"inputs: [{tmp_path}/inputs]\nshape: chain\n")

    def make(**values):
        return load_recipe(str(tmp_path / "steered.py"), values=values)

    return make


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def go(recipe, output, **options):
    return run(recipe, str(output), workers=1, **options)


def noted(output):
    return json.loads((output / "run.json").read_text())


def opened(stage):
    """How often each shard was opened, by the records of its shards."""
    paths = sorted((stage / "shards").glob("*.json"))
    return [json.loads(path.read_text())["opened"] for path in paths]


def ids_of(folder):
    return [row["id"] for row in rows_of(folder)]


def test_a_stage_alone_needs_what_its_steps_need(build, output):
    recipe = build(shape="needs")
    go(recipe, output, stage="right")
    before = everything(output)
    with pytest.raises(ConfigError, match="stage end needs left, which is not finished as it would be made now"):
        go(recipe, output, stage="end")
    assert everything(output) == before
    go(recipe, output, stage="left")
    assert go(recipe, output, stage="end").ran == ("end",)


def test_what_was_made_with_another_setting_is_not_what_is_needed(build, output):
    go(build(shape="needs"), output)
    before = everything(output)
    changed = build(shape="needs", factor={"left": 2})
    with pytest.raises(ConfigError, match="stage end needs left, which is not finished as it would be made now"):
        go(changed, output, stage="end")
    with pytest.raises(StaleOutput, match="left"):
        go(changed, output)
    assert everything(output) == before
    assert go(build(shape="needs"), output).ran == ()


def test_a_start_in_the_middle_says_which_other_start_is_missing(build, output, tmp_path):
    recipe, pages = build(shape="fork"), str(tmp_path / "inputs")
    with pytest.raises(ConfigError, match="stage end reads left, but the run starts from right: give --from end=PATH"):
        go(recipe, output, sources={"right": pages})
    assert not output.exists()
    report = go(recipe, output, sources={"right": pages, "end": f"{pages}/1.jsonl"})
    assert report.ran == ("right", "end")
    assert len(ids_of(output / "right/data")) == 12
    assert ids_of(output / "end/data") == [f"1-{row}" for row in range(4)]
    assert go(recipe, output, sources={"right": pages, "end": f"{pages}/1.jsonl"}).ran == ()


def test_a_start_in_the_middle_reads_what_was_made_here_before(build, output, tmp_path):
    recipe = build(shape="fork")
    go(recipe, output, stage="left")
    report = go(recipe, output, sources={"right": str(tmp_path / "inputs/1.jsonl")})
    assert report.ran == ("right", "end")
    assert len(ids_of(output / "right/data")) == 4
    assert len(ids_of(output / "end/data")) == 12


class Killed(Exception):
    pass


class Mortal(Folder):
    """A folder in which a process dies after so many changes."""

    def __init__(self, location, changes=None):
        super().__init__(location)
        self.left, self.made = changes, 0

    def _change(self):
        if self.left is not None and self.made == self.left:
            raise Killed
        self.made += 1

    def remove(self, name=""):
        self._change()
        super().remove(name)

    def copy(self, old, new):
        self._change()
        super().copy(old, new)

    def rename(self, old, new):
        self._change()
        super().rename(old, new)


OLD = {f"data/0000{n}.parquet": f"old {n}" for n in range(3)} | {
    "model/head.bin": "old",
    "shards/00000.json": "{}",
    "shards.json": '{"digest": "old"}',
    "stage.json": '{"digest": "old"}',
}
NEW = {f"data/0000{n}.parquet": f"new {n}" for n in range(2)} | {
    "model/stage.json": '{"digest": "of a model, which has a file of this name"}',
    "removed/00000.parquet": "new",
    "shards/00000.json": "{}",
    "shards.json": '{"digest": "new"}',
    "stage.json": '{"digest": "new"}',
}


def fill(folder, name, files):
    for path, content in files.items():
        folder.write_bytes(f"{name}/{path}", content.encode())


def content(folder, name):
    found = {}
    for path in folder.walk(name):
        with folder.open(path) as file:
            found[path.removeprefix(f"{name}/")] = file.read().decode()
    return found


@pytest.fixture(params=["memory", "local"])
def place(request, tmp_path):
    """Makes folders in which ``s`` is to be replaced."""
    names = []

    def make(old=OLD):
        name = uuid.uuid4().hex
        names.append(f"memory://{name}" if request.param == "memory" else str(tmp_path / name))
        folder = Folder(names[-1])
        assert folder.is_local == (request.param == "local")
        fill(folder, "s", old)
        fill(folder, ".s.new", NEW)
        return names[-1]

    yield make
    for name in names:
        Folder(name).remove()


def left_over(location):
    folder = Folder(location)
    return sorted({path.split("/")[0] for path in folder.walk("")} - {"s"})


@pytest.mark.parametrize("old", [OLD, {}])
def test_a_swap_leaves_the_new_files_alone(place, old):
    location = place(old)
    swap(Folder(location), "s")
    assert content(Folder(location), "s") == NEW
    assert left_over(location) == []
    recover(Folder(location), ["s", "another"])
    assert content(Folder(location), "s") == NEW


def changes_of_a_swap(place):
    folder = Mortal(place())
    swap(folder, "s")
    return folder.made


def test_killed_at_each_step_of_a_swap(place):
    for changes in range(changes_of_a_swap(place)):
        location = place()
        with pytest.raises(Killed):
            swap(Mortal(location, changes), "s")
        recover(Folder(location), ["s"])
        found = content(Folder(location), "s")
        if found == OLD:  # two renames: nothing was begun, and the run that goes on swaps at its end
            assert Folder(location).is_local and changes < 2
            assert content(Folder(location), ".s.new") == NEW
            swap(Folder(location), "s")
        assert content(Folder(location), "s") == NEW, changes
        # What is left of a copied folder is no longer taken for a finished stage.
        assert all(not Folder(location).exists(f"{name}/stage.json") for name in left_over(location)), changes


def test_recovering_can_be_killed_too(place):
    for first in range(changes_of_a_swap(place)):
        location = place()
        with pytest.raises(Killed):
            swap(Mortal(location, first), "s")
        for second in range(4):
            try:
                recover(Mortal(location, second), ["s"])
            except Killed:
                continue
        recover(Folder(location), ["s"])
        if content(Folder(location), "s") == OLD:
            assert Folder(location).is_local
            swap(Folder(location), "s")
        assert content(Folder(location), "s") == NEW, first


@pytest.mark.parametrize("copied", range(len(NEW) + 1))
def test_a_copy_that_was_cut_short_is_begun_again(copied):
    location = f"memory://{uuid.uuid4().hex}"
    folder = Folder(location)
    fill(folder, ".s.new", NEW)
    fill(folder, "s", dict(list(NEW.items())[:copied]) | ({"data/half": "half"} if copied < len(NEW) else {}))
    recover(folder, ["s"])
    assert content(folder, "s") == NEW
    assert left_over(location) == []
    folder.remove()


def test_a_rebuild_that_is_not_finished_replaces_nothing(place):
    location = place()
    Folder(location).remove(".s.new/stage.json")
    recover(Folder(location), ["s"])
    assert content(Folder(location), "s") == OLD
    assert left_over(location) == [".s.new"]


def fails(recipe, output, **options):
    with pytest.raises(CurationError, match="ZeroDivisionError: once"):
        go(recipe, output, **options)


@pytest.mark.parametrize("again", [(), ("left+",)], ids=["not asked again", "asked again"])
@pytest.mark.parametrize("stage", ["left", "right", "end"])
def test_a_redo_that_failed_goes_on(build, output, tmp_path, stage, again):
    go(build(), output)
    before = tree(output)
    recipe = build(fails_once={stage: str(tmp_path / "failed")})
    fails(recipe, output, redo=["left+"])
    assert set(noted(output)["redo"]) == {"left"}
    untouched = {name: everything(output / name) for name in ("left", "right") if name < stage}
    report = go(recipe, output, redo=list(again))
    names = ("left", "right", "end")
    assert report.ran == names[names.index(stage) :]
    # A stage that was finished is left alone, and of the one that failed the finished shard is.
    assert {name: everything(output / name) for name in untouched} == untouched
    begun = output / stage
    assert opened(begun) == [1, 2, 1]
    assert tree(output) == before
    assert record_of(output / "left")["identity"]["generation"] == 1
    assert noted(output)["redo"] == {}
    seen = everything(output)
    assert go(recipe, output).ran == ()
    assert everything(output) == seen
    assert go(recipe, output, redo=["left+"]).ran == names
    assert record_of(output / "left")["identity"]["generation"] == 2


def test_a_redo_of_one_stage_can_be_asked_for_again(build, output):
    recipe = build()
    go(recipe, output)
    for generation in (1, 2):
        assert go(recipe, output, stage="end", redo=["end"]).ran == ("end",)
        assert record_of(output / "end")["identity"]["generation"] == generation
    for generation in (1, 2):
        assert go(recipe, output, stage="left", redo=["left"]).ran == ("left",)
        assert record_of(output / "left")["identity"]["generation"] == generation


def test_one_stage_of_a_redo_is_remembered_until_what_follows_is_made(build, output):
    recipe = build()
    go(recipe, output)
    assert go(recipe, output, stage="left", redo=["left+"]).ran == ("left",)
    assert go(recipe, output).ran == ("right", "end")
    assert go(recipe, output).ran == ()


def test_a_redo_killed_at_its_very_end_is_over(build, output):
    recipe = build()
    go(recipe, output)
    go(recipe, output, redo=["left+"])
    asked = noted(output) | {"redo": {"left": 1}, "redo_follow": ["left"]}  # as it stood before the last write
    (output / "run.json").write_text(json.dumps(asked))
    assert go(recipe, output).ran == ()
    assert noted(output)["redo"] == {}
    assert go(recipe, output, redo=["end"]).ran == ("end",)
    assert go(recipe, output, redo=["left+"]).ran == ("left", "right", "end")
    with pytest.raises(StaleOutput):
        go(build(factor={"right": 2}), output)


def test_a_redo_that_failed_does_not_pay_for_what_stands_before_it(build, output, tmp_path):
    go(build(), output)
    fails(build(fails_once={"right": str(tmp_path / "failed")}), output, redo=["right+"])
    before = everything(output / "left")
    with pytest.raises(StaleOutput, match="left"):
        go(build(factor={"left": 2}), output)
    assert everything(output / "left") == before
    assert go(build(), output).ran == ("right", "end")


def test_shards_are_not_committed_to_a_stage_that_another_run_began_anew(build, output):
    folder = Folder(str(output))
    manifest = Manifest(folder)
    source = build().settings.inputs[0]
    shard = Shard(0, (f"{source}/0.jsonl",), Path(f"{source}/0.jsonl").stat().st_size)
    manifest.start({"stage": "mine"}, [shard], {})

    mine = RunShards(
        folder=folder.location,
        digest=digest({"stage": "mine"}),
        shards=[shard],
        total=1,
        steps=[],
        columns=columns_of(list(shard.files), {}),
        mapping={},
        removed="full",
        balanced=True,
    )
    for change in (lambda: manifest.start({"stage": "theirs"}, [shard], {}), lambda: folder.remove("shards.json")):
        change()
        with pytest.raises(CurationError, match="another run has begun this stage anew with other settings"):
            mine.run()
        assert manifest.done() == set()
    manifest.start({"stage": "mine"}, [shard], {})
    mine.run()
    assert manifest.done() == {0}
