import gzip
import io
import zlib
from pathlib import Path

import pytest
from crawl.sample_ranges import archives, digest_checked, ranges_of, records_of

from curation.crawl.records import is_same_url, payload_digest, read_record
from curation.html.archive import read_archive

FILES = archives()
ROWS = ranges_of(FILES)
SHARED = Path(__file__).resolve().parents[2].parent / "shared/data/web/archives"
COMPRESSED_AS_ONE = ("test.warc.gz", "bad-non-chunked.warc.gz", "wrong-chunks.warc.gz")


def body_of(row, files=FILES):
    return files[row["warc_filename"]][row["warc_record_offset"] :][: row["warc_record_length"]]


def read(body, length=None, archive="crawl-data/a.warc.gz", offset=7):
    return read_record(body, archive, offset, len(body) if length is None else length)


def content(record):
    return record.id, record.url, record.html, record.reason, record.fetch_time, record.content_mime_type


def test_a_range_gives_what_the_whole_archive_gives():
    for row, (path, whole) in zip(ROWS, records_of(FILES), strict=True):
        found = read_record(body_of(row), path, whole.warc_record_offset, whole.warc_record_length).record
        assert content(found) == content(whole)
        assert (found.warc_filename, found.warc_record_offset) == (path, whole.warc_record_offset)


def test_the_digest_is_that_of_the_payload():
    found = [payload_digest(zlib.decompressobj(31).decompress(body_of(row))) for row in ROWS]
    assert found == [row["content_digest"] for row in ROWS]
    assert len(found) == digest_checked(FILES)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"real data not on this machine: {SHARED}")
def test_archives_of_all_kinds_read_by_ranges():
    compared = 0
    for path in sorted(SHARED.iterdir()):
        if not path.name.endswith((".warc", ".warc.gz", ".arc", ".arc.gz")) or path.name.endswith(COMPRESSED_AS_ONE):
            continue
        body = path.read_bytes()
        for whole in read_archive(io.BytesIO(body), path.name):
            if whole.reason in ("bad_record", "truncated"):
                continue
            offset, length = whole.warc_record_offset, whole.warc_record_length
            found = read_record(body[offset : offset + length], f"x/{path.name}", offset, length)
            assert found.wrong is None, (path.name, offset)
            assert content(found.record) == content(whole)
            compared += 1
    assert compared > 1000


def other_kind(kind):
    block = b"software: test\r\n"
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {len(block)}\r\n\r\n".encode()
    return gzip.compress(head + block + b"\r\n\r\n")


def test_what_is_no_record():
    good = body_of(ROWS[0])
    assert read(b"").wrong == "range_missing"
    assert read(good[:-10], len(good)).wrong == "range_truncated"
    assert read(good[:-10]).wrong == "range_truncated"
    assert read(good + good).wrong == "not_a_record"
    assert read(good + b"\0" * 8).wrong == "not_a_record"
    assert read(good[5:]).wrong == "not_a_record"
    assert read(good[:40] + b"\xff" * 20 + good[60:]).wrong == "not_a_record"
    assert read(gzip.compress(b"no archive at all")).wrong == "not_a_record"
    assert read(other_kind("request")).wrong == "not_a_record"
    assert read(other_kind("warcinfo")).wrong == "not_a_record"


def test_a_changed_checksum_is_noticed():
    good = body_of(ROWS[0])
    assert read(good[:-8] + bytes([good[-8] ^ 1]) + good[-7:]).wrong == "not_a_record"


def test_a_record_without_an_id_is_known_by_its_place():
    plain = zlib.decompressobj(31).decompress(body_of(ROWS[0]))
    lines = [line for line in plain.split(b"\r\n") if not line.startswith(b"WARC-Record-ID")]
    assert read(gzip.compress(b"\r\n".join(lines))).record.id == "a.warc.gz:7"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a.example/x y", "http://a.example/x%20y", True),
        ("http://a.example/%C3%A9", "http://a.example/é", True),
        (" http://a.example/", "http://a.example/", True),
        ("http://a.example/", "https://a.example/", False),
        ("http://a.example/x", "http://a.example/X", False),
        (None, "http://a.example/", False),
    ],
)
def test_urls_that_differ_in_spelling_only(one, other, same):
    assert is_same_url(one, other) is same
