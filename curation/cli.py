"""The command ``curate``: it parses, calls and prints.

Example: ``curate run finemath --config finemath-smoke --output out``. Progress goes to stderr, results to stdout; the
exit code is 0 if all went well, 1 if something failed, 2 if the call or the settings are wrong.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Annotated, Any

import typer

from curation.cli_annotate import app as annotating
from curation.cli_clean import app as cleaning
from curation.cli_crawl import app as crawling
from curation.cli_dedup import app as duplicates
from curation.cli_documents import Columns, Output, Workers, read_columns
from curation.cli_documents import app as documents
from curation.cli_fetch import app as fetching
from curation.cli_filter import app as filtering
from curation.cli_hub import app as pushing
from curation.cli_hub import push_to_hub
from curation.cli_new import app as beginning
from curation.cli_plan import Config, From, Redo, Sets, pairs
from curation.cli_plan import app as planning
from curation.errors import ConfigError, ContentError, CurationError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Curate pretraining data: recipes that turn archives and code into datasets.",
)


@app.command("list", epilog="Example: [bold]curate list[/]")
def list_(json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Recipes with their sets of values, classifier specs and prompts."""
    from curation.console import out
    from curation.content import list_content
    from curation.recipe import list_configs

    found: dict[str, Any] = {"recipes": {name: list_configs(name) for name in list_content("pipelines")}}
    found |= {kind: list_content(kind) for kind in ("classifiers", "prompts")}
    if json_:
        out.print_json(json.dumps(found))
        return
    for name, configs in found["recipes"].items():
        out.print(f"[bold]recipe[/]      {name}  (--config {' | '.join(configs)})")
    for kind in ("classifiers", "prompts"):
        for name in found[kind]:
            out.print(f"[bold]{kind.removesuffix('s'):11}[/] {name}")


@app.command(epilog="Example: [bold]curate run finemath --config finemath-smoke --set threshold=4 --output out[/]")
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    output: Output,
    config: Config = None,
    sets: Sets = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Run only this stage.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Run no stage after this one.")] = None,
    sources: From = None,
    columns: Columns = None,
    redo: Redo = None,
    executor: Annotated[str | None, typer.Option("--executor", help="local, slurm or ray, for all stages.")] = None,
    workers: Workers = None,
    tasks: Annotated[int | None, typer.Option("--tasks", min=1, help="Number of tasks, for all stages.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the jobs of Slurm have ended.")] = False,
    push: Annotated[str | None, typer.Option("--push-to-hub", help="OWNER/NAME: upload it afterwards.")] = None,
) -> None:
    """Run what is not done yet; killed and started again, it goes on where it was."""
    from curation.console import StageProgress, err, funnel_view, out
    from curation.recipe import load_recipe
    from curation.report import funnel
    from curation.running import run as run_recipe

    loaded = load_recipe(recipe, config, sets or [])
    if push:
        from curation.hub.push import check_push

        check_push(push)
    with StageProgress() as progress:
        report = run_recipe(
            loaded,
            output,
            sources=pairs(sources, "--from"),
            columns=read_columns(columns),
            stage=stage,
            until=until,
            redo=redo or [],
            executor=executor,
            workers=workers,
            tasks=tasks,
            wait=wait,
            progress=progress,
        )
    out.print(funnel_view(funnel(report.output, list(report.records))))
    for name, jobs in report.submitted.items():
        out.print(f"submitted {name:18} Slurm jobs {', '.join(jobs)}")
    if report.submitted:
        out.print(f"how far they are: curate status {output}")
    elif not report.ran:
        out.print("Nothing to do: every stage is done.")
    if "publish" in report.records:
        if not report.records["publish"]["kept"]:
            err.print("[yellow]the dataset is empty[/]: see in the table above where the documents went")
        out.print(f"\ndataset  {report.output}/publish/data\ncard     {report.output}/publish/data/README.md")
        if push and report.records["publish"]["kept"]:
            push_to_hub(report.output, push)
            push = None
    if push and report.submitted:
        err.print("[yellow]nothing was uploaded[/]: the same command does once all jobs have ended, or with --wait")
    elif push:
        err.print("[yellow]nothing was uploaded[/]: no dataset was published, or an empty one")
    err.print(f"{report.seconds:.1f} s, peak memory {report.peak_memory_gb:.2f} GB")


@app.command(epilog="Example: [bold]curate status out[/]")
def status(output: Annotated[str, typer.Argument(help="A run's folder.")]) -> None:
    """What is done in a run's folder: stages, shards, documents dropped by reason; what Slurm's jobs do, or why not."""
    from curation.console import funnel_view, out
    from curation.folder import Folder
    from curation.manifest import Manifest
    from curation.report import funnel
    from curation.slurm_status import chain_lines

    folder = Folder(_absolute(output))
    noted = folder.read_json("run.json")
    if noted is None:
        raise ConfigError(f"{output}: no run was started in this folder (no run.json)")
    rows = funnel(folder.location, noted["stages"])
    out.print(f"recipe {noted['recipe']} in {folder.location}")
    out.print(funnel_view(rows))
    for stage in noted["stages"]:
        manifest = Manifest(folder / stage)
        if manifest.started() and not manifest.finished():
            out.print(f"{stage}: {len(manifest.done())} of {len(manifest.shards())} shards are done")
    for line in chain_lines(folder):
        sys.stdout.write(f"{line}\n")


for part in (beginning, planning, crawling, fetching, annotating, documents, filtering, duplicates, cleaning, pushing):
    app.registered_commands += part.registered_commands


@app.command(epilog="Example: [bold]curate extract page.html[/]")
def extract(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A page, an archive, or the URL of one.")],
    extractor: Annotated[str, typer.Option(help="mathematics, resiliparse or trafilatura.")] = "mathematics",
    limit: Annotated[int, typer.Option(min=1, help="Pages of an archive to show.")] = 20,
    macros: Annotated[str, typer.Option(help="The page's own TeX macros: keep, expand or drop.")] = "keep",
    mathematics: Annotated[bool, typer.Option(help="Whether formulas become TeX between dollars.")] = True,
    whole: Annotated[bool, typer.Option("--whole", help="The whole page, its navigation too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON line a page, with all that was found.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Each block with its probability; + is kept.")] = False,
) -> None:
    """One page or archive to text, to look at."""
    from curation.look import View, look

    if explain and as_json:
        raise ConfigError("--explain and --json: choose one")
    view = View(
        extractor=extractor,
        macros=macros,
        mathematics=mathematics,
        main_content=not whole,
        form="blocks" if explain else "json" if as_json else "text",
    )
    for part in look(source, view, limit):
        sys.stdout.write(part + "\n")


def main() -> None:
    """The entry point: errors of ours are one line on stderr."""
    warnings.filterwarnings("ignore")
    try:
        app(standalone_mode=True)
    except (ConfigError, ContentError) as error:
        raise SystemExit(_say(error, 2)) from None
    except CurationError as error:
        raise SystemExit(_say(error, 1)) from None
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; finished shards are kept, the same command goes on from there\n")
        raise SystemExit(1) from None


def _say(error: Exception, code: int) -> int:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble((type(error).__name__, "red"), f": {error}"))
    return code


def _absolute(output: str) -> str:
    from curation.content import resolve_location

    return resolve_location(output)
