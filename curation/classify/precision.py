"""In what numbers an encoder computes.

Example: ``choose_precision("auto")`` is ``"bf16"`` on a GPU and on CPUs that multiply it, else ``"fp32"``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from curation.classify.models import import_torch

Precision = Literal["auto", "fp32", "bf16"]


def choose_precision(precision: Precision) -> Literal["fp32", "bf16"]:
    """What ``auto`` means here: bf16 where the hardware multiplies it (2x on CPUs), else fp32."""
    if precision != "auto":
        return precision
    if import_torch().cuda.is_available():
        return "bf16"
    processor = Path("/proc/cpuinfo")
    return "bf16" if processor.is_file() and "avx512_bf16" in processor.read_text() else "fp32"
