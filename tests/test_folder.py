import json
import os
import uuid
from pathlib import Path

import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, local_copy, open_input


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    """An empty folder on a local and on a remote file system."""
    return Folder(str(tmp_path / "run") if request.param == "local" else f"memory://{uuid.uuid4().hex}/run")


def everything(folder):
    return sorted(path for path in folder.fs.find(folder.root))


def stage(folder, name="score", finished=True, files=("00000.parquet", "00001.parquet")):
    """A folder as a stage leaves it."""
    folder.write_json(f"{name}/shards.json", {"shards": []})
    for file in files:
        folder.write_bytes(f"{name}/data/{file}", b"rows")
    folder.write_bytes(f"{name}/removed/00000.parquet", b"dropped")
    if finished:
        folder.write_json(f"{name}/stage.json", {})


def test_what_is_written_is_read(folder):
    folder.write_json("a/b.json", {"é": [1, None]})
    assert folder.read_json("a/b.json") == {"é": [1, None]}
    assert folder.exists("a/b.json")
    assert folder.exists("a")
    assert (folder / "a").read_json("b.json") == {"é": [1, None]}
    assert folder.open("a/b.json").read() == json.dumps({"é": [1, None]}, indent=1, ensure_ascii=False).encode() + b"\n"


def test_what_is_not_there(folder):
    assert folder.read_json("a.json") is None
    assert not folder.exists("a")
    assert not folder.exists()
    assert folder.list_files("a") == []
    assert folder.size("a") == 0
    folder.remove("a")
    folder.remove()


def test_a_file_appears_only_when_complete(folder):
    with folder.create("data/a.txt") as local:
        Path(local).write_text("half")
        assert folder.list_files("data") == []
        Path(local).write_text("whole")
    assert folder.open("data/a.txt").read() == b"whole"
    assert everything(folder) == [folder.path("data/a.txt")]


def test_an_error_leaves_nothing_and_keeps_the_old_file(folder):
    folder.write_bytes("a.txt", b"old")
    with pytest.raises(ZeroDivisionError), folder.create("a.txt") as local:
        Path(local).write_text("new")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), folder.create("b.txt") as local:
        raise ZeroDivisionError
    assert everything(folder) == [folder.path("a.txt")]
    assert folder.open("a.txt").read() == b"old"
    assert not Path(local).exists()
    if not folder.is_local:
        assert not Path(local).parent.exists()


def test_hidden_files_are_not_listed(folder):
    for name in ("b.parquet", "a.parquet", ".hidden.parquet", "c.json"):
        folder.write_bytes(f"data/{name}", b"x")
    assert folder.list_files("data", ".parquet") == ["data/a.parquet", "data/b.parquet"]
    assert (folder / "data").list_files(suffix=".json") == ["c.json"]


def test_a_folder_below_a_hidden_one_works(tmp_path):
    folder = Folder(str(tmp_path / ".cache" / "run"))
    stage(folder)
    assert folder.list_files("score/data") == ["score/data/00000.parquet", "score/data/00001.parquet"]
    assert len(list_inputs(f"{folder.location}/score", (".parquet",))) == 2


def test_left_overs_of_killed_writers_are_removed(tmp_path):
    folder = Folder(str(tmp_path))
    folder.write_bytes("data/a.parquet", b"x")
    (tmp_path / "data" / ".b.parquet.part-77").write_bytes(b"half")
    folder.remove_parts("data")
    folder.remove_parts("nothing")
    assert everything(folder) == [folder.path("data/a.parquet")]


def test_remove_and_size(folder):
    folder.write_bytes("a/b/c.txt", b"12345")
    folder.write_bytes("a/d.txt", b"123")
    assert folder.size("a/d.txt") == 3
    assert folder.size("a") == 8
    folder.remove("a/d.txt")
    assert folder.list_files("a/b") == ["a/b/c.txt"]
    folder.remove("a")
    assert not folder.exists("a")


def test_rename_moves_a_whole_folder(folder):
    stage(folder, ".score.new")
    before = [path.replace(".score.new", "score") for path in everything(folder)]
    folder.rename(".score.new", "score")
    assert everything(folder) == before
    assert not folder.exists(".score.new")


def test_create_folder_replaces_the_old_one_when_complete(folder):
    folder.write_bytes("model/old.txt", b"old")
    with folder.create_folder("model") as local:
        (local / "deep").mkdir()
        (local / "deep" / "a.txt").write_text("a")
        (local / "b.txt").write_text("b")
        assert folder.list_files("model") == ["model/old.txt"]
    assert everything(folder) == [folder.path("model/b.txt"), folder.path("model/deep/a.txt")]
    assert not local.exists()


def test_create_folder_leaves_the_old_one_on_an_error(folder):
    folder.write_bytes("model/old.txt", b"old")
    with pytest.raises(ZeroDivisionError), folder.create_folder("model") as local:
        (local / "b.txt").write_text("b")
        raise ZeroDivisionError
    assert everything(folder) == [folder.path("model/old.txt")]
    assert not local.exists()


def test_create_folder_can_be_the_folder_itself(folder):
    with folder.create_folder("") as local:
        (local / "a.txt").write_text("a")
    assert everything(folder) == [folder.path("a.txt")]


def test_check_writable_leaves_nothing_behind(folder):
    folder.check_writable()
    assert everything(folder) == []


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    folder = Folder(str(tmp_path / "file" / "run"))
    with pytest.raises(ConfigError, match=r"output folder .*/file/run cannot be written"):
        folder.check_writable()
    assert folder.read_json("run.json") is None
    assert not folder.exists("run.json")
    assert folder.list_files("data") == []


def test_an_unknown_protocol_is_a_config_error():
    with pytest.raises(ConfigError, match="nowhere://x"):
        Folder("nowhere://x")
    with pytest.raises(ConfigError, match="nowhere://x"):
        list_inputs("nowhere://x", (".parquet",))


def names(location, *suffixes):
    return [Path(file.path).name for file in list_inputs(location, suffixes or (".parquet",))]


def test_inputs_of_a_path_a_glob_and_a_folder(folder):
    for name in ("b.parquet", "a.parquet", "z/c.parquet", "d.txt", ".e.parquet", ".hidden/f.parquet"):
        folder.write_bytes(f"in/{name}", b"123")
    where = f"{folder.location}/in"
    assert names(f"{where}/a.parquet") == ["a.parquet"]
    assert names(f"{where}/d.txt") == ["d.txt"]
    assert names(f"{where}/*.parquet") == ["a.parquet", "b.parquet"]
    assert names(f"{where}/**/*.parquet")[-1] == "c.parquet"
    assert names(where) == ["a.parquet", "b.parquet", "c.parquet"]
    assert names(f"{where}/") == ["a.parquet", "b.parquet", "c.parquet"]
    assert names(where, ".parquet", ".txt") == ["a.parquet", "b.parquet", "d.txt", "c.parquet"]
    for file in list_inputs(where, (".parquet",)):
        assert file.size == 3
        assert open_input(file.path).read() == b"123"


def test_a_changed_file_has_another_etag(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"1")
    before = list_inputs(str(path), ())
    assert list_inputs(str(path), ()) == before
    path.write_bytes(b"2")
    os.utime(path, (1, 1))
    assert list_inputs(str(path), ())[0].etag != before[0].etag


def test_a_stage_stands_for_its_data_and_a_run_for_its_last_stage(folder):
    stage(folder, "score")
    stage(folder, "select", files=["00007.parquet"])
    folder.write_json("run.json", {"result": "select"})
    assert names(f"{folder.location}/score") == ["00000.parquet", "00001.parquet"]
    assert names(folder.location) == ["00007.parquet"]
    assert names(f"{folder.location}/score/removed") == ["00000.parquet"]


def test_an_unfinished_stage_is_no_input(folder):
    stage(folder, "score", finished=False)
    with pytest.raises(ConfigError, match="score: this stage is unfinished"):
        list_inputs(f"{folder.location}/score", (".parquet",))


def test_configurations_that_overlap_are_not_read_together(folder):
    stage(folder, "publish", files=["math-3plus/train-00000.parquet", "math-4plus/train-00000.parquet", "README.md"])
    with pytest.raises(ConfigError, match=r"several datasets lie here \(math-3plus, math-4plus\)"):
        list_inputs(f"{folder.location}/publish", (".parquet",))
    assert names(f"{folder.location}/publish/data/math-4plus") == ["train-00000.parquet"]


@pytest.mark.parametrize("name", ["nothing", "nothing/*.parquet", "empty"])
def test_a_missing_input_is_a_config_error(folder, name):
    folder.write_bytes("empty/readme.txt", b"x")
    with pytest.raises(ConfigError, match=r"no input found \(looked for .parquet, .jsonl\)"):
        list_inputs(f"{folder.location}/{name}", (".parquet", ".jsonl"))


def test_brackets_in_a_name_are_no_glob(tmp_path):
    (tmp_path / "[2024]").mkdir()
    (tmp_path / "[2024]" / "a.parquet").write_text("x")
    assert names(str(tmp_path / "[2024]")) == ["a.parquet"]
    assert names(str(tmp_path / "[2024]" / "a.parquet")) == ["a.parquet"]


def test_a_local_copy_is_the_folder_itself_and_a_remote_one_is_fetched(folder):
    folder.write_bytes("model/a.txt", b"x")
    copy = local_copy(f"{folder.location}/model")
    assert (copy / "a.txt").read_bytes() == b"x"
    assert folder.is_local == (copy == Path(folder.path("model")))


def test_left_overs_below_a_route_are_removed_too(tmp_path):
    (tmp_path / "data" / "math-3plus").mkdir(parents=True)
    (tmp_path / "data" / "math-3plus" / ".train-00000.parquet.part-77").write_bytes(b"half")
    Folder(str(tmp_path)).remove_parts("data")
    assert everything(Folder(str(tmp_path))) == []


class Refusing(AbstractFileSystem):
    """A store that knows nobody."""

    protocol = "refusing"
    error = PermissionError("Forbidden")

    def exists(self, *args, **kwargs):
        raise self.error

    ls = open = exists


class Unreachable(Refusing):
    """A store whose package has errors of its own, as S3's has."""

    protocol = "unreachable"
    error = RuntimeError("Could not connect")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Refusing, "access denied: Forbidden; key and secret are those of the environment"),
        (Unreachable, "RuntimeError: Could not connect"),
    ],
)
@pytest.mark.parametrize(
    "look",
    [Folder.exists, Folder.list_files, lambda folder: folder.read_json("run.json")],
    ids=["exists", "list", "read"],
)
def test_a_store_that_cannot_be_looked_into_is_a_config_error(kind, said, look):
    fsspec.register_implementation(kind.protocol, kind, clobber=True)
    folder = Folder(f"{kind.protocol}://bucket/run")
    with pytest.raises(ConfigError, match=f"^{kind.protocol}://bucket/run: {said}"):
        look(folder)
    with pytest.raises(ConfigError, match=f"^{kind.protocol}://bucket/in: cannot be listed: {said}"):
        list_inputs(f"{kind.protocol}://bucket/in", (".parquet",))


class Buckets(MemoryFileSystem):
    """An object store: folders need not be made, and making one would make its bucket."""

    protocol = ("buckets", "s3")

    def makedirs(self, path, exist_ok=False):
        raise AssertionError(path)

    def put_file(self, lpath, rpath, **kwargs):
        self.pipe_file(rpath, Path(lpath).read_bytes())


def test_no_bucket_is_made():
    fsspec.register_implementation("buckets", Buckets, clobber=True)
    folder = Folder(f"buckets://{uuid.uuid4().hex}/run")
    folder.write_bytes("data/a.txt", b"whole")
    assert folder.list_files("data") == ["data/a.txt"]


def test_a_broken_record_is_no_matter_of_the_store(folder):
    folder.write_bytes("run.json", b"{")
    with pytest.raises(json.JSONDecodeError):
        folder.read_json("run.json")


def test_left_overs_of_one_file_are_removed_alone(tmp_path):
    (tmp_path / "data").mkdir()
    for name in (".00003.parquet.part-7", ".train-00003.parquet.part-7", ".00004.parquet.part-7", "00003.parquet"):
        (tmp_path / "data" / name).touch()
    Folder(str(tmp_path)).remove_parts("data", of="00003")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".00004.parquet.part-7", "00003.parquet"]


@pytest.mark.parametrize("location", ["{tmp_path}", "memory://listed"])
def test_many_json_files_and_sizes(tmp_path, location):
    folder = Folder(location.format(tmp_path=tmp_path))
    for number in range(70):
        folder.write_json(f"a/{number:02d}.json", {"number": number})
    folder.write_bytes("a/.hidden.json", b"{}")
    names = folder.list_files("a", ".json")
    assert len(names) == 70
    assert [one["number"] for one in folder.read_jsons(names)] == list(range(70))
    assert folder.read_jsons([]) == []
    assert folder.list_sizes("a", ".json") == {name: folder.size(name) for name in names}
    folder.remove_file("a/00.json")
    folder.remove_file("a/00.json")
    assert folder.read_json("a/00.json") is None
    folder.remove()
