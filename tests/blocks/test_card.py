import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.annotation.label_report import Asked
from curation.annotation.label_tally import LabelTally
from curation.blocks.card import dataset_card
from curation.blocks.card_judging import Judged
from curation.blocks.publish import PublishCard
from curation.folder import Folder
from curation.manifest import Manifest, Shard
from curation.recipe import RunContext
from curation.scale import Scale

from .conftest import write_parquet

ASKED = Asked(
    prompt="mine",
    digest="0123456789abcdef",
    source="Ours, after nobody.",
    text="Rate this.\n```\nexample\n```\n{text}\nFinal score:\n",
    scale=(0, 5),
    generation={"temperature": 0.6, "top_p": 0.9, "system": "You are strict."},
    constrain="score",
    judge_options={},
)


def judged(identifier, label=3, **more):
    base = {"id": identifier, "url": None, "text": "whole text", "label": label, "judge": "llama", "text_shown": "text"}
    reason = None if label is not None else "too_long: 9 tokens"
    return {**base, "reply": f"Final score: {label}", "label_reason": reason, "prompt": "mine", **more}


def report_of(rows, spent=None):
    tally = LabelTally(Scale(0, 5))
    for row in rows:
        tally.add(row)
    return tally.report(ASKED, spent)


@pytest.fixture
def context(tmp_path):
    folder = str(tmp_path / "out/publish")
    values = {"threshold": 3, "second.judging.generation": {"temperature": 0.6}}
    return RunContext(
        output=str(tmp_path / "out"),
        folder=folder,
        recipe="toy",
        origin="toy.yaml",
        settings=values,
        stages=(),
        left_out={},
    )


STEP = SimpleNamespace(
    dataset="toy",
    configs=(),
    thresholds=(),
    cut="published",
    licence="mit",
    models=(),
    by=None,
    values=(),
    contaminated=None,
    duplicates=None,
    scores=None,
)


def section(card, title):
    return card.split(f"## {title}\n\n")[1].split("\n\n## ")[0]


def test_the_card_shows_what_the_judge_was_asked_and_what_it_said(context):
    further = {"further_labels": [4], "further_replies": ["x"], "further_judges": ["llama"]}
    rows = [judged("a", 3, prompt_tokens=70, **further), judged("b", 0), judged("c", None)]
    card = dataset_card(STEP, context, [], [Judged("annotate", report_of(rows))], None, 0)
    said = section(card, "Judge")
    assert "### annotate: `llama` with the prompt `mine`" in said
    assert "3 documents were asked about; 2 (66.7%) have a label" in said and "| too_long | 1 |" in said
    assert "ceiling: F1 (95 %)" in said and "| prompt | 70 |" in said
    assert "digest `0123456789abcdef`" in said and "source: Ours, after nobody." in said
    assert "generation: temperature 0.6, top_p 0.9" in said and "system prompt: You are strict." in said
    assert "constrained to: score" in said
    # The prompt is whole, also where it holds a fence of its own.
    assert "````text\nRate this.\n```\nexample\n```\n{text}\nFinal score:\n````" in said
    assert "second.judging.generation" in section(card, "Settings")


def test_seconds_and_cost_are_no_part_of_the_card(context):
    from curation.annotation.label_report import Spent

    cards = [
        dataset_card(STEP, context, [], [Judged("annotate", report_of([judged("a")], spent))], None, 0)
        for spent in (None, Spent(1.0, 2.0, 3.0, 4.0), Spent(10.0, 20.0, 30.0, 40.0))
    ]
    assert len(set(cards)) == 1


def test_a_stage_without_a_report_is_told_by_its_labels(context):
    old = Judged("annotate", None, {"llama with mine": Counter({"label 3": 2, "too_long": 1})})
    card = dataset_card(STEP, context, [], [old], None, 0)
    assert section(card, "Judge") == "Asked by `llama with mine`: label 3 2, too_long 1."


def publish(context, tmp_path, names):
    values = {name: getattr(STEP, name) for name in ("dataset", "configs", "thresholds", "cut", "licence")}
    folders = tuple(str(tmp_path / "out" / name / "data") for name in names)
    PublishCard(**values, annotations=folders).finish(context)
    table = pq.read_table(tmp_path / "out/publish/data/annotations/train-00000.parquet")
    return (tmp_path / "out/publish/data/README.md").read_text(), table


def annotated(tmp_path, name, rows, report=True):
    (tmp_path / "out" / name / "data").mkdir(parents=True)
    write_parquet(tmp_path / "out" / name / "data/00000.parquet", rows)
    if report:
        (tmp_path / "out" / name / "report.json").write_text(report_of(rows).to_json())


def test_publishing_takes_the_report_of_each_stage_that_judged(context, tmp_path):
    annotated(tmp_path, "annotate_first", [judged("a", 3)], report=False)
    annotated(tmp_path, "annotate", [judged("b", 4), judged("c", None)])
    card, table = publish(context, tmp_path, ("annotate_first", "annotate"))
    assert "Asked by `llama with mine`: label 3 1." in card
    assert "### annotate: `llama` with the prompt `mine`" in card and "### annotate_first" not in card
    assert table["text"].to_pylist() == ["text"] * 3 and table["label"].to_pylist() == [3, 4, None]
    assert "further_labels" not in table.column_names and str(tmp_path) not in card
    assert json.loads((tmp_path / "out/annotate/report.json").read_text())["documents"] == 2


def test_further_readings_are_published(context, tmp_path):
    further = {"further_labels": [4, None], "further_replies": ["x", "?"], "further_judges": ["llama", "qwen"]}
    annotated(tmp_path, "annotate_first", [judged("a", 3)])
    annotated(tmp_path, "annotate", [judged("b", 3, expected_label=3.2, **further)])
    _, table = publish(context, tmp_path, ("annotate_first", "annotate"))
    assert table["further_labels"].to_pylist() == [None, [4, None]]
    assert table.schema.field("further_labels").type == pa.list_(pa.int32())
    assert table["further_judges"].to_pylist()[1] == ["llama", "qwen"] and table["expected_label"].to_pylist()[1] == 3.2


def test_no_login_of_an_address_is_in_the_card(context):
    judge = "endpoint:https://bob:secret@judge.example/v1?api_key=KEY#model"
    kept = ["s3://bucket/data-?.parquet", "hf://datasets/me/pages@main/*.parquet", "https://a.example/x.bin"]
    context = replace(context, settings={"judge": judge, "inputs": kept}, origin=f"toy.yaml --set judge={judge}")
    card = dataset_card(STEP, context, [], [], None, 0)
    assert "secret" not in card and "KEY" not in card and "bob" not in card
    assert card.count("endpoint:https://…@judge.example/v1?…#model") == 2 and all(one in card for one in kept)


def dropped(context, stage, removed):
    """A finished stage that dropped so many."""
    manifest = Manifest(Folder(f"{context.output}/{stage}"))
    manifest.clear()
    manifest.start({}, [], {})
    manifest.finish_shard(
        Shard(0, (), 0), {"documents": 30, "kept": 9, "removed": removed, "counts": {}, "opened": 1, "seconds": 0.1}
    )
    manifest.finish({}, {})


def test_contamination_is_counted_where_it_is_not_listed(context):
    context = replace(context, stages=(("decontaminate", None),))
    step = SimpleNamespace(**vars(STEP) | {"contaminated": f"{context.output}/decontaminate/removed"})
    said = []
    for removed, listed in ((None, 0), ({}, 0), ({"contaminated": 7}, 0), ({"contaminated": 7}, 7)):
        if removed is not None:
            dropped(context, "decontaminate", removed)
        said.append(section(dataset_card(step, context, [], [], None, listed), "Decontamination"))
    assert said[:2] == ["Items of benchmarks were not looked for in this run.", "No document was removed."]
    assert all(": 7; " in one for one in said[2:]) and "was not kept" in said[2] and "`contamination`" in said[3]


def test_how_similar_duplicates_were_to_what_stays(context, tmp_path):
    context = replace(context, stages=(("dedup", None),))
    step = SimpleNamespace(**vars(STEP) | {"duplicates": f"{context.output}/dedup/removed"})
    card = dataset_card(step, context, [], [], None, 0)
    assert section(card, "Duplicates") == "Duplicates were not looked for in this run."
    dropped(context, "dedup", {})
    card = dataset_card(step, context, [], [], None, 0)
    assert section(card, "Duplicates") == "No document was dropped as a duplicate."
    dropped(context, "dedup", {"near_duplicate": 20, "exact_duplicate": 1})
    card = dataset_card(step, context, [], [], None, 0)  # `removed: none` writes no files
    assert section(card, "Duplicates").endswith(" 1 with the same text, 20 near-duplicates.")
    rows = [{"id": str(n), "reason": "near_duplicate", "similarity": 0.8 + n / 100} for n in range(20)]
    rows += [{"id": "equal", "reason": "exact_duplicate", "similarity": 1.0}, {"id": "x", "reason": "no_text"}]
    (Path(context.output) / "dedup/removed").mkdir(parents=True)
    write_parquet(Path(context.output) / "dedup/removed/00000.parquet", rows)
    said = section(dataset_card(step, context, [], [], None, 0), "Duplicates")
    assert said.startswith("Dropped for a document that stays: 1 with the same text, 20 near-duplicates. ")
    assert "was 0.80 or more, of nine in ten 0.82 or more, of half 0.90 or more." in said


def test_what_was_masked_is_counted_by_stage_and_kind(context):
    assert "Personal data" not in dataset_card(STEP, context, [], [], None, 0)
    asked = replace(context, settings={"emails": "mask"}, stages=(("mask", None),))
    assert "Personal data" not in dataset_card(STEP, asked, [], [], None, 0)  # the run began behind that stage
    manifest = Manifest(Folder(f"{context.output}/mask"))
    manifest.start({"steps": {"ReplacePersonal": {"emails": "mask"}}}, [], {})
    looked = dataset_card(STEP, asked, [], [], None, 0)
    assert section(looked, "Personal data and secrets") == "None were found."
    record = {"documents": 9, "kept": 9, "removed": {}, "opened": 1, "seconds": 0.1}
    counts = {"personal_data_email": 3, "personal_data_documents": 2, "secrets_KEY": 1, "other": 5}
    manifest.finish_shard(Shard(0, (), 0), {**record, "counts": counts})
    manifest.finish({}, {})
    told = dataset_card(STEP, replace(context, stages=(("mask", None),)), [], [], None, 0)
    said = section(told, "Personal data and secrets")
    assert "| mask | email | 3 |  |\n| mask | all personal data |  | 2 |\n| mask | KEY | 1 |  |" in said
    assert "other" not in said
