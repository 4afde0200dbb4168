"""Web archives: small ones written here, and 118 real ones, many of them broken on purpose."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.archive import read_archive

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
ARCHIVES = SHARED / "data/web/archives"
HTML = b"<!doctype html><html><body><p>Hi</p></body></html>"


def response(
    body: bytes = HTML, headers: str = "Content-Type: text/html; charset=utf-8", status: str = "200 OK"
) -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body


def warc(block: bytes, kind: str = "response", extra: str = "") -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>\r\n"
        f"WARC-Date: 2014-03-04T19:23:21Z\r\nWARC-Target-URI: http://example.com/\r\n{extra}"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def read(data: bytes, skipped: Counter | None = None):
    return list(read_archive(io.BytesIO(data), "a.warc.gz", skipped))


def test_a_response():
    (record,) = read(warc(response()))
    assert record.html == HTML.decode()
    assert record.id == "00000000-0000-0000-0000-000000000001"
    assert record.url == "http://example.com/"
    assert record.fetch_time == 1_393_961_001_000_000_000
    assert (record.http_status, record.content_mime_type, record.charset) == (200, "text/html", "utf-8")
    assert (record.reason, record.warc_filename) == (None, "a.warc.gz")


REASONS = {
    "not_html": response(headers="Content-Type: application/pdf"),
    "http_error": response(status="404 Not Found"),
    "empty_body": response(b" \r\n"),
    "bad_http_headers": b"SSH-2.0-OpenSSH_5.3p1\r\n",
    "bad_chunked_encoding": response(
        b"5\r\nabcde\r\n99\r\nabc", "Content-Type: text/html\r\nTransfer-Encoding: chunked"
    ),
    "bad_content_encoding": response(gzip.compress(HTML)[:-12], "Content-Type: text/html\r\nContent-Encoding: gzip"),
    "undecodable": response(bytes(range(128, 256)) * 20, "Content-Type: text/html; charset=utf-8"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_reasons(reason):
    (record,) = read(warc(REASONS[reason]))
    assert record.html is None
    if reason != "undecodable":
        assert record.reason == reason


BODIES = {
    "chunked": (b"19\r\n" + HTML[:25] + b"\r\n19\r\n" + HTML[25:] + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "chunked in name only": (HTML, "Transfer-Encoding: chunked"),
    "gzip": (gzip.compress(HTML), "Content-Encoding: gzip"),
    "gzip in name only": (HTML, "Content-Encoding: gzip"),
    "deflate": (zlib.compress(HTML), "Content-Encoding: deflate"),
    "raw deflate": (zlib.compress(HTML, wbits=-15), "Content-Encoding: deflate"),
}


@pytest.mark.parametrize("coding", BODIES)
def test_codings(coding):
    body, header = BODIES[coding]
    (record,) = read(warc(response(body, f"Content-Type: text/html\r\n{header}")))
    assert record.html == HTML.decode()


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ("<p>é".encode("latin-1"), "text/html; charset=iso-8859-1", "<p>é"),
        (b"<meta charset='windows-1251'><p>" + "привет".encode("cp1251"), "text/html", "привет"),
        ("\ufeff<p>é".encode("utf-16-le"), "text/html; charset=utf-8", "<p>é"),
        ("<p>日本語のページです。".encode("euc-jp"), "text/html; charset=no-such-thing", "日本語"),
        (b"<p>a\0b", "text/html", "<p>ab"),
    ],
)
def test_charsets(body, content_type, expected):
    (record,) = read(warc(response(body, f"Content-Type: {content_type}")))
    assert expected in record.html


def test_html_without_a_declared_type_is_recognised():
    (record,) = read(warc(response(headers="Server: x")))
    assert record.content_mime_type == "text/html" and record.html


def test_other_records_are_counted():
    skipped: Counter[str] = Counter()
    records = read(
        warc(b"a", "warcinfo") + warc(response()) + warc(b"b", "request") + warc(b"c", "conversion"), skipped
    )
    assert len(records) == 1
    assert skipped == {"warcinfo": 1, "request": 1, "conversion": 1}


def test_a_ranged_read_of_the_length_gives_the_record():
    members = [gzip.compress(warc(response(HTML + b"<p>%d" % number))) for number in range(3)]
    data = b"".join(members)
    records = read(data)
    assert [record.warc_record_length for record in records] == [len(member) for member in members]
    for record in records:
        (again,) = read(data[record.warc_record_offset : record.warc_record_offset + record.warc_record_length])
        assert again.html == record.html


def test_a_file_compressed_as_a_whole_is_its_own_range():
    data = gzip.compress(warc(response()) * 3)
    assert [(r.warc_record_offset, r.warc_record_length) for r in read(data)] == [(0, len(data))] * 3


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_after_garbage_reading_goes_on(compress):
    first, last = compress(warc(response())), compress(warc(response()))
    records = read(first + b"\n\nnothing of the kind\r\n\r\n" * 9 + last)
    # Between uncompressed records fastwarc passes over it; the record before it then ends where the next begins.
    assert [record.reason for record in records if record.reason != "bad_record"] == [None, None]
    assert records[-1].html == HTML.decode()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_truncated(compress):
    body = HTML + b"".join(b"%d " % (number * 7919) for number in range(3000))
    whole = compress(warc(response())) + compress(warc(response(body)))
    records = read(whole[:-2000])
    assert [record.reason for record in records] == [None, "truncated"]
    assert records[1].warc_record_offset + records[1].warc_record_length == len(whole) - 2000


def test_a_stream_that_cannot_seek():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    assert [record.html for record in read_archive(Pipe(warc(response())), "pipe")] == [HTML.decode()]


ARC = (
    b"filedesc://x.arc 0.0.0.0 20140216050221 text/plain 75\n1 0 LiveWeb Capture\n"
    b"URL IP-address Archive-date Content-type Archive-length\n\n"
)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_arc(compress):
    block = response()
    line = b"http://example.com/a b 93.184.216.119 20140304192321 text/html %d\n" % len(block)
    head = ARC.replace(b" 75\n", b" %d\n" % (len(ARC) - ARC.index(b"\n") - 1))
    skipped: Counter[str] = Counter()
    (record,) = read(compress(head) + compress(line + block + b"\n"), skipped)
    assert record.html == HTML.decode()
    assert record.url == "http://example.com/a b"
    assert record.fetch_time == 1_393_961_001_000_000_000
    assert record.id == f"a.warc.gz:{record.warc_record_offset}"
    assert skipped == {"filedesc": 1}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read(data):
    first = read(data)
    assert first == read(data)
    assert all(record.reason == "bad_record" for record in first) and bool(first) == bool(data)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([bytes, gzip.compress]), st.integers(0, 2000), st.binary(min_size=1, max_size=8), st.booleans())
def test_any_damage_is_survived(compress, position, damage, arc):
    data = b"".join(compress(warc(response(HTML + b"%d" % number))) for number in range(3))
    data = compress(ARC) + data if arc else data
    position %= len(data)
    for record in read(data[:position] + damage + data[position + len(damage) :]):
        assert (record.html is None) == (record.reason is not None)
        assert record.warc_record_length > 0


@pytest.mark.skipif(not ARCHIVES.is_dir(), reason=f"no real archives at {ARCHIVES}")
def test_real_archives_are_read_to_the_end():
    reasons: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for path in sorted(ARCHIVES.iterdir()):
        with path.open("rb") as stream:
            records = list(read_archive(stream, path.name, skipped))
        assert all((record.html is None) == (record.reason is not None) for record in records), path
        assert all(record.warc_record_length > 0 for record in records), path
        end = max((record.warc_record_offset + record.warc_record_length for record in records), default=0)
        assert end <= path.stat().st_size, path
        reasons.update(record.reason or "html" for record in records)
    assert reasons["html"] >= 399
    assert sum(reasons.values()) - reasons["bad_record"] >= 1_300
    assert skipped["request"] >= 800
