"""What judging has cost so far in an output folder, over all tasks and all starts, and when to stop.

    ledger = Ledger(Folder("out/annotate"), judging, gpus=4)
    ledger.add(reply)
    ledger.stop_reason(under_way=256)  # "max_requests: 10,000 requests have been made", or None

Each process rewrites a small file of its own every few seconds and reads those of the others: tasks on many machines
need no server for it, and stop within what is under way and a few seconds.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from curation.annotation.judge import Reply
from curation.annotation.judging import Judging
from curation.folder import Folder

_SYNC_SECONDS = 5.0


@dataclass(slots=True)
class Spent:
    """Answered requests, their tokens, and the seconds in which they were asked, summed over tasks."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """The sum of both."""
        return Spent(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
        )


class Ledger:
    """The spending of one process, beside that of all others.

    Args:
        folder: the stage's folder; None keeps no record.
        judging: the price and the limits.
        gpus: how many one task keeps busy, where the price does not say.
        known: folders of stages whose spending counts, too, such as a pilot's.
    """

    def __init__(self, folder: Folder | None, judging: Judging, gpus: int = 1, known: Sequence[Folder] = ()) -> None:
        self._folder, self._judging = folder, judging
        self._price = judging.price
        self._gpus = judging.price.gpus or gpus
        self._name = f"spent/{secrets.token_hex(4)}.json"
        self._known = known
        self._others: Spent | None = None  # not looked for until somebody asks: there may be a file for each shard
        self._own = Spent()
        self._under_way = 0
        self._blind = False
        self._started: float | None = None
        self._is_closed = False
        self._synced = time.monotonic()

    def start(self) -> None:
        """The clock runs from the first request: replies that are recorded take no time of a GPU."""
        self._started = self._started or time.monotonic()

    def add(self, reply: Reply) -> None:
        """Count an answered request, whatever the answer."""
        self._own.requests += 1
        self._blind |= reply.text is not None and reply.prompt_tokens is None
        self._own.prompt_tokens += reply.prompt_tokens or 0
        self._own.completion_tokens += reply.completion_tokens or 0
        if time.monotonic() - self._synced >= _SYNC_SECONDS:
            self.sync()

    def own(self) -> Spent:
        """What this process has spent."""
        if self._started is not None and not self._is_closed:
            self._own.seconds = time.monotonic() - self._started
        return self._own

    def total(self) -> Spent:
        """All that is known to be spent."""
        if self._others is None:
            self._others = self._spent_by_others()
        return self.own().plus(self._others)

    def cost(self) -> float:
        """In the currency of the price."""
        spent = self.total()
        return self._price.of(spent.prompt_tokens, spent.completion_tokens, spent.seconds / 3600 * self._gpus)

    def stop_reason(self, under_way: int) -> str | None:
        """Why no further request may be made, None while one may; what is under way counts as spent."""
        most, limit = self._judging.max_requests, self._judging.max_cost
        if most is None and limit is None:
            return None
        self._under_way = under_way
        if limit is not None and self._blind and self._price.is_by_token:
            return "max_cost: the server does not say how many tokens a reply took; limit the run by max_requests"
        spent = self.total()
        if most is not None and spent.requests + under_way >= most:
            return f"max_requests: {spent.requests + under_way:,} of {most:,} requests have been made"
        each = self.cost() / spent.requests if spent.requests else 0.0
        if limit is not None and self.cost() + each * under_way >= limit:
            return f"max_cost: {self.cost() + each * under_way:,.4g} of {limit:,.4g} are spent"
        return None

    def sync(self, *, is_last: bool = False) -> None:
        """Tell the others, and see what they have spent."""
        self._synced = time.monotonic()
        if self._folder is not None and self._own.requests:
            under_way = {"under_way": 0 if is_last else self._under_way, "is_last": is_last}
            self._folder.write_json(self._name, asdict(self.own()) | under_way)
        if self._others is not None and not is_last:
            self._others = self._spent_by_others()

    def close(self) -> None:
        """Stop the clock and tell the others for the last time."""
        self.own()
        self._is_closed = True
        self.sync(is_last=True)

    def _spent_by_others(self) -> Spent:
        total = read_spent(self._folder, but=self._name) if self._folder is not None else Spent()
        for one in self._known:
            total = total.plus(read_spent(one))
        return total


_LAST: dict[str, Spent] = {}
"""What ledgers that are closed have written, by file: of 10,000 shards on S3 only the open ones are read again."""


def read_spent(folder: Folder, but: str = "") -> Spent:
    """What all processes have written, but one."""
    total = Spent()
    for name in folder.list_files("spent", ".json"):
        total = total if name == but else total.plus(_read_one(folder, name))
    return total


def _read_one(folder: Folder, name: str) -> Spent:
    place = f"{folder.location}/{name}"
    if place not in _LAST:
        record = folder.read_json(name) or {}
        spent = Spent(**{one.name: record.get(one.name, 0) for one in fields(Spent)})
        spent.requests += record.get("under_way", 0)
        if not record.get("is_last"):
            return spent
        _LAST[place] = spent
    return _LAST[place]
