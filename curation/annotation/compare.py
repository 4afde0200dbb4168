"""A judge beside labels of your own: how far it agrees with them, and where it does not.

    tally = ComparisonTally(Scale(0, 5), hand_labels)
    for row in rows:  # of the stage `annotate`
        tally.add(row)
    print(tally.comparison("labels.csv").to_markdown())

The hand label is the reference: precision is the share of what the judge selects that you would select, too, recall the
share of what you would select that the judge does.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curation.annotation.agreement import METHOD, Agreement, Largest, Table, agreement_of, empty_table
from curation.annotation.label_markdown import percent
from curation.report import markdown_table
from curation.scale import Scale

MOST_APART = 200
"""How many documents with different labels are kept."""

_SHOWN = 10
_FEW = 100


@dataclass(frozen=True, slots=True)
class HandLabel:
    """A label of your own, with what its document is found by."""

    id: str | None
    url: str | None
    label: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A document on which judge and hand differ."""

    id: str
    url: str | None
    hand: int
    judge: int
    reply: str | None
    text_shown: str | None


@dataclass(frozen=True, kw_only=True)
class LabelComparison:
    """Agreement of a judge's labels with hand labels.

    Attributes:
        labels: where the hand labels come from.
        judge: who gave the others.
        hand_labels: labels in the file.
        blank: its rows without a label.
        repeated: its rows for a document that had one before; the first counts.
        unmatched: labels whose document the judge was not asked about.
        unlabelled: documents with a hand label on which the judge gave none.
        agreement: documents as they are in the file; rows of its table are hand labels.
        weighted: by ``sample_weight``, as in what the sample stands for; None where all weigh the same.
        bias: mean of judge minus hand; above 0 the judge is more generous.
        weighted_bias: the same, weighted.
        mean_difference: mean of the absolute difference.
        apart: documents with different labels, largest difference first, ties by id.
    """

    labels: str
    judge: str
    hand_labels: int
    blank: int
    repeated: int
    unmatched: int
    unlabelled: int
    agreement: Agreement
    weighted: Agreement | None
    bias: float
    weighted_bias: float | None
    mean_difference: float
    apart: tuple[Difference, ...]

    def to_json(self) -> str:
        """The comparison as JSON text, without the documents of `apart`."""
        values = dataclasses.asdict(dataclasses.replace(self, apart=()))
        del values["apart"]
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """The comparison for a person to read."""
        parts = [f"# `{self.judge}` beside hand labels of `{self.labels}`", self._summary(), *self._notes()]
        parts += ["## Agreement", self.agreement.figures_markdown(), self._bias(), _thresholds(self.agreement)]
        parts += ["## Labels", self.agreement.table_markdown("hand labels", "the judge's")]
        if self.weighted is not None:
            parts += [
                "## As in what the sample stands for",
                "The same documents, weighted by `sample_weight`; what is selected is given in sums of weights.",
                self.weighted.figures_markdown(),
                _thresholds(self.weighted),
            ]
        parts += ["## Largest differences", self._apart(), METHOD]
        return "\n\n".join(parts) + "\n"

    def _summary(self) -> str:
        counted = (
            (self.unmatched, "of documents that the judge was not asked about"),
            (self.unlabelled, "of documents on which the judge gave no label"),
            (self.repeated, "for a document that has one already (its first counts)"),
            (self.blank, "rows without a label"),
        )
        more = "".join(f"; {what}: {number:,}" for number, what in counted if number)
        return f"{self.hand_labels:,} hand labels: {self.agreement.documents:,} are compared{more}."

    def _notes(self) -> Iterator[str]:
        if self.agreement.documents < _FEW:
            yield f"**Only {self.agreement.documents} documents: the intervals are wide.**"

    def _bias(self) -> str:
        weighted = "" if self.weighted_bias is None else f" (weighted {self.weighted_bias:+.2f})"
        kind = "as strict as" if abs(self.bias) < 0.005 else "more generous than" if self.bias > 0 else "stricter than"
        return (
            f"Judge minus hand is {self.bias:+.2f} on average{weighted}: the judge is {kind} you. The two are "
            f"{self.mean_difference:.2f} apart on average."
        )

    def _apart(self) -> str:
        if not self.apart:
            return "None."
        rows = [[f"`{one.id}`", str(one.hand), str(one.judge), one.url or "–"] for one in self.apart[:_SHOWN]]
        table = np.asarray(self.agreement.table)
        shown = f"the {_SHOWN} that differ most" if len(self.apart) > _SHOWN else "all"
        return (
            f"{table.sum() - np.trace(table):,.0f} documents are labelled differently, {shown} below; with text and "
            f"reply up to {MOST_APART} of them stand in `comparison_disagreements.jsonl`.\n\n"
        ) + markdown_table(["id", "hand", "judge", "url"], rows)


class ComparisonTally:
    """Counts rows of the stage `annotate` beside hand labels.

    Args:
        scale: of both.
        hand: the hand labels.
    """

    def __init__(self, scale: Scale, hand: Sequence[HandLabel]) -> None:
        self.scale, self.hand = scale, hand
        self.repeated = 0
        self._by_id: dict[str, int] = {}
        self._by_url: dict[str, int] = {}
        for index, one in enumerate(hand):
            known = self._by_id if one.id is not None else self._by_url
            key = one.id if one.id is not None else one.url
            self.repeated += key in known
            known.setdefault(str(key), index)
            if one.url is not None:
                self._by_url.setdefault(one.url, index)
        self._used: set[int] = set()
        self._judges: Counter[str] = Counter()
        self._table, self._weighted = empty_table(scale), empty_table(scale)
        self._squares = 0.0
        self._weights: set[float] = set()
        self._unlabelled = 0
        self._apart = Largest(MOST_APART)

    def add(self, row: Mapping[str, Any]) -> None:
        """Compare a document, if there is a hand label for it."""
        index = self._by_id.get(str(row["id"]))
        if index is None and row.get("url"):
            index = self._by_url.get(row["url"])
        if index is None:
            return
        self._used.add(index)
        self._judges[row["judge"]] += 1
        if row["label"] is None:
            self._unlabelled += 1
        else:
            self._compare(self.hand[index].label, row)

    def comparison(self, labels: str, blank: int = 0) -> LabelComparison | None:
        """What was counted; None where no document has both labels."""
        if not self._table.sum():
            return None
        return LabelComparison(
            labels=labels,
            judge=self._judges.most_common(1)[0][0],
            hand_labels=len(self.hand),
            blank=blank,
            repeated=self.repeated,
            unmatched=len(self.hand) - self.repeated - len(self._used),
            unlabelled=self._unlabelled,
            agreement=agreement_of(self._table, self.scale),
            weighted=self._weighted_agreement(),
            bias=round(_bias(self._table), 4),
            weighted_bias=round(_bias(self._weighted), 4) if len(self._weights) > 1 else None,
            mean_difference=round(float((np.abs(_apart_by(self._table)) * self._table).sum() / self._table.sum()), 4),
            apart=tuple(self._apart),
        )

    def _compare(self, hand: int, row: Mapping[str, Any]) -> None:
        judge, weight = int(row["label"]), row.get("sample_weight")
        weight = 1.0 if weight is None else float(weight)
        cell = hand - self.scale.low, judge - self.scale.low
        self._table[cell] += 1
        self._weighted[cell] += weight
        self._squares += weight**2
        if len(self._weights) < 2:
            self._weights.add(weight)
        if hand != judge:
            told = Difference(
                id=str(row["id"]),
                url=row.get("url"),
                hand=hand,
                judge=judge,
                reply=row.get("reply"),
                text_shown=row.get("text_shown"),
            )
            self._apart.add(abs(hand - judge), told.id, told)

    def _weighted_agreement(self) -> Agreement | None:
        if len(self._weights) < 2:
            return None
        effective = float(self._weighted.sum()) ** 2 / self._squares
        return agreement_of(self._weighted, self.scale, documents=round(self._table.sum()), effective=effective)


def _thresholds(found: Agreement) -> str:
    rows: list[list[Any]] = []
    for threshold, f1 in found.f1.items():
        both, hand_only, judge_only = found.selected(threshold)
        hand, judge = both + hand_only, both + judge_only
        counts = [f"{number:,.0f}" for number in (hand, judge)]
        figures = [percent(both, judge), percent(both, hand), "–" if f1 is None else str(f1)]
        rows.append([str(threshold), *counts, *figures])
    return markdown_table(["label >=", "by hand", "by the judge", "precision", "recall", "F1 (95 %)"], rows)


def _apart_by(table: Table) -> Table:
    """Judge minus hand of each cell."""
    labels = np.arange(len(table), dtype=np.float64)
    return np.subtract.outer(labels, labels).T


def _bias(table: Table) -> float:
    return float((_apart_by(table) * table).sum() / table.sum())
