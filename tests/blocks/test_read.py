import gzip
from collections import Counter

import pyarrow as pa
import pytest

from curation.blocks.read import PAGE_COLUMNS, columns_of, read_files
from curation.crawl.ranges import crawl_of
from curation.errors import ConfigError, CurationError

from .conftest import shared, write_jsonl, write_parquet


def read(*files, columns=None):
    rejected = []
    docs = list(read_files([str(file) for file in files], columns, lambda doc, why: rejected.append((doc.id, why))))
    return docs, rejected


ROWS = [{"id": "a", "text": "one", "n": 1}, {"id": "b", "text": "two", "n": None}]


def files_of_each_kind(folder):
    lines = b'{"id": "a", "text": "one", "n": 1}\n\n{"id": "b", "text": "two", "n": null}\n'
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "a.ndjson").write_bytes(lines)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    with pa.CompressedOutputStream(str(folder / "a.jsonl.zst"), "zstd") as file:
        file.write(lines)
    write_parquet(folder / "a.parquet", ROWS)
    return sorted(folder.iterdir())


def test_rows_of_each_file_type(tmp_path):
    for file in files_of_each_kind(tmp_path):
        docs, rejected = read(file)
        assert [(doc.id, doc.text, doc.metadata) for doc in docs] == [("a", "one", {"n": 1}), ("b", "two", {"n": None})]
        assert not rejected
        assert list(columns_of([str(file)], {})) == ["id", "text", "n"]


def test_tables(tmp_path):
    folder = tmp_path / "my.tsv.files"
    folder.mkdir()
    (folder / "a.csv").write_text('id,text,n\na,"one,\ntwo",1\nb,x\n')
    (folder / "a.tsv").write_text("id\ttext\na\tone, two\n")
    docs, _ = read(folder / "a.csv")
    assert [(doc.id, doc.text, doc.metadata) for doc in docs] == [
        ("a", "one,\ntwo", {"n": "1"}),
        ("b", "x", {"n": None}),
    ]
    assert read(folder / "a.tsv")[0][0].text == "one, two"


def test_a_table_with_a_long_cell_and_with_a_cell_too_many(tmp_path):
    (tmp_path / "a.csv").write_text(f"id,text\na,{'x' * 300_000}\nb,y,too,many\n")
    assert columns_of([str(tmp_path / "a.csv")], {}) == {"id": pa.string(), "text": pa.large_string()}
    docs, _ = read(tmp_path / "a.csv")
    assert [(doc.id, len(doc.text), doc.metadata) for doc in docs] == [("a", 300_000, {}), ("b", 1, {})]


def test_rows_without_an_id_get_one_from_file_and_place(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": "one"}, {"text": "two", "id": 7}, {"text": "three", "id": 0}])
    assert [doc.id for doc in read(file)[0]] == [f"{file.parent.name}/a.jsonl:0", "7", "0"]


def test_a_row_without_text_is_rejected(tmp_path):
    rows = [{"id": "a", "text": "one"}, {"id": "b", "text": None}, {"id": "c", "text": ""}]
    for file in (write_jsonl(tmp_path / "a.jsonl", rows), write_parquet(tmp_path / "a.parquet", rows)):
        docs, rejected = read(file)
        assert [doc.id for doc in docs] == ["a", "c"]
        assert rejected == [("b", "no_text")]


def test_a_row_with_html_needs_no_text(tmp_path):
    rows = [{"id": "a", "html": "<p>x"}, {"id": "b", "html": None}, {"id": "c", "html": ""}]
    file = write_jsonl(tmp_path / "a.jsonl", rows)
    docs, rejected = read(file)
    assert [(doc.id, doc.text, doc.metadata) for doc in docs] == [("a", "", {"html": "<p>x"})]
    assert rejected == [("b", "no_text"), ("c", "no_text")]


def test_other_columns_are_kept_under_a_mapping(tmp_path):
    rows = [{"blob_id": "x1", "content": "code", "text": "not this", "stars": 3, "nested": {"a": [1]}}]
    file = write_parquet(tmp_path / "a.parquet", rows)
    mapping = {"text": "content", "id": "blob_id"}
    docs, _ = read(file, columns=mapping)
    assert (docs[0].id, docs[0].text) == ("x1", "code")
    assert docs[0].metadata == {"stars": 3, "nested": {"a": [1]}}
    columns = columns_of([str(file)], mapping)
    assert list(columns) == ["id", "text", "stars", "nested"]
    assert columns["stars"] == pa.int64()
    assert columns["nested"] == pa.struct({"a": pa.list_(pa.int64())})


def test_a_mapped_column_that_is_missing_is_named(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"content": "x"}])
    with pytest.raises(ConfigError, match=r"a.jsonl: no column 'contents' for text; it has content"):
        columns_of([str(file)], {"text": "contents"})


def test_neither_text_nor_html_says_what_to_do(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"content": "x", "url": "y"}])
    with pytest.raises(ConfigError, match=r"columns.text=COLUMN.* --columns text=COLUMN.*\(it has content, url\)"):
        columns_of([str(file)], {})


def test_mixed_types_become_what_holds_all(tmp_path):
    rows = [
        {"text": "a", "n": 1, "s": "x", "m": 1, "f": 1, "none": None, "b": True, "o": {"a": 1}},
        {"text": "b", "n": 2.5, "s": 3, "m": {"k": 1}, "f": None, "none": None, "b": 1, "late": "y"},
    ]
    columns = columns_of([str(write_jsonl(tmp_path / "a.jsonl", rows))], {})
    assert columns["n"] == pa.float64()
    assert columns["f"] == pa.int64()
    for name in ("s", "m", "b", "o", "none", "late"):
        assert columns[name] in (pa.string(), pa.large_string()), name


def test_columns_of_several_files_are_joined(tmp_path):
    one = write_parquet(tmp_path / "a.parquet", [{"text": "x", "n": 1, "only": "here"}])
    two = write_parquet(tmp_path / "b.parquet", [{"text": "x", "n": 1.5}])
    columns = columns_of([str(one), str(two)], {})
    assert list(columns) == ["id", "text", "n", "only"]
    assert columns["n"] == pa.float64()


def test_pages_of_an_archive(tmp_path):
    skipped = Counter()
    file = str(shared("math/guyeven.warc.gz"))
    docs = list(read_files([file], {}, None, skipped))
    assert docs
    assert all(doc.text == "" and doc.metadata["html"] and doc.metadata["url"] for doc in docs)
    assert set(docs[0].metadata) == set(PAGE_COLUMNS)
    assert len({doc.id for doc in docs}) == len(docs)
    assert list(columns_of([file], {})) == ["id", "text", *PAGE_COLUMNS]


def test_the_crawl_stands_in_the_path():
    assert crawl_of("s3://commoncrawl/crawl-data/CC-MAIN-2024-10/segments/1/x.warc.gz") == "CC-MAIN-2024-10"
    assert crawl_of("/data/CC-MAIN-20240220211055-20240221001055-00000.warc.gz") is None


def test_a_broken_line_is_named_with_file_and_line(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "a"}\n\n{"text": \n')
    with pytest.raises(CurationError, match=r"a.jsonl: line 3: not valid JSON"):
        read(file)
    with pytest.raises(ConfigError, match=r"a.jsonl: cannot be read: .*line 3"):
        columns_of([str(file)], {})
    file.write_text("[1]\n")
    with pytest.raises(CurationError, match=r"a.jsonl: line 1: expected one JSON object per line, found list"):
        read(file)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.jsonl.zst"])
def test_a_file_that_is_not_what_its_name_says(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is nothing of the kind")
    with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
        columns_of([str(tmp_path / name)], {})


def test_an_unknown_file_type_is_a_config_error(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"a.txt: unknown file type \(known: .warc.gz"):
        read(tmp_path / "a.txt")


def test_an_empty_file_has_no_rows(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    assert read(tmp_path / "a.jsonl") == ([], [])
