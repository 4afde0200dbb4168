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

from curation.blocks.select import Cut, KeepScore
from curation.blocks.train import TrainClassifier
from curation.choosing import choose_point
from curation.classify.spec import load_spec
from curation.errors import ConfigError
from curation.labelling import annotate
from curation.recipe import Stage, folder_of
from curation.running import RunReport, run_stages
from curation.scoring import score
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
    weight_column: str = "sample_weight",
    target: str | None = None,
    language: str | None = None,
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
        group_column: as of `TrainClassifier`: a column, ``url`` for its site, or ``repository``.
        weight_column: the labels' column of inverse sampling rates, if they have it.
        target: what the cut is chosen for: ``f1``, ``precision=0.9``, ``recall=0.95`` or ``share=0.02``.
        language: learn from the documents of one programming language only.
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
        weight_column=weight_column,
        target=target,
        language=language,
        keep_embeddings=folder_of("train", "embeddings"),
        embedder=embedder,
    )
    columns = {} if text_column == "text" else {"text": text_column}
    stage = Stage(name="train", reads=(labels,), steps=[step], gather=True, costly=True, columns=columns)
    settings = {"spec": spec, "prompt": load_spec(spec).prompt, "labels": labels}
    return run_stages("train", (stage,), output, settings, redo=redo, progress=progress)


def select(
    input: str,
    *,
    output: str,
    threshold: float | None = None,
    cut: Cut = "published",
    target: str | None = None,
    keep_share: float | None = None,
    classifier: str | None = None,
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Keep scored documents from a threshold on; they stand in ``{output}/select/data``, the others in ``removed``.

    Args:
        input: what `score` wrote, or any documents with its columns.
        output: a folder.
        threshold: a whole number compares ``int_score``, a fraction such as 2.7 the raw ``score``.
        cut: ``published``, or ``calibrated`` to compare ``calibrated_score``.
        target: the raw score is cut where the classifier's held-out documents say, such as ``precision=0.9`` at
            ``threshold``; see `Target`.
        keep_share: the raw score is cut so that this share of the input stays.
        classifier: the folder of the classifier that scored, for ``target``, and to say what ``keep_share`` costs.
        columns: our column -> the input's column.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    point = None
    if target is not None or keep_share is not None:
        point = choose_point(input, threshold, cut, target, keep_share, classifier, columns or {})
        if progress is not None:
            progress.say(f"cut      {point}")
    elif threshold is None:
        raise ConfigError("say where to cut: a threshold, a target or a share to keep")
    step = KeepScore(threshold=point.raw_cut, cut="raw") if point else KeepScore(threshold=threshold or 0.0, cut=cut)
    stage = Stage(name="select", reads=(input,), steps=[step], columns=dict(columns or {}))
    settings = {"threshold": step.threshold, "cut": step.cut, "target": target, "keep_share": keep_share}
    return run_stages("select", (stage,), output, settings, workers=workers, progress=progress)
