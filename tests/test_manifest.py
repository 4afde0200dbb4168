import json

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.folder import Folder
from curation.manifest import Manifest, Shard, changes, digest, fix_shards


def test_a_digest_depends_on_values_and_not_on_their_order():
    one = digest({"a": 1, "b": {"c": "é", "d": [1, 2]}})
    assert one == digest({"b": {"d": [1, 2], "c": "é"}, "a": 1})
    assert len(one) == 16
    assert one != digest({"a": 1, "b": {"c": "é", "d": [2, 1]}})
    assert one != digest({"a": 1, "b": {"c": "e", "d": [1, 2]}})


def test_changes_name_what_differs():
    old = {"steps": {"Keep": {"threshold": 3, "cut": "published"}}, "reads": "x", "gone": 1}
    new = {"steps": {"Keep": {"threshold": 4, "cut": "published"}}, "reads": "x", "come": None}
    assert changes(old, new) == [("steps.Keep.threshold", 3, 4), ("gone", 1, None), ("come", None, None)]
    assert changes(old, old) == []


def test_shards_of_files_in_order():
    files = [("c", 3), ("a", 1), ("b", 2), ("d", 4), ("e", 5)]
    assert fix_shards(files, gather=False, most=2) == [Shard(0, ("c", "a"), 4), Shard(1, ("b", "d", "e"), 11)]
    assert fix_shards(files, gather=True, most=2) == [Shard(0, ("c", "a", "b", "d", "e"), 15)]
    assert [shard.files for shard in fix_shards(files, gather=False, most=100)] == [(name,) for name, _ in files]
    assert Shard(7, (), 0).name == "00007"


def test_no_files_are_one_empty_shard():
    for gather in (True, False):
        assert fix_shards([], gather=gather, most=5) == [Shard(0, (), 0)]


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 10**12), max_size=80),
    gather=st.booleans(),
    most=st.integers(1, 100),
)
def test_shards_hold_all_files_once_and_in_order(sizes, gather, most):
    files = [(f"file {number}", size) for number, size in enumerate(sizes)]
    shards = fix_shards(files, gather=gather, most=most)
    assert [path for shard in shards for path in shard.files] == [path for path, _ in files]
    assert sum(shard.size for shard in shards) == sum(sizes)
    assert [shard.index for shard in shards] == list(range(len(shards)))
    assert len(shards) == (1 if gather else max(1, min(most, len(files))))
    if files and not gather:
        counts = [len(shard.files) for shard in shards]
        assert min(counts) >= 1
        assert max(counts) - min(counts) <= 1


def started(folder, sizes=(5, 9, 1), **identity):
    manifest = Manifest(Folder(str(folder)))
    shards = [Shard(index, (f"in-{index}",), size) for index, size in enumerate(sizes)]
    manifest.start({"stage": "x"} | identity, shards, {"threshold": 3})
    return manifest, shards


def record(documents=10, kept=7, opened=1, **removed):
    counts = {"documents": documents, "kept": kept, "removed": removed, "counts": {"tokens": 100}}
    return counts | {"opened": opened, "seconds": 0.5}


def test_a_stage_that_never_started_is_empty(tmp_path):
    manifest = Manifest(Folder(str(tmp_path / "stage")))
    assert manifest.started() is None
    assert manifest.finished() is None
    assert manifest.shards() == manifest.unfinished() == manifest.records() == []
    assert manifest.done() == set()


def test_what_was_fixed_at_the_start_is_read_again(tmp_path):
    manifest, shards = started(tmp_path)
    assert manifest.shards() == shards
    assert manifest.started()["digest"] == digest({"stage": "x"})
    assert manifest.started()["settings"] == {"threshold": 3}
    assert manifest.finished() is None


def test_unfinished_shards_come_largest_first(tmp_path):
    manifest, shards = started(tmp_path, sizes=(5, 9, 1, 9))
    assert [shard.index for shard in manifest.unfinished()] == [1, 3, 0, 2]
    manifest.open_shard(shards[1])
    assert len(manifest.unfinished()) == 4
    manifest.finish_shard(shards[1], record())
    assert [shard.index for shard in manifest.unfinished()] == [3, 0, 2]
    assert manifest.done() == {1}


def test_openings_are_counted(tmp_path):
    manifest, shards = started(tmp_path)
    assert [manifest.open_shard(shards[0]) for _ in range(3)] == [1, 2, 3]
    assert manifest.open_shard(shards[1]) == 1


def test_finish_adds_up_the_shards(tmp_path):
    manifest, shards = started(tmp_path, sizes=(1, 1))
    manifest.finish_shard(shards[1], record(too_short=3))
    manifest.finish_shard(shards[0], record(documents=5, kept=1, opened=2, empty_text=1, too_short=3))
    finished = manifest.finish({"stage": "x"}, {"executor": "local"})
    assert finished == manifest.finished() == json.loads((tmp_path / "stage.json").read_text())
    assert (finished["documents"], finished["kept"], finished["shards"], finished["opened"]) == (15, 8, 2, 3)
    assert finished["removed"] == {"empty_text": 1, "too_short": 6}
    assert finished["counts"] == {"tokens": 200}
    assert finished["shard_seconds"] == 1.0
    assert finished["digest"] == digest({"stage": "x"})
    assert finished["executor"] == "local"
