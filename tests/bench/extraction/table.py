"""Tables in plain text: ``print(table({"curation": {"F1": 0.9}}))``."""

from __future__ import annotations

from collections.abc import Mapping

Cell = float | int | str | None


def table(rows: Mapping[str, Mapping[str, Cell]], head: str = "") -> str:
    """One line a row; the columns are the rows' keys in the order of their first appearance."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    widths = {column: max(len(column), *(len(_shown(row.get(column))) for row in rows.values())) for column in columns}
    first = max(len(head), *(len(name) for name in rows)) if rows else len(head)
    lines = [f"{head:{first}s}  " + "  ".join(f"{column:>{widths[column]}s}" for column in columns)]
    for name, row in rows.items():
        cells = (f"{_shown(row.get(column)):>{widths[column]}s}" for column in columns)
        lines.append(f"{name:{first}s}  " + "  ".join(cells))
    return "\n".join(line.rstrip() for line in lines)


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)


def title(text: str) -> None:
    """A headline between two parts of the output."""
    print(f"\n== {text}", flush=True)
