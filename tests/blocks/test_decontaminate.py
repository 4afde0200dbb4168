import gzip
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.blocks.contamination import ReportContamination
from curation.blocks.decontaminate import Decontaminate
from curation.errors import ConfigError
from curation.recipe import RunContext

from .conftest import Kept, document, shared, write_jsonl

QUESTION = (
    "Janet has 16 ducks that lay eggs every morning and she eats three of them for breakfast before she sells the "
    "rest at the market for two dollars each; how many dollars does she make every day there?"
)
ANSWER = "She sells 16 - 3 = 13 eggs a day, and so she makes 13 * 2 = 26 dollars every single day at the market."


@pytest.fixture
def benchmark(tmp_path):
    return str(write_jsonl(tmp_path / "ducks.jsonl", [{"question": QUESTION, "answer": ANSWER}, {"question": "2+2?"}]))


def contaminated(step, *texts):
    step.exclusion_writer = Kept()
    kept = [doc.id for doc in step.run(document(text, str(number), url="u") for number, text in enumerate(texts))]
    return kept, step.exclusion_writer.rows


def test_a_document_with_a_question_is_dropped_with_the_evidence(benchmark):
    kept, dropped = contaminated(
        Decontaminate(benchmarks=(benchmark,)), "Nothing of it.", f"Homework. {QUESTION} Solve it.", "2+2?"
    )
    assert kept == ["0", "2"]
    row = dropped[0]
    assert row["filter_reason"] == "contaminated"
    assert (row["benchmark"], row["benchmark_id"]) == ("ducks", "0")
    assert row["benchmark_text"] == QUESTION
    assert row["overlap_ratio"] > 0.9
    assert "ducks" in row["matched"]
    assert len(row["ngram"].split()) == 13
    assert row["passage"] == QUESTION.rstrip("?")


def test_the_answer_is_looked_for_on_its_own_where_that_is_asked_for(benchmark):
    page = f"The solution: {ANSWER}"
    assert contaminated(Decontaminate(benchmarks=(benchmark,)), page)[0] == ["0"]
    _, dropped = contaminated(Decontaminate(benchmarks=(benchmark,), answers=True), page)
    assert [row["benchmark_id"] for row in dropped] == ["0#answer"]


def test_a_shared_piece_below_the_ratio_stays(benchmark):
    piece = " ".join(QUESTION.split()[:16])
    assert contaminated(Decontaminate(benchmarks=(benchmark,)), piece)[0] == ["0"]
    assert contaminated(Decontaminate(benchmarks=(benchmark,), ratio=0.3), piece)[0] == []


def test_a_benchmark_without_text_or_items_is_a_config_error(tmp_path):
    file = write_jsonl(tmp_path / "a.jsonl", [{"body": "x"}])
    with pytest.raises(ConfigError, match=r"a.jsonl: row 1: none of the columns text, question.*; it has body"):
        Decontaminate(benchmarks=(str(file),)).check()
    empty = write_jsonl(tmp_path / "b.jsonl", [])
    with pytest.raises(ConfigError, match=r"benchmark .*b.jsonl: no items"):
        Decontaminate(benchmarks=(str(empty),)).check()
    with pytest.raises(ConfigError, match="no input found"):
        Decontaminate(benchmarks=(str(tmp_path / "c.jsonl"),)).check()
    late = write_jsonl(tmp_path / "d.jsonl", [{"text": QUESTION}, {"text": None}])
    with pytest.raises(ConfigError, match=r"d.jsonl: row 2: column 'text' is null"):
        Decontaminate(benchmarks=(str(late),)).check()


def test_a_benchmark_that_has_changed_is_read_again(tmp_path):
    file = write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])
    assert contaminated(Decontaminate(benchmarks=(f"gsm8k={file}",)), QUESTION, ANSWER)[0] == ["1"]
    write_jsonl(file, [{"question": ANSWER}])
    step = Decontaminate(benchmarks=(f"gsm8k={file}",))
    assert step.reason(document(ANSWER)) == "contaminated"
    assert contaminated(step, QUESTION, ANSWER)[0] == ["0"]


NINE = "What is the remainder of 17 divided by 5?"


def masked(step, *texts):
    step.exclusion_writer = Kept()
    docs = list(step.run(document(text, str(number), url="u") for number, text in enumerate(texts)))
    return docs, step.exclusion_writer.rows


def test_masking_takes_every_passage_out_and_keeps_the_document(tmp_path):
    file = write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}, {"question": NINE}, {"question": "2+2?"}])
    step = Decontaminate(benchmarks=(str(file),), action="mask", mask_text="[…]")
    page = f"First: {QUESTION} Then {NINE.upper()} Then {QUESTION} {QUESTION} End."
    docs, dropped = masked(step, page, "Nothing of it.")
    assert [doc.text for doc in docs] == ["First: […]? Then […]? Then […]? […]? End.", "Nothing of it."]
    said = json.loads(docs[0].metadata["contaminated_with"])
    assert sorted((one["benchmark"], one["id"], one["ratio"]) for one in said) == [("b", "0", 1.0)] * 3 + [
        ("b", "1", 1.0)
    ]
    assert said[0]["passage"] == QUESTION.rstrip("?")
    assert docs[1].metadata["contaminated_with"] is None
    assert step.counts == {"unchecked_b": 1, "masked_documents": 1, "masked_passages": 4}
    assert dropped == []
    assert contaminated(Decontaminate(benchmarks=(str(file),)), docs[0].text)[0] == ["0"]


def test_a_document_of_nothing_but_items_is_dropped_with_a_reason(tmp_path):
    file = write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])
    docs, dropped = masked(Decontaminate(benchmarks=(str(file),), action="mask", mask_text="[cut]"), f" {QUESTION}\n")
    assert docs == []
    assert (dropped[0]["filter_reason"], dropped[0]["benchmark_id"]) == ("empty_after_masking", "0")
    assert dropped[0]["contaminated_with"] is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"action": "hide"}, "action is drop or mask, got 'hide'"),
        ({"measure": "jaccard"}, "measure is lcs or greedy, got 'jaccard'"),
        ({"ratio": 0.0}, "ratio above 0"),
        ({"ngram": 0}, "start at 1"),
        ({"min_item_words": 0}, "start at 1"),
        ({"mask_text": "a b c d e f g h"}, "mask_text may have 7 words"),
        ({"benchmarks": ("gsm9k",)}, "known are arc"),
    ],
)
def test_wrong_settings_are_config_errors(values, said):
    with pytest.raises(ConfigError, match=said):
        Decontaminate(**{"benchmarks": (), **values})


def test_the_plan_shows_the_published_numbers_and_what_is_not_the_default(benchmark):
    assert str(Decontaminate(benchmarks=("gsm8k",))) == "Decontaminate(benchmarks=[gsm8k], ngram=13, ratio=0.6)"
    step = Decontaminate(benchmarks=("gsm8k",), answers=True, action="mask")
    assert str(step) == "Decontaminate(benchmarks=[gsm8k], ngram=13, ratio=0.6, action=mask, answers=True)"
    assert Decontaminate(benchmarks=("gsm8k", "arc", f"mmlu={benchmark}", benchmark)).inputs() == [
        "hf://datasets/openai/gsm8k/main/test-00000-of-00001.parquet",
        "hf://datasets/allenai/ai2_arc/ARC-Easy/test-00000-of-00001.parquet",
        "hf://datasets/allenai/ai2_arc/ARC-Challenge/test-00000-of-00001.parquet",
        benchmark,
        benchmark,
    ]


def report(stage, step):
    context = RunContext(
        output="", folder=stage.folder.location, recipe="r", origin="o", settings={}, stages=(), left_out={}
    )
    finish = ReportContamination.of(step)
    assert list(finish.run(iter(["kept"]))) == ["kept"]
    finish.finish(context)

    def lines(name):
        with stage.folder.open(name) as file:
            return [json.loads(line) for line in file]

    with stage.folder.open("contamination.md") as file:
        return lines("contamination.jsonl"), lines("unchecked.jsonl"), file.read().decode()


@pytest.mark.parametrize("action", ["drop", "mask"])
def test_the_report_lists_document_item_ratio_and_passage_and_the_unchecked_items(stage, tmp_path, action):
    file = write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}, {"question": NINE}, {"question": "2|2?"}])
    page = QUESTION.replace("16 ducks", "17  DUCKS").replace(" the ", "\nthe ")
    rows = [
        {"id": "clean", "url": "http://c", "text": "A page about gardens."},
        {"id": "page", "url": "http://p", "text": f"Homework. {page} Solve it."},
        {"id": "all", "url": None, "text": NINE},
    ]
    step = Decontaminate(benchmarks=(str(file),), action=action, mask_text="" if action == "drop" else "[cut]")
    kept = stage.run([write_jsonl(tmp_path / "in.jsonl", rows)], step)
    finds, unchecked, markdown = report(stage, step)
    assert [row["id"] for row in kept] == (["clean"] if action == "drop" else ["clean", "page"])
    found = {one["document"]: one for one in finds}
    assert sorted(found) == ["all", "page"]
    assert found["page"] == {
        "document": "page",
        "url": "http://p",
        "action": "dropped" if action == "drop" else "masked",
        "benchmark": "b",
        "item": "0",
        "ratio": found["page"]["ratio"],
        "passage": page.rstrip("?"),
    }
    assert 0.9 < found["page"]["ratio"] < 1
    assert (found["all"]["action"], found["all"]["item"], found["all"]["passage"]) == ("dropped", "1", NINE.rstrip("?"))
    assert unchecked == [{"benchmark": "b", "id": "2", "text": "2|2?"}]
    assert stage.records[0]["counts"]["unchecked_b"] == 1
    dropped, masks = (2, 0) if action == "drop" else (1, 1)
    assert f"3 documents: {dropped} dropped, {masks} with {masks} items masked" in markdown
    assert "| page | http://p | b 0 | 0.9" in markdown and "| b | 2 | 2\\|2? |" in markdown
    assert {row["id"]: row["text"] for row in stage.rows()}["all"] == NINE
    if action == "mask":
        assert stage.schema()["contaminated_with"] == pa.string()
        assert [row["contaminated_with"] is None for row in kept] == [True, False]
        assert kept[1]["text"] == "Homework. [cut]? Solve it."


@pytest.mark.parametrize("action", ["drop", "mask"])
def test_what_an_earlier_run_found_is_no_find_of_this_one(stage, tmp_path, action):
    file = write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])
    old = json.dumps([{"benchmark": "old", "id": "7", "ratio": 1.0, "passage": "then"}])
    rows = [{"id": "old", "text": "Clean.", "contaminated_with": old}, {"id": "new", "text": f"Look: {QUESTION}"}]
    step = Decontaminate(benchmarks=(str(file),), action=action)
    kept = stage.run([write_jsonl(tmp_path / "in.jsonl", rows)], step)
    finds, _, markdown = report(stage, step)
    assert [(one["document"], one["benchmark"]) for one in finds] == [("new", "b")]
    assert "| old |" not in markdown
    assert kept[0]["contaminated_with"] == (old if action == "drop" else None)
    assert repr(ReportContamination.of(step)).endswith("answers=False, choices=True)")


def test_only_after_masking_the_kept_documents_are_read(stage, tmp_path):
    step = Decontaminate(benchmarks=(str(write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])),))
    stage.run([write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": "Clean."}])], step)
    (kept,) = stage.folder.list_files("data", ".parquet")
    stage.folder.write_bytes(kept, b"not read")
    assert report(stage, step)[0] == []


def test_a_report_says_where_nothing_was_kept_of_dropped_documents(stage, tmp_path):
    step = Decontaminate(benchmarks=(str(write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])),))
    stage.run([write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": QUESTION}])], step, removed="none")
    finds, _, markdown = report(stage, step)
    assert finds == [] and "1 dropped" in markdown and "Of 1 dropped documents nothing was kept" in markdown


def test_a_report_on_clean_documents_says_so(stage, tmp_path):
    step = Decontaminate(benchmarks=(str(write_jsonl(tmp_path / "b.jsonl", [{"question": QUESTION}])),))
    stage.run([write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": "Clean."}])], step)
    finds, unchecked, markdown = report(stage, step)
    assert finds == unchecked == []
    assert "1 documents: 0 dropped" in markdown and "Nothing was found, and every item was looked for." in markdown


def test_without_benchmarks_everything_stays():
    step = Decontaminate(benchmarks=())
    step.check()
    assert contaminated(step, QUESTION)[0] == ["0"]


def test_every_item_of_a_real_benchmark_is_found(stage, tmp_path):
    path = shared("benchmarks/gsm8k_test.jsonl.gz")
    with gzip.open(path, "rt") as lines:
        questions = [json.loads(line)["question"] for _, line in zip(range(60), lines, strict=False)]
    rows = [{"id": str(n), "text": f"Read this.\n\n{text}\n\nWell?", "n": n} for n, text in enumerate(questions)]
    clean = {"id": "clean", "text": "A page about gardens. " * 30, "n": -1}
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", [*rows, clean])], Decontaminate(benchmarks=(str(path),)))
    removed = stage.rows()
    long_enough = [row for row in rows if len(row["text"].split()) > 25]
    assert "clean" in {row["id"] for row in kept}
    assert {row["id"] for row in removed} >= {row["id"] for row in long_enough}
    assert len({row["benchmark"] for row in removed}) == 1
    assert all(row["n"] >= 0 and row["overlap_ratio"] >= 0.6 for row in removed)


ITEMS = ("a b c d e f", "b c d b c d", "c a", "d d d d d d d")
pieces = st.lists(st.sampled_from([*ITEMS, "a", "B", "c\n", "d,", "e", "..."]), max_size=30)


@settings(deadline=None)
@given(pieces, st.sampled_from(["", "x", " […] "]))
def test_whatever_the_text_nothing_is_left_to_find_and_the_rest_stays(pieces, mask):
    with tempfile.TemporaryDirectory() as folder:
        file = write_jsonl(Path(folder) / "b.jsonl", [{"text": text} for text in ITEMS])
        step = Decontaminate(benchmarks=(str(file),), ngram=3, min_item_words=2, action="mask", mask_text=mask)
        text = " ".join(pieces)
        docs, dropped = masked(step, text)
        assert len(docs) + len(dropped) == 1
        clean = Decontaminate(benchmarks=(str(file),), ngram=3, min_item_words=2)
        assert contaminated(clean, *[doc.text for doc in docs])[1] == []
        found = bool(contaminated(clean, text)[1])
        assert [doc.text for doc in docs] == [text] or found
        assert bool(dropped or docs[0].metadata["contaminated_with"]) is found
        rest = iter(text)
        assert all(char in rest for doc in docs for char in (doc.text.replace(mask, "") if mask else doc.text))
