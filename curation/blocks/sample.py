"""The documents that the judge is asked about.

Example: ``DrawSample(size=1000, balance="int_score")`` in a stage that gathers, or on any documents:
``DrawSample(size=1000, prefer=("words=photosynthesis", "like=examples.jsonl")).run(documents)``. Documents stream by
once; what is drawn goes on at their end, in their order, with its ``sample_weight``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from curation.annotation.judge import judge_identity, open_judge
from curation.annotation.prefer import Preference, absolute_preference, preference_identity, visible_text
from curation.annotation.replay import ReplayJudge
from curation.annotation.sample import StreamedDraw
from curation.blocks.step import Documents, Step
from curation.content import absolute_location
from curation.errors import ConfigError, CurationError

_MOST_STRATA = 10_000  # a column with more values, such as a URL, says nothing of whole groups of documents


@dataclass(kw_only=True, repr=False)
class DrawSample(Step):
    """Draw documents by the hash of their id, so that neither order nor number of workers counts.

    Args:
        size: how many; all, where there are no more. None for all.
        balance: a column of integers that is to be balanced, such as the first pass's ``int_score``; a column that the
            input has not is counted as ``not_balanced``.
        stratify: a column of any plain values, such as ``language``; each value gives an equal share, and what a rare
            one cannot give is shared among the others; a column that no document has is an error.
        prefer: for a rare topic: ``words=A,B``, ``url=A,B`` or ``like=FILE``, see `Preference`; each level gives an
            equal share, and ``preferred`` counts the documents above the lowest. With several of ``balance``,
            ``stratify`` and ``prefer``, equal shares go to each combination.
        seed: another seed draws another sample.
        replay_only: a ``replay:`` judge; only documents with a recorded reply can be drawn.
    """

    type: ClassVar[str] = "select"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"sample_weight": pa.float64()}

    size: int | None
    balance: str | None = None
    stratify: str | None = None
    prefer: tuple[str, ...] = ()
    seed: int = 0
    replay_only: str | None = None

    def __post_init__(self) -> None:
        self.prefer = tuple(map(absolute_preference, self.prefer))
        if self.replay_only is not None:
            kind, _, path = self.replay_only.partition(":")
            self.replay_only = f"{kind}:{absolute_location(path)}"
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Of recorded replies and examples the content counts, not the place; what is not used leaves no trace."""
        replies = judge_identity(self.replay_only) if self.replay_only else None
        later = {"stratify": self.stratify, "prefer": list(map(preference_identity, self.prefer))}
        plain = {name: value for name, value in super().identity().items() if name not in later}
        return plain | {name: value for name, value in later.items() if value} | {"replay_only": replies}

    def check(self) -> None:
        """The recorded replies and the examples must be there."""
        Preference(self.prefer).check()
        if self.replay_only is not None:
            _replay(self.replay_only).check()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Take all documents, then give those drawn, in the order in which they came."""
        strata = self._strata(self._answerable(data or iter(())))
        if self.size is None:
            yield from (self._weighted(doc, 1.0) for doc, _ in strata)
            self.count("not_drawn", 0)
            return
        with StreamedDraw(self.size, seed=self.seed) as sample:
            for doc, stratum in strata:
                sample.offer(str(doc.id), stratum, doc)
                if sample.strata > _MOST_STRATA:
                    raise CurationError(self._too_many())
            self.count("not_drawn", max(0, sample.offered - self.size))
            if self.size and (without := sample.without_share()):
                self.count("in_strata_without_share", without)
            yield from (self._weighted(doc, weight) for doc, weight in sample.drawn())

    def _answerable(self, data: Documents) -> Documents:
        if self.replay_only is None:
            yield from data
            return
        judge = _replay(self.replay_only)
        self.count("without_recorded_reply_left_out", 0)
        for doc in data:
            if judge.has(str(doc.id), doc.metadata.get("url")):
                yield doc
            else:
                self.count("without_recorded_reply_left_out")

    def _strata(self, data: Documents) -> Iterator[tuple[Any, Hashable]]:
        """Each document with its stratum: its values of the columns, then its level."""
        columns = {"not_balanced": self.balance, "not_stratified": self.stratify}
        missing = {name: column for name, column in columns.items() if column is not None}
        read = 0
        for doc, level in self._levels(data):
            read += 1
            values = (self._score(doc), self._value(doc))
            missing = {name: column for name, column in missing.items() if doc.metadata.get(column) is None}
            yield doc, (*values, level)
        if read and "not_stratified" in missing:
            raise CurationError(f"stratify: none of {read:,} documents has a value in a column {self.stratify!r}")
        for name in missing:
            self.count(name, read)

    def _levels(self, data: Documents) -> Iterator[tuple[Any, int]]:
        if not self.prefer or self.size is None:
            yield from ((doc, 0) for doc in data)
            return
        self.count("preferred", 0)
        for doc, level in Preference(self.prefer).levels(data, _seen):
            if level:
                self.count("preferred")
            yield doc, level
        if not self.counts["preferred"]:
            raise CurationError(f"prefer: no document matches {', '.join(self.prefer)}")

    def _score(self, doc: Any) -> int | None:
        found = None if self.balance is None else _known(doc.metadata.get(self.balance))
        try:
            whole = None if found is None else int(found)
        except (TypeError, ValueError, OverflowError):
            whole = None
        if found is not None and (whole is None or (isinstance(found, float) and whole != found)):
            raise CurationError(
                f"balance: column {self.balance!r} holds {found!r} ({doc.id}), expected integers, such as int_score; "
                "stratify takes any plain values"
            )
        return whole

    def _value(self, doc: Any) -> Hashable:
        found = None if self.stratify is None else _known(doc.metadata.get(self.stratify))
        if isinstance(found, list | dict):
            raise CurationError(f"stratify: column {self.stratify!r} holds {found!r:.60} ({doc.id}), no plain value")
        return found

    def _too_many(self) -> str:
        columns = {"balance": self.balance, "stratify": self.stratify}
        named = " and ".join(f"{name} by column {column!r}" for name, column in columns.items() if column)
        return (
            f"{named or 'prefer'}: more than {_MOST_STRATA:,} different values; a sample is divided among groups of "
            "documents, such as languages or scores, not among single ones"
        )

    def _weighted(self, doc: Any, weight: float) -> Any:
        doc.metadata["sample_weight"] = weight
        return doc


def _known(value: Any) -> Any:
    """A number that is none counts as a missing one; each would be a stratum of its own."""
    return None if isinstance(value, float) and value != value else value


def _seen(doc: Any) -> tuple[str, str | None]:
    """Text and URL; of a page from which no text was extracted yet, what is visible of it."""
    return doc.text or visible_text(doc.metadata.get("html") or ""), doc.metadata.get("url")


def _replay(location: str) -> ReplayJudge:
    judge = open_judge(location)
    if not isinstance(judge, ReplayJudge):
        raise ConfigError(f"replay_only needs a judge replay:FILE, got {location}")
    return judge
