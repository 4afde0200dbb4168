"""Vectors of tokens to the vector of a window, vectors of windows to the vector of a text.

Example: ``pooled(model(**inputs).last_hidden_state, inputs["attention_mask"], "mean")`` is a tensor (n, d) in fp32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.classify.models import import_torch
from curation.classify.spec import Pooling
from curation.classify.tokens import Tokens


def pooled(hidden: Any, mask: Any, pooling: Pooling) -> Any:
    """Vectors (n, d) in fp32 from hidden states (n, tokens, d)."""
    torch = import_torch()
    hidden = hidden.float()
    if pooling == "first":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).float()
    return (hidden * weights).sum(1) / weights.sum(1)


def averaged(rows: NDArray[np.float32], tokens: Tokens, *, normalize: bool) -> NDArray[np.float32]:
    """The vectors of texts (n, d): means of their windows' vectors (w, d), weighted by their numbers of tokens."""
    means, start = np.zeros((len(tokens), rows.shape[1])), 0
    for mean, count in zip(means, tokens.counts.tolist(), strict=True):
        lengths = tokens.lengths[start : start + count].astype(np.float64)
        # Not a matrix product: its sums depend on the number of threads.
        mean[:] = (rows[start : start + count] * lengths[:, None]).sum(0) / lengths.sum()
        start += count
    if normalize:
        means /= np.maximum(np.sqrt((means**2).sum(1, keepdims=True)), 1e-12)
    return means.astype(np.float32)
