"""The commands that take out what should not be learned: clean, decontaminate, mask.

Example: ``curate decontaminate pages.parquet --benchmarks gsm8k,math,mmlu --output clean``
"""

from __future__ import annotations

from typing import Annotated

import typer

from curation.cli_documents import Columns, Output, Workers, read_columns, show
from curation.errors import ConfigError

app = typer.Typer()

RemovedOption = Annotated[
    str, typer.Option("--removed", help="What is written of dropped documents: full, ids or none.")
]


def removed_mode(given: str) -> str:
    """The mode, checked.

    Raises:
        ConfigError: if there is none of that name.
    """
    if given not in ("full", "ids", "none"):
        raise ConfigError(f"--removed {given}: expected full, ids or none")
    return given


@app.command(epilog="Example: [bold]curate clean pages.parquet --language en --set min_doc_words=30 --output good[/]")
def clean(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    output: Output,
    language: Annotated[str, typer.Option(help="A code such as en or de, or a YAML file of one's own.")] = "en",
    rules: Annotated[str, typer.Option(help="Which rule sets.")] = "gopher_repetition,gopher_quality,c4,fineweb",
    sets: Annotated[list[str] | None, typer.Option("--set", help="threshold=number, true, false, or null.")] = None,
    curly_bracket: Annotated[str, typer.Option(help="Of texts with {: drop, keep, or mark in a column.")] = "drop",
    clean_lines: Annotated[bool, typer.Option(help="Take out the lines that C4's rules drop.")] = True,
    removed: RemovedOption = "full",
    columns: Columns = None,
    workers: Workers = None,
) -> None:
    """Drop what the quality rules of Gopher, C4 and FineWeb drop, each with the measured value."""
    from curation.cleaning import clean as clean_all

    show(
        lambda progress: clean_all(
            source,
            output=output,
            language=language,
            rules=[one.strip() for one in rules.split(",") if one.strip()],
            thresholds=_thresholds(sets or []),
            curly_bracket=curly_bracket,  # type: ignore[arg-type]
            clean_lines=clean_lines,
            columns=read_columns(columns),
            removed=removed_mode(removed),  # type: ignore[arg-type]
            workers=workers,
            progress=progress,
        ),
        "clean/data",
    )


def _thresholds(given: list[str]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            found[name.strip()] = _number(value.strip())
        except ValueError:
            raise ConfigError(f"--set {one}: expected threshold=number, true, false or null") from None
    return found


def _number(text: str) -> float | None:
    words = {"null": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    return int(text) if text.isdigit() else float(text)


@app.command(epilog="Example: [bold]curate decontaminate pages.parquet --benchmarks gsm8k,math,mmlu --output clean[/]")
def decontaminate(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    benchmarks: Annotated[str, typer.Option(help="Names, NAME=FILE or files of items: gsm8k,math,./mine.jsonl")],
    output: Output,
    ngram: Annotated[int, typer.Option(help="Words that must be shared for a comparison.")] = 13,
    ratio: Annotated[float, typer.Option(help="Of an item's words, from which on a document goes.")] = 0.6,
    measure: Annotated[str, typer.Option(help="lcs, or greedy as cosmopedia's script.")] = "lcs",
    action: Annotated[str, typer.Option(help="drop the document, or mask the passage.")] = "drop",
    answers: Annotated[bool, typer.Option("--answers", help="Look for answers, too.")] = False,
    choices: Annotated[bool, typer.Option(help="Choices belong to the question.")] = True,
    item_column: Annotated[str | None, typer.Option(help="Of files of one's own: the column of items.")] = None,
    removed: RemovedOption = "full",
    columns: Columns = None,
    workers: Workers = None,
) -> None:
    """Drop documents that carry an item of a benchmark, or mask the passage."""
    from curation.cleaning import decontaminate as take_out
    from curation.console import out

    report = show(
        lambda progress: take_out(
            source,
            benchmarks=[one.strip() for one in benchmarks.split(",") if one.strip()],
            output=output,
            ngram=ngram,
            ratio=ratio,
            measure=measure,  # type: ignore[arg-type]
            action=action,  # type: ignore[arg-type]
            answers=answers,
            choices=choices,
            item_column=item_column,
            columns=read_columns(columns),
            removed=removed_mode(removed),  # type: ignore[arg-type]
            workers=workers,
            progress=progress,
        ),
        "decontaminate/data",
    )
    out.print(f"report  {report.output}/decontaminate/contamination.md")


@app.command(epilog="Example: [bold]curate mask code.parquet --ips off --secrets mask --output masked[/]")
def mask(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    output: Output,
    emails: Annotated[str, typer.Option(help="mask, drop or off.")] = "mask",
    ips: Annotated[str, typer.Option(help="mask, drop or off: public addresses; of code off.")] = "mask",
    secrets: Annotated[str, typer.Option(help="mask, drop or off: keys and passwords in code.")] = "off",
    own: Annotated[str, typer.Option(help="mask, drop or off: what --patterns find.")] = "mask",
    patterns: Annotated[str, typer.Option(help="A YAML file, kind: regex.")] = "",
    allowed: Annotated[str, typer.Option(help="A file of values that are left, one a line, or re: REGEX.")] = "",
    columns: Columns = None,
    workers: Workers = None,
) -> None:
    """Mask personal data and secrets, or drop the documents that have any."""
    from curation.cleaning import mask as mask_all
    from curation.console import out

    report = show(
        lambda progress: mask_all(
            source,
            output=output,
            emails=emails,  # type: ignore[arg-type]
            ips=ips,  # type: ignore[arg-type]
            secrets=secrets,  # type: ignore[arg-type]
            own=own,  # type: ignore[arg-type]
            patterns=patterns,
            allowed=allowed,
            columns=read_columns(columns),
            workers=workers,
            progress=progress,
        ),
        "mask/data",
    )
    kinds = "personal" if secrets == "off" else "{personal,secrets}"
    out.print(f"places  {report.output}/mask/{kinds}: document, path, line and kind", markup=False)
