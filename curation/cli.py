"""The command ``curate``: it parses, calls and prints.

Example: ``curate run finemath --config finemath-smoke --output out``. Progress goes to stderr, results to stdout; the
exit code is 0 if all went well, 1 if something failed, 2 if the call or the settings are wrong.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from curation.errors import ConfigError, ContentError, CurationError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Curate pretraining data: recipes that turn archives and code into datasets.",
)

Config = Annotated[str | None, typer.Option("--config", help="A shipped set of values by name, or a YAML file.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="key=value on top of the settings; keys may be dotted.")]
Output = Annotated[str, typer.Option("--output", "-o", help="The run's folder, local or s3://…")]
From = Annotated[list[str] | None, typer.Option("--from", help="STAGE=PATH: start there, reading PATH.")]
Columns = Annotated[str | None, typer.Option("--columns", help="ours=theirs,…: columns of an input from outside.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Tasks at a time.")]
Redo = Annotated[list[str] | None, typer.Option("--redo", help="Run this stage again; STAGE+ and all it makes stale.")]
Again = Annotated[bool, typer.Option("--redo", help="Run again although the result is there.")]


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
) -> None:
    """What a run would do and why: stages, folders, sizes where known. Touches nothing."""
    from curation.console import out, plan_table, plan_text
    from curation.planning import plan as make_plan
    from curation.recipe import load_recipe

    planned = make_plan(
        load_recipe(recipe, config, sets or []),
        _absolute(output),
        sources=_pairs(sources, "--from"),
        columns=_columns(columns),
        redo=redo or [],
        list_remote=remote,
    )
    if plain:
        sys.stdout.write(plan_text(planned) + "\n")
    else:
        out.print(plan_table(planned, output))


@app.command(epilog="Example: [bold]curate run finemath --config finemath-smoke --set threshold=4 --output out[/]")
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe's name or file.")],
    output: Output,
    config: Config = None,
    sets: Sets = None,
    stage: Annotated[str | None, typer.Option("--stage", help="Run only this stage.")] = None,
    sources: From = None,
    columns: Columns = None,
    redo: Redo = None,
    executor: Annotated[str | None, typer.Option("--executor", help="local, slurm or ray, for all stages.")] = None,
    workers: Workers = None,
    tasks: Annotated[int | None, typer.Option("--tasks", min=1, help="Number of tasks, for all stages.")] = None,
) -> None:
    """Run what is not done yet; killed and started again, it goes on where it was."""
    from curation.console import StageProgress, err, funnel_view, out
    from curation.recipe import load_recipe
    from curation.report import funnel
    from curation.running import run as run_recipe

    loaded = load_recipe(recipe, config, sets or [])
    with StageProgress() as progress:
        report = run_recipe(
            loaded,
            output,
            sources=_pairs(sources, "--from"),
            columns=_columns(columns),
            stage=stage,
            redo=redo or [],
            executor=executor,
            workers=workers,
            tasks=tasks,
            progress=progress,
        )
    out.print(funnel_view(funnel(report.output, list(report.records))))
    if not report.ran:
        out.print("Nothing to do: every stage is done.")
    if "publish" in report.records:
        out.print(f"\ndataset  {report.output}/publish/data\ncard     {report.output}/publish/data/README.md")
    err.print(f"{report.seconds:.1f} s, peak memory {report.peak_memory_gb:.2f} GB")


@app.command(epilog="Example: [bold]curate status out[/]")
def status(output: Annotated[str, typer.Argument(help="A run's folder.")]) -> None:
    """What is done in a run's folder: stages, shards, documents in, kept and dropped by reason."""
    from curation.console import funnel_view, out
    from curation.folder import Folder
    from curation.manifest import Manifest
    from curation.report import funnel

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


@app.command(
    epilog="Example: [bold]curate annotate pages/ --prompt finemath_5pt --judge endpoint:http://localhost:8000#MODEL "
    "--sample 1000 --output labels[/]"
)
def annotate(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    prompt: Annotated[str, typer.Option(help="A shipped prompt or a file.")],
    judge: Annotated[str, typer.Option(help="replay:FILE, endpoint:URL#MODEL or vllm:MODEL.")],
    output: Output,
    sample: Annotated[int | None, typer.Option(min=1, help="How many documents; all by default.")] = None,
    balance: Annotated[str | None, typer.Option(help="A column of integers to balance the sample by.")] = None,
    seed: int = 0,
    replay_only: Annotated[bool, typer.Option(help="Draw only documents with a recorded reply.")] = False,
    judge_options: Annotated[str, typer.Option(help="JSON put into each request's body; null removes.")] = "{}",
    key_env: Annotated[str | None, typer.Option(help="Environment variable that holds the API key.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight.")] = 64,
    columns: Columns = None,
    slots: Annotated[str | None, typer.Option(help="slot=column,…: what fills the prompt's slots.")] = None,
    redo: Again = False,
    workers: Workers = None,
) -> None:
    """Ask a judge about a sample of documents."""
    from curation.commands import annotate as ask

    try:
        options = json.loads(judge_options)
    except json.JSONDecodeError as error:
        raise ConfigError(f"--judge-options: not valid JSON: {error}") from error
    _show(
        lambda progress: ask(
            source,
            prompt=prompt,
            judge=judge,
            output=output,
            sample=sample,
            balance=balance,
            seed=seed,
            replay_only=replay_only,
            judge_options=options,
            key_env=key_env,
            concurrency=concurrency,
            slots=_columns(slots),
            columns=_columns(columns),
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "annotate/data",
    )


@app.command(epilog="Example: [bold]curate train finemath-embedded --labels labels --output classifier[/]")
def train(
    spec: Annotated[str, typer.Argument(help="A shipped classifier spec or a file.")],
    labels: Annotated[str, typer.Option(help="What annotate wrote, or any parquet, jsonl or CSV.")],
    output: Output,
    text_column: str = "text",
    label_column: str = "label",
    group_column: Annotated[str, typer.Option(help="Kept on one side of a split; url: its domain.")] = "url",
    redo: Again = False,
) -> None:
    """Train a small classifier on labels, with its figures from cross-validation."""
    from curation.commands import train as fit
    from curation.console import out

    report = _show(
        lambda progress: fit(
            spec,
            labels=labels,
            output=output,
            text_column=text_column,
            label_column=label_column,
            group_column=group_column,
            redo=redo,
            progress=progress,
        ),
        "train/model",
    )
    out.print(Path(report.output, "train/model/README.md").read_text() if "://" not in report.output else "")


@app.command(epilog="Example: [bold]curate score pages/ --classifier classifier --output scored[/]")
def score(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, or a folder.")],
    classifier: Annotated[str, typer.Option(help="What train wrote, a classifier's folder, or a Hub name.")],
    output: Output,
    tokenizer: Annotated[str | None, typer.Option(help="Count tokens with it.")] = None,
    columns: Columns = None,
    redo: Again = False,
    workers: Workers = None,
) -> None:
    """Score every document with a classifier."""
    from curation.commands import score as score_all

    _show(
        lambda progress: score_all(
            source,
            classifier=classifier,
            output=output,
            tokenizer=tokenizer,
            columns=_columns(columns),
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "score/data",
    )


@app.command("filter", epilog="Example: [bold]curate filter scored --threshold 3 --output kept[/]")
def filter_(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="What score wrote, or documents with its columns.")],
    threshold: Annotated[float, typer.Option(help="3 means int_score >= 3, 2.7 means score >= 2.7.")],
    output: Output,
    cut: Annotated[str, typer.Option(help="published or calibrated.")] = "published",
    columns: Columns = None,
    workers: Workers = None,
) -> None:
    """Keep scored documents from a threshold on."""
    from curation.commands import select

    if cut not in ("published", "calibrated"):
        raise ConfigError(f"--cut {cut}: expected published or calibrated")
    _show(
        lambda progress: select(
            source,
            threshold=threshold,
            output=output,
            cut="calibrated" if cut == "calibrated" else "published",
            columns=_columns(columns),
            workers=workers,
            progress=progress,
        ),
        "select/data",
    )


@app.command(epilog="Example: [bold]curate extract page.html[/]")
def extract(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_URL", help="A page, an archive, or the URL of one.")],
    extractor: Annotated[str, typer.Option(help="mathematics or main_content.")] = "mathematics",
    limit: Annotated[int, typer.Option(min=1, help="Pages of an archive to show.")] = 20,
) -> None:
    """One page or archive to text, to look at."""
    from curation.look import look

    for part in look(source, extractor, limit):
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


def _show(work: Callable[[Any], Any], result: str) -> Any:
    """Run with a progress bar, then show the funnel and where the result is."""
    from curation.console import StageProgress, funnel_view, out
    from curation.report import funnel

    with StageProgress() as progress:
        report = work(progress)
    out.print(funnel_view(funnel(report.output, list(report.records))))
    out.print(f"\nresult  {report.output}/{result}")
    return report


def _pairs(given: list[str] | None, flag: str) -> dict[str, str]:
    pairs = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise ConfigError(f"{flag} {text}: expected STAGE=PATH")
        pairs[key] = value
    return pairs


def _columns(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    for ours, equals, theirs in pairs:
        if not (ours and equals and theirs):
            raise ConfigError(f"--columns {text}: expected ours=theirs,…, such as text=content,id=blob_id")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _absolute(output: str) -> str:
    from curation.content import resolve_location

    return resolve_location(output)
