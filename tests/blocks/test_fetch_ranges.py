import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crawl.archive_server import ArchiveServer, always, now_and_then
from crawl.sample_ranges import CRAWL, archives, ranges_of, records_of, write_ranges
from toy_recipe import record_of, rows_of, tree
from typer.testing import CliRunner

from curation.blocks.fetch_ranges import FetchRanges
from curation.blocks.read import PAGE_COLUMNS, read_files
from curation.blocks.step import identity_of
from curation.cli_fetch import app
from curation.crawl.ranges import RANGE_COLUMNS
from curation.crawl.reading import USER_AGENT
from curation.errors import ConfigError, CurationError
from curation.fetching import fetch
from curation.manifest import Shard

FILES = archives()
ROWS = ranges_of(FILES)
WHOLE = {(path, record.warc_record_offset): record for path, record in records_of(FILES)}
REASONS = Counter(record.reason for record in WHOLE.values() if record.reason)
FIRST, SECOND, *_ = FILES
QUICK = {"first_wait_seconds": 0.01, "requests_per_second": 10_000.0}
SINGLE = {"max_request_bytes": 1}


@pytest.fixture
def server():
    with ArchiveServer(FILES) as running:
        yield running


@pytest.fixture
def ranges(tmp_path):
    return write_ranges(tmp_path / "00000.parquet", ROWS)


def place(row):
    return row["warc_filename"], row["warc_record_offset"]


def run(stage, ranges, archives, **settings):
    """The pages, what is removed, and the counts."""
    step = FetchRanges(archives=archives, **(QUICK | settings))
    kept = stage.run([ranges], step, outside=False)
    return kept, stage.rows("removed"), stage.records[0]["counts"]


def test_the_pages_are_those_of_archives_that_are_read_whole(stage, server, ranges, tmp_path):
    kept, removed, counts = run(stage, ranges, server.url)
    assert Counter(row["reason"] for row in removed) == REASONS
    assert [place(row) for row in kept] == [key for key, record in WHOLE.items() if record.reason is None]
    local = tmp_path / f"{CRAWL}"
    local.mkdir()
    (local / "finemath-00.warc.gz").write_bytes(FILES[FIRST])
    for doc, row in zip(read_files([str(local / "finemath-00.warc.gz")]), kept, strict=False):
        assert (row["id"], row["text"]) == (doc.id, "")
        assert {name: row[name] for name in PAGE_COLUMNS} == doc.metadata | {"warc_filename": FIRST}
    names = ("content_digest", "selected_by", "crawl")
    given = {place(row): [row[name] for name in names] for row in ROWS}
    assert all([row[name] for name in names] == given[place(row)] for row in kept)
    assert stage.schema() == {"id": pa.string(), "text": pa.large_string()} | PAGE_COLUMNS | RANGE_COLUMNS
    assert counts["requests"] == len(FILES)
    assert counts["bytes_wanted"] == sum(row["warc_record_length"] for row in ROWS)
    assert counts["bytes_fetched"] >= counts["bytes_wanted"]
    assert server.agents == {USER_AGENT}


def test_a_folder_of_archives_gives_the_same(stage, server, ranges, tmp_path):
    over_http = run(stage, ranges, server.url)[:2]
    for path, body in FILES.items():
        (tmp_path / "mirror" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mirror" / path).write_bytes(body)
    assert run(stage, ranges, str(tmp_path / "mirror"))[:2] == over_http


def test_what_the_server_does_now_and_then_costs_nothing(stage, server, ranges):
    undisturbed = run(stage, ranges, server.url, **SINGLE)[:2]
    server.forget()
    server.faults = [
        now_and_then(0.10, 503),
        now_and_then(0.05, 403),
        now_and_then(0.02, "drop"),
        now_and_then(0.02, "all"),
    ]
    kept, removed, counts = run(stage, ranges, server.url, **SINGLE)
    assert (kept, removed) == undisturbed
    faulty = sum(any(fault(path, start, 0) for fault in server.faults) for path, start in WHOLE)
    assert counts["retries"] == faulty > 20
    assert counts["requests"] == len(ROWS) + faulty == len(server.requests)
    assert counts["throttled"] > 10


def test_what_cannot_be_had_has_its_reason_and_the_rest_is_there(stage, server, tmp_path):
    rows = [dict(row) for row in ROWS]
    of_second = [row for row in rows if row["warc_filename"] == SECOND]
    broken = of_second[5]
    body = bytearray(FILES[SECOND])
    middle = broken["warc_record_offset"] + broken["warc_record_length"] // 2
    body[middle : middle + 20] = b"\xff" * 20
    server.files[SECOND] = bytes(body[:-100])
    of_first = [row for row in rows if row["warc_filename"] == FIRST]
    of_first[0]["url"] = "https://other.example/"
    of_first[1]["url"] = of_first[1]["url"].replace("/", "%2F")
    of_first[2]["content_digest"] = "A" * 32
    of_first[3] |= {"warc_record_length": of_first[3]["warc_record_length"] - 9}
    of_first[4] |= {"warc_record_offset": of_first[4]["warc_record_offset"] + 9}
    rows += [
        of_first[5] | {"warc_filename": "crawl-data/none.warc.gz"},
        of_first[5] | {"warc_record_offset": 10**7},
        of_first[5] | {"warc_filename": None},
    ]
    kept, removed, counts = run(stage, write_ranges(tmp_path / "odd.parquet", rows), server.url)
    why = {place(row): row["reason"] for row in removed}
    assert why[place(broken)] == "not_a_record"
    assert why[place(of_second[-1])] == "range_truncated"
    assert [why.get(place(row)) for row in of_first[:6]] == [
        "url_mismatch",
        None,
        "digest_mismatch",
        "range_truncated",
        "not_a_record",
        WHOLE[place(of_first[5])].reason,
    ]
    assert [why[key] for key in (("crawl-data/none.warc.gz", of_first[5]["warc_record_offset"]), (FIRST, 10**7))] == [
        "archive_missing",
        "range_missing",
    ]
    assert why[None, of_first[5]["warc_record_offset"]] == "bad_range"
    assert counts["urls_spelt_otherwise"] == 1
    assert len(kept) + len(removed) == len(rows)
    odd = {"not_a_record", "range_truncated", "url_mismatch", "digest_mismatch", "archive_missing", "range_missing"}
    assert len([row for row in removed if row["reason"] in odd | {"bad_range"}]) == 9
    assert all(row["html"] is None for row in removed)


def test_without_verifying_the_record_counts(stage, server, tmp_path):
    rows = [ROWS[0] | {"url": "https://other.example/", "content_digest": "A" * 32}]
    kept, _, _ = run(stage, write_ranges(tmp_path / "a.parquet", rows), server.url, verify=False)
    assert [row["url"] for row in kept] == [ROWS[0]["url"]]


def test_a_range_that_fails_to_the_end_is_listed_and_had_later(server, tmp_path):
    source = write_ranges(tmp_path / "ranges.parquet", ROWS)
    server.faults = [always(FIRST, 503), always(SECOND, "drop")]
    report = fetch(str(source), output=str(tmp_path / "out"), archives=server.url, attempts=2, workers=1)
    removed = report.records["fetch"]["removed"]
    of = Counter(row["warc_filename"] for row in ROWS)
    assert removed["fetch_failed_503"] == of[FIRST]
    assert removed["fetch_failed_connection"] == of[SECOND]
    server.faults = []
    options = ("--archives", server.url, "--reason", "fetch_failed_5", "--output", str(tmp_path / "later"))
    later = CliRunner().invoke(app, [str(tmp_path / "out/fetch/removed"), *options])
    assert later.exit_code == 0, later.output
    assert f"{of[FIRST]} ranges of 1 archives in 1 requests" in " ".join(later.output.split())
    pages = rows_of(tmp_path / "later/fetch/data")
    assert [place(row) for row in pages] == [
        key for key, record in WHOLE.items() if key[0] == FIRST and record.reason is None
    ]
    assert record_of(tmp_path / "later/fetch")["documents"] == of[FIRST]
    assert not (tmp_path / "later/fetch/captures").exists()


def test_a_list_of_no_more_than_places(server, tmp_path):
    names = ("warc_filename", "warc_record_offset", "warc_record_length")
    table = pa.Table.from_pylist([{name: row[name] for name in names} for row in ROWS[:10]])
    pq.write_table(table, tmp_path / "places.parquet")
    fetch(str(tmp_path / "places.parquet"), output=str(tmp_path / "out"), archives=server.url, workers=1)
    rows = rows_of(tmp_path / "out/fetch/data")
    assert [row["html"] for row in rows] == [WHOLE[place(row)].html for row in rows]
    assert rows[0]["crawl"] == CRAWL
    pq.write_table(table.drop_columns(["warc_record_length"]), tmp_path / "less.parquet")
    with pytest.raises(ConfigError, match=r"less\.parquet: no column warc_record_length"):
        fetch(str(tmp_path / "less.parquet"), output=str(tmp_path / "no"), archives=server.url, workers=1)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_stops_before_any_work(server, tmp_path, status):
    server.faults = [lambda *asked: status]
    source = write_ranges(tmp_path / "ranges.parquet", ROWS)
    with pytest.raises(ConfigError, match=f"archives: .*access denied.*{status}"):
        fetch(str(source), output=str(tmp_path / "out"), archives=server.url, workers=1)
    assert not (tmp_path / "out").exists()


def test_a_host_that_is_not_there_stops_before_any_work(tmp_path):
    source = write_ranges(tmp_path / "ranges.parquet", ROWS)
    for location in ("http://127.0.0.1:9/", str(tmp_path / "none"), "nonsense://x"):
        with pytest.raises(ConfigError, match=location.strip("/")):
            fetch(str(source), output=str(tmp_path / "out"), archives=location, workers=1)


def test_a_refusal_before_the_first_answer_stops(stage, server, ranges):
    server.faults = [lambda *asked: 403]
    with pytest.raises(CurationError, match="access denied"):
        run(stage, ranges, server.url, attempts=2)


def test_a_store_that_fails_for_ever_stops_the_run(stage, server, ranges):
    server.faults = [lambda path, start, before: 500 if path != FIRST else None]
    with pytest.raises(CurationError, match=r"50 requests in a row failed, such as .*500"):
        run(stage, ranges, server.url, attempts=1, **SINGLE)


def test_a_store_that_has_nothing_at_all_stops_the_run(stage, tmp_path):
    rows = [ROWS[0] | {"warc_filename": f"crawl-data/{number}.warc.gz"} for number in range(60)]
    with (
        ArchiveServer({}) as server,
        pytest.raises(CurationError, match=r"50 requests in a row failed, such as .*404"),
    ):
        run(stage, write_ranges(tmp_path / "a.parquet", rows), server.url, **SINGLE)


def test_of_an_archive_that_is_missing_little_is_asked(stage, server, ranges):
    del server.files[SECOND]
    _, removed, counts = run(stage, ranges, server.url, concurrency=2, **SINGLE)
    missing = sum(row["warc_filename"] == SECOND for row in ROWS)
    assert sum(row["reason"] == "archive_missing" for row in removed) == missing
    assert sum(path == SECOND for path, _, _ in server.requests) <= 2
    assert counts["requests"] == len(server.requests)


DYING = """
import os, signal, sys
from curation.blocks import fetch_ranges
from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards
from curation.folder import Folder
from curation.manifest import Manifest, digest, fix_shards

class FetchRanges(fetch_ranges.FetchRanges):
    def run(self, data, rank=0, world_size=1):
        for number, doc in enumerate(super().run(data, rank, world_size)):
            if number == 60:
                os.kill(os.getpid(), signal.SIGKILL)
            yield doc

folder, ranges, archives = sys.argv[1:]
shards = fix_shards([(ranges, 1)], gather=False, most=1)
Manifest(Folder(folder)).start({"stage": "test"}, shards, {})
step = FetchRanges(archives=archives, keep=folder, keep_seconds=0.0, max_request_bytes=1, concurrency=2)
RunShards(
    folder=folder, digest=digest({"stage": "test"}), shards=shards, total=1, steps=[step],
    columns=columns_of([ranges], {}, False), mapping={}, removed="full", balanced=True,
).run()
"""


def test_what_was_fetched_before_a_kill_is_not_fetched_again(stage, server, ranges, tmp_path):
    kept = stage.folder.location
    undisturbed = [*run(stage, ranges, server.url)[:2], tree(tmp_path)]
    stage.folder.remove()
    server.forget()
    killed = subprocess.run([sys.executable, "-c", DYING, kept, str(ranges), server.url], check=False)
    assert killed.returncode == -9
    lists = sorted(Path(kept, "captures/00000").glob("*.json"))
    had = {(path, start) for one in lists for path, start, _ in json.loads(one.read_text())["records"]}
    assert len(had) > 60
    asked = len(server.requests)
    for part in ("data", "removed"):
        stage.folder.remove_parts(part, of="parquet")  # as a run does before it begins
    *resumed, counts = run(stage, ranges, server.url, keep=kept, **SINGLE)
    assert [*resumed, tree(tmp_path)] == undisturbed
    again = {(path, start) for path, start, _ in server.requests[asked:]}
    assert not again & had
    assert len(again) + len(had) == len(ROWS)
    assert counts["ranges_from_captures"] == len(had)
    assert counts["bytes_wanted"] == sum(row["warc_record_length"] for row in ROWS if place(row) in again)


def test_an_error_in_the_middle_loses_nothing(stage, server, ranges):
    kept = stage.folder.location
    server.faults = [lambda path, start, before: 500 if path != FIRST else None]
    with pytest.raises(CurationError, match="in a row"):
        run(stage, ranges, server.url, attempts=1, keep=kept, **SINGLE)
    server.faults = []
    _, _, counts = run(stage, ranges, server.url, keep=kept)
    assert counts["ranges_from_captures"] == sum(row["warc_filename"] == FIRST for row in ROWS)
    assert counts["requests"] == len(FILES) - 1


def test_the_forecast_is_what_is_asked(stage, server, ranges):
    step = FetchRanges(archives=server.url, gap_bytes=10, max_request_bytes=30_000, **QUICK)
    told = step.forecast([Shard(0, (str(ranges),), 1)], {}, 4)
    stage.run([ranges], step, outside=False)
    counts = stage.records[0]["counts"]
    assert (told.documents, told.archives) == (len(ROWS), len(FILES))
    assert (told.requests, told.bytes) == (counts["requests"], counts["bytes_fetched"])
    assert told.wanted_bytes == counts["bytes_wanted"]


def test_the_rate_is_shared_by_all_tasks():
    step = FetchRanges(requests_per_second=50.0)
    step.at_a_time = 4
    assert step._open().pace.rate == 12.5


def test_speed_is_no_part_of_the_identity():
    plain = identity_of(FetchRanges())
    assert plain == identity_of(FetchRanges(concurrency=1, requests_per_second=3.0, keep="x", gap_bytes=0))
    assert plain != identity_of(FetchRanges(archives="s3://commoncrawl/"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"concurrency": 0}, "concurrency: expected at least 1"),
        ({"requests_per_second": 0.0}, "requests_per_second must be above 0"),
        ({"gap_bytes": -1}, "gap_bytes must not be negative"),
    ],
)
def test_settings_that_cannot_work(settings, said):
    with pytest.raises(ConfigError, match=said):
        FetchRanges(**settings)


def test_rows_without_places_are_refused():
    with pytest.raises(ConfigError, match="no column warc_filename, warc_record_offset, warc_record_length"):
        FetchRanges().schema({"id": pa.string(), "url": pa.string()})


def test_the_same_bytes_whatever_the_order_of_answers(stage, server, ranges, tmp_path):
    found = set()
    for concurrency in (1, 3, 32):
        run(stage, ranges, server.url, concurrency=concurrency, **SINGLE)
        found.add(hashlib.sha256(json.dumps(tree(tmp_path)).encode()).hexdigest())
    assert len(found) == 1
