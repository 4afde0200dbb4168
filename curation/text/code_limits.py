"""The limits of a file of code: what StarCoder2's filters allow, and what a language's entry may change.

Example: ``CodeLimits(max_lines=512)`` is the rule for YAML; ``CodeLimits()`` holds for most languages.

Source of the defaults: StarCoder2 and The Stack v2, arXiv 2402.19173, section 2.1, "Basic filters". A limit of None is
no check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class CodeLimits:
    """What is allowed; a file is dropped that is beyond a limit, not one that is at it.

    Args:
        max_lines: lines of the file.
        max_line: characters of the longest line; 100,000 for markup and prose, which wrap nothing.
        max_mean_line: characters of all lines by their number.
        min_letters: share of letters (0 to 1) among all characters.
        letters: what counts as one: ``alphabetic``, or ``alphanumeric`` with digits, for assemblers.
        max_encoded_run: characters of the longest piece of base64, hexadecimal numbers or Unicode escapes.
        max_encoded_share: share of all such characters (0 to 1).
        min_characters: of the file (ours; published is no such limit).
        min_visible_characters: of the text that a browser would show; for HTML.
        min_visible_share: share of that text in the file (0 to 1).
        only_stems: file names without their extension, in lowercase, that alone are kept; with the next none is all.
        only_names_with: parts of file names, in lowercase, that are kept beside these.

    Raises:
        ValueError: for a negative limit, or a share above 1.
    """

    max_lines: int | None = 100_000
    max_line: int | None = 1000
    max_mean_line: float | None = 100.0
    min_letters: float | None = 0.25
    letters: Literal["alphabetic", "alphanumeric"] = "alphabetic"
    max_encoded_run: int | None = 1024
    max_encoded_share: float | None = 0.5
    min_characters: int | None = None
    min_visible_characters: int | None = None
    min_visible_share: float | None = None
    only_stems: tuple[str, ...] = ()
    only_names_with: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"{name}: {value} is negative")
            if isinstance(value, float) and value > 1 and name in _SHARES:
                raise ValueError(f"{name}: {value} is more than 1, the whole file")

    @property
    def looks_at_visible_text(self) -> bool:
        """Whether the visible text must be found, which costs more than all other checks."""
        return self.min_visible_characters is not None or self.min_visible_share is not None


_SHARES = ("min_letters", "max_encoded_share", "min_visible_share")
