import gzip
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from curation.blocks import card_domains, domain_counts
from curation.blocks.card_counts import domains_of
from curation.blocks.card_domains import listed_domains
from curation.blocks.domain_counts import TOTAL_COLUMNS, CountDomains, DomainTotals
from curation.blocks.domains import DOMAIN_COLUMNS, KeepListed, ListDomains
from curation.crawl.ranges import hashes_of
from curation.domain_choice import Domains, domain_stages
from curation.errors import ConfigError, CurationError
from curation.recipe import Recipe
from curation.running import run
from curation.text.domains import registered_domain, snapshot_version

from .conftest import OneStage, document, write_jsonl, write_parquet

PAGES = [  # host, good pages, all pages: a 10 of 100 (10 %), b 9 of 10 (90 %), c 12 of 12
    ("www.a.org", 10, 100),
    ("b.org", 5, 6),
    ("sub.b.org", 4, 4),
    ("c.co.uk", 12, 12),
    ("d.org", 1, 50),
]
KINDS = {"id": pa.string(), "text": pa.string(), "url": pa.string(), "score": pa.float64(), "int_score": pa.int64()}


def pages():
    return [
        {
            "id": f"{host}{number}",
            "text": "x",
            "url": f"https://{host}/{number}",
            "score": (2.2 if number < good else 0.6) + number / 1000,
            "int_score": 2 if number < good else 1,
        }
        for host, good, total in PAGES
        for number in range(total)
    ]


@pytest.fixture
def listed(tmp_path):
    """Rows by domain of both stages on pages that lie in several files."""

    def through(rows=None, files=3, parts=4, folder="run", **changes):
        rows = pages() if rows is None else rows
        values = {"threshold": 2, "cut": "published", "rule": "pages", "min_pages": 10, "min_share": 0.1} | changes
        place = tmp_path / folder
        place.mkdir()
        names = [write_parquet(place / f"{n}.parquet", rows[n::files], **KINDS) for n in range(files)]
        counting = OneStage(place / "counts")
        counting.run(names, CountDomains(threshold=values.pop("threshold"), cut=values.pop("cut"), parts=parts))
        deciding = OneStage(place / "domains")
        found = deciding.run([], ListDomains(counted=counting.folder.path("data"), **values), parts=parts)
        assert deciding.schema() == DOMAIN_COLUMNS
        for name in deciding.folder.list_files("data", ".parquet"):
            one = pq.read_table(deciding.folder.path(name))["id"].to_pylist()
            assert one == sorted(one)
            assert all(xxhash.xxh64_intdigest(domain) % parts == int(name[-13:-8]) for domain in one)
        by_name = {row["id"]: row for row in found}
        assert len(by_name) == len(found)
        counted = sum(record["counts"].get("domains_listed", 0) for record in deciding.records)
        assert counted == sum(row["listed"] for row in found)
        through.counting, through.deciding = counting, deciding
        return dict(sorted(by_name.items()))

    return through


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
def test_rules(changes, expected, listed):
    assert names(listed(**changes)) == expected


def test_rows_say_why_and_show_the_best_and_the_worst_page(listed):
    rows = listed()
    mean = rows["b.org"].pop("mean_score")
    assert mean == pytest.approx((9 * 2.2 + 0.6 + (0 + 1 + 2 + 3 + 4 + 5 + 0 + 1 + 2 + 3) / 1000) / 10)
    assert rows["b.org"] == {
        "id": "b.org",
        "pages": 10,
        "good_pages": 9,
        "share": 0.9,
        "list_urls": 0,
        "listed": False,
        "reason": "not_enough_good_pages",
        "best_url": "https://b.org/4",
        "best_score": pytest.approx(2.204),
        "worst_url": "https://b.org/5",
        "worst_score": pytest.approx(0.605),
    }
    assert rows["a.org"]["reason"] == "score"


ODD_URLS = [None, "", "not a url", "notaurl", "mailto:x@y.org", "foo/bar", "http://a\\@b.org", "javascript:void(0)"]
URLS = [
    *("a.org:80/x", "http://user:9@m.org/", "//n.org/x", "HTTP://WWW.A.Org:80", "https://bücher.example.de/"),
    *("http://[2001:db8::1]:80/a", "http://1.2.3.4/x", "http://a..b.org", " http://a.org/z", "http://a.org?x#y"),
    *("ftp://x.y.co.uk", "http://co.uk/", "http://localhost/", "urn:uuid:1", "http://[broken", "http://a.org.:8080/x"),
]


def test_whatever_the_urls_and_however_they_lie_in_files_the_decisions_are_those_of_counting_one_by_one(
    listed, tmp_path
):
    rng = np.random.default_rng(5)
    hosts = [f"{'www.' * (n % 3 == 0)}site{n}.{('org', 'co.uk', 'de')[n % 3]}" for n in range(60)]
    urls = [*ODD_URLS, *URLS] * 3 + [f"https://{hosts[int(n)]}/{n:.5f}" for n in 60 * rng.random(3000) ** 2]
    scores = np.round(rng.random(len(urls)) * 4, 1).tolist()
    rows = [
        {"id": str(n), "text": "x", "url": url, "score": score, "int_score": round(score)}
        for n, (url, score) in enumerate(zip(urls, scores, strict=True))
    ]
    (tmp_path / "urls.txt").write_text("https://site3.org/a\nsite3.org/b\nnot a url\nhttps://elsewhere.net/\n")
    lists = {"url_lists": (str(tmp_path / "urls.txt"),), "min_list_urls": 2}
    for rule in ("pages", "share", "both"):
        settings = {"rule": rule, "min_pages": 8, "min_share": 0.35}
        expected = one_by_one(rows, **settings) | {"elsewhere.net": (0, 0, 0, None, None)}
        found = listed(rows, folder=rule, **settings, **lists)
        assert {name: compared(row, name == "site3.org") for name, row in found.items()} == expected
        assert found["site3.org"]["list_urls"] == 2 and found["site3.org"]["reason"].endswith("url_list")
        assert sum(one["counts"]["pages_without_domain"] for one in listed.counting.records) == sum(
            registered_domain(row["url"] or "") is None for row in rows
        )
        once = listed(rows, files=1, parts=1, folder=f"{rule}-once", **settings, **lists)
        assert {name: row | {"mean_score": 0} for name, row in once.items()} == {
            name: row | {"mean_score": 0} for name, row in found.items()
        }


def one_by_one(rows, rule, min_pages, min_share):
    """Domain -> (pages, good pages, whether it is listed, best and worst page)."""
    by_domain = {}
    for row in rows:
        if (domain := registered_domain(row["url"] or "")) is not None:
            by_domain.setdefault(domain, []).append(row)
    expected = {}
    for domain, own in by_domain.items():
        good = sum(row["int_score"] >= 2 for row in own)
        holds = {"pages": good >= min_pages, "share": Fraction(good, len(own)) >= Fraction(str(min_share))}
        decided = all(holds.values()) if rule == "both" else holds[rule]
        best = min(own, key=lambda row: (-row["score"], row["url"]))["url"]
        worst = min(own, key=lambda row: (row["score"], row["url"]))["url"]
        expected[domain] = (len(own), good, decided, best, worst)
    return expected


def compared(row, by_a_list):
    decided = "score" in row["reason"].split("+") if by_a_list else row["listed"]
    return row["pages"], row["good_pages"], decided, row["best_url"], row["worst_url"]


def test_a_shard_of_more_domains_than_are_held_gives_them_in_runs(monkeypatch):
    monkeypatch.setattr(domain_counts, "MOST_DOMAINS", 30)
    monkeypatch.setattr(domain_counts, "_ROWS", 10)
    urls = [f"https://s{n * n % 101}.org/{n}" for n in range(1000)]
    table = pa.table({"url": urls, "int_score": pa.array([n % 4 for n in range(1000)])})
    step = CountDomains(threshold=2, cut="published", parts=3)
    runs = pa.concat_tables(step.run_tables(iter(table.slice(start, 7) for start in range(0, 1000, 7))))
    turns = np.flatnonzero(np.diff(runs["part"].to_numpy()) < 0)
    assert len(turns) >= 5 and runs.num_rows > 300
    totals = DomainTotals()
    totals.add(runs.drop_columns(["part"]))
    monkeypatch.undo()
    whole = pa.concat_tables(step.run_tables(iter([table]))).drop_columns(["part"])
    assert whole.num_rows == 51
    assert totals.take().sort_by("domain") == whole.sort_by("domain")


def test_a_part_reads_few_row_groups_that_are_not_its_own(listed):
    rows = [
        {"id": str(n), "text": "x", "url": f"https://s{n}.org/", "score": 1.0, "int_score": 1} for n in range(24_000)
    ]
    found = listed(rows, files=1, parts=6)
    assert len(found) == 24_000
    file = pq.ParquetFile(listed.counting.folder.path("data/00000.parquet"))
    place = file.schema_arrow.names.index("part")
    statistics = [file.metadata.row_group(group).column(place).statistics for group in range(file.num_row_groups)]
    assert file.num_row_groups == 6 and all(one.min == one.max for one in statistics)


def test_lists_of_urls_and_domains(tmp_path, listed):
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
    assert rows["example.com"]["mean_score"] is rows["example.com"]["best_url"] is None
    assert rows["new.net"]["reason"] == "not_enough_good_pages"


def test_a_threshold_of_listed_urls_means_nothing_without_a_list(listed):
    assert names(listed(min_list_urls=0)) == ["a.org", "c.co.uk"]


def test_a_list_that_is_no_text_is_a_config_error(tmp_path, listed):
    (tmp_path / "urls.txt").write_bytes(gzip.compress(b"https://b.org/1\n" * 50))
    with pytest.raises(ConfigError, match=r"urls.txt: cannot be read as a text of one entry a line"):
        listed(url_lists=(str(tmp_path / "urls.txt"),))


def test_pages_without_a_domain_are_counted():
    step = CountDomains(threshold=2, cut="published", parts=2)
    docs = [document(url=None, int_score=3), document(int_score=3), document(url="not a url", int_score=3)]
    assert list(step.run(iter(docs))) == []
    assert step.counts["pages_without_domain"] == 3


def test_pages_without_the_score_of_the_cut_are_an_error(listed):
    with pytest.raises(CurationError, match="cut: calibrated needs the column calibrated_score"):
        listed(cut="calibrated")


def test_in_a_list_of_anyones_steps_documents_are_counted_too():
    step = CountDomains(threshold=2, cut="published", parts=1)
    docs = [document(url=f"https://a.org/{n}", int_score=n) for n in range(4)]
    (row,) = step.run(iter(docs))
    assert row.metadata == {
        "domain": "a.org",
        "pages": 4,
        "good_pages": 2,
        "score_sum": 6.0,  # where there is no raw score it is of what was compared
        "best_score": 3.0,
        "best_url": "https://a.org/3",
        "worst_score": 0.0,
        "worst_url": "https://a.org/0",
        "part": 0,
    }


def test_domains_are_those_of_each_url_alone():
    urls = [*ODD_URLS, *URLS]
    found = domains_of(pa.chunked_array([pa.array(urls, pa.string())])).to_pylist()
    assert found == [registered_domain(url or "") for url in urls]


def test_keys_are_those_of_the_reference():
    names = ["a.org", "", "xn--mnchen-3ya.de", "b" * 80]
    expected = [xxhash.xxh64_intdigest(name) for name in names]
    assert hashes_of(pa.array(["first", *names])[1:]).tolist() == expected
    assert hashes_of(pa.chunked_array([names[:1], names[1:]], pa.string())).tolist() == expected
    assert hashes_of(pa.array([], pa.string())).tolist() == []


def test_nothing_adds_up_to_nothing():
    assert DomainTotals().take().to_pylist() == []
    assert list(DomainTotals().take().column_names) == list(TOTAL_COLUMNS)


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


def test_where_nothing_is_listed_nothing_is_kept(tmp_path):
    domains = table(tmp_path / "domains", [{"id": "b.org", "listed": False}])
    assert list(KeepListed(domains=domains).run([document(url="https://b.org/x")])) == []


def test_the_stages_in_a_run(tmp_path, listed):
    files = [str(write_jsonl(tmp_path / f"{n}.jsonl", pages()[n::3])) for n in range(3)]
    stages = domain_stages(Domains(threshold=2, parts=3), cut="published", reads=tuple(files))
    output = str(tmp_path / "out")
    run(Recipe(name="toy", settings={}, stages=tuple(stages)), output, workers=1)
    folder = f"{output}/domains/data"
    written = {row["id"]: row for row in OneStage(f"{output}/domains").rows("data")}
    assert dict(sorted(written.items())) == listed(parts=3)
    kept = KeepListed(domains=folder).run(document(row["id"], url=row["url"]) for row in pages())
    assert len(list(kept)) == 112


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "best"}, "rule: expected one of"),
        ({"min_share": 10}, "min_share: expected 0 to 1, got 10"),
        ({"parts": 0}, "parts: expected at least 1, got 0"),
    ],
)
def test_settings_that_cannot_be(changes, said):
    with pytest.raises(ValueError, match=said):
        Domains(threshold=2, **changes)


def card_tables(text):
    """Title -> rows of cells."""
    blocks = text.split("\n\n")
    found = {}
    for title, block in pairwise(blocks):
        if block.startswith("| "):
            lines = [line.strip("|").split("|") for line in block.splitlines()]
            found[title.rstrip(":")] = [[cell.strip() for cell in line] for line in lines[2:]]
    return found


def test_the_card_says_how_many_and_shows_the_best_the_worst_and_the_largest_left(listed, tmp_path):
    (tmp_path / "domains.txt").write_text("D.org\nnew.net\n")
    listed(domain_lists=(str(tmp_path / "domains.txt"),))
    text = listed_domains(listed.deciding.folder.path("data"))
    assert text.startswith("4 of 5 domains were listed. ") and snapshot_version() in text
    why, best, worst, largest = card_tables(text).values()
    assert why == [
        ["domain list", "2", "50", "1"],
        ["score", "2", "112", "22"],
        ["not enough good pages", "1", "10", "9"],
    ]
    assert [row[0] for row in best] == ["c.co.uk", "a.org", "d.org"]
    assert best[1][:4] == ["a.org", "100", "10", "10.0%"] and best[1][5] == "https://www.a.org/9 (2.21)"
    assert [row[0] for row in worst] == ["d.org", "a.org", "c.co.uk"]
    assert worst[0][5] == "https://d.org/1 (0.60)"
    assert [row[0] for row in largest] == ["b.org"] and largest[0][5] == "https://b.org/4 (2.20)"


def test_of_many_domains_the_card_shows_the_first_few_whatever_files_they_lie_in(listed, monkeypatch):
    rows = [
        {"id": f"{d}-{n}", "text": "x", "url": f"https://s{d:03d}.org/{n}", "score": 2.0, "int_score": 2}
        for d in range(120)
        for n in range(1 + d % 40)
    ]
    listed(rows, parts=7)
    monkeypatch.setattr(card_domains, "_SHOWN", 4)
    _, best, worst, largest = card_tables(listed_domains(listed.deciding.folder.path("data"))).values()
    assert [row[0] for row in best] == ["s039.org", "s079.org", "s119.org", "s038.org"]
    assert [row[0] for row in worst] == best_order(best)
    assert [row[:2] for row in largest] == [[f"s{d}.org", "9"] for d in ("008", "048", "088")] + [["s007.org", "8"]]


def best_order(rows):
    """All shares and scores are equal, so that the worst are those with the most pages, too."""
    return [row[0] for row in rows]


def test_a_long_or_odd_url_does_not_break_the_table(listed):
    urls = ["https://a.org/x|y `z`\n", f"https://b.org/{'long' * 60}"]
    rows = [{"id": url, "text": "x", "url": url, "score": 2.0, "int_score": 2} for url in urls]
    listed(rows, min_pages=1)
    _, best, worst = card_tables(listed_domains(listed.deciding.folder.path("data"))).values()
    assert best == worst and best[0][5] == "https://a.org/x%7Cy%20%60z%60 (2.00)"
    assert best[1][5] == f"https://b.org/{'long' * 60}"[:100] + "… (2.00)"


def test_without_domains_the_card_says_so(tmp_path):
    assert listed_domains(str(tmp_path / "none")) == "No list of domains was made in this run."
