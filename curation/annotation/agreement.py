"""How far two readings of the same documents agree: judge with judge, judge with hand labels.

    agreement([3, 4, 0], [3, 5, 0], Scale(0, 5))
    # {"n": 3, "exact": 0.667, "within_one": 1.0, "kappa": 0.944…, "f1": {1: 1.0, …, 5: 0.0}}
    agreement_of(confusion([3, 4, 0], [3, 5, 0], Scale(0, 5)), Scale(0, 5)).kappa  # Estimate(0.944…, 0.83…, 1.0)

A judge's agreement with itself is the ceiling for any classifier that learns from it. All figures follow from the table
of counts by both labels, so that millions of readings take the memory of a table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.estimate import Estimate, kappa_of
from curation.report import markdown_table
from curation.scale import Scale

Table = npt.NDArray[np.float64]

_BOOTSTRAPS = 1000
_Z = 1.959964  # of 95 %, two-sided

METHOD = (
    "Intervals are of 95 %: Wilson's for shares and for F1 (by the overlap of the two selections), a bootstrap over "
    "documents for kappa. A document read more than twice counts once for their width; weighted documents count as "
    "many as Kish's effective number says."
)
"""How the intervals are made, for reports. Sources: Wilson 1927, Kish 1965, Efron 1979."""


@dataclass(frozen=True)
class Agreement:
    """How far two readings agree.

    Attributes:
        documents: how many were read twice.
        pairs: pairs of readings; more than documents where these were read more often.
        scale: lowest and highest label.
        exact: share of pairs with the same label.
        within_one: share of pairs at most one apart.
        kappa: Cohen's, quadratic weights.
        f1: threshold -> F1 of "label >= threshold", None where neither reading has such a label.
        table: counts by both labels, shape (labels, labels); rows are the reference, or the earlier reading.
    """

    documents: int
    pairs: int
    scale: tuple[int, int]
    exact: Estimate
    within_one: Estimate
    kappa: Estimate
    f1: dict[int, Estimate | None]
    table: tuple[tuple[float, ...], ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Agreement:
        """From what ``dataclasses.asdict`` and JSON made of one."""
        estimates = {key: Estimate(**values[key]) for key in ("exact", "within_one", "kappa")}
        f1 = {int(threshold): Estimate(**one) if one else None for threshold, one in values["f1"].items()}
        table = tuple(tuple(row) for row in values["table"])
        return cls(**{**values, **estimates, "scale": tuple(values["scale"]), "f1": f1, "table": table})

    def selected(self, threshold: int) -> tuple[float, float, float]:
        """How much reaches ``threshold`` in both readings, in the row's alone and in the column's alone."""
        cut, table = threshold - self.scale[0], np.asarray(self.table)
        return float(table[cut:, cut:].sum()), float(table[cut:, :cut].sum()), float(table[:cut, cut:].sum())

    def figures_markdown(self) -> str:
        """Exact, within one and kappa as a table."""
        names = (
            ("the same label", self.exact),
            ("at most one apart", self.within_one),
            ("quadratic kappa", self.kappa),
        )
        return markdown_table(["agreement", "value (95 %)"], [[name, str(one)] for name, one in names])

    def table_markdown(self, rows: str, columns: str) -> str:
        """The table of counts, with what its rows and columns are."""
        labels = range(self.scale[0], self.scale[1] + 1)
        cells = [
            [f"**{label}**", *(int(n) if float(n).is_integer() else round(n, 1) for n in row)]
            for label, row in zip(labels, self.table, strict=True)
        ]
        return f"Rows: {rows}; columns: {columns}.\n\n" + markdown_table(["", *map(str, labels)], cells)


def confusion(a: Sequence[int], b: Sequence[int], scale: Scale, weights: Sequence[float] | None = None) -> Table:
    """Counts by label of ``a`` (rows) and of ``b`` (columns), or sums of ``weights``; shape (labels, labels).

    Raises:
        ValueError: as for `quadratic_kappa`.
    """
    left, right = _labels(a, b, scale)
    table = empty_table(scale)
    np.add.at(table, (left - scale.low, right - scale.low), 1.0 if weights is None else np.asarray(weights, np.float64))
    return table


def empty_table(scale: Scale) -> Table:
    """A table of no pairs, to be counted into."""
    size = scale.high - scale.low + 1
    return np.zeros((size, size))


def agreement_of(
    table: Table, scale: Scale, *, documents: int | None = None, effective: float | None = None
) -> Agreement:
    """Agreement with intervals, from a table of counts or of weights.

    Args:
        table: from `confusion`, shape (labels, labels).
        scale: of both readings.
        documents: how many stand behind it, where these are fewer than its sum (read more than twice) or its sum is one
            of weights.
        effective: how many equally weighted documents would say as much, (Σw)² / Σw²; by default ``documents``.

    Raises:
        ValueError: if the table is empty.
    """
    total = float(table.sum())
    if not total > 0:
        raise ValueError("expected two readings of the same documents, got an empty table")
    documents = round(total) if documents is None else documents
    number = float(documents if effective is None else effective)
    exact, within_one = _shares(table)
    return Agreement(
        documents=documents,
        pairs=documents if effective is not None else round(total),
        scale=(scale.low, scale.high),
        exact=_share(exact, number),
        within_one=_share(within_one, number),
        kappa=_bootstrapped_kappa(table / total, number),
        f1={threshold: _f1_estimate(table, threshold - scale.low, number) for threshold in scale.thresholds},
        table=tuple(tuple(round(float(cell), 4) for cell in row) for row in table),
    )


def quadratic_kappa(a: Sequence[int], b: Sequence[int], scale: Scale) -> float:
    """Cohen's kappa with quadratic weights (Cohen 1968): 1 is full agreement, 0 what chance gives.

    Where all labels of both are one and the same, chance cannot be told from agreement and the value is 1.

    Raises:
        ValueError: if the two are empty, of different length, or hold a label that is not on the scale.
    """
    return float(kappa_of(confusion(a, b, scale)))


def agreement(a: Sequence[int], b: Sequence[int], scale: Scale) -> dict[str, Any]:
    """Agreement of ``b`` with the reference ``a``, without intervals.

    Returns:
        ``n``, ``exact`` and ``within_one`` (shares), ``kappa`` (quadratic), and ``f1``: threshold -> F1 of "label >=
        threshold", None where neither has such a label.

    Raises:
        ValueError: as for `quadratic_kappa`.
    """
    table = confusion(a, b, scale)
    exact, within_one = _shares(table)
    overlaps = {threshold: _overlap(table, threshold - scale.low) for threshold in scale.thresholds}
    f1 = {t: 2 * both / (both + either) if either else None for t, (both, either) in overlaps.items()}
    return {"n": len(a), "exact": exact, "within_one": within_one, "kappa": float(kappa_of(table)), "f1": f1}


class Largest:
    """The rows with the largest figure of any number of rows, in bounded memory; ties in the order of their ids.

    Example: ``apart = Largest(200); apart.add(3, "doc1", {...}); list(apart)``
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._rows: list[tuple[float, str, Any]] = []

    def add(self, size: float, identifier: str, row: Any) -> None:
        """Consider a row."""
        self._rows.append((-size, identifier, row))
        if len(self._rows) >= 2 * self.most:
            self._cut()

    def __iter__(self) -> Iterator[Any]:
        self._cut()
        return iter([row for _, _, row in self._rows])

    def _cut(self) -> None:
        self._rows = sorted(self._rows, key=lambda one: one[:2])[: self.most]


def _shares(table: Table) -> tuple[float, float]:
    total = float(table.sum())
    near = sum(float(np.trace(table, offset)) for offset in (-1, 0, 1))
    return float(np.trace(table)) / total, near / total


def _bootstrapped_kappa(shares: Table, number: float) -> Estimate:
    # Drawing documents with replacement is drawing a table from the multinomial distribution of its cells.
    drawn = np.random.default_rng(0).multinomial(max(1, round(number)), shares.ravel(), size=_BOOTSTRAPS)
    low, high = np.quantile(kappa_of(drawn.reshape(-1, *shares.shape).astype(np.float64)), (0.025, 0.975))
    return _rounded(float(kappa_of(shares)), float(low), float(high))


def _overlap(table: Table, cut: int) -> tuple[float, float]:
    """How much both select, and how much at least one of them does."""
    return float(table[cut:, cut:].sum()), float(table.sum() - table[:cut, :cut].sum())


def _f1_estimate(table: Table, cut: int, number: float) -> Estimate | None:
    """F1 is a rising function of the overlap's share of what either selects, 2J / (1 + J), and so are its bounds."""
    both, either = _overlap(table, cut)
    if not either > 0:
        return None
    share = _share(both / either, number * either / float(table.sum()))
    return _rounded(*(2 * one / (1 + one) for one in (both / either, share.low, share.high)))


def _share(share: float, number: float) -> Estimate:
    """A share with Wilson's interval."""
    whole = 1 + _Z**2 / number
    centre = share + _Z**2 / (2 * number)
    spread = _Z * math.sqrt(share * (1 - share) / number + _Z**2 / (4 * number**2))
    return _rounded(share, max(0.0, (centre - spread) / whole), min(1.0, (centre + spread) / whole))


def _rounded(value: float, low: float, high: float) -> Estimate:
    return Estimate(round(value, 4), round(low, 4), round(high, 4))


def _labels(a: Sequence[int], b: Sequence[int], scale: Scale) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    if len(a) != len(b) or not len(a):
        raise ValueError(f"expected two readings of the same documents, got {len(a)} and {len(b)} labels")
    both = np.asarray([a, b], dtype=np.float64)
    # Written so that NaN, which compares with nothing, is wrong, too.
    wrong = both[~((both >= scale.low) & (both <= scale.high) & (both == np.round(both)))]
    if len(wrong):
        raise ValueError(f"label {wrong[0]:g} is not on the scale {scale.low} to {scale.high}")
    left, right = both.astype(np.int64)
    return left, right
