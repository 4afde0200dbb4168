"""Where to cut for what one wants: best F1, a precision, a recall, or a share of the corpus.

    target = Target.parse("precision=0.9")
    point = operating_point(held_out, threshold=3, target=target)   # held_out.parquet of a classifier's folder
    point.raw_cut, str(point.figures.recall)                        # 2.41, "0.716 (0.640–0.781)"

What a point is expected to do is estimated on documents that the cut was not chosen by: each is judged by the cut that
the others give (`HeldOut.nested`). Everything is weighted, so that a sample with more of a rare topic than the corpus
has stands for the corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import DIGITS, Calibration, Floats, best_cut, fit_calibration
from curation.classify.figures import Figures, figures
from curation.classify.held_out import HeldOut
from curation.classify.spec import ClassifierSpec
from curation.errors import ConfigError

Mask = NDArray[np.bool_]
Kind = Literal["f1", "precision", "recall", "share"]


@dataclass(frozen=True)
class Target:
    """What a cut is chosen for.

    Attributes:
        kind: ``f1`` is the best F1; ``precision`` and ``recall`` at least ``value``; ``share`` keeps that share.
        value: between 0 and 1; 0 for ``f1``.
    """

    kind: Kind
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == "f1" else f"{self.kind}={self.value!r}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """``f1``, ``precision=0.9``, ``recall=0.95`` or ``share=0.02``.

        Raises:
            ConfigError: for anything else.
        """
        kind, equals, value = text.partition("=")
        known = [one for one in get_args(Kind) if one == kind.strip()]
        try:
            number = float(value) if equals else 0.0
        except ValueError:
            number = -1.0
        if not known or (known[0] == "f1") == bool(equals) or (equals and not 0 < number < 1):
            raise ConfigError(
                f"target: {text}: expected f1, precision=P, recall=R or share=S, each above 0 and below 1"
            )
        return cls(known[0], number)


@dataclass(frozen=True)
class OperatingPoint:
    """A cut and what is to be expected of it.

    Attributes:
        threshold: documents with ``label >= threshold`` are wanted.
        target: what it was chosen for, as text.
        raw_cut: documents with ``score >= raw_cut`` are kept.
        figures: precision, recall, F1 and share kept, with intervals, of documents that did not choose it.
    """

    threshold: int
    target: str
    raw_cut: float
    figures: Figures

    def __str__(self) -> str:
        f = self.figures
        return (
            f"score >= {self.raw_cut:g} for label >= {self.threshold}: precision {f.precision}, recall {f.recall}, "
            f"F1 {f.f1}, keeps {f.kept_share.value:.1%} ({f.kept_share.low:.1%}–{f.kept_share.high:.1%})"
            + self._missed()
        )

    def _missed(self) -> str:
        """What to know where held-out documents say less than was asked for."""
        target = Target.parse(self.target)
        if target.kind not in ("precision", "recall"):
            return ""
        got = self.figures.precision if target.kind == "precision" else self.figures.recall
        return f"; {target} was asked for and is not reached on held-out documents" if got.value < target.value else ""


def choose_cut(scores: Floats, wanted: Mask, weights: Floats, target: Target) -> float:
    """The raw cut for a target; where it is out of reach, the cut that comes nearest.

    Args:
        scores: raw, of documents that were held out, (n,).
        wanted: whether the label reaches the threshold, (n,).
        weights: inverse sampling rates, (n,).
        target: a precision is that of probabilities made monotone in the score (isotonic regression), so that a few
            lucky documents at the top do not decide; the lowest cut that reaches it is taken.
    """
    if target.kind == "f1" or not len(scores):
        return best_cut(scores, wanted, weights)
    order = np.argsort(-scores, kind="stable")
    ranked, share, hits = scores[order], weights[order], (weights * wanted)[order]
    ends = np.flatnonzero(np.append(ranked[:-1] > ranked[1:], True))  # equal scores are kept together
    kept = np.cumsum(share)[ends]
    if target.kind == "precision":
        held = np.cumsum(share * _monotone(ranked, hits, share))[ends]
        reached = np.flatnonzero(held >= target.value * kept - 1e-12)
        chosen = int(reached[-1]) if len(reached) else 0
    elif target.kind == "recall":
        found = np.cumsum(hits)[ends]
        chosen = int(np.argmax(found >= target.value * found[-1] - 1e-12))
    else:
        within = np.flatnonzero(kept <= target.value * kept[-1] + 1e-12)
        chosen = int(within[-1]) if len(within) else 0
    at = ends[chosen]
    below = ranked[at + 1] if at + 1 < len(ranked) else ranked[at]
    return round(float((ranked[at] + below) / 2), DIGITS)


def fit_cuts(spec: ClassifierSpec, scores: Floats, labels: Floats, weights: Floats) -> Calibration:
    """The calibration of a spec: cuts of best F1, that of `ClassifierSpec.threshold_for` moved to the spec's target.

    Args:
        spec: says method and target.
        scores: raw, of documents that were held out, (n,).
        labels: the judge's, (n,).
        weights: inverse sampling rates, (n,).
    """
    calibration = fit_calibration(scores, labels, spec.scale, weights, method=spec.calibration)
    target, threshold = Target.parse(spec.target), spec.threshold_for()
    wanted = labels >= threshold
    if target.kind == "f1" or not wanted.any():
        return calibration
    return calibration.moved(threshold, choose_cut(scores, wanted, weights, target))


def operating_point(held_out: HeldOut, threshold: int, target: Target, seed: int = 0) -> OperatingPoint:
    """The cut for a target, from all held-out documents, and what is expected of it.

    Raises:
        ConfigError: if no label reaches the threshold.
    """

    def choose(scores: Floats, labels: Floats, weights: Floats) -> float:
        return choose_cut(scores, labels >= threshold, weights, target)

    if not np.any(held_out.labels >= threshold):
        raise ConfigError(f"no label reaches {threshold}: no cut can be chosen for it")
    raw_cut = choose(held_out.scores, held_out.labels, held_out.weights)
    kept = held_out.scores >= held_out.nested(choose)
    tested = held_out.folds < held_out.parts
    one = held_out.tested
    found = figures(one.labels >= threshold, kept[tested], one.members, one.weights, seed)
    return OperatingPoint(threshold, str(target), raw_cut, found)


def _monotone(ranked: Floats, hits: Floats, share: Floats) -> Floats:
    """Probabilities (n,) that fall with the rank, equal for equal scores."""
    from sklearn.isotonic import isotonic_regression

    _, place = np.unique(-ranked, return_inverse=True)
    total = np.bincount(place, share)
    observed = np.bincount(place, hits) / np.maximum(total, 1e-300)
    fitted = isotonic_regression(observed, sample_weight=np.maximum(total, 1e-300), increasing=False)
    return np.asarray(fitted[place], np.float64)
