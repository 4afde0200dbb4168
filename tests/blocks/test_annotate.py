import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import commands
from curation.annotation.judging import Judging
from curation.annotation.opening import open_askers
from curation.annotation.prompt import load_prompt
from curation.blocks.annotate import Annotate
from curation.blocks.extract import ExtractText
from curation.blocks.sample import DrawSample
from curation.errors import CurationError, StaleOutput
from curation.folder import Folder
from curation.manifest import Manifest, Shard
from curation.planned import refuse_stale
from curation.planning import plan
from curation.recipe import Recipe, Stage, folder_of
from curation.retry import Backoff

from .conftest import Kept, document, write_jsonl, write_parquet

SAMPLE = Path(__file__).resolve().parents[2] / "pipelines" / "sample"
ARCHIVE = SAMPLE / "finemath-00.warc.gz"


class Judge(ThreadingHTTPServer):
    """Scores a text by the number in it; while ``broken``, texts with these words get an error."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.location = f"endpoint:http://127.0.0.1:{self.server_port}#tiny"
        self.asked = Counter()
        self.broken = ()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"][-1]["content"]
        (text,) = (line for line in said.splitlines() if line.startswith("lesson "))
        self.server.asked[text] += 1
        if any(word in text for word in self.server.broken):
            self._send(500, b"no memory left")
            return
        choice = {"message": {"content": f"Fine: {text}.\nFinal score: {text.split()[1]}"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": 5}
        self._send(200, json.dumps({"choices": [choice], "usage": usage}).encode())

    def _send(self, status, content):
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server():
    server = Judge()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def quick(step):
    """The judge of a step, which soon gives up."""
    judge = open_askers(step.judge, step.judging.prompt(load_prompt(step.prompt)), step.judging)[0].judge
    judge.close()
    judge.backoff = Backoff(attempts=2, first_seconds=0.01, longest_seconds=0.01)
    return judge


@pytest.fixture
def annotate(server):
    """Makes steps that ask the server, and soon give up on it."""
    judges = []

    def make(journal=None, **more):
        judging = Judging(**{"concurrency": 2, **more})
        step = Annotate(prompt="finemath_5pt", judge=server.location, judging=judging, journal=journal)
        judges.append(quick(step))
        return step

    yield make
    for judge in judges:
        judge.close()


LESSONS = [{"id": str(n), "text": f"lesson {n}"} for n in range(6)]


def labels(rows):
    return {row["text"]: row["label"] for row in rows}


def journalled(folder):
    """The texts of all replies in a journal."""
    parts = sorted((Path(folder) / "journal").glob("*.jsonl"))
    return [json.loads(line)["text"].split(".")[0] for part in parts for line in part.read_text().splitlines()]


def test_documents_with_one_id_get_their_own_replies(stage, annotate, server, tmp_path):
    rows = [{"id": "same", "text": f"lesson {n}"} for n in (4, 1, 5)]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    step = annotate(stage.folder.location)
    for _ in range(2):  # the second time from the journal
        kept = stage.run([file], step)
        assert [(row["text"], row["label"]) for row in kept] == [("lesson 4", 4), ("lesson 1", 1), ("lesson 5", 5)]
        assert all(row["text"] in row["reply"] and row["text_shown"] == row["text"] for row in kept)
        assert {(row["prompt_tokens"], row["completion_tokens"]) for row in kept} == {(7, 5)}
    assert server.asked == {"lesson 4": 1, "lesson 1": 1, "lesson 5": 1}


def test_a_reply_belongs_to_all_that_the_judge_was_shown(stage, annotate, server, tmp_path):
    step = annotate(stage.folder.location)
    stage.run([write_jsonl(tmp_path / "a.jsonl", LESSONS[:1])], step)
    longer = write_jsonl(tmp_path / "a.jsonl", [{"id": "0", "text": "lesson 2 in another edition"}])
    assert [row["label"] for row in stage.run([longer], step)] == [2]
    assert sum(server.asked.values()) == 2


def test_a_judge_that_fails_stops_the_shard_and_keeps_what_came(stage, annotate, server, tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", LESSONS)
    step = annotate(stage.folder.location, concurrency=1)
    server.broken = ("lesson 4", "lesson 5")
    with pytest.raises(CurationError, match=r"the judge failed \(judge_failed: 500 no memory left"):
        stage.run([file], step)
    assert stage.manifest.done() == set() and stage.rows("data") == []
    assert stage.manifest.has_work()
    assert sorted(journalled(stage.folder.root)) == [f"Fine: lesson {n}" for n in range(4)]
    assert server.asked == {f"lesson {n}": 2 if n > 3 else 1 for n in range(6)}

    server.broken = ()
    server.asked.clear()
    assert labels(stage.run([file], step)) == {f"lesson {n}": n for n in range(6)}
    assert server.asked == {"lesson 4": 1, "lesson 5": 1}
    assert stage.records[0]["counts"] == {"labelled": 6, "replies_recorded_before": 4}
    assert len(journalled(stage.folder.root)) == 6


def test_a_document_that_the_judge_cannot_do_stays_without_a_label(stage, annotate, server, tmp_path):
    rows = [{"id": str(n), "text": f"lesson {n % 6} of {n}"} for n in range(60)]
    server.broken = ("of 13",)
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], annotate(stage.folder.location))
    assert {row["id"]: row["label_reason"] for row in kept if row["label"] is None} == {
        "13": "request_failed: 500 no memory left (2 attempts)"
    }
    assert [row["id"] for row in kept] == [row["id"] for row in rows]
    assert len(journalled(stage.folder.root)) == 59  # the failure is no reply: a new start asks again


def test_a_judge_that_is_not_there_stops_the_shard(stage, tmp_path):
    step = Annotate(
        prompt="finemath_5pt",
        judge="endpoint:http://127.0.0.1:1#gone",
        judging=Judging(patience_seconds=0.1),
        journal=stage.folder.location,
    )
    with pytest.raises(CurationError, match=r"the judge failed \(judge_failed: no server .*start again"):
        stage.run([write_jsonl(tmp_path / "a.jsonl", LESSONS)], step)
    quick(step).close()
    assert stage.manifest.done() == set() and not stage.manifest.has_work()


def recipe(file, judge, **more):
    ask = Annotate(prompt="finemath_5pt", judge=judge, judging=Judging(**more), journal=folder_of("annotate"))
    stage = Stage(name="annotate", reads=(str(file),), steps=[ask], costly=True)
    return Recipe(name="ask", settings={"judge": judge, **more}, stages=(stage,))


def test_replies_that_were_paid_for_are_not_thrown_away_for_another_setting(annotate, server, tmp_path):
    file, output = write_jsonl(tmp_path / "a.jsonl", LESSONS), str(tmp_path / "out")
    mine = recipe(file, server.location)
    manifest = Manifest(Folder(output) / "annotate")
    manifest.start(plan(mine, output)[0].identity, [Shard(0, (str(file),), file.stat().st_size)], dict(mine.settings))
    other = recipe(file, server.location, judge_options={"temperature": 1})
    assert plan(other, output)[0].status == "redo"  # nothing was paid for yet

    server.broken = ("lesson 5",)  # the last one: nothing is answered after it
    docs = [document(row["text"], row["id"]) for row in LESSONS]
    with pytest.raises(CurationError):
        list(annotate(f"{output}/annotate", concurrency=1).run(iter(docs)))
    assert manifest.done() == set() and len(journalled(f"{output}/annotate")) == 5
    assert plan(mine, output)[0].status == "resume"
    with pytest.raises(StaleOutput, match=r"judge_options\.temperature: not set -> 1"):
        refuse_stale(plan(other, output))
    assert plan(other, output, redo=["annotate"])[0].status == "redo"


def test_where_a_server_stands_is_no_part_of_what_was_asked(server, tmp_path):
    one = Annotate(prompt="finemath_5pt", judge=server.location)
    other = Annotate(
        prompt="finemath_5pt", judge="endpoint:http://elsewhere:1#tiny", judging=Judging(concurrency=3), journal="x"
    )
    assert one.identity() == other.identity()


def test_annotating_an_archive_shows_its_texts(tmp_path):
    judge = f"replay:{SAMPLE}/replies-5pt.jsonl"
    report = commands.annotate(
        str(ARCHIVE), prompt="finemath_5pt", judge=judge, output=str(tmp_path / "out"), replay_only=True, workers=1
    )
    rows = pq.read_table(tmp_path / "out/annotate/data").to_pylist()
    drawn = report.records["sample"]
    assert len(rows) == report.records["annotate"]["kept"] == drawn["kept"] > 5
    assert all(row["text_shown"].strip() and row["text"].startswith(row["text_shown"][:50]) for row in rows)
    assert all(row["reply"] and row["prompt"] == "finemath_5pt" for row in rows)
    assert sum(row["label"] is not None for row in rows) == report.records["annotate"]["counts"]["labelled"] > 5
    assert "html" not in rows[0]
    # Of 25 records one is a PDF; it is counted with its reason though nothing is written of it.
    assert drawn["documents"] == 25
    assert drawn["removed"]["not_html"] == 1
    left = drawn["counts"]["without_recorded_reply_left_out"]
    assert drawn["kept"] + left + sum(drawn["removed"].values()) == 25


def test_pages_of_an_archive_that_cannot_be_read_are_counted_by_reason(stage):
    kept = stage.run([ARCHIVE], ExtractText())
    assert all(row["text"].strip() for row in kept) and "html" not in stage.schema()
    (record,) = stage.records
    assert record["removed"]["not_html"] == 1
    assert record["documents"] == 25 == len(kept) + sum(record["removed"].values())
    assert {row["reason"] for row in stage.rows()} == set(record["removed"])


def test_a_sample_of_an_archive_is_of_the_size_asked_for(stage):
    kept = stage.run([ARCHIVE], DrawSample(size=10), ExtractText(), gather=True)
    (record,) = stage.records
    assert record["documents"] == 25 and record["removed"]["not_html"] == 1
    assert record["counts"]["not_drawn"] == 14
    assert len(kept) + record["removed"].get("empty_text", 0) == 10
    assert all(row["text"].strip() for row in kept)
    assert record["counts"]["records_skipped_warcinfo"] == 1


PAGE = "<html><head><title>Sums</title></head><body><p>One and one is two, as everybody knows.</p></body></html>"


def test_a_document_with_page_and_text_keeps_its_text(stage, tmp_path):
    rows = [
        {"id": "both", "text": "my own text", "html": PAGE},
        {"id": "page", "text": None, "html": PAGE},
        {"id": "text", "text": "only text", "html": None},
        {"id": "none", "text": None, "html": "<html></html>"},
    ]
    file = write_parquet(tmp_path / "a.parquet", rows, id=pa.string(), text=pa.string(), html=pa.string())
    kept = {row["id"]: row for row in stage.run([file], ExtractText())}
    assert kept["both"] == {"id": "both", "text": "my own text", "metadata": None}
    assert kept["text"] == {"id": "text", "text": "only text", "metadata": None}
    assert "One and one is two" in kept["page"]["text"] and json.loads(kept["page"]["metadata"])["title"] == "Sums"
    assert [(row["id"], row["reason"]) for row in stage.rows()] == [("none", "empty_text")]
    assert stage.records[0]["counts"]["already_text"] == 2


def test_without_pages_columns_stay_as_they_are(stage, tmp_path):
    columns = {"id": pa.string(), "text": pa.large_string(), "metadata": pa.int64()}
    step = ExtractText()
    assert step.schema(columns) == columns
    assert step.schema({"id": pa.string(), "html": pa.string()}) == {"metadata": pa.string(), "id": pa.string()}
    file = write_parquet(tmp_path / "a.parquet", [{"id": "1", "text": "x", "metadata": 3}], **columns)
    assert stage.run([file], step) == [{"id": "1", "text": "x", "metadata": 3}]
    assert stage.schema() == columns


def test_steps_say_what_they_dropped_without_any_runner():
    step = ExtractText(extractor="main_content")
    step.exclusion_writer = Kept()
    docs = [document("", "empty", html="<p></p>"), document("", "page", html=PAGE)]
    assert [doc.id for doc in step.run(iter(docs))] == ["page"]
    assert [(row["id"], row["filter_reason"]) for row in step.exclusion_writer.rows] == [("empty", "empty_text")]
