"""The stages that find what is fetched: an index is queried, snapshots are chosen, ranges are sorted."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from index_files import CRAWL, capture, write_index
from toy_recipe import SAMPLE, rows_of, tree

from curation import Recipe, Stage, folder_of, run
from curation.blocks.crawl_index import ChooseSnapshots, QueryIndex, SortRanges
from curation.blocks.domains import DOMAIN_COLUMNS
from curation.cli_crawl import index as make_by_command
from curation.crawl.ranges import EXCHANGED_COLUMNS, RANGE_COLUMNS, read_part
from curation.errors import ConfigError, CurationError
from curation.folder import Folder
from curation.manifest import Manifest, fix_shards

PARTS = 4


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    """Of a recipe that is made by hand."""


def stages(index, snapshots="latest_and_largest", **query):
    return [
        Stage(name="index", reads=(str(index),), steps=[QueryIndex(parts=PARTS, **query)], removed="none"),
        Stage(
            name="snapshots",
            reads="index",
            steps=[ChooseSnapshots(ranges=folder_of("index"), parts=PARTS, snapshots=snapshots)],
            parts=PARTS,
            removed="none",
        ),
        Stage(
            name="ranges",
            reads="snapshots",
            steps=[SortRanges(snapshots=folder_of("snapshots"), parts=PARTS)],
            parts=PARTS,
            removed="none",
        ),
    ]


def go(output, index, tasks=2, **values):
    recipe = Recipe(name="crawl", settings=NoSettings(), stages=tuple(stages(index, **values)))
    run(recipe, str(output), workers=2, tasks=tasks)
    return rows_of(output / "ranges/data")


def write_domains(folder, **listed):
    folder.mkdir()
    rows = [{"id": name.replace("_", "."), "listed": one} for name, one in listed.items()]
    schema = pa.schema([(name, kind) for name, kind in DOMAIN_COLUMNS.items() if name in ("id", "listed")])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "00000.parquet")
    return str(folder)


def pages(days, sites=30):
    return [
        capture(
            f"http://site{site}.org/{page}",
            day=day,
            length=100 + (7 * day + page) % 10,
            offset=10_000 * site + 1000 * page + day,
            archive=f"archive{site % 5}-{day}",
        )
        for site in range(sites)
        for page in range(3)
        for day in days
    ]


@pytest.fixture
def index(tmp_path):
    for part in range(5):
        write_index(tmp_path / "index", pages(range(part * 2 + 1, part * 2 + 3)), part=part, group_rows=50)
    return tmp_path / "index"


def test_listed_domains_come_out_in_the_order_of_the_archives(index, tmp_path):
    domains = write_domains(tmp_path / "domains", site1_org=True, site2_org=False, site7_org=True)
    rows = go(tmp_path / "out", index, domains=domains)
    assert {row["domain"] for row in rows} == {"site1.org", "site7.org"}
    assert {(row["url"], row["snapshot_type"]) for row in rows} == {
        (f"http://site{site}.org/{page}", kind)
        for site in (1, 7)
        for page in range(3)
        for kind in ("latest", "largest")
    } - {  # the last day's page is the largest, too
        (f"http://site{site}.org/{page}", "largest") for site in (1, 7) for page in range(3) if (70 + page) % 10 == 9
    }
    for path in (tmp_path / "out/ranges/data").glob("*.parquet"):
        places = [(row["warc_filename"], row["warc_record_offset"]) for row in pq.read_table(path).to_pylist()]
        assert places == sorted(set(places))
    archives = [
        {row["warc_filename"] for row in pq.read_table(path).to_pylist()}
        for path in sorted((tmp_path / "out/ranges/data").glob("*.parquet"))
    ]
    assert sum(map(len, archives)) == len(set().union(*archives))  # each archive is of one part
    schema = pq.read_schema(tmp_path / "out/ranges/data/00000.parquet")
    assert schema.equals(pa.schema(list(RANGE_COLUMNS.items())))
    record = Manifest(Folder(str(tmp_path / "out/index"))).finished()
    assert record["documents"] == record["counts"]["rows_scanned"]
    assert record["counts"]["row_groups_skipped"] > 0
    chosen = Manifest(Folder(str(tmp_path / "out/snapshots"))).finished()
    assert chosen["documents"] == record["kept"] == 60
    assert chosen["counts"]["not_chosen"] + chosen["kept"] == 60


def test_the_number_of_tasks_does_not_count(index, tmp_path):
    go(tmp_path / "one", index, tasks=1)
    go(tmp_path / "many", index, tasks=5)
    assert tree(tmp_path / "one") == tree(tmp_path / "many")


def test_the_number_of_files_does_not_count(index, tmp_path):
    whole = tmp_path / "whole"
    write_index(whole, pages(range(1, 11)), group_rows=10_000)
    assert go(tmp_path / "one", whole) == go(tmp_path / "five", index)


@pytest.mark.parametrize(("rule", "rows"), [("latest", 90), ("largest", 90), ("all", 900), ("one_per_digest", 900)])
def test_rules(index, tmp_path, rule, rows):
    assert len(go(tmp_path / "out", index, snapshots=rule)) == rows


def test_a_part_reads_its_own_row_groups(index, tmp_path):
    write_index(tmp_path / "large", pages([1], sites=4000), group_rows=100_000)
    go(tmp_path / "out", tmp_path / "large")
    path = tmp_path / "out/index/data/00000.parquet"
    file = pq.ParquetFile(path)
    assert file.schema_arrow.equals(pa.schema(list(EXCHANGED_COLUMNS.items())))
    assert file.read(["part"])["part"].to_pylist() == sorted(file.read(["part"])["part"].to_pylist())
    place = file.schema_arrow.names.index("part")
    known = [file.metadata.row_group(group).column(place).statistics for group in range(file.num_row_groups)]
    of_two = [one for one in known if one.min <= 2 <= one.max]
    assert len(of_two) < file.num_row_groups
    tables = list(read_part(str(tmp_path / "out/index"), ["data/00000.parquet"], 2))
    assert len(tables) == len(of_two)
    assert sum(table.num_rows for table in tables) == file.read(["part"])["part"].to_pylist().count(2)


class Grown:
    """The folders of three stages whose generations are written one by one, as the engine does."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, stage, tables_of_shards):
        place = Folder(str(self.folder / stage))
        manifest, begun = Manifest(place), (self.folder / stage / "shards.json").exists()
        first = len(manifest.shards())
        shards = fix_shards([], gather=False, most=1, parts=len(tables_of_shards), first=first)
        (manifest.grow if begun else manifest.start)({"n": first}, shards, {})
        for shard, tables in zip(shards, tables_of_shards, strict=True):
            schema = pa.schema(list((RANGE_COLUMNS if stage == "ranges" else EXCHANGED_COLUMNS).items()))
            with place.create(f"data/{shard.name}.parquet") as path:
                pq.write_table(pa.concat_tables([schema.empty_table(), *tables]), path, row_group_size=100)

    def go(self, generation, *files):
        def query(file):
            step = QueryIndex(parts=PARTS)
            step.files = (file,)
            return list(step.run_tables(iter(())))

        self.add("index", [query(file) for file in files])
        choose = ChooseSnapshots(ranges=str(self.folder / "index"), parts=PARTS, snapshots="latest_and_largest")
        sort = SortRanges(snapshots=str(self.folder / "snapshots"), parts=PARTS)
        ranks, world = range(generation * PARTS, (generation + 1) * PARTS), (generation + 1) * PARTS
        self.add("snapshots", [list(choose.run_tables(iter(()), rank, world)) for rank in ranks])
        self.add("ranges", [list(sort.run_tables(iter(()), rank, world)) for rank in ranks])
        names = [self.folder / f"ranges/data/{rank:05d}.parquet" for rank in ranks]
        return [row for name in names for row in pq.read_table(name).to_pylist()]


def test_a_new_generation_gives_what_is_new(tmp_path):
    first = [capture("http://a.org/", 1, 90, 1), capture("http://a.org/", 2, 50, 2), capture("http://b.org/", 9, 9, 3)]
    later = [
        capture("http://a.org/", 3, 60, 4),  # later than all, but not the largest
        capture("http://b.org/", 5, 5, 5),  # neither later nor larger
        capture("http://c.org/", 1, 1, 6),
        capture("http://a.org/", 2, 50, 2),  # known: the same place
    ]
    grown = Grown(tmp_path / "out")
    found = grown.go(0, write_index(tmp_path / "1", first))
    assert {(row["warc_record_offset"], row["snapshot_type"]) for row in found} == {
        (1, "largest"),
        (2, "latest"),
        (3, "latest"),
    }
    found = grown.go(1, write_index(tmp_path / "2", later[:2]), write_index(tmp_path / "3", later[2:]))
    assert {(row["warc_record_offset"], row["snapshot_type"]) for row in found} == {(4, "latest"), (6, "latest")}
    choose = ChooseSnapshots(ranges=str(tmp_path / "out/index"), parts=PARTS)
    for rank in range(PARTS):  # begun only now, there is one generation of all
        list(choose.run_tables(iter(()), rank, PARTS))
    assert choose.counts["documents_read"] == 7
    assert choose.counts["same_place"] == 1
    with pytest.raises(CurationError, match="has grown 1 times"):
        list(choose.run_tables(iter(()), 2 * PARTS, 3 * PARTS))


def test_urls_of_a_log_are_taken_by_their_reason(index, tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"metadata": {"url": "https://site3.org/1", "filter_reason": "curly_bracket"}}\n'
        '{"metadata": {"url": "https://site4.org/1", "filter_reason": "lorem_ipsum"}}\n'
    )
    rows = go(tmp_path / "out", index, urls=(str(log),), reason="curly_bracket", snapshots="latest")
    assert [(row["url"], row["selected_by"]) for row in rows] == [("http://site3.org/1", "url")]


def test_what_cannot_work_is_named(index, tmp_path):
    for step in (QueryIndex, ChooseSnapshots, SortRanges):
        with pytest.raises(ConfigError, match="parts: expected at least 1, got 0"):
            step(
                parts=0, **{"ChooseSnapshots": {"ranges": "x"}, "SortRanges": {"snapshots": "x"}}.get(step.__name__, {})
            )
    (tmp_path / "empty").mkdir()
    with pytest.raises(CurationError, match="no list of domains lies here"):
        go(tmp_path / "out", index, domains=str(tmp_path / "empty"))
    pq.write_table(pa.table({"id": ["a.org"]}), tmp_path / "empty/x.parquet")
    with pytest.raises(CurationError, match=r"no list of domains: no column listed"):
        go(tmp_path / "out2", index, domains=str(tmp_path / "empty"))


def test_an_index_of_own_archives_by_the_command_is_queried(tmp_path, capsys):
    (tmp_path / "archives").mkdir()
    for path in SAMPLE.glob("finemath-*.warc.gz"):
        shutil.copy(path, tmp_path / "archives")
    make_by_command(str(tmp_path / "archives"), str(tmp_path / "index"), crawl=CRAWL, prefix="")
    shown = capsys.readouterr().out
    assert "of 4 archives" in shown
    assert "no row   warcinfo 4" in shown
    domains = write_domains(tmp_path / "domains", **{"algebra-notes_example": True})
    rows = go(tmp_path / "out", tmp_path / "index", domains=domains, crawls=(CRAWL,), languages=("eng",))
    assert len(rows) > 5
    assert {(row["domain"], row["crawl"]) for row in rows} == {("algebra-notes.example", CRAWL)}
    assert all(Path(tmp_path / "archives" / row["warc_filename"]).exists() for row in rows)
