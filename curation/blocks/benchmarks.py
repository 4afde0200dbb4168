"""Benchmarks to keep out of a dataset: known ones by name, others as files with a column of text.

Example::

    for item in read_benchmark("gsm8k"): ...                        # its test questions, from the Hub
    for item in read_benchmark("gsm8k=/data/gsm8k_test.jsonl"): ... # the same from a file of one's own
    for item in read_benchmark("mine=/data/mine_v2.jsonl"): ...     # files under a name of one's own
    for item in read_benchmark("/data/mine.parquet", ItemColumns(text="body")): ...

The item is the question, with the choices where there are any. An answer is an item of its own, and only if asked for:
the published rule does not say, and short worked answers are what clean pages share.
"""

from __future__ import annotations

import csv
import glob
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.blocks.read import JSON_LINES, TABLES, parquet_rows, raw_rows
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError, CurationError
from curation.folder import list_inputs
from curation.text.overlap import BenchmarkItem

BENCHMARK_FILES = ((".parquet",), JSON_LINES, TABLES)
"""File types that a benchmark can have, in the order in which a mixed folder is searched."""

_TEXT_COLUMNS = ("text", "question", "problem", "prompt", "ctx", "goal", "input")
_ANSWER_COLUMNS = ("answer", "solution", "canonical_solution", "completion", "code")
_ID_COLUMNS = ("id", "task_id", "key")
_ENDING = re.compile(rf"({'|'.join(map(re.escape, ('.parquet', *JSON_LINES, *TABLES)))})$")
_NO_NAME = frozenset("/\\:*?[]{}~")  # what has one of these before an equals sign is a location, as /data/day=1


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
    """A benchmark as it is meant in any working folder: a known name, any name with a location, or a location.

    Raises:
        ConfigError: for a name that is not known, or nothing before or behind an equals sign.
    """
    if given in PRESETS:
        return given
    name, location = _name_and_location(given)
    if not location.strip():
        raise ConfigError(f"benchmarks: {given!r}: no location behind =" if name else "benchmarks: an empty name")
    if name not in PRESETS and (Path(given).exists() or glob.glob(given)):
        return absolute_location(given)
    if name:
        return f"{name}={absolute_location(location)}"
    if given.lstrip().startswith("="):
        raise ConfigError(f"benchmarks: {given!r}: no name before =")
    if given.replace("_", "").replace("-", "").isalnum():
        raise ConfigError(
            f"benchmarks: no benchmark {given!r} and no such file; known are {', '.join(sorted(PRESETS))}, "
            f"and files of your own are {given}=FILE"
        )
    return absolute_location(given)


def locations_of(benchmark: str) -> list[str]:
    """Where the files of a benchmark lie, which may be given in any of the three ways."""
    if benchmark in PRESETS:
        return list(PRESETS[benchmark].locations)
    return [_name_and_location(benchmark)[1]]


def read_benchmark(benchmark: str, columns: ItemColumns | None = None) -> Iterator[BenchmarkItem]:
    """The items of a benchmark.

    Args:
        benchmark: a known name, ``NAME=LOCATION``, or a location of jsonl, parquet or CSV files.
        columns: what of a row is an item; of files of one's own its columns count before those of a known benchmark,
            which stand for the file on the Hub.

    Raises:
        ConfigError: if the name is not known, nothing is there, or a row cannot be read or has no text; it names the
            file and the row, counted from 1.
    """
    given, columns = absolute_benchmark(benchmark), columns or ItemColumns()
    name = given if given in PRESETS else _name_and_location(given)[0]
    reader = _Reader(PRESETS.get(name), columns, own=given not in PRESETS)
    for location in locations_of(given):
        files = [file.path for file in list_inputs(resolve_location(location), *BENCHMARK_FILES)]
        for file, part in zip(files, _parts(files), strict=True):
            for number, row in enumerate(_rows(file)):
                called = name or str(row.get("benchmark") or _benchmark_name(file))
                try:
                    yield from reader.items(row, called, f"{part}{number}")
                except ConfigError as error:
                    raise ConfigError(f"{file}: row {number + 1}: {error}") from error


def _name_and_location(given: str) -> tuple[str, str]:
    """What stands before and behind an equals sign; no name if all of it is a location."""
    name, equals, location = given.partition("=")
    return (name, location) if equals and name.strip() and _NO_NAME.isdisjoint(name) else ("", given)


def _rows(file: str) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        for row in parquet_rows(file) if file.endswith(".parquet") else raw_rows(file):
            number += 1
            yield row
    except CurationError as error:  # which names file and line
        raise ConfigError(str(error)) from error
    except (OSError, EOFError, ValueError, pa.ArrowException, csv.Error, zlib.error) as error:
        raise ConfigError(f"{file}: row {number + 1}: cannot be read: {error}") from error


@dataclass(frozen=True)
class _Reader:
    """Makes items of rows; errors do not say of which file and row."""

    preset: Preset | None
    columns: ItemColumns
    own: bool
    """Whether the files are the user's, so that the columns that he names count first."""

    def items(self, row: dict[str, Any], benchmark: str, number: str) -> Iterator[BenchmarkItem]:
        question, identifier = row[self._text_column(row)], self._identifier(row) or number
        choices = _choices(row.get("choices")) if self.columns.choices else ()
        yield BenchmarkItem(benchmark, identifier, "\n".join([question, *choices]))
        if self.columns.answers and (answer := self._answer(row)):
            yield BenchmarkItem(benchmark, f"{identifier}#answer", answer)

    def _answer(self, row: dict[str, Any]) -> str:
        """Empty where there is none in words."""
        if self.preset and not self.preset.answer:
            return ""
        wanted = (self.preset.answer, *_ANSWER_COLUMNS) if self.preset else _ANSWER_COLUMNS
        return next((row[one] for one in wanted if isinstance(row.get(one), str)), "")

    def _text_column(self, row: dict[str, Any]) -> str:
        asked = self.columns.text if self.own else None
        usual = (self.preset.text, *_TEXT_COLUMNS) if self.preset else () if asked else _TEXT_COLUMNS
        wanted = tuple(dict.fromkeys((asked, *usual) if asked else usual))
        there = [name for name in wanted if name in row]
        if not there:
            raise ConfigError(f"none of the columns {', '.join(wanted)}; it has {', '.join(row)}")
        if asked not in row:  # of the usual columns any that has a text will do
            there.sort(key=lambda name: not isinstance(row[name], str))
        if not isinstance(row[there[0]], str):
            kind = "null" if row[there[0]] is None else type(row[there[0]]).__name__
            raise ConfigError(f"column {there[0]!r} is {kind}, expected text")
        return there[0]

    def _identifier(self, row: dict[str, Any]) -> str:
        """Empty where no column names the item; 0 is a name."""
        wanted = (self.columns.id if self.own else None, self.preset.id if self.preset else None, *_ID_COLUMNS)
        found = (row.get(name) for name in wanted if name)
        return next((str(value) for value in found if value is not None and value != ""), "")


def _benchmark_name(path: str) -> str:
    """Of a benchmark that is given without a name: on the Hub the dataset, else how the file is called."""
    parts = _path_parts(path)
    return "/".join(parts[:2]) if _is_on_hub(path) else parts[-1].partition(".")[0]


def _parts(files: Sequence[str]) -> list[str]:
    """What stands before the number of a row, so that it tells the files of a benchmark apart: nothing for one file.

    On the Hub it is the path in the dataset, since there one benchmark may be of several locations.
    """
    if len(files) == 1 and not _is_on_hub(files[0]):
        return [""]
    split = [_path_parts(file) for file in files]
    shared = min(map(len, split)) - 1
    while len({tuple(parts[:shared]) for parts in split}) > 1:
        shared -= 1
    first = 2 if _is_on_hub(files[0]) else shared
    return [f"{_ENDING.sub('', '/'.join(parts[first:]))}:" for parts in split]


def _path_parts(path: str) -> list[str]:
    return path.removeprefix("hf://").removeprefix("datasets/").split("/")


def _is_on_hub(path: str) -> bool:
    return path.startswith("hf://") and len(_path_parts(path)) > 2


def _choices(value: Any) -> Iterator[str]:
    """The texts of choices, however they are nested; a mapping of label and text is its text."""
    if isinstance(value, dict):
        value = [value["text"]] if "text" in value else list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _choices(one)
    elif value is not None:
        yield str(value)
