"""The commands about duplicates, and about what became of a document: dedup, explain.

Example: ``curate dedup pages.parquet --threshold 0.8 --keep longest --output unique``
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from curation.cli_clean import RemovedOption, removed_mode
from curation.cli_documents import Again, Columns, Output, Workers, read_columns, show
from curation.config import read_settings

app = typer.Typer()


@app.command(epilog="Example: [bold]curate dedup pages.parquet --threshold 0.8 --keep longest --output unique[/]")
def dedup(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    output: Output,
    bands: Annotated[int, typer.Option(help="Groups of hashes: 14 FineWeb, 1 FineMath, 25 StarCoder.")] = 14,
    rows: Annotated[int, typer.Option(help="Hashes in a group: 8, 10, 10.")] = 8,
    ngram: Annotated[int, typer.Option(help="Words or characters in a shingle.")] = 5,
    shingles: Annotated[str, typer.Option(help="words or characters.")] = "words",
    normalisation: Annotated[str, typer.Option(help="keep_mathematics, words or datatrove.")] = "keep_mathematics",
    threshold: Annotated[
        float | None, typer.Option(help="Verify: only from this exact similarity on; else whole clusters.")
    ] = None,
    measure: Annotated[str, typer.Option(help="jaccard or containment.")] = "jaccard",
    keep: Annotated[
        str, typer.Option(help="best, longest, first, stars, earliest, permissive, highest:COLUMN, …; or several.")
    ] = "best",
    against: Annotated[list[str] | None, typer.Option(help="An earlier dataset, whose documents stay.")] = None,
    within: Annotated[
        str | None, typer.Option(help="Only documents that are equal in this column, such as crawl.")
    ] = None,
    removed: RemovedOption = "full",
    seed: Annotated[int, typer.Option(help="Of the permutations.")] = 1,
    parts: Annotated[int, typer.Option(help="Of the clusters: a worker holds one.")] = 8,
    splits: Annotated[int, typer.Option(help="Of each band, likewise.")] = 1,
    redo: Again = False,
    columns: Columns = None,
    workers: Workers = None,
) -> None:
    """Drop exact and near-duplicates, each with the document that is kept for it."""
    from curation.console import out
    from curation.deduplication import Dedup
    from curation.deduplication import dedup as drop_duplicates

    given = {"shingles": shingles, "normalisation": normalisation, "measure": measure}
    numbers = {"bands": bands, "rows": rows, "ngram": ngram, "seed": seed, "parts": parts, "splits": splits}
    values: dict[str, Any] = {"threshold": threshold, "within": within, **numbers, **given}
    settings = read_settings(Dedup, values | {"keep": [one.strip() for one in keep.split(",")]}, "dedup")
    report = show(
        lambda progress: drop_duplicates(
            source,
            output=output,
            settings=settings,
            against=against or (),
            columns=read_columns(columns),
            removed=removed_mode(removed),  # type: ignore[arg-type]
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "dedup/data",
    )
    if report.records["dedup"]["removed"] and removed == "full":
        out.print(f"pairs   curate explain {output} ID, with an id of {report.output}/dedup/removed")


@app.command(epilog="Example: [bold]curate explain out page-17[/]")
def explain(
    output: Annotated[str, typer.Argument(metavar="DIR", help="A run's folder.")],
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A document's id.")],
) -> None:
    """What became of a document, stage by stage, and why; of a duplicate also what is kept for it."""
    from curation.explaining import explain as lines

    for line in lines(output, identifier):
        typer.echo(line)
