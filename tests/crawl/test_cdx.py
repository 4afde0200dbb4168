"""Indexes of one record a line, made up and real."""

import base64
import gzip
import json
from collections import Counter

import pytest
from loguru import logger

from curation.crawl.cdx import read_lines
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError

DIGEST = "B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A"
ARCHIVE = "crawl-data/CC-MAIN-2024-10/segments/1/warc/a.warc.gz"
FIELDS = {
    "url": "https://a.org/x",
    "mime": "text/html",
    "mime-detected": "text/html",
    "status": "200",
    "digest": DIGEST,
    "length": "1043",
    "offset": "333",
    "filename": ARCHIVE,
    "languages": "eng",
    "encoding": "UTF-8",
}
FORMS = {
    "api": json.dumps({"urlkey": "org,a)/x", "timestamp": "20240301120000"} | FIELDS),
    "cdxj": f"org,a)/x 20240301120000 {json.dumps(FIELDS)}",
    "cdx": f"org,a)/x 20240301120000 https://a.org/x text/html 200 {DIGEST} - - 1043 333 {ARCHIVE}",
}


def query(path, **wanted):
    counts = Counter()
    return [row for table in read_lines(str(path), Wanted(**wanted), counts) for row in table.to_pylist()], counts


def write(path, *lines):
    text = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture
def warnings():
    """The messages of the log."""
    said = []
    number = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")
    yield said
    logger.remove(number)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.cdx", "cdx-00000.gz"])
def test_all_forms_say_the_same(tmp_path, form, name):
    rows, counts = query(write(tmp_path / name, FORMS[form]), domains=["a.org"])
    assert rows == [
        {
            "id": f"{ARCHIVE}:333",
            "url": "https://a.org/x",
            "domain": "a.org",
            "fetch_time": 1709294400000000000,
            "content_mime_type": "text/html",
            "content_languages": None if form == "cdx" else "eng",
            "content_digest": DIGEST,
            "warc_filename": ARCHIVE,
            "warc_record_offset": 333,
            "warc_record_length": 1043,
            "crawl": "CC-MAIN-2024-10",
            "snapshot_type": None,
            "selected_by": "domain",
        }
    ]
    assert counts["bytes_read"] == counts["bytes_in_files"] == (tmp_path / name).stat().st_size
    assert (counts["rows_in_files"], counts["bad_index_lines"]) == (1, 0)


def test_a_header_says_what_the_columns_are(tmp_path):
    path = write(tmp_path / "a.cdx", " CDX g V S s m b a", f"{ARCHIVE} 5 9 200 text/html 20240301 http://a.org/")
    rows, _ = query(path)
    assert [(row["url"], row["warc_record_offset"], row["warc_record_length"]) for row in rows] == [
        ("http://a.org/", 5, 9)
    ]
    assert rows[0]["content_digest"] is None


def test_dumps_and_languages_are_told_by_each_line(tmp_path):
    older = json.dumps({"timestamp": "20240301", **FIELDS, "filename": ARCHIVE.replace("2024-10", "2023-50")})
    german = json.dumps({"timestamp": "20240301", **FIELDS, "languages": "deu"})
    path = write(tmp_path / "a.jsonl", FORMS["api"], older, german, FORMS["cdx"])
    rows, counts = query(path, crawls=("CC-MAIN-2024-10",), languages=("eng",))
    assert [row["content_languages"] for row in rows] == ["eng", None]
    assert (counts["other_crawl"], counts["other_language"], counts["language_unknown"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "org,a)/x",
        "org,a)/x 20240301120000 {]",
        FORMS["cdx"].replace(" 333 ", " - "),
        FORMS["cdx"] + " more",
        FORMS["cdxj"].replace('"url"', '"uri"'),
        FORMS["cdx"].replace("20240301120000", "soon"),
        '{"url": null}',
    ],
)
def test_broken_lines_are_counted_and_the_first_is_named(tmp_path, warnings, line):
    path = write(tmp_path / "a.cdx", FORMS["cdx"], line, FORMS["cdxj"], line, "", '!meta {"x": 1}')
    rows, counts = query(path)
    assert (len(rows), counts["bad_index_lines"], counts["rows_in_files"]) == (2, 2, 2)
    assert len(warnings) == 1
    assert f"{path}: line 2 names no record of an archive" in warnings[0]
    with pytest.raises(ConfigError, match=r"b\.cdx: line 1 names no record"):
        query(write(tmp_path / "b.cdx", line))


def test_files_that_end_early_are_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress((FORMS["cdx"] + "\n").encode() * 1000)[:-20])
    with pytest.raises(ConfigError, match=r"a\.gz: no index of one record a line"):
        query(tmp_path / "a.gz")
    (tmp_path / "b.gz").write_bytes(b"plain")
    with pytest.raises(ConfigError, match=r"b\.gz: no index"):
        query(tmp_path / "b.gz")


def test_real_files_name_the_same_places(archive_folder):
    plain, lines = (archive_folder / f"webrecorder_pywb__dupes.{kind}" for kind in ("cdx", "cdxj"))
    assert query(plain)[0] == query(lines)[0]
    rows, counts = query(plain)
    assert [(row["url"], row["warc_record_offset"]) for row in rows] == [("http://example.com", 334)]
    assert (counts["rows_in_files"], counts["not_200"], counts["not_html"]) == (12, 10, 1)
    (row,), _ = query(archive_folder / "webrecorder_pywb__example2.cdxj")
    assert base64.b32decode(row["content_digest"]).hex() == "37cf167c2672a4a64af901d9484e75eee0e2c98a"  # as it is there


def test_many_lines_are_taken_in_pieces(tmp_path):
    lines = [FORMS["cdx"].replace(" 333 ", f" {n} ") for n in range(60_000)]
    rows, counts = query(write(tmp_path / "cdx-00000.gz", *lines), domains=["a.org"])
    assert [row["warc_record_offset"] for row in rows] == list(range(60_000))
    assert counts["rows_scanned"] == 60_000
