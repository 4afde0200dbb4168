r"""MathML's tables as TeX environments.

Example: a table aligned ``right left`` is ``\begin{aligned} x & =1 \\ y & =2 \end{aligned}``; one of centred cells is a
``matrix``, one with lines or other alignments an ``array``.
"""

from __future__ import annotations

from typing import NamedTuple

from curation.html.mathml_attributes import attribute

_LETTERS = {"left": "l", "right": "r", "center": "c"}
# A hostile columnspan must not write a page of ampersands.
_MAX_SPAN = 32
# In TeX a row that begins with one of these would be read as an argument of the line break before it.
_ARGUMENTS = ("[", "*")


class Cell(NamedTuple):
    """TeX of a table's cell, its alignment if it has one of its own, and how many columns it spans."""

    tex: str
    align: str = ""
    span: int = 1


class Row(NamedTuple):
    """A table's row; ``label`` is the number of an equation."""

    cells: list[Cell]
    align: str = ""
    label: str = ""


def cell(tex: str, attributes: str) -> Cell:
    """A cell from the source of its tag."""
    if not attributes:
        return Cell(tex)
    span = attribute(attributes, "columnspan") or attribute(attributes, "colspan") or ""
    columns = min(int(span), _MAX_SPAN) if span.isascii() and span.isdigit() and len(span) < 4 else 1
    style = (attribute(attributes, "style") or "").replace(" ", "")
    align = attribute(attributes, "columnalign") or style.partition("text-align:")[2].partition(";")[0]
    return Cell(tex, align.strip(), max(columns, 1))


class Table:
    """A table, of which the fences around it make a matrix, cases or an array."""

    __slots__ = ("_attributes", "_rows", "aligns", "columns", "numbered")

    def __init__(self, rows: list[Row], attributes: str) -> None:
        self.columns = max((sum(cell.span for cell in row.cells) for row in rows), default=0)
        self.aligns = _aligns(rows, attribute(attributes, "columnalign") or "", self.columns)
        self._attributes = attributes
        self._rows = [_row_tex(row) for row in rows]
        self.numbered = _tagged(rows[0]) if len(rows) == 1 else ""

    @property
    def _body(self) -> str:
        return " \\\\ ".join(self._rows)

    @property
    def ruled(self) -> bool:
        """Whether it has lines."""
        return any("solid" in self._lines_of(name) or "dash" in self._lines_of(name) for name in _LINES)

    @property
    def matrix(self) -> bool:
        """Whether it is plain, without lines and alignments."""
        return not self.aligns.strip("c") and not self.ruled

    @property
    def aligned(self) -> bool:
        """Whether its columns are the sides of equations."""
        return self.columns > 1 and self.aligns == ("rl" * self.columns)[: self.columns] and not self.ruled

    @property
    def tex(self) -> str:
        """The table by itself."""
        if len(self._rows) <= 1 and self.columns <= 1 and not self.ruled:
            return self._body
        displayed = attribute(self._attributes, "displaystyle") == "true"
        if self.aligned:
            return self.environment("aligned")
        if self.columns == 1 and displayed and not self.ruled:
            return self.environment("gathered" if self.aligns == "c" else "aligned")
        return self.environment("matrix") if self.matrix else self._array()

    def environment(self, name: str) -> str:
        """As an environment without arguments: ``matrix``, ``cases``, ``aligned``."""
        return f"\\begin{{{name}}} {self._body} \\end{{{name}}}"

    @property
    def stack(self) -> str:
        """As the lines under a big operator, or nothing where it has several columns."""
        return f"\\substack{{{self._body}}}" if self.columns == 1 and not self.ruled else ""

    def _lines_of(self, name: str) -> str:
        return attribute(self._attributes, name) or ""

    def _array(self) -> str:
        if not self.ruled:
            return f"\\begin{{array}}{{{self.aligns}}} {self._body} \\end{{array}}"
        frame = "|" if "none" not in self._lines_of("frame") and self._lines_of("frame") else ""
        between = [*("|" * (kind != "none") for kind in _spread(self._lines_of("columnlines"), self.columns - 1)), ""]
        columns = "".join(align + line for align, line in zip(self.aligns, between, strict=False))
        rules = _spread(self._lines_of("rowlines"), len(self._rows) - 1)
        rows = [
            row + (" \\\\ \\hline " if kind != "none" else " \\\\ ")
            for row, kind in zip(self._rows, rules, strict=False)
        ]
        body = "".join(rows) + (self._rows[-1] if self._rows else "")
        body = f"\\hline {body} \\\\ \\hline" if frame else body
        return f"\\begin{{array}}{{{frame}{columns}{frame}}} {body} \\end{{array}}"


_LINES = ("columnlines", "rowlines", "frame")


def _spread(values: str, count: int) -> list[str]:
    """A list attribute for ``count`` places: the last value goes on."""
    given = values.split() or ["none"]
    return (given + given[-1:] * max(count - len(given), 0))[: max(count, 0)]


def _aligns(rows: list[Row], given: str, columns: int) -> str:
    """One of ``l``, ``c``, ``r`` for each column: the table's own list, or what the cells of the column say first."""
    aligns = [_LETTERS.get(align, "c") for align in _spread(given or "center", columns)]
    named: set[int] = set()
    for row in rows:
        column = 0
        own = row.align.split()
        for number, item in enumerate(row.cells):
            align = item.align or (own[min(number, len(own) - 1)] if own else "")
            if item.span == 1 and align in _LETTERS and column not in named:
                aligns[column] = _LETTERS[align]
                named.add(column)
            column += item.span
    return "".join(aligns)


def _row_tex(row: Row) -> str:
    cells = [cell.tex + " &" * (cell.span - 1) for cell in row.cells]
    tex = " & ".join(cells).strip()
    tex = f"{{}}{tex}" if tex.startswith(_ARGUMENTS) else tex
    return f"{tex} \\qquad {row.label}" if row.label else tex


def _tagged(row: Row) -> str:
    """A single equation with its number, nothing where it has none."""
    label = row.label.removeprefix("\\text{").removesuffix("}" if row.label.startswith("\\text{") else "").strip()
    label = label[1:-1] if label[:1] == "(" and label[-1:] == ")" else label
    return f"{' '.join(cell.tex for cell in row.cells)} \\tag{{{label}}}" if label else ""
