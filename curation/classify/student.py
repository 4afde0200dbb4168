"""A student of the classifier: it reads character runs, costs a hundredth of an encoder, and says what cannot be kept.

    student, report = fit_student(texts, scores, kept, groups=sites, recall=0.99)
    student.passes(["1 + 1 = 2"])     # bool (n,): worth the classifier's time
    report.share_seen                 # what the classifier still sees, by documents the student had not learned from

Ridge regression of the classifier's raw score on hashed runs of one to five characters (`curation.text.grams`), solved
over the documents (a few thousand) rather than the 65,536 hashes. Every document's own student score is out of fold: it
comes from the closed form that leaves its group out.

The cut is that of split conformal prediction (Vovk et al. 2005): with m kept documents in the sample and their
student scores in order, a new kept document falls below the j-th lowest with chance j / (m + 1), whatever the scores
are like. So a recall of 0.99 needs at least 99 kept documents; with fewer the cut lies well below the lowest of them,
and the report says what recall they vouch for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.figures import estimates, rates, spearman
from curation.classify.folds import assign_folds, group_indices
from curation.classify.models import import_safetensors, one_thread
from curation.errors import ConfigError
from curation.estimate import Estimate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FORMAT = 1
FOLDS = 10
RIDGE = 0.1
"""The penalty, in units of a text's likeness to itself; from 0.03 to 0.3 as many documents pass."""

LITTLE_GAIN = 0.9
"""With more than this share left to the classifier screening is left out: it costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Student:
    """Character runs to a guess of the classifier's score.

    Attributes:
        weights: of the character runs, (65536,).
        bias: added to their sum.
        cut: documents with a student score of at least this go on to the classifier; -inf lets all pass.
        max_characters: how far a text is read.
    """

    weights: NDArray[np.float32]
    bias: float
    cut: float
    max_characters: int

    def predict(self, texts: list[str]) -> Floats:
        """Student scores (n,)."""
        from curation.text.grams import grams, projected

        rows = grams([text[: self.max_characters] for text in texts])
        return projected(rows, self.weights.astype(np.float64)) + self.bias

    def passes(self, texts: list[str]) -> Mask:
        """Which texts the classifier is to score, (n,)."""
        return np.asarray(self.predict(texts) >= self.cut)

    def save(self, folder: Path, report: StudentReport) -> None:
        """Writes ``student.safetensors``, ``student.json``, ``report.json`` and ``README.md``."""
        from curation.text.grams import BITS

        folder.mkdir(parents=True, exist_ok=True)
        import_safetensors("students").numpy.save_file({"weights": self.weights}, folder / "student.safetensors")
        (folder / "report.json").write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
        (folder / "README.md").write_text(f"# A student of {report.classifier}\n\n{report.to_markdown()}", "utf-8")
        cut = None if np.isneginf(self.cut) else self.cut
        values = {"format": FORMAT, "bias": self.bias, "cut": cut, "max_characters": self.max_characters, "bits": BITS}
        (folder / "student.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Student:
        """What `save` wrote.

        Raises:
            ConfigError: if it is not there.
        """
        if not (folder / "student.json").is_file():
            raise ConfigError(f"student {folder}: no student.json there")
        values: dict[str, Any] = json.loads((folder / "student.json").read_text(encoding="utf-8"))
        if values.get("format") != FORMAT:
            raise ConfigError(f"student {folder}: format {values.get('format')}, expected {FORMAT}")
        weights = import_safetensors("students").numpy.load_file(folder / "student.safetensors")["weights"]
        cut = -np.inf if values["cut"] is None else float(values["cut"])
        return cls(weights, float(values["bias"]), cut, int(values["max_characters"]))


@dataclass(frozen=True)
class StudentReport:
    """What a student does, on documents that were left out when it was fitted.

    Attributes:
        classifier: whose student it is.
        condition: what the classifier keeps, such as ``calibrated_score >= 3``.
        documents: of the sample.
        kept: of them, by the classifier.
        groups: sites among them.
        wanted_recall: of what the classifier keeps.
        vouched_recall: the highest that so many kept documents can vouch for.
        recall: of the kept documents of the sample, with interval; each judged by the cut that other parts give.
        share_seen: of all documents of the sample, that the classifier would still see, with interval.
        spearman: rank correlation of student's and classifier's scores.
        note: why nothing is screened, or why more passes than was asked for; empty otherwise.
    """

    classifier: str
    condition: str
    documents: int
    kept: int
    groups: int
    wanted_recall: float
    vouched_recall: float
    recall: Estimate
    share_seen: Estimate
    spearman: float
    note: str = ""

    def to_markdown(self) -> str:
        """The report as text."""
        lines = [
            f"It lets pass what `{self.classifier}` may keep (`{self.condition}`); the rest is not scored.",
            "",
            "| figure | of documents that it had not learned from |",
            "|---|---|",
            f"| sample | {self.documents:,} documents of {self.groups:,} sites, {self.kept:,} of them kept |",
            f"| recall of what is kept | {self.recall}, asked for {self.wanted_recall:g} |",
            f"| share that the classifier still sees | {self.share_seen} |",
            f"| Spearman of both scores | {self.spearman:.3f} |",
        ]
        return "\n".join([*lines, *(["", f"**{self.note}**"] if self.note else [])]) + "\n"


def fit_student(
    texts: list[str],
    scores: Floats,
    kept: Mask,
    *,
    groups: Sequence[object],
    recall: float = 0.99,
    max_characters: int = 2200,
    classifier: str = "the classifier",
    condition: str = "",
    seed: int = 0,
) -> tuple[Student, StudentReport]:
    """A student of scored documents.

    Args:
        texts: a random sample of what is to be screened.
        scores: the classifier's raw scores, (n,).
        kept: whether the classifier keeps a document, (n,).
        groups: site or repository of each document; one is never learned from to judge itself.
        recall: of what the classifier keeps, above 0 and below 1.
        max_characters: how far the student reads a text.
        classifier: its name, for the report.
        condition: what it keeps, likewise.
        seed: of the folds.

    Raises:
        ValueError: if the recall is out of range, or lengths differ.
    """
    from curation.text.grams import combined, cosines, grams

    if not 0 < recall < 1:
        raise ValueError(f"recall: expected more than 0 and less than 1, got {recall}")
    if not len(texts) == len(scores) == len(kept) == len(groups):
        raise ValueError(f"{len(texts)} texts for {len(scores)} scores, {len(kept)} decisions, {len(groups)} groups")
    members = group_indices(groups, len(texts))
    with one_thread():
        rows = grams([text[:max_characters] for text in texts])
        bias = float(scores.mean()) if len(scores) else 0.0
        folds = _folds(scores, members, seed)
        alpha, own = _solved(cosines(rows, rows), scores - bias, folds)
    own += bias
    cut, vouched, note = _cut(own, kept, recall)
    # What the cut does is told of each part by the cut that the other parts give.
    seen = own >= (cut if np.isneginf(cut) else _nested_cuts(own, kept, folds, recall))
    if not note and seen.mean() > LITTLE_GAIN:
        cut, seen = -np.inf, np.ones(len(texts), bool)
        note = f"Nothing is screened: at this recall the classifier would see more than {LITTLE_GAIN:.0%} anyway."
    # Recall of what is kept, and the share that passes.
    found = estimates(lambda w: rates(kept, seen, w)[[1, 3]], members, np.ones(len(texts)), seed)
    student = Student(combined(rows, alpha).astype(np.float32), bias, cut, max_characters)
    report = StudentReport(
        classifier=classifier,
        condition=condition,
        documents=len(texts),
        kept=int(kept.sum()),
        groups=len(np.unique(members)),
        wanted_recall=recall,
        vouched_recall=round(vouched, 4),
        recall=found[0],
        share_seen=found[1],
        spearman=spearman(scores, own),
        note=note,
    )
    return student, report


def _folds(scores: Floats, members: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Parts that keep groups together and scores even."""
    return assign_folds(np.rint(np.clip(scores, -10, 10)), members.tolist(), FOLDS, seed)


def _solved(likeness: Floats, wanted: Floats, folds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Coefficients of all documents (n,), and each document's guess by those of the other folds (n,).

    With A = K + ridge I, what fold F misses without its own documents is inv((inv A)_FF) (inv A y)_F: one inverse
    serves all folds.
    """
    inverse = np.linalg.inv(likeness + RIDGE * np.eye(len(wanted)))
    alpha = inverse @ wanted
    own = np.empty(len(wanted))
    for fold in range(int(folds.max()) + 1):
        of = np.flatnonzero(folds == fold)
        own[of] = wanted[of] - np.linalg.solve(inverse[np.ix_(of, of)], alpha[of])
    return alpha, own


def _nested_cuts(own: Floats, kept: Mask, folds: NDArray[np.int64], recall: float) -> Floats:
    """The cut (n,) that each document is judged by, found without its part."""
    cuts = np.empty(len(own))
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        cuts[out] = _cut(own[~out], kept[~out], recall)[0]
    return cuts


def _cut(own: Floats, kept: Mask, recall: float) -> tuple[float, float, str]:
    """The cut, the recall that the kept documents vouch for, and a note where it is not the one asked for."""
    lowest_first, number = np.sort(own[kept]), int(kept.sum())
    vouched = number / (number + 1)
    if not number:
        return -np.inf, 0.0, "Nothing is screened: the classifier keeps no document of the sample; draw a larger one."
    # As many of m + 1 as may be missed; rounding must not cost one.
    missed = int((1 - recall) * (number + 1) + 1e-9)
    if missed:
        return float(lowest_first[missed - 1]), vouched, ""
    slack = float(np.std(own[kept])) if number > 1 else float(np.std(own))
    note = (
        f"{number:,} kept documents vouch for a recall of {vouched:.3f} at most, asked for was {recall:g}: the cut "
        "lies a standard deviation below the lowest of them. A larger sample lets less pass."
    )
    return float(lowest_first[0]) - slack, vouched, note
