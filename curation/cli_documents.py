"""The commands that work on documents without a recipe: train, score; filter is in `curation.cli_filter`.

Example: ``curate train finemath-embedded --labels labels --output classifier``
"""

from __future__ import annotations

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


@app.command(epilog="Example: [bold]curate train finemath-embedded --labels labels --output classifier[/]")
def train(
    spec: Annotated[str, typer.Argument(help="A shipped classifier spec or a file.")],
    labels: Annotated[str, typer.Option(help="What annotate wrote, or any parquet, jsonl, CSV or hf://….")],
    output: Output,
    text_column: str = "text",
    label_column: str = "label",
    group_column: Annotated[
        str, typer.Option(help="Kept on one side of a split; url: its site; or repository.")
    ] = "url",
    weight_column: Annotated[str, typer.Option(help="Inverse sampling rates, if they are there.")] = "sample_weight",
    language: Annotated[str | None, typer.Option(help="Learn from one programming language.")] = None,
    target: Annotated[str | None, typer.Option(help="f1, precision=P, recall=R: where to cut.")] = None,
    keep_share: Annotated[float | None, typer.Option(help="Cut so that this share of the corpus stays.")] = None,
    redo: Again = False,
) -> None:
    """Train a small classifier on labels, with its figures from cross-validation."""
    from curation.commands import train as fit
    from curation.console import out

    if target is not None and keep_share is not None:
        raise ConfigError("--target and --keep-share: choose one")
    report = show(
        lambda progress: fit(
            spec,
            labels=labels,
            output=output,
            text_column=text_column,
            label_column=label_column,
            group_column=group_column,
            weight_column=weight_column,
            language=language,
            target=f"share={keep_share:g}" if keep_share is not None else target,
            redo=redo,
            progress=progress,
        ),
        "train/model",
    )
    if "://" in report.output:
        return
    from curation.choosing import trained_point

    model = Path(report.output, "train/model")
    out.print(f"card    {model}/README.md, picture {model}/report.png")
    out.print(f"cut     {trained_point(report.output)}\n")
    text = (model / "README.md").read_text(encoding="utf-8")
    figures = text.partition("## Figures")[2].partition("### Ranking")[0].partition("\n\n")[2]
    out.print(figures.partition("\n\n")[2], markup=False)


@app.command(epilog="Example: [bold]curate score pages/ --classifier classifier --output scored[/]")
def score(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, or a folder.")],
    classifier: Annotated[str, typer.Option(help="What train wrote, a classifier's folder, or a Hub name.")],
    output: Output,
    tokenizer: Annotated[str | None, typer.Option(help="Count tokens with it.")] = None,
    cascade: Annotated[
        float | None, typer.Option(help="A cheap student drops what cannot reach this threshold.")
    ] = None,
    cascade_recall: Annotated[float, typer.Option(help="Of what the classifier keeps.")] = 0.99,
    cascade_sample: Annotated[int, typer.Option(min=50, max=10_000, help="Documents the student learns from.")] = 4000,
    cut: Annotated[str | None, typer.Option(help="Of the cascade; by default the classifier's.")] = None,
    columns: Columns = None,
    redo: Again = False,
    workers: Workers = None,
) -> None:
    """Score every document with a classifier, or with a cascade those that may reach a threshold."""
    from curation.commands import score as score_all
    from curation.console import out
    from curation.scoring import Cascade, student_says

    if cut not in (None, "published", "calibrated"):
        raise ConfigError(f"--cut {cut}: expected published or calibrated")
    if cascade is None and (cut is not None or cascade_recall != 0.99 or cascade_sample != 4000):
        raise ConfigError(
            "--cut, --cascade-recall and --cascade-sample say how --cascade works: give its threshold, too"
        )
    try:
        screening = (
            Cascade(threshold=cascade, cut=cut, recall=cascade_recall, sample_size=cascade_sample)  # type: ignore[arg-type]
            if cascade is not None
            else None
        )
    except ValueError as error:
        raise ConfigError(f"--cascade-{error}") from error
    report = show(
        lambda progress: score_all(
            source,
            classifier=classifier,
            output=output,
            tokenizer=tokenizer,
            cascade=screening,
            columns=read_columns(columns),
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "score/data",
    )
    if screening is not None:
        out.print(f"student {student_says(report.output)}")


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


def show(work: Callable[[Any], Any], result: str) -> Any:
    """Run with a progress bar, then show the funnel and where the result is."""
    from curation.console import StageProgress, err, funnel_view, out
    from curation.report import funnel

    try:
        with StageProgress() as progress:
            report = work(progress)
    except KeyboardInterrupt:  # typer would end without a word
        err.print("interrupted; what is done is kept, the same command goes on from there")
        raise SystemExit(130) from None
    out.print(funnel_view(funnel(report.output, list(report.records))))
    out.print(f"\nresult  {report.output}/{result}")
    return report
