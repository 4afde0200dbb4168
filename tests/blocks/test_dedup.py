import gzip
import json
from itertools import combinations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.blocks.dedup import Numbering, Signatures, text_digest
from curation.blocks.dedup_drop import DropDuplicates
from curation.blocks.read import read_files
from curation.blocks.shards import schema_after
from curation.blocks.step import bind
from curation.deduplication import Dedup, dedup_stages
from curation.errors import ConfigError, CurationError
from curation.text.minhash import MinHash

from .conftest import Kept, OneStage, document, shared, write_jsonl, write_parquet

PROSE = (
    "To complete the square we add and subtract the square of half the coefficient of the linear term, so that the "
    "first three terms are a perfect square; then the roots follow by taking square roots on both sides. "
)
EXERCISE = "Exercise: compute the sum 17 + 25 and then the product 17 * 25 . Show each step of your work on paper ."


def deduplicated(tmp_path, shards, against=None, write=write_parquet, **values):
    """All stages on shards of rows, in this process: what is kept, and what is removed."""
    tmp_path.mkdir(exist_ok=True)
    end = "jsonl" if write is write_jsonl else "parquet"
    files = [str(write(tmp_path / f"in{number}.{end}", rows)) for number, rows in enumerate(shards)]
    earlier = {"before": (str(write(tmp_path / f"before.{end}", against)),)} if against else None
    for stage in dedup_stages(Dedup(**values), tuple(files), against=earlier):
        one = OneStage(tmp_path / stage.name)
        outside = isinstance(stage.reads, tuple)
        given = list(stage.reads) if outside else [stage_file(tmp_path, stage.reads)]
        steps = [bind(step, str(tmp_path)) for step in stage.steps]
        one.run(given, *steps, gather=stage.gather, parts=stage.parts, outside=outside)
    return one.rows("data"), one.rows()


def stage_file(folder, stage):
    """A file of a stage: those that exchange look into the folder themselves."""
    return next((folder / stage / "data").rglob("*.parquet"))


def row(identifier, text, **more):
    return {"id": identifier, "text": text, "score": 1.0, **more}


def ids(rows):
    return [one["id"] for one in rows]


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
@pytest.mark.parametrize("threshold", [None, 0.8])
def test_a_near_duplicate_is_dropped_with_the_one_that_is_kept_for_it(tmp_path, write, threshold):
    near = PROSE * 4 + "Posted on Monday."
    shards = [[row("a", PROSE * 4 + "Posted on Friday."), row("other", EXERCISE)], [row("b", near, score=2.0)]]
    kept, removed = deduplicated(tmp_path, shards, write=write, threshold=threshold)
    assert ids(kept) == ["other", "b"]
    (gone,) = removed
    assert (gone["id"], gone["reason"], gone["duplicate_of"]) == ("a", "near_duplicate", "b")
    assert (gone["cluster_size"], gone["duplicate_in"]) == (2, None)
    assert gone["text"].startswith("To complete")
    left, right = (set(MinHash().shingle_sets([text])[0].tolist()) for text in (PROSE * 4 + "Posted on Friday.", near))
    assert gone["similarity"] == len(left & right) / len(left | right)


def test_exercises_that_differ_only_in_numbers_are_both_kept(tmp_path):
    other = EXERCISE.replace("17", "31").replace("25", "44")
    kept, _ = deduplicated(tmp_path, [[row("a", EXERCISE), row("b", other)]], bands=1, rows=10)
    assert ids(kept) == ["a", "b"]
    kept, _ = deduplicated(tmp_path / "numbers", [[row("a", EXERCISE), row("b", other)]], normalisation="datatrove")
    assert ids(kept) == ["a"]


def test_one_id_in_two_shards_is_two_documents(tmp_path):
    shards = [[row("same", PROSE * 4), row("same", EXERCISE)], [row("same", PROSE * 4, score=3.0)]]
    kept, removed = deduplicated(tmp_path, shards)
    assert [(one["id"], one["score"], one["text"] == EXERCISE) for one in kept] == [
        ("same", 1.0, True),
        ("same", 3.0, False),
    ]
    assert [(one["id"], one["reason"], one["similarity"]) for one in removed] == [("same", "exact_duplicate", 1.0)]


@pytest.mark.parametrize("threshold", [None, 0.7])
@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (["best"], "b"),
        (["longest"], "c"),
        (["first"], "a"),
        (["stars"], "d"),
        (["earliest"], "c"),
        (["permissive", "highest:stars"], "b"),
        (["permissive"], "a"),
    ],
)
def test_which_member_stays(tmp_path, keep, expected, threshold):
    more = {
        "a": {"stars": 3, "date": "2024-03-01", "license": "MIT"},
        "b": {"stars": 5, "date": "2024-02-01", "license": "Apache-2.0", "score": 5.0},
        "c": {"stars": 1, "date": "2023-02-01", "license": "GPL-3.0"},
        "d": {"stars": 90, "date": None, "license": None},
    }
    texts = {"a": PROSE * 6, "b": PROSE * 6, "c": PROSE * 6 + "So.", "d": PROSE * 6}
    shards = [[row(one, texts[one], **more[one]) for one in "ab"], [row(one, texts[one], **more[one]) for one in "cd"]]
    shards[1].append(row("other", EXERCISE, **more["a"]))
    kept, removed = deduplicated(tmp_path, shards, keep=keep, threshold=threshold)
    assert ids(kept) == sorted([expected, "other"])
    assert {one["duplicate_of"] for one in removed} == {expected}
    assert {one["cluster_size"] for one in removed} == {4}
    assert {one["id"]: one["reason"] for one in removed if one["id"] == "c" or expected == "c"} == (
        dict.fromkeys("abd", "near_duplicate") if expected == "c" else {"c": "near_duplicate"}
    )


def test_texts_without_words_are_duplicates_only_if_they_are_equal(tmp_path):
    kept, removed = deduplicated(tmp_path, [[row("a", ""), row("b", ""), row("c", " \n")]])
    assert ids(kept) == ["a", "c"]
    assert removed[0]["reason"] == "exact_duplicate"


def test_many_pages_of_one_template_leave_one(tmp_path):
    words = " ".join(f"w{number}" for number in range(200))
    rows = [row(str(number), f"{words} page number {number} end") for number in range(300)]
    kept, removed = deduplicated(tmp_path, [rows], threshold=0.8, keep=["first"])
    assert ids(kept) == ["0"]
    assert {one["duplicate_of"] for one in removed} == {"0"}
    kept, removed = deduplicated(tmp_path / "again", [rows], against=[rows[7]], threshold=0.8)
    assert (kept, {one["duplicate_in"] for one in removed}) == ([], {"before"})


def test_an_input_in_another_order_is_told(tmp_path):
    rows = [row("a", PROSE * 4), row("b", PROSE * 4), row("c", EXERCISE)]
    deduplicated(tmp_path, [rows])
    step = DropDuplicates(removals=f"{tmp_path}/dedup_verified/data", signatures=(f"{tmp_path}/dedup_signatures/data",))
    with pytest.raises(CurationError, match="document 'c' stands where 'b' was signed"):
        list(step(document(one["text"], one["id"]) for one in (rows[0], rows[2], rows[1])))


def test_half_a_surrogate_pair_ends_nothing():
    (doc,) = Signatures().run(iter([document("a \ud800 b", "1")]))
    assert doc.metadata["characters"] == 5


@pytest.mark.parametrize("more", [{"reason": "mine"}, {"similarity": "much"}, {"part": 1, "document": 2}])
def test_columns_of_the_input_may_be_called_as_ours(tmp_path, more):
    rows = [row("a", PROSE, **more), row("b", PROSE, **more), {**row("c", None), **more}]
    kept, removed = deduplicated(tmp_path, [rows])
    assert kept == [rows[0]]
    assert sorted(one["reason"] for one in removed) == ["exact_duplicate", "no_text"]


def test_columns_of_two_kinds_are_text(tmp_path):
    kept, _ = deduplicated(tmp_path, [[row("a", PROSE, m={"x": 1})], [row("b", EXERCISE, m={"x": 1, "y": [2]})]])
    assert [json.loads(one["m"]) for one in kept] == [{"x": 1}, {"x": 1, "y": [2]}]


def test_short_texts_that_are_equal_are_duplicates(tmp_path):
    kept, _ = deduplicated(tmp_path, [[row("a", "x^2 = 4"), row("b", "x^2 = 4"), row("c", "x^2 = 9")]])
    assert ids(kept) == ["a", "c"]


def test_documents_without_a_score_can_be_deduplicated(tmp_path):
    rows = [{"id": "a", "text": PROSE * 4}, {"id": "b", "text": PROSE * 4}]
    assert ids(deduplicated(tmp_path, [rows])[0]) == ["a"]


def test_a_column_that_a_rule_needs_is_missing(tmp_path):
    with pytest.raises(ConfigError, match="keep: the documents have no column 'stars'"):
        deduplicated(tmp_path, [[row("a", PROSE)]], keep=["stars"])


def test_verified_a_chain_is_not_followed(tmp_path):
    words = [f"w{number}" for number in range(400)]

    def version(shift):  # Jaccard of neighbours about .8, of those two apart about .65
        return " ".join([*words[:], *(f"v{shift + number}" for number in range(90))][shift * 44 : shift * 44 + 400])

    chain = [row(str(number), version(number)) for number in range(4)]
    _, removed = deduplicated(tmp_path, [chain], bands=50, rows=3, keep=["first"])
    assert [(one["id"], one["duplicate_of"]) for one in removed] == [("1", "0"), ("2", "0"), ("3", "0")]
    assert min(one["similarity"] for one in removed) < 0.55
    _, removed = deduplicated(tmp_path / "verified", [chain], bands=50, rows=3, keep=["first"], threshold=0.75)
    assert all(one["similarity"] >= 0.75 for one in removed)
    assert [(one["id"], one["duplicate_of"]) for one in removed] == [("1", "0"), ("3", "2")]


def test_containment_finds_a_page_inside_another(tmp_path):
    long = " ".join(f"word{number} is here" for number in range(200))
    inside = " ".join(long.split()[:330])
    rows = [row("long", long, score=2.0), row("inside", inside)]
    kept, _ = deduplicated(tmp_path, [rows], bands=40, rows=2, threshold=0.9)
    assert ids(kept) == ["long", "inside"]
    kept, removed = deduplicated(tmp_path / "in", [rows], bands=40, rows=2, threshold=0.9, measure="containment")
    assert ids(kept) == ["long"]
    assert removed[0]["similarity"] == 1.0


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
@pytest.mark.parametrize("threshold", [None, 0.8])
def test_against_an_earlier_dataset_its_documents_stay_and_only_ours_are_dropped(tmp_path, threshold, write):
    before = [row("old", PROSE * 4), row("old too", PROSE * 4), row("alone", "Nothing is like this text at all .")]
    shards = [
        [row("copy", PROSE * 4, score=9.0), row("new", EXERCISE), row("again", EXERCISE)],
        [row("near", PROSE * 4 + "Posted.")],
    ]
    kept, removed = deduplicated(tmp_path, shards, against=before, threshold=threshold, write=write)
    assert ids(kept) == ["new"]
    told = {one["id"]: (one["reason"], one["duplicate_of"], one["duplicate_in"]) for one in removed}
    assert told == {
        "copy": ("exact_duplicate", "old", "before"),
        "near": ("near_duplicate", "old", "before"),
        "again": ("exact_duplicate", "new", None),
    }


@pytest.mark.parametrize("write", [write_parquet, write_jsonl])
@pytest.mark.parametrize("threshold", [None, 0.8])
def test_within_groups_texts_of_two_crawls_both_stay(tmp_path, threshold, write):
    near = PROSE * 4 + "Posted on Monday."
    shards = [
        [row("a", PROSE * 4, crawl="one"), row("b", PROSE * 4, crawl="two"), row("c", near, crawl="two", score=0.5)],
        [
            row("d", PROSE * 4, crawl=None),
            row("e", near, crawl=None),
            row("f", "", crawl="one"),
            row("g", "", crawl=""),
        ],
        [row("h", PROSE * 4, crawl="one"), row("i", "", crawl="one"), row("j", PROSE * 4, crawl="")],
    ]
    kept, removed = deduplicated(tmp_path / "within", shards, threshold=threshold, within="crawl", write=write)
    told = {one["id"]: (one["reason"], one["duplicate_of"], one["cluster_size"]) for one in removed}
    assert told == {
        "h": ("exact_duplicate", "a", 2),
        "c": ("near_duplicate", "b", 2),
        "d": ("near_duplicate", "e", 2),  # the longer one stays
        "i": ("exact_duplicate", "f", 2),
    }
    kept, _ = deduplicated(tmp_path / "all", shards, threshold=threshold, write=write)
    assert ids(kept) == ["e", "f"]


def test_within_groups_earlier_datasets_count_only_for_their_own(tmp_path):
    before = [row("old", PROSE * 4, year=2020), row("older", EXERCISE, year=2019)]
    rows = [row("a", PROSE * 4, year=2020), row("b", PROSE * 4, year=2021), row("c", EXERCISE, year=2021)]
    kept, removed = deduplicated(tmp_path, [rows], against=before, within="year", threshold=0.8)
    assert ids(kept) == ["b", "c"]
    assert [(one["id"], one["duplicate_of"], one["duplicate_in"]) for one in removed] == [("a", "old", "before")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abc") | st.none(), st.text("xyz ", max_size=8)), min_size=1, max_size=14),
    st.sampled_from([None, 0.5]),
)
def test_within_groups_is_each_group_on_its_own(tmp_path_factory, drawn, threshold):
    rows = [row(str(number), text, group=group) for number, (group, text) in enumerate(drawn)]
    values = {"ngram": 1, "bands": 20, "rows": 1, "threshold": threshold}
    kept, removed = deduplicated(tmp_path_factory.mktemp("within"), [rows], within="group", **values)
    expected = {}
    for group in {group for group, _ in drawn}:
        alone = [one for one in rows if one["group"] == group]
        _, gone = deduplicated(tmp_path_factory.mktemp("alone"), [alone], **values)
        expected |= {one["id"]: (one["duplicate_of"], one["similarity"], one["cluster_size"]) for one in gone}
    assert {one["id"]: (one["duplicate_of"], one["similarity"], one["cluster_size"]) for one in removed} == expected
    assert sorted([*ids(kept), *expected]) == sorted(ids(rows))


def test_a_column_of_groups_that_is_not_there_is_told():
    step = Signatures(within="crawl")
    with pytest.raises(ConfigError, match=r"within: the documents have no column 'crawl' .*did you mean 'crawls'"):
        step.schema({"id": pa.string(), "text": pa.string(), "crawls": pa.string()})
    with pytest.raises(ConfigError, match="within: expected a column of single values, 'crawl' is list"):
        step.schema({"id": pa.string(), "text": pa.string(), "crawl": pa.list_(pa.string())})
    with pytest.raises(ConfigError, match="within: the documents of shard 0 have no column 'crawl'"):
        list(step.run(iter([document(PROSE, "a")])))
    assert len(list(step.run(iter([document(PROSE, "a"), document(PROSE, "b", crawl="one")])))) == 2


def test_without_groups_the_identity_is_what_it_was():
    assert set(Signatures().identity()) == {"step", "version", "minhash"}
    assert Signatures(within="crawl").identity()["within"] == "crawl"
    assert "within" not in str(Signatures())


def test_real_texts_and_their_copies(tmp_path):
    with gzip.open(shared("texts/web_texts.jsonl.gz"), "rt") as lines:
        texts = [json.loads(line)["text"] for _, line in zip(range(150), lines, strict=False)]
    originals = [row(f"o{number}", text) for number, text in enumerate(texts)]
    copies = [row(f"c{number}", text) for number, text in enumerate(texts)]
    _, removed_alone = deduplicated(tmp_path / "alone", [originals])
    kept, removed = deduplicated(tmp_path / "both", [originals, copies])
    assert len(removed) == 150 + len(removed_alone)
    assert all(one["id"].startswith("o") for one in kept)
    assert {one["reason"] for one in removed} == {"exact_duplicate"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=7), min_size=2, max_size=12), st.data())
def test_verified_removals_equal_those_of_brute_force(tmp_path_factory, words, data):
    """With one hash a band every similar pair meets, so that the removals are those of comparing all with all."""
    texts = [" ".join(one) for one in words]
    threshold = data.draw(st.sampled_from([0.3, 0.5, 0.8, 1.0]))
    cut = data.draw(st.integers(1, len(texts)))
    rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    shards = [part for part in (rows[:cut], rows[cut:]) if part]
    values = {"ngram": 2, "bands": 60, "rows": 1, "threshold": threshold, "keep": ["first"]}
    kept, removed = deduplicated(tmp_path_factory.mktemp("brute"), shards, **values)
    sets = [frozenset(MinHash(ngram=2).shingle_sets([text])[0].tolist()) for text in texts]
    similar = {pair: jaccard_of(sets[pair[0]], sets[pair[1]]) for pair in combinations(range(len(texts)), 2)}
    expected, leaders = {}, []
    for number, text in enumerate(texts):
        equal = next((one for one in range(number) if texts[one] == text), None)
        if equal is not None:
            expected[number] = expected.get(equal, (equal, 1.0))
            continue
        found = [(similar[one, number], -one) for one in leaders if similar[one, number] >= threshold]
        if found:
            expected[number] = (-max(found)[1], max(found)[0])
        else:
            leaders.append(number)
    told = {int(one["id"]): (int(one["duplicate_of"]), one["similarity"]) for one in removed}
    assert told == expected
    assert sorted([*map(int, ids(kept)), *told]) == list(range(len(texts)))


def jaccard_of(left, right):
    return len(left & right) / len(left | right) if left | right else 0.0


def test_signatures_of_documents_and_of_tables_are_the_same(tmp_path, stage):
    rows = [row("a", PROSE), row("b", ""), row("c", EXERCISE)]
    made = stage.run([write_parquet(tmp_path / "in.parquet", rows)], Signatures())
    step = Signatures()
    docs = list(step.run(read_files([str(write_jsonl(tmp_path / "in.jsonl", rows))])))
    assert [{"id": doc.id, **doc.metadata} for doc in docs] == made
    assert step.counts["without_words"] == 1
    assert (made[1]["key_00"], made[1]["characters"]) == (None, 0)
    digest = b"".join(made[0][half].to_bytes(8, "big") for half in ("digest_high", "digest_low"))
    assert digest == text_digest(PROSE)
    assert list(made[0]) == list(schema_after([Signatures()], {}))


def test_numbers_go_through_all_shards_of_all_folders(tmp_path):
    counts = {"own": [2, 0, 3], "before": [4]}
    for name, shards in counts.items():
        (tmp_path / name).mkdir()
        for number, count in enumerate(shards):
            rows = [{"key_00": 7 + one, "digest_low": one or None} for one in range(count)]
            write_parquet(tmp_path / name / f"{number:05d}.parquet", rows, key_00=pa.uint64(), digest_low=pa.uint64())
    numbers = Numbering([str(tmp_path / "own"), str(tmp_path / "before")])
    assert (numbers.own, numbers.total) == (5, 9)
    assert [numbers.span(0, shard) for shard in range(3)] == [(0, 2), (2, 2), (2, 5)]
    assert numbers.span(1, 0) == (5, 9)
    assert [numbers.locate(document) for document in (0, 4, 5, 8)] == [(0, 0, 0), (0, 2, 2), (1, 0, 0), (1, 0, 3)]
    found, (keys, low) = numbers.select(["key_00", "digest_low"], lambda columns: columns[0] != 8)
    assert found.tolist() == [0, 2, 4, 5, 7, 8]
    assert keys.tolist() == [7, 7, 9, 7, 9, 10]
    assert low.tolist() == [0, 0, 2, 0, 2, 3]
    with pytest.raises(CurationError, match="shard 2 has 1 documents, but as many as 3 were signed"):
        numbers.check_end(0, 2, 3)


def test_dropping_in_a_list_of_steps_of_anyone(tmp_path):
    deduplicated(tmp_path, [[row("a", PROSE * 4), row("b", PROSE * 4)]])
    step = DropDuplicates(removals=f"{tmp_path}/dedup_verified/data", signatures=(f"{tmp_path}/dedup_signatures/data",))
    step.exclusion_writer = Kept()
    assert [doc.id for doc in step([document(PROSE * 4, "a"), document(PROSE * 4, "b")])] == ["a"]
    (gone,) = step.exclusion_writer.rows
    assert (gone["id"], gone["filter_reason"], gone["duplicate_of"]) == ("b", "exact_duplicate", "a")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"bands": 0}, "bands: expected at least 1, got 0"),
        ({"threshold": 1.5}, "threshold: expected more than 0 and at most 1, got 1.5"),
        ({"keep": ("longst",)}, "keep: 'longst' is no rule.*longest"),
        ({"keep": ("highest:",)}, "keep: 'highest:' is no rule"),
        ({"measure": "Containment"}, "measure: expected one of .*, got 'Containment'"),
        ({"shingles": "lines"}, "'lines'"),
        ({"seed": -1}, "seed: expected 0 or more, got -1"),
        ({"parts": 5000}, "parts: expected at most 512, got 5000"),
    ],
)
def test_settings_that_make_no_sense(values, words):
    with pytest.raises(ValueError, match=words):
        Dedup(**values)
