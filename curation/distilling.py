"""The loop at the heart of every recipe: draw a sample, let a judge label it, train a classifier that has learned it.

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        judged: Distillation

    stages = [*distill_stages(s.judged, pool="texts"), *score_stages(s.judged, "texts", tokenizer="gpt2")]

Labels or a classifier that are given leave out what would have made them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from curation.annotation.judging import Judging
from curation.blocks.annotate import Annotate
from curation.blocks.label_report import ReportLabels
from curation.blocks.sample import DrawSample
from curation.blocks.score import CountTokens, ScoreText
from curation.blocks.train import TrainClassifier
from curation.recipe import Removed, Stage, folder_of
from curation.scoring import Cascade, cascade_stages

_FILES = 40
"""Of a sample: five for each of eight tasks, so that none is idle for long at the end."""


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """One round of sample, judge and classifier, as recipes' settings name it.

    Args:
        prompt: a shipped prompt's name or a file.
        judge: ``vllm:MODEL``, ``endpoint:URL#MODEL`` or ``replay:FILE``.
        judging: how it is asked.
        sample_size: documents that are judged; None for all.
        sample_seed: another seed draws another sample.
        stratify: a column each of whose values gives an equal share of the sample.
        prefer: see `DrawSample`.
        replay_only: draw only documents with a recorded reply.
        spec: of the classifier: a shipped spec's name or a file.
        classifier: one that is there already; nothing is sampled, judged or trained then.
        labels: what a judge said already; nothing is sampled or judged then.
        cut: what is compared with thresholds: ``published`` (``int_score``) or ``calibrated``.
        cascade: a student that drops what cannot reach the threshold before it is scored.
    """

    prompt: str
    judge: str
    judging: Judging = field(default_factory=Judging)
    sample_size: int | None
    sample_seed: int = 0
    stratify: str | None = None
    prefer: tuple[str, ...] = ()
    replay_only: bool = False
    spec: str
    classifier: str | None = None
    labels: str | None = None
    cut: Literal["published", "calibrated"]
    cascade: Cascade | None = None

    @property
    def unjudged(self) -> str | None:
        """Why nothing is sampled and judged, if so."""
        return "classifier is given" if self.classifier else "labels are given" if self.labels else None


def distill_stages(
    d: Distillation,
    suffix: str = "",
    *,
    pool: str | tuple[str, ...],
    columns: Mapping[str, str] | None = None,
    balance: str | None = None,
    known: Sequence[str] = (),
    seen: Sequence[Any] = (),
    train: Any = None,
) -> list[Stage]:
    """The stages ``sample``, ``annotate`` and ``train``, each with the suffix.

    Args:
        d: what is asked and learned.
        suffix: of the stages' names, where a recipe has several rounds.
        pool: what the sample is drawn from, as ``reads`` of `Stage`.
        columns: as of `Stage`.
        balance: a column of integers that the sample is balanced by.
        known: folders of vectors that were computed before.
        seen: steps that the sample takes before it is judged, such as one that fills a slot of the prompt.
        train: in place of `TrainClassifier`, such as one that trains a classifier for each language.
    """
    sample, annotate, name = f"sample{suffix}", f"annotate{suffix}", f"train{suffix}"
    draw = DrawSample(
        size=d.sample_size,
        balance=balance,
        stratify=d.stratify,
        prefer=d.prefer,
        seed=d.sample_seed,
        replay_only=d.judge if d.replay_only else None,
    )
    learn = train or TrainClassifier(
        spec=d.spec,
        model=folder_of(name, "model"),
        embeddings=tuple(known),
        keep_embeddings=folder_of(name, "embeddings"),
    )
    return [
        Stage(
            name=sample,
            reads=pool,
            columns=dict(columns or {}),
            steps=[draw, *seen],
            gather=True,
            rows_per_file=max(500, (d.sample_size or 1_000_000) // _FILES),
            left_out=d.unjudged,
            settled=True,
        ),
        Stage(
            name=annotate,
            reads=sample,
            steps=[Annotate(prompt=d.prompt, judge=d.judge, judging=d.judging, journal=folder_of(annotate))],
            costly=True,
            finish=ReportLabels(prompt=d.prompt, judge=d.judge, judging=d.judging),
            workers=1,
            left_out=d.unjudged,
        ),
        Stage(
            name=name,
            reads=(d.labels,) if d.labels else annotate,
            steps=[learn],
            gather=True,
            costly=True,
            left_out="classifier is given" if d.classifier else None,
        ),
    ]


def score_stages(
    d: Distillation,
    reads: str | tuple[str, ...],
    suffix: str = "",
    *,
    columns: Mapping[str, str] | None = None,
    known: Sequence[str] = (),
    tokenizer: str | None = None,
    scorer: Any = None,
    removed: Removed = "ids",
) -> list[Stage]:
    """The stage ``score``, with the suffix; before it a student, if the settings ask for one.

    Args:
        d: the round whose classifier scores; vectors that were computed to train it are not computed again.
        reads: as of `Stage`.
        suffix: of the round, as of `distill_stages`.
        columns: as of `Stage`.
        known: further folders of vectors that were computed before.
        tokenizer: counts ``token_count``; None leaves the counts that the documents bring.
        scorer: in place of `ScoreText`, such as one with a classifier for each language.
        removed: what is written of documents that the student drops.
    """
    name, classifier = f"score{suffix}", classifier_of(d, suffix)
    found = [*([] if d.classifier else [folder_of(f"train{suffix}", "embeddings")]), *known]
    before: list[Stage] = []
    if d.cascade:
        before = cascade_stages(d.cascade, classifier, reads, known=found, columns=columns, removed=removed)
        found.append(folder_of("student", "embeddings"))
    steps = [scorer or ScoreText(classifier=classifier, embeddings=tuple(found), journal=folder_of(name))]
    score = Stage(
        name=name,
        reads="screen" if d.cascade else reads,
        columns={} if d.cascade else dict(columns or {}),
        steps=[*steps, *([CountTokens(tokenizer=tokenizer)] if tokenizer else [])],
        costly=True,
    )
    return [*before, score]


def check_configs(configs: Mapping[str, float], cut: str) -> None:
    """Raise ValueError unless there is at least one configuration, each with a threshold on the scale, all of one kind.

    Whole thresholds compare ``int_score``, others the raw ``score``; neither selects what the other needs.
    """
    if not configs:
        raise ValueError("configs: expected at least one name with its threshold")
    for name, threshold in configs.items():
        if not 0 <= threshold <= 5:
            raise ValueError(f"configs.{name}: expected a threshold from 0 (all) to 5, got {threshold:g}")
    if cut != "calibrated" and len({float(one).is_integer() for one in configs.values()}) > 1:
        raise ValueError("configs: whole thresholds compare int_score, fractions the raw score: name one kind only")


def classifier_of(d: Distillation, suffix: str = "") -> str:
    """The classifier of a round: given or trained."""
    return d.classifier or folder_of(f"train{suffix}", "model")


def judged_folders(*rounds: tuple[Distillation, str]) -> tuple[str, ...]:
    """Where the judged documents of rounds stand, for the card; nothing of a round that asked no judge."""
    return tuple(folder_of(f"annotate{suffix}", "data") for d, suffix in rounds if not d.unjudged)
