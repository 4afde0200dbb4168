"""Drop documents that carry an item of a benchmark.

Example: ``Decontaminate(benchmarks=("gsm8k.jsonl.gz",), ngram=13, ratio=0.6)``

FineMath's rule: a shared 13-gram makes a candidate, and it is dropped if the longest common subsequence with any
benchmark item that shares one covers at least 0.6 of that item. Every such item is compared, not one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.read import JSON_LINES, TABLES, parquet_rows, raw_rows
from curation.blocks.step import Select
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import list_inputs
from curation.text.overlap import BenchmarkItem, OverlapIndex

_TEXT_COLUMNS = ("text", "question", "problem", "prompt", "ctx", "goal", "input")
_ANSWER_COLUMNS = ("answer", "solution", "canonical_solution", "completion")


@dataclass(kw_only=True, repr=False)
class Decontaminate(Select):
    """Drop contaminated documents, with benchmark, item, n-gram, ratio and the matched words as evidence.

    Args:
        benchmarks: files of items (jsonl, parquet, CSV; columns id and one of text, question, problem, prompt, and
            maybe answer or solution, which is looked for on its own).
        ngram: tokens that must be shared for a comparison.
        ratio: longest common subsequence over the item's tokens from which on a document is dropped.
    """

    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {
        "benchmark": pa.string(),
        "benchmark_id": pa.string(),
        "benchmark_text": pa.string(),
        "ngram": pa.string(),
        "overlap_ratio": pa.float64(),
        "matched": pa.string(),
    }

    benchmarks: tuple[str, ...]
    ngram: int = 13
    ratio: float = 0.6

    def __post_init__(self) -> None:
        self.benchmarks = tuple(map(absolute_location, self.benchmarks))
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The benchmark files."""
        return list(self.benchmarks)

    def check(self) -> None:
        """The benchmarks must be readable and hold items."""
        for benchmark in self.benchmarks:
            if next(read_benchmark(benchmark), None) is None:
                raise ConfigError(f"benchmark {benchmark}: no items")

    def reason(self, doc: Document) -> str | None:
        """By the overlap of the highest ratio."""
        found = _index(self.benchmarks, self.ngram, self.ratio).first_contaminating(doc.text)
        if found is None:
            return None
        doc.metadata |= {
            "benchmark": found.benchmark,
            "benchmark_id": found.item_id,
            "benchmark_text": found.item_text,
            "ngram": found.ngram,
            "overlap_ratio": found.ratio,
            "matched": found.matched,
        }
        return "contaminated"


def read_benchmark(location: str) -> Iterator[BenchmarkItem]:
    """The items of a benchmark's files; a question and its answer are two items.

    Raises:
        ConfigError: if a file has no column of text.
    """
    for file in list_inputs(resolve_location(location), (".parquet",), JSON_LINES, TABLES):
        stem, part = _benchmark_name(file.path)
        rows = parquet_rows(file.path) if file.path.endswith(".parquet") else raw_rows(file.path)
        for number, row in enumerate(rows):
            column = next((name for name in _TEXT_COLUMNS if isinstance(row.get(name), str)), None)
            if column is None:
                raise ConfigError(
                    f"{file.path}: none of the columns {', '.join(_TEXT_COLUMNS)}; it has {', '.join(row)}"
                )
            benchmark, identifier = str(row.get("benchmark") or stem), str(row.get("id") or f"{part}{number}")
            yield BenchmarkItem(benchmark, identifier, _with_choices(row[column], row))
            answer = next((row[name] for name in _ANSWER_COLUMNS if isinstance(row.get(name), str)), "")
            if answer:
                yield BenchmarkItem(benchmark, f"{identifier}#answer", answer)


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


@lru_cache(maxsize=2)
def _index(benchmarks: tuple[str, ...], ngram: int, ratio: float) -> OverlapIndex:
    return OverlapIndex((item for one in benchmarks for item in read_benchmark(one)), ngram, ratio)
