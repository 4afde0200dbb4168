"""Benchmarks to keep out of a dataset: known ones by name, others as files with a column of text.

Example::

    for item in read_benchmark("gsm8k"): ...                        # its test questions, from the Hub
    for item in read_benchmark("gsm8k=/data/gsm8k_test.jsonl"): ... # the same from a file of one's own
    for item in read_benchmark("/data/mine.parquet", ItemColumns(text="body")): ...

The item is the question, with the choices where there are any. An answer is an item of its own, and only if asked for:
the published rule does not say, and short worked answers are what clean pages share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.blocks.read import JSON_LINES, TABLES, parquet_rows, raw_rows
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import list_inputs
from curation.text.overlap import BenchmarkItem

_TEXT_COLUMNS = ("text", "question", "problem", "prompt", "ctx", "goal", "input")
_ANSWER_COLUMNS = ("answer", "solution", "canonical_solution", "completion", "code")
_ID_COLUMNS = ("id", "task_id", "key")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Where a benchmark lies on the Hub, and which of its columns are what; of one's own files the same, if there.

    Args:
        locations: files, for which evaluation harnesses take this split.
        text: the column of the question.
        answer: the column of the answer in words, empty where it is only a letter or a number.
        id: the column that names an item; empty where items are numbered.
    """

    locations: tuple[str, ...]
    text: str
    answer: str = ""
    id: str = ""


_HUB = "hf://datasets"
_TEST = "test-00000-of-00001.parquet"
PRESETS = {
    "arc": Preset(
        locations=(f"{_HUB}/allenai/ai2_arc/ARC-Easy/{_TEST}", f"{_HUB}/allenai/ai2_arc/ARC-Challenge/{_TEST}"),
        text="question",
        id="id",
    ),
    "gsm8k": Preset(locations=(f"{_HUB}/openai/gsm8k/main/{_TEST}",), text="question", answer="answer"),
    "humaneval": Preset(
        locations=(f"{_HUB}/openai/openai_humaneval/openai_humaneval/{_TEST}",),
        text="prompt",
        answer="canonical_solution",
        id="task_id",
    ),
    "ifeval": Preset(locations=(f"{_HUB}/google/IFEval/ifeval_input_data.jsonl",), text="prompt", id="key"),
    "math": Preset(
        locations=(f"{_HUB}/EleutherAI/hendrycks_math/*/test-*.parquet",), text="problem", answer="solution"
    ),
    "mbpp": Preset(
        locations=(f"{_HUB}/google-research-datasets/mbpp/full/{_TEST}",), text="text", answer="code", id="task_id"
    ),
    "mmlu": Preset(locations=(f"{_HUB}/cais/mmlu/all/{_TEST}",), text="question"),
}
"""Benchmarks that are known by name. All are test splits; IFEval has only one, which the Hub calls train."""


@dataclass(frozen=True, kw_only=True)
class ItemColumns:
    """What of a row is an item.

    Args:
        text: the column of a foreign file that holds the item; None to look for the usual names.
        id: the column that names it; None for ``id``, ``task_id`` or ``key``, or the number of the row.
        answers: whether an answer is an item of its own.
        choices: whether the choices (column ``choices``) belong to the question.
    """

    text: str | None = None
    id: str | None = None
    answers: bool = False
    choices: bool = True


def absolute_benchmark(given: str) -> str:
    """A benchmark as it is meant in any working folder: a known name, a name with a location, or a location.

    Raises:
        ConfigError: for a name that is not known.
    """
    name, equals, location = given.partition("=")
    if equals and name in PRESETS:
        return f"{name}={absolute_location(location)}"
    is_name = name.replace("_", "").replace("-", "").isalnum()
    if is_name and given not in PRESETS and not Path(given).exists():
        raise ConfigError(f"benchmarks: no benchmark {name!r} and no such file; known are {', '.join(sorted(PRESETS))}")
    return given if given in PRESETS else absolute_location(given)


def locations_of(benchmark: str) -> list[str]:
    """Where the files of a benchmark lie, which may be given in any of the three ways."""
    if benchmark in PRESETS:
        return list(PRESETS[benchmark].locations)
    name, equals, location = benchmark.partition("=")
    return [location if equals and name in PRESETS else benchmark]


def read_benchmark(benchmark: str, columns: ItemColumns | None = None) -> Iterator[BenchmarkItem]:
    """The items of a benchmark.

    Args:
        benchmark: a known name, ``NAME=LOCATION``, or a location of jsonl, parquet or CSV files.
        columns: what of a row is an item; of a known benchmark its own columns count first.

    Raises:
        ConfigError: if the name is not known, nothing is there, or a file has no column of text.
    """
    given, columns = absolute_benchmark(benchmark), columns or ItemColumns()
    name = given.partition("=")[0]
    preset = PRESETS.get(name)
    for location in locations_of(given):
        for file in list_inputs(resolve_location(location), (".parquet",), JSON_LINES, TABLES):
            stem, part = _benchmark_name(file.path)
            rows = parquet_rows(file.path) if file.path.endswith(".parquet") else raw_rows(file.path)
            for number, row in enumerate(rows):
                called = name if preset else str(row.get("benchmark") or stem)
                identifier = _identifier(row, preset, columns) or f"{part}{number}"
                yield from _items(row, called, identifier, preset, columns, file.path)


def _items(
    row: dict[str, Any], benchmark: str, identifier: str, preset: Preset | None, columns: ItemColumns, file: str
) -> Iterator[BenchmarkItem]:
    question = row[_text_column(row, preset, columns, file)]
    text = _with_choices(question, row) if columns.choices else question
    yield BenchmarkItem(benchmark, identifier, text)
    if columns.answers and (answer := _answer(row, preset)):
        yield BenchmarkItem(benchmark, f"{identifier}#answer", answer)


def _answer(row: dict[str, Any], preset: Preset | None) -> str:
    """Empty where there is none in words."""
    if preset and not preset.answer:
        return ""
    wanted = (preset.answer, *_ANSWER_COLUMNS) if preset else _ANSWER_COLUMNS
    return next((row[one] for one in wanted if isinstance(row.get(one), str)), "")


def _text_column(row: dict[str, Any], preset: Preset | None, columns: ItemColumns, file: str) -> str:
    if preset:
        wanted: tuple[str, ...] = (preset.text, *_TEXT_COLUMNS)
    else:
        wanted = (columns.text,) if columns.text else _TEXT_COLUMNS
    column = next((name for name in wanted if isinstance(row.get(name), str)), None)
    if column is None:
        raise ConfigError(f"{file}: none of the columns {', '.join(wanted)}; it has {', '.join(row)}")
    return column


def _identifier(row: dict[str, Any], preset: Preset | None, columns: ItemColumns) -> str:
    """Empty where no column names the item; 0 is a name."""
    own = preset.id if preset else columns.id
    found = (row.get(name) for name in (own, *_ID_COLUMNS) if name)
    return next((str(value) for value in found if value is not None and value != ""), "")


def _benchmark_name(path: str) -> tuple[str, str]:
    """A benchmark's name, and what tells its files apart: on the Hub the dataset and the path in it."""
    parts = path.removeprefix("hf://").removeprefix("datasets/").split("/")
    if path.startswith("hf://") and len(parts) > 2:
        return "/".join(parts[:2]), f"{'/'.join(parts[2:]).partition('.')[0]}:"
    return parts[-1].partition(".")[0], ""


def _with_choices(question: str, row: dict[str, Any]) -> str:
    choices = row.get("choices")
    texts = choices.get("text") if isinstance(choices, dict) else choices
    return "\n".join([question, *map(str, texts)]) if isinstance(texts, list) else question
