"""Hidden layers of an encoder, and no layer computed beyond the last that is wanted.

Example: ``LayerReader(model, [4, 5]).read(input_ids=..., attention_mask=...)`` gives two tensors (n, tokens, d); of
MiniLM's six layers five are computed. Layer 0 is what enters the first layer, layer i what the i-th gives, as in the
``hidden_states`` of ``transformers``, and to the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from curation.errors import ConfigError

_reading = threading.local()


class _Enough(Exception):  # never leaves `LayerReader.read`
    """The last wanted layer has been seen."""


class LayerReader:
    """Reads hidden layers of one encoder; several threads may read at once.

    Args:
        model: of ``transformers``, with as many blocks as its configuration has ``num_hidden_layers``.
        layers: from 0 to that number.

    Raises:
        ConfigError: if it has no such layer, or its blocks are not found.
    """

    def __init__(self, model: Any, layers: Sequence[int]) -> None:
        self.model = model
        self.layers = tuple(layers)
        self.number = int(model.config.num_hidden_layers)
        if not all(0 <= layer <= self.number for layer in layers):
            raise ConfigError(f"layers: {list(layers)}, but the embedder has layers 0 to {self.number}")
        _watch(blocks_of(model, self.number))

    def read(self, **inputs: Any) -> list[Any]:
        """The hidden states (n, tokens, d) of each layer, in order."""
        _reading.seen, _reading.last = {}, max(self.layers)
        try:
            _reading.seen[self.number] = self.model(**inputs).last_hidden_state
        except _Enough:
            pass
        finally:
            seen, _reading.seen = _reading.seen, None
        return [seen[layer] for layer in self.layers]


def blocks_of(model: Any, number: int) -> Sequence[Any]:
    """The blocks of an encoder, first to last.

    Raises:
        ConfigError: if they are not found.
    """
    for module in model.modules():
        if type(module).__name__ == "ModuleList" and len(module) == number:
            return list(module)
    raise ConfigError(f"layers: cannot be read of a {type(model).__name__}: its {number} blocks were not found")


def _watch(blocks: Sequence[Any]) -> None:
    """Hooks that stay, since the model is shared, and do nothing in a thread that is not reading."""
    for layer, block in enumerate(blocks):
        if not getattr(block, "_is_watched", False):
            block.register_forward_pre_hook(_hook(layer), with_kwargs=True)
            block._is_watched = True


def _hook(layer: int) -> Callable[[Any, tuple[Any, ...], dict[str, Any]], None]:
    def see(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        seen = getattr(_reading, "seen", None)
        if seen is None:
            return
        seen[layer] = given[0] if given else named["hidden_states"]
        if layer == _reading.last:
            raise _Enough

    return see
