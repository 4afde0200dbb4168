"""Documents in, their labels out, in the same order: many requests in flight, every reply recorded once.

    annotator = Annotator([asker], cutter, judging, journal=journal, ledger=ledger)
    for item, annotation in annotator.annotate(items):
        annotation.label

Memory does not grow with the number of documents: so many are held as are in flight, wait to go out, or wait for one
before them in the order. What stops a run (a dead judge, a spent budget, replies that nobody can read) stops it after
the replies under way have come and are recorded. A caller that stops it, or an interrupt, does not wait for them; but
what has come is recorded, and what comes later is, too, if the judge goes on to be asked in this process.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import xxhash

from curation.annotation.cutting import Cutter
from curation.annotation.journal import Journal
from curation.annotation.judge import Judge, Reply
from curation.annotation.judging import Judging
from curation.annotation.ledger import Ledger
from curation.annotation.reading import Annotation, Asker, Item, Reading, annotation_of
from curation.annotation.trust import trust
from curation.errors import CurationError

_LEAST_HELD = 1000
_HELD_PER_REQUEST = 16


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
    waits_for: str = ""
    began: float = 0.0  # of the clock on the wall: one task judges shard after shard


@dataclass(slots=True)
class _Open:
    """A document and its readings."""

    item: Item
    readings: list[Reading]

    @property
    def is_done(self) -> bool:
        return all(reading.is_settled for reading in self.readings)


@dataclass(frozen=True, slots=True, eq=False)
class _Ticket:
    owner: Annotator
    reading: Reading


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
        self.status = Status(began=time.time())
        self._askers, self._cutter, self._judging = askers, cutter, judging
        self._journal, self._ledger, self._tell = journal, ledger or Ledger(None, judging), tell
        self._under_way: dict[Judge, int] = {asker.judge: 0 for asker in askers}
        self._come: deque[tuple[Judge, Hashable, Reply]] = deque()
        self._stopped: str | None = None
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
                # Without waiting: where documents come slowly, replies are to be recorded nevertheless.
                self._collect(0.0)
                yield from self._finished(held)
                while (self._is_busy() or len(held) >= most) and self._collect(1.0):
                    yield from self._finished(held)
                if self._stopped:
                    break
            while self._collect(1.0):
                yield from self._finished(held)
            yield from self._finished(held)
        except BaseException:
            self._abandon()
            raise
        finally:
            self._close()
        if self._stopped:
            raise CurationError(self._stopped)

    def _begin(self, item: Item) -> _Open:
        try:
            shown = self._cutter.shown(item.text, item.slots)
        except ValueError:  # a slot without a value, of which the request will say more
            shown = ""
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
        if self._stopped is not None:
            return
        try:
            request = reading.request()
        except ValueError as error:  # of this document's slots: it stays, like any that cannot be read
            reading.skip(f"not_asked: {error}")
            self._settled(reading)
            return
        judge = reading.asker.judge
        self._ledger.start()
        self._under_way[judge] += 1
        judge.submit(_Ticket(self, reading), request)

    def _over_budget(self) -> str | None:
        reason = self._ledger.stop_reason(sum(self._under_way.values()))
        return reason and f"{reason}; all replies are kept: raise the limit and start again"

    def _is_busy(self) -> bool:
        """Whether enough requests are handed in that none in flight has to wait for us."""
        return any(number >= judge.concurrency * 1.5 + 16 for judge, number in self._under_way.items())

    def _collect(self, seconds: float) -> bool:
        """Take what has come, wait so long for something to come; False where nothing is under way."""
        asked = [judge for judge, number in self._under_way.items() if number]
        # Journal and status are due while no reply comes, too; and of two judges neither may wait for the other.
        wait = min(seconds, 0.02) if len(asked) > 1 else seconds
        for judge in asked:
            self._come.extend((judge, *one) for one in judge.completed(wait))
            self._take_all()
        if self._journal and self._journal.due_seconds() <= 0:
            self._journal.flush()
        self._report(False)
        return bool(asked)

    def _take_all(self) -> None:
        """One by one from where an interrupt does not lose them."""
        late: set[Annotator] = set()
        while self._come:
            judge, ticket, reply = self._come.popleft()
            if not isinstance(ticket, _Ticket):
                continue  # of somebody else, who asked this judge and did not wait
            if ticket.owner is self:
                self._under_way[judge] -= 1
            else:
                late.add(ticket.owner)
            ticket.owner._take(ticket.reading, reply)
        for owner in late:  # stopped by its caller before this reply came: paid for, and kept where it belongs
            owner._save()

    def _take(self, reading: Reading, reply: Reply) -> None:
        failed = (reply.reason or "").partition(":")[0]
        if failed == "judge_failed":  # says nothing of the document, which stays open
            self._stop(f"the judge failed ({reply.reason}); replies that came are kept: start again when it is back")
            return
        key = reading.key
        kept = reading.take(reply)
        if failed not in ("request_failed", "no_recorded_reply"):
            if self._journal:
                self._journal.add(key, kept)
            self._ledger.add(kept)
        if reading.is_settled:
            self._settled(reading)
        else:
            self._go_on(reading)

    def _stop(self, reason: str) -> None:
        self._stopped = self._stopped or reason

    def _settled(self, reading: Reading) -> None:
        if self._stopped is None:  # what comes after that says nothing new
            self._stopped = trust(reading, self._judging)

    def _finished(self, held: deque[_Open]) -> Iterator[tuple[Item, Annotation]]:
        while held and held[0].is_done:
            one = held.popleft()
            self.status.documents += 1
            self.status.labelled += one.readings[0].label is not None
            self.status.unlabelled += one.readings[0].label is None
            yield one.item, annotation_of(one.readings)
            self._collect(0.0)  # whoever takes the documents may take time

    def _report(self, at_once: bool) -> None:
        now = time.monotonic()
        if self._tell and (at_once or now - self._told >= 1.0):
            self._told = now
            spent = self._ledger.own()
            self.status.requests = spent.requests
            self.status.prompt_tokens, self.status.completion_tokens = spent.prompt_tokens, spent.completion_tokens
            self.status.seconds = now - self._started
            troubles = [getattr(asker.judge, "trouble", "") for asker in self._askers]
            self.status.waits_for = next(filter(None, troubles), "")[:200]
            self._tell(self.status)

    def _abandon(self) -> None:
        """Record what has come, ask nothing more."""
        self._stop("stopped by its caller")
        self._take_all()
        with contextlib.suppress(CurationError):  # of a judge that has just said so
            self._collect(0.0)

    def _close(self) -> None:
        try:
            self._save()
        finally:
            self._report(True)

    def _save(self) -> None:
        try:
            if self._journal:
                self._journal.close()
        finally:
            self._ledger.close()


def _share_of(document_id: str) -> float:
    """A number from 0 to 1 that depends on the id alone."""
    return xxhash.xxh64_intdigest(document_id.encode("utf-8", "surrogatepass"), 0x5EED) / 2.0**64
