import gzip
import json
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pytest
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.writers.jsonl import JsonlWriter

from curation.blocks.extract import ExtractText
from curation.blocks.select import KeepScore
from curation.blocks.shards import schema_after
from curation.blocks.step import Select, Step, bind, identity_of, tuning
from curation.errors import CurationError
from curation.recipe import folder_of

from .conftest import Kept, document, shared, write_jsonl, write_parquet


@dataclass(kw_only=True, repr=False)
class KeepLong(Select):
    evidence: ClassVar[dict] = {"characters": pa.int64()}

    least: int
    workers: int = tuning(3)

    def reason(self, doc):
        doc.metadata["characters"] = len(doc.text)
        if len(doc.text) < self.least:
            return "too_short"
        del doc.metadata["characters"]
        return None


@dataclass(kw_only=True, repr=False)
class Lose(Step):
    def run(self, data, rank=0, world_size=1):
        for number, doc in enumerate(data):
            if number != 1:
                yield doc


@dataclass(kw_only=True, repr=False)
class Undeclared(Step):
    def run(self, data, rank=0, world_size=1):
        for doc in data:
            doc.metadata["surprise"] = 1
            yield doc


@dataclass(kw_only=True, repr=False)
class Places(Step):
    adds: ClassVar[dict] = {"place": pa.string()}

    def run(self, data, rank=0, world_size=1):
        for doc in data:
            doc.metadata["place"] = f"{rank} of {world_size}"
            self.count("seen")
            yield doc


def three_files(folder):
    rows = [[{"id": f"{part}{row}", "text": "x" * row, "part": part} for row in range(3)] for part in range(3)]
    return [write_jsonl(folder / f"{part}.jsonl", some) for part, some in enumerate(rows)]


def test_every_document_is_kept_or_removed_with_its_reason(stage, tmp_path):
    kept = stage.run(three_files(tmp_path), KeepLong(least=2))
    assert [row["id"] for row in kept] == ["02", "12", "22"]
    assert list(kept[0]) == ["id", "text", "part"]
    removed = stage.rows()
    assert [(row["id"], row["reason"], row["characters"], row["text"]) for row in removed[:2]] == [
        ("00", "too_short", 0, ""),
        ("01", "too_short", 1, "x"),
    ]
    assert stage.records[0]["documents"] == 3
    assert stage.records[0]["removed"] == {"too_short": 2}
    assert stage.everything() == sorted(
        [
            *(f"{part}/0000{n}.parquet" for part in ("data", "removed") for n in range(3)),
            *(f"shards/0000{n}.{end}" for end in ("json", "opened") for n in range(3)),
            "shards.json",
        ]
    )


def test_steps_see_shards_and_not_tasks(stage, tmp_path):
    kept = stage.run(three_files(tmp_path), Places())
    assert [row["place"] for row in kept[::3]] == ["0 of 3", "1 of 3", "2 of 3"]
    assert [record["counts"] for record in stage.records] == [{"seen": 3}] * 3


def test_a_step_that_loses_documents_is_an_error(stage, tmp_path):
    with pytest.raises(CurationError, match=r"shard 0: 1 of 3 documents were neither kept nor removed with a reason"):
        stage.run(three_files(tmp_path), Lose())
    assert stage.manifest.done() == set()


def test_a_stage_that_gathers_may_give_other_documents_than_it_takes(stage, tmp_path):
    assert len(stage.run(three_files(tmp_path), Lose(), gather=True, rows_per_file=3)) == 8
    assert [path for path in stage.everything() if path.startswith("data")] == [
        f"data/0000{n}.parquet" for n in range(3)
    ]


def test_a_column_that_no_step_declares_is_an_error_that_names_it(stage, tmp_path):
    with pytest.raises(CurationError, match="column 'surprise' of document 00 is declared by no step"):
        stage.run(three_files(tmp_path), Undeclared())
    assert stage.rows("data") == []


def test_a_row_without_text_is_removed_as_no_text(stage, tmp_path):
    file = write_parquet(tmp_path / "a.parquet", [{"id": "1", "text": "x"}, {"id": "2", "text": None}])
    assert [row["id"] for row in stage.run([file])] == ["1"]
    assert [(row["id"], row["reason"]) for row in stage.rows()] == [("2", "no_text")]
    assert stage.records[0]["documents"] == 2


def test_rows_of_mixed_types_are_written(stage, tmp_path):
    rows = [
        {"id": 1, "text": "a", "value": 1, "object": {"k": [1]}},
        {"id": "b", "text": "b", "value": "two", "object": None, "late": 2.5},
    ]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)])
    assert [row["id"] for row in kept] == ["1", "b"]
    assert [row["value"] for row in kept] == ["1", "two"]
    assert kept[0]["object"] == '{"k": [1]}'
    assert [row["late"] for row in kept] == [None, 2.5]


def test_a_key_that_first_comes_far_down_is_left_out_and_counted(stage, tmp_path):
    rows = [{"id": str(number), "text": "x"} for number in range(2001)] + [{"id": "z", "text": "x", "late": 1}]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl.gz", rows)])
    assert len(kept) == 2002
    assert "late" not in kept[0]
    assert stage.records[0]["counts"] == {"late_column_late_left_out": 1}


def test_other_columns_are_kept_through_a_mapping(stage, tmp_path):
    rows = [{"blob": "1", "content": "code", "stars": 3, "tags": ["a"], "nested": {"x": 1}}]
    file = write_parquet(tmp_path / "a.parquet", rows)
    kept = stage.run([file], mapping={"text": "content", "id": "blob"})
    assert kept == [{"id": "1", "text": "code", "stars": 3, "tags": ["a"], "nested": {"x": 1}}]
    assert stage.schema()["tags"] == pa.list_(pa.string())


@pytest.mark.parametrize(("mode", "texts"), [("full", ["", "x"] * 3), ("ids", ["", "x"] * 3), ("none", [])])
def test_what_is_written_of_removed_documents(stage, tmp_path, mode, texts):
    stage.run(three_files(tmp_path), KeepLong(least=2), removed=mode)
    assert [row["text"] for row in stage.rows()] == texts
    assert [record["removed"] for record in stage.records] == [{"too_short": 2}] * 3


def test_ids_keep_whole_documents_only_up_to_a_limit_over_all_shards(stage, tmp_path):
    files = [
        write_jsonl(tmp_path / f"{part}.jsonl", [{"id": f"{part}-{n}", "text": "x"} for n in range(600)])
        for part in range(2)
    ]
    stage.run(files, KeepLong(least=2), removed="ids")
    rows = stage.rows()
    assert len(rows) == 1200
    assert sum(row["text"] is not None for row in rows) == 1000


def test_a_shard_that_is_run_again_starts_clean(stage, tmp_path):
    files = three_files(tmp_path)
    with pytest.raises(CurationError):
        stage.run(files, Lose())
    stage.folder.write_bytes("data/00000.parquet", b"half")
    stage.folder.write_bytes("removed/00000.parquet", b"half")
    assert len(stage.run(files, KeepLong(least=0))) == 9
    assert [record["opened"] for record in stage.records] == [2, 1, 1]


def test_filters_of_datatrove_work_in_a_stage(stage, tmp_path):
    kept = stage.run(three_files(tmp_path), LambdaFilter(lambda doc: len(doc.text) > 1))
    assert [row["id"] for row in kept] == ["02", "12", "22"]
    assert {row["reason"] for row in stage.rows()} == {"filtered"}


class Annotator:
    """Somebody else's step."""

    def run(self, data, rank=0, world_size=1):
        for doc in data:
            doc.metadata["theirs"] = 1
            yield doc


def test_steps_of_others_can_say_what_they_add(stage, tmp_path):
    with pytest.raises(CurationError, match="'theirs'"):
        stage.run(three_files(tmp_path), Annotator())
    told = Annotator()
    told.adds = {"theirs": pa.int64()}
    assert schema_after([told], {"id": pa.string()}) == {"id": pa.string(), "theirs": pa.int64()}
    assert stage.run(three_files(tmp_path), told)[0]["theirs"] == 1


def test_pages_that_cannot_be_read_are_removed_with_their_reason(stage):
    archives = [shared("web/archives")]
    files = sorted(path for path in archives[0].iterdir() if path.name.endswith((".warc", ".warc.gz")))[:12]
    kept = stage.run(files, ExtractText(extractor="main_content"))
    total = sum(record["documents"] for record in stage.records)
    assert total == len(kept) + len(stage.rows())
    assert all(row["reason"] for row in stage.rows())
    assert "html" not in stage.schema()
    assert "html" in stage.schema("removed")


def test_a_step_is_known_by_its_values_and_not_by_its_tuning():
    assert KeepLong(least=2).identity() == {"step": "KeepLong", "version": 1, "least": 2}
    assert identity_of(KeepLong(least=2, workers=9)) == identity_of(KeepLong(least=2))
    assert identity_of(KeepLong(least=3)) != identity_of(KeepLong(least=2))
    assert repr(KeepLong(least=2, workers=9)) == "KeepLong(least=2)"
    theirs = identity_of(LambdaFilter(lambda doc: True))
    assert theirs["step"] == "LambdaFilter"
    assert theirs == identity_of(LambdaFilter(lambda doc: True))


def test_bound_steps_know_the_output_folder():
    @dataclass(kw_only=True, repr=False)
    class Reads(Step):
        one: str
        several: tuple[str, ...]
        listed: list

        def run(self, data, rank=0, world_size=1):
            yield from data

    step = Reads(one=folder_of("train"), several=(folder_of("train", "model"), "x"), listed=[folder_of("score"), 3])
    bound = bind(step, "/out", {"train": "/out/.train.new"})
    assert bound.one == "/out/.train.new"
    assert bound.several == ("/out/.train.new/model", "x")
    assert bound.listed == ["/out/score", 3]
    assert step.one == "{output}/train"


def test_steps_work_in_anyones_datatrove_list(tmp_path):
    docs = [document("x" * n, str(n), url="u", int_score=n) for n in range(4)]
    writer = JsonlWriter(str(tmp_path / "out"), output_filename="${rank}.jsonl", compression=None)
    steps = [docs, KeepLong(least=1), KeepScore(threshold=2, cut="published"), writer]
    LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=str(tmp_path / "logs")).run()
    assert len((tmp_path / "out" / "00000.jsonl").read_text().splitlines()) == 2


def test_in_a_datatrove_list_what_is_dropped_is_on_disk_at_the_end(tmp_path):
    step = KeepLong(least=1)
    step.exclusion_writer = JsonlWriter(str(tmp_path / "dropped"))
    LocalPipelineExecutor([[document("", "1"), document("x", "2")], step], logging_dir=str(tmp_path / "logs")).run()
    (line,) = gzip.decompress((tmp_path / "dropped" / "00000.jsonl.gz").read_bytes()).splitlines()
    assert json.loads(line)["metadata"]["filter_reason"] == "too_short"


def test_steps_work_one_after_another_without_any_runner():
    dropped = Kept()
    first, second = KeepLong(least=1), KeepScore(threshold=2, cut="published")
    first.exclusion_writer = second.exclusion_writer = dropped
    docs = [document("x" * n, str(n), int_score=n) for n in range(4)]
    assert [doc.id for doc in second.run(first.run(docs))] == ["2", "3"]
    assert [(row["id"], row["filter_reason"]) for row in dropped.rows] == [("0", "too_short"), ("1", "below_threshold")]
    assert list(first.run(None)) == []
