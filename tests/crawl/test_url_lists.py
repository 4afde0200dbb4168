"""Lists of URLs in each of their forms."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.crawl.ranges import hashes_of, url_keys
from curation.crawl.url_lists import listed_urls, read_url_list
from curation.errors import ConfigError

URLS = ["https://a.example.org/1", "http://b.com/2?x#y", "https://www.c.co.uk/"]
LOG = [
    {"text": "t", "id": "1", "metadata": {"url": URLS[0], "filter_reason": "curly_bracket"}},
    {"text": "t", "id": "2", "metadata": {"url": URLS[1], "filter_reason": "lorem_ipsum"}},
    {"text": "t", "id": "3", "metadata": {"url": URLS[2], "filter_reason": "curly_bracket"}},
]


def write(path, text):
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content)
    if path.suffix == ".zst":
        content = pa.compress(content, "zstd", asbytes=True)
    path.write_bytes(content)
    return str(path)


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("name", ["urls.txt", "urls", "urls.txt.gz", "urls.zst"])
def test_a_text_has_one_url_a_line(tmp_path, name):
    assert list(listed_urls(write(tmp_path / name, "\n".join(URLS) + "\n\n "))) == URLS


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json.gz", "a.ndjson"])
@pytest.mark.parametrize("keyed", [lambda u: {"url": u}, lambda u: {"URL": u}, lambda u: {"metadata": {"url": u}}])
def test_objects_name_their_url(tmp_path, name, keyed):
    assert list(listed_urls(write(tmp_path / name, lines(map(keyed, URLS))))) == URLS


@pytest.mark.parametrize(
    "columns",
    [
        {"url": URLS, "metadata": ["{}"] * 3},
        {"URL": URLS},
        {"metadata": [json.dumps({"url": url}) for url in URLS]},
        {"metadata": [{"url": url, "x": 1} for url in URLS]},
    ],
)
def test_tables_have_a_column_or_metadata(tmp_path, columns):
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert list(listed_urls(str(tmp_path))) == URLS


def test_of_a_log_of_a_filter_one_reason_is_taken(tmp_path):
    log = write(tmp_path / "log.jsonl.gz", lines(LOG))
    assert list(listed_urls(log)) == URLS
    assert list(listed_urls(log, "curly_bracket")) == [URLS[0], URLS[2]]
    plain = write(tmp_path / "plain.jsonl", lines([{"url": "http://d.net/"}]))
    found = read_url_list((log, plain), "curly_bracket")
    assert found.domains == ["c.co.uk", "d.net", "example.org"]  # a list without reasons is taken whole


def test_a_url_is_known_without_scheme_and_fragment(tmp_path):
    found = read_url_list((write(tmp_path / "urls.txt", "\n".join([*URLS, *URLS])),))
    assert len(found.keys) == 3
    assert found.domains == ["b.com", "c.co.uk", "example.org"]
    asked = pa.array(["http://a.example.org/1#top", "https://b.com/2?x", "b.com/2?x", "https://b.com/2", URLS[2], None])
    assert found.has(asked).tolist() == [True, True, True, False, True, False]
    assert read_url_list((write(tmp_path / "none.txt", ""),)).has(asked).tolist() == [False] * 6


def test_half_a_million_urls_are_told_apart(tmp_path):
    text = "\n".join(f"https://site{n % 1000}.org/{n}" for n in range(500_000))
    found = read_url_list((write(tmp_path / "many.txt", text),))
    assert (len(found.keys), len(found.domains)) == (500_000, 1000)
    asked = pa.array([f"http://site{n % 1000}.org/{n}" for n in range(499_000, 501_000)])
    assert found.has(asked).sum() == 1000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"url": "x"}\n{"id": 1}\n', "entry 2: expected url, URL or metadata.url"),
        ("a.jsonl", "{\n", "entry 1: not valid JSON"),
        ("a.jsonl", "[1]\n", "expected an object, found list"),
    ],
)
def test_what_is_no_list_is_named(tmp_path, name, text, message):
    with pytest.raises(ConfigError, match=message):
        list(listed_urls(write(tmp_path / name, text)))


def test_a_table_without_urls_and_broken_texts_are_named(tmp_path):
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match=r"a\.parquet: no column url, URL or metadata \(there are text\)"):
        list(listed_urls(str(tmp_path / "a.parquet")))
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"http://a.org\n" * 9999)[:40])
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("a.txt.gz", "b.txt"):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
            list(listed_urls(str(tmp_path / name)))


def test_hashes_are_those_of_xxhash():
    import xxhash

    texts = pa.chunked_array([["a", None], ["", "bücher" * 9]])
    expected = [xxhash.xxh64_intdigest(text) for text in ("a", "", "", "bücher" * 9)]
    assert hashes_of(texts).tolist() == expected
    assert hashes_of(texts.combine_chunks()[2:]).tolist() == expected[2:]
    assert hashes_of(pa.array([], pa.string())).tolist() == []
    assert hashes_of(pa.array([None, ""], pa.string())).tolist() == expected[1:3]
    assert np.array_equal(url_keys(pa.array(["HTTP://a/b#c"])), hashes_of(pa.array(["a/b"])))
