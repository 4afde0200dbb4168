"""The command ``curate plan``: what a run would do, what it will take, and on paper what a larger one would.

Example: ``curate plan finemath --estimate --pages 3e9``
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from curation.cli_documents import Columns, Output, read_columns
from curation.errors import ConfigError

app = typer.Typer()

Config = Annotated[str | None, typer.Option("--config", help="A shipped set of values by name, or a YAML file.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="key=value on top of the settings; keys may be dotted.")]
From = Annotated[list[str] | None, typer.Option("--from", help="STAGE=PATH: start there, reading PATH.")]
Redo = Annotated[list[str] | None, typer.Option("--redo", help="Run this stage again; STAGE+ and all it makes stale.")]
_OF_ESTIMATE = "For --estimate: "


@app.command(epilog="Example: [bold]curate plan finemath --config finemath-smoke --output out[/]")
def plan(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    config: Config = None,
    sets: Sets = None,
    output: Output = "out",
    sources: From = None,
    columns: Columns = None,
    redo: Redo = None,
    remote: Annotated[bool, typer.Option(help="List remote inputs too, for sizes and changes.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines instead of a table.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Core-hours, requests and dollars of so many pages, as a table.")
    ] = False,
    pages: Annotated[float | None, typer.Option(help=f"{_OF_ESTIMATE}documents of each input from outside.")] = None,
    volumes: Annotated[str | None, typer.Option(help=f"{_OF_ESTIMATE}published: what FineMath's paper says.")] = None,
    rates: Annotated[list[str] | None, typer.Option(help=f"{_OF_ESTIMATE}a finished run to take rates from.")] = None,
    rate: Annotated[list[str] | None, typer.Option(help=f"{_OF_ESTIMATE}STAGE=DOCUMENTS a second, of a core.")] = None,
    share: Annotated[list[str] | None, typer.Option(help=f"{_OF_ESTIMATE}STAGE=SHARE of its documents kept.")] = None,
    volume: Annotated[list[str] | None, typer.Option(help=f"{_OF_ESTIMATE}STAGE=DOCUMENTS into it.")] = None,
    price: Annotated[list[str] | None, typer.Option(help=f"{_OF_ESTIMATE}NAME=DOLLARS, such as core_hour.")] = None,
) -> None:
    """What a run would do and why: stages, folders, sizes where known, requests and hours. Touches nothing."""
    from curation.recipe import load_recipe

    loaded = load_recipe(recipe, config, sets or [])
    if estimate:
        from curation.cli_estimate import estimate_text

        asked = {"runs": rates, "given": rate, "shares": share, "documents": volume, "prices": price}
        told = {name: values or [] for name, values in asked.items()}
        sys.stdout.write(estimate_text(loaded, pages=pages, volumes=volumes, **told) + "\n")
        return
    if any(given is not None for given in (pages, volumes, rates, rate, share, volume, price)):
        raise ConfigError("--pages, --volumes, --rates, --rate, --share, --volume and --price go with --estimate")
    from curation.console import out, plan_table, plan_text
    from curation.content import resolve_location
    from curation.foretelling import foretold
    from curation.planning import plan as make_plan

    place = resolve_location(output)
    planned = make_plan(
        loaded,
        place,
        sources=pairs(sources, "--from"),
        columns=read_columns(columns),
        redo=redo or [],
        list_remote=remote,
    )
    if plain:
        sys.stdout.write(plan_text(planned) + "\n")
    else:
        out.print(plan_table(planned, output))
    for stage, line in foretold(loaded, planned, place):
        sys.stdout.write(f"{stage} will take: {line}\n")


def pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    """What ``KEY=VALUE`` options say."""
    found = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise ConfigError(f"{flag} {text}: expected STAGE=PATH")
        found[key] = value
    return found
