"""Training the encoder, or its last blocks, along with the head: for those who have a GPU and many labels.

    tuned = fine_tune(texts, labels, weights, folds, spec, load_embedder(...), groups)
    tuned.embedder, tuned.head, tuned.epoch      # another encoder, named by the digest of its weights

The head is first fitted to the frozen encoder, and both go on from there (Kumar et al. 2022: features stay what they
were where labels say nothing). Loss: weighted squared error, as in the published scripts; AdamW with a learning rate
for the head and a lower one for the encoder, linear warm-up and decay, gradients clipped to norm 1, dropout as the
encoder's configuration has it. Frozen blocks below the trained ones run without gradients.

A fit for every fold would cost days, so a part is held out once: fold 0 is never looked at until the end, fold 1
chooses the epoch and the cut that fold 0 is judged by, the rest is learned from. The encoder and head that were tested
are those that are saved; the saved cut is learned from both parts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from curation.classify.batches import token_batches
from curation.classify.embedder import TransformersEmbedder
from curation.classify.head import Features, Floats, Head, LinearHead, PooledLinearHead, fit_head
from curation.classify.layers import blocks_of
from curation.classify.models import LoadedModel, import_torch
from curation.classify.pooled import schedule
from curation.classify.pooling import pooled
from curation.classify.spec import ClassifierSpec
from curation.errors import CurationError

TEST, CHOICE = 0, 1
"""Folds that are held out: for figures, and to choose the epoch and the cuts."""

MICRO_TOKENS = 16_384
"""Padded tokens that are in memory with their gradients at a time; a step of the optimiser adds up several."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """An encoder and the head that was trained with it.

    Attributes:
        embedder: the encoder, frozen again.
        head: linear or pooled_linear.
        epoch: after which both were taken, from 1.
        error: mean squared error of each epoch on the choosing part.
    """

    embedder: TransformersEmbedder
    head: Head
    epoch: int
    error: tuple[float, ...]


def fine_tune(
    texts: list[str],
    labels: Floats,
    weights: Floats,
    folds: NDArray[np.int64],
    spec: ClassifierSpec,
    frozen: TransformersEmbedder,
    groups: Sequence[object] | None,
) -> Tuned:
    """An encoder trained on all folds but `TEST` and `CHOICE`.

    Args:
        texts: the judged documents.
        labels: the judge's, (n,).
        weights: of the documents in the fit, (n,).
        folds: the part of each document, (n,).
        spec: ``trained_layers``, learning rates, epochs, batch size.
        frozen: the encoder to start from; it is not changed.
        groups: domains or repositories, for the head's own start; (n,).
    """
    torch = import_torch()
    torch.manual_seed(spec.seed)
    learned = np.flatnonzero(folds > CHOICE)
    chosen = np.flatnonzero(folds == CHOICE)
    start = fit_head(
        spec,
        frozen.embed([texts[index] for index in learned]),
        labels[learned],
        weights[learned],
        groups=[groups[index] for index in learned.tolist()] if groups is not None else None,
        pooler=frozen.pooler,
    )
    trainer = _Trainer(spec, frozen, start)
    windows = frozen.tokeniser.read(texts).windows()
    best, errors = trainer.state(), []
    trainer.begin(spec.epochs * -(-len(learned) // spec.batch_size))
    for epoch in range(spec.epochs):
        for batch in _shuffled(learned, spec.batch_size, spec.seed + epoch):
            trainer.step([windows[index] for index in batch], labels[batch], weights[batch])
        predicted = trainer.predict([windows[index] for index in chosen])
        errors.append(float(np.average((predicted - labels[chosen]) ** 2, weights=weights[chosen])))
        if not np.isfinite(errors[-1]):
            raise CurationError(
                f"training diverged in epoch {epoch + 1}: lower encoder_learning_rate and learning_rate"
            )
        if errors[-1] == min(errors):
            best = trainer.state()
    embedder, head = trainer.finished(best)
    return Tuned(embedder, head, int(np.argmin(errors)) + 1, tuple(round(one, 4) for one in errors))


class _Trainer:
    """A copy of an encoder with a head on it."""

    def __init__(self, spec: ClassifierSpec, frozen: TransformersEmbedder, start: Head) -> None:
        torch = import_torch()
        self.spec, self.frozen = spec, frozen
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = copy.deepcopy(frozen.loaded.model).to(self.device)
        self.head = _as_module(start).to(self.device)
        _unfreeze(self.model, spec.trained_layers)
        self.steps = self.done = 0

    def begin(self, steps: int) -> None:
        """Makes the optimiser for so many steps."""
        torch = import_torch()
        trained = [one for one in self.model.parameters() if one.requires_grad]
        rates = {"lr": self.spec.encoder_learning_rate, "peak": self.spec.encoder_learning_rate}
        head_rates = {"lr": self.spec.learning_rate, "peak": self.spec.learning_rate}
        parts = [{"params": trained, **rates}, {"params": list(self.head.parameters()), **head_rates}]
        self.optimizer = torch.optim.AdamW(parts, weight_decay=self.spec.weight_decay)
        self.steps = steps

    def step(self, windows: list[NDArray[np.int32]], labels: Floats, weights: Floats) -> None:
        """One step of the optimiser on a batch, in as many pieces as memory asks for."""
        torch = import_torch()
        share = schedule(self.spec, self.done, self.steps)
        for part in self.optimizer.param_groups:
            part["lr"] = part["peak"] * share
        self.model.train()
        self.optimizer.zero_grad()
        for indices, predicted in self._pieces(windows):
            wanted, of = (
                torch.tensor(one[indices], dtype=torch.float32, device=self.device) for one in (labels, weights)
            )
            (of * (predicted - wanted) ** 2).sum().div(float(weights.sum())).backward()
        trained = [one for part in self.optimizer.param_groups for one in part["params"]]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        self.optimizer.step()
        self.done += 1

    def predict(self, windows: list[NDArray[np.int32]]) -> Floats:
        """Raw scores (n,) as they are by now."""
        torch = import_torch()
        self.model.eval()
        scores = np.zeros(len(windows))
        with torch.inference_mode():
            for indices, predicted in self._pieces(windows):
                scores[indices] = predicted.float().cpu().numpy()
        return scores

    def state(self) -> dict[str, Any]:
        """A copy of all weights."""
        parts = {"model": self.model, "head": self.head}
        return {
            name: {key: one.detach().cpu().clone() for key, one in part.state_dict().items()}
            for name, part in parts.items()
        }

    def finished(self, state: dict[str, Any]) -> tuple[TransformersEmbedder, Head]:
        """The encoder at that state, under a name of its own, and the head."""
        model = self.model.cpu().eval().requires_grad_(False)
        model.load_state_dict(state["model"])
        digest = xxhash.xxh3_128()
        for key, one in state["model"].items():
            digest.update(key.encode() + one.contiguous().numpy().tobytes())
        loaded = LoadedModel(model, self.frozen.loaded.tokenizer, self.frozen.loaded.missing)
        identity = self.frozen.identity | {"embedder": f"tuned:{digest.hexdigest()}", "revision": None}
        return TransformersEmbedder(loaded, identity, threads=self.frozen.threads), _as_head(state["head"])

    def _pieces(self, windows: list[NDArray[np.int32]]) -> Iterator[tuple[list[int], Any]]:
        """Predictions of windows, those of like length together."""
        torch = import_torch()
        identity = self.frozen.identity
        for indices, length in token_batches([len(one) for one in windows], MICRO_TOKENS):
            tokens, mask = (one.to(self.device) for one in self.frozen.padded([windows[i] for i in indices], length))
            with torch.autocast(self.device, torch.bfloat16, enabled=identity["precision"] == "bf16"):
                hidden = self.model(input_ids=tokens, attention_mask=mask).last_hidden_state
            vectors = pooled(hidden, mask, identity["pooling"])
            if identity["normalize"]:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
            yield indices, self.head(vectors).squeeze(-1)


def _unfreeze(model: Any, trained_layers: int) -> None:
    """Lets the last blocks learn, or everything; an encoder's own pooler is never read here."""
    model.requires_grad_(False)
    if trained_layers < 0:
        model.requires_grad_(True)
    else:
        blocks = blocks_of(model, int(model.config.num_hidden_layers))
        for block in blocks[max(0, len(blocks) - trained_layers) :]:
            block.requires_grad_(True)
    if getattr(model, "pooler", None) is not None:
        model.pooler.requires_grad_(False)


def _shuffled(indices: NDArray[np.int64], size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(indices)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _as_module(head: Head) -> Any:
    torch = import_torch()
    tensors = {name: torch.tensor(value) for name, value in head.tensors().items()}
    wide = tensors["weight"].shape[0]
    linear = torch.nn.Linear(wide, 1)
    layers = [linear]
    with torch.no_grad():
        linear.weight.copy_(tensors["weight"][None])
        linear.bias.copy_(tensors["bias"])
        if "dense_weight" in tensors:
            dense = torch.nn.Linear(wide, wide)
            dense.weight.copy_(tensors["dense_weight"])
            dense.bias.copy_(tensors["dense_bias"])
            layers = [dense, torch.nn.Tanh(), linear]
    return torch.nn.Sequential(*layers)


def _as_head(state: dict[str, Any]) -> Head:
    arrays: list[Features] = [np.array(one.numpy(), np.float32) for one in state.values()]
    if len(arrays) == 2:
        return LinearHead(arrays[0][0], arrays[1])
    return PooledLinearHead(arrays[0], arrays[1], arrays[2][0], arrays[3])
