"""Why rows of scores stay or go, whole batches at a time.

scan = Scan(rules, flags)
groups, reasons = scan.judge(batch)     # (n,) number of each row's group, (n,) index into REASONS
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.blocks.scores import COMPARED
from curation.blocks.select import KeepWhere, licensed
from curation.errors import ConfigError
from curation.filtering.rules import Flags, Rules
from curation.text.licences import licence_ids, licence_list, licence_names

REASONS = ("kept", "licence", "few_tokens", "no_score", "below_threshold")
"""What becomes of a row: the first of these reasons that holds."""

_KEPT, _LICENCE, _FEW_TOKENS, _NO_SCORE, _BELOW = range(len(REASONS))
_NUMBERS = (*COMPARED, "token_count", "length_bytes")
_TEXTS = ("language", "license_type")
_JOINT = "\x1f"  # between two licences of a document: no SPDX id holds it

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Scan:
    """The rules and flags, applied to batches of rows.

    Args:
        rules: each group's rule; one with a share must have its cut before `judge` is called.
        flags: what else is asked for.
    """

    def __init__(self, rules: Rules, flags: Flags) -> None:
        self.rules, self._flags = rules, flags
        self._where = KeepWhere(
            licences=flags.licences, licences_excluded=flags.licences_excluded, min_tokens=flags.min_tokens
        )
        self._licensed: dict[str, bool] = {}
        self._seen: set[str] = set()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        compared = dict.fromkeys(rule.column for rule in self.rules.rules)
        return tuple(dict.fromkeys(["language", *compared, *self._where.asked_columns()]))

    def check(self, columns: dict[str, pa.DataType], where: str) -> None:
        """Raise ConfigError if a file lacks what is looked at."""
        for rule in self.rules.rules:
            if rule.column not in columns:
                hint = "score the documents first, curate score INPUT --classifier CLASSIFIER"
                if rule.column == "calibrated_score" and "score" in columns:
                    hint = "the classifier that scored them is not calibrated, so only the published cut can be made"
                raise ConfigError(f"{where}: no column {rule.column!r} (it has {', '.join(columns)}): {hint}")
        self._where.schema(columns)
        detected = columns.get("detected_licenses", pa.list_(pa.string()))
        if "detected_licenses" in self._where.asked_columns() and not (_is_list(detected) or _is_text(detected)):
            raise ConfigError(f"{where}: column 'detected_licenses' is {detected}, expected a list of SPDX ids")

    def eligible(self, batch: pa.RecordBatch) -> tuple[Ints, Floats, Ints]:
        """Group of each row (-1 for a language that is not asked for), what is compared, and the reason so far."""
        groups = self._groups(batch)
        reasons = np.full(batch.num_rows, _KEPT, np.int64)
        scores = self._scores(batch, groups)
        reasons[np.isnan(scores)] = _NO_SCORE
        if self._flags.min_tokens is not None:
            tokens = np.nan_to_num(numbers(batch, "token_count"))
            reasons[tokens < self._flags.min_tokens] = _FEW_TOKENS
        if self._flags.licences or self._flags.licences_excluded:
            reasons[~self._licences(batch)] = _LICENCE
        return groups, scores, reasons

    def unseen(self) -> list[str]:
        """Licences that are asked about and that no row so far had."""
        asked = dict.fromkeys((*self._flags.licences, *self._flags.licences_excluded))
        return [one for one in asked if self._seen.isdisjoint(frozenset().union(*licence_names([one])))]

    def judge(self, batch: pa.RecordBatch) -> tuple[Ints, Ints]:
        """Group and reason of each row."""
        groups, scores, reasons = self.eligible(batch)
        if len(self.rules.rules):
            least = np.array([rule.least for rule in self.rules.rules])[groups]
            reasons[(reasons == _KEPT) & ~(scores >= least)] = _BELOW
        return groups, reasons

    def _groups(self, batch: pa.RecordBatch) -> Ints:
        column = _column(batch, "language")
        if column is None:
            only = self.rules.number_of.get(None, -1)
            return np.full(batch.num_rows, only, np.int64)
        return _by_value(column, lambda value: self.rules.number_of.get(value, -1)).astype(np.int64)

    def _scores(self, batch: pa.RecordBatch, groups: Ints) -> Floats:
        """Of each row the column that its group's rule compares."""
        scores = np.full(batch.num_rows, np.nan)
        names = [rule.column for rule in self.rules.rules]
        for name in dict.fromkeys(names):
            own = np.array([one == name for one in names])[groups] & (groups >= 0)
            scores = np.where(own, numbers(batch, name), scores)
        return scores

    def _licences(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Every different combination of licences is looked at once, as `KeepWhere` does."""
        rows = batch.num_rows
        group = _column(batch, "license_type")
        group = pa.nulls(rows, pa.string()) if group is None else _plain(group)
        detected = _column(batch, "detected_licenses")
        joined = pa.nulls(rows, pa.large_string()) if detected is None else _joined(_plain(detected))
        both = pc.binary_join_element_wise(
            group.cast(pa.large_string()), joined, _text("\n"), null_handling="replace", null_replacement=""
        )
        return _by_value(both, self._is_licensed).astype(bool)

    def _is_licensed(self, both: str) -> bool:
        if both not in self._licensed:
            group, _, joined = both.partition("\n")
            found: Any = joined.split(_JOINT) if _JOINT in joined else joined
            self._seen.add(group or "no_license")
            self._seen.update(name for one in licence_list(found) for name in licence_ids(one))
            self._licensed[both] = licensed(group or None, found, self._flags.licences, self._flags.licences_excluded)
        return self._licensed[both]


def check_kinds(columns: dict[str, pa.DataType], where: str) -> None:
    """Raise ConfigError if a column that is looked at cannot be what its name says."""
    for name, kind in columns.items():
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if name in _NUMBERS and not (pa.types.is_null(plain) or _is_number(plain)):
            raise ConfigError(f"{where}: column {name!r} is {kind}, expected numbers")
        if name in _TEXTS and not (pa.types.is_null(plain) or _is_text(plain)):
            raise ConfigError(f"{where}: column {name!r} is {kind}, expected text")


def numbers(batch: pa.RecordBatch, name: str) -> Floats:
    """A column as doubles, NaN where there is nothing."""
    column = _column(batch, name)
    if column is None:
        return np.full(batch.num_rows, np.nan)
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)


def _by_value(column: pa.Array, of: Callable[[Any], Any]) -> NDArray[Any]:
    """For each row what ``of`` says of its value; it is asked once for every different value."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = [*encoded.dictionary.to_pylist(), *([None] if encoded.null_count else [])]
    said = np.array([of(value) for value in values])
    return said[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    place = batch.schema.get_field_index(name)
    return None if place < 0 else batch.column(place)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _joined(detected: pa.Array) -> pa.Array:
    """A list as one text, such as a dictionary can hold; what is a text (of JSON lines it is) stays."""
    if not _is_list(detected.type):
        return detected.cast(pa.large_string())
    named = detected.cast(pa.large_list(pa.large_string()))
    named = pa.LargeListArray.from_arrays(named.offsets, named.values.fill_null(""))  # one null would make all null
    # A separator at the end marks also the list of one licence as a list.
    return pc.binary_join_element_wise(pc.binary_join(named, _text(_JOINT)), _text(""), _text(_JOINT))


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())
