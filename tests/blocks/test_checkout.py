import json
import subprocess
import uuid
from collections import Counter

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import file_groups
from curation.blocks.checkout import FILE_COLUMNS, read_checkout, read_group, repository_name
from curation.blocks.decoding import git_blob_id
from curation.blocks.read import columns_of, count_rows, read_files
from curation.blocks.tables import are_tables
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.file_groups import group_files, list_groups, short_name
from curation.folder import list_inputs, open_input
from curation.recipe import Stage
from curation.running import run_stages

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = (
    '[core]\n\tbare = false\n[remote "upstream"]\n\turl = https://x.org/other/thing\n[remote "origin"]\n\turl = {}\n'
)


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def checkout(folder, url="https://github.com/owner/tool.git", head=COMMIT, **files):
    write(folder / ".git", {"config": ORIGIN.format(url), "HEAD": f"{head}\n", "objects/ab/cd": b"\x78\x9c\0"})
    return write(folder, {name.replace("__", "/").replace("_py", ".py"): text for name, text in files.items()})


def read(location):
    """The documents, what was rejected, and what was skipped."""
    rejected, skipped = [], Counter()
    names = [file.path for file in list_inputs(resolve_location(location))]
    docs = list(read_files(names, {}, lambda doc, why: rejected.append((doc.metadata["path"], why)), skipped))
    return docs, rejected, skipped


def on_memory(folder):
    """The same files on a file system that is not local."""
    place = f"memory://{uuid.uuid4().hex}"
    fs = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            fs.pipe_file(f"{place}/top/{path.relative_to(folder)}", path.read_bytes())
    return f"{place}/top"


def test_files_of_a_checkout(tmp_path):
    checkout(tmp_path / "tool", src__a_py="print(1)\n", b_py="")
    docs, rejected, skipped = read(f"files:{tmp_path}/tool")
    assert [(doc.metadata["path"], doc.text) for doc in docs] == [("b.py", ""), ("src/a.py", "print(1)\n")]
    assert not rejected
    assert skipped == {"git_folder": 1}
    assert docs[1].metadata == {
        "blob_id": git_blob_id(b"print(1)\n"),
        "repo_name": "owner/tool",
        "path": "src/a.py",
        "revision_id": COMMIT,
        "src_encoding": "UTF-8",
        "length_bytes": 9,
        "checkout": str(tmp_path / "tool"),
    }
    assert docs[1].id == f"{docs[1].metadata['blob_id']}:src/a.py"


def test_a_blob_has_the_id_that_git_gives_it(tmp_path):
    assert git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_real_repository(tmp_path):
    def git(*arguments):
        done = subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@b.org", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    try:
        git("--version")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git is not installed")
    git("init", "-q")
    git("remote", "add", "origin", "git@github.com:some/thing.git")
    write(tmp_path, {"src/a.py": "x = 1\n", "data/own.txt": "untracked"})
    git("add", "src")
    git("commit", "-q", "-m", "one")
    (doc,), _, _ = read(f"files:{tmp_path}/src")
    row = doc.metadata
    assert (row["repo_name"], row["path"], row["revision_id"]) == ("some/thing", "src/a.py", git("rev-parse", "HEAD"))
    assert row["blob_id"] == git("hash-object", "src/a.py")
    git("pack-refs", "--all")
    read_checkout.cache_clear()
    assert read_checkout(str(tmp_path)).revision_id == git("rev-parse", "HEAD")
    (other,), _, _ = read(f"files:{tmp_path}/data")  # lies in the checkout, but is none of its files
    assert (other.metadata["repo_name"], other.metadata["path"]) == ("data", "own.txt")
    git("worktree", "add", "-q", str(tmp_path / "beside"))
    assert read_checkout(str(tmp_path / "beside")) == read_checkout(str(tmp_path))


@pytest.mark.parametrize("remote", [False, True])
def test_checkouts_in_a_folder_are_told_apart(tmp_path, remote):
    checkout(tmp_path / "one", a_py="1")
    checkout(
        tmp_path / "one" / "vendor" / "two", url="ssh://git@example.org:22/group/sub/two", b_py="2", deep__c_py="3"
    )
    write(tmp_path, {"loose.py": "4"})
    location = on_memory(tmp_path) if remote else str(tmp_path)
    docs, _, skipped = read(f"files:{location}")
    name = "top" if remote else tmp_path.name
    assert [(doc.metadata["repo_name"], doc.metadata["path"]) for doc in docs] == [
        (name, "loose.py"),
        ("owner/tool", "a.py"),
        ("group/sub/two", "b.py"),
        ("group/sub/two", "deep/c.py"),
    ]
    assert skipped == {"git_folder": 2}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/owner/tool.git", "owner/tool"),
        ("https://user:s3cret@github.com/owner/tool", "owner/tool"),
        ("https://token@github.com/owner/tool/", "owner/tool"),
        ("git@github.com:owner/tool.git", "owner/tool"),
        ("ssh://git@example.org:2222/group/sub/tool.git", "group/sub/tool"),
        ("git://example.org/tool.git", "tool"),
        ("https://example.org/owner/tool.git?token=s3cret", "owner/tool"),
        ("/srv/git/private/tool.git", None),
        ("file:///srv/git/tool.git", None),
        ("../tool", None),
        ("C:/Users/me/tool", None),
        ("", None),
    ],
)
def test_the_name_of_a_repository_has_no_host_and_no_credentials(url, name):
    assert repository_name(f'[remote "origin"]\n\turl = {url}\n') == name


def test_without_an_origin_the_first_remote_counts():
    assert repository_name('[remote "fork"]\n  url = git@x.org:me/tool\n[branch "main"]\n url = no\n') == "me/tool"
    assert repository_name("[core]\n\tbare = false\n") is None
    assert repository_name("not a configuration [") is None


def test_the_revision_of_a_branch(tmp_path):
    checkout(tmp_path / "loose", head="ref: refs/heads/main")
    write(tmp_path / "loose/.git", {"refs/heads/main": f"{COMMIT}\n"})
    checkout(tmp_path / "packed", head="ref: refs/heads/main")
    packed = f"# pack-refs with: peeled\n{'9' * 40} refs/heads/mainline\n{COMMIT} refs/heads/main\n^{'8' * 40}\n"
    write(tmp_path / "packed/.git", {"packed-refs": packed})
    checkout(tmp_path / "unborn", head="ref: refs/heads/main")
    checkout(tmp_path / "circle", head="ref: HEAD")
    checkout(tmp_path / "broken", head="nonsense")
    found = {name: read_checkout(str(tmp_path / name)).revision_id for name in ("loose", "packed")}
    assert found == {"loose": COMMIT, "packed": COMMIT}
    assert [read_checkout(str(tmp_path / name)).revision_id for name in ("unborn", "circle", "broken")] == [None] * 3


def test_what_is_not_read_is_counted(tmp_path):
    write(tmp_path, {"a.py": "1", ".hidden": "2", ".cache/x.py": "3", ".cache/deep/y.py": "4", "new\nline.py": "5"})
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "large.txt").write_bytes(b"x" * (file_groups.MAX_FILE_BYTES + 1))
    docs, _, skipped = read(f"files:{tmp_path}")
    assert [doc.metadata["path"] for doc in docs] == ["a.py"]
    assert skipped == {"hidden_file": 1, "hidden_folder": 1, "symlink": 2, "too_large": 1, "unreadable_name": 1}


def test_the_same_is_counted_on_a_store(tmp_path):
    write(tmp_path, {"a.py": "1", ".hidden": "2", ".cache/x.py": "3", ".cache/deep/y.py": "4"})
    docs, _, skipped = read(f"files:{on_memory(tmp_path)}")
    assert [doc.text for doc in docs] == ["1"]
    assert skipped == {"hidden_file": 1, "hidden_folder": 1}


def test_what_is_no_text_is_rejected_with_its_reason(tmp_path):
    write(tmp_path, {"a.png": b"\x89PNG\0\1", "b.txt": "Größe".encode("latin-1"), "c.bin": bytes(range(1, 256)) * 9,
                     "d.txt": "é".encode("utf-16")})  # fmt: skip
    docs, rejected, _ = read(f"files:{tmp_path}")
    assert [(doc.text, doc.metadata["src_encoding"]) for doc in docs] == [("Größe", "WINDOWS-1252"), ("é", "UTF-16-LE")]
    assert rejected == [("a.png", "binary"), ("c.bin", "content_undecodable")]


def test_a_file_that_is_gone_since_it_was_listed(tmp_path):
    write(tmp_path, {"a.py": "1", "b.py": "2"})
    (group,) = list_inputs(f"files:{tmp_path}")
    (tmp_path / "a.py").unlink()
    rejected = []
    docs = list(read_group(group.path, lambda doc, why: rejected.append(why)))
    assert ([doc.text for doc in docs], rejected) == (["2"], ["content_missing"])


def test_a_glob_a_folder_and_one_file(tmp_path):
    checkout(tmp_path / "one", src__a_py="1", src__b_py="2", docs__c_py="3")
    checkout(tmp_path / "two", src__d_py="4")

    def paths(location):
        return [(doc.metadata["checkout"].rsplit("/", 1)[-1], doc.metadata["path"]) for doc in read(location)[0]]

    assert paths(f"files:{tmp_path}/*/src/*.py") == [("one", "src/a.py"), ("one", "src/b.py"), ("two", "src/d.py")]
    assert paths(f"files:{tmp_path}/**/b.py") == [("one", "src/b.py")]
    assert paths(f"files:{tmp_path}/o*") == [("one", "docs/c.py"), ("one", "src/a.py"), ("one", "src/b.py")]
    assert [path for _, path in paths(f"files:{tmp_path}/two/src/d.py")] == ["d.py"]  # no index: git tracks nothing
    assert [doc.text for doc in read_files([f"files:{tmp_path}/two//src/d.py"])] == ["4"]
    assert [doc.text for doc in read_files([f"files:{tmp_path}/one"])] == ["3", "1", "2"]


def test_where_nothing_is(tmp_path):
    write(tmp_path, {".hidden/a.py": "1"})
    for location in (f"files:{tmp_path}", f"files:{tmp_path}/nothing", f"files:{tmp_path}/*.py"):
        with pytest.raises(ConfigError, match="no visible file found"):
            list_inputs(location)


def test_a_location_is_understood_wherever_an_input_is(tmp_path, monkeypatch):
    write(tmp_path / "x", {"a.py": "1", "b.parquet": "2"})
    monkeypatch.chdir(tmp_path)
    assert resolve_location("files:x") == absolute_location("files:x") == f"files:{tmp_path}/x"
    assert resolve_location("files:s3://bucket/x") == "files:s3://bucket/x"
    (group,) = list_inputs(resolve_location("files:x"), (".parquet",))
    assert columns_of([group.path], {}) == {"id": pa.string(), "text": pa.large_string(), **FILE_COLUMNS}
    assert count_rows([group.path]) == 2
    assert not are_tables([group.path], {})
    assert short_name(group.path) == group.label == f"files:{tmp_path}/x//a.py and 1 more"
    with pytest.raises(ConfigError, match=r"a\.py and 1 more: files of a folder are documents"):
        open_input(group.path)


def test_groups_hold_some_hundred_files_or_some_megabytes(tmp_path, monkeypatch):
    write(tmp_path, {f"{n:04d}.py": "x" * (n % 3) for n in range(1001)})
    groups = list_groups(str(tmp_path))
    assert [len(group_files(group.name)[0]) for group in groups] == [200] * 5 + [1]
    assert sum(group.size for group in groups) == sum(n % 3 for n in range(1001))
    assert len({group.label for group in groups}) == 6
    monkeypatch.setattr(file_groups, "GROUP_BYTES", 10)
    assert all(group.size <= 10 for group in list_groups(str(tmp_path)))


def test_a_changed_file_changes_its_group_alone(tmp_path):
    write(tmp_path, {f"{n:04d}.py": "x" for n in range(400)})
    before = list_groups(str(tmp_path))
    (tmp_path / "0300.py").write_text("longer")
    after = list_groups(str(tmp_path))
    assert before[0] == after[0]
    assert before[1].digest != after[1].digest


@pytest.mark.parametrize("place", ["src", "src/deep/a.py", "src/*/*.py", "src/**/*.py"])
def test_a_licence_that_is_not_listed_and_holds_changes_what_is_listed(tmp_path, place):
    checkout(tmp_path, **{"src/deep/a.py": "1"})
    (tmp_path / ".git/index").write_bytes(b"DIRC\0\0\0\2 src/deep/a.py src/deep/")
    write(tmp_path, {"LICENSE": "MIT", "other/LICENSE": "MIT", "other/b.py": "2", "package.json": "{}", "c.py": "3"})
    if "*" in place:
        write(tmp_path, {"src/deep/LICENSE": "MIT"})

    def digests():
        return [group.digest for group in list_groups(f"{tmp_path}/{place}")]

    seen = [digests()]
    for name in ("LICENSE", "package.json", *(["src/deep/LICENSE"] if "*" in place else [])):
        (tmp_path / name).write_text("changed")
        seen.append(digests())
        assert seen[-1] != seen[-2]
    for name in ("other/LICENSE", "c.py"):
        (tmp_path / name).write_text("changed")
    assert digests() == seen[-1]


@given(st.lists(st.text(alphabet="ab./ #=\\é", min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_a_name_tells_all_of_its_files(parts):
    names = sorted({f"f{part.strip('/').replace('//', '/')}" for part in parts})
    files = [file_groups._Visible("/top/x", name, 1, "") for name in names]
    files += [file_groups._Visible("s3://b/y", name, 1, "") for name in names]
    group = file_groups._group(files, Counter(symlink=2))
    assert group_files(group.name) == ([(one.root, one.path) for one in files], Counter(symlink=2))


def test_a_stage_over_a_folder_runs_in_shards_and_notices_a_change(tmp_path):
    write(tmp_path / "in", {f"{n % 7}/{n:04d}.py": f"print({n})\n" for n in range(500)})
    stages = [Stage(name="read", reads=(f"files:{tmp_path}/in",), steps=[])]
    report = run_stages("files", stages, str(tmp_path / "out"), {}, workers=1)
    record = report.records["read"]
    assert (record["documents"], record["kept"], record["shards"]) == (500, 500, 3)
    rows = pq.read_table(tmp_path / "out/read/data").to_pylist()
    assert {row["path"]: row["text"] for row in rows} == {f"{n % 7}/{n:04d}.py": f"print({n})\n" for n in range(500)}
    listed = json.loads((tmp_path / "out/read/shards.json").read_text())["identity"]["reads"]["files"]
    assert [name.rsplit(" and ")[-1] for name in listed] == ["199 more", "199 more", "99 more"]
    assert run_stages("files", stages, str(tmp_path / "out"), {}, workers=1).ran == ()
    write(tmp_path / "in", {"3/0003.py": "changed"})
    assert run_stages("files", stages, str(tmp_path / "out"), {}, workers=1).ran == ("read",)
