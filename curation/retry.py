"""When to ask a server again, and how long to wait before.

Backoff().delay(attempt=2, retry_after="7")  # at least 7.0 s: what the server asks for is honoured
Backoff().delay(attempt=2)  # between 1.0 and 2.0 s: exponential, with jitter, so that clients do not march in step
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED = frozenset({408, 409, 425, 429})
"""Client errors that pass with time; every 5xx does too."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Bounded attempts with exponential waits: at most 8 by default, about 1 min in all without Retry-After."""

    attempts: int = 8
    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    longest_asked_seconds: float = 600.0  # a server may ask for hours; then the attempt is made earlier, and fails

    def delay(self, attempt: int, retry_after: str | None = None) -> float:
        """Seconds to wait after failed attempt ``attempt`` (0 is the first)."""
        own = min(self.longest_seconds, self.first_seconds * 2.0**attempt) * random.uniform(0.5, 1.0)
        asked = seconds_asked(retry_after) if retry_after else None
        return own if asked is None else min(self.longest_asked_seconds, max(asked, 0.0) + own * 0.1)


def is_retried(status: int) -> bool:
    """Whether a response of this status may be another at the next attempt."""
    return status in RETRIED or status >= 500


def seconds_asked(retry_after: str) -> float | None:
    """Seconds that a Retry-After header (a number, or an HTTP date) asks for; None if it is neither."""
    try:
        seconds = float(retry_after)
        return seconds if 0 <= seconds < float("inf") else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
