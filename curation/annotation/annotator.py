"""Documents in, their labels out, in the same order: many requests in flight, every reply recorded once.

    annotator = Annotator([asker], cutter, judging, journal=journal, ledger=ledger)
    for item, annotation in annotator.annotate(items):
        annotation.label

Memory does not grow with the number of documents: so many are held as are in flight, wait to go out, or wait for one
before them in the order. What stops a run (a dead judge, a spent budget, replies that nobody can read) stops it after
the replies under way have come and are recorded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import xxhash

from curation.annotation.cutting import Cutter
from curation.annotation.journal import Journal
from curation.annotation.judge import Judge, Reply
from curation.annotation.judging import Judging
from curation.annotation.ledger import Ledger
from curation.annotation.reading import Asker, Item, Reading
from curation.errors import CurationError

_LEAST_HELD = 1000
_HELD_PER_REQUEST = 8
_FAILED_SHARE, _FAILED_FREE = 0.01, 10  # of single documents that the judge cannot do, before it counts as broken


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the judge said of one document: the first reading, and further ones where they were asked for."""

    label: int | None
    reason: str | None
    expected_label: float | None
    reply: str | None
    first_reply: str | None
    text_shown: str
    judge: str
    requests: int
    prompt_tokens: int | None
    completion_tokens: int | None
    further_labels: tuple[int | None, ...] = ()
    further_replies: tuple[str | None, ...] = ()
    further_judges: tuple[str, ...] = ()


@dataclass(slots=True)
class Status:
    """How far an annotator is: for progress, and for whoever asks why it stopped."""

    documents: int = 0
    labelled: int = 0
    unlabelled: int = 0
    recorded: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Open:
    """A document and its readings."""

    item: Item
    readings: list[Reading]

    @property
    def is_done(self) -> bool:
        return all(reading.is_settled for reading in self.readings)


class Annotator:
    """One shard's judging.

    Args:
        askers: the judge, and the second judge where there is one.
        cutter: what of a document is shown.
        judging: how they are asked.
        journal: where replies are recorded; None records none.
        ledger: counts what is spent.
        tell: told the status about once a second.
    """

    def __init__(
        self,
        askers: Sequence[Asker],
        cutter: Cutter,
        judging: Judging,
        *,
        journal: Journal | None = None,
        ledger: Ledger | None = None,
        tell: Callable[[Status], None] | None = None,
    ) -> None:
        self.status = Status()
        self._askers, self._cutter, self._judging = askers, cutter, judging
        self._journal, self._ledger, self._tell = journal, ledger or Ledger(None, judging), tell
        self._under_way: dict[Judge, int] = {asker.judge: 0 for asker in askers}
        self._stopped: str | None = None
        self._failed = self._settled = self._unreadable = 0
        self._last_unreadable = ""
        self._started = self._told = time.monotonic()

    def annotate(self, items: Iterable[Item]) -> Iterator[tuple[Item, Annotation]]:
        """The documents in their order, each with its annotation.

        Raises:
            ConfigError: if a judge refuses its first request.
            CurationError: if it cannot go on; the replies that came are recorded, and a new start goes on from there.
        """
        held: deque[_Open] = deque()
        most = max(_LEAST_HELD, _HELD_PER_REQUEST * self._judging.concurrency)
        try:
            for item in items:
                held.append(self._begin(item))
                while self._is_busy() or len(held) >= most:
                    if not self._collect():
                        break
                yield from self._finished(held)
                if self._stopped:
                    break
            while self._collect():
                yield from self._finished(held)
            yield from self._finished(held)
        finally:
            self._close()
        if self._stopped:
            raise CurationError(self._stopped)

    def _begin(self, item: Item) -> _Open:
        shown = self._cutter.shown(item.text, item.slots)
        one = _Open(item, [Reading(asker, item, shown, seed) for asker, seed in self._readings_of(item)])
        for reading in one.readings:
            self._go_on(reading)
        return one

    def _readings_of(self, item: Item) -> Iterator[tuple[Asker, int | None]]:
        first, judging = self._askers[0], self._judging
        yield first, None
        share = judging.further_share
        if (judging.repeat < 2 and len(self._askers) < 2) or not (share >= 1 or _share_of(item.id) < share):
            return
        seed = int(first.prompt.generation.get("seed") or 0)
        for number in range(1, judging.repeat):
            yield first, seed + number
        for asker in self._askers[1:]:
            yield asker, None

    def _go_on(self, reading: Reading) -> None:
        """Recorded replies first; what is not recorded goes to the judge."""
        while not reading.is_settled:
            reply = self._journal.take(reading.key) if self._journal else None
            if reply is None:
                self._submit(reading)
                return
            self.status.recorded += 1
            reading.take(reply)

    def _submit(self, reading: Reading) -> None:
        self._stopped = self._stopped or self._over_budget()
        if self._stopped is None:
            judge = reading.asker.judge
            self._under_way[judge] += 1
            judge.submit((self, reading), reading.request())

    def _over_budget(self) -> str | None:
        reason = self._ledger.stop_reason(sum(self._under_way.values()))
        return reason and f"{reason}; all replies are kept: raise the limit and start again"

    def _is_busy(self) -> bool:
        """Whether enough requests are handed in that none in flight has to wait for us."""
        return any(number >= judge.concurrency * 1.5 + 16 for judge, number in self._under_way.items())

    def _collect(self) -> bool:
        """Take what has come; False where nothing is under way."""
        asked = [judge for judge, number in self._under_way.items() if number]
        # Journal and status are due while no reply comes, too; and of two judges neither may wait for the other.
        wait = 0.02 if len(asked) > 1 else 1.0
        for judge in asked:
            for ticket, reply in judge.completed(wait):
                owner, reading = cast(tuple[Annotator, Reading], ticket)
                if owner is self:  # not what an annotator before us, stopped by its caller, left behind
                    self._under_way[judge] -= 1
                    self._take(reading, reply)
        if self._journal and self._journal.due_seconds() <= 0:
            self._journal.flush()
        self._report(False)
        return bool(asked)

    def _take(self, reading: Reading, reply: Reply) -> None:
        failed = (reply.reason or "").partition(":")[0]
        key = reading.key
        kept = reading.take(reply)
        if failed in ("judge_failed", "request_failed"):
            self._note_failure(failed, str(reply.reason))
        elif self._journal and failed != "no_recorded_reply":
            self._journal.add(key, kept)
        if kept.text is not None:
            self._ledger.add(kept)
        if reading.is_settled:
            self._judge_the_judge(reading)
        else:
            self._go_on(reading)

    def _note_failure(self, kind: str, reason: str) -> None:
        self._failed += 1
        if kind == "judge_failed" or self._failed > _FAILED_FREE + _FAILED_SHARE * self._settled:
            self._stopped = self._stopped or (
                f"the judge failed ({reason}); replies that came are kept: start again when it is back"
            )

    def _judge_the_judge(self, reading: Reading) -> None:
        """A prompt or a judge whose replies cannot be read is noticed at its first replies."""
        reason = reading.reason or ""
        if reason.startswith("no_recorded_reply"):
            return
        self._settled += 1
        if reason:
            self._unreadable += 1
            self._last_unreadable = f"{reason}, reply {_short(reading.reply)}"
        judging = self._judging
        if self._settled == judging.stop_after and self._unreadable > judging.stop_unreadable * self._settled:
            self._stopped = self._stopped or (
                f"{self._unreadable} of the first {self._settled} replies gave no label, more than stop_unreadable "
                f"{judging.stop_unreadable:g} (last: {self._last_unreadable}); look at prompt and judge"
            )

    def _finished(self, held: deque[_Open]) -> Iterator[tuple[Item, Annotation]]:
        while held and held[0].is_done:
            one = held.popleft()
            self.status.documents += 1
            self.status.labelled += one.readings[0].label is not None
            self.status.unlabelled += one.readings[0].label is None
            yield one.item, _annotation(one.readings)

    def _report(self, at_once: bool) -> None:
        now = time.monotonic()
        if self._tell and (at_once or now - self._told >= 1.0):
            self._told = now
            spent = self._ledger.own()
            self.status.requests = spent.requests
            self.status.prompt_tokens, self.status.completion_tokens = spent.prompt_tokens, spent.completion_tokens
            self.status.seconds = now - self._started
            self._tell(self.status)

    def _close(self) -> None:
        if self._journal:
            self._journal.close()
        self._ledger.sync()
        self._report(True)


def _annotation(readings: Sequence[Reading]) -> Annotation:
    first, further = readings[0], readings[1:]
    return Annotation(
        label=first.label,
        reason=first.reason,
        expected_label=first.expected_label,
        reply=first.reply,
        first_reply=first.first_reply,
        text_shown=first.shown,
        judge=first.asker.judge.name,
        requests=sum(reading.requests for reading in readings),
        prompt_tokens=_sum([reading.prompt_tokens for reading in readings]),
        completion_tokens=_sum([reading.completion_tokens for reading in readings]),
        further_labels=tuple(reading.label for reading in further),
        further_replies=tuple(reading.reply for reading in further),
        further_judges=tuple(reading.asker.judge.name for reading in further),
    )


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _share_of(document_id: str) -> float:
    """A number from 0 to 1 that depends on the id alone."""
    return xxhash.xxh64_intdigest(document_id.encode("utf-8", "surrogatepass"), 0x5EED) / 2.0**64


def _short(reply: Any) -> str:
    words = " ".join(str(reply).split())
    return repr(words if len(words) <= 200 else f"{words[:100]} … {words[-100:]}")
