"""Queries of the columnar index: what is found, and what is not read."""

import dataclasses
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from index_files import CRAWL, capture, write_index

from curation.crawl.columnar import read_columnar
from curation.crawl.ranges import RANGE_COLUMNS
from curation.crawl.url_lists import read_url_list
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError, CurationError


def query(*files, **wanted):
    """Rows and counts."""
    counts, rows, asked = Counter(), [], Wanted(**wanted)
    for file in files:
        for table in read_columnar(file, asked, counts):
            assert table.schema == pa.schema(list(RANGE_COLUMNS.items()))
            rows += table.to_pylist()
    return rows, counts


def urls(rows):
    return sorted(row["url"] for row in rows)


def listed(tmp_path, *found):
    (tmp_path / "urls.txt").write_text("\n".join(found))
    return read_url_list((str(tmp_path / "urls.txt"),))


def test_a_row_says_where_a_page_lies(tmp_path):
    digest = "B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A"
    row = capture("https://www.a.org/x", day=2, length=7, offset=11, content_digest=digest, content_languages="eng,deu")
    rows, counts = query(write_index(tmp_path, [row, capture("https://b.org/")]), domains=["a.org"])
    archive = f"crawl-data/{CRAWL}/segments/1/warc/a.warc.gz"
    assert rows == [
        {
            "id": f"{archive}:11",
            "url": "https://www.a.org/x",
            "domain": "a.org",
            "fetch_time": 1709337600000000000,
            "content_mime_type": "text/html",
            "content_languages": "eng,deu",
            "content_digest": digest,
            "warc_filename": archive,
            "warc_record_offset": 11,
            "warc_record_length": 7,
            "crawl": CRAWL,
            "snapshot_type": None,
            "selected_by": "domain",
        }
    ]
    assert (counts["rows_in_files"], counts["rows_scanned"], counts["row_groups"]) == (2, 2, 1)


def test_only_good_responses_that_are_pages(tmp_path):
    rows = [
        capture("https://a.org/1"),
        capture("https://a.org/2", fetch_status=206),
        capture("https://a.org/3", content_mime_detected="application/pdf"),
        capture("https://a.org/4", content_mime_type="application/pdf"),  # declared so, but it is a page
        capture("https://a.org/5", content_mime_detected=None),
        capture("https://a.org/6", content_mime_detected="application/xhtml+xml"),
        capture("https://b.org/", fetch_status=404),
    ]
    file = write_index(tmp_path, rows)
    found, counts = query(file, domains=["a.org"])
    assert urls(found) == [f"https://a.org/{n}" for n in (1, 4, 5, 6)]
    assert (counts["not_200"], counts["not_html"]) == (1, 1)  # of b.org nobody asked
    found, _ = query(file, domains=["a.org"], mime_types=("application/pdf",))
    assert urls(found) == ["https://a.org/3"]
    assert len(query(file)[0]) == 4
    assert {row["selected_by"] for row in query(file)[0]} == {"all"}


def test_any_of_the_languages_counts_and_what_is_unknown_stays(tmp_path):
    spoken = ["eng", "deu,eng", "deu", "engl", None, "fra,xeng", "fra"]
    rows = [capture(f"https://a.org/{n}", content_languages=one) for n, one in enumerate(spoken)]
    found, counts = query(write_index(tmp_path, rows), domains=["a.org"], languages=("eng", "fra"))
    assert [int(url[-1]) for url in urls(found)] == [0, 1, 4, 5, 6]
    assert (counts["other_language"], counts["language_unknown"]) == (2, 1)


def test_older_indexes_lack_columns(tmp_path):
    without = ("content_languages", "content_mime_detected", "content_digest", "content_truncated", "fetch_redirect")
    rows = [capture("https://a.org/1"), capture("https://a.org/2", content_mime_type="application/pdf")]
    found, counts = query(write_index(tmp_path, rows, without=without), domains=["a.org"], languages=("eng",))
    assert urls(found) == ["https://a.org/1"]
    assert (found[0]["content_languages"], found[0]["content_digest"]) == (None, None)
    assert (counts["language_unknown"], counts["not_html"]) == (1, 1)


@pytest.mark.parametrize(
    "kinds",
    [
        {"fetch_time": pa.timestamp("us", "UTC"), "fetch_status": pa.int32(), "warc_record_offset": pa.int32()},
        {"fetch_time": pa.timestamp("ns"), "url": pa.large_string(), "url_host_registered_domain": pa.large_string()},
    ],
)
def test_types_may_be_others(tmp_path, kinds):
    found, _ = query(write_index(tmp_path, [capture("https://a.org/1", day=2)], **kinds), domains=["a.org"])
    assert [row["fetch_time"] for row in found] == [1709337600000000000]


def test_partitions_that_nobody_asks_for_are_not_opened(tmp_path):
    wanted = write_index(tmp_path, [capture("https://a.org/1")])
    other = [
        write_index(tmp_path, [capture("https://a.org/2")], crawl="CC-MAIN-2023-50"),
        write_index(tmp_path, [capture("https://a.org/3")], subset="robotstxt"),
    ]
    for path in other:
        Path(path).write_bytes(b"not even parquet")
    found, counts = query(wanted, *other, domains=["a.org"], crawls=(CRAWL,))
    assert urls(found) == ["https://a.org/1"]
    assert counts["files_skipped"] == 2
    with pytest.raises(ConfigError, match="no columnar index of a crawl"):
        query(other[0], domains=["a.org"])


def many(sites=2000):
    return [
        capture(f"https://site{site:05d}.org/{page}", offset=site * 10 + page)
        for site in range(sites)
        for page in range(5)
    ]


def test_row_groups_without_a_listed_domain_are_not_read(tmp_path):
    file = write_index(tmp_path, many(), group_rows=500)
    found, counts = query(file, domains=["site00300.org", "elsewhere.com"])
    assert len(found) == 5
    assert (counts["row_groups"], counts["row_groups_skipped"], counts["rows_scanned"]) == (20, 19, 500)
    assert counts["bytes_read"] < 0.5 * counts["bytes_in_files"]  # a third of so small a file is its footer
    nothing, missed = query(file, domains=["site00300.com"])
    assert (nothing, missed["row_groups_skipped"]) == ([], 20)
    whole, all_counts = query(file)
    assert len(whole) == 10_000
    assert all_counts["bytes_read"] > counts["bytes_read"]


def test_columns_are_read_only_where_something_is_left(tmp_path):
    rows = [one | {"fetch_status": 404} for one in many()]
    file = write_index(tmp_path, rows, group_rows=10_000)
    assert (
        query(file, domains=["site00300.org"])[1]["bytes_read"]
        < 0.5 * query(write_index(tmp_path, many(), group_rows=10_000), domains=["site00300.org"])[1]["bytes_read"]
    )


@pytest.mark.parametrize("without", [("url_surtkey",), ()])
def test_20_000_domains_find_what_a_scan_finds(tmp_path, without):
    rows = many(8000)
    file = write_index(tmp_path, rows, group_rows=2000, without=without)
    domains = {f"site{n:05d}.org" for n in range(0, 60_000, 3)}
    found, _ = query(file, domains=list(domains))
    assert urls(found) == sorted(row["url"] for row in rows if row["url_host_registered_domain"] in domains)
    assert len(found) == 5 * len(range(0, 8000, 3))


def test_files_without_statistics_are_read(tmp_path):
    path = write_index(tmp_path, many(100))
    pq.write_table(pq.read_table(path, partitioning=None), path, write_statistics=False)
    found, counts = query(path, domains=["site00003.org"])
    assert (len(found), counts["row_groups_skipped"]) == (5, 0)


def test_listed_urls_are_found_wherever_they_are(tmp_path):
    rows = [capture(f"http://{host}/{page}") for host in ("a.org", "b.org", "www.b.org", "c.org") for page in range(3)]
    given = listed(tmp_path, "https://b.org/1#x", "https://c.org/9", "http://a.org/0", "http://www.b.org/2")
    found, _ = query(write_index(tmp_path, rows), domains=["a.org"], urls=given)
    assert [(row["url"], row["selected_by"]) for row in sorted(found, key=lambda row: row["url"])] == [
        ("http://a.org/0", "domain"),
        ("http://a.org/1", "domain"),
        ("http://a.org/2", "domain"),
        ("http://b.org/1", "url"),
        ("http://www.b.org/2", "url"),
    ]
    found, _ = query(write_index(tmp_path, rows), urls=given)
    assert urls(found) == ["http://a.org/0", "http://b.org/1", "http://www.b.org/2"]


def test_hosts_that_are_addresses_have_no_domain_in_the_index(tmp_path):
    rows = [capture(url, url_host_registered_domain=None) for url in ("http://10.0.0.1/a", "http://10.0.0.2/b")]
    file = write_index(tmp_path, [*rows, capture("http://a.org/")])
    found, _ = query(file, domains=["10.0.0.1"])
    assert [(row["url"], row["domain"]) for row in found] == [("http://10.0.0.1/a", "10.0.0.1")]
    assert urls(query(file, urls=listed(tmp_path, "http://10.0.0.2/b"))[0]) == ["http://10.0.0.2/b"]
    assert urls(query(file, domains=["a.org", "10.0.0.2"])[0]) == ["http://10.0.0.2/b", "http://a.org/"]


def test_what_is_no_index_is_named(tmp_path):
    pq.write_table(pa.table({"url": ["x"], "text": ["y"]}), tmp_path / "pages.parquet")
    with pytest.raises(ConfigError, match=r"pages\.parquet: .*no column url_host_registered_domain, fetch_time"):
        query(str(tmp_path / "pages.parquet"))
    wrong = write_index(tmp_path, [capture("http://a.org/") | {"fetch_time": "soon"}], fetch_time=pa.string())
    with pytest.raises(ConfigError, match=r"part-00000\.parquet: no columnar index"):
        query(wrong, domains=["a.org"])
    with pytest.raises(CurationError, match="FileNotFoundError"):
        query(str(tmp_path / "none.parquet"))


def test_settings_are_values():
    wanted = Wanted(domains=("b.org", "a.org"))
    assert wanted.asked == ["a.org", "b.org"]
    assert wanted.between("a.p", "c").to_pylist() == ["b.org"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        wanted.crawls = ("x",)
