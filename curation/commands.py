"""Annotate, train, score and select without a recipe file: each is a recipe of one or two stages.

    annotate("pages/*.parquet", prompt="finemath_5pt", judge="replay:replies.jsonl", sample=1000, output="labels")
    train("finemath-embedded", labels="labels", output="classifier")
    score("pages/*.parquet", classifier="classifier", output="scored")
    select("scored", threshold=3, output="kept")

So they resume, skip what is done and refuse stale output like any other run, and each reads what the one before wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, nextafter
from typing import Any

from curation.blocks.select import Cut, KeepScore, KeepWhere
from curation.blocks.train import TrainClassifier
from curation.choosing import choose_point
from curation.classify.spec import load_spec
from curation.errors import ConfigError
from curation.filtering.filter_scores import rules_of
from curation.filtering.rules import Flags
from curation.filtering.source import scored_documents
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
    threshold_of: Mapping[str, float] | None = None,
    cut: Cut = "published",
    target: str | None = None,
    keep_share: float | None = None,
    keep_share_of: Mapping[str, float] | None = None,
    languages: Sequence[str] = (),
    min_tokens: int | None = None,
    licences: Sequence[str] = (),
    licences_excluded: Sequence[str] = (),
    classifier: str | None = None,
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Keep scored documents from a threshold on; they stand in ``{output}/select/data``, the others in ``removed``.

    Args:
        input: what `score` wrote, or any documents with its columns; of a recipe's run those of its stage ``score``.
        output: a folder.
        threshold: a whole number compares ``int_score``, a fraction such as 2.7 the raw ``score``.
        threshold_of: language -> threshold, of scored parquet; others have ``threshold``, else that of the table of
            programming languages.
        cut: ``published``, or ``calibrated`` to compare ``calibrated_score``.
        target: the raw score is cut where the classifier's held-out documents say, such as ``precision=0.9`` at
            ``threshold``; see `Target`.
        keep_share: the raw score is cut so that this share of the input stays (of what the other flags leave of it).
        keep_share_of: language -> share, likewise.
        languages: only these stay; any of their names in any case.
        min_tokens: as of `KeepWhere`.
        licences: as of `KeepWhere`.
        licences_excluded: as of `KeepWhere`.
        classifier: the folder of the classifier that scored, for ``target``, and to say what ``keep_share`` costs.
        columns: our column -> the input's column.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    input = scored_documents(input)
    flags = Flags(
        threshold=threshold if target is None and classifier is None else None,
        threshold_of=dict(threshold_of or {}),
        keep_share=keep_share,
        keep_share_of=dict(keep_share_of or {}),
        languages=tuple(languages),
        cut=cut,
        min_tokens=min_tokens,
        licences=tuple(licences),
        licences_excluded=tuple(licences_excluded),
    )
    where = KeepWhere(licences=flags.licences, licences_excluded=flags.licences_excluded, min_tokens=min_tokens)
    if flags.named or (keep_share is not None and where.asked_columns()):
        if target is not None or classifier is not None:
            raise ConfigError("a target or a classifier chooses one cut for all: it goes with no other flag")
        steps = _by_rules(input, flags, columns or {})
    else:
        keep = _by_one_cut(input, threshold, cut, target, keep_share, classifier, columns or {}, progress)
        steps = [where, keep] if where.asked_columns() else [keep]
    stage = Stage(name="select", reads=(input,), steps=steps, columns=dict(columns or {}))
    settings = {"threshold": steps[-1].threshold, "cut": steps[-1].cut, "target": target, "keep_share": keep_share}
    return run_stages("select", (stage,), output, settings, workers=workers, progress=progress)


def _by_one_cut(
    input: str,
    threshold: float | None,
    cut: Cut,
    target: str | None,
    keep_share: float | None,
    classifier: str | None,
    columns: Mapping[str, str],
    progress: Progress | None,
) -> KeepScore:
    if target is not None or keep_share is not None or classifier is not None:
        point = choose_point(input, threshold, cut, target, keep_share, classifier, columns)
        if progress is not None:
            progress.say(f"cut      {point}")
        return KeepScore(threshold=point.raw_cut, cut="raw")
    if threshold is None:
        raise ConfigError("say where to cut: a threshold, a target or a share to keep")
    return KeepScore(threshold=threshold, cut=cut)


def _by_rules(input: str, flags: Flags, columns: Mapping[str, str]) -> list[Any]:
    """The steps for a rule of each language; what they are called in the input is looked up there."""
    rules = rules_of(input, flags, columns)
    cut: Cut = flags.cut or "published"
    if rules and all(column == "score" for column, _ in rules.values()):
        cut = "raw"
    # Beside rounded scores a share's cut that is a whole number would be taken for a label: the next double is not.
    of = {
        value: nextafter(least, -inf) if column == "score" and cut == "published" and least.is_integer() else least
        for value, (column, least) in rules.items()
    }
    values = tuple(value for value in of if value is not None)
    if not of and not flags.languages:
        raise ConfigError(f"{input}: no documents to find languages of")
    if flags.languages and not values:
        raise ConfigError(f"{input}: no document is in {', '.join(flags.languages)}")
    where = KeepWhere(
        languages=values if flags.languages else (),
        licences=flags.licences,
        licences_excluded=flags.licences_excluded,
        min_tokens=flags.min_tokens,
    )
    if len(set(of.values())) == 1:
        keep = KeepScore(threshold=next(iter(of.values())), cut=cut)
    else:
        named = {value: of[value] for value in values}
        keep = KeepScore(threshold=of.get(None, max(of.values())), cut=cut, by="language", threshold_of=named)
    return [where, keep] if where.asked_columns() else [keep]
