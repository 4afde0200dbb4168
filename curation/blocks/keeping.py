"""Which of several duplicates stays: by its score, its length, its stars, its date, its licence.

Example: ``keep_order(("permissive", "highest:stars", "longest"), table)`` is an array of (rows, 3); the row that is
smallest, compared number by number, stays, and of equals the first in the corpus.

Sources: datatrove keeps the member whose number is smallest, which is an arbitrary one; StarCoder2 kept the file of the
repository with the most stars and forks.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.config import nearest
from curation.errors import ConfigError
from curation.text.licences import GROUPS, license_type

SHORT = {
    "best": ("highest:score", "longest"),
    "score": ("highest:score",),
    "stars": ("highest:stars",),
    "earliest": ("lowest:date",),
    "permissive": ("permissive:license",),
    "longest": ("longest",),
    "first": (),
}
"""Names for what is asked for most. ``highest:COLUMN``, ``lowest:COLUMN`` and ``permissive:COLUMN`` take any column."""

_KINDS = ("highest", "lowest", "permissive")


def keep_rules(keep: str | Iterable[str]) -> tuple[str, ...]:
    """The rules that names stand for, such as ``highest:score`` and ``longest`` for ``best``.

    Raises:
        ConfigError: for a rule that is not known.
    """
    given = (keep,) if isinstance(keep, str) else tuple(keep)
    rules: list[str] = []
    for name in given:
        kind, colon, column = name.partition(":")
        if name in SHORT:
            rules += SHORT[name]
        elif kind in _KINDS and colon and column:
            rules.append(name)
        else:
            known = [*SHORT, *(f"{one}:COLUMN" for one in _KINDS)]
            raise ConfigError(f"keep: {name!r} is no rule ({nearest(name, known)}; known: {', '.join(known)})")
    return tuple(rules)


def columns_needed(rules: Iterable[str]) -> list[str]:
    """The columns that rules look at, beside the text."""
    return [rule.partition(":")[2] for rule in rules if ":" in rule]


def check_columns(
    rules: Iterable[str], columns: Mapping[str, pa.DataType], optional: Iterable[str] = ("score",)
) -> None:
    """Raise ConfigError where a rule's column is missing or holds lists; if it is ``optional``, it decides nothing."""
    for rule in rules:
        kind, _, name = rule.partition(":")
        if name and name not in columns and name not in optional:
            raise ConfigError(f"keep: the documents have no column {name!r} ({nearest(name, sorted(columns))})")
        if kind in ("highest", "lowest") and pa.types.is_nested(columns.get(name, pa.null())):
            raise ConfigError(f"keep: {rule} needs numbers or dates, column {name!r} is {columns[name]}")


def keep_order(rules: Iterable[str], table: pa.Table) -> NDArray[np.float64]:
    """One row of numbers for each document, (rows, rules): the smallest stays; infinity where nothing is known."""
    found = []
    for rule in rules:
        kind, _, column = rule.partition(":")
        values: Any
        if kind == "longest":
            values = -pc.utf8_length(table["text"]).to_numpy()
        elif column in table.column_names:
            values = [_NUMBER[kind](value) for value in table[column].to_pylist()]
        else:
            values = [math.inf] * table.num_rows
        found.append(np.array(values, np.float64))
    return np.stack(found, 1) if found else np.zeros((table.num_rows, 0))


def _number(value: Any) -> float:
    """A number, a date as its seconds, and infinity for what is neither."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            value = _date(value)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=value.tzinfo or datetime.UTC).timestamp()
    return float(value) if value is not None and not math.isnan(value) else math.inf


def _date(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _highest(value: Any) -> float:
    number = _number(value)
    return -number if number != math.inf else math.inf


def _licence(value: Any) -> float:
    """0 if every licence is permissive, 1 if there is none, 2 for all others."""
    group = value if isinstance(value, str) and value in GROUPS else license_type(value)
    return float(GROUPS.index(group))


_NUMBER: dict[str, Callable[[Any], float]] = {"lowest": _number, "highest": _highest, "permissive": _licence}
