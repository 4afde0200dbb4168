import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.blocks.domains import DOMAIN_COLUMNS, KeepListed, ListDomains
from curation.errors import ConfigError

from .conftest import document, write_jsonl

PAGES = [  # host, good pages, all pages: a 10 of 100 (10 %), b 9 of 10 (90 %), c 12 of 12
    ("www.a.org", 10, 100),
    ("b.org", 5, 6),
    ("sub.b.org", 4, 4),
    ("c.co.uk", 12, 12),
    ("d.org", 1, 50),
]


def pages():
    for host, good, total in PAGES:
        for number in range(total):
            score = 2 if number < good else 1
            yield document(identifier=f"{host}{number}", url=f"https://{host}/{number}", int_score=score)


def listed(docs=None, **changes):
    values = {"threshold": 2, "cut": "published", "rule": "pages", "min_pages": 10, "min_share": 0.1} | changes
    step = ListDomains(**values)
    rows = {doc.id: doc.metadata for doc in step.run(pages() if docs is None else iter(docs))}
    assert list(rows) == sorted(rows)
    assert all(set(row) | {"id"} == set(DOMAIN_COLUMNS) for row in rows.values())
    assert step.counts["domains_listed"] == sum(row["listed"] for row in rows.values())
    return rows


def names(rows):
    return [name for name, row in rows.items() if row["listed"]]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rule": "pages"}, ["a.org", "c.co.uk"]),
        ({"rule": "share"}, ["a.org", "b.org", "c.co.uk"]),
        ({"rule": "share", "min_share": 0.11}, ["b.org", "c.co.uk"]),
        ({"rule": "both", "min_share": 0.5}, ["c.co.uk"]),
        ({"rule": "pages", "min_pages": 9}, ["a.org", "b.org", "c.co.uk"]),
        ({"rule": "pages", "threshold": 3}, []),
        ({"rule": "pages", "min_pages": 0}, ["a.org", "b.org", "c.co.uk", "d.org"]),
    ],
)
def test_rules(changes, expected):
    assert names(listed(**changes)) == expected


def test_rows_say_why():
    rows = listed()
    assert rows["b.org"] == {
        "pages": 10,
        "good_pages": 9,
        "share": 0.9,
        "list_urls": 0,
        "listed": False,
        "reason": "not_enough_good_pages",
    }
    assert rows["a.org"]["reason"] == "score"


def test_lists_of_urls_and_domains(tmp_path):
    (tmp_path / "urls.txt").write_text("https://b.org/1\nhttp://x.b.org/2\n\nhttps://new.net/1\n")
    (tmp_path / "domains.txt").write_text("D.org\nhttps://www.far.example.com/\n  a.org  \n")
    rows = listed(
        url_lists=(str(tmp_path / "urls.txt"),), min_list_urls=2, domain_lists=(str(tmp_path / "domains.txt"),)
    )
    assert names(rows) == ["a.org", "b.org", "c.co.uk", "d.org", "example.com"]
    assert rows["b.org"]["reason"] == "url_list"
    assert rows["b.org"]["list_urls"] == 2
    assert rows["a.org"]["reason"] == "score+domain_list"
    assert rows["example.com"]["pages"] == 0
    assert rows["example.com"]["share"] == 0.0
    assert rows["new.net"]["reason"] == "not_enough_good_pages"


def test_a_threshold_of_listed_urls_means_nothing_without_a_list():
    assert names(listed(min_list_urls=0)) == ["a.org", "c.co.uk"]


def test_a_list_that_is_no_text_is_a_config_error(tmp_path):
    (tmp_path / "urls.txt.gz").write_bytes(gzip.compress(b"https://b.org/1\n" * 50))
    with pytest.raises(ConfigError, match=r"urls.txt.gz: expected a text file with one entry per line"):
        listed(url_lists=(str(tmp_path / "urls.txt.gz"),))


def test_pages_without_a_domain_are_counted():
    step = ListDomains(threshold=2, cut="published", rule="pages", min_pages=1, min_share=0.1)
    docs = [document(url=None, int_score=3), document(int_score=3), document(url="not a url", int_score=3)]
    assert list(step.run(docs)) == []
    assert step.counts["pages_without_domain"] == 3


def table(folder, rows):
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "00000.parquet")
    return str(folder)


def test_pages_of_listed_domains_are_kept_and_listed_urls_wherever_they_are(tmp_path):
    domains = table(tmp_path / "domains", [{"id": "a.org", "listed": True}, {"id": "b.org", "listed": False}])
    (tmp_path / "urls.txt").write_text("https://b.org/kept\n")
    step = KeepListed(domains=domains, urls=(str(tmp_path / "urls.txt"),))
    urls = ["https://www.a.org/x", "https://b.org/x", "https://b.org/kept", None, "https://nota.org/x"]
    docs = [document(identifier=str(number), url=url) for number, url in enumerate(urls)]
    assert [doc.id for doc in step.run(docs)] == ["0", "2"]
    assert step.inputs() == [str(tmp_path / "urls.txt")]


def test_both_as_two_stages(stage, tmp_path):
    rows = [{"id": doc.id, "text": "x", **doc.metadata} for doc in pages()]
    file = write_jsonl(tmp_path / "pages.jsonl", rows)
    step = ListDomains(threshold=2, cut="published", rule="pages", min_pages=10, min_share=0.1)
    assert len(stage.run([file], step, gather=True)) == 4
    assert stage.schema() == DOMAIN_COLUMNS
    kept = [doc.id for doc in KeepListed(domains=stage.folder.path("data")).run(pages())]
    assert len(kept) == 112
