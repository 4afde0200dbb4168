"""What is known of a value's classifier, be it its own or shared: figures of the value's held-out documents.

Example: ``figures(wanted, kept_of(spec, held_out, 3), members, weights, seed).f1``, as `entry_of` puts it in the index.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import DIGITS, Calibration
from curation.classify.classifier import Classifier
from curation.classify.each import Entry
from curation.classify.evaluate import nested_calibrated
from curation.classify.figures import figures
from curation.classify.held_out import Floats, HeldOut, Mask
from curation.classify.report import TrainingReport
from curation.classify.spec import ClassifierSpec
from curation.estimate import Estimate


@dataclass(frozen=True, eq=False)
class SharedClassifier:
    """The classifier of all labels, and what it said of held-out documents of each value, (n,)."""

    classifier: Classifier
    report: TrainingReport
    spec: ClassifierSpec
    held_out: HeldOut
    values: NDArray[np.object_]
    _kept: dict[int, Mask] = field(default_factory=dict)

    def of(self, value: str, threshold: int) -> tuple[HeldOut, Mask]:
        """The held-out documents of a value, and which would be kept."""
        if threshold not in self._kept:
            self._kept[threshold] = kept_of(self.spec, self.held_out, threshold)
        here = self.values == value
        return self.held_out.some(here), self._kept[threshold][here]


def kept_of(spec: ClassifierSpec, held_out: HeldOut, threshold: int) -> Mask:
    """Which held-out documents (n,) a classifier would keep at a threshold, by a cut that was learned without them."""
    if spec.cut == "calibrated":
        calibrated: Mask = nested_calibrated(spec, held_out) >= threshold
        return calibrated
    rounded = np.round(np.clip(held_out.scores, spec.scale.low, spec.scale.high))
    return np.asarray(rounded >= threshold)


def entry_of(
    spec: ClassifierSpec,
    calibration: Calibration | None,
    held_out: HeldOut,
    kept: Mask,
    labels: Floats,
    *,
    folder: str,
    groups: int | None,
    why: str = "",
    f1_of_shared: Estimate | None = None,
) -> Entry:
    """What the index says of a value.

    Args:
        spec: of the value, with its threshold.
        calibration: of the classifier that it gets.
        held_out: what that classifier said of the value's documents.
        kept: which of those it would keep, see `kept_of`.
        labels: all of the value.
        folder: of the classifier.
        groups: of the value's labels; None where they are not known.
        why: it has none of its own.
        f1_of_shared: beside a classifier of its own.
    """
    threshold = spec.threshold_for()
    tested = held_out.folds < held_out.parts
    part, kept = held_out.some(tested), kept[tested]
    wanted = part.labels >= threshold
    by_calibration = spec.cut == "calibrated" and calibration is not None
    return Entry(
        folder=folder,
        own=not why,
        labels=len(labels),
        groups=groups,
        positives=int(np.sum(labels >= threshold)),
        threshold=threshold,
        cut="calibrated" if by_calibration else "published",
        raw_cut=calibration.raw_cut(threshold) if calibration and by_calibration else threshold - 0.5,
        figures=figures(wanted, kept, part.members, part.weights, spec.seed) if len(part) else None,
        hits=_sum(part.weights, wanted & kept),
        kept=_sum(part.weights, kept),
        wanted=_sum(part.weights, wanted),
        f1_of_shared=f1_of_shared,
        why=why,
    )


def _sum(weights: Floats, mask: Mask) -> float:
    return round(float(weights @ mask), DIGITS)


def held_out_of(classifier: Classifier) -> HeldOut:
    """What a classifier that was trained here was measured on."""
    assert classifier.held_out is not None, "what was trained here says what it was measured on"
    return classifier.held_out
