"""How fast a server is asked: an even pace that gives way when the server is busy.

    pace = Pace(50.0)
    pace.take()                       # waits for its turn: at most 50 requests a second
    pace.slow_down(begun, seconds=7)  # nobody asks for 7 s, then at half the rate

Additive increase and multiplicative decrease, as TCP does it (Chiu and Jain 1989): being told to slow down halves the
rate, once for all the requests that were under way, and it grows back linearly, in `RECOVERY_SECONDS` from nothing to
the full rate. Time that was not used is not saved up, so there are no bursts: a token bucket that holds one token.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

RECOVERY_SECONDS = 120.0
_LEAST_SHARE = 0.02
_CATCH_UP_SECONDS = 0.05  # a thread that woke late does not slow the others down


class Pace:
    """Turns for the threads of one task.

    Args:
        per_second: the most requests a second.
        sleep: called with seconds to wait; may raise where waiting is to end.
        clock: seconds, steadily growing.

    Raises:
        ValueError: if the rate is not above 0.
    """

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not per_second > 0:
            raise ValueError(f"requests per second: expected more than 0, got {per_second}")
        self.most = self.rate = per_second
        self._sleep, self._clock = sleep, clock
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._seen = self._next = self._cut = clock()
        self._paused = self._next

    def take(self) -> float:
        """Wait for a turn; returns the seconds that were waited."""
        begun = self._clock()
        with self._turn:  # one waits for the clock, the others for him
            while (seconds := self._seconds_to_wait()) > 0:
                self._sleep(min(seconds, 1.0))
            with self._lock:
                self._next = max(self._next, self._clock() - _CATCH_UP_SECONDS) + 1 / self.rate
        return self._clock() - begun

    def slow_down(self, begun: float, seconds: float = 0.0) -> None:
        """A request was told to come later.

        Args:
            begun: when it was sent, by the clock; those that were sent before the last cut are no further reason.
            seconds: for which nobody is to ask.
        """
        with self._lock:
            now = self._clock()
            self._recover(now)
            self._paused = max(self._paused, now + seconds)
            if begun >= self._cut:
                self.rate, self._cut = max(self.rate / 2, self.most * _LEAST_SHARE), now

    def _seconds_to_wait(self) -> float:
        with self._lock:
            now = self._clock()
            self._recover(now)
            return max(self._next, self._paused) - now

    def _recover(self, now: float) -> None:
        since = max(self._seen, min(self._paused, now))  # while nobody asks, nothing tells that it would be well
        self.rate = min(self.most, self.rate + self.most * (now - since) / RECOVERY_SECONDS)
        self._seen = now
