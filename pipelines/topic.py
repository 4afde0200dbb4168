"""A dataset on anyone's own topic: pages or texts in, what teaches the topic best out.

    curate new physics --topic "physics lessons"        # writes physics/: values, prompt, classifier to edit
    curate run topic --config physics/physics.yaml --output out

Main text, one language, quality rules; a judge rates a sample by your prompt, a classifier learns the judge and scores
everything, and what reaches a threshold is deduplicated, decontaminated and published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from curation import (
    Decontamination,
    Dedup,
    Distillation,
    ExtractText,
    KeepQuality,
    KeepScore,
    KeepScores,
    ReplacePersonal,
    Stage,
    check_configs,
    check_language_threshold,
    decontaminate_stage,
    dedup_stages,
    distill_stages,
    language_stage,
    publish_stage,
    score_stages,
)

Treatment = Literal["mask", "drop", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see topic.yaml for what each is."""

    name: str
    inputs: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    language: str | None
    language_threshold: float
    language_detector: str
    quality_rules: tuple[str, ...]
    quality_thresholds: dict[str, Any] = field(default_factory=dict)
    curly_bracket: Literal["drop", "keep", "mark"]
    judged: Distillation
    tokenizer: str | None
    configs: dict[str, float]
    dedup: Dedup | None
    emails: Treatment
    ips: Treatment
    decontamination: Decontamination
    removed_texts: Literal["full", "ids", "none"]
    licence: str

    def __post_init__(self) -> None:
        check_configs(self.configs, self.judged.cut)
        check_language_threshold(self.language_threshold)


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    texts = text_stages(s)
    dedup = dedup_stages(s.dedup, "select", removed=s.removed_texts) if s.dedup else []
    return [
        *texts,
        *distill_stages(s.judged, pool=texts[-1].name),
        *score_stages(s.judged, texts[-1].name, tokenizer=s.tokenizer, removed=s.removed_texts),
        Stage(name="scores", reads="score", steps=[KeepScores()]),
        Stage(
            name="select",
            reads="score",
            steps=[KeepScore(threshold=min(s.configs.values()), cut=s.judged.cut)],
            removed=s.removed_texts,
        ),
        *dedup,
        decontaminate_stage(s.decontamination, "dedup" if dedup else "select", removed=s.removed_texts),
        publish_stage(
            s.judged,
            dataset=s.name,
            columns="topic",
            configs=s.configs,
            licence=s.licence,
            decontaminated=bool(s.decontamination.benchmarks),
            deduplicated=s.dedup is not None,
        ),
    ]


def text_stages(s: Settings) -> list[Stage]:
    """What is judged and scored."""
    removed = s.removed_texts
    found = [
        Stage(
            name="extract",
            reads=s.inputs,
            columns=s.columns,
            steps=[ExtractText(), ReplacePersonal(emails=s.emails, ips=s.ips)],
            costly=True,
            removed="ids" if removed == "full" else removed,
        )
    ]
    if s.language:
        found.append(language_stage(s.language, s.language_threshold, s.language_detector, "extract", removed=removed))
    if s.quality_rules:
        rules = KeepQuality(
            language=s.language or "en",
            rules=s.quality_rules,
            thresholds=s.quality_thresholds,
            curly_bracket=s.curly_bracket,
        )
        found.append(Stage(name="quality", reads=found[-1].name, steps=[rules], removed=removed))
    return found
