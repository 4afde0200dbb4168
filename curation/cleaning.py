"""Quality rules, decontamination, masking of personal data and secrets without a recipe file, each of one stage.

    clean("pages/*.parquet", output="good")
    decontaminate("pages/*.parquet", benchmarks=("gsm8k", "math", "mmlu"), output="clean")
    mask("code/*.parquet", ips="off", secrets="mask", output="masked")

What carries an item of a benchmark is in ``{output}/decontaminate/removed`` with the item, the ratio and the passage;
``contamination.md`` beside it lists them to read. The stages of recipes that do the same are here, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from curation.blocks.contamination import ReportContamination
from curation.blocks.decontaminate import Decontaminate
from curation.blocks.extract import ExtractText
from curation.blocks.language import DetectLanguage, KeepLanguage
from curation.blocks.masking import Treatment
from curation.blocks.personal import ReplacePersonal
from curation.blocks.quality import KeepQuality
from curation.blocks.secrets import MaskSecrets
from curation.errors import ConfigError
from curation.recipe import Removed, Stage, folder_of
from curation.running import RunReport, run_stages
from curation.stage_runner import Progress
from curation.text.overlap import Measure
from curation.text.quality import RULES


@dataclass(frozen=True, kw_only=True)
class Decontamination:
    """What a recipe takes out for its benchmarks; the defaults are FineMath's.

    Args:
        benchmarks: as of `Decontaminate`; none leaves the stage out.
        ngram: tokens that must be shared for a comparison.
        ratio: of the item's tokens that the longest common subsequence covers.
    """

    benchmarks: tuple[str, ...] = ()
    ngram: int = 13
    ratio: float = 0.6

    def __post_init__(self) -> None:
        if self.ngram < 1 or not 0 < self.ratio <= 1:
            raise ValueError(
                f"decontamination: expected an n-gram of at least 1 and a ratio above 0 and up to 1, got {self.ngram} "
                f"and {self.ratio:g}"
            )


def decontaminate_stage(settings: Decontamination, reads: str, *, removed: Removed = "full") -> Stage:
    """The stage ``decontaminate`` with its report, left out where no benchmark is named."""
    step = Decontaminate(benchmarks=settings.benchmarks, ngram=settings.ngram, ratio=settings.ratio)
    return Stage(
        name="decontaminate",
        reads=reads,
        steps=[step],
        finish=ReportContamination.of(step),
        removed=removed,
        left_out=None if settings.benchmarks else "no benchmarks are named",
    )


def check_language_threshold(threshold: float) -> None:
    """Raise ValueError for a threshold that all probabilities exceed, or none."""
    if not 0 <= threshold < 1:
        raise ValueError(f"language_threshold: expected 0 or more and less than 1, got {threshold}")


def language_stage(
    language: str, threshold: float, detector: str, reads: str, *, name: str = "language", removed: Removed = "full"
) -> Stage:
    """Keep one language; arguments as of `KeepLanguage` and `DetectLanguage`."""
    steps = [DetectLanguage(detector=detector), KeepLanguage(language=language, threshold=threshold)]
    return Stage(name=name, reads=reads, steps=steps, removed=removed)


def clean(
    input: str,
    *,
    output: str,
    language: str = "en",
    rules: Sequence[str] = RULES,
    thresholds: Mapping[str, float | None] | None = None,
    curly_bracket: Literal["drop", "keep", "mark"] = "drop",
    clean_lines: bool = True,
    columns: Mapping[str, str] | None = None,
    removed: Removed = "full",
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Drop what the quality rules of Gopher, C4 and FineWeb drop; what stays is in ``{output}/clean/data``.

    Args:
        input: documents: parquet, JSON lines, CSV or archives.
        output: a folder.
        language: a code such as ``en``, or the file of an entry of one's own, as of `KeepQuality`, like all settings
            down to ``clean_lines``.
        rules: rule sets that are asked.
        thresholds: threshold -> value, above those of the language; None for none.
        curly_bracket: ``drop``, ``keep`` or ``mark``.
        clean_lines: whether the lines that C4 drops are gone.
        columns: our column -> the input's column.
        removed: what is written of dropped documents.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    step = KeepQuality(
        language=language,
        rules=tuple(rules),
        thresholds=dict(thresholds or {}),
        curly_bracket=curly_bracket,
        clean_lines=clean_lines,
    )
    stage = Stage(
        name="clean", reads=(input,), steps=[ExtractText(), step], columns=dict(columns or {}), removed=removed
    )
    settings = {"language": language, "rules": list(rules), "thresholds": dict(thresholds or {})}
    return run_stages("clean", [stage], output, settings, workers=workers, progress=progress)


def decontaminate(
    input: str,
    *,
    benchmarks: Sequence[str],
    output: str,
    ngram: int = 13,
    ratio: float = 0.6,
    measure: Measure = "lcs",
    action: Literal["drop", "mask"] = "drop",
    answers: bool = False,
    choices: bool = True,
    item_column: str | None = None,
    columns: Mapping[str, str] | None = None,
    removed: Removed = "full",
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Drop documents that carry an item of a benchmark, or mask passages; the rest is in ``decontaminate/data``.

    Args:
        input: documents: parquet, JSON lines, CSV or archives.
        benchmarks: names, ``name=files`` or files, as of `Decontaminate`, like all settings down to ``item_column``.
        output: a folder.
        ngram: tokens that must be shared for a comparison.
        ratio: of the item's tokens that the longest common subsequence covers.
        measure: ``lcs`` or ``greedy``.
        action: ``drop`` or ``mask``.
        answers: whether answers are items of their own.
        choices: whether choices belong to the question.
        item_column: the column of other files that holds the item.
        columns: our column -> the input's column.
        removed: what is written of dropped documents.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    if not benchmarks:
        raise ConfigError("no benchmark is given: name some, such as gsm8k, or files of items")
    step = Decontaminate(
        benchmarks=tuple(benchmarks),
        ngram=ngram,
        ratio=ratio,
        measure=measure,
        action=action,
        answers=answers,
        choices=choices,
        item_column=item_column,
    )
    stage = Stage(
        name="decontaminate",
        reads=(input,),
        steps=[ExtractText(), step],
        columns=dict(columns or {}),
        removed=removed,
        finish=ReportContamination.of(step),
    )
    settings = {"benchmarks": list(benchmarks), "ngram": ngram, "ratio": ratio, "measure": measure, "action": action}
    return run_stages("decontaminate", [stage], output, settings, workers=workers, progress=progress)


def mask(
    input: str,
    *,
    output: str,
    emails: Treatment = "mask",
    ips: Treatment = "mask",
    secrets: Treatment = "off",
    own: Treatment = "mask",
    patterns: str = "",
    allowed: str = "",
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Mask personal data and secrets, or drop the documents that have any; the result is in ``{output}/mask/data``.

    What was found is told by path, line and kind in ``mask/secrets`` and ``mask/personal``, without the value; the line
    is that of the text which the step takes. Secrets come first: of a password with an @ the search for emails would
    take the half. Masked are the text, the strings of the column ``metadata`` and the path in the report; all other
    columns are left as they are. In ``mask/removed`` stands also what a step has not seen: pages without a text as they
    were before all masking, and files dropped for a secret with the personal data in them.

    Args:
        input: documents: parquet, JSON lines, CSV or archives.
        output: a folder.
        emails: ``mask``, ``drop`` or ``off``, as all treatments.
        ips: public IP addresses; ``off`` suits code, where version numbers look like them.
        secrets: keys and passwords in code; needs the extra ``code``.
        own: what one's own patterns find.
        patterns: a YAML file of them, as of `ReplacePersonal`.
        allowed: a file of values that are left.
        columns: our column -> the input's column.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    steps: list[Any] = []
    if secrets != "off":
        steps.append(MaskSecrets(secrets=secrets, own="off", allowed=allowed, report=folder_of("mask", "secrets")))
    steps.append(
        ReplacePersonal(
            emails=emails,
            ips=ips,
            own=own,
            patterns=patterns,
            allowed=allowed,
            report=folder_of("mask", "personal"),
        )
    )
    stage = Stage(name="mask", reads=(input,), steps=[ExtractText(), *steps], columns=dict(columns or {}))
    settings = {"emails": emails, "ips": ips, "secrets": secrets, "own": own}
    return run_stages("mask", [stage], output, settings, workers=workers, progress=progress)
