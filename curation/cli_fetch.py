"""The command that reads ranges of a crawl's archives: fetch.

Example: ``curate fetch out/fetch/removed --reason fetch_failed --output later``
"""

from __future__ import annotations

from typing import Annotated

import typer

from curation.cli_documents import Again, Output, Workers, show
from curation.errors import ConfigError

app = typer.Typer()


@app.command(epilog="Example: [bold]curate fetch out/fetch/removed --reason fetch_failed --output later[/]")
def fetch(
    ranges: Annotated[str, typer.Argument(metavar="RANGES", help="Parquet of places in archives, or a folder.")],
    output: Output,
    archives: Annotated[
        str, typer.Option(help="Where the archives are: https://…, s3://… or a folder.")
    ] = "https://data.commoncrawl.org/",
    reason: Annotated[str, typer.Option(help="Only rows whose reason begins so, such as fetch_failed.")] = "",
    rate: Annotated[float, typer.Option(help="Requests a second, of all workers together.")] = 50.0,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at a time of a worker.")] = 32,
    attempts: Annotated[int, typer.Option(min=1, help="How often a range is asked for.")] = 8,
    redo: Again = False,
    workers: Workers = None,
) -> None:
    """Fetch the pages at ranges of archives, such as those that an earlier run could not have."""
    from curation.fetching import fetch as fetch_all

    if not rate > 0:
        raise ConfigError(f"--rate {rate:g}: expected more than 0")
    show(
        lambda progress: fetch_all(
            ranges,
            output=output,
            archives=archives,
            reason=reason,
            requests_per_second=rate,
            concurrency=concurrency,
            attempts=attempts,
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "fetch/data",
    )
