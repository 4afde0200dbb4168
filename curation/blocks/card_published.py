"""What was published, counted for the card: of each configuration, and what is in it.

Example: ``count_published(step, context).configs["finemath-3plus"]`` is ``Amount(documents=812, tokens=640113)``.

Counted are the rows that the publishing stage read and that reached a threshold, since these have columns, such as
``token_count``, that a dataset of code does not publish. Where they came from outside the run, it is the published
files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation.blocks.card_counts import Amount, LargestGroups, columns_of_folder, count_values, domains_of, tokens_of
from curation.blocks.select import Cut, column_of
from curation.folder import Folder
from curation.recipe import RunContext

Kind = Literal["web", "code"]

_COUNTED = (
    "url",
    "repo_name",
    "language",
    "license_type",
    "detected_licenses",
    "token_count",
    "score",
    "int_score",
    "calibrated_score",
)


class Routes(Protocol):
    """Which documents go to which configuration, see `PublishRows`."""

    configs: tuple[str, ...]
    thresholds: tuple[float, ...]
    cut: Cut
    by: str | None
    values: tuple[str, ...]


@dataclass
class Published:
    """What stands in a dataset.

    Attributes:
        columns: the published ones, with their types.
        configs: of each configuration; one whose tokens are not known has None.
        documents: in all configurations, each once.
        groups: of its registered domains, or of its repositories.
        languages: documents by the language that they are written in.
        license_types: documents by the group of their licences.
        licences: documents by each SPDX id that was found in them; under None those without any.
    """

    columns: dict[str, str] = field(default_factory=dict)
    configs: dict[str, Amount] = field(default_factory=dict)
    documents: int = 0
    groups: LargestGroups = field(default_factory=LargestGroups)
    languages: Counter[str | None] = field(default_factory=Counter)
    license_types: Counter[str | None] = field(default_factory=Counter)
    licences: Counter[str | None] = field(default_factory=Counter)

    @property
    def kind(self) -> Kind:
        """Files of repositories are code, all else is as from the web."""
        return "code" if "repo_name" in self.columns else "web"


def least_of(step: Routes) -> tuple[float | None, ...]:
    """The threshold of each configuration, None where every document belongs to it."""
    return step.thresholds or (None,) * len(step.configs)


def stage_name(context: RunContext) -> str:
    """The stage that is being finished, also while it is built beside its old one."""
    return context.folder.rstrip("/").rsplit("/", 1)[-1].removeprefix(".").removesuffix(".new")


def count_published(step: Routes, context: RunContext) -> Published:
    """Count everything in one pass."""
    found = Published(columns=_columns(context, step.configs))
    found.configs = {name: Amount() for name in step.configs}
    for table, known in _tables(step, context):
        _count_configs(found, step, table, known)
        _count_contents(found, _union(table, step, known))
    return found


def reaches(table: pa.Table, least: float | None, cut: Cut) -> Any:
    """For each row whether it reaches a threshold; None without the column that is compared."""
    if least is None:
        return pa.repeat(True, table.num_rows)
    column = column_of(least, cut)
    if column not in table.column_names:
        return None
    return pc.fill_null(pc.greater_equal(table[column], least), False)


def by_threshold(step: Routes) -> list[int]:
    """The configurations, the lowest threshold first: of one value and one column it holds all others."""
    return sorted(range(len(step.configs)), key=lambda index: (least_of(step)[index] or 0, index))


def _tables(step: Routes, context: RunContext) -> Iterator[tuple[pa.Table, int | None]]:
    """Rows, and the configuration whose files they were read from, None for what the stage read."""
    wanted = [*_COUNTED, *([step.by] if step.by and step.by not in _COUNTED else [])]
    parent = dict(context.stages).get(stage_name(context))
    if parent is not None:
        yield from ((table, None) for table in columns_of_folder(f"{context.output}/{parent}/data", wanted))
        return
    for index in range(len(step.configs)):
        location = f"{context.folder}/data/{step.configs[index]}"
        yield from ((table, index) for table in columns_of_folder(location, wanted))


def _columns(context: RunContext, configs: Sequence[str]) -> dict[str, str]:
    folder = Folder(context.folder)
    for config in configs:
        for name in folder.list_files(f"data/{config}", ".parquet")[:1]:
            with folder.open(name) as stream:
                return {field.name: _spelled(field.type) for field in pq.read_schema(stream)}
    return {}


def _spelled(kind: pa.DataType) -> str:
    """A type as `datasets` shows it."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_spelled(kind.value_type)}"
    return {"double": "float64", "large_string": "string"}.get(str(kind), str(kind))


def _count_configs(found: Published, step: Routes, table: pa.Table, known: int | None) -> None:
    for index, name in enumerate(step.configs):
        if known is not None and index != known:
            continue  # it has files of its own
        mask = True if known is not None else _mask(table, step, index)
        if mask is not None:
            rows = table if mask is True else table.filter(mask)
            found.configs[name].add(rows.num_rows, tokens_of(rows))


def _mask(table: pa.Table, step: Routes, index: int) -> Any:
    """For each row whether it goes to a configuration; None if its columns do not say."""
    mask = reaches(table, least_of(step)[index], step.cut)
    if step.by and mask is not None:
        if step.by not in table.column_names:
            return None
        mask = pc.and_(mask, pc.fill_null(pc.equal(table[step.by], step.values[index]), False))
    return mask


def _union(table: pa.Table, step: Routes, known: int | None) -> pa.Table:
    """Rows of any configuration; of a configuration's files those that no lower one has."""
    order = by_threshold(step)
    if known is None:
        masks = [mask for index in order if (mask := _mask(table, step, index)) is not None]
        return table.filter(reduce(pc.or_, masks)) if masks else table.slice(0, 0)
    for index in order[: order.index(known)]:
        if step.by and step.values[index] != step.values[known]:
            continue
        mask = _mask(table, step, index)
        table = table.slice(0, 0) if mask is None else table.filter(pc.invert(mask))
    return table


def _count_contents(found: Published, rows: pa.Table) -> None:
    found.documents += rows.num_rows
    names: Any = None
    if found.kind == "code":
        names = rows["repo_name"] if "repo_name" in rows.column_names else None
    elif "url" in rows.column_names:
        names = domains_of(rows["url"].cast(pa.string()))
    if names is not None:
        found.groups.add(rows, names)
    for counter, name in ((found.languages, "language"), (found.license_types, "license_type")):
        if name in rows.column_names:
            count_values(counter, rows[name])
    if "detected_licenses" in rows.column_names:
        lists = rows["detected_licenses"]
        count_values(found.licences, pc.list_flatten(lists))
        found.licences[None] += int(pc.sum(pc.equal(pc.fill_null(pc.list_value_length(lists), 0), 0)).as_py() or 0)
