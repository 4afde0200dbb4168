"""Counting labels as they stream by: what a report needs, in memory that does not grow with the documents.

tally = LabelTally(Scale(0, 5))
for row in rows:  # of the stage `annotate`
    tally.add(row)
report = tally.report(asked)
list(tally.apart)  # the documents on which readings disagree most
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from curation.annotation.agreement import Largest, Table, agreement_of, empty_table
from curation.annotation.label_report import Asked, Expected, LabelReport, Readings, Spent, Tokens, Trust
from curation.scale import Scale

MOST_APART = 200
"""How many documents on which readings disagree are kept."""

_MOST_REASONS = 50
_STEPS = 100  # of the expected label between two labels
_P95 = 0.95


class LabelTally:
    """Counts of rows that the stage `annotate` wrote.

    Attributes:
        apart: the documents on which readings disagree most, largest spread first, ties by id.
        first_unread: the first reply that gave no label, None where there is none.
    """

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.apart = Largest(MOST_APART)
        self.first_unread: str | None = None
        self._documents = self._asked_again = self._saved = self._requests = 0
        self._judges: Counter[str] = Counter()
        self._histogram: Counter[int] = Counter()
        self._weights: Counter[int] = Counter()
        self._lightest, self._heaviest = math.inf, 0.0
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._tokens: dict[str, Counter[int]] = {"prompt_tokens": Counter(), "completion_tokens": Counter()}
        self._sums: Counter[str] = Counter()
        self._expected = _ExpectedTally(scale)
        self._readings: dict[str, Counter[int | None]] = {}
        self._pairs: dict[tuple[str, str], _PairTally] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a document."""
        self._documents += 1
        self._judges[row["judge"]] += 1
        self._requests += row.get("requests") or 0
        label = row["label"]
        if row.get("first_reply") is not None:
            self._asked_again += 1
            self._saved += label is not None
        for name, counted in self._tokens.items():
            if row.get(name) is not None:
                counted[_three_digits(row[name])] += 1
                self._sums[name] += row[name]
        if label is None:
            self._add_unlabelled(row)
        else:
            self._add_label(label, row)
        self._add_readings(row)

    def report(self, asked: Asked, spent: Spent | None = None) -> LabelReport:
        """What was counted."""
        tokens = {name: self._tokens_of(name) for name in self._tokens}
        return LabelReport(
            judge=self._judges.most_common(1)[0][0] if self._judges else "",
            asked=asked,
            documents=self._documents,
            histogram=self._by_label(self._histogram),
            weighted=self._weighted(),
            reasons=dict(sorted(self._reasons.items(), key=lambda one: (-one[1], one[0]))),
            examples=self._examples,
            asked_again=self._asked_again,
            saved=self._saved,
            requests=self._requests or None,
            prompt_tokens=tokens["prompt_tokens"],
            completion_tokens=tokens["completion_tokens"],
            expected=self._expected.figures(),
            readings={judge: self._readings_of(counted) for judge, counted in self._readings.items()},
            trust=tuple(one for one in map(self._trust_of, self._pairs) if one is not None),
            spent=spent,
        )

    def _add_label(self, label: int, row: Mapping[str, Any]) -> None:
        self._histogram[label] += 1
        weight = row.get("sample_weight")
        if weight is not None:
            self._weights[label] += weight
            self._lightest, self._heaviest = min(self._lightest, weight), max(self._heaviest, weight)
        if row.get("expected_label") is not None:
            self._expected.add(label, row["expected_label"])

    def _add_unlabelled(self, row: Mapping[str, Any]) -> None:
        if self.first_unread is None and row.get("reply"):
            self.first_unread = row["reply"]
        reason = kind_of_reason(row.get("label_reason"))
        if reason not in self._reasons and len(self._reasons) >= _MOST_REASONS:
            reason = "other reasons"
        self._reasons[reason] += 1
        self._examples.setdefault(reason, str(row["id"]))

    def _add_readings(self, row: Mapping[str, Any]) -> None:
        labels, judges, replies = readings_of(row)
        for judge, label in zip(judges, labels, strict=True):
            self._readings.setdefault(judge, Counter())[label] += 1
        known = [
            _Reading(judge, label, reply)
            for judge, label, reply in zip(judges, labels, replies, strict=True)
            if label is not None
        ]
        met: set[tuple[str, str]] = set()
        for one, other in itertools.combinations(known, 2):
            pair = (one.judge, other.judge)
            if pair[::-1] in self._pairs and pair[0] != pair[1]:  # (A, B) and (B, A) are one table
                pair, one, other = pair[::-1], other, one
            self._pairs.setdefault(pair, _PairTally(self.scale)).add(one, other, pair not in met)
            met.add(pair)
        spread = max(one.label for one in known) - min(one.label for one in known) if known else 0
        if spread:
            told = {"id": row["id"], "url": row.get("url"), "spread": spread, "labels": labels, "judges": judges}
            self.apart.add(spread, str(row["id"]), {**told, "replies": replies, "text_shown": row.get("text_shown")})

    def _by_label(self, counted: Mapping[Any, int]) -> dict[int, int]:
        return {label: counted.get(label, 0) for label in range(self.scale.low, self.scale.high + 1)}

    def _weighted(self) -> dict[int, float] | None:
        total = sum(self._weights.values())
        if not total or self._lightest == self._heaviest:
            return None
        labels = range(self.scale.low, self.scale.high + 1)
        return {label: round(self._weights[label] / total, 4) for label in labels}

    def _tokens_of(self, name: str) -> Tokens | None:
        counted = self._tokens[name]
        number = counted.total()
        if not number:
            return None
        seen = itertools.accumulate(counted[size] for size in sorted(counted))
        p95 = next(size for size, so_far in zip(sorted(counted), seen, strict=True) if so_far >= _P95 * number)
        return Tokens(self._sums[name], round(self._sums[name] / number, 1), p95)

    def _readings_of(self, counted: Counter[int | None]) -> Readings:
        return Readings(counted.total(), counted.total() - counted[None], self._by_label(counted))

    def _trust_of(self, pair: tuple[str, str]) -> Trust:
        counted = self._pairs[pair]
        found = agreement_of(counted.table, self.scale, documents=counted.documents)
        alone = pair[0] == pair[1]
        return Trust(*pair, found, round(counted.alike / found.pairs, 4) if alone else None)


class _Reading(NamedTuple):
    judge: str
    label: int
    reply: str | None


class _PairTally:
    """Pairs of readings by two judges, or by one and itself."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.table: Table = empty_table(scale)
        self.documents = self.alike = 0

    def add(self, one: _Reading, other: _Reading, is_new: bool) -> None:
        self.table[one.label - self.scale.low, other.label - self.scale.low] += 1
        self.alike += one.reply == other.reply
        self.documents += is_new


class _ExpectedTally:
    """Labels beside expected labels, these to a hundredth of a step for the ranks."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.table = np.zeros((scale.high - scale.low + 1, (scale.high - scale.low) * _STEPS + 1), np.int64)
        self.labels = self.expected = self.apart = 0.0

    def add(self, label: int, expected: float) -> None:
        place = min(max(round((expected - self.scale.low) * _STEPS), 0), self.table.shape[1] - 1)
        self.table[label - self.scale.low, place] += 1
        self.labels += label
        self.expected += expected
        self.apart += abs(label - expected)

    def figures(self) -> Expected | None:
        number = int(self.table.sum())
        if not number:
            return None
        labels, expected, apart = (round(total / number, 4) for total in (self.labels, self.expected, self.apart))
        return Expected(number, labels, expected, apart, _spearman(self.table))


def readings_of(row: Mapping[str, Any]) -> tuple[list[int | None], list[str], list[str | None]]:
    """All readings of a document, the first one first: labels, judges and replies."""
    further: list[int | None] = list(row.get("further_labels") or ())
    judges: list[str] = [row["judge"], *(row.get("further_judges") or [row["judge"]] * len(further))]
    replies: list[str | None] = [row.get("reply"), *(row.get("further_replies") or [None] * len(further))]
    return [row["label"], *further], judges, replies


def kind_of_reason(reason: str | None) -> str:
    """A reason without what is of one document only: ``unreadable: outside the scale 0 to 5``, ``too_long``."""
    kind, _, detail = (reason or "no_reason").partition(": ")
    if kind != "unreadable" or not detail:
        return kind
    # `no line 'Final score: …'` has its colon inside quotes and is the same for every document.
    said = detail if detail.startswith("no line") else detail.partition(":")[0]
    return f"{kind}: {said[:80]}"


def _three_digits(number: int) -> int:
    """A number to three digits, so that there are few different ones however large they grow; small ones stay."""
    unit = 10 ** max(0, len(str(number)) - 3)
    return -(-number // unit) * unit


def _spearman(table: Any) -> float:
    """Rank correlation of rows and columns of a table of counts; 0 where either is constant."""
    centred = []
    for margin in (table.sum(1), table.sum(0)):
        ranks = np.cumsum(margin) - (margin - 1) / 2
        centred.append(ranks - (ranks * margin).sum() / margin.sum())
    rows, columns = centred
    spread = float((rows**2 * table.sum(1)).sum() * (columns**2 * table.sum(0)).sum())
    return round(float(rows @ table @ columns) / math.sqrt(spread), 4) if spread > 0 else 0.0
