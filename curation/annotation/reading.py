"""One judge's reading of one document: the requests it takes until there is a label, or a reason why there is none.

    reading = Reading(Asker("endpoint:…#llama", prompt, judging), item, shown, seed=None)
    while not reading.is_settled:
        reading.take(reply_to(reading.request()))
    reading.label, reading.reason, reading.reply

Everything here depends on the document and the replies alone: with recorded replies the same requests are made again,
in the same order, and lead to the same end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import xxhash

from curation.annotation.cutting import shorter
from curation.annotation.expected import expected_label
from curation.annotation.judge import Judge, Reply, Request
from curation.annotation.prompt import Prompt
from curation.annotation.reply import read_reply
from curation.errors import UnreadableReply

REMINDER = (
    'Your reply has no line "{words}: N" on which N is one whole number from {low} to {high}. Reply with that line and '
    "nothing else."
)


NOTHING_TO_READ = "empty_text"
"""The reason of a document that nobody is asked about."""


@dataclass(frozen=True, slots=True)
class Item:
    """A document to be judged; ``document`` is whatever the caller wants back with its labels."""

    document: Any
    id: str
    url: str | None
    text: str
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asker:
    """A judge, and all that a reading by it depends on.

    Args:
        judge: where requests go.
        identity: of the judge and its options: replies of another are not ours.
        prompt: with generation settings as they are sent.
        reminders: how often an unreadable reply is asked about again.
        wants_expected: whether a label is read from log-probabilities, too.
    """

    judge: Judge
    identity: str
    prompt: Prompt
    reminders: int = 1
    wants_expected: bool = False


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


class Reading:
    """The state of one reading.

    Attributes:
        key: of the next request, for the journal: a digest of all that its reply depends on.
        shown: the text that the judge is shown.
        is_settled: whether there is nothing more to ask.
        label, reason: the label, or why there is none.
        reply: the reply that settled it.
        first_reply: the first one, where a reminder was needed.
        requests, prompt_tokens, completion_tokens: what it took; tokens None where the server gave none.
    """

    def __init__(self, asker: Asker, item: Item, shown: str, seed: int | None = None) -> None:
        self.asker, self.item, self.shown, self._seed = asker, item, shown, seed
        self._replies: list[str] = []
        self.is_settled = False
        self.label: int | None = None
        self.expected_label: float | None = None
        self.reason: str | None = None
        self.reply: str | None = None
        self.requests = 0
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.key = self._key()
        if not shown.strip():
            self._settle(None, NOTHING_TO_READ)

    @property
    def first_reply(self) -> str | None:
        """The reply before the first reminder."""
        return self._replies[0] if self._replies else None

    def request(self) -> Request:
        """The next request.

        Raises:
            ValueError: if a slot of the prompt has no value.
        """
        messages = self.asker.prompt.messages_of(self.shown, self.item.slots)
        for reply in self._replies:
            messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": self._reminder()}]
        return Request(self.item.id, self.item.url, tuple(messages), self._seed)

    def take(self, reply: Reply) -> Reply:
        """Go on with the reply to the last request; returns it as it is to be recorded."""
        reply = self._distilled(reply)
        self._count(reply)
        if reply.text is None:
            self._without_text(reply.reason or "no reply")
        else:
            self._with_text(reply.text, reply.expected_label)
        if not self.is_settled:
            self.key = self._key()
        return reply

    def skip(self, reason: str) -> None:
        """There is nothing to ask: no label, for that reason."""
        self._settle(None, reason)

    def _distilled(self, reply: Reply) -> Reply:
        """Log-probabilities are many times the size of the reply: only what is read from them is kept."""
        if reply.logprobs is None:
            return reply
        expected = expected_label(reply.logprobs, self.asker.prompt) if self.asker.wants_expected else None
        return replace(reply, logprobs=None, expected_label=expected)

    def _without_text(self, reason: str) -> None:
        less = shorter(self.shown) if reason.startswith("too_long") else None
        if less:
            self.shown = less
        else:
            self._settle(None, reason)

    def _with_text(self, text: str, expected: float | None) -> None:
        self.reply = text
        try:
            label = read_reply(text, self.asker.prompt)
        except UnreadableReply as error:
            if len(self._replies) < self.asker.reminders:
                self._replies.append(text)
            else:
                self._settle(None, f"unreadable: {error}")
        else:
            self.expected_label = expected
            self._settle(label, None)

    def _settle(self, label: int | None, reason: str | None) -> None:
        self.label, self.reason, self.is_settled = label, reason, True

    def _count(self, reply: Reply) -> None:
        self.requests += 1
        for name in ("prompt_tokens", "completion_tokens"):
            if (number := getattr(reply, name)) is not None:
                setattr(self, name, (getattr(self, name) or 0) + number)

    def _reminder(self) -> str:
        prompt = self.asker.prompt
        return REMINDER.format(words=prompt.reply_words, low=prompt.scale.low, high=prompt.scale.high)

    def _key(self) -> str:
        asker, slots = self.asker, (f"{name}={value}" for name, value in sorted(self.item.slots.items()))
        seen = "\x1e".join((asker.identity, asker.prompt.digest, str(self._seed), *slots, *self._replies, self.shown))
        return f"{self.item.id} {xxhash.xxh3_128_hexdigest(seen.encode('utf-8', 'surrogatepass'))}"


def annotation_of(readings: Sequence[Reading]) -> Annotation:
    """What the readings of one document come to; tokens and requests of all of them."""
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
