"""Thresholds on scores without text: what is counted, what is written, and that it is what steps on documents keep."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.blocks.scores import SCORE_COLUMNS
from curation.blocks.select import KeepScore, KeepWhere
from curation.commands import select
from curation.errors import ConfigError, CurationError
from curation.filtering import source as filtering_source
from curation.filtering.filter_scores import filter_scores, rules_of
from curation.filtering.quantile import ExactQuantile
from curation.filtering.report import amount_text
from curation.filtering.rules import Flags
from curation.folder import Folder
from curation.manifest import Manifest, digest

RECIPE = """
from dataclasses import dataclass

from curation import KeepScore, Stage


@dataclass(frozen=True, kw_only=True)
class Settings:
    threshold: float
    by: str | None = None
    of: dict[str, float] | None = None
    cut: str = "published"


def stages(s):
    keep = KeepScore(threshold=s.threshold, cut=s.cut, by=s.by, threshold_of=s.of or {})
    return [Stage(name="select", reads=("nothing",), steps=[keep])]
"""
LANGUAGES = ["Python", "C++", "C#", "Java", "Haskell", None]
LICENCES = [
    (["MIT"], "permissive"),
    (["MIT", "Apache-2.0"], "permissive"),
    (["GPL-3.0-only"], "non_permissive"),
    (["GPL-3.0-only", "MIT"], "non_permissive"),
    (["MIT OR GPL-2.0-only"], "permissive"),
    (["MIT", None], "permissive"),
    ([], "no_license"),
    (None, None),
]


def make_rows(count, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        detected, group = LICENCES[rng.integers(len(LICENCES))]
        score = round(float(rng.normal(2.2, 1.2)), 2)
        rows.append(
            {
                "id": f"d{number}",
                "path": f"src/{number}",
                "text": f"text of {number}",
                "language": LANGUAGES[rng.integers(len(LANGUAGES))],
                "license_type": group,
                "detected_licenses": detected,
                "token_count": int(rng.integers(1, 2000)),
                "stars": number,
                "score": score,
                "int_score": int(np.rint(np.clip(score, 0, 5))),
                "calibrated_score": score + 0.5,
            }
        )
    return rows


def write_run(folder, rows, shards=3, group=7):
    """A run's folder with the stages score and scores."""
    schema = pa.Table.from_pylist(rows).schema
    each = -(-len(rows) // shards)
    for stage, identity in (("score", {"stage": "score"}), ("scores", {"reads": digest({"stage": "score"})})):
        (folder / stage / "data").mkdir(parents=True)
        for shard in range(shards):
            table = pa.Table.from_pylist(rows[shard * each : (shard + 1) * each], schema)
            if stage == "scores":
                table = table.select([name for name in SCORE_COLUMNS if name in schema.names])
            pq.write_table(table, folder / stage / f"data/{shard:05d}.parquet", row_group_size=group)
        manifest = Manifest(Folder(str(folder / stage)))
        manifest.start(identity, [], {})
        manifest.finish(identity, {})
    (folder / "run.json").write_text(json.dumps({"recipe": "mine", "stages": ["score", "scores"], "result": "scores"}))
    return folder


ROWS = make_rows(400)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("filter") / "run", ROWS)
    recipe = folder.parent / "mine.py"
    recipe.write_text(RECIPE)
    recipe.with_suffix(".yaml").write_text("threshold: 3\nby: language\nof: {Java: 2}\n")
    (folder.parent / "plain.py").write_text(RECIPE)
    (folder.parent / "plain.yaml").write_text("threshold: 4\n")
    return folder


def recipe_of(run, name="mine"):
    return str(run.parent / f"{name}.py")


def kept_of(report):
    return {one.language: (one.documents, one.documents_kept, one.amount, one.amount_kept) for one in report.languages}


def expected(rows, fits):
    """Language -> documents and tokens before and after, row by row in Python."""
    counted = {}
    for row in rows:
        name = row["language"] or "no language"
        before, after, tokens, tokens_kept = counted.get(name, (0, 0, 0, 0))
        fit = int(fits(row))
        counted[name] = (before + 1, after + fit, tokens + row["token_count"], tokens_kept + fit * row["token_count"])
    return counted


def rows_below(folder):
    return {
        path.parent.name: pq.read_table(path).to_pylist() for path in sorted(Path(folder).glob("*/train-00000.parquet"))
    }


def test_what_no_flag_names_has_the_recipes_threshold(run):
    report = filter_scores(str(run), recipe=recipe_of(run))
    assert kept_of(report) == expected(ROWS, lambda row: row["int_score"] >= (2 if row["language"] == "Java" else 3))
    assert {one.language: one.condition for one in report.languages}["Java"] == "int_score >= 2"
    assert (report.recipe, report.unit, report.output, report.files) == ("mine", "tokens", None, ())
    assert report.dropped["below_threshold"] == report.total.documents - report.total.documents_kept
    assert [one.amount for one in report.languages] == sorted((one.amount for one in report.languages), reverse=True)


def test_a_recipe_without_languages_has_one_threshold(run):
    report = filter_scores(str(run), recipe=recipe_of(run, "plain"))
    assert kept_of(report) == expected(ROWS, lambda row: row["int_score"] >= 4)


@pytest.mark.parametrize("name", ["c#", "csharp", "C#", "CSharp", "c-sharp"])
def test_languages_have_many_names(run, name):
    report = filter_scores(str(run), recipe=recipe_of(run), languages=[name], threshold=3)
    only = [row for row in ROWS if row["language"] == "C#"]
    assert kept_of(report) == expected(only, lambda row: row["int_score"] >= 3)


def test_a_fraction_the_calibrated_cut_and_thresholds_by_name(run):
    report = filter_scores(str(run), recipe=recipe_of(run), threshold=3, threshold_of={"cpp": 2.7, "python": 4})

    def fits(row):
        if row["language"] == "C++":
            return row["score"] >= 2.7
        return row["int_score"] >= (4 if row["language"] == "Python" else 3)

    assert kept_of(report) == expected(ROWS, fits)
    report = filter_scores(str(run), recipe=recipe_of(run), threshold=3, cut="calibrated")
    assert kept_of(report) == expected(ROWS, lambda row: row["calibrated_score"] >= 3)


def test_a_bare_threshold_is_for_all_that_have_none_of_their_own(run):
    report = filter_scores(str(run), recipe=recipe_of(run), threshold=3)
    assert {one.condition for one in report.languages} == {"int_score >= 3"}  # Java, too


def test_licences_and_tokens(run):
    report = filter_scores(
        str(run),
        recipe=recipe_of(run),
        threshold=2,
        licences=["permissive"],
        licences_excluded=["Apache-2.0"],
        min_tokens=300,
    )

    def licensed(row):
        return row["license_type"] == "permissive" and "Apache-2.0" not in row["detected_licenses"]

    fits = expected(ROWS, lambda row: licensed(row) and row["token_count"] >= 300 and row["int_score"] >= 2)
    assert kept_of(report) == fits
    assert report.dropped["licence"] == sum(not licensed(row) for row in ROWS)
    assert report.dropped["few_tokens"] == sum(licensed(row) and row["token_count"] < 300 for row in ROWS)


def test_a_share_is_exact_over_all_or_for_one_language(run):
    report = filter_scores(str(run), recipe=recipe_of(run), keep_share=0.1, keep_share_of={"cpp": 0.5}, min_tokens=500)
    fit = [row for row in ROWS if row["token_count"] >= 500]
    rest = sorted((row["score"] for row in fit if row["language"] != "C++"), reverse=True)
    cpp = sorted((row["score"] for row in fit if row["language"] == "C++"), reverse=True)
    cuts = {"C++": cpp[round(0.5 * len(cpp)) - 1]}
    cut = rest[round(0.1 * len(rest)) - 1]

    def fits(row):
        return row["token_count"] >= 500 and row["score"] >= cuts.get(row["language"], cut)

    assert kept_of(report) == expected(ROWS, fits)
    named = {one.language: (one.threshold, one.share) for one in report.languages}
    assert named["C++"] == (cuts["C++"], 0.5) and named["Java"] == (cut, 0.1)
    assert "(best 10 %)" in str(report)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(-1e300, 1e300)), min_size=1, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(1, 9),
)
@settings(deadline=None, max_examples=60)
def test_a_quantile_is_that_of_sorted_scores(rows, share, batch):
    groups, scores = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    quantile = ExactQuantile({0: share, 1: 0.5})
    for take in (quantile.count, quantile.collect):
        for start in range(0, len(rows), batch):
            take(groups[start : start + batch], scores[start : start + batch])
    wanted = {}
    for group, own in ((0, share), (1, 0.5)):
        best = np.sort(scores[groups == group])[::-1]
        if len(best):
            wanted[group] = best[min(len(best), max(1, round(own * len(best)))) - 1]
    assert quantile.cuts() == wanted
    with pytest.raises(ValueError, match="share of group 3: expected more than 0 and less than 1, got 1"):
        ExactQuantile({3: 1.0})


FLAGS = st.fixed_dictionaries(
    {},
    optional={
        "threshold": st.sampled_from([1, 2.5, 3, 2.71]),
        "threshold_of": st.dictionaries(
            st.sampled_from(["cpp", "Java", "haskell", "c#"]), st.sampled_from([2, 3, 1.9])
        ),
        "languages": st.lists(st.sampled_from(["cpp", "Java", "python", "Haskell"]), min_size=1, max_size=3),
        "min_tokens": st.integers(1, 1500),
        "licences": st.lists(st.sampled_from(["permissive", "no_license", "other", "mit", "GPL-3.0-only"]), max_size=3),
        "licences_excluded": st.lists(st.sampled_from(["non_permissive", "Apache-2.0", "no_license"]), max_size=2),
    },
)


@given(FLAGS)
@settings(deadline=None, max_examples=40)
def test_it_keeps_what_the_steps_keep(run, flags):
    from datatrove.data import Document

    cut = rules_of(str(run), Flags(threshold=flags.get("threshold"), threshold_of=flags.get("threshold_of", {})))
    wanted = {"c++": "C++", "cpp": "C++", "python": "Python", "java": "Java", "haskell": "Haskell"}
    steps = [
        KeepWhere(
            languages=tuple(wanted[name.lower()] for name in flags.get("languages", ())),
            licences=tuple(flags.get("licences", ())),
            licences_excluded=tuple(flags.get("licences_excluded", ())),
            min_tokens=flags.get("min_tokens"),
        )
    ]
    kept = 0
    for row in ROWS:
        doc = Document(text="", id="x", metadata=row)
        column, least = cut[row["language"]]
        kept += steps[0].reason(doc) is None and row[column] >= least
    assert filter_scores(str(run), **flags).total.documents_kept == kept


def test_rows_are_written_by_published_names_without_text(run, tmp_path):
    report = filter_scores(str(run), recipe=recipe_of(run), languages=["cpp", "c#"], output=str(tmp_path / "kept"))
    found = rows_below(tmp_path / "kept")
    assert sorted(report.files) == ["CSharp/train-00000.parquet", "Cpp/train-00000.parquet"]
    for name, language in (("Cpp", "C++"), ("CSharp", "C#")):
        wanted = [row for row in ROWS if row["language"] == language and row["int_score"] >= 3]
        assert found[name] == [{k: row[k] for k in SCORE_COLUMNS if k in row} for row in wanted]
    record = json.loads((tmp_path / "kept/filter.json").read_text())
    assert record["finished"] and record["flags"] == {"languages": ["cpp", "c#"]} and record["recipe"] == "mine"
    assert {one["language"]: one["threshold"] for one in record["languages"]} == {"C++": 3.0, "C#": 3.0}
    assert record["files"] == sorted(report.files) and record["total"]["documents_kept"] == report.total.documents_kept
    assert "seconds" not in record


@pytest.mark.parametrize("at_a_time", [5, 8192])
def test_texts_are_found_by_their_place(run, tmp_path, monkeypatch, at_a_time):
    monkeypatch.setattr(filtering_source, "_ROWS_WITH_TEXT", at_a_time)
    filter_scores(str(run), recipe=recipe_of(run), output=str(tmp_path / "kept"), with_text=True)
    rows = [row for rows in rows_below(tmp_path / "kept").values() for row in rows]
    assert len(rows) > 100 and all(row["text"] == f"text of {row['id'].removeprefix('d')}" for row in rows)
    assert sorted(rows_below(tmp_path / "kept")) == ["CSharp", "Cpp", "Haskell", "Java", "Python", "no_language"]


def test_only_row_groups_with_a_kept_row_are_read(tmp_path):
    rows = [{**row, "language": "Java" if number < 200 else "Python"} for number, row in enumerate(ROWS)]
    rows = [{**row, "text": row["text"] + str(np.random.default_rng(n).bytes(20_000))} for n, row in enumerate(rows)]
    run = write_run(tmp_path / "run", rows, shards=1, group=50)
    whole = (run / "score/data/00000.parquet").stat().st_size
    table = filter_scores(str(run), threshold=0)
    assert table.bytes_stored == whole and table.bytes_read < whole / 50
    best = max(row["score"] for row in rows[:200])
    one = filter_scores(
        str(run), languages=["java"], threshold=best + 1e-9, output=str(tmp_path / "none"), with_text=True
    )
    assert one.total.documents_kept == 0 and one.bytes_read < whole / 50 and one.files == ()
    one = filter_scores(
        str(run), languages=["java"], threshold=best - 1e-9, output=str(tmp_path / "one"), with_text=True
    )
    assert one.total.documents_kept == 1 and whole / 10 < one.bytes_read < whole / 5


def test_the_same_call_gives_the_same_files_and_another_replaces_them(run, tmp_path):
    def written(**flags):
        filter_scores(str(run), recipe=recipe_of(run), output=str(tmp_path / "kept"), **flags)
        return {str(path): path.read_bytes() for path in sorted((tmp_path / "kept").rglob("*")) if path.is_file()}

    first = written()
    assert written() == first
    second = written(languages=["java"])
    assert [Path(path).parent.name for path in second] == ["Java", "kept"] and written() == first


def test_an_output_that_holds_something_else_is_left_alone(run, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"holds other files, such as mine\.txt"):
        filter_scores(str(run), recipe=recipe_of(run), output=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ConfigError, match=r"holds other files"):
        filter_scores(str(run), recipe=recipe_of(run), output=str(run))


def test_an_interrupted_filter_is_done_again(run, tmp_path, monkeypatch):
    output = str(tmp_path / "kept")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed"):
        patched.setattr(
            "curation.filtering.source.Texts.take", lambda *_: (_ for _ in ()).throw(RuntimeError("killed"))
        )
        filter_scores(str(run), recipe=recipe_of(run), output=output, with_text=True)
    assert json.loads((tmp_path / "kept/filter.json").read_text()) == {"finished": False}
    assert not list((tmp_path / "kept").rglob("*.parquet*"))
    filter_scores(str(run), recipe=recipe_of(run), output=output, with_text=True)
    assert json.loads((tmp_path / "kept/filter.json").read_text())["finished"]


def test_any_scored_parquet_will_do(run, tmp_path):
    wanted = kept_of(filter_scores(str(run), threshold=3))
    for place in (run / "scores", run / "score", run / "score/data", f"{run}/scores/data/*.parquet"):
        assert kept_of(filter_scores(str(place), threshold=3)) == wanted
    report = filter_scores(str(run / "score"), threshold=3, output=str(tmp_path / "kept"), with_text=True)
    assert len(report.files) == 6 and rows_below(tmp_path / "kept")["Java"][0]["text"].startswith("text of")
    (run / "scores").rename(run / "gone")  # before a recipe has kept scores on their own
    try:
        assert kept_of(filter_scores(str(run), threshold=3)) == wanted
    finally:
        (run / "gone").rename(run / "scores")


def test_columns_of_others(tmp_path):
    rows = [{"lang": "cpp", "quality": n / 10, "size": 10, "length_bytes": 100 * n} for n in range(50)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    report = filter_scores(
        str(tmp_path / "a.parquet"), threshold=2.5, columns={"score": "quality", "language": "lang"}, languages=["c++"]
    )
    (one,) = report.languages
    assert (one.language, one.documents, one.documents_kept, report.unit) == ("C++", 50, 25, "bytes")
    with pytest.raises(ConfigError, match="no column 'points'"):
        filter_scores(str(tmp_path / "a.parquet"), threshold=2.5, columns={"score": "points"})


def test_pages_have_languages_that_people_speak(tmp_path):
    rows = [{"url": f"u{n}", "language": ["cs", "go"][n % 2], "score": 3.0, "int_score": 3} for n in range(4)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    report = filter_scores(str(tmp_path / "a.parquet"), threshold=3, output=str(tmp_path / "kept"))
    assert {one.language for one in report.languages} == {"cs", "go"} == set(rows_below(tmp_path / "kept"))
    with pytest.raises(ConfigError, match="unknown language 'c#'"):
        filter_scores(str(tmp_path / "a.parquet"), threshold=3, languages=["c#"])


def test_code_with_a_url_has_programming_languages(tmp_path):
    rows = [{"language": "C++", "url": "https://a.example", "repo_name": "a/b", "int_score": 3} for _ in range(2)]
    pq.write_table(pa.Table.from_pylist([*rows, {**rows[0], "language": " "}]), tmp_path / "a.parquet")
    report = filter_scores(str(tmp_path / "a.parquet"), threshold=3, languages=["cpp"])
    assert kept_of(report) == {"C++": (2, 2, None, None)}
    assert "no language" in kept_of(filter_scores(str(tmp_path / "a.parquet"), threshold=3))


@pytest.mark.parametrize(
    ("columns", "flags", "message"),
    [
        ({"int_score": ["3"]}, {}, "column 'int_score' is string, expected numbers"),
        ({"language": [7]}, {}, "column 'language' is int64, expected text"),
        ({"language": [["C"]]}, {}, "column 'language' is list"),
        ({"license_type": [3]}, {"licences": ["permissive"]}, "column 'license_type' is int64, expected text"),
        ({"token_count": ["x"]}, {"min_tokens": 2}, "column 'token_count' is string, expected numbers"),
        ({"score": [1.0]}, {"cut": "calibrated"}, "no column 'calibrated_score' .*is not calibrated"),
    ],
)
def test_columns_that_are_not_what_they_are_called(tmp_path, columns, flags, message):
    pq.write_table(pa.table({"language": ["C"], "int_score": [3], **columns}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match=message):
        filter_scores(str(tmp_path / "a.parquet"), threshold=3, **flags)


def test_documents_without_languages_are_one_group(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "score": [3.0, 1.0], "int_score": [3, 1]}), tmp_path / "a.parquet")
    report = filter_scores(str(tmp_path / "a.parquet"), keep_share=0.5, output=str(tmp_path / "kept"))
    (one,) = report.languages
    assert (one.language, one.threshold, one.documents_kept, report.unit) == ("all", 3.0, 1, None)
    assert report.files == ("data/train-00000.parquet",)
    assert str(report).splitlines()[1].split("  ")[-1].strip() == "50.0%"
    with pytest.raises(ConfigError, match="the input has no column 'language'"):
        filter_scores(str(tmp_path / "a.parquet"), threshold_of={"Java": 2})


def test_licences_as_text_are_read_as_lists(run, tmp_path):
    """As JSON lines become parquet."""
    rows = [{**row, "detected_licenses": json.dumps(row["detected_licenses"])} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    flags = {"threshold": 2, "licences": ["MIT", "Apache-2.0"]}
    as_text = filter_scores(str(tmp_path / "a.parquet"), **flags)
    assert kept_of(as_text) == kept_of(filter_scores(str(run), **flags)) and as_text.total.documents_kept > 50


def test_what_the_input_has_not_is_said(run):
    report = filter_scores(str(run), recipe=recipe_of(run), languages=["ruby", "Java"], threshold_of={"sql": 3})
    assert report.notes == ("the input has no Ruby, SQL", "not asked for, so its threshold has no effect: SQL")
    assert [one.language for one in report.languages] == ["Java"]
    report = filter_scores(
        str(run), recipe=recipe_of(run), licences=["mit", "ISC", "other"], licences_excluded=["EPL-2.0"]
    )
    assert report.notes == ("no document has the licence ISC, EPL-2.0",)
    nothing = filter_scores(str(run), recipe=recipe_of(run), languages=["ruby"])
    assert nothing.total.documents == 0 and "the input has no Ruby" in str(nothing)


def test_documents_without_a_score_are_dropped_as_such(tmp_path):
    rows = [{"language": "C", "score": None if n % 2 else 3.0, "int_score": None if n % 2 else 3} for n in range(6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    report = filter_scores(str(tmp_path / "a.parquet"), threshold=2)
    assert (report.dropped["no_score"], report.total.documents_kept) == (3, 3)
    empty = pa.table({"language": ["C"], "score": [1.0], "calibrated_score": pa.nulls(1, pa.float64())})
    pq.write_table(empty, tmp_path / "b.parquet")
    with pytest.raises(ConfigError, match="calibrated_score is empty everywhere: is the classifier calibrated"):
        filter_scores(str(tmp_path / "b.parquet"), threshold=2, cut="calibrated")


def test_texts_that_do_not_belong_to_the_scores(tmp_path):
    run = write_run(tmp_path / "run", ROWS)
    (run / "score/data/00001.parquet").write_bytes((run / "score/data/00002.parquet").read_bytes())
    with pytest.raises(CurationError, match="is scored: score them again"):
        filter_scores(str(run), threshold=0, output=str(tmp_path / "kept"), with_text=True)
    Manifest(Folder(str(run / "score"))).finish({"stage": "another"}, {})
    with pytest.raises(ConfigError, match="was made of another stage score than there is now"):
        filter_scores(str(run), threshold=0, output=str(tmp_path / "kept"), with_text=True)
    (run / "scores/stage.json").unlink()
    with pytest.raises(ConfigError, match="this stage is unfinished"):
        filter_scores(str(run), threshold=0)


REFUSED = [
    ({"languages": ["pyton"]}, "unknown programming language 'pyton' .did you mean 'Python'"),
    ({"threshold_of": {"jaava": 2}}, "did you mean 'Java'"),
    ({"threshold_of": {"cpp": 2, "C++": 3}}, r"two rules for C\+\+"),
    ({"threshold_of": {"cpp": 2}, "keep_share_of": {"c++": 0.1}}, r"two rules for C\+\+"),
    ({"threshold": float("nan")}, "threshold: expected a number, got nan"),
    ({"threshold_of": {"java": float("inf")}}, "threshold of java: expected a number, got inf"),
    ({"threshold": 3, "keep_share": 0.1}, "a threshold and a share to keep, both for all: choose one"),
    ({"keep_share": 1.5}, "share to keep: expected more than 0 and less than 1, got 1.5"),
    ({"keep_share_of": {"java": 0}}, "share to keep of java: expected more than 0"),
    ({"keep_share": 0.1, "cut": "calibrated"}, "cut: calibrated: a share to keep cuts the raw score"),
    ({"licences": ["permisive"]}, "'permisive' is neither a group nor an SPDX identifier .did you mean 'permissive'"),
    ({"min_tokens": 0}, "least number of tokens: expected 1 or more, got 0"),
    ({"with_text": True}, "name an output"),
    ({"recipe": "stack_ed"}, "no 'stack_ed'"),
]


@pytest.mark.parametrize(("flags", "message"), REFUSED)
def test_what_cannot_be_asked(run, flags, message):
    with pytest.raises(CurationError, match=message):
        filter_scores(str(run), **{"recipe": recipe_of(run), **flags})


def test_an_input_that_cannot_be_filtered(tmp_path):
    pq.write_table(pa.table({"id": ["a"], "text": ["x"]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"score": 3}\n')
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    for name, message in (
        ("a.parquet", "no column 'int_score' .*: score the documents first, curate score"),
        ("a.jsonl", "scores are read from parquet"),
        ("broken.parquet", "cannot be read"),
        ("nothing", "no input found"),
    ):
        with pytest.raises(CurationError, match=message):
            filter_scores(str(tmp_path / name), threshold=3)
    pq.write_table(pa.table({"id": ["a"], "int_score": [3]}), tmp_path / "a.parquet")
    for flags, message in (
        ({"licences": ["permissive"]}, "no column 'license_type'"),
        ({"licences_excluded": ["MIT"]}, "no column 'detected_licenses'"),
        ({"min_tokens": 5}, "no column 'token_count'"),
    ):
        with pytest.raises(ConfigError, match=message):
            filter_scores(str(tmp_path / "a.parquet"), threshold=3, **flags)


SELECTED = [
    {"threshold": 3, "languages": ["cpp", "java"]},
    {"threshold": 3, "threshold_of": {"Java": 2.5}},
    {"threshold_of": {"Java": 2}},
    {"keep_share": 0.2, "licences": ["permissive"]},
    {"keep_share_of": {"java": 0.2}, "languages": ["java"]},
    {"keep_share_of": {"java": 0.2}, "threshold": 3},
    {"threshold": 3, "cut": "calibrated", "min_tokens": 700},
]


@pytest.mark.parametrize("flags", SELECTED)
def test_documents_are_selected_by_the_same_flags(run, tmp_path, flags):
    report = select(str(run / "score"), output=str(tmp_path / "kept"), workers=1, **flags)
    looked = filter_scores(str(run / "score"), **flags)
    assert report.records["select"]["kept"] == looked.total.documents_kept > 0


def test_of_a_run_the_scored_documents_are_selected_and_not_its_result(run, tmp_path):
    folder = write_run(tmp_path / "run", ROWS)
    (folder / "publish/data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(ROWS[:3]), folder / "publish/data/a.parquet")
    (folder / "run.json").write_text(json.dumps({"recipe": "mine", "stages": [], "result": "publish"}))
    report = select(str(folder), output=str(tmp_path / "kept"), workers=1, threshold=3, languages=["cpp"])
    looked = filter_scores(str(folder), threshold=3, languages=["cpp"])
    assert report.records["select"]["kept"] == looked.total.documents_kept > 3


def test_documents_without_a_classifier_are_dropped_as_such_by_both(tmp_path):
    none = dict.fromkeys(("score", "int_score", "calibrated_score"))
    rows = [{**row, **(none if row["language"] == "Haskell" else {})} for row in ROWS]
    folder, haskell = write_run(tmp_path / "run", rows), sum(row["language"] == "Haskell" for row in rows)
    for number, flags in enumerate(({"threshold": 3}, {"threshold": 3, "threshold_of": {"java": 2}})):
        record = select(str(folder), output=str(tmp_path / f"kept{number}"), workers=1, **flags).records["select"]
        looked = filter_scores(str(folder), **flags)
        assert record["kept"] == looked.total.documents_kept
        assert record["removed"]["no_score"] == looked.dropped["no_score"] == haskell


def test_a_run_has_the_thresholds_and_the_table_that_it_was_given(run, tmp_path):
    table = tmp_path / "mine.yaml"
    table.write_text("Lessons:\n  slug: lessons\n  aliases: [lsn]\n  concepts: x\n  threshold: 2\n")
    folder = write_run(tmp_path / "run", [{**row, "language": row["language"] and "Lessons"} for row in ROWS])
    settings = {"language_table": str(table), "thresholds.Java": 4}
    (folder / "run.json").write_text(json.dumps({"recipe": "stack_edu", "settings": settings, "result": "scores"}))
    for place in (folder, folder / "scores"):
        report = filter_scores(str(place), recipe="stack_edu", languages=["lsn"])
        assert [(one.language, one.threshold) for one in report.languages] == [("Lessons", 2.0)]
    with pytest.raises(ConfigError, match="unknown programming language 'lsn'"):
        filter_scores(str(folder), recipe="stack_edu", config="stack_edu-smoke", languages=["lsn"])


def test_a_target_goes_with_no_rule_by_language(run, tmp_path):
    with pytest.raises(ConfigError, match="a target or a classifier chooses one cut for all"):
        select(str(run), output=str(tmp_path / "kept"), target="f1", threshold=3, classifier="c", languages=["java"])
    with pytest.raises(ConfigError, match="no document is in ruby"):
        select(str(run / "score"), output=str(tmp_path / "kept"), threshold=3, languages=["ruby"])
    with pytest.raises(ConfigError, match="a classifier tells where to cut for a target"):
        select(str(run / "score"), output=str(tmp_path / "kept"), threshold=3, classifier="c")


def test_it_ends_in_the_step_that_a_recipe_has(run, tmp_path):
    report = select(str(run / "score"), output=str(tmp_path / "kept"), threshold=3, threshold_of={"java": 2})
    (step,) = report.planned[0].stage.steps
    assert isinstance(step, KeepScore) and (step.by, step.threshold_of["Java"], step.threshold) == (
        "language",
        2.0,
        3.0,
    )


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (0, "tokens", "0"),
        (999, "tokens", "999"),
        (1000, "tokens", "1.00k"),
        (4_170_000_000, "tokens", "4.17B"),
        (50_600_000_000, "tokens", "50.6B"),
        (999_999, "tokens", "1.00M"),
        (12_100_000, "bytes", "12.1 MB"),
        (4_600_000_000, "bytes", "4.60 GB"),
        (17, "bytes", "17 B"),
    ],
)
def test_amounts_are_as_people_write_them(amount, unit, text):
    assert amount_text(amount, unit) == text
