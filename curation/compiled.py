"""Functions compiled by numba, once for each machine: the result is kept beside the source, or in the user's cache.

Example: ``@kernel`` above a function of arrays and numbers. numba takes a kept result for fresh as long as the file of
that one function is the same; but a kernel also holds what it calls and the constants that it uses, often from the
files beside it. So the stamp of freshness is here the content of the whole folder, and of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.options import DefaultOptions

# A version of numba that has lost the option still compiles the same, only slower.
_UNCOUNTED = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """A piece of a kernel, compiled into each place that calls it."""
    return njit(inline="always")(function)


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, compiled at its first call; without Python objects, so that no argument is checked."""
    return _compiled(function)


def bare(function: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that makes no array, and does not count who holds its arguments: half the time where calls are short."""
    return _compiled(function, **_UNCOUNTED)


def _compiled(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    try:
        compiled = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written to: compiled anew by each process
        return njit(**options)(function)
    kept: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_source_stamp"):
        kept._source_stamp = _stamp(Path(function.__code__.co_filename).parent)
    return compiled


@cache
def _stamp(folder: Path) -> str:
    digest = sha256(Path(__file__).read_bytes())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
