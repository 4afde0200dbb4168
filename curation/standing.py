"""How what is there of a stage stands to what would be made now: done, to be resumed, grown, rebuilt, or stale.

Example: ``standing(stage, identity, Manifest(folder), "extract", {}, {}).status`` is ``"run"`` where nothing is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.growth import Grown, added_files, only_grew
from curation.manifest import Manifest, digest
from curation.planned import Status
from curation.recipe import Stage
from curation.staleness import Change, changed_settings


@dataclass(frozen=True, slots=True)
class Standing:
    """What will happen to a stage, why in words, the identity that it will have, and what has changed."""

    status: Status
    why: str
    identity: Mapping[str, Any]
    changed: tuple[Change, ...] = ()


def standing(
    stage: Stage,
    identity: Mapping[str, Any],
    manifest: Manifest,
    reads: str | None,
    grown: Grown,
    settings: Mapping[str, Any],
    *,
    redone: bool = False,
    follow: bool = False,
) -> Standing:
    """What a run would do to a stage.

    Args:
        stage: the stage.
        identity: what it would be made with now.
        manifest: of its folder.
        reads: the stage that it reads, None for an input from outside.
        grown: what is known of the stages before it.
        settings: of the recipe, to name what has changed.
        redone: it was asked for again.
        follow: what gets stale by an earlier stage that was asked for again is run again, too.
    """
    started, finished = manifest.started(), manifest.finished()
    if started is None:
        return Standing("run", "not there yet", identity)
    before = started["identity"]
    if identity.get("generation", 0) > before.get("generation", 0):
        return Standing("redo", "asked for with --redo", identity)
    if started["digest"] == digest(identity):
        if finished:
            return Standing("done", f"{finished['kept']:,} documents, same identity", identity)
        return Standing("resume", f"{len(manifest.done())} of {len(manifest.shards())} shards are done", identity)
    if only_grew(before, identity, reads, grown):
        if stage.settled and finished and not (redone or follow):
            return Standing("done", f"{finished['kept']:,} documents, kept as made before files were added", before)
        if stage.grows:
            return Standing("grow", _growth(len(added_files(before, identity)), reads), identity)
    changed = changed_settings(started, identity, settings)
    names = ", ".join(name for name, _, _ in changed[:3])
    if stage.costly and (finished or manifest.has_work()):
        if follow:
            return Standing("redo", f"follows a stage that is run again: {names}", identity, changed)
        return Standing("stale", f"made with another {names}", identity, changed)
    return Standing("rebuild" if finished else "redo", f"changed: {names}", identity, changed)


def _growth(added: int, reads: str | None) -> str:
    if added:
        return f"{added:,} files were added" if added > 1 else "1 file was added"
    return f"{reads or 'what it reads'} has grown"
