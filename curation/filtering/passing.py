"""One filtering of scores: the rules of the groups, passes over the scores, and counts of what became of their rows.

filtering = Filtering(find_scores("out"), Flags(threshold=3), Defaults())
filtering.choose_shares()
for kept in filtering.kept(): ...       # counted, and given if a row of the batch is kept
print(filtering.report())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.errors import ConfigError
from curation.filtering.languages import Languages
from curation.filtering.quantile import ExactQuantile
from curation.filtering.report import UNITS, FilterReport, LanguageFigures
from curation.filtering.rules import Defaults, Flags, Rules, make_rules, plain_flags
from curation.filtering.scan import REASONS, Scan, numbers
from curation.filtering.source import ScoredFiles

_OF_CODE = ("repo_name", "blob_id")


@dataclass(frozen=True, eq=False)
class KeptRows:
    """Rows of one batch that are kept.

    Args:
        file: where they are.
        rows: (n,) their numbers in it, ascending.
        groups: (n,) numbers of their groups.
        batch: the further columns that were asked for, None if none were.
    """

    file: str
    rows: NDArray[np.int64]
    groups: NDArray[np.int64]
    batch: pa.RecordBatch | None


class Filtering:
    """Scores, what is asked of them, and what has been counted.

    Args:
        source: the scores.
        flags: what is asked for.
        defaults: what is said of the rest.

    Raises:
        ConfigError: as `curation.filtering.filter_scores`.
    """

    def __init__(self, source: ScoredFiles, flags: Flags, defaults: Defaults) -> None:
        self.source, self.flags, self.defaults = source, flags, defaults
        self.columns = source.schema()
        self.languages = self._languages()
        self.rules: Rules = make_rules(flags, defaults, self.languages)
        self.scan = Scan(self.rules, flags)
        self.scan.check(self.columns, source.files[0])
        self.amount = next((name for name in UNITS if name in self.columns), None)
        shape = (len(self.rules.groups), len(REASONS))
        self.documents, self.amounts = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def choose_shares(self) -> None:
        """Two passes over the scores, if a share is asked for: the score from which on it stays."""
        shared = {n: rule.share for n, rule in enumerate(self.rules.rules) if rule.share is not None}
        pooled = np.arange(len(self.rules.groups))
        pooled[list(self.rules.pooled)] = min(self.rules.pooled, default=0)
        shares = {int(pooled[n]): share for n, share in shared.items()}
        if not shares:
            return
        quantile = ExactQuantile(shares)
        for take in (quantile.count, quantile.collect):
            for _, _, batch in self._batches(self.scan.columns):
                groups, scores, reasons = self.scan.eligible(batch)
                fit = (reasons == 0) & (groups >= 0)
                take(pooled[groups[fit]], scores[fit])
        cuts = quantile.cuts()
        for number in shared:
            least = cuts.get(int(pooled[number]), float("inf"))
            self.rules.rules[number] = replace(self.rules.rules[number], least=least)

    def kept(self, further: Sequence[str] = (), with_text: bool = False) -> Iterator[KeptRows]:
        """Count every row; give those that are kept, by batch, with further columns."""
        wanted = [*self.scan.columns, *([self.amount] if self.amount else []), *further]
        for file, first, batch in self._batches(list(dict.fromkeys(wanted)), with_text):
            groups, reasons = self.scan.judge(batch)
            self._count(batch, groups, reasons)
            rows = np.flatnonzero((reasons == 0) & (groups >= 0))
            if len(rows):
                yield KeptRows(file, first + rows, groups[rows], batch.take(pa.array(rows)) if further else None)
        self._check_scored()

    def report(self) -> FilterReport:
        """What was counted."""
        none = self.scan.unseen()
        order = sorted(range(len(self.rules.groups)), key=lambda n: (-self._before(n), self.rules.groups[n]))
        return FilterReport(
            input=self.source.location,
            recipe=self.defaults.recipe,
            flags=plain_flags(self.flags),
            languages=tuple(self._figures(number) for number in order),
            dropped={reason: int(self.documents[:, n].sum()) for n, reason in enumerate(REASONS) if n},
            unit=UNITS[self.amount] if self.amount else None,
            bytes_read=self.source.meter.read,
            bytes_stored=self.source.stored,
            seconds=0.0,
            notes=(*self.rules.notes, *([f"no document has the licence {', '.join(none)}"] if none else [])),
        )

    def _figures(self, number: int) -> LanguageFigures:
        rule, counted = self.rules.rules[number], self.amount is not None
        return LanguageFigures(
            language=self.rules.groups[number],
            column=rule.column,
            threshold=rule.least if np.isfinite(rule.least) else None,
            share=rule.share,
            documents=int(self.documents[number].sum()),
            documents_kept=int(self.documents[number, 0]),
            amount=int(self.amounts[number].sum()) if counted else None,
            amount_kept=int(self.amounts[number, 0]) if counted else None,
        )

    def _before(self, number: int) -> int:
        return int((self.amounts if self.amount else self.documents)[number].sum())

    def _languages(self) -> Languages | None:
        if "language" not in self.columns:
            return None
        # A page's language is one that people speak: "cs" is Czech there, and C# in code. Files of code may have a URL.
        is_page = "url" in self.columns and not any(name in self.columns for name in _OF_CODE)
        is_code = self.defaults.by_language if self.defaults.recipe else not is_page
        return Languages(self.source.languages(), is_code=is_code, table=self.defaults.table)

    def _batches(self, wanted: Sequence[str], with_text: bool = False) -> Iterator[tuple[str, int, pa.RecordBatch]]:
        asked = None
        if self.flags.languages and None not in self.rules.number_of:
            asked = frozenset(value for value in self.rules.number_of if value is not None)
        for file, first, batch in self.source.batches(wanted, asked, with_text):
            self.scan.check({field.name: field.type for field in batch.schema}, file)
            yield file, first, batch

    def _count(self, batch: pa.RecordBatch, groups: NDArray[np.int64], reasons: NDArray[np.int64]) -> None:
        here = groups >= 0
        places = (groups * len(REASONS) + reasons)[here]
        size = self.documents.size
        self.documents += np.bincount(places, minlength=size).reshape(self.documents.shape)
        if self.amount is not None:
            sizes = np.nan_to_num(numbers(batch, self.amount))[here]
            summed = np.bincount(places, weights=sizes, minlength=size)  # whole numbers below 2**53: exact
            self.amounts += summed.astype(np.int64).reshape(self.amounts.shape)

    def _check_scored(self) -> None:
        unscored = int(self.documents[:, REASONS.index("no_score")].sum())
        if unscored and unscored == self.documents.sum():
            names = ", ".join(dict.fromkeys(rule.column for rule in self.rules.rules))
            raise ConfigError(
                f"{self.source.location}: {names} is empty everywhere: is the classifier calibrated? Score the "
                "documents first, curate score INPUT --classifier CLASSIFIER"
            )
