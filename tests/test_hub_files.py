"""What an upload to the Hub has to do, and how long it waits: without a Hub."""

from hub_routes import git_hash
from hypothesis import given
from hypothesis import strategies as st

from curation.folder import Folder
from curation.hub.calls import LONGEST_WAIT_SECONDS, asked_wait
from curation.hub.files import CARD, DataFile, RemoteFile, card_patterns, plan_parts, read_card
from curation.hub.push import groups

sizes = st.lists(st.integers(0, 50), max_size=40)


@given(sizes, st.integers(1, 10), st.integers(1, 100))
def test_groups_keep_the_order_and_the_limits(numbers, most_files, most_bytes):
    files = [DataFile(f"{number}.parquet", size) for number, size in enumerate(numbers)]
    found = list(groups(files, most_files, most_bytes))
    assert [file for group in found for file in group] == files
    for group in found:
        assert 1 <= len(group) <= most_files
        assert len(group) == 1 or sum(file.size for file in group) <= most_bytes


FOLDERS, ENDINGS = ("", "a/", "b/", "a/c/", ".x/"), (".parquet", ".md")
names = st.tuples(st.sampled_from(FOLDERS), st.sampled_from("pqr"), st.sampled_from(ENDINGS)).map("".join)


@given(st.sets(names), st.sets(names), st.sets(names))
def test_every_file_is_sent_kept_deleted_or_left(local, remote, alike):
    files = [DataFile(name, 1) for name in sorted(local)]
    found = {name: RemoteFile(name, 1, None, git_hash(b"x")) for name in remote}
    parts, left = plan_parts(files, found, lambda file, _: file.name in alike)
    send = {file.name for part in parts for file in part.send}
    same = {file.name for part in parts for file in part.same}
    delete = {file.name for part in parts for file in part.delete}
    assert send | same == local
    assert same == local & remote & alike
    assert delete | {one.name for one in left} == remote - local
    assert not any(name.startswith(".x/") or "/" not in name or name.endswith(".md") for name in delete)
    assert all(name.rpartition("/")[0] in {one.rpartition("/")[0] for one in local} for name in delete)


def test_waits_that_answers_ask_for():
    assert asked_wait({"Retry-After": "12"}) == 12
    assert asked_wait({"RateLimit": '"api";r=0;t=55'}) == 55
    assert asked_wait({"ratelimit": '"api";r=9;t=55'}) is None
    assert asked_wait({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert asked_wait({"retry-after": "Wed, 21 Oct 2215 07:28:00 GMT"}) > LONGEST_WAIT_SECONDS
    assert asked_wait({"retry-after": "soon"}) is None


def test_the_patterns_of_a_card(tmp_path):
    (tmp_path / CARD).write_text(
        "---\nconfigs:\n- {config_name: a, data_files: ./a/*.parquet}\n- {config_name: b, data_dir: b}\n"
        "- {config_name: c, data_files: [{split: train, path: [c/x, c/y]}, c/z]}\n- d\n---\n"
    )
    assert card_patterns(read_card(Folder(str(tmp_path))), "x") == ["a/*.parquet", "b/**", "c/x", "c/y", "c/z"]
    (tmp_path / CARD).write_text("# without front matter\n---\n")
    assert card_patterns(read_card(Folder(str(tmp_path))), "x") == []
