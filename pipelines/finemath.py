"""FineMath: find the pages and domains that teach mathematics, fetch them whole, keep the ones that teach best.

    curate run finemath --config finemath-smoke --output out

Two passes, as published (SmolLM2, section 3.3.2). The first reads every page with a fast extractor and a 3-point
prompt, and lists the domains worth having; the second reads those domains' pages with an extractor that keeps
mathematics, asks a 5-point prompt about a balanced sample, scores everything, and then selects, deduplicates and
decontaminates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curation import (
    Crawl,
    Decontamination,
    Dedup,
    Distillation,
    Domains,
    DrawSample,
    ExtractText,
    KeepListed,
    KeepScore,
    KeepScores,
    ScoreText,
    Stage,
    check_language_threshold,
    classifier_of,
    crawl_stages,
    decontaminate_stage,
    dedup_stages,
    distill_stages,
    domain_stages,
    folder_of,
    language_stage,
    publish_stage,
    score_stages,
)

Removed = Literal["full", "ids", "none"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see finemath.yaml for what each is and where it comes from."""

    name: str
    inputs: tuple[str, ...]
    first: Distillation
    domains: Domains
    crawl: Crawl | None
    fetch_inputs: tuple[str, ...] | None
    extra_urls: tuple[str, ...]
    extra_urls_reason: str | None
    pool_size: int | None
    second: Distillation
    tokenizer: str
    threshold: int
    subset_thresholds: tuple[int, ...]
    dedup: Dedup
    language: str
    language_threshold: float
    language_detector: str
    language_position: Literal["first", "last"]
    benchmarks: tuple[str, ...]
    decontamination_ngram: int
    decontamination_ratio: float
    removed_pages: Removed
    licence: str

    def __post_init__(self) -> None:
        for key, values in (("threshold", (self.threshold,)), ("subset_thresholds", self.subset_thresholds)):
            if not all(0 <= value <= 5 for value in values):
                raise ValueError(f"{key}: expected 0 (all) to 5, got {', '.join(map(str, values))}")
        if self.first.cascade is not None:
            raise ValueError(
                "first.cascade: every page of the first pass is scored, since domains are judged by shares"
            )
        if self.crawl is not None and self.fetch_inputs is not None:
            raise ValueError("fetch_inputs: archives are read where no crawl's index is given; set one of them to null")
        check_language_threshold(self.language_threshold)
        _ = self.decontamination  # says what is wrong with it

    @property
    def thresholds(self) -> tuple[int, ...]:
        """That of each configuration, lowest first."""
        return tuple(sorted({self.threshold, *(one for one in self.subset_thresholds if one > self.threshold)}))

    @property
    def decontamination(self) -> Decontamination:
        """What is taken out for benchmarks."""
        return Decontamination(
            benchmarks=self.benchmarks, ngram=self.decontamination_ngram, ratio=self.decontamination_ratio
        )


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    early = s.language_position == "first"
    pages = "language_first" if early else "extract_first"
    texts = "language" if early else "extract"
    pooled = (folder_of("score_pool", "embeddings"),)
    return [
        Stage(
            name="extract_first",
            reads=s.inputs,
            steps=[ExtractText(extractor="main_content")],
            costly=True,
            removed=s.removed_pages,
        ),
        *([keep_language(s, "language_first", "extract_first")] if early else []),
        *distill_stages(s.first, "_first", pool=pages),
        *score_stages(s.first, pages, "_first"),
        *domain_stages(s.domains, cut=s.first.cut, reads="score_first"),
        *fetch_stages(s),
        Stage(
            name="extract",
            reads="fetch",
            steps=[ExtractText(extractor="mathematics")],
            costly=True,
            removed=s.removed_pages,
        ),
        *([keep_language(s, "language", "extract")] if early else []),
        *pool_stages(s, texts),
        *distill_stages(s.second, pool="score_pool", balance="int_score", known=pooled),
        *score_stages(
            s.second,
            texts,
            known=() if s.second.unjudged else pooled,
            tokenizer=s.tokenizer,
            removed=s.removed_pages,
        ),
        Stage(name="scores", reads="score", steps=[KeepScores()]),
        Stage(
            name="select",
            reads="score",
            steps=[KeepScore(threshold=s.threshold, cut=s.second.cut)],
            removed=s.removed_pages,
        ),
        *dedup_stages(s.dedup, "select"),
        *([] if early else [keep_language(s, "language", "dedup")]),
        decontaminate_stage(s.decontamination, "dedup" if early else "language"),
        publish_stage(
            s.second,
            earlier=((s.first, "_first"),),
            dataset=s.name,
            columns="finemath",
            configs={f"{s.name}-{threshold}plus": threshold for threshold in s.thresholds},
            licence=s.licence,
            decontaminated=True,
            deduplicated=True,
            domains=folder_of("domains", "data"),
        ),
    ]


def fetch_stages(s: Settings) -> list[Stage]:
    """The pages of the listed domains: by a crawl's index, or out of archives that are read whole."""
    listed, removed = folder_of("domains", "data"), "ids" if s.removed_pages == "full" else s.removed_pages
    if s.crawl is not None:
        return crawl_stages(
            s.crawl, domains=listed, urls=s.extra_urls, reason=s.extra_urls_reason, removed=s.removed_pages
        )
    archives = s.fetch_inputs if s.fetch_inputs is not None else s.inputs
    keep = KeepListed(domains=listed, urls=s.extra_urls)
    return [Stage(name="fetch", reads=archives, steps=[keep], costly=True, removed=removed)]


def pool_stages(s: Settings, texts: str) -> list[Stage]:
    """The pages that the second sample is drawn from, with scores of the first classifier to balance it by."""
    needs = () if s.first.classifier else ("train_first",)
    return [
        Stage(
            name="pool",
            reads=texts,
            steps=[DrawSample(size=s.pool_size, seed=s.second.sample_seed)],
            gather=True,
            rows_per_file=1000,
            left_out=s.second.unjudged,
            settled=True,
            skip_without=needs,
        ),
        Stage(
            name="score_pool",
            reads="pool",
            steps=[
                ScoreText(
                    classifier=classifier_of(s.first, "_first"),
                    embeddings=(folder_of("train_first", "embeddings"),) if needs else (),
                    keep_embeddings=folder_of("score_pool", "embeddings"),
                )
            ],
            costly=True,
            left_out=s.second.unjudged,
            skip_without=needs,
        ),
    ]


def keep_language(s: Settings, name: str, reads: str) -> Stage:
    """Keep one language."""
    return language_stage(
        s.language, s.language_threshold, s.language_detector, reads, name=name, removed=s.removed_pages
    )
