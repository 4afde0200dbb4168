"""One stage of a plan, and the refusal to mix old with new.

Example: ``refuse_stale(plan(recipe, "out"))`` raises StaleOutput if a costly stage was made with something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from curation.errors import StaleOutput
from curation.folder import InputFile
from curation.manifest import digest
from curation.recipe import Stage
from curation.staleness import is_inherited, told

Status = Literal["done", "run", "resume", "grow", "rebuild", "redo", "stale", "left out", "not asked for"]
_SHOWN_CAUSES = 4


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One stage of a plan.

    Args:
        stage: the stage.
        status: what will happen to it.
        why: the reason, in words.
        reads: the stage that it really reads, None for an input from outside.
        located: the locations of an input from outside, as they were given.
        inputs: their listing.
        mapping: our column -> the input's column.
        identity: what the digest is made of.
        changed: settings or inputs that differ from those of what is there: (name, old, new).
        size: bytes that the stage reads, where known.
    """

    stage: Stage
    status: Status
    why: str
    reads: str | None = None
    located: tuple[str, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[tuple[str, Any, Any], ...] = ()
    size: int | None = None

    @property
    def digest(self) -> str:
        """The digest of the stage's identity."""
        return digest(self.identity)

    @property
    def opens_files(self) -> bool:
        """Whether the first step opens the input's files itself, so that they need not be documents."""
        return bool(self.stage.reads_files)

    @property
    def runs(self) -> bool:
        """Whether the stage will do work."""
        return self.status in ("run", "resume", "grow", "rebuild", "redo")


def refuse_stale(planned: Sequence[Planned]) -> None:
    """Raise StaleOutput if a costly stage was made with other settings or inputs."""
    stale = [one for one in planned if one.status == "stale"]
    if not stale:
        return
    causes = []
    for one in planned[: planned.index(stale[-1]) + 1]:
        if one.status == "redo":
            causes.append(f"stage {one.stage.name} is to be run again")
        elif one.status == "run":
            causes.append(f"stage {one.stage.name} is new")
        own = (change for change in one.changed if not is_inherited(change))
        causes += [f"{told(change)} (stage {one.stage.name})" for change in own]
    causes = causes or [f"what stage {stale[0].stage.name} reads"]
    more = f" and {len(causes) - _SHOWN_CAUSES} more" if len(causes) > _SHOWN_CAUSES else ""
    names = [one.stage.name for one in stale]
    raise StaleOutput(
        f"changed since these stages were made: {'; '.join(causes[:_SHOWN_CAUSES])}{more}. That would cost "
        f"{', '.join(names)} again: take another output folder, or say --redo {names[0]}{'+' if names[1:] else ''}"
    )
