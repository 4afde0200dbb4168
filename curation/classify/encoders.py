"""One encoder where several classifiers stand on the same one: compared by content, not by name.

Example: of fifteen classifiers with a frozen encoder, fifteen folders hold it, and memory holds it once::

    a, b = load_classifier("out/train/model/python"), load_classifier("out/train/model/rust")
    a.embedder.loaded is b.embedder.loaded

To compare 500 MB takes 0.05 s. What another has already is let go, even where a cache still holds the model. On disk
the folders share the file, too (`link_files`).
"""

from __future__ import annotations

import filecmp
import json
import os
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import xxhash

from curation.classify.models import LoadedModel

_NO_MATTER = (
    "_name_or_path",
    "architectures",
    "classifier_dropout",
    "dtype",
    "hidden_dropout_prob",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "torch_dtype",
    "transformers_version",
)
"""Of a configuration: what changes no vector."""

_LARGE = 1_000_000
"""Bytes from which on a file is worth a link."""

_known: weakref.WeakValueDictionary[str, LoadedModel] = weakref.WeakValueDictionary()


def one_encoder(loaded: LoadedModel, *, without: str = "") -> LoadedModel:
    """The encoder that has the same weights, configuration and tokenizer and is in use already; else this one.

    Args:
        loaded: an encoder without its head.
        without: parameters whose names begin so are no part of the encoder, such as a pooler that is the head's.
    """
    if not loaded.tokenizer.is_fast:  # what it does is in code, and cannot be compared
        return loaded
    found = _known.setdefault(_digest(loaded, without), loaded)
    if found is not loaded:
        theirs = dict(found.model.named_parameters())
        for name, own in loaded.model.named_parameters():
            if not (without and name.startswith(without)):
                own.data = theirs[name].data
    return found


def _digest(loaded: LoadedModel, without: str) -> str:
    digest = xxhash.xxh3_128()
    values = {key: value for key, value in loaded.model.config.to_dict().items() if key not in _NO_MATTER}
    digest.update(json.dumps([type(loaded.model).__name__, without, values], sort_keys=True, default=str))
    digest.update(_tokenizer(loaded.tokenizer))
    for name, tensor in sorted(loaded.model.state_dict().items()):
        if not (without and name.startswith(without)):
            digest.update(f"{name}\0{tuple(tensor.shape)}\0{tensor.dtype}\0")
            digest.update(tensor.detach().contiguous().numpy())
    return digest.hexdigest()


def _tokenizer(tokenizer: Any) -> str:
    """All that decides which tokens are read; truncation and padding are set anew by whoever reads."""
    rules = json.loads(tokenizer.backend_tokenizer.to_str()) | {"truncation": None, "padding": None}
    ids = [tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.truncation_side, tokenizer.model_max_length]
    return json.dumps([rules, ids], sort_keys=True)


def link_files(root: Path, name: str) -> None:
    """Large files of the folder ``name`` that another folder of the root has, too, become the same file (hard link)."""
    for file in (root / name).iterdir():
        others = (one for one in sorted(root.glob(f"*/{file.name}")) if one.parent != file.parent)
        if file.stat().st_size < _LARGE or (same := next(filter(partial(_same, file), others), None)) is None:
            continue
        linked = file.with_name(f"{file.name}.linked")
        try:
            os.link(same, linked)
        except OSError:  # a file system without hard links keeps the copy
            return
        linked.replace(file)


def _same(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)
