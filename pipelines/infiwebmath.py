"""InfiWebMath: a classifier, a language filter and decontamination applied to texts that somebody else collected.

    curate run infiwebmath --set 'inputs=["hf://datasets/ME/TEXTS/*.parquet"]' --output out

As published (SmolLM2, section 3.3.2): FineMath's classifier scores InfiMM-WebMath-40B, of which the English documents
that reach 3 or 4 and carry no benchmark are kept. Any parquet with a column of texts will do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from curation import (
    Decontamination,
    Distillation,
    KeepScore,
    KeepScores,
    Stage,
    check_configs,
    check_language_threshold,
    decontaminate_stage,
    distill_stages,
    language_stage,
    publish_stage,
    score_stages,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see infiwebmath.yaml for what each is and where it comes from."""

    name: str
    inputs: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    judged: Distillation
    tokenizer: str | None
    configs: dict[str, float]
    language: str
    language_threshold: float
    language_detector: str
    decontamination: Decontamination
    removed_texts: Literal["full", "ids", "none"]
    licence: str

    def __post_init__(self) -> None:
        check_configs(self.configs, self.judged.cut)
        check_language_threshold(self.language_threshold)


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    return [
        *distill_stages(s.judged, pool=s.inputs, columns=s.columns),
        *score_stages(s.judged, s.inputs, columns=s.columns, tokenizer=s.tokenizer, removed=s.removed_texts),
        Stage(name="scores", reads="score", steps=[KeepScores()]),
        Stage(
            name="select",
            reads="score",
            steps=[KeepScore(threshold=min(s.configs.values()), cut=s.judged.cut)],
            removed=s.removed_texts,
        ),
        language_stage(s.language, s.language_threshold, s.language_detector, "select", removed=s.removed_texts),
        decontaminate_stage(s.decontamination, "language", removed=s.removed_texts),
        publish_stage(
            s.judged,
            dataset=s.name,
            columns="infiwebmath",
            configs=s.configs,
            licence=s.licence,
            decontaminated=bool(s.decontamination.benchmarks),
            deduplicated=False,
        ),
    ]
