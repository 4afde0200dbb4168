"""What to train, not how: one spec per classifier, read strictly from ``classifiers/*.yaml``.

Example: ``load_spec("finemath")`` is the second FineMath pass as published (multilingual-e5-small, first token,
dense-tanh-linear head, 20 epochs at 3e-4), ``load_spec("finemath-embedded")`` extends it with the embedder that pip
brings, and ``load_spec("./mine.yaml")`` is a user's own.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import xxhash

from curation.classify.calibrate import Method
from curation.classify.languages import programming_language, slug
from curation.config import read_settings, read_values
from curation.content import find_content, package_revision, resolve_location
from curation.errors import ConfigError, ContentError
from curation.scale import Scale

Pooling = Literal["first", "mean", "last"]
HeadKind = Literal["pooled_linear", "linear", "ordinal", "kernel"]
Cut = Literal["published", "calibrated"]


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec:
    """A frozen embedder, a head, a scale, and the values they are trained with.

    Attributes:
        embedder: a name on the Hub, a local folder, ``package:NAME/FOLDER`` or ``content:FOLDER``.
        revision: commit of a Hub embedder; None follows the Hub's main branch and is recorded as such.
        pooling: which token vectors become the text's vector.
        max_tokens: texts are truncated to this many tokens, special ones included.
        head: ``pooled_linear`` is dense + tanh + linear on the first token, as ``BertForSequenceClassification``;
            ``linear`` is a ridge regression on the pooled vector, ``ordinal`` a logistic one for each threshold, all of
            one direction; ``kernel`` a ridge regression on vector, statistics and character runs of the first
            ``max_characters``.
        prompt: the prompt with which the labels are judged, by name.
        scale: the judge's scale.
        prefix: put before every text, such as e5's ``query: ``.
        normalize: whether vectors are brought to length 1.
        layers: hidden layers whose pooled vectors are set side by side; the last alone if empty.
        windows: windows of ``max_tokens`` that are read of a text, their vectors averaged by length.
        max_characters: how far a text is read at all; 0 is to its end.
        thresholds: labels at which the report gives figures first; all of the scale's if empty.
        threshold_of: exceptions by language, such as ``{Java: 2}``.
        cut: what `select` compares with the threshold: the published ``int_score`` or ``calibrated_score``.
        calibration: how the calibrated cuts are found; see `fit_calibration`.
        target: what the calibrated cut of `threshold_for` is chosen for, such as ``f1``, ``precision=0.9``,
            ``recall=0.95`` or ``share=0.02``; the others are always of best F1.
        class_weights: ``balanced`` lets every label weigh the same in the fit, ``none`` every document.
        trained_layers: blocks of the encoder, counted from the last, that are trained along with the head; 0 leaves it
            frozen, as published, -1 trains all of it and its embeddings; see `finetune`.
        encoder_learning_rate: peak of the linear schedule of what `trained_layers` names.
        published: Hub name of the published weights, if any; ``{language}`` stands for a language.
        folds: parts of the cross-validation from which calibration and figures come.
        epochs: passes over the labels (``pooled_linear``, and where an encoder is trained).
        minimum_steps: optimiser steps at least; raises ``epochs`` where labels are few (``pooled_linear``).
        learning_rate: peak of the linear schedule (``pooled_linear``).
        batch_size: labels per optimiser step (``pooled_linear``).
        warmup_steps: steps of linear warm-up (``pooled_linear``).
        weight_decay: of AdamW (``pooled_linear``).
        validation_share: part of the training labels on which the best epoch is chosen (``pooled_linear``).
        alphas: ridge penalties to choose from, in units of the labels' total weight (``linear``).
        ridge: the penalty, in units of a text's likeness to itself (``kernel``).
        landmarks: judged texts that the head keeps, at most (``kernel``).
        seed: of the folds, the head's initial values and the order of batches.
        source: where the values come from.
        name: the file's stem, set by `load_spec`.
    """

    embedder: str
    revision: str | None
    pooling: Pooling
    max_tokens: int
    head: HeadKind
    prompt: str
    scale: Scale
    prefix: str = ""
    normalize: bool = False
    layers: tuple[int, ...] = ()
    windows: int = 1
    max_characters: int = 0
    thresholds: tuple[int, ...] = ()
    threshold_of: dict[str, int] = field(default_factory=dict)
    cut: Cut = "published"
    calibration: Method = "f1"
    target: str = "f1"
    class_weights: Literal["none", "balanced"] = "none"
    trained_layers: int = 0
    encoder_learning_rate: float = 2e-5
    published: str | None = None
    folds: int = 5
    epochs: int = 20
    minimum_steps: int = 500
    learning_rate: float = 3e-4
    batch_size: int = 256
    warmup_steps: int = 0
    weight_decay: float = 0.0
    validation_share: float = 0.1
    alphas: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    ridge: float = 0.1
    landmarks: int = 4000
    seed: int = 0
    source: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        for key in ("max_tokens", "windows", "epochs", "batch_size", "folds", "landmarks"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}: must be at least 1, got {getattr(self, key)}")
        if self.folds < 2:
            raise ValueError("folds: cross-validation needs at least 2")
        if not self.alphas or min(self.alphas) <= 0:
            raise ValueError(f"alphas: expected positive penalties, got {list(self.alphas)}")
        self._check_head()
        for threshold in (*self.thresholds, *self.threshold_of.values()):
            if threshold not in self.scale.thresholds:
                known = ", ".join(map(str, self.scale.thresholds))
                raise ValueError(f"thresholds: {threshold} is none of the scale's ({known})")

    def _check_head(self) -> None:
        if self.head == "pooled_linear" and (self.pooling != "first" or self.normalize):
            raise ValueError("head: pooled_linear stands on the bare first token (pooling: first, normalize: false)")
        if self.head == "pooled_linear" and (self.layers or self.windows > 1 or self.max_characters):
            raise ValueError("head: pooled_linear is read back by others, who know no layers, windows, max_characters")
        if self.max_characters < 0 or min(self.layers, default=0) < 0:
            raise ValueError("max_characters and layers cannot be negative")
        if self.head == "kernel" and not self.max_characters:
            raise ValueError("max_characters: must be given for head: kernel, as far as the judge read, say")
        if self.trained_layers < -1:
            raise ValueError(f"trained_layers: expected -1 (all), 0 (none) or a number, got {self.trained_layers}")
        if self.trained_layers and self.folds < 3:
            raise ValueError("folds: an encoder that is trained needs at least 3 parts, two of which are held out")
        if self.trained_layers and (self.head in ("kernel", "ordinal") or self.layers or self.windows > 1):
            raise ValueError(
                "trained_layers: an encoder is trained with head: linear or pooled_linear, its last layer, one window"
            )
        if not TARGET.fullmatch(self.target):
            raise ValueError(f"target: {self.target}: expected f1, precision=P, recall=R or share=S")
        if self.ridge <= 0:
            raise ValueError(f"ridge: expected a positive penalty, got {self.ridge}")

    def threshold_for(self, language: str | None = None) -> int:
        """The threshold of a language, or the first of `thresholds`, or the middle of the scale."""
        if language in self.threshold_of:
            return self.threshold_of[language]
        return self.thresholds[0] if self.thresholds else round((self.scale.low + self.scale.high + 1) / 2)

    def for_language(self, language: str) -> ClassifierSpec:
        """The spec of one programming language: its threshold, its published weights, its name.

        Raises:
            ConfigError: if the language is unknown.
        """
        name, short = programming_language(language), slug(language)
        published = self.published.replace("{language}", short) if self.published else None
        return dataclasses.replace(
            self,
            name=f"{self.name}-{short}",
            thresholds=(self.threshold_for(name),),
            threshold_of={},
            published=published,
        )

    def identity(self) -> dict[str, Any]:
        """What enters a stage's digest: every value that can change the classifier, and the embedder's revision."""
        left_out = {"published", "source", "name", "threshold_of"}
        # A key that came later counts once it is used: classifiers trained before it are still the same.
        left_out |= {key for key, nothing in LATER.items() if getattr(self, key) == nothing}
        values = {key: value for key, value in dataclasses.asdict(self).items() if key not in left_out}
        return values | {"revision": embedder_revision(self.embedder, self.revision)}


def embedder_revision(embedder: str, revision: str | None) -> str | None:
    """What pins an embedder: the Hub's commit, a package's version, or the digest of a local folder's files."""
    if not is_local(embedder):
        return revision
    folder = Path(resolve_location(embedder))
    return package_revision(embedder) or _folder_digest(embedder, folder)


def is_local(embedder: str) -> bool:
    """Whether ``embedder`` is a folder of this machine rather than a name on the Hub."""
    return embedder.startswith(("package:", "content:", "/", ".", "~")) or Path(embedder).is_dir()


def load_spec(name_or_path: str, language: str | None = None) -> ClassifierSpec:
    """The spec shipped as ``name_or_path``, or the one in that file; ``extends`` is followed one level.

    Args:
        name_or_path: of the spec.
        language: makes it that of one programming language, see `ClassifierSpec.for_language`.

    Raises:
        ContentError: if there is none, or a key is unknown, missing or of the wrong type.
        ConfigError: if the language is unknown.
    """
    spec = _load_spec(name_or_path)
    return spec if language is None else spec.for_language(language)


def _load_spec(name_or_path: str) -> ClassifierSpec:
    path = find_content("classifiers", name_or_path)
    try:
        return read_settings(
            ClassifierSpec, read_values(path, shipped="classifiers") | {"name": path.stem}, origin=str(path)
        )
    except ConfigError as error:
        raise ContentError(str(error)) from error


def _folder_digest(embedder: str, folder: Path) -> str:
    """Digest of the files that decide a local embedder's vectors: configuration, tokenizer, weights."""
    if not (folder / "config.json").is_file():
        raise ConfigError(f"embedder {embedder}: no config.json in {folder}; nothing was substituted")
    digest = xxhash.xxh3_128()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".txt", ".model") and path.name not in NOT_THE_EMBEDDER:
            digest.update(f"{path.name}\0{path.stat().st_size}\0")
            digest.update(path.read_bytes())
    return f"xxh3:{digest.hexdigest()}"


TARGET = re.compile(r"f1|(precision|recall|share)=(0?\.\d+|\d(\.\d+)?e-\d+)")
"""What `operating.Target` writes."""

LATER: dict[str, Any] = {
    "layers": (),
    "windows": 1,
    "max_characters": 0,
    "ridge": 0.1,
    "landmarks": 4000,
    "calibration": "f1",
    "target": "f1",
    "class_weights": "none",
    "trained_layers": 0,
    "encoder_learning_rate": 2e-5,
}
"""Keys of a spec that came after the first classifiers, with the values at which they change nothing."""

NOT_THE_EMBEDDER = ("head.json", "head.safetensors", "calibration.json", "report.json")
"""Files of a classifier's folder that say nothing about its embedder."""
