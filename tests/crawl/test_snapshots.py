"""Which captures of a page are taken, and how rows are dealt to parts."""

import itertools
import random

import numpy as np
import pyarrow as pa
import pytest

from curation.crawl.ranges import RANGE_COLUMNS, ByPart, crawl_of, hashes_of
from curation.crawl.snapshots import COMPARED, LARGEST, LATEST, NOT_TAKEN, OTHER, REPEATED, choose, read_captures

D1, D2 = "A" * 32, "B" * 32
ROWS = [  # url, time, length, digest, archive, offset
    ("http://a.org/", 1, 50, D1, "x", 0),
    ("https://a.org/", 2, 90, D2, "x", 9),
    ("https://a.org/#top", 3, 60, D1, "w", 5),
    ("http://b.org/", 7, 10, None, "x", 1),
    ("http://c.org/", 4, 20, D1, "x", 2),
    ("http://c.org/", 4, 20, None, "w", 3),
    ("http://c.org/", 4, 20, None, "x", 2),
]


def captures(rows):
    return read_captures(
        [pa.table(dict(zip(COMPARED, map(list, zip(*rows, strict=True)), strict=True)))] if rows else []
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("latest_and_largest", [NOT_TAKEN, LARGEST, LATEST, LATEST, LATEST, NOT_TAKEN, REPEATED]),
        ("latest", [NOT_TAKEN, NOT_TAKEN, LATEST, LATEST, LATEST, NOT_TAKEN, REPEATED]),
        ("largest", [NOT_TAKEN, LARGEST, NOT_TAKEN, LARGEST, LARGEST, NOT_TAKEN, REPEATED]),
        ("all", [OTHER, LARGEST, LATEST, LATEST, LATEST, OTHER, REPEATED]),
        ("one_per_digest", [NOT_TAKEN, LARGEST, LATEST, LATEST, LATEST, OTHER, REPEATED]),
    ],
)
def test_of_each_page(rule, expected):
    assert choose(captures(ROWS), rule).tolist() == expected  # of equals that of the last archive: x comes after w


@pytest.mark.parametrize("rule", ["latest_and_largest", "latest", "largest", "all", "one_per_digest"])
def test_the_order_of_the_rows_does_not_count(rule):
    chosen = set()
    for order in itertools.islice(itertools.permutations(ROWS[:6]), 0, 720, 37):
        kinds = choose(captures(order), rule)
        chosen.add(frozenset((row[1:], int(kind)) for row, kind in zip(order, kinds, strict=True)))
    assert len(chosen) == 1


def test_nothing_is_chosen_of_nothing():
    assert choose(captures([]), "latest_and_largest").tolist() == []


def test_latest_and_largest_are_those_of_a_plain_search():
    rng = random.Random(0)
    rows = [
        (f"http://{rng.randrange(40)}.org/", rng.randrange(9), rng.randrange(9), None, str(rng.randrange(12)), n)
        for n in range(600)
    ]
    kinds = choose(captures(rows), "latest_and_largest")
    for url in {row[0] for row in rows}:
        mine = [(row, kind) for row, kind in zip(rows, kinds, strict=True) if row[0] == url]
        latest = max((row for row, _ in mine), key=lambda row: (row[1], row[4], row[5]))
        largest = max((row for row, _ in mine), key=lambda row: (row[2], row[1], row[4], row[5]))
        assert {row: kind for row, kind in mine if kind != NOT_TAKEN} == {largest: LARGEST, latest: LATEST}


def test_rows_of_a_part_stand_together_in_their_order(monkeypatch):
    monkeypatch.setattr("curation.crawl.ranges._MOST_WAITING", 100)
    names = [f"{n % 7}" for n in range(250)]
    table = pa.table({name: [None] * 250 for name in RANGE_COLUMNS} | {"url": names, "fetch_time": list(range(250))})
    table = table.cast(pa.schema(list(RANGE_COLUMNS.items())))
    given = [table.slice(start, 50) for start in range(0, 250, 50)]
    found = pa.concat_tables(ByPart(lambda rows: hashes_of(rows["url"]), 3)(iter(given)))
    part = found["part"].to_numpy()
    assert (np.diff(part) < 0).sum() == 2  # 100 rows at a time, three times
    assert set(zip(found["url"].to_pylist(), part.tolist(), strict=True)) == {
        (name, int(hashes_of(pa.array([name]))[0] % 3)) for name in set(names)
    }
    for run in (found.slice(0, 100), found.slice(100, 100), found.slice(200)):
        assert run.sort_by([("part", "ascending"), ("fetch_time", "ascending")]).equals(run)
    assert sorted(found["fetch_time"].to_pylist()) == list(range(250))


@pytest.mark.parametrize(
    ("location", "crawl"),
    [
        ("crawl-data/CC-MAIN-2024-10/segments/1/warc/a.warc.gz", "CC-MAIN-2024-10"),
        ("s3://x/crawl=CC-MAIN-2013-20/subset=warc/part-0.parquet", "CC-MAIN-2013-20"),
        ("mine/CC-MAIN-20240220211055-20240221001055-00001.warc.gz", None),
    ],
)
def test_the_dump_stands_in_the_path(location, crawl):
    assert crawl_of(location) == crawl
