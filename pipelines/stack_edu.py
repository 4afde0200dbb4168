"""Stack-Edu: code files that teach programming, in fifteen languages, each with a classifier of its own.

    curate run stack_edu --config stack_edu-smoke --output out

Files come as StarCoder2Data has them (ids whose contents are fetched, or contents) or from folders and git checkouts.
Secrets and personal data are masked right after decoding, before anything is dropped, judged or written; then the
filters of StarCoder2, licences and near-duplicates. A judge rates a sample of every language from 0 to 5, a classifier
for each language learns it, and every language has its threshold (SmolLM2, section 3.4; StarCoder2, sections 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from curation import (
    AddConcepts,
    CodeLanguage,
    Decontamination,
    Dedup,
    Distillation,
    IdentifyCode,
    KeepCode,
    KeepLicence,
    KeepScore,
    KeepScores,
    MaskSecrets,
    ReadContents,
    ReadLicence,
    ReplacePersonal,
    ScoreTexts,
    Stage,
    TrainClassifiers,
    classifier_of,
    code_language,
    code_languages,
    decontaminate_stage,
    dedup_stages,
    distill_stages,
    folder_of,
    publish_stage,
    score_stages,
)

Removed = Literal["full", "ids", "none"]
Treatment = Literal["mask", "drop", "off"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every value of the recipe; see stack_edu.yaml for what each is and where it comes from."""

    name: str
    inputs: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    contents: str
    languages: tuple[str, ...]
    language_table: str
    secrets: Treatment
    emails: Treatment
    ips: Treatment
    vendored: Literal["drop", "keep"]
    generated: Literal["drop", "keep"]
    limits: dict[str, Any] = field(default_factory=dict)
    licences: tuple[str, ...]
    licences_excluded: tuple[str, ...]
    dedup: Dedup | None
    judged: Distillation
    shared_classifier: Literal["rare", "always", "never"]
    tokenizer: str
    thresholds: dict[str, float] = field(default_factory=dict)
    decontamination: Decontamination
    with_text: bool
    removed_files: Removed
    licence: str

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in self.thresholds.items() if not 0 <= value <= 5}
        for name, value in wrong.items():
            raise ValueError(f"thresholds.{name}: expected 0 (all) to 5, got {value:g}")
        _ = self.threshold_of  # says which language is unknown
        silent = [one.name for one in self.chosen if not one.concepts]
        if silent and not self.judged.unjudged:
            raise ValueError(f"language_table: {', '.join(silent)}: no concepts, which the judge's prompt names")
        if self.judged.cascade is not None:
            raise ValueError("judged.cascade: a student learns from one classifier; here every language has its own")

    @property
    def chosen(self) -> tuple[CodeLanguage, ...]:
        """The languages of the dataset."""
        table = code_languages(self.language_table)
        named = {code_language(name, self.language_table).name for name in self.languages}
        return tuple(one for name, one in table.items() if not named or name in named)

    @property
    def threshold_of(self) -> dict[str, float]:
        """The threshold of each language."""
        given = {code_language(name, self.language_table).name: value for name, value in self.thresholds.items()}
        return {one.name: given.get(one.name, float(one.threshold)) for one in self.chosen}


def stages(s: Settings) -> list[Stage]:
    """The stages in order."""
    texts = "dedup" if s.dedup else "filter"
    learn = TrainClassifiers(
        spec=s.judged.spec,
        by="language",
        languages=s.language_table,
        shared=s.shared_classifier,
        model=folder_of("train", "model"),
        keep_embeddings=folder_of("train", "embeddings"),
    )
    scorer = ScoreTexts(
        classifier=classifier_of(s.judged),
        by="language",
        values=tuple(s.threshold_of),
        languages=s.language_table,
        embeddings=() if s.judged.classifier else (folder_of("train", "embeddings"),),
        journal=folder_of("score"),
    )
    return [
        *read_stages(s),
        *(dedup_stages(s.dedup, "filter", removed=s.removed_files) if s.dedup else []),
        *distill_stages(s.judged, pool=texts, seen=[AddConcepts(languages=s.language_table)], train=learn),
        *score_stages(s.judged, texts, scorer=scorer, tokenizer=s.tokenizer, removed=s.removed_files),
        Stage(name="scores", reads="score", steps=[KeepScores()]),
        Stage(
            name="select",
            reads="score",
            steps=[
                KeepScore(
                    threshold=max(s.threshold_of.values()),
                    cut=s.judged.cut,
                    by="language",
                    threshold_of=s.threshold_of,
                )
            ],
            removed=s.removed_files,
        ),
        decontaminate_stage(s.decontamination, "select", removed=s.removed_files),
        publish_stage(
            s.judged,
            dataset=s.name,
            columns="stack_edu",
            further=("text",) if s.with_text else (),
            by="language",
            values=tuple(s.threshold_of),
            configs={one.config: s.threshold_of[one.name] for one in s.chosen},
            licence=s.licence,
            decontaminated=bool(s.decontamination.benchmarks),
            deduplicated=s.dedup is not None,
        ),
    ]


def read_stages(s: Settings) -> list[Stage]:
    """Files as texts without secrets, with language and licence; then those that are worth judging."""
    return [
        Stage(
            name="read",
            reads=s.inputs,
            columns=s.columns,
            steps=[
                ReadContents(contents=s.contents),
                MaskSecrets(secrets=s.secrets, report=folder_of("read", "secrets")),
                ReplacePersonal(
                    emails=s.emails,
                    ips=s.ips,
                    ips_in="code",  # version numbers of four parts look like addresses
                    path_column="path",
                    report=folder_of("read", "personal"),
                ),
                IdentifyCode(languages=s.language_table),
                ReadLicence(),
            ],
            costly=True,
            removed=s.removed_files,
        ),
        Stage(
            name="filter",
            reads="read",
            steps=[
                KeepCode(
                    languages=s.language_table,
                    only=tuple(one.name for one in s.chosen),
                    vendored=s.vendored,
                    generated=s.generated,
                    limits=s.limits,
                ),
                KeepLicence(keep=s.licences, exclude=s.licences_excluded),
            ],
            removed=s.removed_files,
        ),
    ]
