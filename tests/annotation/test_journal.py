import json
import subprocess
import sys

import pytest

from curation.annotation import journal as journal_module
from curation.annotation.journal import Journal, read_parts
from curation.annotation.judge import Reply
from curation.folder import Folder

FULL = Reply("Fine.\nFinal score: 3\u2028", None, 7, 5, 0.25, 2.9)


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    """A local folder, or one of an object store."""
    one = Folder(str(tmp_path / "out") if request.param == "local" else f"memory://{tmp_path.name}/out")
    yield one
    one.remove()


def parts(folder):
    return folder.list_files("journal", ".jsonl")


def rows(folder):
    return [row for row in read_parts(folder, parts(folder)) if row is not None]


@pytest.fixture
def now(monkeypatch):
    time = [1000.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: time[0])
    return time


def test_replies_come_back_as_they_were(folder):
    replies = {
        "a 1": FULL,
        "b 2": Reply(None, "request_rejected: 400"),
        "\ud800 3": Reply("lone \udfff\x00\n\r", None, None, 0),
        "é 4": Reply("", "", 0, 0, 0.0, 0.0),
    }
    journal = Journal(folder, "00000")
    for key, reply in replies.items():
        journal.add(key, reply)
    assert journal.take("a 1") is None  # only what was recorded before
    journal.close()
    again = Journal(folder, "00000")
    assert {key: again.take(key) for key in reversed(replies)} == replies
    assert {key: again.take(key) for key in replies} == dict.fromkeys(replies)
    assert again.take("unknown") is None and again.torn == 0


def test_equal_keys_give_their_replies_in_order_each_once(folder):
    journal = Journal(folder, "00000")
    for number in range(30):
        journal.add(f"same {number % 3}", Reply(str(number)))
    journal.close()
    again = Journal(folder, "00000")
    assert [again.take("same 1").text for _ in range(10)] == [str(number) for number in range(1, 30, 3)]
    assert again.take("same 1") is None and again.take("same 2").text == "2"


def test_an_empty_journal_writes_nothing(folder):
    journal = Journal(folder, "00000")
    journal.flush()
    journal.close()
    assert parts(folder) == [] and journal.take("x") is None


def test_a_hundred_replies_are_written_at_once(folder, now):
    journal = Journal(folder, "00000")
    for number in range(250):
        journal.add(f"a {number}", FULL)
    assert len(rows(folder)) == 200
    journal.close()
    assert len(rows(folder)) == 250
    assert len(parts(folder)) == (1 if folder.is_local else 3)


def test_replies_are_written_after_five_seconds(folder, now):
    journal = Journal(folder, "00000")
    now[0] += 4
    journal.add("a 1", FULL)
    assert rows(folder) == [] and journal.due_seconds() == 1
    now[0] += 1.5
    assert journal.due_seconds() < 0  # whoever has it asks, see Annotator
    journal.add("a 2", FULL)
    assert len(rows(folder)) == 2 and journal.due_seconds() == 5
    now[0] += 60
    assert journal.due_seconds() == 5  # nothing is due
    journal.add("a 3", FULL)
    assert len(rows(folder)) == 3
    journal.close()


def test_two_writers_of_one_shard_do_not_write_over_each_other(folder):
    one, two = Journal(folder, "00000"), Journal(folder, "00000")
    for number in range(5):
        one.add(f"a {number}", Reply("one"))
        one.flush()
        two.add(f"a {number}", Reply("two"))
        two.flush()
    one.close()
    two.close()
    again = Journal(folder, "00000")
    said = [sorted((again.take(f"a {number}").text, again.take(f"a {number}").text)) for number in range(5)]
    assert said == [["one", "two"]] * 5


def test_a_shard_reads_its_own_and_known_folders(folder, tmp_path):
    pilot = Folder(str(tmp_path / "pilot"))
    for place, shard, key in ((folder, "00001", "a 1"), (folder, "00010", "a 2"), (pilot, "00000", "a 3")):
        journal = Journal(place, shard)
        journal.add(key, FULL)
        journal.close()
    mine = Journal(folder, "00001", [pilot])
    assert [mine.take(f"a {number}") is not None for number in (1, 2, 3)] == [True, False, True]
    mine.add("a 4", FULL)
    mine.close()
    assert len(rows(pilot)) == 1


def test_what_comes_after_closing_is_kept(folder):
    journal = Journal(folder, "00000")
    for number in range(3):
        journal.add(f"a {number}", FULL)
        journal.close()
        journal.close()
    assert [row["key"] for row in rows(folder)] == ["a 0", "a 1", "a 2"]
    assert journal.take("a 0") is None


@pytest.mark.parametrize("left", [1, 40, -3, -1])
def test_a_torn_line_is_counted_and_the_others_are_read(tmp_path, left):
    folder = Folder(str(tmp_path))
    journal = Journal(folder, "00000")
    journal.add("a 1", FULL)
    journal.add("a 2", Reply("é🙂" * 30))
    journal.close()
    (name,) = parts(folder)
    path = tmp_path / name
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\n") + 1 + left] if left > 0 else whole[:left])
    again = Journal(folder, "00000")
    assert again.take("a 1") == FULL
    assert again.torn == (left != -1)  # without its last line break a line is whole
    assert (again.take("a 2") is None) == (left != -1)
    again.add("a 2", FULL)  # into a file of its own, not behind what is torn
    again.close()
    assert Journal(folder, "00000").take("a 2") is not None


def test_lines_that_are_no_rows_are_torn(tmp_path):
    (tmp_path / "journal").mkdir()
    lines = [
        b'{"text": "no key"}',
        b"7",
        b"[]",
        b"\x00\x00\x00",
        b'{"key": "a 1", "text": "x", "more": 1}',
        b"",
        b"nul",
    ]
    (tmp_path / "journal" / "00000-00000-abc.jsonl").write_bytes(b"\n".join(lines))
    journal = Journal(Folder(str(tmp_path)), "00000")
    assert journal.torn == 5 and journal.take("a 1") == Reply("x")


def test_a_short_write_is_finished(tmp_path):
    journal = Journal(Folder(str(tmp_path)), "00000")
    journal.add("a 1", FULL)
    journal.flush()

    class Short:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            return self.file.write(content[:7])

    journal._file = Short(journal._file)
    journal.add("a 2", FULL)
    journal.close()
    assert [row["key"] for row in rows(Folder(str(tmp_path)))] == ["a 1", "a 2"]


def test_recorded_replies_wait_on_disk_where_they_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "_BYTES_IN_MEMORY", 1000)
    folder = Folder(str(tmp_path))
    journal = Journal(folder, "00000")
    for number in range(500):
        journal.add(f"a {number}", Reply("x" * 100 + str(number)))
    journal.close()
    again = Journal(folder, "00000")
    assert all(again.take(f"a {number}").text == "x" * 100 + str(number) for number in range(499, -1, -1))
    again.close()


def test_what_is_written_outlives_the_process(tmp_path):
    """A killed process closes nothing: all that was flushed must be in the file already."""
    program = """
import os, sys
from curation.annotation.journal import Journal
from curation.annotation.judge import Reply
from curation.folder import Folder

journal = Journal(Folder(sys.argv[1]), "00000")
for number in range(100):
    journal.add(f"a {number}", Reply("Final score: 3"))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)]).returncode == -9
    assert len(rows(Folder(str(tmp_path)))) == 100


def test_two_keys_of_one_digest_are_not_mixed_up(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "_digest", lambda key: 7)
    folder = Folder(str(tmp_path))
    journal = Journal(folder, "00000")
    journal.add("a 1", FULL)
    journal.close()
    again = Journal(folder, "00000")
    assert again.take("a 2") is None and again.take("a 1") == FULL


def test_lines_are_json_that_others_can_read(tmp_path):
    journal = Journal(Folder(str(tmp_path)), "00000")
    journal.add("a 1", FULL)
    journal.close()
    (part,) = (tmp_path / "journal").iterdir()
    assert json.loads(part.read_text()) == {
        "key": "a 1", "text": FULL.text, "prompt_tokens": 7, "completion_tokens": 5, "seconds": 0.25,
        "expected_label": 2.9,
    }  # fmt: skip
