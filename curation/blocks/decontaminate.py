"""Take items of benchmarks out of a dataset: drop the documents that carry one, or only the passages.

Example: ``Decontaminate(benchmarks=("gsm8k", "math", "mmlu=/data/mmlu.jsonl.gz", "/data/mine.parquet"))``

FineMath's rule: a shared 13-gram makes a candidate, and it is dropped if the longest common subsequence with any
benchmark item that shares one covers at least 0.6 of that item. Every such item is compared, not one of them. How the
texts are read and compared says ``curation.text.overlap``; what an item is, ``curation.blocks.benchmarks``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.benchmarks import BENCHMARK_FILES, ItemColumns, absolute_benchmark, locations_of, read_benchmark
from curation.blocks.step import Documents, Select, Step, plan_value
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import list_inputs
from curation.text.overlap import BenchmarkItem, Measure, Overlap, OverlapIndex
from curation.text.words import tokenise

__all__ = ["BenchmarkStep", "Decontaminate", "read_benchmark"]

CONTAMINATED, EMPTY = "contaminated", "empty_after_masking"
"""Why a document is dropped: for an item in it, or because nothing but items was in it."""
MASKED_COLUMN = "contaminated_with"

_TOLD = ("benchmarks", "ngram", "ratio")


@dataclass(kw_only=True, repr=False)
class BenchmarkStep(Step):
    """A step that reads benchmarks.

    Args:
        benchmarks: names (arc, gsm8k, humaneval, ifeval, math, mbpp, mmlu: their files on the Hub), these or any other
            names with files of one's own (``gsm8k=/data/gsm8k.jsonl``), or any files (jsonl, parquet, CSV; columns id
            and one of text, question, problem, prompt). A file that is called like a benchmark is ``./math``.
        ngram: tokens that must be shared for a comparison.
        min_item_words: an item of fewer tokens than ``ngram``, and at least this many, is found where all of it stands;
            items of fewer still are not looked for, but counted (``unchecked_{benchmark}``) and listed.
        item_column: the column of other files that holds the item; None to look for the usual names.
        id_column: the column that names an item; None for id, task_id or key, or the number of the row.
        answers: whether an answer is an item of its own. Off, since the published rule does not say and clean pages
            share short worked answers.
        choices: whether choices belong to the question.
    """

    benchmarks: tuple[str, ...]
    ngram: int = 13
    min_item_words: int = 8
    item_column: str | None = None
    id_column: str | None = None
    answers: bool = False
    choices: bool = True

    def __post_init__(self) -> None:
        self.benchmarks = tuple(map(absolute_benchmark, self.benchmarks))
        if self.ngram < 1 or self.min_item_words < 1:
            raise ConfigError(
                f"decontamination: ngram and min_item_words start at 1, got {self.ngram} and {self.min_item_words}"
            )
        super().__post_init__()

    @property
    def columns(self) -> ItemColumns:
        """What of a benchmark's row is an item."""
        return ItemColumns(text=self.item_column, id=self.id_column, answers=self.answers, choices=self.choices)

    def inputs(self) -> list[str]:
        """The benchmark files."""
        return [location for benchmark in self.benchmarks for location in locations_of(benchmark)]

    def check(self) -> None:
        """The benchmarks must be readable to their ends and hold items."""
        for benchmark in self.benchmarks:
            if not sum(1 for _ in read_benchmark(benchmark, self.columns)):
                raise ConfigError(f"benchmark {benchmark}: no items")

    def items(self) -> Iterator[BenchmarkItem]:
        """The items of all benchmarks."""
        for benchmark in self.benchmarks:
            yield from read_benchmark(benchmark, self.columns)


@dataclass(kw_only=True, repr=False)
class Decontaminate(BenchmarkStep, Select):
    """Drop contaminated documents, with benchmark, item, n-gram, ratio and the passage as evidence; or mask passages.

    A masked document keeps its other columns, also those counted from the text as it was, and says in
    ``contaminated_with`` (JSON: benchmark, id, ratio, passage) what was taken out; where nothing was it says null, also
    if an earlier run said more. A document of which masking leaves nothing is dropped with its text as it was.

    Args:
        ratio: longest common subsequence over the item's tokens from which on a document is dropped.
        measure: ``lcs``, or ``greedy``: that of cosmopedia's script over the whole page, which drops above its ratio.
        action: ``drop`` the document, or ``mask`` each passage and keep it.
        mask_text: what stands in place of a passage.
    """

    version: ClassVar[int] = 2
    evidence: ClassVar[dict[str, pa.DataType]] = {
        "benchmark": pa.string(),
        "benchmark_id": pa.string(),
        "benchmark_text": pa.string(),
        "ngram": pa.string(),
        "overlap_ratio": pa.float64(),
        "matched": pa.string(),
        "passage": pa.string(),
    }

    ratio: float = 0.6
    measure: Measure = "lcs"
    action: Literal["drop", "mask"] = "drop"
    mask_text: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._versions: tuple[str, ...] | None = None
        if self.action not in ("drop", "mask"):
            raise ConfigError(f"decontamination: action is drop or mask, got {self.action!r}")
        if self.measure not in ("lcs", "greedy"):
            raise ConfigError(f"decontamination: measure is lcs or greedy, got {self.measure!r}")
        if not 0 < self.ratio <= 1:
            raise ConfigError(f"decontamination: expected a ratio above 0 and up to 1, got {self.ratio}")
        most = min(self.ngram, self.min_item_words) - 1
        if len(tokenise(self.mask_text)) > most:  # or masking might make what it masks
            raise ConfigError(f"decontamination: mask_text may have {most} words, got {self.mask_text!r}")

    def __repr__(self) -> str:
        """For the plan: benchmarks and the two published numbers, and what is not at its default."""
        fields = {field.name: field.default for field in dataclasses.fields(self)}
        told = [name for name in fields if name in _TOLD or getattr(self, name) != fields[name]]
        shown = [f"{name}={plan_value(getattr(self, name))}" for name in sorted(told, key=_order)]
        return f"{type(self).__name__}({', '.join(shown)})"

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """With what was masked, if passages are."""
        added = {MASKED_COLUMN: pa.string()} if self.action == "mask" else {}
        return super().schema(columns) | added

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents without an item, or with every item masked; the first shard counts the unchecked items."""
        self._versions = _versions_of(self.benchmarks)
        if rank == 0:
            for benchmark, number in sorted(self._index().too_short.items()):
                self.count(f"unchecked_{benchmark}", number)
        if self.action == "drop":
            yield from super().run(data, rank, world_size)
            return
        for doc in data or ():
            text = doc.text
            found, passages = self.mask(doc)
            doc.metadata[MASKED_COLUMN] = None  # what an earlier run found is none of this one's
            if found and not tokenise(doc.text.replace(self.mask_text, " ") if self.mask_text else doc.text):
                doc.text = text
                self.drop(doc, EMPTY, rank, **_evidence(max(found, key=lambda one: one.ratio)))
                continue
            if found:
                doc.metadata[MASKED_COLUMN] = json.dumps([_entry(one) for one in found], ensure_ascii=False)
                self.count("masked_documents")
                self.count("masked_passages", passages)
            self.stat_update("total", "forwarded")
            yield doc

    def reason(self, doc: Document) -> str | None:
        """By the overlap of the highest ratio."""
        found = self._index().first_contaminating(doc.text)
        if found is None:
            return None
        doc.metadata |= _evidence(found)
        return CONTAMINATED

    def mask(self, doc: Document) -> tuple[list[Overlap], int]:
        """Take every item out of a document's text; what was found, and how many passages that were.

        The text is looked at until nothing is found. Each time it loses more words than it is given, so this ends.
        """
        index, masked, passages = self._index(), list[Overlap](), 0
        while found := index.contaminating(doc.text):
            spans = _spans(found)
            doc.text = _without(doc.text, spans, self.mask_text)
            masked += found
            passages += len(spans)
        return masked, passages

    def _index(self) -> OverlapIndex:
        if self._versions is None:
            self._versions = _versions_of(self.benchmarks)
        settings = (self.columns, self.ngram, self.ratio, self.min_item_words, self.measure)
        return _index_of(self.benchmarks, self._versions, *settings)


def _order(name: str) -> tuple[int, str]:
    return (_TOLD.index(name) if name in _TOLD else len(_TOLD), name)


def _spans(found: Sequence[Overlap]) -> list[tuple[int, int]]:
    """From where to where something was found, what overlaps taken together; found in the order of the text."""
    spans: list[tuple[int, int]] = []
    for one in found:
        if spans and one.begin < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], one.end))
        else:
            spans.append((one.begin, one.end))
    return spans


def _without(text: str, spans: Sequence[tuple[int, int]], mask: str) -> str:
    begins, ends = [begin for begin, _ in spans], [end for _, end in spans]
    return mask.join(text[begin:end] for begin, end in zip([0, *ends], [*begins, len(text)], strict=True))


def _evidence(found: Overlap) -> dict[str, Any]:
    return {
        "benchmark": found.benchmark,
        "benchmark_id": found.item_id,
        "benchmark_text": found.item_text,
        "ngram": found.ngram,
        "overlap_ratio": found.ratio,
        "matched": found.matched,
        "passage": found.passage,
    }


def _entry(found: Overlap) -> dict[str, Any]:
    return {"benchmark": found.benchmark, "id": found.item_id, "ratio": found.ratio, "passage": found.passage}


def _versions_of(benchmarks: Sequence[str]) -> tuple[str, ...]:
    """What tells the contents of local files apart: path, size and time of change; of remote ones nothing is asked."""
    locations = [resolve_location(one) for benchmark in benchmarks for one in locations_of(benchmark)]
    files = [file.path for one in locations if "://" not in one for file in list_inputs(one, *BENCHMARK_FILES)]
    stats = [(file, Path(file).stat()) for file in files]
    return tuple(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in stats)


@lru_cache(maxsize=2)
def _index_of(
    benchmarks: tuple[str, ...],
    versions: tuple[str, ...],  # only so that an index of files that have changed since is not taken
    columns: ItemColumns,
    ngram: int,
    ratio: float,
    shortest: int,
    measure: Measure,
) -> OverlapIndex:
    items = (item for one in benchmarks for item in read_benchmark(one, columns))
    return OverlapIndex(items, ngram, ratio, shortest, measure)
