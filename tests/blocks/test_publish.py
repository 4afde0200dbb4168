"""Published columns, and which document goes to which configuration."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_recipe import opened

from curation.blocks.publish import PublishCard, PublishRows
from curation.blocks.published_columns import PUBLISHED, published_row, published_schema
from curation.errors import ConfigError, CurationError

from .conftest import Kept, document, write_parquet
from .published import CODE, KINDS, WEB, code_rows, publish

TEXT, WHOLE, FRACTION, LARGE = pa.string(), pa.int64(), pa.float64(), pa.large_string()
COLUMNS = {
    "infiwebmath": "url:s metadata:s score:f int_score:i token_count:i char_count:i text:s",
    "fineweb": "text:s id:s dump:s url:s date:s file_path:s language:s language_score:f token_count:i",
    "fineweb_edu": "text:s id:s dump:s url:s file_path:s language:s language_score:f token_count:i score:f int_score:i",
    "topic": "id:s url:s text:s language:s language_score:f token_count:i char_count:i score:f int_score:i metadata:s",
    "stack_edu": "blob_id:L language:L repo_name:L path:L src_encoding:L length_bytes:i score:f int_score:i "
    "detected_licenses:LL license_type:L",
}
SPELLED = {"s": TEXT, "i": WHOLE, "f": FRACTION, "L": LARGE, "LL": pa.large_list(LARGE)}


@pytest.fixture(scope="module")
def datasets_made(tmp_path_factory):
    """Each kind of dataset, published."""
    return {name: publish(name, tmp_path_factory.mktemp(name)) for name in KINDS}


def rows_in(folder):
    return [row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_the_published_ones_in_their_order_with_their_types(name, datasets_made):
    expected = [(column, SPELLED[kind]) for column, kind in (one.split(":") for one in COLUMNS[name].split())]
    assert list(PUBLISHED[name].items()) == expected
    further = [("date", TEXT)] if name == "fineweb_edu" else []
    for config in KINDS[name].configs:
        (file,) = (datasets_made[name] / config).glob("*.parquet")
        assert [(field.name, field.type) for field in pq.read_schema(file)] == expected + further


def test_datasets_loads_every_configuration_of_every_kind(datasets_made, tmp_path):
    asked = [
        [str(folder), config.name]
        for folder in datasets_made.values()
        for config in sorted(folder.iterdir())
        if config.is_dir()
    ]
    *loaded, (default, _) = opened([*asked, [datasets_made["fineweb_edu"], None]], tmp_path)
    assert len(loaded) == len(asked) == 11 + 2 * 6
    for (folder, config), (count, columns) in zip(asked, loaded, strict=True):
        (file,) = (datasets_made[next(n for n, f in datasets_made.items() if str(f) == folder)] / config).glob("*")
        assert count == pq.read_metadata(file).num_rows > 0
        assert columns == pq.read_schema(file).names
    # Without a name the first configuration is meant, as in the published FineWeb-Edu.
    assert default == len(rows_in(datasets_made["fineweb_edu"] / "toy-edu"))


def test_a_language_goes_to_its_configuration_if_it_reaches_its_threshold(datasets_made):
    for config, (least, value) in {"Cpp": (3, "C++"), "Java": (2, "Java"), "Python": (3, "Python")}.items():
        rows = rows_in(datasets_made["stack_edu"] / config)
        assert rows and {row["language"] for row in rows} == {value}
        assert min(row["int_score"] for row in rows) >= least
    assert 2 in {row["int_score"] for row in rows_in(datasets_made["stack_edu"] / "Java")}


def test_what_has_no_configuration_is_dropped_with_the_reason(datasets_made):
    removed = rows_in(datasets_made["stack_edu"].parent / "removed")
    assert {(row["language"], row["reason"]) for row in removed} == {("C", "other_language")}


def test_what_stands_beside_code_says_whose_it_is(datasets_made):
    for config, at_first in (("annotations", "id url text prompt"), ("contamination", "id url benchmark benchmark_id")):
        (file,) = (datasets_made["stack_edu"] / config).glob("*.parquet")
        names = pq.read_schema(file).names
        assert names[:4] == at_first.split()
        assert names[-6:] == ["blob_id", "repo_name", "path", "language", "license_type", "detected_licenses"]
        (file,) = (datasets_made["topic"] / config).glob("*.parquet")
        assert not {"repo_name", "language"} & set(pq.read_schema(file).names)
    (row,) = rows_in(datasets_made["stack_edu"] / "contamination")
    assert row["id"] == "file-32" and row["detected_licenses"] == next(
        one["detected_licenses"] for one in code_rows() if one["id"] == "file-32"
    )


def rows_of(step, *docs):
    step.exclusion_writer = Kept()
    found = []
    for doc in step.run(iter(docs)):
        found.append((doc.id, tuple(step.route(doc)), doc.metadata))
    return found, [(row["id"], row["filter_reason"]) for row in step.exclusion_writer.rows]


def scored(identifier, score, **more):
    return document("text", identifier, score=score, int_score=round(score), **more)


def step(**more):
    values = {"columns": "topic", "configs": ("all", "best"), "thresholds": (2, 4), "cut": "published"}
    return PublishRows(**values | more)


def test_a_fraction_is_one_of_the_raw_score():
    found, dropped = rows_of(step(thresholds=(2, 2.7)), scored("a", 2.69), scored("b", 2.7), scored("c", 1.2))
    assert [(name, routes) for name, routes, _ in found] == [("a", ("all",)), ("b", ("all", "best"))]
    assert dropped == [("c", "below_threshold")]


def test_values_and_thresholds_both_decide():
    routed = step(by="language", values=("de", "de"))
    found, dropped = rows_of(
        routed, scored("a", 3, language="de"), scored("b", 5, language="fr"), scored("c", 1, language="de")
    )
    assert [(name, routes) for name, routes, _ in found] == [("a", ("all",))]
    assert dropped == [("b", "other_language"), ("c", "below_threshold")]


def test_without_thresholds_documents_need_no_score():
    everything = step(columns="fineweb", configs=("fineweb",), thresholds=())
    found, dropped = rows_of(everything, document("text", "a", url="u"))
    assert [routes for _, routes, _ in found] == [("fineweb",)] and not dropped


@given(
    st.lists(st.tuples(st.sampled_from(["C", "Go", None]), st.floats(0, 5)), max_size=20),
    st.lists(st.tuples(st.sampled_from(["C", "Go"]), st.sampled_from([1, 2.5, 3, 4])), min_size=1, max_size=4),
)
def test_every_document_is_in_exactly_the_configurations_that_it_reaches(docs, wanted):
    configs = tuple(f"c{index}" for index in range(len(wanted)))
    routed = step(
        configs=configs,
        thresholds=tuple(least for _, least in wanted),
        by="language",
        values=tuple(v for v, _ in wanted),
    )
    given_docs = [scored(str(index), score, language=value) for index, (value, score) in enumerate(docs)]
    found, dropped = rows_of(routed, *given_docs)
    expected = {}
    for index, (value, score) in enumerate(docs):
        expected[str(index)] = tuple(
            name
            for name, (own, least) in zip(configs, wanted, strict=True)
            if own == value and (round(score) if float(least).is_integer() else score) >= least
        )
    assert {name: routes for name, routes, _ in found} == {name: routes for name, routes in expected.items() if routes}
    assert [name for name, _ in dropped] == [name for name, routes in expected.items() if not routes]


def test_the_identity_is_as_before_where_nothing_new_is_used():
    old = {"step": "PublishRows", "version": 1, "columns": "finemath", "configs": ("a",), "thresholds": (3,)}
    same = PublishRows(columns="finemath", configs=("a",), thresholds=(3,), cut="published")
    assert same.identity() == old | {"cut": "published"}
    assert repr(same) == "PublishRows(columns=finemath, configs=[a], thresholds=[3], cut=published)"
    assert repr(PublishRows(columns="finemath", configs=("a",), thresholds=(3.0,), cut="published")) == repr(same)
    other = PublishRows(
        columns="finemath", configs=("a",), thresholds=(3,), cut="published", by="language", values=("en",)
    )
    assert other.identity()["by"] == "language" and other.identity()["values"] == ("en",)


def row(name, doc, *further):
    schema = PUBLISHED[name]
    return published_row(doc, [*schema, *further], schema)


def test_names_of_our_readers_become_the_published_ones():
    doc = document("text", "a", crawl="CC-MAIN-2024-10", warc_filename="x.warc.gz", fetch_time=1_708_500_000 * 10**9)
    found = row("fineweb", doc)
    assert found == {"dump": "CC-MAIN-2024-10", "file_path": "x.warc.gz", "date": "2024-02-21T07:20:00Z"}
    assert row("finemath", document("text", "a", dump="CC-MAIN-2024-10"))["crawl"] == "CC-MAIN-2024-10"
    assert row("topic", doc)["char_count"] == 4


def test_existing_columns_win():
    doc = document("text", "a", crawl="ours", dump="theirs", date="2013-05-18T05:48:54Z", fetch_time=1, char_count=7)
    assert row("fineweb", doc) == {"dump": "theirs", "date": "2013-05-18T05:48:54Z"}
    assert row("topic", doc) == {"char_count": 7}
    assert row("fineweb", document("text", "a", crawl="ours", dump=None))["dump"] == "ours"


@pytest.mark.parametrize(
    "fetched",
    [
        1_708_500_000,
        1_708_500_000_123,
        1_708_500_000_123_456,
        1_708_500_000_123_456_789,
        datetime(2024, 2, 21, 7, 20, tzinfo=UTC),
        datetime(2024, 2, 21, 7, 20),
        "2024-02-21T07:20:00Z",
    ],
)
def test_a_time_in_any_unit_is_the_same_date(fetched):
    assert row("fineweb", document("text", "a", fetch_time=fetched))["date"] == "2024-02-21T07:20:00Z"
    assert row("fineweb", document("text", "a", date=fetched if isinstance(fetched, datetime) else None)) in (
        {"date": "2024-02-21T07:20:00Z"},
        {},
    )


@pytest.mark.parametrize("kind", [pa.timestamp("us", tz="UTC"), pa.timestamp("ns"), pa.date32(), pa.int64(), TEXT])
def test_a_date_of_any_type_is_published_as_text(kind, stage, tmp_path):
    moment = datetime(2024, 2, 21)
    given = {pa.int64(): int(moment.replace(tzinfo=UTC).timestamp()), TEXT: "2024-02-21T00:00:00Z"}.get(kind, moment)
    rows = [{"id": "a/b/c", "text": "t", "url": None, "date": given}]
    file = write_parquet(tmp_path / "in.parquet", rows, id=TEXT, text=LARGE, url=TEXT, date=kind)
    for columns, further in (("fineweb", ()), ("fineweb_edu", ("date",))):
        publishing = step(columns=columns, configs=(columns,), thresholds=(), further=further)
        stage.run([file], publishing, outside=False)
        (found,) = rows_in(Path(stage.folder.path(f"data/{columns}")))
        assert (found["date"], found["id"], found["url"]) == ("2024-02-21T00:00:00Z", "a/b/c", None)


def test_no_time_is_no_date():
    assert row("fineweb", document("text", "a", fetch_time=None)) == {}
    assert row("fineweb", document("text", "a", fetch_time=True)) == {}


@pytest.mark.parametrize(("dataset", "value"), [("finemath", 2**31), ("finemath", -(2**31) - 1), ("topic", 2**63)])
def test_a_number_that_does_not_fit_is_named_with_its_document(dataset, value):
    with pytest.raises(CurationError, match=rf"document d7: token_count is {value}, .*int(32|64)"):
        row(dataset, document("text", "d7", token_count=value))
    for fits in (2**31 - 1, -(2**31)):
        assert row("finemath", document("text", "d7", token_count=fits))["token_count"] == fits


def test_further_columns_stand_at_the_end_with_the_types_of_the_input(stage, tmp_path):
    rows = [{"id": "a", "text": "t", "int_score": 3, "score": 3.0, "calibrated_score": 2.5, "stars": 7}]
    types = {"id": TEXT, "text": LARGE, "int_score": WHOLE, "score": FRACTION, "calibrated_score": pa.float32()}
    file = write_parquet(tmp_path / "in.parquet", rows, **types, stars=pa.int16())
    further = ("stars", "calibrated_score", "text", "char_count")
    publishing = step(columns="stack_edu", configs=("all",), thresholds=(3,), further=further)
    stage.run([file], publishing, outside=False)
    schema = pq.read_schema(stage.folder.path("data/all/train-00000.parquet"))
    assert schema.names == [*PUBLISHED["stack_edu"], *further]
    assert schema.types[-4:] == [pa.int16(), pa.float32(), LARGE, WHOLE]
    (found,) = pq.read_table(stage.folder.path("data/all/train-00000.parquet")).to_pylist()
    assert (found["stars"], found["calibrated_score"], found["text"], found["char_count"]) == (7, 2.5, "t", 1)
    assert found["blob_id"] is None


def test_further_columns_may_follow_from_others():
    assert published_schema("fineweb_edu", ("date", "url"), {"fetch_time": WHOLE}) == PUBLISHED["fineweb_edu"] | {
        "date": TEXT
    }
    assert published_schema("topic", ("dump",), {"crawl": LARGE})["dump"] == LARGE


def test_a_further_column_that_is_not_there_names_the_nearest():
    with pytest.raises(ConfigError, match=r"no column 'licence_sorce'.*licence_source"):
        published_schema("stack_edu", ("licence_sorce",), {"licence_source": TEXT, "text": LARGE})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"columns": "finemaths"}, "unknown columns 'finemaths'"),
        ({"configs": ("a", "a")}, "two configurations are named 'a'"),
        ({"configs": ("a", "annotations")}, "no configuration can be named 'annotations'"),
        ({"configs": ("a", "b/c")}, "no configuration can be named 'b/c'"),
        ({"configs": ("a", "b:c")}, "no configuration can be named 'b:c'"),
        ({"configs": ("a", "b[1]")}, r"no configuration can be named 'b\[1\]'"),
        ({"thresholds": (1,)}, "2 configurations and 1 thresholds"),
        ({"values": ("x", "y")}, "name the column"),
        ({"by": "language", "values": ("x",)}, "2 configurations and 1 values of language"),
    ],
)
def test_what_cannot_be_published_is_said_before_any_work(values, said):
    with pytest.raises(ConfigError, match=said):
        step(**values)
    if "columns" not in values:
        rest = {"configs": ("all", "best"), "thresholds": (2, 4), "cut": "published", **values}
        with pytest.raises(ConfigError, match=said):
            PublishCard(dataset="x", licence="mit", **rest)


def test_the_column_to_go_by_must_be_there():
    with pytest.raises(ConfigError, match=r"no column 'langauge'.*language"):
        step(by="langauge", values=("a", "b")).schema(dict(WEB))
    assert step(by="language", values=("a", "b")).schema(dict(CODE)) == PUBLISHED["topic"]
