"""FineWeb-Edu: web pages as FineWeb takes them in, and of these the educational ones.

    curate run fineweb_edu --config fineweb_edu-smoke --output out

First FineWeb, in the order of its published example (FineWeb paper, section 3): URL filter, main text, language, the
quality rules, near-duplicates within each crawl, personal data. Then a judge rates a sample from 0 to 5, a classifier
learns the judge and scores everything, and what reaches a threshold is published. With ``start: texts`` the input is
FineWeb itself, or any parquet with texts, and the first half is left out.
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
    KeepUrl,
    ReplacePersonal,
    Stage,
    check_configs,
    check_language_threshold,
    decontaminate_stage,
    dedup_stages,
    distill_stages,
    folder_of,
    language_stage,
    publish_stage,
    score_stages,
)

Removed = Literal["full", "ids", "none"]
Treatment = Literal["mask", "drop", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see fineweb_edu.yaml for what each is and where it comes from."""

    name: str
    inputs: tuple[str, ...]
    start: Literal["pages", "texts"]
    columns: dict[str, str] = field(default_factory=dict)
    url_lists: str
    extractor: Literal["ours", "trafilatura", "resiliparse"]
    language: str
    language_threshold: float
    language_detector: str
    quality_rules: tuple[str, ...]
    quality_thresholds: dict[str, Any] = field(default_factory=dict)
    curly_bracket: Literal["drop", "keep", "mark"]
    dedup: Dedup | None
    emails: Treatment
    ips: Treatment
    judged: Distillation
    tokenizer: str | None
    configs: dict[str, float]
    decontamination: Decontamination
    removed_pages: Removed
    licence: str

    def __post_init__(self) -> None:
        check_configs(self.configs, self.judged.cut)
        check_language_threshold(self.language_threshold)

    @property
    def threshold(self) -> float:
        """What every published document reaches."""
        return min(self.configs.values())


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    texts: str | tuple[str, ...] = "personal" if s.start == "pages" else s.inputs
    columns = {} if s.start == "pages" else s.columns
    return [
        *(fineweb_stages(s) if s.start == "pages" else []),
        *distill_stages(s.judged, pool=texts, columns=columns),
        *score_stages(s.judged, texts, columns=columns, tokenizer=s.tokenizer, removed=s.removed_pages),
        Stage(name="scores", reads="score", steps=[KeepScores()]),
        Stage(
            name="select",
            reads="score",
            steps=[KeepScore(threshold=s.threshold, cut=s.judged.cut)],
            removed=s.removed_pages,
        ),
        decontaminate_stage(s.decontamination, "select", removed=s.removed_pages),
        publish_stage(
            s.judged,
            dataset=s.name,
            columns="fineweb_edu",
            configs=s.configs,
            licence=s.licence,
            decontaminated=bool(s.decontamination.benchmarks),
            deduplicated=s.dedup is not None and s.start == "pages",
        ),
    ]


def fineweb_stages(s: Settings) -> list[Stage]:
    """Pages to the texts that FineWeb is made of."""
    dedup = dedup_stages(s.dedup, "quality", removed=s.removed_pages) if s.dedup else []
    return [
        Stage(
            name="extract",
            reads=s.inputs,
            columns=s.columns,
            steps=[KeepUrl(lists=s.url_lists), ExtractText(extractor=extractor_of(s))],
            costly=True,
            removed="ids" if s.removed_pages == "full" else s.removed_pages,
        ),
        language_stage(s.language, s.language_threshold, s.language_detector, "extract", removed=s.removed_pages),
        Stage(
            name="quality",
            reads="language",
            steps=[
                KeepQuality(
                    language=s.language,
                    rules=s.quality_rules,
                    thresholds=s.quality_thresholds,
                    curly_bracket=s.curly_bracket,
                )
            ],
            removed=s.removed_pages,
        ),
        *dedup,
        Stage(
            name="personal",
            reads="dedup" if dedup else "quality",
            steps=[ReplacePersonal(emails=s.emails, ips=s.ips, report=folder_of("personal", "report"))],
            removed=s.removed_pages,
        ),
    ]


def extractor_of(s: Settings) -> Literal["mathematics", "trafilatura", "resiliparse"]:
    """The extractor by its name in the steps."""
    return "mathematics" if s.extractor == "ours" else s.extractor
