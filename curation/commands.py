"""Annotate, train, score and select without a recipe file: each is a recipe of one or two stages.

    annotate("pages/*.parquet", prompt="finemath_5pt", judge="replay:replies.jsonl", sample=1000, output="labels")
    train("finemath-embedded", labels="labels", output="classifier")
    score("pages/*.parquet", classifier="classifier", output="scored")
    select("scored", threshold=3, output="kept")

So they resume, skip what is done and refuse stale output like any other run, and each reads what the one before wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.blocks.extract import ExtractText
from curation.blocks.score import CountTokens, ScoreText
from curation.blocks.select import Cut, KeepScore
from curation.blocks.train import TrainClassifier
from curation.classify.spec import load_spec
from curation.labelling import annotate
from curation.recipe import Stage, folder_of
from curation.running import RunReport, run_stages
from curation.stage_runner import Progress

__all__ = ["annotate", "score", "select", "train"]


def train(
    spec: str,
    *,
    labels: str,
    output: str,
    text_column: str = "text",
    label_column: str = "label",
    group_column: str = "url",
    embedder: Any = None,
    redo: bool = False,
    progress: Progress | None = None,
) -> RunReport:
    """Train a classifier on labels; it stands in ``{output}/train/model``, and ``load_classifier(output)`` loads it.

    Args:
        spec: a shipped spec's name or a file.
        labels: what `annotate` wrote, or any parquet, JSON lines or CSV.
        output: a folder.
        text_column: the labels' column of texts.
        label_column: the labels' column of labels.
        group_column: as of `TrainClassifier`: a column, ``url`` for its registered domain, or ``repository``.
        embedder: an object with ``embed(list[str]) -> array`` in place of the spec's.
        redo: train again although the classifier is there.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: if ``output`` holds a classifier made with something else.
    """
    step = TrainClassifier(
        spec=spec,
        model=folder_of("train", "model"),
        group_column=group_column,
        label_column=label_column,
        keep_embeddings=folder_of("train", "embeddings"),
        embedder=embedder,
    )
    columns = {} if text_column == "text" else {"text": text_column}
    stage = Stage(name="train", reads=(labels,), steps=[step], gather=True, costly=True, columns=columns)
    settings = {"spec": spec, "prompt": load_spec(spec).prompt, "labels": labels}
    return run_stages("train", (stage,), output, settings, redo=redo, progress=progress)


def score(
    input: str,
    *,
    classifier: str,
    output: str,
    tokenizer: str | None = None,
    columns: Mapping[str, str] | None = None,
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Score documents; they stand in ``{output}/score/data`` with ``score``, ``int_score`` and all other columns.

    Args:
        input: as of `annotate`.
        classifier: what `train` wrote, a classifier's folder, or a Hub name.
        output: a folder.
        tokenizer: count tokens with it.
        columns: our column -> the input's column.
        redo: score again although the scores are there.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: if ``output`` holds scores made with something else.
    """
    steps: list[Any] = [ExtractText(), ScoreText(classifier=classifier)]
    if tokenizer is not None:
        steps.append(CountTokens(tokenizer=tokenizer))
    stage = Stage(name="score", reads=(input,), steps=steps, costly=True, columns=dict(columns or {}))
    return run_stages(
        "score", (stage,), output, {"classifier": classifier}, redo=redo, workers=workers, progress=progress
    )


def select(
    input: str,
    *,
    threshold: float,
    output: str,
    cut: Cut = "published",
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Keep scored documents from a threshold on; they stand in ``{output}/select/data``, the others in ``removed``.

    Args:
        input: what `score` wrote, or any documents with its columns.
        threshold: a whole number compares ``int_score``, a fraction such as 2.7 the raw ``score``.
        output: a folder.
        cut: ``published``, or ``calibrated`` to compare ``calibrated_score``.
        columns: our column -> the input's column.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    step = KeepScore(threshold=threshold, cut=cut)
    stage = Stage(name="select", reads=(input,), steps=[step], columns=dict(columns or {}))
    return run_stages(
        "select", (stage,), output, {"threshold": threshold, "cut": cut}, workers=workers, progress=progress
    )
