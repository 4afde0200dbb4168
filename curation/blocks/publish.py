"""The last stage: documents in the published columns, one folder of parquet for each configuration, and the card.

Example: ``PublishRows(columns="finemath", configs=("finemath-3plus", "finemath-4plus"), thresholds=(3, 4), cut=...)``

``{output}/publish/data`` is the dataset: ``datasets.load_dataset(".../publish/data", "finemath-4plus")``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.card import Judged, dataset_card
from curation.blocks.label_report import read_report
from curation.blocks.select import Cut, passes
from curation.blocks.step import Documents, Step
from curation.blocks.write import RowWriter
from curation.errors import ConfigError
from curation.folder import Folder
from curation.recipe import RunContext

FINEMATH_COLUMNS: dict[str, pa.DataType] = {
    "url": pa.string(),
    "fetch_time": pa.int64(),
    "content_mime_type": pa.string(),
    "warc_filename": pa.string(),
    "warc_record_offset": pa.int32(),
    "warc_record_length": pa.int32(),
    "text": pa.string(),
    "token_count": pa.int32(),
    "char_count": pa.int32(),
    "metadata": pa.string(),
    "score": pa.float64(),
    "int_score": pa.int64(),
    "crawl": pa.string(),
    "snapshot_type": pa.string(),
    "language": pa.string(),
    "language_score": pa.float64(),
}
"""The columns of HuggingFaceTB/finemath, in its order and with its types."""

PUBLISHED = {"finemath": FINEMATH_COLUMNS}

ANNOTATION_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "url": pa.string(),
    "text": pa.string(),
    "prompt": pa.string(),
    "prompt_digest": pa.string(),
    "judge": pa.string(),
    "reply": pa.string(),
    "label": pa.int32(),
    "label_reason": pa.string(),
    "sample_weight": pa.float64(),
}
FURTHER_COLUMNS: dict[str, pa.DataType] = {
    "expected_label": pa.float64(),
    "further_labels": pa.list_(pa.int32()),
    "further_replies": pa.list_(pa.string()),
    "further_judges": pa.list_(pa.string()),
}
"""Published beside `ANNOTATION_COLUMNS` where the judge was asked for them."""

CONTAMINATION_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "url": pa.string(),
    "benchmark": pa.string(),
    "benchmark_id": pa.string(),
    "benchmark_text": pa.string(),
    "ngram": pa.string(),
    "overlap_ratio": pa.float64(),
    "matched": pa.string(),
    "passage": pa.string(),
}


@dataclass(kw_only=True, repr=False)
class PublishRows(Step):
    """Bring documents into the published columns and send each to the configurations whose threshold it reaches.

    Args:
        columns: whose columns, a key of `PUBLISHED`.
        configs: names of the configurations.
        thresholds: for each, the score from which on a document belongs to it.
        cut: see `curation.blocks.select.KeepScore`.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    columns: str
    configs: tuple[str, ...]
    thresholds: tuple[int, ...]
    cut: Cut

    def __post_init__(self) -> None:
        if self.columns not in PUBLISHED:
            raise ConfigError(f"publish: unknown columns {self.columns!r} (known are {', '.join(PUBLISHED)})")
        self._routes: list[str] = []
        super().__post_init__()

    @property
    def routes(self) -> tuple[str, ...]:
        """Folders below ``data/``."""
        return self.configs

    def route(self, doc: Document) -> list[str]:
        """The configurations of the document that was given last."""
        return self._routes

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The published columns and no other."""
        return PUBLISHED[self.columns]

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Documents that reach no threshold are dropped, as ``below_threshold``."""
        names = PUBLISHED[self.columns]
        for doc in data or ():
            pairs = zip(self.configs, self.thresholds, strict=True)
            self._routes = [name for name, least in pairs if passes(doc.metadata, least, self.cut)]
            if not self._routes:
                self.drop(doc, "below_threshold", rank)
                continue
            for name in self._routes:
                self.count(name)
            doc.metadata = {name: value for name, value in doc.metadata.items() if name in names}
            yield doc


@dataclass(kw_only=True, repr=False)
class PublishCard(Step):
    """The finishing step: annotations, contamination report and README.md beside the configurations.

    Args:
        dataset: its name.
        configs: as of `PublishRows`.
        thresholds: as of `PublishRows`.
        cut: as of `PublishRows`.
        licence: an SPDX-like licence name of the Hub.
        annotations: folders that `Annotate` wrote.
        models: folders of the classifiers, or what was given in their place.
        domains: the folder that `ListDomains` wrote.
        contaminated: the ``removed`` folder of the decontamination.
        duplicates: the ``removed`` folder of the deduplication.
    """

    version: ClassVar[int] = 3

    dataset: str
    configs: tuple[str, ...]
    thresholds: tuple[int, ...]
    cut: Cut
    licence: str
    annotations: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    domains: str | None = None
    contaminated: str | None = None
    duplicates: str | None = None

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Write the rest of the dataset's folder."""
        folder = Folder(context.folder)
        configs = list(self.configs)
        judged = [_judged(one) for one in self.annotations]
        pairs = zip(self.annotations, judged, strict=True)
        shown = (_annotation(row, one.counted) for location, one in pairs for row in rows_of(location))
        if _write(folder, "data/annotations/train-00000.parquet", shown, _annotation_columns(self.annotations)):
            configs.append("annotations")
        found = rows_of(self.contaminated) if self.contaminated else iter(())
        hits = (row for row in found if row.get("reason") == "contaminated")
        removed = _write(folder, "data/contamination/train-00000.parquet", hits, CONTAMINATION_COLUMNS)
        if removed:
            configs.append("contamination")
        domains = list(rows_of(self.domains)) if self.domains else []
        card = dataset_card(self, context, configs, judged, domains, removed)
        folder.write_bytes("data/README.md", card.encode())


def _judged(location: str) -> Judged:
    """The stage whose ``data`` this is, with its report."""
    stage = location.rstrip("/").removesuffix("/data")
    return Judged(stage.rsplit("/", 1)[-1], read_report(Folder(stage)))


def _annotation_columns(locations: Sequence[str]) -> dict[str, pa.DataType]:
    there: set[str] = set()
    for folder in map(Folder, locations):
        for name in folder.list_files("", ".parquet")[:1]:  # all files of a stage have one schema
            with folder.open(name) as file:
                there |= set(pq.read_schema(file).names)
    return ANNOTATION_COLUMNS | {name: kind for name, kind in FURTHER_COLUMNS.items() if name in there}


def _annotation(row: dict[str, Any], judged: dict[str, Counter[str]]) -> dict[str, Any]:
    """A row of the annotations as published; counts its label by judge and prompt."""
    who = f"{row['judge']} with {row['prompt']}"
    label = row["label_reason"] if row["label"] is None else f"label {row['label']}"
    judged.setdefault(who, Counter())[str(label).partition(":")[0]] += 1
    return {**row, "text": row["text_shown"]}


def rows_of(location: str) -> Iterator[dict[str, Any]]:
    """The rows of all parquet files of a folder, in order; none where there is no folder."""
    folder = Folder(location)
    for name in folder.list_files("", ".parquet"):
        with folder.open(name) as file:
            for batch in pq.ParquetFile(file).iter_batches():
                yield from batch.to_pylist()


def _write(folder: Folder, name: str, rows: Iterator[dict[str, Any]], columns: dict[str, pa.DataType]) -> int:
    """Write rows as one file, or none if there are none; returns how many."""
    first = next(rows, None)
    folder.remove(name)
    if first is None:
        return 0
    with folder.create(name) as local:
        writer = RowWriter(local, columns, name, strict=False)
        writer.write_row(first)
        for row in rows:
            writer.write_row(row)
        writer.close()
    return writer.count
