"""Ranges of archives from a real S3 server: the same pages, what is missing, what is refused, and a kill's remains."""

import os
from collections import Counter
from pathlib import Path

import pytest
import s3fs
from crawl.sample_ranges import archives, ranges_of, records_of, write_ranges
from services.swift import bucket
from toy_recipe import record_of, rows_of

from curation.crawl.captures import Captures
from curation.errors import ConfigError
from curation.fetching import fetch
from curation.folder import Folder

VARIABLE = "CURATION_SWIFT_BIN"
BUCKET = "crawl-tests"
FILES = archives()
ROWS = ranges_of(FILES)
WHOLE = {(path, record.warc_record_offset): record for path, record in records_of(FILES)}

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ,
    reason=f"no S3 server: {VARIABLE} is to name the bin folder of an environment with `pip install swift`",
)


@pytest.fixture(scope="module")
def store():
    """The file system of a server with all archives."""
    with bucket(Path(os.environ[VARIABLE]), BUCKET) as files:
        files.pipe({f"{BUCKET}/{path}": body for path, body in FILES.items()})
        yield files


@pytest.fixture(autouse=True)
def fresh():
    """Clients remember their keys."""
    s3fs.S3FileSystem.clear_instance_cache()


def fetched(tmp_path, rows=ROWS, archives=f"s3://{BUCKET}/", **settings):
    source = write_ranges(tmp_path / "ranges.parquet", rows)
    fetch(str(source), output=str(tmp_path / "out"), archives=archives, workers=1, **settings)
    return rows_of(tmp_path / "out/fetch/data"), record_of(tmp_path / "out/fetch")


def test_the_pages_are_those_of_archives_that_are_read_whole(store, tmp_path):
    rows, record = fetched(tmp_path)
    found = {(row["warc_filename"], row["warc_record_offset"]): row["html"] for row in rows}
    assert found == {key: one.html for key, one in WHOLE.items() if one.reason is None}
    assert record["removed"] == Counter(one.reason for one in WHOLE.values() if one.reason)
    assert record["counts"]["requests"] == len(FILES)


def test_what_is_missing_or_broken_has_its_reason(store, tmp_path):
    path = next(iter(FILES))
    store.pipe({f"{BUCKET}/odd/{path}": FILES[path][:-100]})
    own = [row for row in ROWS if row["warc_filename"] == path]
    rows = [*own, own[0] | {"warc_record_offset": 10**7}, own[0] | {"warc_filename": "crawl-data/none.warc.gz"}]
    _, record = fetched(tmp_path, rows, f"s3://{BUCKET}/odd/")
    whole = [WHOLE[path, row["warc_record_offset"]].reason for row in own[:-1]]
    odd = {"range_truncated": 1, "range_missing": 1, "archive_missing": 1}
    assert record["removed"] == Counter(filter(None, whole)) | odd


@pytest.mark.parametrize(
    ("variables", "location", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, f"s3://{BUCKET}/", "access denied"),
        ({"AWS_ACCESS_KEY_ID": "nobody:nothing"}, f"s3://{BUCKET}/", "access denied"),
        ({}, "s3://misspelt/", "NoSuchBucket"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, f"s3://{BUCKET}/", f"s3://{BUCKET}"),
    ],
)
def test_a_refusal_is_told_before_any_work(store, tmp_path, monkeypatch, variables, location, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        fetched(tmp_path, archives=location)
    assert not (tmp_path / "out").exists()


def test_captures_lie_in_a_store_as_well(store):
    places = [(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]) for row in ROWS]
    bodies = {place: FILES[place[0]][place[1] : place[1] + place[2]] for place in places}
    folder = Folder(f"s3://{BUCKET}/run/fetch")
    with Captures(folder, "00000", segment_bytes=100_000) as captures:
        for place, body in bodies.items():
            captures.add(place, body)
    with Captures(folder, "00000") as captures:
        assert {place: captures.read(place) for place in places} == bodies
