"""Labels of your own beside those of a judge, from files.

Example: ``compare_labels("out", "my_labels.csv").to_markdown()`` joins by ``id``, else by ``url``, and writes
``comparison.json``, ``comparison.md`` and ``comparison_disagreements.jsonl`` beside the judge's labels.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from curation.annotation.compare import ComparisonTally, HandLabel, LabelComparison
from curation.annotation.prompt import load_prompt
from curation.blocks.label_report import batched_rows, read_report, write_lines
from curation.blocks.read import JSON_LINES, TABLES, parquet_rows, raw_rows
from curation.errors import ConfigError, ContentError
from curation.folder import Folder, list_inputs
from curation.scale import Scale

_COLUMNS = ("id", "url", "label", "judge", "reply", "text_shown", "sample_weight")
_BLANK = ("", "nan", "none", "null", "n/a", "na", "-", "–")
_SHOWN = 3


def compare_labels(
    output: str, labels: str, *, label_column: str = "label", prompt: str | None = None
) -> LabelComparison:
    """Agreement of the labels in ``output`` with hand labels, which are the reference.

    Args:
        output: a run's folder with the stage ``annotate``, or the folder of such a stage.
        labels: parquet, JSON lines or CSV with ``id`` or ``url`` and a label; rows without one are skipped and counted.
        label_column: where it stands.
        prompt: whose scale the labels are on; by default that with which the judge was asked.

    Raises:
        ConfigError: if one of the two is missing or has other columns, a hand label is not on the scale, or no document
            has both labels.
    """
    folder = _stage_folder(output)
    scale = _scale(folder, prompt)
    hand, blank = read_hand_labels(labels, label_column, scale)
    tally = ComparisonTally(scale, hand)
    for row in batched_rows(folder, _COLUMNS):
        tally.add(row)
    found = tally.comparison(labels.rstrip("/").rsplit("/", 1)[-1], blank)
    if found is None:
        raise ConfigError(_nothing_matches(folder, labels, hand))
    folder.write_bytes("comparison.json", found.to_json().encode())
    folder.write_bytes("comparison.md", found.to_markdown().encode())
    write_lines(folder, "comparison_disagreements.jsonl", map(dataclasses.asdict, found.apart))
    return found


def read_hand_labels(location: str, column: str, scale: Scale) -> tuple[list[HandLabel], int]:
    """The hand labels of a file or folder, and how many rows have none.

    Raises:
        ConfigError: if a column is missing or a label is not on the scale.
    """
    hand: list[HandLabel] = []
    blank = 0
    for where, row in _rows(location):
        _check_columns(where, row, column)
        label = _label(row.get(column), scale, where)
        if label is None:
            blank += 1
        else:
            hand.append(HandLabel(_key(row.get("id")), _key(row.get("url")), label))
            if hand[-1].id is None and hand[-1].url is None:
                raise ConfigError(f"{where}: neither id nor url")
    return hand, blank


def _rows(location: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in list_inputs(location, (".parquet",), JSON_LINES, TABLES):
        rows = parquet_rows(file.path) if file.path.endswith(".parquet") else raw_rows(file.path)
        for number, row in enumerate(rows, 1):
            # Excel begins its files with a byte order mark, which then stands in the name of the first column.
            yield f"{file.path}: row {number}", {str(name).lstrip("\ufeff"): value for name, value in row.items()}


def _check_columns(where: str, row: dict[str, Any], column: str) -> None:
    if column not in row and not any(one in row for one in ("id", "url")):
        raise ConfigError(f"{where}: no columns id, url and {column}; it has {', '.join(row)}")
    if not any(one in row for one in ("id", "url")):
        raise ConfigError(f"{where}: no column id or url to find the document by; it has {', '.join(row)}")
    # JSON lines may leave out what is not labelled yet; a table has the column or not.
    if column not in row and not where.partition(": row ")[0].endswith(JSON_LINES):
        raise ConfigError(f"{where}: no column {column!r} of labels; it has {', '.join(row)}")


def _label(value: Any, scale: Scale, where: str) -> int | None:
    """A label as people and tables write it: 3, 3.0, "3", "3.0"."""
    if value is None or str(value).strip().lower() in _BLANK:
        return None
    try:
        number = float(str(value).strip())
    except ValueError:
        number = math.nan
    if not (number.is_integer() and scale.holds(number)):
        raise ConfigError(f"{where}: label {value!r} is no whole number from {scale.low} to {scale.high}")
    return int(number)


def _key(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _stage_folder(output: str) -> Folder:
    for folder in (Folder(output) / "annotate", Folder(output)):
        if folder.list_files("data", ".parquet"):
            if folder.exists("shards.json") and not folder.exists("stage.json"):
                raise ConfigError(f"{folder.location}: judging is unfinished; finish it first")
            row = next(batched_rows(folder, ("id", "label", "judge")), {"label": None, "judge": None})
            if {"label", "judge"} <= row.keys():
                return folder
    raise ConfigError(f"{output}: no labels of a judge here (looked for annotate/data/*.parquet and data/*.parquet)")


def _scale(folder: Folder, prompt: str | None) -> Scale:
    report = read_report(folder) if prompt is None else None
    if report is not None:
        return Scale(*report.asked.scale)
    name = prompt or next((row.get("prompt") for row in batched_rows(folder, ("prompt",))), None)
    try:
        return load_prompt(str(name)).scale
    except ContentError as error:
        raise ConfigError(f"{folder.location}: name the prompt whose scale the labels are on ({error})") from error


def _nothing_matches(folder: Folder, labels: str, hand: Sequence[HandLabel]) -> str:
    if not hand:
        return f"{labels}: no row has a label"
    judged = [(row.get("id"), row.get("url")) for row in islice(batched_rows(folder, ("id", "url")), _SHOWN)]
    mine = [(one.id, one.url) for one in hand[:_SHOWN]]
    return (
        f"no document has both a hand label and one of the judge: {labels} has {_examples(mine)}, "
        f"{folder.location} has {_examples(judged)}"
    )


def _examples(keys: Sequence[tuple[Any, Any]]) -> str:
    return ", ".join(f"id {one!r}, url {url!r}" if url is not None else f"id {one!r}" for one, url in keys)
