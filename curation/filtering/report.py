"""What a filter keeps of a scored corpus, in the form of the Stack-Edu paper's table 7.

Example: ``print(filter_scores("out", recipe="stack_edu"))``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

UNITS = {"token_count": "tokens", "length_bytes": "bytes"}
"""What is summed beside documents: the first of these columns that the input has."""


@dataclass(frozen=True, kw_only=True)
class LanguageFigures:
    """What became of the documents of one language.

    Args:
        language: its name, or ``all`` where the input has no languages, or ``total``.
        column: what was compared.
        threshold: the least of it; None where a share was asked for and no document could be chosen from.
        share: the share that the threshold was chosen for, if it was.
        documents: before.
        documents_kept: after.
        amount: tokens (or bytes) before; None where nothing counts them.
        amount_kept: after.
    """

    language: str
    column: str | None
    threshold: float | None
    documents: int
    documents_kept: int
    share: float | None = None
    amount: int | None = None
    amount_kept: int | None = None

    @property
    def condition(self) -> str:
        """What a document had to fulfil, such as ``int_score >= 3``."""
        if self.column is None:
            return ""
        chosen = f" (best {100 * self.share:.4g} %)" if self.share is not None else ""
        return f"{self.column} >= {self.threshold:.6g}{chosen}" if self.threshold is not None else f"nothing{chosen}"


@dataclass(frozen=True, kw_only=True)
class FilterReport:
    """What `curation.filter_scores` found and, with an output, wrote.

    Args:
        input: where the scores were.
        recipe: whose defaults were taken.
        flags: what was asked for.
        languages: largest first.
        dropped: reason -> documents.
        unit: ``tokens``, ``bytes``, or None where neither is known.
        bytes_read: of the files, all passes together.
        bytes_stored: of the scored documents with their texts.
        seconds: wall time.
        output: where the kept rows are, None of a look.
        files: below it.
        notes: what the user should know.
    """

    input: str
    recipe: str | None
    flags: Mapping[str, Any]
    languages: Sequence[LanguageFigures]
    dropped: Mapping[str, int]
    unit: str | None
    bytes_read: int
    bytes_stored: int
    seconds: float
    output: str | None = None
    files: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def total(self) -> LanguageFigures:
        """All languages together."""
        known = self.unit is not None
        return LanguageFigures(
            language="total",
            column=None,
            threshold=None,
            documents=sum(one.documents for one in self.languages),
            documents_kept=sum(one.documents_kept for one in self.languages),
            amount=sum(one.amount or 0 for one in self.languages) if known else None,
            amount_kept=sum(one.amount_kept or 0 for one in self.languages) if known else None,
        )

    def as_dict(self, with_effort: bool = True) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them; without what differs from call to call they are in filter.json."""
        effort = {"bytes_read": self.bytes_read, "bytes_stored": self.bytes_stored, "seconds": round(self.seconds, 3)}
        return {
            "input": self.input,
            "recipe": self.recipe,
            "flags": dict(self.flags),
            "unit": self.unit,
            "languages": [_figures(one) for one in self.languages],
            "total": _figures(self.total),
            "dropped": dict(self.dropped),
            "notes": list(self.notes),
            **(effort | {"output": self.output, "files": list(self.files)} if with_effort else {}),
        }

    def __str__(self) -> str:
        rows = table_rows(self)
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *last_lines(self)])


def table_rows(report: FilterReport) -> list[tuple[str, ...]]:
    """The table's cells: the head, a row for each language, and the total if there are several."""
    head = ("language", "kept where", "documents", "kept", *((report.unit, "kept") if report.unit else ()))
    shown = [*report.languages, *([report.total] if len(report.languages) > 1 else [])]
    return [head, *(_row(one, report.unit) for one in shown)]


def _row(one: LanguageFigures, unit: str | None) -> tuple[str, ...]:
    documents = f"{one.documents:,} → {one.documents_kept:,}"
    row = (one.language, one.condition, documents, _share(one.documents_kept, one.documents))
    if unit is None or one.amount is None or one.amount_kept is None:
        return row
    amounts = f"{amount_text(one.amount, unit)} → {amount_text(one.amount_kept, unit)}"
    return (*row, amounts, _share(one.amount_kept, one.amount))


def _share(after: int, before: int) -> str:
    return f"{after / before:.1%}" if before else "–"


def last_lines(report: FilterReport) -> list[str]:
    """What stands below the table: why documents were dropped, notes, and what it took."""
    dropped = ", ".join(f"{reason} {number:,}" for reason, number in report.dropped.items() if number)
    read, stored = (amount_text(size, "bytes") for size in (report.bytes_read, report.bytes_stored))
    return [
        *([f"dropped  {dropped}"] if dropped else []),
        *(f"note     {note}" for note in report.notes),
        f"read {read} in {report.seconds:.1f} s; the documents with their texts take {stored}",
    ]


def amount_text(amount: int, unit: str) -> str:
    """Tokens as the paper writes them (50.6B, 4.17M), bytes as people read them (12.1 MB)."""
    scales = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
    if unit == "bytes":
        scales = ((1e12, " TB"), (1e9, " GB"), (1e6, " MB"), (1e3, " kB"))
    for size, sign in scales:
        if amount >= 0.9995 * size:
            scaled = amount / size
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f}{sign}"
    return f"{amount}{' B' if unit == 'bytes' else ''}"


def _figures(one: LanguageFigures) -> dict[str, Any]:
    found = {name: value for name, value in asdict(one).items() if value is not None}
    return found | {"condition": one.condition} if one.column else found
