import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from curation import content
from curation.content import (
    SUFFIX,
    absolute_location,
    content_root,
    find_content,
    list_content,
    package_revision,
    read_front_matter,
    resolve_location,
)
from curation.errors import ConfigError, ContentError

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("kind", SUFFIX)
def test_every_listed_name_is_found(kind):
    names = list_content(kind)
    assert names == sorted(names)
    assert names
    for name in names:
        assert find_content(kind, name) == content_root() / kind / f"{name}{SUFFIX[kind]}"


def test_a_file_of_the_user_is_found_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "mine.md").write_text("x")
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path / "mine.md"), "./mine.md", "mine.md"):
        assert find_content("prompts", name) == tmp_path / "mine.md"


def test_a_folder_of_the_user_does_not_shadow_ours(tmp_path, monkeypatch):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "finemath_5pt.md").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert find_content("prompts", "finemath_5pt").parent == content_root() / "prompts"


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(ContentError, match=r"pipelines: no 'finemth' \(did you mean 'finemath'\?\)"):
        find_content("pipelines", "finemth")


def test_a_name_like_nothing_lists_what_is_shipped():
    with pytest.raises(ContentError, match=r"shipped are .*finemath_5pt"):
        find_content("prompts", "zzzzzz")


def test_a_missing_path_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContentError, match=f"prompts: no file {tmp_path}/mine.md"):
        find_content("prompts", "./mine.md")


def front_matter(folder, text):
    path = folder / "prompt.md"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_front_matter(path)


def test_front_matter_and_the_text_after_it(tmp_path):
    assert front_matter(tmp_path, "---\na: 1\n---\nText\n---\nmore\n") == ({"a": 1}, "Text\n---\nmore\n")
    assert front_matter(tmp_path, "---\r\na: 1\r\n---\r\nText\r\n") == ({"a": 1}, "Text\n")
    assert front_matter(tmp_path, "---\na: b---\nc: 1\n---\nText") == ({"a": "b---", "c": 1}, "Text")
    assert front_matter(tmp_path, "---\na: 1\n---") == ({"a": 1}, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no front matter", "expected front matter between two lines of ---"),
        ("---\na: 1\n", "expected front matter between two lines of ---"),
        ("before\n---\na: 1\n---\n", "expected front matter between two lines of ---"),
        ("---\n---\n", "front matter must be a mapping"),
        ("---\n- a\n---\n", "front matter must be a mapping"),
        ("---\na: [\n---\n", "front matter is not valid YAML"),
        ("---\na: 1\na: 2\n---\n", "key 'a' stands twice"),
        (b"---\na: \xe9\n---\n", "not UTF-8"),
    ],
)
def test_broken_front_matter_is_a_content_error_that_names_the_file(tmp_path, text, message):
    with pytest.raises(ContentError, match=message) as caught:
        front_matter(tmp_path, text)
    assert "prompt.md" in str(caught.value)


def test_locations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    assert resolve_location("content:pipelines/sample") == str(content_root() / "pipelines" / "sample")
    assert resolve_location("package:curation/html") == str(Path(content.__file__).parent / "html")
    assert resolve_location("package:curation") == str(Path(content.__file__).parent)
    assert resolve_location("data/x.jsonl") == str(tmp_path / "data" / "x.jsonl")
    assert resolve_location("../x") == str(tmp_path.parent / "x")
    assert resolve_location("~/x") == "/home/someone/x"
    assert resolve_location("/a/b") == "/a/b"
    for url in ("s3://bucket/a", "hf://datasets/a/b", "https://a.org/b"):
        assert resolve_location(url) == url


def test_what_enters_an_identity_keeps_symbolic_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for symbolic in ("content:pipelines/sample", "package:curation/html", "{output}/train", "s3://bucket/a"):
        assert absolute_location(symbolic) == symbolic
    assert absolute_location("a") == str(tmp_path / "a")


@pytest.mark.parametrize("location", ["package:no_such_package/model", "package:no_such.sub/model", "package:/model"])
def test_a_missing_package_names_the_pip_line(location):
    with pytest.raises(ConfigError, match=r"is not installed; pip install 'curation\[demo\]'"):
        resolve_location(location)
    with pytest.raises(ConfigError, match=r"is not installed; pip install"):
        package_revision(location)


def test_the_revision_of_a_package_is_its_version():
    assert package_revision("package:yaml/x") == f"PyYAML=={importlib.metadata.version('PyYAML')}"
    assert package_revision("/some/folder") is None


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel, built as a user would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode and ("hatchling" in built.stderr or "onnection" in built.stderr):
        pytest.skip(f"the wheel cannot be built without the network: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("curation-*.whl"))


def test_the_wheel_holds_one_package_with_the_content_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"curation"}
    for kind, suffix in SUFFIX.items():
        for name in list_content(kind):
            assert f"curation/_content/{kind}/{name}{suffix}" in names
    assert any(name.startswith("curation/_content/pipelines/sample/finemath-") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith("curation/_content/pipelines/out")]


def test_content_is_found_in_an_unpacked_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import curation; from curation.content import *; from curation.recipe import load_recipe;"
        "print(curation.__file__); print(find_content('prompts', 'finemath_5pt'));"
        "print(load_recipe('finemath', config='finemath-smoke').name)"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    package, prompt, recipe = done.stdout.split("\n")[:3]
    assert package == str(tmp_path / "site" / "curation" / "__init__.py")
    assert prompt == str(tmp_path / "site" / "curation" / "_content" / "prompts" / "finemath_5pt.md")
    assert recipe == "finemath"
