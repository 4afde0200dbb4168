"""Contents of files by their ids from a real S3 server: what is missing or broken, what is refused, and how fast."""

import gzip
import hashlib
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
from services.swift import bucket

from curation.blocks.contents import ReadContents
from curation.blocks.fetching import Fetcher
from curation.errors import ConfigError, CurationError
from curation.recipe import Stage
from curation.running import run_stages

VARIABLE = "CURATION_SWIFT_BIN"
BUCKET = "contents-tests"
TEMPLATE = f"s3://{BUCKET}/content/{{blob_id}}"
FILES = {f"src/file_{n:03d}.py": f"print({n})  # é\n" * (n % 40 + 1) for n in range(200)}

pytestmark = pytest.mark.skipif(
    VARIABLE not in os.environ,
    reason=f"no S3 server: {VARIABLE} is to name the bin folder of an environment with `pip install swift`",
)


def sha1(body):
    return hashlib.sha1(body).hexdigest()


@pytest.fixture(scope="module")
def store():
    """The file system of a server with all files, under the SHA-1 of their bytes, as Software Heritage keeps them."""
    with bucket(Path(os.environ[VARIABLE]), BUCKET) as files:
        bodies = [text.encode() for text in FILES.values()]
        files.pipe({f"{BUCKET}/content/{sha1(body)}": gzip.compress(body) for body in bodies})
        yield files


@pytest.fixture(autouse=True)
def fresh():
    """Clients remember their keys."""
    s3fs.S3FileSystem.clear_instance_cache()


def ids(rows):
    return pa.Table.from_pylist([{"path": path, "src_encoding": "UTF-8", **row} for path, row in rows])


def all_ids():
    return [(path, {"blob_id": sha1(text.encode())}) for path, text in FILES.items()]


def read(tmp_path, rows, **settings):
    """The kept rows, and the record, of a stage over a table of ids."""
    pq.write_table(ids(rows), tmp_path / "ids.parquet")
    step = ReadContents(contents=settings.pop("contents", TEMPLATE), first_wait_seconds=0.01, **settings)
    stage = Stage(name="read", reads=(str(tmp_path / "ids.parquet"),), steps=[step])
    report = run_stages("ids", [stage], str(tmp_path / "out"), {}, workers=1)
    return pq.read_table(tmp_path / "out/read/data").to_pylist(), report.records["read"]


def test_all_files_come_in_order_with_their_text(store, tmp_path):
    rows, record = read(tmp_path, all_ids(), window=16, concurrency=8)
    assert {row["path"]: row["text"] for row in rows} == FILES
    assert [row["path"] for row in rows] == list(FILES)
    assert rows[7]["id"] == f"{rows[7]['blob_id']}:src/file_007.py"
    assert record["counts"]["fetched_files"] == len(FILES)
    assert record["counts"]["fetched_bytes"] == store.du(f"{BUCKET}/content")


def test_what_is_missing_or_broken_is_dropped_with_its_reason(store, tmp_path):
    whole = gzip.compress(b"x = 1\n" * 500)
    latin = "# Größe\n".encode("latin-1")
    bodies = {
        "truncated": whole[:-20],
        "corrupt": b"\x1f\x8b\x08\x00 not gzip",
        "binary": gzip.compress(b"\x7fELF\0\0"),
        "large": gzip.compress(b"a" * 5000),
        "latin": gzip.compress(latin),
        "other": gzip.compress(b"another file\n"),
    }
    names = {"latin": sha1(latin), "other": "1" * 40}
    store.pipe({f"{BUCKET}/broken/{names.get(name, name)}": body for name, body in bodies.items()})
    rows = [(name, {"blob_id": names.get(name, name)}) for name in (*bodies, "missing", "also_missing")]
    kept, record = read(tmp_path, rows, contents=f"s3://{BUCKET}/broken/{{blob_id}}", max_bytes=4000)
    assert record["removed"] == {
        "binary": 1,
        "content_mismatch": 1,
        "content_missing": 2,
        "content_truncated": 2,
        "too_large": 1,
    }
    assert [(row["path"], row["text"], row["src_encoding"]) for row in kept] == [("latin", "# Größe\n", "WINDOWS-1252")]
    assert record["counts"]["encoding_replaced"] == 1
    removed = pq.read_table(tmp_path / "out/read/removed").to_pylist()
    assert all(not row["text"] for row in removed)
    assert {row["path"] for row in removed} == {*bodies, "missing", "also_missing"} - {"latin"}


@pytest.mark.parametrize(
    ("variables", "contents", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, TEMPLATE, "access denied"),
        ({"AWS_ACCESS_KEY_ID": "nobody:nothing"}, TEMPLATE, "access denied"),
        ({}, "s3://misspelt/content/{blob_id}", "NoSuchBucket"),
    ],
)
def test_a_refusal_is_told_before_any_work(store, tmp_path, monkeypatch, variables, contents, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, all_ids(), contents=contents)
    assert not (tmp_path / "out").exists()


def test_keys_that_are_refused_in_the_middle_stop_the_run(store, tmp_path, monkeypatch):
    fetcher = Fetcher(TEMPLATE, concurrency=4, window=4, attempts=2, first_wait_seconds=0.01)
    pairs = fetcher.fetch_all(all_ids(), lambda row: row[1], lambda row: 0)
    assert next(pairs)[1] is not None
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    s3fs.S3FileSystem.clear_instance_cache()
    refused = Fetcher(TEMPLATE, concurrency=4, attempts=2, first_wait_seconds=0.01)
    with pytest.raises(CurationError, match=r"access denied .*after 2 attempts"):
        list(refused.fetch_all(all_ids(), lambda row: row[1], lambda row: 0))
    pairs.close()


def test_a_server_that_is_gone_is_an_error_not_missing_files(store, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="contents: s3://"):
        read(tmp_path, all_ids())


def rate(concurrency):
    """Fetches per second."""
    s3fs.S3FileSystem.clear_instance_cache()
    fetcher = Fetcher(TEMPLATE, concurrency=concurrency)
    begun = time.perf_counter()
    found = list(fetcher.fetch_all(all_ids(), lambda row: row[1], lambda row: 0))
    assert all(body for _, body in found)
    return len(found) / (time.perf_counter() - begun)


def test_many_requests_are_in_flight(store, capsys):
    rates = {concurrency: rate(concurrency) for concurrency in (1, 8, 32)}
    with capsys.disabled():
        print("\nfetches/s by concurrency: " + ", ".join(f"{key}: {value:.0f}" for key, value in rates.items()))
    assert all(value > 0 for value in rates.values())
