"""The scale a judge scores on, and how a raw score becomes an integer on it.

Example: ``Scale(0, 5).int_score(3.5)`` is 4 and ``Scale(0, 5).int_score(2.5)`` is 2: rounding is half-to-even, as
in the published scoring scripts, so ``int_score >= 3`` means ``score > 2.5`` and ``int_score >= 4`` means
``score >= 3.5``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """An integer scale, both ends included.

    Raises:
        ValueError: if ``high`` is not above ``low``.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.high <= self.low:
            raise ValueError(f"a scale needs low < high, got {self.low} and {self.high}")

    @property
    def thresholds(self) -> tuple[int, ...]:
        """Every label that can serve as a threshold: all but the lowest."""
        return tuple(range(self.low + 1, self.high + 1))

    def holds(self, label: float) -> bool:
        """Whether ``label`` lies on the scale."""
        return self.low <= label <= self.high

    def int_score(self, score: float) -> int:
        """The published ``int_score``: clip to the scale, then round half to even."""
        return round(min(max(score, self.low), self.high))
