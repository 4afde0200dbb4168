"""The documents that the judge is asked about.

Example: ``DrawSample(size=1000, balance="int_score")`` in a stage that gathers. Only the columns that decide are read
for the draw; the documents drawn are read afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document

from curation.annotation.judge import judge_identity, open_judge
from curation.annotation.replay import ReplayJudge
from curation.annotation.sample import draw
from curation.blocks.read import read_files
from curation.blocks.step import Documents, Step
from curation.content import absolute_location
from curation.errors import ConfigError, CurationError
from curation.folder import open_input


@dataclass(kw_only=True, repr=False)
class DrawSample(Step):
    """Draw documents by the hash of their id, so that neither order nor number of workers counts.

    Args:
        size: how many; all, where there are no more. None for all.
        balance: a column of integers that is to be balanced, such as the first pass's ``int_score``; a column that the
            input has not is counted as ``not_balanced``.
        seed: another seed draws another sample.
        replay_only: a ``replay:`` judge; only documents with a recorded reply can be drawn.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"sample_weight": pa.float64()}

    size: int | None
    balance: str | None = None
    seed: int = 0
    replay_only: str | None = None
    files: tuple[str, ...] = field(default=(), metadata={"identity": False})
    mapping: Mapping[str, str] = field(default_factory=dict, metadata={"identity": False})

    def __post_init__(self) -> None:
        if self.replay_only is not None:
            kind, _, path = self.replay_only.partition(":")
            self.replay_only = f"{kind}:{absolute_location(path)}"
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Of recorded replies the content counts, not the place."""
        replies = judge_identity(self.replay_only) if self.replay_only else None
        return super().identity() | {"replay_only": replies}

    def check(self) -> None:
        """The recorded replies must be there."""
        if self.replay_only is not None:
            _replay(self.replay_only).check()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Draw from ``files``, or, outside a recipe, from the documents given."""
        if not self.files and data is not None:
            docs = list(data)
            rows = [{"id": doc.id, **doc.metadata} for doc in docs]
            chosen = self._draw(rows)
            yield from (self._weighted(docs[row], weight) for row, weight in chosen.items())
            return
        rows = list(self._light_rows())
        self.count("documents_read", len(rows))
        chosen = self._draw(rows)
        for row, doc in enumerate(self._all_rows(rank)):
            if row in chosen:
                yield self._weighted(doc, chosen[row])

    def _all_rows(self, rank: int) -> Iterator[Document]:
        def reject(doc: Document, reason: str) -> None:
            self.count("documents_read")
            self.drop(doc, reason, rank)

        skipped: Counter[str] = Counter()
        yield from read_files(self.files, self.mapping, reject, skipped)
        for kind, number in skipped.items():
            self.count(f"records_skipped_{kind}", number)

    def _weighted(self, doc: Any, weight: float) -> Any:
        doc.metadata["sample_weight"] = weight
        return doc

    def _draw(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, float]:
        pool = list(range(len(rows)))
        if self.replay_only is not None:
            judge = _replay(self.replay_only)
            pool = [row for row in pool if judge.has(str(rows[row]["id"]), rows[row].get("url"))]
            self.count("without_recorded_reply_left_out", len(rows) - len(pool))
        strata = None
        if self.balance is not None:
            if any(rows[row].get(self.balance) is not None for row in pool):
                strata = [rows[row].get(self.balance) for row in pool]
            else:
                self.count("not_balanced", len(pool))
        size = len(pool) if self.size is None else self.size
        drawn, weights = draw([str(rows[row]["id"]) for row in pool], size, strata=strata, seed=self.seed)
        self.count("not_drawn", len(pool) - len(drawn))
        return {pool[int(row)]: float(weight) for row, weight in zip(drawn, weights, strict=True)}

    def _light_rows(self) -> Iterator[dict[str, Any]]:
        wanted = [name for name in ("id", "url", self.balance) if name]
        for file in self.files:
            # Rows without text are skipped by the reader and must not count here; no file of ours has such rows.
            if not file.endswith(".parquet") or self.mapping or not all_have_text(file):
                for doc in read_files([file], self.mapping):
                    yield {"id": doc.id, **{name: doc.metadata.get(name) for name in wanted[1:]}}
                continue
            with open_input(file) as stream:
                table = pq.ParquetFile(stream)
                columns = [name for name in wanted if name in table.schema_arrow.names]
                if "id" not in columns:
                    raise CurationError(f"{file}: no column id to draw by")
                for batch in table.iter_batches(columns=columns):
                    yield from batch.to_pylist()


def all_have_text(file: str) -> bool:
    """Whether a parquet file says in its footer that no text is null."""
    with open_input(file) as stream:
        footer = pq.read_metadata(stream)
    for group in (footer.row_group(number) for number in range(footer.num_row_groups)):
        for column in (group.column(number) for number in range(group.num_columns)):
            statistics = column.statistics
            if column.path_in_schema == "text" and (statistics is None or statistics.null_count != 0):
                return False
    return True


def _replay(location: str) -> ReplayJudge:
    judge = open_judge(location)
    if not isinstance(judge, ReplayJudge):
        raise ConfigError(f"replay_only needs a judge replay:FILE, got {location}")
    return judge
