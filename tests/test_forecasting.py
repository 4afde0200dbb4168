"""What a run will take, on paper: the arithmetic, where rates come from, and the table."""

import json

import pytest

from curation import load_recipe
from curation.cli_estimate import amount, estimate_text, stage_need
from curation.content import content_root
from curation.errors import ConfigError
from curation.folder import Folder
from curation.forecasting import Prices, Rate, StageNeed, cost_stages
from curation.manifest import Manifest, Shard
from curation.rates import rate_of, run_rates, shipped_rates, with_rates
from curation.recipe import list_configs, settings_of


def need(name, reads=None, **options):
    return StageNeed(name=name, reads=reads, **options)


def costs(*needs, rates, pages=1000.0):
    return {one.need.name: one for one in cost_stages(needs, rates, pages=pages)}


def test_documents_hours_bytes_and_dollars_by_hand():
    found = costs(
        need("extract", lanes=10),
        need("select", "extract", lanes=4),
        rates={
            "extract": Rate(core_seconds=7.2, share=0.5, read_bytes=2e6, requests=2, written_bytes=100),
            "select": Rate(core_seconds=3.6, share=0.1, written_bytes=50),
        },
    )
    extract, select = found["extract"], found["select"]
    assert (extract.documents, extract.kept, select.documents, select.kept) == (1000, 500, 500, 50)
    assert (extract.core_hours, extract.hours) == pytest.approx((2.0, 0.2))
    assert (select.core_hours, select.hours) == pytest.approx((0.5, 0.125))
    assert (extract.requests, extract.read_bytes, extract.written_bytes) == (2000, 2e9, 50_000)
    assert (select.requests, select.read_bytes, select.written_bytes) == (0, 50_000, 2500)
    prices = Prices(core_hour=10, thousand_requests=3, gb_out=0.5)
    assert extract.dollars(prices) == pytest.approx(2 * 10 + 2 * 3 + 2 * 0.5)


def test_a_stage_on_gpus_costs_gpu_hours_only():
    rates = {"score": Rate(gpu_seconds=36, core_seconds=1.0)}
    score = costs(need("score", lanes=5, gpus=2), rates=rates)["score"]
    assert (score.core_hours, score.gpu_hours, score.hours) == pytest.approx((0, 10, 1))
    assert score.dollars(Prices(gpu_hour=3)) == pytest.approx(30)


def test_what_is_not_measured_stays_unknown_and_what_follows_goes_on():
    found = costs(need("score", gpus=1), need("select", "score"), rates={"score": Rate(core_seconds=1.0)})
    assert found["score"].gpu_hours is None and found["score"].hours is None
    assert found["score"].dollars(Prices()) is None and not found["score"].is_known
    assert found["select"].documents == 1000 and not found["select"].is_known


def test_samples_volumes_and_what_is_meant_by_a_document():
    found = costs(
        need("pool", most=30),
        need("signatures"),
        need("pairs", "signatures"),
        need("clusters", "pairs", in_one_process=True),
        need("fetch", "pool"),
        rates={
            "signatures": Rate(share=0.0),
            "clusters": Rate(per="signatures", core_seconds=3.6, memory_bytes=8),
            "fetch": Rate(documents=70.0),
        },
    )
    assert (found["pool"].kept, found["fetch"].documents, found["pairs"].documents) == (30, 70, 0)
    assert (found["clusters"].core_hours, found["clusters"].memory_bytes) == pytest.approx((1.0, 8000))


def test_later_knowledge_stands_over_earlier():
    measured = Rate(core_seconds=1.0, share=0.5, per="b", sources={"core_seconds": "measured", "share": "assumed"})
    below = {"a": measured, "b": Rate(share=0.1)}
    both = with_rates({"a": Rate(core_seconds=2.0, sources={"core_seconds": "given"})}, below)
    told = {"core_seconds": "given", "share": "assumed"}
    assert both["a"] == Rate(core_seconds=2.0, share=0.5, per="b", sources=told)
    assert both["b"] == below["b"]
    assert rate_of({"language": Rate(share=0.3)}, "language_first").share == 0.3
    assert rate_of({}, "anything") == Rate()
    for wrong in (lambda: Rate(share=-1.0), lambda: Prices(core_hour=-1.0)):
        with pytest.raises(ValueError, match="expected 0 or more, got -1"):
            wrong()


def test_every_shipped_rate_says_where_it_is_from_and_is_no_set_of_settings():
    known = {stage.name for stage in load_recipe("finemath").stages}
    for volumes in (None, "published"):
        for name, rate in shipped_rates(volumes).items():
            assert set(rate.sources) == set(rate.numbers), name
            assert all(one.startswith(("measured", "assumed", "counted", "[")) for one in rate.sources.values()), name
            assert rate.share is None or rate.share <= 1
    assert known - set(shipped_rates()) <= {"annotate", "annotate_first"}, "a stage without a rate"
    assert "rates" not in [one for recipe in ("finemath", "topic") for one in list_configs(recipe)]
    assert (content_root() / "pipelines" / "rates.yaml").is_file()
    with pytest.raises(ConfigError, match=r"--volumes publishd.*published"):
        shipped_rates("publishd")


def finished(output, stages, seconds=1.0, **settings):
    """A run's folder as it is left, with these stages: name -> (documents, kept)."""
    folder = Folder(str(output))
    folder.write_json("run.json", {"stages": [*stages, "unfinished"], "settings": settings})
    for name, (documents, kept) in stages.items():
        manifest = Manifest(folder / name)
        manifest.start({}, [Shard(0, (), 0)], {})
        record = {"documents": documents, "kept": kept, "removed": {}, "counts": {}, "opened": 1, "seconds": seconds}
        manifest.finish_shard(Shard(0, (), 0), record)
        manifest.finish({}, {})
        (folder / name).write_bytes("data/00000.parquet", b"x" * 10 * kept)
    return str(output)


def test_rates_of_a_run_are_what_its_stages_took(tmp_path):
    run = finished(tmp_path / "run", {"extract": (200, 50), "select": (50, 0)}, seconds=4.0)
    rates = run_rates([run])
    assert set(rates) == {"extract", "select"}
    extract = rates["extract"]
    assert (extract.core_seconds, extract.share, extract.written_bytes) == (0.02, 0.25, 10)
    assert set(extract.sources.values()) == {f"measured: {run}, 200 documents"}
    assert rates["select"].share == 0 and rates["select"].written_bytes is None


def test_two_runs_tell_what_further_documents_took(tmp_path):
    small = finished(tmp_path / "small", {"extract": (100, 50)}, seconds=10.0)
    large = finished(tmp_path / "large", {"extract": (500, 100)}, seconds=14.0)
    for order in ([small, large], [large, small]):
        rate = run_rates(order)["extract"]
        assert rate.core_seconds == pytest.approx(0.01) and rate.share == 0.2
        assert rate.sources["core_seconds"].endswith("400 documents")


def test_stages_that_are_given_pairs_are_rated_by_documents(tmp_path):
    stages = {"dedup_signatures": (40, 40), "dedup_pairs": (40, 4), "dedup_clusters": (4, 4)}
    rate = run_rates([finished(tmp_path / "run", stages)])["dedup_clusters"]
    assert (rate.per, rate.core_seconds, rate.share) == ("dedup_signatures", 1 / 40, None)
    assert rate.written_bytes == 1


def test_seconds_on_gpus_are_taken_only_of_a_run_with_the_same_models(tmp_path):
    run = finished(tmp_path / "run", {"score": (100, 100)}, seconds=10.0, **{"second.spec": "finemath"})
    same = run_rates([run], {"second.spec": "finemath", "threshold": 3}, {"score": 2})["score"]
    assert (same.gpu_seconds, same.core_seconds) == (pytest.approx(0.2), None)
    other = run_rates([run], {"second.spec": "finemath-embedded"}, {"score": 2})["score"]
    assert other.gpu_seconds is None and other.share == 1


def test_folders_without_a_finished_run_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no run was started"):
        run_rates([str(tmp_path)])
    (tmp_path / "run.json").write_text(json.dumps({"stages": ["extract"], "settings": {}}))
    with pytest.raises(ConfigError, match=r"no stage of this run is finished"):
        run_rates([str(tmp_path)])
    with pytest.raises(ConfigError, match="expected one run's folder or two, got 3"):
        run_rates([str(tmp_path)] * 3)


def table_of(text):
    """Stage -> column -> cell."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[2:]}


def test_the_table_takes_tasks_and_samples_from_the_settings():
    recipe = load_recipe("finemath", overrides=["pool_size=5000"])
    text = estimate_text(recipe, pages=1e6, given=["annotate=2", "extract=100"], documents=["extract=3e6"])
    table = table_of(text)
    assert list(table) == [*(stage.name for stage in recipe.stages if not stage.left_out), "all that is known"]
    assert table["annotate"]["documents in"] == table["pool"]["tasks"].replace("1", "5,000") == "5,000"
    assert table["annotate"]["tasks"] == "8 × 4 GPUs"
    assert float(table["annotate"]["GPU-hours"]) == pytest.approx(5000 / 2 / 3600, rel=0.05)
    assert table["extract"]["core-hours"] == amount(3e6 / 100 / 3600) and table["extract"]["tasks"] == "1,000"
    assert table["annotate_first"]["GPU-hours"] == "not measured" == table["annotate_first"]["dollars"]
    (unknown,) = [line for line in text.splitlines() if line.startswith("- Not measured, and in no total: ")]
    assert "annotate_first" in unknown and "annotate," not in unknown and "extract," not in unknown
    assert "annotate_first, were its assumptions true, which nobody has measured: 100,000 documents to judge" in text
    assert "- In one process, whatever the number of tasks: sample_first" in text
    assert "- Prices are assumptions, in dollars: core_hour 0.04" in text
    assert "given: --rate 100" in text and "given: --volume 3e+06" in text


def test_a_share_that_is_given_changes_what_follows():
    recipe = load_recipe("finemath")
    few = table_of(estimate_text(recipe, pages=1e9, shares=["select=0.001", "score=1"]))
    many = table_of(estimate_text(recipe, pages=1e9, shares=["select=0.002", "score=1"]))
    assert few["select"] != many["select"] and few["score"] == many["score"]
    assert few["language"]["documents in"] != many["language"]["documents in"]


def test_prices_change_dollars_and_nothing_else():
    recipe = load_recipe("finemath")
    cheap, dear = (table_of(estimate_text(recipe, pages=1e9, prices=[f"core_hour={one}"])) for one in (0.01, 1.0))
    assert cheap["extract"].pop("dollars") != dear["extract"].pop("dollars")
    assert cheap["extract"] == dear["extract"]


def test_stages_that_are_left_out_are_not_in_the_table(tmp_path):
    recipe = load_recipe("finemath", overrides=[f"second.classifier={tmp_path}"])
    table = table_of(estimate_text(recipe, pages=1e6))
    assert "annotate" not in table and "train" not in table and table["score"]["documents in"] != "0"


def test_tasks_at_a_time_are_those_of_the_settings():
    recipe = load_recipe("finemath", config="finemath-smoke", overrides=["executor.workers=6"])
    lanes = {stage.name: stage_need(recipe, stage).lanes for stage in recipe.stages}
    assert (lanes["extract"], lanes["sample"], lanes["dedup_pairs"]) == (6, 1, 2)
    few = load_recipe("finemath", overrides=["executor.workers=3"])
    assert stage_need(few, few.stages[0]).lanes == 3


def test_a_run_stands_for_the_shipped_rates(tmp_path):
    recipe = load_recipe("finemath", config="finemath-smoke")
    run = finished(tmp_path / "run", {"extract": (100, 10)}, seconds=360.0, **settings_of(recipe))
    text = estimate_text(recipe, pages=1000, runs=[run], documents=["extract=1000"])
    table = table_of(text)
    assert table["extract"]["core-hours"] == "1"
    assert (table["extract"]["documents in"], table["score"]["documents in"]) == ("1,000", "100")
    assert f"share 0.1, core_seconds 3.6, written_bytes 10 (measured: {run}, 100 documents)" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "of how many pages"),
        ({"pages": 1, "given": ["extrct=2"]}, "did you mean 'extract'"),
        ({"pages": 1, "given": ["extract=fast"]}, "expected extract=NUMBER"),
        ({"pages": 1, "given": ["extract=0"]}, "more than 0 documents a second"),
        ({"pages": 1, "prices": ["core=1"]}, "--price core=1"),
        ({"pages": 1, "shares": ["extract=-1"]}, "expected 0 or more"),
        ({"pages": 1, "documents": ["extract=inf"]}, "expected 0 or more"),
    ],
)
def test_a_wrong_call_is_told(options, said):
    with pytest.raises(ConfigError) as raised:
        estimate_text(load_recipe("finemath"), **options)
    assert said in str(raised.value)


def test_amounts_are_read_at_a_glance():
    shown = [amount(number) for number in (0, 0.0423, 7.25, 812.4, 1240, 56_700, 7.1e9, 6.5e12)]
    assert shown == ["0", "0.042", "7.2", "812", "1,240", "56.7k", "7.1B", "6.5T"]
