"""What a classifier said of judged documents that it had not learned from; every figure and every cut is of these.

Example: ``held_out.nested(choose)`` is, for each document, the cut that ``choose`` found without it, and
``HeldOut.read("classifier/held_out.parquet")`` reads back what `Classifier.save` wrote, so that a cut can be chosen
later, without labels, texts or training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Choose = Callable[[Floats, Floats, Floats], float]


@dataclass(frozen=True, eq=False, kw_only=True)
class HeldOut:
    """Of n judged documents, in input order.

    Attributes:
        ids: of the documents; "" where they have none.
        labels: the judge's, (n,).
        further: another reading of the judge or of a second one, (n,); NaN where there is none.
        weights: inverse sampling rates, (n,); a sum of them estimates a number of documents of the corpus.
        members: the group (domain, repository) of each document as a number from 0, (n,); figures resample groups.
        folds: the part in which a document was held out, (n,). Parts from ``inner.shape[1]`` on only serve to choose
            cuts: no figure is of them.
        scores: raw, by a head that did not see the document's part, (n,).
        inner: raw scores from which the cut is learned that part k is judged by, (n, parts): entry (i, k) is by a head
            that saw neither document i nor part k; NaN where i is of part k.
    """

    ids: tuple[str, ...]
    labels: Floats
    further: Floats
    weights: Floats
    members: NDArray[np.int64]
    folds: NDArray[np.int64]
    scores: Floats
    inner: Floats

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def parts(self) -> int:
        """How many parts figures are of."""
        return int(self.inner.shape[1])

    @property
    def tested(self) -> HeldOut:
        """The documents that figures are of."""
        return self if self.folds.max(initial=0) < self.parts else self.some(self.folds < self.parts)

    def some(self, mask: Mask) -> HeldOut:
        """The documents of a mask (n,)."""
        rows = np.flatnonzero(mask)
        arrays = {field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name != "ids"}
        return HeldOut(ids=tuple(self.ids[row] for row in rows), **arrays)

    def each_part(self) -> Iterator[tuple[Mask, Mask]]:
        """For each part: which documents are of it, (n,), and from which ones its cut is learned, (n,)."""
        for part in range(self.parts):
            yield self.folds == part, np.isfinite(self.inner[:, part])

    def nested(self, choose: Choose) -> Floats:
        """The raw cut (n,) that each document is judged by; NaN for documents that no figure is of.

        Args:
            choose: ``choose(scores, labels, weights)`` gives a raw cut.
        """
        cuts = np.full(len(self), np.nan)
        for part, (out, rest) in enumerate(self.each_part()):
            cuts[out] = choose(self.inner[rest, part], self.labels[rest], self.weights[rest])
        return cuts

    def write(self, path: str | Path) -> None:
        """Writes a parquet file of one row per document, without any text."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        inner = pa.FixedSizeListArray.from_arrays(pa.array(columns.pop("inner").ravel(), pa.float64()), self.parts)
        ids = pa.array(columns.pop("ids"), pa.string())
        table = {"id": ids, **{name: pa.array(values) for name, values in columns.items()}, "inner": inner}
        pq.write_table(pa.table(table), path, compression="zstd")

    @classmethod
    def read(cls, path: str | Path) -> HeldOut:
        """What `write` wrote."""
        table = pq.read_table(path)
        inner = table["inner"].combine_chunks()
        arrays = {name: table[name].to_numpy() for name in table.column_names if name not in ("id", "inner")}
        return cls(
            ids=tuple(table["id"].to_pylist()),
            inner=inner.flatten().to_numpy(zero_copy_only=False).reshape(len(table), inner.type.list_size),
            **arrays,
        )
