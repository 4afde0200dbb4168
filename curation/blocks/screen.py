"""A cascade: a cheap student drops what the classifier cannot keep, so that the classifier sees little of the corpus.

Example: ``[ScreenText(student=folder_of("student", "model"))]`` in a stage of its own before `ScoreText`; the student
is made by ``[ScoreText(...), TrainStudent(classifier=..., student=folder_of("student", "model"), threshold=3)]`` in a
stage that gathers a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from curation.blocks.learn import group_of_url
from curation.blocks.score import classifier_location, load_scorer
from curation.blocks.select import KeepScore
from curation.blocks.step import Documents, Step
from curation.classify.student import Student, fit_student
from curation.content import absolute_location
from curation.errors import ConfigError, CurationError
from curation.folder import Folder, local_copy
from curation.recipe import OUTPUT

_WINDOW = 512
LEAST_DOCUMENTS = 50


@dataclass(kw_only=True, repr=False)
class TrainStudent(Step):
    """Fit a student to the scores of a sample; gives the sample.

    Args:
        classifier: that scored it: a folder or a Hub name.
        student: the folder for the student.
        threshold: what is kept, as of `KeepScore`: a label of the scale, or with a fraction a raw score.
        cut: how it is compared; None is the classifier's own cut.
        recall: of what the classifier keeps, above 0 and below 1.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    classifier: str
    student: str
    threshold: float
    cut: Literal["published", "calibrated"] | None = None
    recall: float = 0.99

    def __post_init__(self) -> None:
        self.classifier = classifier_location(self.classifier)
        super().__post_init__()

    def check(self) -> None:
        """The recall must be one."""
        if not 0 < self.recall < 1:
            raise ConfigError(f"cascade: recall: expected more than 0 and less than 1, got {self.recall:g}")
        if self.classifier.startswith(OUTPUT):
            return
        scale = load_scorer(self.classifier).scale
        if not scale.low < self.threshold <= scale.high:
            raise ConfigError(f"cascade: threshold {self.threshold:g} is not on the scale {scale.low} to {scale.high}")

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Read the whole sample, fit, save, then give it on."""
        sample = list(data or ())
        if len(sample) < LEAST_DOCUMENTS:
            raise CurationError(
                f"cascade: a sample of {len(sample)} documents is too small for a student (at least "
                f"{LEAST_DOCUMENTS}): score without a cascade"
            )
        classifier = load_scorer(self.classifier)
        keep = KeepScore(threshold=self.threshold, cut=self.cut or classifier.cut)
        student, report = fit_student(
            [doc.text for doc in sample],
            np.array([doc.metadata["score"] for doc in sample]),
            np.array([keep.reason(doc) is None for doc in sample]),
            groups=[group_of_url(str(doc.metadata.get("url") or "")) or doc.id for doc in sample],
            recall=self.recall,
            classifier=classifier.name,
            condition=keep.condition,
        )
        with Folder(self.student).create_folder("") as folder:
            student.save(folder, report)
        self.count("kept_by_classifier", report.kept)
        yield from sample


@dataclass(kw_only=True, repr=False)
class ScreenText(Step):
    """Drop what the student says the classifier cannot keep: ``below_student``, with its score as evidence.

    Args:
        student: the folder that `TrainStudent` wrote.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"student_score": pa.float64()}

    student: str

    def __post_init__(self) -> None:
        if not self.student.startswith(OUTPUT):
            self.student = absolute_location(self.student)
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The files of a student from outside."""
        return [] if self.student.startswith(OUTPUT) else [self.student]

    def check(self) -> None:
        """A student from outside must be there."""
        if not self.student.startswith(OUTPUT):
            _student(self.student)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """A window of documents at a time, in order."""
        student = _student(self.student)
        documents: Documents = iter(data or ())
        while window := list(islice(documents, _WINDOW)):
            scores = student.predict([doc.text for doc in window])
            for doc, score in zip(window, scores.tolist(), strict=True):
                if score >= student.cut:
                    self.stat_update("total", "forwarded")
                    yield doc
                else:
                    self.drop(doc, "below_student", rank, student_score=round(score, 6))


def _student(location: str) -> Student:
    return _student_as(location, Folder(location).stamp())


@lru_cache(maxsize=2)
def _student_as(location: str, stamp: str) -> Any:
    return Student.load(local_copy(location))
