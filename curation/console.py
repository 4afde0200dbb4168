"""What the command line draws: progress on stderr, results on stdout.

Example: ``with StageProgress() as progress: run(recipe, "out", progress=progress)``
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from curation.annotation.forecast import time_text
from curation.planned import Planned
from curation.report import FunnelRow, reasons

_PIPED_WIDTH = 130
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_POLL_SECONDS = 0.5
_PLAIN_SECONDS = 30.0
_SETTLED_SECONDS = 5.0  # a rate over less says nothing of the time left
_COLOURS = {"done": "green", "stale": "red", "left out": "dim", "not asked for": "dim"}


class StageProgress:
    """A line per stage while it runs: shards done, documents read, time; a line that stays when it has ended."""

    def __init__(self) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:18}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[documents]:>9,} documents"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[judged]}"),
            console=err,
            transient=True,
            disable=not err.is_terminal,  # in a file, a bar is an empty line
        )
        self._task: TaskID | None = None
        self._expected: int | None = None
        self._said = 0.0
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> StageProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._end_watch()
        self._bar.stop()

    def begin(self, planned: Planned, shards: int, done: int, marks: str | None) -> None:
        """A stage begins."""
        self._bar.start()  # only now, so that an error before any work is one line
        self._task = self._bar.add_task(planned.stage.name, total=shards, completed=done, documents=0, judged="")
        self._expected, self._said = None, time.monotonic()
        if marks is not None:
            self._stop.clear()
            self._watcher = threading.Thread(target=self._watch, args=(Path(marks), self._task, done), daemon=True)
            self._watcher.start()

    def say(self, line: str, expected: int | None = None) -> None:
        """What a stage will take."""
        self._expected = expected
        err.print(f"  {line}")

    def end(self, planned: Planned, record: Mapping[str, Any]) -> None:
        """A stage has ended."""
        self._end_watch()
        if self._task is not None:
            self._bar.remove_task(self._task)
        dropped = reasons(record["removed"])
        name, seconds = planned.stage.name, record["wall_seconds"]
        err.print(
            f"[green]✓[/] {name:18} {record['documents']:>9,} in  {record['kept']:>9,} kept  {seconds:>6.1f} s  "
            f"[dim]{'' if dropped == '–' else dropped}[/]"
        )

    def _end_watch(self) -> None:
        if self._watcher is not None:
            self._stop.set()
            self._watcher.join()
            self._watcher = None

    def _watch(self, marks: Path, task: TaskID, done: int) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            try:
                counted = [path.read_text().split() for path in marks.glob("[0-9]*")]
            except OSError:  # the marks are gone when the last shard is done, before the stage has ended
                continue
            if not counted:
                continue
            judged = judged_line(_statuses(marks), self._expected)
            if judged and not err.is_terminal and time.monotonic() - self._said > _PLAIN_SECONDS:
                self._said = time.monotonic()
                err.print(f"  {judged}")
            documents = sum(int(parts[0]) for parts in counted if parts)
            ended = sum(len(parts) > 1 for parts in counted)
            self._bar.update(task, completed=done + ended, documents=documents, judged=judged)


def judged_line(statuses: Sequence[Mapping[str, Any]], expected: int | None) -> str:
    """How far a judge is: labels and tokens a second over all tasks, and the time left; empty where none is asked."""
    if not statuses:
        return ""
    waits_for = next((one["waits_for"] for one in statuses if one["waits_for"]), "")
    total = {key: sum(one[key] for one in statuses) for key in statuses[0] if key != "waits_for"}
    began = min(one["began"] for one in statuses)
    seconds = max(one["began"] + one["seconds"] for one in statuses) - began or 1.0
    tokens = (total["prompt_tokens"] + total["completion_tokens"]) / seconds
    rate = max(0, total["documents"] - total["recorded"]) / seconds
    line = f"{total['labelled']:,} labelled, {rate:,.1f}/s, {tokens:,.0f} tokens/s"
    if total["unlabelled"]:
        line += f", {total['unlabelled']:,} without a label"
    if waits_for:
        return f"{line}, waiting: {waits_for}"
    if expected and rate and seconds > _SETTLED_SECONDS:
        line += f", {time_text(max(0.0, expected - rate * seconds) / rate / 3600)} left"
    return line


def _statuses(marks: Path) -> list[dict[str, Any]]:
    found = []
    for path in marks.glob("status-*"):
        with contextlib.suppress(OSError, ValueError):  # being written right now: the next look will see it
            found.append(json.loads(path.read_text()))
    return found


def plan_table(planned: Sequence[Planned], output: str) -> Table:
    """The plan: stages with their folders, what they read, how much of it, and what will happen."""
    table = Table(box=None, pad_edge=False, title=f"into {output}/STAGE", title_justify="left")
    for head in ("stage", "status", "why", "reads", "size", "steps"):
        table.add_column(head, overflow="fold")
    for one in planned:
        steps = " → ".join(map(str, one.stage.steps)) if one.status != "left out" else ""
        status = Text(one.status, _COLOURS.get(one.status, "yellow"))
        table.add_row(one.stage.name, status, Text(one.why), Text(_source(one)), _size(one), Text(steps))
    return table


def plan_text(planned: Sequence[Planned]) -> str:
    """The plan as plain lines, the same on any terminal: what golden files hold."""
    lines = []
    for one in planned:
        lines.append(f"{one.stage.name}: {one.status} ({one.why})")
        if one.status == "left out":
            continue
        size = _size(one)
        lines.append(f"    reads {_source(one)}{f' ({size})' if size else ''}")
        lines += [f"    {step}" for step in one.stage.steps]
        if one.stage.finish is not None:
            lines.append(f"    then {one.stage.finish}")
    return "\n".join(lines)


def funnel_view(rows: Sequence[FunnelRow]) -> Table:
    """Documents in, kept and dropped by reason, stage by stage."""
    table = Table(box=None, pad_edge=False)
    for head, justify in (("stage", "left"), ("in", "right"), ("kept", "right"), ("dropped", "left"), ("", "left")):
        table.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        noted = {key: number for key, number in row.counts.items() if number}
        table.add_row(
            row.stage, f"{row.documents:,}", f"{row.kept:,}", reasons(row.removed), f"[dim]{_counts(noted)}[/]"
        )
    return table


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def _source(one: Planned) -> str:
    return one.reads or ", ".join(one.located)


def _size(one: Planned) -> str:
    if one.size is None:
        return ""
    if one.reads:
        return readable(one.size)
    count = sum(file.count for file in one.inputs)
    return f"{count:,} {'file' if count == 1 else 'files'}, {readable(one.size)}"


def readable(size: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
