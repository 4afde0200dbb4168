"""FineMath: find the pages and domains that teach mathematics, fetch them whole, keep the ones that teach best.

    curate run finemath --config finemath-smoke --output out

Two passes, as published (SmolLM2, section 3.3.2). The first reads every page with a fast extractor and a 3-point
prompt, and lists the domains worth having; the second reads those domains' pages with an extractor that keeps
mathematics, asks a 5-point prompt about a balanced sample, scores everything, and then selects, deduplicates and
decontaminates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from curation import (
    Annotate,
    Cascade,
    CountTokens,
    Decontaminate,
    Dedup,
    DetectLanguage,
    DrawSample,
    ExtractText,
    Judging,
    KeepLanguage,
    KeepListed,
    KeepScore,
    ListDomains,
    PublishCard,
    PublishRows,
    ReportContamination,
    ReportLabels,
    ScoreText,
    Stage,
    TrainClassifier,
    cascade_stages,
    dedup_stages,
    folder_of,
)

Removed = Literal["full", "ids", "none"]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One round of sample, judge, classifier and scores. A classifier or labels that are given leave out the rest."""

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


@dataclass(frozen=True, kw_only=True)
class Domains:
    """Which domains are fetched whole."""

    threshold: int
    rule: Literal["pages", "share", "both"]
    min_pages: int
    min_share: float
    url_lists: tuple[str, ...]
    min_list_urls: int
    domain_lists: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see finemath.yaml for what each is and where it comes from."""

    name: str
    inputs: tuple[str, ...]
    first: Pass
    domains: Domains
    fetch_inputs: tuple[str, ...] | None
    extra_urls: tuple[str, ...]
    pool_size: int | None
    second: Pass
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
        if not 0 <= self.language_threshold < 1:
            raise ValueError(f"language_threshold: expected 0 or more and less than 1, got {self.language_threshold}")
        if self.decontamination_ngram < 1 or not 0 < self.decontamination_ratio <= 1:
            raise ValueError("decontamination: expected an n-gram of at least 1 and a ratio above 0 and up to 1")


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    early = s.language_position == "first"
    pages = "language_first" if early else "extract_first"
    texts = "language" if early else "extract"
    return [
        Stage(
            name="extract_first",
            reads=s.inputs,
            steps=[ExtractText(extractor="main_content")],
            costly=True,
            removed=s.removed_pages,
        ),
        *([language_stage(s, "language_first", "extract_first")] if early else []),
        *one_pass(s.first, "_first", pool=pages, balance=None),
        score_stage("score_first", pages, s.first, "_first", s),
        Stage(
            name="domains",
            reads="score_first",
            steps=[
                ListDomains(
                    threshold=s.domains.threshold,
                    cut=s.first.cut,
                    rule=s.domains.rule,
                    min_pages=s.domains.min_pages,
                    min_share=s.domains.min_share,
                    url_lists=s.domains.url_lists,
                    min_list_urls=s.domains.min_list_urls,
                    domain_lists=s.domains.domain_lists,
                )
            ],
            gather=True,
        ),
        # The seam for a crawl's index: whatever finds the pages of the listed domains takes this stage's place.
        Stage(
            name="fetch",
            reads=s.fetch_inputs if s.fetch_inputs is not None else s.inputs,
            steps=[KeepListed(domains=folder_of("domains", "data"), urls=s.extra_urls)],
            costly=True,
            removed="ids" if s.removed_pages == "full" else s.removed_pages,
        ),
        Stage(
            name="extract",
            reads="fetch",
            steps=[ExtractText(extractor="mathematics")],
            costly=True,
            removed=s.removed_pages,
        ),
        *([language_stage(s, "language", "extract")] if early else []),
        *pool_stages(s, texts),
        *one_pass(s.second, "", pool="score_pool", balance="int_score"),
        *screen_stages(s.second, texts, s),
        score_stage("score", "screen" if s.second.cascade else texts, s.second, "", s),
        Stage(
            name="select",
            reads="score",
            steps=[KeepScore(threshold=s.threshold, cut=s.second.cut)],
            removed=s.removed_pages,
        ),
        *dedup_stages(s.dedup, "select"),
        *([] if early else [language_stage(s, "language", "dedup")]),
        decontaminate_stage(s, "dedup" if early else "language"),
        publish_stage(s),
    ]


def one_pass(p: Pass, suffix: str, pool: str, balance: str | None) -> list[Stage]:
    """Sample, judge, classifier."""
    sample, annotate = f"sample{suffix}", f"annotate{suffix}"
    return [
        Stage(
            name=sample,
            reads=pool,
            steps=[
                DrawSample(
                    size=p.sample_size,
                    balance=balance,
                    stratify=p.stratify,
                    prefer=p.prefer,
                    seed=p.sample_seed,
                    replay_only=p.judge if p.replay_only else None,
                )
            ],
            gather=True,
            rows_per_file=max(500, (p.sample_size or 1_000_000) // 40),  # 40 files for 8 tasks: idle at the end of each
            left_out=p.unjudged,
        ),
        Stage(
            name=annotate,
            reads=sample,
            steps=[
                Annotate(
                    prompt=p.prompt,
                    judge=p.judge,
                    judging=p.judging,
                    journal=folder_of(annotate),
                )
            ],
            costly=True,
            finish=ReportLabels(prompt=p.prompt, judge=p.judge, judging=p.judging),
            workers=1,
            left_out=p.unjudged,
        ),
        Stage(
            name=f"train{suffix}",
            reads=(p.labels,) if p.labels else annotate,
            steps=[
                TrainClassifier(
                    spec=p.spec,
                    model=folder_of(f"train{suffix}", "model"),
                    embeddings=() if suffix else (folder_of("score_pool", "embeddings"),),
                    keep_embeddings=folder_of(f"train{suffix}", "embeddings"),
                )
            ],
            gather=True,
            costly=True,
            left_out="classifier is given" if p.classifier else None,
        ),
    ]


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


def score_stage(name: str, reads: str, p: Pass, suffix: str, s: Settings) -> Stage:
    """Score every document; vectors that were computed for pool and training are not computed again."""
    known = known_vectors(p, suffix)
    if not suffix and p.cascade:
        known.append(folder_of("student", "embeddings"))
    scorer = ScoreText(classifier=classifier_of(p, suffix), embeddings=tuple(known), journal=folder_of(name))
    return Stage(
        name=name,
        reads=reads,
        steps=[scorer] if suffix else [scorer, CountTokens(tokenizer=s.tokenizer)],
        costly=True,
    )


def screen_stages(p: Pass, texts: str, s: Settings) -> list[Stage]:
    """A student drops what cannot reach the threshold, if the settings ask for one."""
    if p.cascade is None:
        return []
    known = known_vectors(p, "")
    return cascade_stages(p.cascade, classifier_of(p, ""), texts, known=known, removed=s.removed_pages)


def known_vectors(p: Pass, suffix: str) -> list[str]:
    """Folders of vectors that were computed for pool and training."""
    known = [folder_of(f"train{suffix}", "embeddings")] if not p.classifier else []
    if not suffix and not p.unjudged:
        known.append(folder_of("score_pool", "embeddings"))
    return known


def language_stage(s: Settings, name: str, reads: str) -> Stage:
    """Keep one language."""
    return Stage(
        name=name,
        reads=reads,
        steps=[
            DetectLanguage(detector=s.language_detector),
            KeepLanguage(language=s.language, threshold=s.language_threshold),
        ],
        removed=s.removed_pages,
    )


def decontaminate_stage(s: Settings, reads: str) -> Stage:
    """Drop what carries an item of a benchmark."""
    step = Decontaminate(benchmarks=s.benchmarks, ngram=s.decontamination_ngram, ratio=s.decontamination_ratio)
    return Stage(name="decontaminate", reads=reads, steps=[step], finish=ReportContamination.of(step))


def publish_stage(s: Settings) -> Stage:
    """The configurations, annotations and the card."""
    thresholds = tuple(sorted({s.threshold, *(t for t in s.subset_thresholds if t > s.threshold)}))
    configs = tuple(f"{s.name}-{threshold}plus" for threshold in thresholds)
    judged = [f"annotate{suffix}" for p, suffix in ((s.first, "_first"), (s.second, "")) if not p.unjudged]
    return Stage(
        name="publish",
        reads="decontaminate",
        steps=[PublishRows(columns="finemath", configs=configs, thresholds=thresholds, cut=s.second.cut)],
        finish=PublishCard(
            dataset=s.name,
            configs=configs,
            thresholds=thresholds,
            cut=s.second.cut,
            licence=s.licence,
            annotations=tuple(folder_of(name, "data") for name in judged),
            models=(classifier_of(s.first, "_first"), classifier_of(s.second, "")),
            domains=folder_of("domains", "data"),
            contaminated=folder_of("decontaminate", "removed"),
            duplicates=folder_of("dedup", "removed"),
        ),
    )


def classifier_of(p: Pass, suffix: str) -> str:
    """The classifier of a pass: given or trained."""
    return p.classifier or folder_of(f"train{suffix}", "model")
