"""The commands that work on crawls: index.

Example: ``curate index archives/ --output index --crawl mine-2026``
"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: [bold]curate index archives/ --output index --crawl mine-2026[/]")
def index(
    archives: Annotated[
        str, typer.Argument(metavar="ARCHIVES", help="WARC and ARC files: a folder, a glob or a file.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", help="The index's folder, local or s3://…")],
    crawl: Annotated[str, typer.Option(help="What the crawl is called.")] = "own",
    prefix: Annotated[str, typer.Option(help="Put before the archives' names, which are relative to ARCHIVES.")] = "",
) -> None:
    """Index archives of one's own as Common Crawl's columnar index is, so that pages are fetched out of them by it."""
    from curation.console import out
    from curation.crawl.making import make_index

    made = make_index(archives, output, crawl=crawl, prefix=prefix)
    out.print(f"index    {made.folder}: {made.files} files, {made.records:,} records of {made.archives:,} archives")
    if made.skipped:
        reasons = ", ".join(f"{name} {n:,}" for name, n in sorted(made.skipped.items()))
        out.print(f"no row   {reasons}", markup=False)
