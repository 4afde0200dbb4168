"""An index of one's own archives: the published layout, places that can be read, and order."""

import gzip
import shutil
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy_recipe import SAMPLE

from curation.crawl.columnar import read_columnar
from curation.crawl.making import MADE_COLUMNS, make_index
from curation.crawl.wanted import Wanted
from curation.errors import ConfigError
from curation.html.archive import read_archive
from curation.html.digest import body_digest


def rows_of_index(folder):
    return [row for path in sorted(folder.rglob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]


@pytest.fixture
def archives(tmp_path):
    for place, name in (("one", "finemath-00"), ("one/two", "finemath-01"), ("", "finemath-02")):
        (tmp_path / "archives" / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE / f"{name}.warc.gz", tmp_path / "archives" / place)
    return tmp_path / "archives"


def test_each_row_names_a_record_that_can_be_read_alone(archives, tmp_path):
    made = make_index(str(archives), str(tmp_path / "index"), crawl="CC-MAIN-2024-10")
    rows = rows_of_index(tmp_path / "index")
    assert (made.archives, made.records, made.files) == (3, len(rows), 1)
    assert made.skipped == Counter(warcinfo=3)
    assert {row["warc_filename"] for row in rows} == {
        "one/finemath-00.warc.gz",
        "one/two/finemath-01.warc.gz",
        "finemath-02.warc.gz",
    }
    for row in rows:
        with (archives / row["warc_filename"]).open("rb") as file:
            file.seek(row["warc_record_offset"])
            plain = gzip.decompress(file.read(row["warc_record_length"]))
        assert f"WARC-Target-URI: {row['url']}\r\n".encode() in plain
        assert body_digest(plain.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n\r\n")) == row["content_digest"]


def test_the_layout_is_the_published_one(archives, tmp_path):
    made = make_index(str(archives), str(tmp_path / "index"), rows_per_group=10)
    file = pq.ParquetFile(f"{made.folder}/part-00000.parquet")
    assert made.folder == f"{tmp_path}/index/crawl=own/subset=warc"
    assert file.schema_arrow.equals(pa.schema(list(MADE_COLUMNS.items())))
    assert file.num_row_groups == -(-made.records // 10)
    keys = file.read(["url_surtkey"])["url_surtkey"].to_pylist()
    assert keys == sorted(keys)
    row = next(row for row in file.read().to_pylist() if row["url"].startswith("https://www.algebra-notes.example/"))
    assert row["url_surtkey"].startswith("example,algebra-notes)/")
    assert [row[name] for name in ("url_host_name", "url_host_tld", "url_protocol")] == [
        "www.algebra-notes.example",
        "example",
        "https",
    ]
    assert row["url_host_registered_domain"] == "algebra-notes.example"


def test_queries_find_what_was_indexed(archives, tmp_path):
    made = make_index(str(archives), str(tmp_path / "index"), prefix="crawl-data/mine/")
    counts, wanted = Counter(), Wanted(domains=["algebra-notes.example"], crawls=("own",))
    (found,) = read_columnar(f"{made.folder}/part-00000.parquet", wanted, counts)
    records = []
    for path in archives.rglob("*.warc.gz"):
        with path.open("rb") as file:
            records += read_archive(file, path.name)
    pages = {one.url for one in records if one.html is not None and "algebra-notes.example" in one.url}
    assert set(found["url"].to_pylist()) == pages
    assert all(name.startswith("crawl-data/mine/") for name in found["warc_filename"].to_pylist())
    assert counts["language_unknown"] == 0


def test_small_files_hold_the_same_rows_in_the_same_order(archives, tmp_path, monkeypatch):
    monkeypatch.setattr("curation.crawl.making._SAMPLED", 5)
    whole = make_index(str(archives), str(tmp_path / "whole"))
    parted = make_index(str(archives), str(tmp_path / "parted"), rows_per_file=20)
    assert (whole.files, parted.records) == (1, whole.records)
    assert parted.files > 2
    assert rows_of_index(tmp_path / "parted") == rows_of_index(tmp_path / "whole")


def test_arc_files_and_archives_compressed_as_a_whole(archive_folder, tmp_path):
    arc = make_index(str(archive_folder / "webrecorder_warcio__example.arc.gz"), str(tmp_path / "arc"))
    (row,) = rows_of_index(tmp_path / "arc")
    assert (row["url"], row["warc_filename"]) == ("http://example.com/", "webrecorder_warcio__example.arc.gz")
    assert row["content_digest"] == "B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A"  # as the published cdx file has it
    assert (row["warc_record_offset"], row["warc_record_length"]) == (171, 856)
    assert arc.skipped == Counter(filedesc=1)
    plain = (SAMPLE / "finemath-00.warc.gz").read_bytes()
    (tmp_path / "whole.warc.gz").write_bytes(gzip.compress(gzip.decompress(plain)))
    made = make_index(str(tmp_path / "whole.warc.gz"), str(tmp_path / "index"))
    assert made.records == 0
    assert made.skipped["shared_place"] > 10


def test_nothing_is_written_over(archives, tmp_path):
    make_index(str(archives), str(tmp_path / "index"))
    with pytest.raises(ConfigError, match="an index lies here already"):
        make_index(str(archives), str(tmp_path / "index"))
    with pytest.raises(ConfigError, match="crawl: expected a name"):
        make_index(str(archives), str(tmp_path / "index"), crawl="a/b")
    with pytest.raises(ConfigError, match="no input found"):
        make_index(str(tmp_path / "index"), str(tmp_path / "other"))
