"""Classifiers on disk: two forms, neither of them a pickle.

| head | folder | `transformers` opens it |
|---|---|---|
| pooled_linear | an ordinary ``AutoModelForSequenceClassification`` folder + ``calibration.json`` | yes, same logits |
| linear, ordinal, kernel | encoder + ``head.safetensors`` + ``head.json`` | as an encoder, not with a random head |

Both hold ``report.json``, its picture, ``held_out.parquet`` and a model card, ``README.md``. ``calibration.json`` and
``head.json`` say the same things: scale, cut, calibration, and how texts become vectors. They are written last: a
folder without them is not ours.

Example: ``read_classifier("HuggingFaceFW/fineweb-edu-classifier")`` reads the published layout, which has neither.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from curation.classify import plots
from curation.classify.calibrate import Calibration
from curation.classify.card import model_card
from curation.classify.classifier import Classifier
from curation.classify.each import check_one
from curation.classify.embedder import Embedder, TransformersEmbedder, encoder_of
from curation.classify.encoders import one_encoder
from curation.classify.head import HEADS, Head, LogitsHead, PooledLinearHead
from curation.classify.held_out import HeldOut
from curation.classify.models import (
    LoadedModel,
    import_safetensors,
    import_torch,
    import_transformers,
    load_encoder,
    load_sequence_classifier,
    quiet,
)
from curation.classify.precision import Precision, choose_precision
from curation.classify.report import TrainingReport
from curation.classify.spec import embedder_revision, is_local
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.scale import Scale

SPLIT = {
    "bert": ("bert.pooler.dense", "classifier"),
    "roberta": ("classifier.dense", "classifier.out_proj"),
    "xlm-roberta": ("classifier.dense", "classifier.out_proj"),
}
"""Model types whose classifier is dense + tanh + linear on the first token -> names of the two layers."""

FORMAT = 2
DESCRIPTIONS = ("head.json", "calibration.json")
HELD_OUT = "held_out.parquet"


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Writes a classifier in the form of its head; files of an earlier one are overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (*DESCRIPTIONS, "head.safetensors", "report.json", HELD_OUT, *plots.NAMES):
        (folder / stale).unlink(missing_ok=True)
    if isinstance(classifier.head, PooledLinearHead):
        _save_sequence_classifier(classifier, classifier.head, folder)
        described = folder / "calibration.json"
    else:
        _save_encoder_and_head(classifier, folder)
        described = folder / "head.json"
    drawn = False
    if classifier.report is not None:
        (folder / "report.json").write_text(classifier.report.to_json(), encoding="utf-8")
    if classifier.held_out is not None:
        classifier.held_out.write(folder / HELD_OUT)
    if classifier.report and classifier.held_out and classifier.calibration:
        drawn = plots.write_plots(
            classifier.report, classifier.held_out, classifier.calibration, folder, classifier.name
        )
    (folder / "README.md").write_text(model_card(classifier, drawn=drawn), encoding="utf-8")
    described.write_text(json.dumps(_description(classifier), indent=1) + "\n", encoding="utf-8")


def read_classifier(
    location: str,
    *,
    embedder: Embedder | None = None,
    revision: str | None = None,
    scale: Scale | None = None,
    max_tokens: int | None = None,
    precision: Precision = "auto",
    threads: int | None = None,
) -> Classifier:
    """A classifier of either form, or of a published layout.

    Args:
        location: folder, or name on the Hub.
        embedder: for a head saved without one.
        revision: commit on the Hub.
        scale: of published weights, which do not say it; 0 to 5 by default.
        max_tokens: of published weights; by default what the tokenizer says and the model bears.
        precision: see `load_embedder`.
        threads: of torch, on CPUs.

    Raises:
        ConfigError: if it cannot be had.
    """
    if not is_local(location) and "/" not in location:
        raise ConfigError(f"classifier {location}: no such folder, and a name on the Hub is ORGANISATION/NAME")
    import_transformers()
    folder = model_folder(resolve_location(location)) if is_local(location) else None
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"classifier {location}: no folder {folder}; nothing was substituted")
    if folder is not None:
        check_one(folder)
    if folder is not None and (folder / "head.json").is_file():
        return _read_encoder_and_head(folder, embedder, precision, threads)
    described = _read_json(folder / "calibration.json") if folder and (folder / "calibration.json").is_file() else {}
    loaded = load_sequence_classifier(str(folder or location), revision)
    _check_one_label(location, loaded)
    head = _split_head(loaded)
    base = LoadedModel(loaded.model.base_model, loaded.tokenizer, frozenset())
    encoder = one_encoder(base, without="pooler.") if head else loaded  # a pooler is the head's
    identity = described.get("embedding") or {
        "embedder": location,
        "revision": embedder_revision(location, revision),
        "pooling": "first" if head else "logits",
        "max_tokens": max_tokens or _default_tokens(loaded),
        "prefix": "",
        "normalize": False,
    }
    embedding = TransformersEmbedder(encoder, identity | {"precision": choose_precision(precision)}, threads=threads)
    if scale is not None:
        described = described | {"scale": [scale.low, scale.high]}
    return _classifier(described, embedding, head or LogitsHead(), folder, name=location)


def model_folder(location: str) -> Path:
    """The classifier's folder; a folder that ``curate train`` wrote holds it as ``train/model``."""
    folder = Path(location)
    return folder / "train" / "model" if (folder / "train" / "model").is_dir() else folder


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration in a classifier's folder, without loading the model; None if there is none."""
    for name in DESCRIPTIONS:
        if (folder / name).is_file() and (cuts := _read_json(folder / name).get("calibration")):
            return Calibration(tuple((int(t), float(c)) for t, c in cuts))
    return None


def _description(classifier: Classifier) -> dict[str, Any]:
    identity = classifier.embedder_identity
    return {
        "format": FORMAT,
        "name": classifier.name,
        "head": classifier.head.kind,
        "scale": [classifier.scale.low, classifier.scale.high],
        "cut": classifier.cut,
        "calibration": [list(cut) for cut in classifier.calibration.cuts] if classifier.calibration else None,
        "embedding": {key: value for key, value in identity.items() if key != "precision"} if identity else None,
    }


def _classifier(
    described: dict[str, Any], embedder: Embedder, head: Head, folder: Path | None, *, name: str
) -> Classifier:
    low, high = described.get("scale", (0, 5))
    cuts = described.get("calibration")
    report = folder / "report.json" if described and folder is not None else None
    held_out = folder / HELD_OUT if described and folder is not None else None
    return Classifier(
        name=described.get("name", name),
        embedder=embedder,
        head=head,
        scale=Scale(low, high),
        calibration=Calibration(tuple((int(t), float(c)) for t, c in cuts)) if cuts else None,
        cut=described.get("cut", "published"),
        report=TrainingReport.from_json(report.read_text("utf-8")) if report and report.is_file() else None,
        held_out=HeldOut.read(held_out) if held_out and held_out.is_file() else None,
    )


def _save_encoder_and_head(classifier: Classifier, folder: Path) -> None:
    if isinstance(classifier.head, LogitsHead):
        raise ConfigError(f"classifier {classifier.name} is a whole published model: copy its folder instead")
    encoder = encoder_of(classifier.embedder)
    if encoder is not None:
        with quiet():
            encoder.save(folder)
    import_safetensors("classifiers").numpy.save_file(classifier.head.tensors(), folder / "head.safetensors")


def _save_sequence_classifier(classifier: Classifier, head: PooledLinearHead, folder: Path) -> None:
    encoder = encoder_of(classifier.embedder)
    kind = encoder.loaded.model.config.model_type if encoder is not None else "object"
    if encoder is None or kind not in SPLIT:
        raise ConfigError(
            f"classifier {classifier.name}: pooled_linear is saved as an AutoModelForSequenceClassification, which "
            f"is this head only for {', '.join(SPLIT)} (the embedder is {kind}); use head: linear"
        )
    transformers, torch = import_transformers(), import_torch()
    config = type(encoder.loaded.model.config).from_dict(encoder.loaded.model.config.to_dict())
    config.num_labels, config.problem_type = 1, "regression"
    config.classifier_dropout, config.hidden_dropout_prob = 0.0, 0.0
    with quiet():
        model = transformers.AutoModelForSequenceClassification.from_config(config)
        model.base_model.load_state_dict(encoder.loaded.model.state_dict(), strict=False)
        tensors = head.tensors()
        dense, linear = (model.get_submodule(name) for name in SPLIT[kind])
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(tensors["dense_weight"]))
            dense.bias.copy_(torch.from_numpy(tensors["dense_bias"]))
            linear.weight.copy_(torch.from_numpy(tensors["weight"][None]))
            linear.bias.copy_(torch.from_numpy(tensors["bias"]))
        model.save_pretrained(folder)
        encoder.loaded.tokenizer.save_pretrained(folder)


def _read_encoder_and_head(
    folder: Path, embedder: Embedder | None, precision: Precision, threads: int | None
) -> Classifier:
    described = _read_json(folder / "head.json")
    head = HEADS[described["head"]](**import_safetensors("classifiers").numpy.load_file(folder / "head.safetensors"))
    if embedder is None:
        if described["embedding"] is None or not (folder / "config.json").is_file():
            raise ConfigError(f"{folder}: this head was saved without its embedder; pass it as embedder=")
        identity = described["embedding"] | {"precision": choose_precision(precision)}
        embedder = TransformersEmbedder(one_encoder(load_encoder(str(folder), None)), identity, threads=threads)
    return _classifier(described, embedder, head, folder, name=folder.name)


def _split_head(loaded: LoadedModel) -> PooledLinearHead | None:
    """The classifier's head apart from its encoder, so that vectors can be cached; None for another architecture."""
    names = SPLIT.get(loaded.model.config.model_type)
    if names is None:
        return None
    dense, linear = (loaded.model.get_submodule(name) for name in names)
    arrays = (dense.weight, dense.bias, linear.weight[0], linear.bias)
    return PooledLinearHead(*(np.array(array.cpu().numpy(), np.float32) for array in arrays))


def _check_one_label(location: str, loaded: LoadedModel) -> None:
    labels = loaded.model.config.num_labels
    if labels != 1:
        raise ConfigError(f"classifier {location}: expected one output (num_labels=1, regression), it has {labels}")
    if loaded.missing:
        names = ", ".join(sorted(loaded.missing))
        raise ConfigError(f"classifier {location}: its files lack {names}; a random head is not a classifier")


def _default_tokens(loaded: LoadedModel) -> int:
    return int(min(loaded.tokenizer.model_max_length, loaded.longest))


def _read_json(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if values.get("format") != FORMAT:
        raise ConfigError(f"{path}: format {values.get('format')}, expected {FORMAT}; written by another version?")
    return values
