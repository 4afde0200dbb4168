"""The command that asks a judge: ``curate annotate``.

Example: ``curate annotate pages/ --prompt finemath_5pt --judge endpoint:http://localhost:8000#M --sample 99 -o out``
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from curation.cli_documents import Columns, Output, Workers, read_columns, show
from curation.errors import ConfigError

app = typer.Typer()

_JUDGE, _SAMPLE, _COST = "How the judge is asked", "What is drawn", "What it costs"


def _of(panel: str, text: str, **more: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=panel, **more)


@app.command(
    epilog="Example: [bold]curate annotate pages/ --prompt finemath_5pt --judge endpoint:http://localhost:8000#MODEL "
    "--sample 1000 --output labels[/]"
)
def annotate(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="Parquet, jsonl, CSV, archives, or a folder.")],
    prompt: Annotated[str, typer.Option(help="A shipped prompt or a file.")],
    judge: Annotated[str, typer.Option(help="replay:FILE, endpoint:URL#MODEL or vllm:MODEL.")],
    output: Output,
    sample: Annotated[int | None, _of(_SAMPLE, "How many documents; all by default.", min=1)] = None,
    balance: Annotated[str | None, _of(_SAMPLE, "A column of integers; each value gives an equal share.")] = None,
    stratify: Annotated[str | None, _of(_SAMPLE, "A column; each value gives an equal share.")] = None,
    prefer: Annotated[
        list[str] | None, _of(_SAMPLE, "words=a,b, url=PATTERN or like=FILE: half of the sample; repeats.")
    ] = None,
    seed: Annotated[int, _of(_SAMPLE, "Another seed draws another sample.")] = 0,
    replay_only: Annotated[bool, _of(_SAMPLE, "Draw only documents with a recorded reply.")] = False,
    judge_options: Annotated[
        str, _of(_JUDGE, "JSON: endpoint: into each request's body, null removes; vllm: the server's options.")
    ] = "{}",
    generation: Annotated[str, _of(_JUDGE, "JSON over the prompt's own: temperature, max_tokens, system, …")] = "{}",
    constrain: Annotated[str | None, _of(_JUDGE, "Constrained decoding: none, score, regex or json.")] = None,
    expected_label: Annotated[bool, _of(_JUDGE, "Also the mean label under the log-probabilities.")] = False,
    reminders: Annotated[int, _of(_JUDGE, "How often an unreadable reply is asked about again.", min=0)] = 1,
    repeat: Annotated[int, _of(_JUDGE, "Readings of a document by the judge.", min=1)] = 1,
    second_judge: Annotated[str | None, _of(_JUDGE, "Another judge that reads the same documents.")] = None,
    second_options: Annotated[str, _of(_JUDGE, "Its options, as --judge-options.")] = "{}",
    further_share: Annotated[float, _of(_JUDGE, "Of which share of documents further readings are made.")] = 1.0,
    tokenizer: Annotated[
        str | None, _of(_JUDGE, "The judge's, to cut documents by tokens; none: by characters.")
    ] = None,
    context_tokens: Annotated[int | None, _of(_JUDGE, "The judge's context; by default the server is asked.")] = None,
    slots: Annotated[str | None, _of(_JUDGE, "slot=column,…: what fills the prompt's slots.")] = None,
    key_env: Annotated[str | None, _of(_JUDGE, "Environment variable that holds the API key.")] = None,
    second_key_env: Annotated[str | None, _of(_JUDGE, "The same for the second judge.")] = None,
    concurrency: Annotated[int, _of(_JUDGE, "Requests in flight, per worker.", min=1)] = 256,
    timeout_seconds: Annotated[float, _of(_JUDGE, "How long one reply may take.")] = 600.0,
    patience_seconds: Annotated[float, _of(_JUDGE, "How long a server that has gone is waited for.")] = 900.0,
    stop_unreadable: Annotated[float, _of(_JUDGE, "Stop where more of the first replies is unreadable.")] = 0.5,
    stop_after: Annotated[int, _of(_JUDGE, "How many replies are the first.", min=1)] = 100,
    reuse: Annotated[
        list[str] | None, _of(_COST, "An earlier run's folder: its replies to the same questions are used; repeats.")
    ] = None,
    estimate: Annotated[bool, _of(_COST, "Judge only 200 documents and say what all will take.")] = False,
    price_per_gpu_hour: Annotated[float, _of(_COST, "Of one GPU.")] = 0.0,
    gpus: Annotated[int | None, _of(_COST, "How many one worker keeps busy.", min=1)] = None,
    price_per_million_prompt_tokens: Annotated[float, _of(_COST, "Of what is sent.")] = 0.0,
    price_per_million_completion_tokens: Annotated[float, _of(_COST, "Of what is replied.")] = 0.0,
    max_cost: Annotated[
        float | None, _of(_COST, "Stop, to be continued, when so much is spent; what is in flight comes on top.")
    ] = None,
    max_requests: Annotated[int | None, _of(_COST, "Stop, to be continued, after so many.", min=1)] = None,
    compare: Annotated[
        str | None, typer.Option(help="Hand labels to compare with: columns id or url, and label.")
    ] = None,
    columns: Columns = None,
    redo: Annotated[bool, typer.Option("--redo", help="Ask again although the labels are there.")] = False,
    workers: Workers = None,
) -> None:
    """Ask a judge about a sample of documents."""
    from curation.annotation.judging import Judging
    from curation.annotation.prompt import load_prompt
    from curation.blocks.compare import compare_labels, read_hand_labels
    from curation.config import read_settings
    from curation.console import out
    from curation.labelling import annotate as ask

    price = {
        "per_gpu_hour": price_per_gpu_hour,
        "gpus": gpus,
        "per_million_prompt_tokens": price_per_million_prompt_tokens,
        "per_million_completion_tokens": price_per_million_completion_tokens,
    }
    judging = {
        "judge_options": _json("--judge-options", judge_options),
        "generation": _json("--generation", generation),
        "constrain": constrain,
        "expected_label": expected_label,
        "reminders": reminders,
        "repeat": repeat,
        "second_judge": second_judge,
        "second_options": _json("--second-options", second_options),
        "further_share": further_share,
        "tokenizer": tokenizer,
        "context_tokens": context_tokens,
        "key_env": key_env,
        "second_key_env": second_key_env,
        "concurrency": concurrency,
        "timeout_seconds": timeout_seconds,
        "patience_seconds": patience_seconds,
        "stop_unreadable": stop_unreadable,
        "stop_after": stop_after,
        "price": price,
        "max_cost": max_cost,
        "max_requests": max_requests,
    }
    if compare is not None:
        if estimate:
            raise ConfigError("--compare: a pilot has few labels to compare with; leave out --estimate")
        read_hand_labels(compare, "label", load_prompt(prompt).scale)  # what is wrong with it is said before any work
    show(
        lambda progress: ask(
            source,
            prompt=prompt,
            judge=judge,
            output=output,
            sample=sample,
            balance=balance,
            stratify=stratify,
            prefer=prefer or (),
            seed=seed,
            replay_only=replay_only,
            judging=read_settings(Judging, judging, "curate annotate"),
            slots=read_columns(slots),
            columns=read_columns(columns),
            reuse=reuse or (),
            estimate=estimate,
            redo=redo,
            workers=workers,
            progress=progress,
        ),
        "pilot/data" if estimate else "annotate/data",
    )
    if compare is not None:
        out.print(compare_labels(output, compare).to_markdown())
        out.print(f"written to {output}/annotate/comparison.md")


def _json(option: str, text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{option}: not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{option}: expected a JSON object, got {text}")
    return values
