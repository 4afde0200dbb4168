import json
from dataclasses import replace

import pytest

from curation.annotation.judging import Judging, Price
from curation.annotation.label_report import LabelReport
from curation.annotation.prompt import load_prompt
from curation.blocks.label_report import ReportLabels, read_report
from curation.blocks.step import identity_of
from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest, Shard
from curation.recipe import RunContext

from .conftest import write_parquet


def judged(identifier, label=3, **more):
    reason = None if label is not None else "no_recorded_reply"
    base = {"id": identifier, "url": None, "text": "t", "label": label, "label_reason": reason, "judge": "llama"}
    return {**base, "reply": None if label is None else f"Final score: {label}", "prompt": "finemath_5pt", **more}


class Stage:
    """The folder of a stage that has judged, with ``seconds`` of its shards."""

    def __init__(self, location, *shards, seconds=10.0):
        self.folder = Folder(str(location))
        manifest = Manifest(self.folder)
        parts = [Shard(index, (), 0) for index in range(len(shards))]
        manifest.start({"stage": "annotate"}, parts, {})
        for shard, rows in zip(parts, shards, strict=True):
            with self.folder.create(f"data/{shard.name}.parquet") as local:
                write_parquet(local, rows)
            manifest.finish_shard(shard, {"shard": shard.index, "documents": len(rows), "seconds": seconds})

    def finish(self, **values):
        context = RunContext(
            output="", folder=self.folder.location, recipe="", origin="", settings={}, stages=(), left_out={}
        )
        ReportLabels(**{"prompt": "finemath_5pt", **values}).finish(context)
        return read_report(self.folder)

    def lines(self, name="disagreements.jsonl"):
        with self.folder.open(name) as file:
            return [json.loads(line) for line in file.read().decode().splitlines()]


@pytest.mark.parametrize("place", ["{tmp}/annotate", "memory://{tmp}/annotate"])
def test_a_report_of_all_shards_is_written_anywhere(tmp_path, place):
    stage = Stage(place.format(tmp=tmp_path), [judged("a", 3), judged("b", 0)], [judged("c", 5)])
    report = stage.finish()
    assert (report.documents, report.labelled, report.judge) == (3, 3, "llama")
    assert report.spent.shard_seconds == 20.0 and 10.0 <= report.spent.wall_seconds < 20.0
    assert report.spent.cost is None
    with stage.folder.open("report.md") as file:
        assert file.read().decode() == report.to_markdown()
    assert not stage.folder.exists("disagreements.jsonl")


def test_the_settings_that_were_in_force_are_reported(tmp_path):
    judging = Judging(generation={"temperature": 0.6, "seed": None}, constrain="score", judge_options={"top_k": 5})
    judging = replace(judging, second_judge="endpoint:http://x#qwen", second_options={"top_k": 7})
    report = Stage(tmp_path, [judged("a")]).finish(judging=judging)
    asked = report.asked
    assert asked.generation == {"temperature": 0.6, "max_tokens": 400}
    assert (asked.constrain, asked.judge_options, asked.scale) == ("score", {"top_k": 5}, (0, 5))
    assert asked.digest == judging.prompt(load_prompt("finemath_5pt")).digest
    assert "- to the second judge instead: top_k 7" in report.to_markdown()
    assert asked.text == load_prompt("finemath_5pt").text and "SmolLM2" in asked.source


def test_disagreements_are_written_where_documents_were_read_again(tmp_path):
    more = {"further_labels": [5, None], "further_replies": ["x 5", "?"], "further_judges": ["llama", "qwen"]}
    stage = Stage(tmp_path, [judged("a", 2, **more), judged("b", 1, **{**more, "further_labels": [1, 1]})])
    report = stage.finish()
    assert {(one.judge, one.other) for one in report.trust} == {("llama", "llama"), ("llama", "qwen")}
    (row,) = stage.lines()
    assert row == {
        "id": "a", "url": None, "spread": 3, "labels": [2, 5, None], "judges": ["llama", "llama", "qwen"],
        "replies": ["Final score: 2", "x 5", "?"], "text_shown": None,
    }  # fmt: skip


def test_what_is_spent_is_apart_from_what_was_said(tmp_path):
    rows = [judged("a", prompt_tokens=100, completion_tokens=10)]
    stages = [Stage(tmp_path / name, rows, seconds=seconds) for name, seconds in (("a", 5.0), ("b", 90.0))]
    for stage in stages:
        ledger = {"requests": 2, "prompt_tokens": 2_000_000, "completion_tokens": 1_000_000, "seconds": 1800.0}
        stage.folder.write_json("spent/0.json", ledger)
    price = Price(per_gpu_hour=2.0, per_million_prompt_tokens=0.5, per_million_completion_tokens=1.0)
    judging = Judging(price=price, judge_options={"tensor_parallel_size": 4})
    one, other = (stage.finish(judging=judging, judge="vllm:m") for stage in stages)
    assert one.spent.cost == 0.5 * 4 * 2.0 + 2 * 0.5 + 1.0
    assert one.spent != other.spent and replace(one, spent=None) == replace(other, spent=None)
    assert "cost: 6.00" in one.to_markdown()


def test_too_few_recorded_replies_are_an_error_with_a_report(tmp_path):
    stage = Stage(tmp_path, [judged("a"), judged("b", None), judged("c", None)])
    with pytest.raises(CurationError, match="2 of 3 sampled documents have no recorded reply"):
        stage.finish()
    assert read_report(stage.folder).reasons == {"no_recorded_reply": 2}
    assert stage.finish(minimum_share=0.3).labelled == 1


def test_replies_that_all_say_nothing_are_an_error_that_shows_one(tmp_path):
    rows = [judged(one, None, label_reason="unreadable: no line 'Final score: …'", reply="Nice  page!") for one in "ab"]
    with pytest.raises(CurationError, match=r"none of 2 documents got a label \(unreadable: no line.*'Nice page!'"):
        Stage(tmp_path, rows).finish()


def test_an_empty_sample_has_an_empty_report(tmp_path):
    report = Stage(tmp_path).finish()
    assert report.documents == 0 and report == LabelReport.from_json(report.to_json())


def test_another_report_asks_for_no_other_replies():
    one = ReportLabels(prompt="finemath_5pt")
    other = ReportLabels(prompt="finemath_5pt", judging=Judging(concurrency=3), minimum_share=0.1, judge="vllm:m")
    assert identity_of(one) == identity_of(other) == {"step": "ReportLabels", "version": 1}
    assert list(one.run(iter(["doc"]))) == ["doc"]
