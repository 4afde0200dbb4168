"""Panics of Rust extensions (resiliparse, fastwarc), which are no subclass of ``Exception`` and cannot be imported.

Example: ``except BaseException as error: if not is_panic(error): raise``.
"""

from __future__ import annotations


def is_panic(error: BaseException) -> bool:
    """Whether ``error`` is a bug of an extension met by a broken page, not a wish to stop the program."""
    return type(error).__name__ == "PanicException"
