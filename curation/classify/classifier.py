"""A trained classifier: texts in, raw scores on the judge's scale out.

Example::

    classifier = load_classifier("out/train/classifier")  # ours, a published layout, or a name on the Hub
    scores = classifier.score(["1 + 1 = 2"])              # raw, float64 (n,)
    classifier.int_scores(scores)                         # as published: clip, then round half to even
    classifier.calibrated(scores)                         # >= t exactly where the score reaches t's cut
    classifier.keeps(scores, 3)                           # the decision, by the classifier's own cut
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.calibrate import Calibration
from curation.classify.embedder import Embedder
from curation.classify.features import TextFeatures, read_features
from curation.classify.head import Features, Floats, Head
from curation.classify.held_out import HeldOut
from curation.classify.report import TrainingReport
from curation.classify.spec import Cut
from curation.errors import ConfigError
from curation.scale import Scale


@dataclass(frozen=True, eq=False)
class Classifier:
    """Embedder + head + scale (+ calibration).

    Attributes:
        name: of the spec, or of the published weights.
        embedder: the frozen encoder.
        head: what was learned.
        scale: the judge's.
        calibration: None for weights that come without one.
        cut: whether the published or the calibrated cut decides.
        report: figures of its training, if it was trained here.
        held_out: what those figures are of, likewise.
    """

    name: str
    embedder: Embedder
    head: Head
    scale: Scale
    calibration: Calibration | None = None
    cut: Cut = "published"
    report: TrainingReport | None = None
    held_out: HeldOut | None = None

    def __post_init__(self) -> None:
        if self.cut == "calibrated" and self.calibration is None:
            raise ConfigError(f"classifier {self.name}: cut: calibrated, but it has no calibration")

    @property
    def embedder_identity(self) -> Mapping[str, Any] | None:
        """What decides the vectors; the key of the embedding cache. None for an embedder that does not say."""
        return getattr(self.embedder, "identity", None)

    def score(self, texts: list[str]) -> Floats:
        """Raw scores (n,), in order; a score depends on its text alone.

        Raises:
            ValueError: for anything but a list of texts.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise ValueError("expected a list of texts")
        window = getattr(self.head, "max_characters", 0)
        return self.score_features(read_features(texts, self.embedder, self.head.kind, window))

    def score_features(self, features: Features | TextFeatures) -> Floats:
        """Raw scores (n,) of what `read_features` gave; vectors (n, d) of the embedder, but for the kernel head."""
        return self.head.predict(features)

    def int_scores(self, scores: Floats) -> NDArray[np.int64]:
        """The published ``int_score`` of raw scores: `Scale.int_score` for arrays."""
        return np.round(np.clip(scores, self.scale.low, self.scale.high)).astype(np.int64)

    def calibrated(self, scores: Floats) -> Floats:
        """Raw scores bent onto the label scale.

        Raises:
            ConfigError: if this classifier came without calibration.
        """
        return self._calibration().apply(scores)

    def keeps(self, scores: Floats, threshold: int, cut: Cut | None = None) -> NDArray[np.bool_]:
        """Which raw scores reach ``threshold``, by ``cut`` or the classifier's own."""
        if (cut or self.cut) == "calibrated":
            return np.asarray(scores >= self._calibration().raw_cut(threshold))
        return self.int_scores(scores) >= threshold

    def describe_cut(self, threshold: int, cut: Cut | None = None) -> str:
        """The condition on the raw score that ``threshold`` amounts to, such as ``score > 2.5``, for cards."""
        if (cut or self.cut) == "calibrated":
            return f"score >= {self._calibration().raw_cut(threshold)}"
        # Half to even: 2.5 rounds to 2, so that 3 needs more; 3.5 rounds to 4.
        return f"score {'>' if threshold % 2 else '>='} {threshold - 0.5:g}"

    def save(self, folder: str | Path) -> None:
        """Writes the classifier into a folder, without any pickle; see `storage`.

        Raises:
            ConfigError: if its form cannot be saved.
        """
        from curation.classify.storage import save_classifier

        save_classifier(self, Path(folder))

    def _calibration(self) -> Calibration:
        if self.calibration is None:
            raise ConfigError(f"classifier {self.name} has no calibration; use cut: published")
        return self.calibration


def load_classifier(path_or_name: str | Path, *, embedder: Embedder | None = None, **options: Any) -> Classifier:
    """A classifier from its folder, or by its name on the Hub.

    Args:
        path_or_name: a folder that `Classifier.save` wrote, a folder or Hub name of any
            ``AutoModelForSequenceClassification`` with one label, or ``package:``, ``content:``.
        embedder: the one it was trained with, for a head saved without it.
        options: of `storage.read_classifier`: ``revision``, ``scale``, ``max_tokens``, ``precision``, ``threads``.

    Raises:
        ConfigError: if it cannot be had; nothing is substituted.
    """
    from curation.classify.storage import read_classifier

    return read_classifier(str(path_or_name), embedder=embedder, **options)
