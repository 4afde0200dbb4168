"""Uploading a dataset to the Hub: against a Hub in memory, with every fault that it can have, and killed anywhere."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hub_server import HubServer
from typer.testing import CliRunner

from curation import cli_hub
from curation.errors import ConfigError, ContentError, CurationError
from curation.folder import Folder
from curation.hub.calls import TRIES, HubCalls
from curation.hub.files import CARD
from curation.hub.push import check_push, push_dataset

SHARED = Path(__file__).resolve().parents[2] / "shared"
TOKEN = "hf_writes"
PUSH = "import sys; from curation.cli_hub import app; sys.argv[0] = 'push'; app()"
LOAD = """
import datasets, json, sys
for name in sys.argv[2:]:
    print(json.dumps(datasets.load_dataset(sys.argv[1], name)["train"]["text"][:]))
"""


class Told:
    """A progress that remembers."""

    def __init__(self):
        self.lines, self.files, self.commits, self.parts = [], [], [], []

    def begin(self, parts):
        self.parts = list(parts)

    def sent(self, file):
        self.files.append(file.name)

    def committed(self, part, files, deleted, url):
        self.commits.append((part, files, deleted))

    def say(self, line):
        self.lines.append(line)


def card(*configs):
    files = [
        f"- config_name: {name}\n  data_files: [{{split: train, path: '{name}/train-*.parquet'}}]" for name in configs
    ]
    return "---\nlicense: odc-by\nconfigs:\n" + "\n".join(files) + "\n---\n# Pages\n"


def write(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts}), path)


@pytest.fixture
def pages(tmp_path):
    """A dataset of two configurations, three and two files."""
    root = tmp_path / "pages"
    for name, files in (("3plus", 3), ("4plus", 2)):
        for number in range(files):
            write(root / name / f"train-{number:05d}.parquet", [f"{name} {number} {row}" for row in range(40)])
    (root / CARD).write_text(card("3plus", "4plus"))
    return root


@pytest.fixture(scope="module", autouse=True)
def one_client():
    """One HTTP client for all tests, because each new one reads all certificates."""
    from huggingface_hub import close_session

    yield
    close_session()


@pytest.fixture
def hub(monkeypatch):
    """A Hub in memory that huggingface_hub of this process speaks with; files of more than 600 bytes go in parts."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with HubServer(part_bytes=600, page=3) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        resolve = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", resolve)
        yield server


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited, without waiting."""
    found = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def content(folder):
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def there(hub, **where):
    return {name: data for name, data in hub.tree(**where).items() if name != ".gitattributes"}


def traffic(hub):
    return [(method, path) for method, path in hub.requests if method in ("POST", "PUT")]


def environment(hub, home, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    ours = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    return kept | ours | {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"} | more


# What is sent, in which order, and what is not


def test_folder_by_folder_and_the_card_last(hub, pages):
    told = Told()
    report = push_dataset(str(pages), "me/pages", progress=told)
    assert there(hub) == content(pages)
    assert hub.repos["dataset", "me/pages"].private
    assert [one["message"] for one in hub.log()] == ["3plus: 3 files", "4plus: 2 files", "Card"]
    assert told.commits == [("3plus", 3, 0), ("4plus", 2, 0), (CARD, 1, 0)]
    assert sorted(told.files) == sorted(content(pages))
    assert hub.count("PUT", "/store/.*/2$") == 5  # each file is larger than a part
    size = sum(map(len, content(pages).values()))
    assert (report.sent, report.skipped, report.size, report.commits, report.created) == (6, 0, size, 3, True)
    assert report.url == f"{hub.url}/datasets/me/pages"


def test_an_unchanged_dataset_is_neither_sent_nor_committed_again(hub, pages):
    push_dataset(str(pages), "pages")  # of whoever is logged in
    del hub.requests[:]
    report = push_dataset(str(pages), "pages")
    assert traffic(hub) == []
    assert (report.repo, report.sent, report.skipped, report.commits, report.created) == ("me/pages", 0, 6, 0, False)


def test_only_what_changed_and_its_deletions_in_one_commit(hub, pages):
    push_dataset(str(pages), "me/pages")
    repo = hub.repos["dataset", "me/pages"]
    mine = {"notes.md": b"mine", "mine/own.parquet": b"mine too", "3plus/notes.txt": b"mine three", "old.parquet": b"x"}
    tree = dict(repo.trees[repo.branches["main"]])
    for name, data in mine.items():
        tree[name] = type(tree[CARD])(data, False)
    repo.commit("main", tree, "by hand")
    (pages / "3plus/train-00002.parquet").unlink()
    write(pages / "3plus/train-00001.parquet", ["changed"])
    del hub.requests[:], repo.log[:]
    report = push_dataset(str(pages), "me/pages")
    assert there(hub) == content(pages) | mine
    (made,) = repo.log
    assert made["operations"] == [
        ("deletedFile", "3plus/train-00002.parquet"),
        ("lfsFile", "3plus/train-00001.parquet"),
    ]
    assert report.deleted == ("3plus/train-00002.parquet",)
    assert [one.name for one in report.left] == sorted(mine)
    assert (report.sent, report.skipped, hub.count("PUT", "/store/")) == (1, 4, 1)


def test_many_deletions_go_in_several_commits(hub, pages, monkeypatch):
    push_dataset(str(pages), "me/pages")
    for number in (1, 2):
        (pages / f"3plus/train-{number:05d}.parquet").unlink()
    monkeypatch.setattr("curation.hub.push._MOST_DELETED", 1)
    told = Told()
    report = push_dataset(str(pages), "me/pages", progress=told)
    assert told.commits == [("3plus", 0, 1), ("3plus", 0, 1)] and len(report.deleted) == report.commits == 2
    assert there(hub) == content(pages)


def test_what_a_pattern_of_the_card_takes_in_goes_too(hub, tmp_path):
    root = tmp_path / "crawls"
    for crawl in ("CC-1", "CC-2"):
        write(root / f"data/{crawl}/a.parquet", [crawl])
    (root / CARD).write_text("---\nconfigs: [{config_name: default, data_files: 'data/*/*'}]\n---\n")
    push_dataset(str(root), "me/pages")
    (root / "data/CC-1/a.parquet").unlink()
    (root / "data/CC-1").rmdir()
    assert push_dataset(str(root), "me/pages").deleted == ("data/CC-1/a.parquet",)
    assert there(hub) == content(root)


def test_configurations_that_are_no_more(hub, pages):
    push_dataset(str(pages), "me/pages")
    repo = hub.repos["dataset", "me/pages"]
    tree = dict(repo.trees[repo.branches["main"]])
    repo.commit("main", tree | {"3plus/notes.md": tree[CARD], "mine/a.parquet": tree[CARD]}, "by hand")
    for old in (pages / "3plus").glob("*"):
        old.unlink()
    (pages / CARD).write_text(card("4plus"))
    left = [f"3plus/train-{number:05d}.parquet" for number in range(3)]
    report = push_dataset(str(pages), "me/pages", dry_run=True)
    assert (report.deleted, [one.name for one in report.left]) == ((), ["3plus/notes.md", *left, "mine/a.parquet"])
    report = push_dataset(str(pages), "me/pages", prune=True)
    assert report.deleted == tuple(left)
    assert (hub.log()[-1]["message"], report.commits) == ("Card, 3 deleted", 1)
    assert set(there(hub)) == {*content(pages), "3plus/notes.md", "mine/a.parquet"}
    assert push_dataset(str(pages), "me/pages", prune=True).commits == 0
    (pages / CARD).unlink()
    assert "nothing says which configurations are no more" in refused(pages, prune=True)


def test_several_commits_for_one_configuration(hub, pages):
    push_dataset(str(pages), "me/pages")
    for number in range(5):
        write(pages / f"3plus/part-{number}.parquet", [f"new {number}"] * 50)
    for old in (pages / "3plus").glob("train-*"):
        old.unlink()
    del hub.repos["dataset", "me/pages"].log[1:]
    report = push_dataset(str(pages), "me/pages", files_per_commit=2)
    kinds = [[kind for kind, _ in one["operations"]] for one in hub.log()]
    assert kinds == [["lfsFile"] * 2, ["lfsFile"] * 2, ["deletedFile"] * 3 + ["lfsFile"]]
    assert report.commits == 3
    assert there(hub) == content(pages)


def test_commits_of_at_most_so_many_bytes(hub, pages):
    size = (pages / "3plus/train-00000.parquet").stat().st_size
    push_dataset(str(pages), "me/pages", gigabytes_per_commit=size * 1.5 / 1e9)
    assert [one["message"] for one in hub.log()] == ["3plus: 1 file"] * 3 + ["4plus: 1 file"] * 2 + ["Card"]
    with pytest.raises(ValueError, match="files_per_commit=0"):
        push_dataset(str(pages), "me/pages", files_per_commit=0)


def test_small_files_outside_of_the_large_storage(hub, tmp_path):
    root = tmp_path / "lines"
    for number in range(3):
        (root / "lines").mkdir(parents=True, exist_ok=True)
        (root / f"lines/{number}.jsonl").write_text(json.dumps({"text": f"row {number}"}) + "\n")
    (root / "lines/empty.jsonl").write_text("")
    told = Told()
    push_dataset(str(root), "me/pages", progress=told)
    assert there(hub) == content(root)
    assert hub.count("PUT", "/store/") == 0
    assert sorted(told.files) == sorted(content(root))
    (root / "lines/1.jsonl").write_text(json.dumps({"text": "row 9"}) + "\n")  # of the same size
    assert push_dataset(str(root), "me/pages").sent == 1
    assert there(hub) == content(root)


def test_a_branch_is_made_and_main_stays(hub, pages):
    push_dataset(str(pages), "me/pages")
    write(pages / "4plus/train-00000.parquet", ["another"])
    before = hub.tree()
    assert push_dataset(str(pages), "me/pages", revision="trial", dry_run=True).sent == 1
    report = push_dataset(str(pages), "me/pages", revision="trial")
    assert (report.sent, report.url) == (1, f"{hub.url}/datasets/me/pages/tree/trial")
    assert there(hub, branch="trial") == content(pages)
    assert hub.tree() == before


def test_from_another_file_system(hub, pages):
    remote = Folder("memory://bucket/run/publish")
    for name, data in content(pages).items():
        remote.write_bytes(f"data/{name}", data)
    remote.write_json("shards.json", {})
    remote.write_json("stage.json", {})
    try:
        report = push_dataset("memory://bucket/run", "me/pages", files_per_commit=2)
        assert there(hub) == content(pages)
        assert report.commits == 4
        assert push_dataset("memory://bucket/run", "me/pages").commits == 0
    finally:
        Folder("memory://bucket").remove()


def test_a_dry_run_lists_with_sizes_and_does_nothing(hub, pages):
    report = push_dataset(str(pages), "me/pages", dry_run=True)
    assert traffic(hub) == []
    assert ("dataset", "me/pages") not in hub.repos
    lines = cli_hub.report_lines(report)
    size = (pages / "3plus/train-00000.parquet").stat().st_size
    assert any(re.fullmatch(rf"send +{size} B  3plus/train-00000.parquet", line) for line in lines)
    assert lines[-1] == f"dataset {hub.url}/datasets/me/pages (new)"
    push_dataset(str(pages), "me/pages")
    (pages / "4plus/train-00001.parquet").unlink()
    del hub.requests[:]
    lines = cli_hub.report_lines(push_dataset(str(pages), "me/pages", dry_run=True))
    assert [line.split()[0] for line in lines] == ["delete", "would", "dataset"]
    assert "5 already there" in lines[1]
    assert traffic(hub) == []


# What goes wrong on the way


STEPS = {
    "create": ("POST", "/api/repos/create"),
    "listing": ("GET", "/tree/"),
    "modes": ("POST", "/preupload/"),
    "batch": ("POST", "/objects/batch"),
    "part": ("PUT", "/store/"),
    "complete": ("POST", "/complete/"),
    "commit": ("POST", "/commit/"),
}


FAULTS = [(step, does) for step in STEPS for does in (429, 503, "drop", "drop late")]
FAULTS += [("commit", 500), ("commit", 502), ("commit", 504)]


@pytest.mark.parametrize(("step", "does"), FAULTS)
def test_a_fault_is_waited_out(hub, pages, waits, step, does):
    for name in ("3plus/train-00001.parquet", "3plus/train-00002.parquet", "4plus/train-00001.parquet"):
        (pages / name).unlink()
    hub.fail(*STEPS[step], does, times=2, headers={"Retry-After": "7"} if does == 429 else None)
    told = Told()
    report = push_dataset(str(pages), "me/pages", progress=told)
    assert there(hub) == content(pages)
    assert [one["message"] for one in hub.log()] == ["3plus: 1 file", "4plus: 1 file", "Card"]
    assert report.commits == 3
    assert told.lines
    if not (step == "commit" and does == "drop late"):  # there the second try finds that the first has landed
        assert len(waits) == 2
    assert all(one >= 7 for one in waits) if does == 429 else all(one <= 4 for one in waits)


def test_a_lost_answer_is_not_committed_again_nor_taken_for_another_commit(hub, pages, waits):
    hub.make("me/pages")
    repo, told = hub.repos["dataset", "me/pages"], Told()

    def somebody_else():
        tree = dict(repo.trees[repo.branches["main"]])
        repo.commit("main", tree | {"notes.md": type(tree[".gitattributes"])(b"mine", False)}, "somebody else")

    hub.fail("POST", "/commit/", somebody_else)
    hub.fail("POST", "/commit/", "drop late")
    report = push_dataset(str(pages), "me/pages", progress=told)
    messages = [one["message"] for one in hub.log()]
    assert messages == ["somebody else", "3plus: 3 files", "4plus: 2 files", "Card"]
    assert report.commits == 3
    assert told.lines[-2].startswith("commit: 412 the repository has changed meanwhile; trying again in ")
    assert hub.tree()["notes.md"] == b"mine"


def test_it_gives_up_and_goes_on_later(hub, pages, waits):
    hub.fail("POST", "/commit/", 503, times=1000, after=1)
    with pytest.raises(CurationError, match=r"me/pages: commit: 503 service unavailable, 6 times; what is"):
        push_dataset(str(pages), "me/pages")
    assert len(waits) == TRIES - 1
    assert all(late < 2 * 2**number for number, late in enumerate(waits, 0))
    del hub.faults[:], hub.requests[:]
    push_dataset(str(pages), "me/pages")
    assert hub.count("PUT", "/store/") == 0  # stored before, and still there
    assert [one["message"] for one in hub.log()] == ["3plus: 3 files", "4plus: 2 files", "Card"]
    assert there(hub) == content(pages)


@pytest.mark.parametrize("step", ["commit", "batch"])
def test_a_wait_of_hours_is_not_waited(hub, pages, waits, step):
    hub.fail(*STEPS[step], 429, times=1000, headers={"Retry-After": "7200"})
    with pytest.raises(CurationError, match=r"too many requests, and the Hub asks to wait 7,20\d s; what is committed"):
        push_dataset(str(pages), "me/pages")
    assert waits == []


def test_an_expired_address_gets_a_new_one(hub, pages, waits):
    hub.fail("PUT", "/store/", 403, message="Request has expired")
    push_dataset(str(pages), "me/pages")
    assert there(hub) == content(pages)
    assert len(waits) == 1


def test_data_that_is_kept_out_is_never_announced(hub, pages):
    hub.ignored = ("4plus/train-00001.parquet",)
    with pytest.raises(CurationError, match=r"me/pages: 4plus/train-00001.parquet not there although committed"):
        push_dataset(str(pages), "me/pages")
    assert CARD not in hub.tree()


POINTS = {
    "first file": ("PUT", "/store/", 0),
    "third file": ("PUT", "/store/", 5),
    "first commit": ("POST", "/commit/", 0),
    "second commit": ("POST", "/commit/", 1),
    "the card": ("POST", "/commit/", 2),
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_started_again(hub, pages, tmp_path, point):
    command = [sys.executable, "-c", PUSH, str(pages), "me/pages"]
    running = subprocess.Popen(command, env=environment(hub, tmp_path / "home"), stderr=subprocess.PIPE)
    method, path, after = POINTS[point]
    hub.fail(method, path, lambda: (os.kill(running.pid, signal.SIGKILL), running.wait()), after=after)
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    stored, committed = set(hub.stored), set(hub.tree()) if hub.repos else set()
    del hub.requests[:]
    push_dataset(str(pages), "me/pages")
    assert there(hub) == content(pages)
    assert [one["message"] for one in hub.log()] == ["3plus: 3 files", "4plus: 2 files", "Card"]
    sent = {path.split("/")[2] for method, path in hub.requests if method == "PUT"}
    assert not sent & stored
    assert len(sent) == 5 - len(stored)
    assert len(committed) <= 7


# What the user has to mend


def refused(pages, repo="me/pages", **given):
    with pytest.raises(ConfigError) as caught:
        push_dataset(str(pages), repo, **given)
    assert caught.value.__context__ is None or not hasattr(caught.value.__context__, "response")
    return str(caught.value)


def test_logins_that_do_not_do(hub, pages, monkeypatch, tmp_path):
    hub.make("me/pages")
    assert refused(pages, token="hf_wrong").startswith("me/pages: the Hub does not accept this login: log in with `hf")
    assert "this login may not write there" in refused(pages, token="hf_reads")
    assert "namespace" in refused(pages, "else/pages")
    assert "characters that no token has" in refused(pages, token="hf_wri\ntes")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_STORED_TOKENS_PATH", str(tmp_path / "none too"))
    assert refused(pages).startswith("no login for the Hub: log in with `hf auth login`, or set HF_TOKEN")
    with pytest.raises(ConfigError, match="no login for the Hub"):
        check_push("me/pages")


def test_a_login_that_cannot_write_is_known_before_the_work(hub, monkeypatch):
    check_push("pages")
    check_push("Me/pages")
    with pytest.raises(ConfigError, match="no such repository, and this login makes only me/…"):
        check_push("else/pages")
    monkeypatch.setenv("HF_TOKEN", "hf_reads")
    for name in ("me/pages", "you/pages"):
        hub.make("me/pages")
        with pytest.raises(ConfigError, match=f"{name}: this login may only read: log in with"):
            check_push(name)
    assert not any(method == "POST" for method, _ in hub.requests)


def test_a_wrong_login_is_known_where_the_hub_says_not_found(hub, pages):
    hub.fail("GET", "/api/datasets/me/pages$", 401, times=2, headers={"X-Error-Code": "RepoNotFound"})
    assert push_dataset(str(pages), "me/pages", dry_run=True).created
    assert "does not accept this login" in refused(pages, token="hf_wrong", dry_run=True)


@pytest.mark.parametrize("name", ["a/b/c", "datasets/me/x", "me/x.git", "me/x y", "me/-x", "", "me/a--b"])
def test_names_that_cannot_be(hub, pages, name):
    assert "expected OWNER/NAME or NAME of a dataset repository" in refused(pages, name)
    assert hub.requests == []


@pytest.mark.parametrize("kind", ["model", "space"])
def test_a_repository_of_another_kind(hub, pages, kind):
    hub.make("me/pages", kind=kind)
    assert f"me/pages is a {kind}, not a dataset" in refused(pages)
    with pytest.raises(ConfigError, match=f"is a {kind}"):
        check_push("me/pages")
    hub.make("me/pages")  # both are wanted
    check_push("me/pages")
    push_dataset(str(pages), "me/pages")
    assert there(hub) == content(pages)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "Private repository storage limit reached, please upgrade your plan"),
        (402, "Payment required"),
        (507, "Insufficient Storage"),
    ],
)
@pytest.mark.parametrize("step", ["modes", "batch", "commit"])
def test_no_more_room(hub, pages, waits, step, status, words):
    hub.fail(*STEPS[step], status, times=99, message=words)
    assert refused(pages) == f"me/pages: there is no more room on the Hub: {words}"
    assert waits == []


def test_other_refusals(hub, pages):
    hub.fail("POST", "/commit/", 400, message="too many files in 3plus/")
    assert "commit: the Hub refuses it (400: too many files in 3plus/)" in refused(pages)
    hub.fail("POST", "/preupload/", 404)
    assert "not found on the Hub" in refused(pages)


def test_a_public_repository_is_said(hub, pages):
    hub.make("me/pages")
    told = Told()
    push_dataset(str(pages), "me/pages", progress=told)
    assert told.lines[0] == "me/pages is there already and is public: what is sent will be public"
    assert push_dataset(str(pages), "me/public", private=False).created
    assert not hub.repos["dataset", "me/public"].private


def test_folders_without_a_finished_dataset(hub, pages, tmp_path):
    assert "there is no such folder" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / CARD).write_text("# Nothing")
    assert "no data to upload" in refused(tmp_path / "empty")
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert "this run has no dataset yet; run its stage publish first" in refused(run)
    (run / "publish").mkdir()
    (run / "publish/shards.json").write_text("{}")
    pages.rename(run / "publish/data")
    assert "this stage is unfinished" in refused(run)
    assert hub.requests == []
    (run / "publish/stage.json").write_text("{}")
    (run / "publish/data/3plus/.train.parquet.part-7").write_text("half")
    assert push_dataset(str(run), "me/pages").sent == 6
    assert push_dataset(str(run / "publish"), "me/pages").commits == 0
    assert push_dataset(str(run / "publish/data"), "me/pages", progress=Told()).skipped == 6


@pytest.mark.parametrize("front", ["configs: [", "configs: [{config_name: a, data_files: 'a/x**y'}]"])
def test_a_card_that_the_hub_would_refuse(hub, pages, front):
    (pages / CARD).write_text(f"---\n{front}\n---\n")
    with pytest.raises(ContentError, match=r"README\.md"):
        push_dataset(str(pages), "me/pages")
    assert hub.requests == []


def test_the_token_stands_nowhere(hub, pages, waits, tmp_path, caplog, capfd, monkeypatch):
    secret = "hf_" + "S3cr3t" * 5
    hub.tokens[secret] = {"name": "me", "write": True}
    caplog.set_level(logging.DEBUG)
    said, told = [], Told()
    for fault in (503, "drop", None, 403, 401, 400):
        if fault:
            method, words = "PUT" if fault in (503, "drop") else "POST", f"Bearer {secret} is not welcome"
            hub.fail(method, "/store/|/commit/", fault, message=words)
        write(pages / "3plus/train-00000.parquet", [f"changed {fault}"])
        try:
            said.append(repr(push_dataset(str(pages), "me/pages", token=secret, progress=told)))
        except CurationError as error:
            said.append("".join(traceback.format_exception(error)))
    assert any("is not welcome" in text for text in said)
    with pytest.raises(ConfigError) as caught:
        push_dataset(str(pages), "me/pages", token=f"{secret}\n{secret}")
    said.append("".join(traceback.format_exception(caught.value)))
    done = subprocess.run(
        [sys.executable, "-c", PUSH, str(pages), "me/pages"],
        env=environment(hub, tmp_path / "home", HF_TOKEN=secret, HF_DEBUG="1"),
        capture_output=True,
        text=True,
        check=True,
    )
    said += [done.stdout, done.stderr, *told.lines, caplog.text, *capfd.readouterr()]
    assert secret not in "\n".join(said)
    assert "Amz-Signature" not in "\n".join(told.lines)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert not [one for one in files if secret.encode() in one.read_bytes()]


def test_what_the_uploader_of_the_newer_storage_says(hub, waits):
    call, told = HubCalls("me/pages", TOKEN, lambda line: told.append(line)), []

    def fails(error):
        def work():
            raise error

        with pytest.raises(CurationError) as caught:
            call("send a", work)
        return str(caught.value)

    network = "Network error: Request error: HTTP status {} error ({}), domain: http://hub/xet?sig=x"
    assert "not found on the Hub" in fails(ConnectionError(network.format("client", "404 Not Found")))
    assert waits == []
    assert "503 service unavailable, 6 times" in fails(RuntimeError(network.format("server", "503 Service Unavail")))
    assert "data processing error, 6 times" in fails(RuntimeError("data processing error"))
    assert len(waits) == 2 * (TRIES - 1)
    assert "sig=x" not in "".join(told)


def test_a_slip_in_a_program_is_passed_on_as_it_is(waits):
    call = HubCalls("me/pages", TOKEN, print)
    for slip in (KeyError("x"), TypeError("x"), NotImplementedError("x")):
        with pytest.raises(type(slip)):
            call("send", lambda slip=slip: (_ for _ in ()).throw(slip))
    assert waits == []


def test_offline_and_what_is_lent_is_given_back(hub, pages, monkeypatch):
    logger = logging.getLogger("huggingface_hub")
    before = logger.handlers[:]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "offline mode is enabled" in refused(pages)
    assert logger.handlers == before


# The command, and what comes out at the other end


def test_the_command_says_what_it_does(hub, pages):
    done = CliRunner().invoke(cli_hub.app, [str(pages), "me/pages", "--public", "--files-per-commit", "2"])
    assert done.exit_code == 0, done.output
    out = done.stdout.splitlines()
    assert re.fullmatch(r"sent    6 files, 3\.\d kB, in 4 commits, \d+\.\d s", out[-2]), out
    assert out[-1] == f"dataset {hub.url}/datasets/me/pages"
    hub.repos["dataset", "me/pages"].trees[hub.repos["dataset", "me/pages"].branches["main"]].update(
        {"old/a.parquet": hub.repos["dataset", "me/pages"].trees[hub.log()[-1]["sha"]][CARD]}
    )
    out = CliRunner().invoke(cli_hub.app, [str(pages), "me/pages"]).stdout.splitlines()
    assert re.fullmatch(r"left    +\d+ B  old/ \(1 file\), not of this dataset", out[-3])
    assert out[-2:] == ["Nothing to do: all 6 files are there.", f"dataset {hub.url}/datasets/me/pages"]


def test_plain_lines_where_there_is_no_terminal(hub, pages, tmp_path):
    hub.fail("POST", "/commit/", 429, headers={"Retry-After": "0"})
    done = subprocess.run(
        [sys.executable, "-c", PUSH, str(pages), "me/pages"],
        env=environment(hub, tmp_path / "home"),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 6 + 3 + 1
    assert re.fullmatch(r"  sent     1/6  +\d+ B  3plus/train-00000\.parquet", lines[0])
    assert lines[3] == "  commit: 429 too many requests; trying again in 1 s (1 of 6 tries)"
    assert lines[4].startswith(f"✓ 3plus: 3 files  {hub.url}/datasets/me/pages/commit/")
    assert "\x1b" not in done.stderr + done.stdout


def test_real_code_is_loaded_from_there_as_it_was(hub, tmp_path):
    source = SHARED / "data/code/code_files.parquet"
    if not source.exists():
        pytest.skip(f"no {source}: the shared data is not here")
    table = pq.read_table(source)
    root, names = tmp_path / "code", ("Python", "Rust", "C")
    for name in names:
        rows = table.filter(pc.equal(pc.utf8_lower(table["language"]), name.lower())).rename_columns(
            ["text" if column == "content" else column for column in table.column_names]
        )
        assert len(rows)
        for part in range(2):
            path = root / name / f"train-{part:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows.slice(part * len(rows) // 2, len(rows) // 2), path)
    (root / CARD).write_text(card(*names))
    hub.part_bytes = 100_000
    push_dataset(str(root), "me/code")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, "me/code", *names],
        env=environment(hub, tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        assert json.loads(line) == pq.read_table(root / name)["text"].to_pylist()
