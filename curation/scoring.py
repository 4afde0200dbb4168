"""Scores without a recipe file, with a cascade where most of the input cannot be kept anyway.

    score("pages/*.parquet", classifier="classifier", output="scored")
    score("pages/*.parquet", classifier="classifier", output="scored", cascade=Cascade(threshold=3))

A cascade is three stages before `score`: a sample is drawn and scored, a student learns from it (`curation.classify.
student`), and drops what cannot reach the threshold. What was scored for the student is not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from curation.blocks.extract import ExtractText
from curation.blocks.sample import DrawSample
from curation.blocks.score import CountTokens, ScoreText, trained_location
from curation.blocks.screen import ScreenText, TrainStudent
from curation.folder import Folder
from curation.recipe import Removed, Stage, folder_of
from curation.running import RunReport, run_stages
from curation.stage_runner import Progress


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """What a student may drop before the classifier.

    Args:
        threshold: what is kept in the end: a label of the scale, or with a fraction a raw score.
        cut: how it is compared; None is the classifier's own cut.
        recall: of what the classifier keeps. With recall r a sample needs at least 1 / (1 - r) kept documents to vouch
            for it; with fewer more passes than was asked for, and the student's report says so.
        sample_size: documents that the student learns from.
        seed: of the sample.
    """

    threshold: float
    cut: Literal["published", "calibrated"] | None = None
    recall: float = 0.99
    sample_size: int = 4000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.recall < 1:
            raise ValueError(f"recall: expected more than 0 and less than 1, got {self.recall}")
        if not 50 <= self.sample_size <= 10_000:  # the student is solved over its documents: 10,000 take 2.4 GB
            raise ValueError(f"sample_size: expected 50 to 10,000, got {self.sample_size}")


def cascade_stages(
    cascade: Cascade,
    classifier: str,
    reads: str | tuple[str, ...],
    *,
    first: Sequence[Any] = (),
    known: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    removed: Removed = "ids",
) -> list[Stage]:
    """The stages ``student_sample``, ``student`` and ``screen``; what is to be scored is read from ``screen``.

    Args:
        cascade: threshold, recall and sample.
        classifier: a folder, a Hub name, or ``folder_of`` a stage that trains it.
        reads: as of `Stage`.
        first: steps that make texts of what is read.
        known: folders of vectors that were computed before.
        columns: as of `Stage`.
        removed: what is written of documents that the student drops.
    """
    scorer = ScoreText(
        classifier=classifier,
        embeddings=tuple(known),
        keep_embeddings=folder_of("student", "embeddings"),
        journal=folder_of("student"),
    )
    learner = TrainStudent(
        classifier=classifier,
        student=folder_of("student", "model"),
        threshold=cascade.threshold,
        cut=cascade.cut,
        recall=cascade.recall,
    )
    draw = DrawSample(size=cascade.sample_size, seed=cascade.seed)
    named = dict(columns or {})
    return [
        Stage(
            name="student_sample", reads=reads, steps=[*first, draw], gather=True, columns=named, removed="none",
            rows_per_file=cascade.sample_size, settled=True,
        ),
        Stage(name="student", reads="student_sample", steps=[scorer, learner], gather=True, costly=True),
        Stage(
            name="screen",
            reads=reads,
            steps=[*first, ScreenText(student=folder_of("student", "model"))],
            columns=named,
            removed=removed,
        ),
    ]  # fmt: skip


def score(
    input: str,
    *,
    classifier: str,
    output: str,
    tokenizer: str | None = None,
    cascade: Cascade | None = None,
    columns: Mapping[str, str] | None = None,
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Score documents; they stand in ``{output}/score/data`` with ``score``, ``int_score`` and all other columns.

    Args:
        input: as of `annotate`.
        classifier: what `train` wrote, a classifier's folder, or a Hub name.
        output: a folder.
        tokenizer: count tokens with it.
        cascade: let a student drop what cannot be kept; it stands in ``{output}/screen/removed``.
        columns: our column -> the input's column.
        redo: score again although the scores are there.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
        StaleOutput: if ``output`` holds scores made with something else.
    """
    classifier = trained_location(classifier)
    known = (folder_of("student", "embeddings"),) if cascade else ()
    extract = [] if cascade else [ExtractText()]
    steps: list[Any] = [*extract, ScoreText(classifier=classifier, embeddings=known, journal=folder_of("score"))]
    if tokenizer is not None:
        steps.append(CountTokens(tokenizer=tokenizer))
    named = dict(columns or {})
    before = cascade_stages(cascade, classifier, (input,), first=[ExtractText()], columns=named) if cascade else []
    last = Stage(
        name="score",
        reads="screen" if cascade else (input,),
        steps=steps,
        costly=True,
        columns={} if cascade else named,
    )
    settings = {"classifier": classifier} | ({"cascade": cascade} if cascade else {})
    return run_stages("score", (*before, last), output, settings, redo=redo, workers=workers, progress=progress)


def student_says(output: str) -> str:
    """What the student of a run says of itself, in one line."""
    report = Folder(f"{output}/student/model").read_json("report.json")
    assert report is not None, "a finished cascade has a student"
    recall, seen = report["recall"], report["share_seen"]
    if not report["kept"]:
        return str(report["note"])
    note = f". {report['note']}" if report["note"] else ""
    return (
        f"recall {recall['value']:.3f} ({recall['low']:.3f}–{recall['high']:.3f}) of what the classifier keeps, which "
        f"sees {seen['value']:.1%} ({seen['low']:.1%}–{seen['high']:.1%}) of the documents, by cross-validation over "
        f"{report['documents']:,} of them{note}"
    )
