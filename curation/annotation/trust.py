"""Whether a judge is to be trusted with the night: what its first replies are like, and how often it fails.

    wrong = trust(reading, judging)  # "60 of the first 100 replies gave no label, more than stop_unreadable 0.5 …"

Counted for each judge and prompt over all shards of a process: a shard may be smaller than the number of first replies,
and of two judges one may be broken.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from curation.annotation.judge import Judge
from curation.annotation.judging import Judging
from curation.annotation.reading import Reading

_FAILED_SHARE, _FAILED_FREE = 0.01, 10  # of single documents that the judge cannot do, before it counts as broken


@dataclass(slots=True)
class _Tally:
    settled: int = 0
    unlabelled: int = 0
    failed: int = 0
    last: str = ""


_TALLIES: WeakKeyDictionary[Judge, dict[Hashable, _Tally]] = WeakKeyDictionary()


def trust(reading: Reading, judging: Judging) -> str | None:
    """Count a reading that the judge has settled; what is wrong with the judge or the prompt, None while nothing is.

    Whoever starts again after that has mended something, or wants to see it again: it is counted from 0.
    """
    reason = reading.reason or ""
    if reason.startswith("no_recorded_reply"):
        return None
    tallies = _TALLIES.setdefault(reading.asker.judge, {})
    of_what = (reading.asker.prompt.digest, judging.stop_after)
    tally = tallies.setdefault(of_what, _Tally())
    tally.settled += 1
    if reason:
        tally.unlabelled += 1
        tally.failed += reason.startswith("request_failed")
        tally.last = f"{reason}, reply {_short(reading.reply)}"
    wrong = _wrong(tally, judging)
    if wrong:
        del tallies[of_what]
    return wrong


def _wrong(tally: _Tally, judging: Judging) -> str | None:
    if tally.failed > _FAILED_FREE + _FAILED_SHARE * tally.settled:
        return f"the judge failed ({tally.last}); replies that came are kept: start again when it is back"
    if tally.settled == judging.stop_after and tally.unlabelled > judging.stop_unreadable * tally.settled:
        return (
            f"{tally.unlabelled} of the first {tally.settled} replies gave no label, more than stop_unreadable "
            f"{judging.stop_unreadable:g} (last: {tally.last}); look at prompt and "
            "judge: a new start goes on, and counts anew"
        )
    return None


def _short(reply: str | None) -> str:
    words = " ".join(str(reply).split())
    return repr(words if len(words) <= 200 else f"{words[:100]} … {words[-100:]}")
