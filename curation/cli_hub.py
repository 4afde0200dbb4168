"""The command that uploads a dataset: push, and what ``run --push-to-hub`` does when the run has ended.

Example: ``curate push out me/pages --dry-run``, then ``curate push out me/pages``
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from curation.hub.files import DataFile, Part, RemoteFile
    from curation.hub.push import PushReport

app = typer.Typer()

_INTERRUPTED = 130


@app.command(epilog="Example: [bold]curate push out me/pages --dry-run[/]")
def push(
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="A run's folder, or any folder of a dataset.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME, or NAME for the owner of the login.")],
    private: Annotated[bool, typer.Option("--private/--public", help="Of a repository that is new.")] = True,
    revision: Annotated[str, typer.Option(help="A branch; made if it is not there.")] = "main",
    files_per_commit: Annotated[int, typer.Option(min=1, help="At most.")] = 100,
    gigabytes_per_commit: Annotated[float, typer.Option(min=0.001, help="At most.")] = 50.0,
    prune: Annotated[bool, typer.Option("--prune", help="Delete configurations that are no more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be done.")] = False,
) -> None:
    """Upload a dataset to the Hub: what is there is not sent again, so the same command goes on after a kill.

    The login is that of `hf auth login`, or HF_TOKEN.
    """
    push_to_hub(
        output,
        repo,
        private=private,
        revision=revision,
        files_per_commit=files_per_commit,
        gigabytes_per_commit=gigabytes_per_commit,
        prune=prune,
        dry_run=dry_run,
    )


def push_to_hub(output: str, repo: str, **settings: Any) -> PushReport:
    """Upload with progress on stderr, and say on stdout what was done; the settings are those of `push_dataset`."""
    from curation.console import err
    from curation.hub.push import push_dataset

    try:
        with PushProgress() as progress:
            report = push_dataset(output, repo, progress=progress, **settings)
    except KeyboardInterrupt:  # typer would end without a word
        err.print("interrupted; what is committed stays, the same command goes on from there")
        raise SystemExit(_INTERRUPTED) from None
    for line in report_lines(report):
        sys.stdout.write(f"{line}\n")
    return report


class PushProgress:
    """A line for each file and each commit; on a terminal also a bar of bytes with the time left."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

        from curation.console import err

        self._out = err
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TextColumn("{task.fields[rate]}"),
            console=err,
            transient=True,
            disable=not err.is_terminal,  # in a file, a bar is an empty line
        )
        self._task = self._bar.add_task("", total=None, rate="")
        self._files, self._all, self._sent, self._size, self._began = 0, 0, 0, 0, 0.0

    def __enter__(self) -> PushProgress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, parts: Sequence[Part]) -> None:
        """The bar begins."""
        self._all, self._size = sum(len(part.send) for part in parts), sum(part.size for part in parts)
        self._began = time.monotonic()
        if self._all:
            self._bar.update(self._task, total=self._size, description=f"0 of {self._all:,} files")
            self._bar.start()

    def sent(self, file: DataFile) -> None:
        """A line for a file."""
        from curation.console import readable

        self._files += 1
        self._sent += file.size
        done = f"{self._files:,} of {self._all:,} files"
        self._bar.update(self._task, advance=file.size, description=done, rate=self._rate())
        self._line(f"  sent {self._files:>5,}/{self._all:,}  {readable(file.size):>8}  {file.name}")

    def _rate(self) -> str:
        """Since the beginning: files come in together, so that a rate over the last of them says nothing."""
        from curation.annotation.forecast import time_text
        from curation.console import readable

        rate = self._sent / max(time.monotonic() - self._began, 0.1)
        return f"{readable(rate)}/s, {time_text((self._size - self._sent) / rate / 3600)} left" if rate else ""

    def committed(self, part: str, files: int, deleted: int, url: str) -> None:
        """A line for a commit."""
        done = [_count(files)] if files else []
        done += [f"{deleted:,} deleted"] if deleted else []
        self._line(f"✓ {part or 'further files'}: {', '.join(done)}  {url}", style="green")

    def say(self, line: str) -> None:
        """A line."""
        self._line(f"  {line}", style="yellow")

    def _line(self, text: str, style: str | None = None) -> None:
        self._out.print(text, style=style, markup=False)


def report_lines(report: PushReport) -> list[str]:
    """What was done, or file by file what would be, and what of the repository is left alone."""
    from curation.console import readable

    lines = _planned(report) if report.dry_run else []
    lines += _left(report.left)
    gone = f", {len(report.deleted):,} deleted" if report.deleted else ""
    same = f", {report.skipped:,} already there" if report.skipped else ""
    if report.dry_run:
        new = " (new)" if report.created else ""
        would = f"would send {_count(report.sent)}, {readable(report.size)}{gone}{same}"
        return [*lines, would, f"dataset {report.url}{new}"]
    if not report.commits:
        return [*lines, f"Nothing to do: all {_count(report.skipped)} are there.", f"dataset {report.url}"]
    commits = f"{report.commits:,} {'commit' if report.commits == 1 else 'commits'}"
    done = f"sent    {_count(report.sent)}, {readable(report.size)}{gone}{same}, in {commits}, {report.seconds:.1f} s"
    return [*lines, done, f"dataset {report.url}"]


def _planned(report: PushReport) -> list[str]:
    from curation.console import readable

    lines = []
    for part in report.parts:
        lines += [f"send    {readable(file.size):>8}  {file.name}" for file in part.send]
        lines += [f"delete  {readable(file.size):>8}  {file.name}" for file in part.delete]
    return lines


def _left(files: Sequence[RemoteFile]) -> list[str]:
    """Files at the top by name, others by the folder at the top."""
    from curation.console import readable

    number: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for file in files:
        top, slash, _ = file.name.partition("/")
        number[top + slash] += 1
        size[top + slash] += file.size
    names = {top: f"{top} ({_count(number[top])})" if top.endswith("/") else top for top in sorted(number)}
    return [f"left    {readable(size[top]):>8}  {name}, not of this dataset" for top, name in names.items()]


def _count(files: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}"
