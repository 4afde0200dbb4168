"""The command that begins a topic of one's own.

Example: ``curate new physics --topic "physics lessons" --input 'crawl/*.warc.gz'``
"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: [bold]curate new physics --topic 'physics lessons' --input 'crawl/*.warc.gz'[/]")
def new(
    name: Annotated[str, typer.Argument(help="Of the dataset: lowercase letters, digits, - and _.")],
    topic: Annotated[str | None, typer.Option(help="What is collected, as in “a collection of TOPIC”.")] = None,
    inputs: Annotated[list[str] | None, typer.Option("--input", help="Archives or tables; may be repeated.")] = None,
    judge: Annotated[str | None, typer.Option(help="endpoint:URL#MODEL, vllm:MODEL or replay:FILE.")] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="The bundled pages with recorded replies, to try it.")
    ] = False,
    folder: Annotated[str | None, typer.Option(help="Where the files go; NAME by default.")] = None,
) -> None:
    """Write a recipe's values, a prompt and a classifier spec for a topic of your own, to edit and run."""
    from curation.console import out
    from curation.topic import new_topic

    values, prompt, spec = new_topic(name, topic=topic, inputs=inputs or [], judge=judge, sample=sample, folder=folder)
    out.print(f"{prompt}  what the judge is asked: say there what makes a document worth having, then")
    out.print(f"{values}  inputs, judge, size of the sample, thresholds")
    out.print(f"{spec}  what learns the judge", end="\n\n")
    out.print(f"curate plan topic --config {values} --output {name}-out", highlight=False)
    out.print(f"curate run topic --config {values} --output {name}-out", highlight=False)
