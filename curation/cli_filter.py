"""The command that tries and applies thresholds on scores: filter.

curate filter stack_edu --input out --language python --threshold 3     # a look: what would stay
curate filter stack_edu --input out --threshold Java=2 --output kept    # ids and scores of what stays
curate filter scored --threshold 3 --output kept                        # the documents themselves, without a recipe
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curation.errors import ConfigError

if TYPE_CHECKING:
    from curation.filtering.report import FilterReport

app = typer.Typer()

_LOOK = "curate filter stack_edu --input out --language python --threshold 3"
_CUTS = ("published", "calibrated")

Given = Mapping[str, Any]


@app.command("filter", epilog=f"Example: [bold]{_LOOK}[/], or without a recipe: [bold]curate filter scored -o kept[/]")
def filter_(
    source: Annotated[
        str, typer.Argument(metavar="RECIPE|SCORED", help="A recipe, with --input; or what score wrote, without.")
    ],
    input_: Annotated[
        str | None, typer.Option("--input", help="A run's folder, a stage's, or scored parquet: of the recipe.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Write what is kept; without it nothing is written.")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(help="3: int_score >= 3; 2.7: score >= 2.7; or of one language, Python=3. Repeatable."),
    ] = None,
    keep_share: Annotated[
        list[str] | None, typer.Option(help="0.1: the best tenth by score; or Python=0.1. Repeatable.")
    ] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only this language: cpp, C++, C#, …. Repeatable.")] = None,
    cut: Annotated[
        str | None, typer.Option(help="published, or calibrated: calibrated_score; by default the recipe's.")
    ] = None,
    min_tokens: Annotated[int | None, typer.Option(min=1, help="The least token_count.")] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option("--licence", "--license", help="permissive, no_license, other, or an SPDX id. Repeatable."),
    ] = None,
    licence_exclude: Annotated[
        list[str] | None, typer.Option("--licence-exclude", "--license-exclude", help="Likewise. Repeatable.")
    ] = None,
    with_text: Annotated[bool, typer.Option("--with-text", help="With --input: write texts, too.")] = False,
    config: Annotated[str | None, typer.Option("--config", help="With --input: a set of values of the recipe.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Of SCORED: precision=P, recall=R or f1 at --threshold, by --classifier.")
    ] = None,
    classifier: Annotated[
        str | None, typer.Option(help="Of SCORED: what train wrote, whose held-out documents tell.")
    ] = None,
    columns: Annotated[str | None, typer.Option("--columns", help="ours=theirs,…: columns of the input.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Of SCORED: tasks at a time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What a threshold keeps of scored documents, by language; or keep it. No model is loaded."""
    from curation.cli_documents import read_columns

    if cut not in (None, *_CUTS):
        raise ConfigError(f"--cut {cut}: expected published or calibrated")
    least, least_of = read_numbers(threshold, "--threshold")
    share, share_of = read_numbers(keep_share, "--keep-share")
    given = {
        "threshold": least,
        "threshold_of": least_of,
        "keep_share": share,
        "keep_share_of": share_of,
        "languages": tuple(language or ()),
        "cut": cut,
        "min_tokens": min_tokens,
        "licences": tuple(licence or ()),
        "licences_excluded": tuple(licence_exclude or ()),
        "columns": read_columns(columns),
    }
    chosen = {"target": target, "classifier": classifier}
    if input_ is not None:
        _refuse("--input", {"--target": target, "--classifier": classifier, "--workers": workers})
        _look(input_, {**given, "recipe": source, "config": config, "output": output, "with_text": with_text}, as_json)
        return
    _check_scored(source)
    _refuse("SCORED", {"--config": config, "--with-text": with_text or None})
    if output is None:
        _look(source, _as_cut(source, given, chosen), as_json)
    else:
        _keep(source, {**given, **chosen, "output": output, "workers": workers}, as_json)


def read_numbers(texts: Sequence[str] | None, flag: str) -> tuple[float | None, dict[str, float]]:
    """``["3", "Python=2.7"]`` as the number for all, if there is one, and those of languages.

    Raises:
        ConfigError: for what is no number, or stands twice.
    """
    found: dict[str, float] = {}
    for text in texts or ():
        name, _, number = text.rpartition("=")
        if name.strip() in found:
            raise ConfigError(f"{flag} {text}: given twice{f' for {name}' if name else ''}")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ConfigError(f"{flag} {text}: expected a number, or LANGUAGE=NUMBER such as Python=3") from None
    return found.pop("", None), found


def _look(source: str, given: Given, as_json: bool) -> None:
    from curation.console import out
    from curation.filtering.filter_scores import filter_scores
    from curation.filtering.report import last_lines

    report = filter_scores(source, **given)
    if as_json:
        sys.stdout.write(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n")
        return
    out.print(_table(report))
    out.print("\n" + "\n".join(last_lines(report)), markup=False)
    if report.output is not None:
        out.print(f"\nresult  {report.output}", markup=False)


def _keep(source: str, given: Given, as_json: bool) -> None:
    from curation.cli_documents import show
    from curation.commands import select
    from curation.console import StageProgress, out

    arguments = {**given, "cut": given["cut"] or "published"}
    if as_json:
        with StageProgress() as progress:
            report = select(source, progress=progress, **arguments)
        record = {"output": report.output, **report.records["select"]}
        sys.stdout.write(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        return
    report = show(lambda progress: select(source, progress=progress, **arguments), "select/data")
    out.print(f"kept    {report.planned[0].stage.steps[-1].condition}", markup=False)


def _as_cut(source: str, given: Given, chosen: Mapping[str, str | None]) -> Given:
    """For a look: a target as the raw cut that it is."""
    if chosen["target"] is None and chosen["classifier"] is None:
        if not (given["threshold_of"] or given["keep_share_of"] or given["languages"]):
            _need_cut(given)
        return given
    from curation.choosing import choose_point
    from curation.console import out
    from curation.filtering.source import scored_documents

    point = choose_point(
        scored_documents(source),
        given["threshold"],
        given["cut"] or "published",
        chosen["target"],
        given["keep_share"],
        chosen["classifier"],
        given["columns"],
    )
    out.print(f"cut      {point}\n", markup=False)
    return {**given, "threshold": point.raw_cut, "keep_share": None, "cut": "raw"}


def _need_cut(given: Given) -> None:
    if given["threshold"] is None and given["keep_share"] is None:
        raise ConfigError("say where to cut: a threshold, a target or a share to keep")


def _check_scored(source: str) -> None:
    from curation.content import list_content

    if source in list_content("pipelines") and not Path(source).exists():
        raise ConfigError(f"{source} is a recipe: name the folder of its run or other scores, --input FOLDER")


def _refuse(with_: str, flags: Mapping[str, Any]) -> None:
    for flag, value in flags.items():
        if value is not None:
            raise ConfigError(f"{flag} does not go with {with_}, see curate filter --help")


def _table(report: FilterReport) -> Any:
    from rich.table import Table
    from rich.text import Text

    from curation.filtering.report import table_rows

    head, *rows = table_rows(report)
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
