import contextlib
import json
import logging
import sys
from itertools import islice

import pytest
from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger
from resiliparse.extract.html2text import extract_plain_text
from trafilatura import extract, meta

from curation import ConfigError, ExtractText
from curation.blocks.read import read_files

from .conftest import shared

PAGE = "<!DOCTYPE html>\n<html><body><p>Let \\(x^2\\) be given, and let it stay so for a while.</p></body></html>"

# The step with a function of its own, importable in worker processes and their children.
HOSTILE = """
import os, time
from typing import ClassVar
from curation.blocks.extract import ExtractText
from curation.html.extract import extract_page

def extract(html, **options):
    if "sleep" in html:
        time.sleep(600)
    if "take" in html:
        bytearray(1 << 31)
    if "exit" in html:
        os._exit(1)
    return extract_page(html, **options)

class Hostile(ExtractText):
    functions: ClassVar[dict[str, str]] = {"mathematics": "hostile_step:extract"}
"""
REASONS = {"sleep": "too_slow", "take": "too_much_memory", "exit": "crashed", "x" * 1000: "too_large", "": "empty_text"}


class Kept:
    """An exclusion writer that keeps what it is given."""

    def __init__(self):
        self.rows = []

    def write(self, doc, rank):
        self.rows.append((doc.id, doc.metadata["filter_reason"], doc.text))


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """The class of a step whose pages misbehave as they say."""
    (tmp_path / "hostile_step.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    from hostile_step import Hostile

    yield Hostile
    sys.modules.pop("hostile_step", None)


def page(id, words):
    return Document(text="", id=id, metadata={"html": f"<html><body><p>{words}</p></body></html>"})


def test_a_page_that_a_reader_of_datatrove_gives_as_text_is_extracted():
    (doc,) = ExtractText().run([Document(text=PAGE, id="a")])
    assert doc.text.startswith("Let $x^2$ be given")


def test_a_text_about_html_stays_as_it_is():
    text = "The first line of a page is <!DOCTYPE html>."
    step = ExtractText()
    (doc,) = step.run([Document(text=text, id="a")])
    assert doc.text == text
    assert step.counts["already_text"] == 1


@pytest.mark.parametrize("extractor", ["mathematics", "main_content", "resiliparse", "trafilatura"])
def test_isolated_or_not_the_documents_are_the_same_and_in_order(extractor):
    def docs():
        for i in range(150):
            yield (
                page(f"page {i}", f"Let \\(x_{i}\\) be one of many, as is \\(y\\). " * 9) if i % 5 else page(str(i), "")
            )
            yield Document(text=f"text {i}", id=f"text {i}")

    found = []
    for isolate in (True, False):
        step = ExtractText(extractor=extractor, isolate=isolate)
        step.exclusion_writer = Kept()
        rows = [(doc.id, doc.text, doc.metadata) for doc in step.run(docs())]
        found.append((rows, step.exclusion_writer.rows, step.counts))
    assert found[0] == found[1]
    assert len(found[0][0]) == 270 and len(found[0][1]) == 30


def test_a_page_that_a_limit_stopped_is_dropped_with_its_reason(hostile):
    step = hostile(timeout_seconds=3, max_memory_mb=500, max_html_chars=800)
    step.exclusion_writer = Kept()
    words = ["one is one", *REASONS, "two are two"]
    logged = []
    sink = logger.add(lambda message: logged.append(message.record["message"]), level=logging.WARNING)
    kept = list(step.run(page(f"{i}", said) for i, said in enumerate(words)))
    logger.remove(sink)
    assert [(doc.id, doc.text) for doc in kept] == [("0", "one is one"), ("6", "two are two")]
    assert step.exclusion_writer.rows == [(f"{i + 1}", reason, "") for i, reason in enumerate(REASONS.values())]
    assert all(step.stats[f"dropped_{reason}"].total == 1 for reason in REASONS.values())
    assert "page 1 is too_slow: more than 3 s" in logged and len(logged) == 4


def test_a_page_that_is_too_large_is_too_large_without_isolation_also():
    step = ExtractText(max_html_chars=100, isolate=False)
    step.exclusion_writer = Kept()
    assert list(step.run([page("a", "x" * 100)])) == []
    assert step.exclusion_writer.rows == [("a", "too_large", "")]


def test_a_step_that_is_left_early_leaves_no_child():
    documents = ExtractText().run(page(str(i), "words of a page") for i in range(1000))
    assert next(documents).text == "words of a page"
    documents.close()


def test_time_and_memory_are_no_part_of_the_identity():
    one, other = ExtractText(), ExtractText(isolate=False, timeout_seconds=1, max_memory_mb=1)
    assert one.identity() == other.identity()
    assert one.identity() != ExtractText(max_html_chars=5).identity()
    assert one.identity() != ExtractText(macros="expand").identity()


@pytest.mark.parametrize(
    "settings",
    [{"timeout_seconds": 0}, {"max_memory_mb": -1}, {"max_html_chars": 0},
     {"macros": "drop", "extractor": "main_content"}, {"trafilatura_options": {"deduplicate": False}},
     {"trafilatura_options": {"favour_precision": True}, "extractor": "trafilatura"}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_before_any_work(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ExtractText(**settings).check()


def test_in_datatrove_s_executor_with_two_tasks_at_a_time(hostile, tmp_path):
    (tmp_path / "in").mkdir()
    for task in range(2):
        rows = [{"id": f"{task}-{i}", "text": f"<html><p>{'exit' if i == 7 else 'words'}</p>"} for i in range(20)]
        (tmp_path / f"in/{task}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = [
        JsonlReader(str(tmp_path / "in")),
        hostile(),
        JsonlWriter(str(tmp_path / "out"), output_filename="${rank}.jsonl", compression=None),
    ]
    LocalPipelineExecutor(steps, tasks=2, workers=2, logging_dir=str(tmp_path / "logs")).run()
    for task in range(2):
        (file,) = (tmp_path / "out").glob(f"*{task}.jsonl")
        found = [json.loads(line) for line in file.read_text().splitlines()]
        assert [row["id"] for row in found] == [f"{task}-{i}" for i in range(20) if i != 7]
        assert {row["text"] for row in found} == {"words"}


@pytest.fixture(scope="module")
def real_pages():
    """Fifty of many sites, and ten of them once more."""
    with contextlib.closing(read_files([str(shared("web/pages") / "trafilatura-cache.warc.gz")])) as pages:
        found = [doc.metadata["html"] for doc in islice(pages, 50)]
    return found + found[:10]


def extracted(html, **values):
    step = ExtractText(**values)
    step.check()
    step.exclusion_writer = Kept()
    docs = (Document(text="", id=str(number), metadata={"html": one}) for number, one in enumerate(html))
    kept = {int(doc.id): doc.text for doc in step.run(docs)}
    reasons = {int(id): reason for id, reason, _ in step.exclusion_writer.rows}
    assert set(reasons.values()) <= {"empty_text"} and len(kept) + len(reasons) == len(html)
    return [kept.get(number, "") for number in range(len(html))]


def test_trafilatura_gives_what_it_gives_when_called_plainly_in_any_order_of_pages(real_pages):
    found = extracted(real_pages, extractor="trafilatura")
    for html, text in zip(real_pages, found, strict=True):
        meta.reset_caches()
        plain = extract(html, favor_precision=True, include_comments=False, deduplicate=True)
        assert text.strip() == (plain or "").strip()
    assert sum(len(text) > 500 for text in found) > 30
    assert extracted(real_pages[:-21:-1], extractor="trafilatura") == found[:-21:-1]


def test_options_of_trafilatura_reach_it():
    rows = "".join(f"<tr><td>a cell of row {row}<td>and its neighbour</tr>" for row in range(9))
    prose = "".join(
        f"<p>Paragraph {number} says that a page needs some text, or nothing is found." for number in range(9)
    )
    html = [f"<html><body><article>{prose}<table>{rows}</table></article></body></html>"]
    assert "neighbour" in extracted(html, extractor="trafilatura")[0]
    options = {"include_tables": False}
    (text,) = extracted(html, extractor="trafilatura", trafilatura_options=options)
    assert "Paragraph 8" in text and "neighbour" not in text
    with_options = ExtractText(extractor="trafilatura", trafilatura_options=options).identity()
    assert with_options != ExtractText(extractor="trafilatura").identity()
    assert "trafilatura_options" not in ExtractText().identity()


def test_resiliparse_and_main_content_are_one_extractor(real_pages):
    found = extracted(real_pages[:5], extractor="resiliparse")
    assert found == extracted(real_pages[:5], extractor="main_content")
    assert found[0] == extract_plain_text(real_pages[0], main_content=True, alt_texts=False)


def test_a_missing_trafilatura_is_told_with_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(ConfigError, match="pip install 'trafilatura"):
        ExtractText(extractor="trafilatura").check()
