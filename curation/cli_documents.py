"""The commands that work on documents without a recipe: annotate, train, score, filter.

Example: ``curate annotate pages/ --prompt finemath_5pt --judge replay:replies.jsonl --sample 1000 --output labels``
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from curation.errors import ConfigError

app = typer.Typer()

Output = Annotated[str, typer.Option("--output", "-o", help="The run's folder, local or s3://…")]
Columns = Annotated[str | None, typer.Option("--columns", help="ours=theirs,…: columns of an input from outside.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Tasks at a time.")]
Again = Annotated[bool, typer.Option("--redo", help="Run again although the result is there.")]


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
            slots=read_columns(slots),
            columns=read_columns(columns),
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
            columns=read_columns(columns),
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
            columns=read_columns(columns),
            workers=workers,
            progress=progress,
        ),
        "select/data",
    )


def read_columns(text: str | None) -> dict[str, str]:
    """``ours=theirs,…`` as a mapping.

    Raises:
        ConfigError: if it is not of that form.
    """
    if not text:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    for ours, equals, theirs in pairs:
        if not (ours and equals and theirs):
            raise ConfigError(f"--columns {text}: expected ours=theirs,…, such as text=content,id=blob_id")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _show(work: Callable[[Any], Any], result: str) -> Any:
    """Run with a progress bar, then show the funnel and where the result is."""
    from curation.console import StageProgress, funnel_view, out
    from curation.report import funnel

    with StageProgress() as progress:
        report = work(progress)
    out.print(funnel_view(funnel(report.output, list(report.records))))
    out.print(f"\nresult  {report.output}/{result}")
    return report
