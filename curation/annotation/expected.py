"""Provisional until the real one is written: no label is read from log-probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.annotation.prompt import Prompt


def expected_label(logprobs: Sequence[Mapping[str, Any]], prompt: Prompt) -> float | None:
    """None."""
    return None
