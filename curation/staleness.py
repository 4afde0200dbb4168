"""Why a stage that is there is not what would be made now, told in the user's own settings.

Example: ``changed_settings(started, identity, settings)`` gives ``[("second.judge", "replay:a", "replay:b")]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curation.manifest import changes

Change = tuple[str, Any, Any]
READS, STAGE = "what it reads", "stage "


def changed_settings(
    started: Mapping[str, Any], identity: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[Change, ...]:
    """Differences between what a stage was started with and its identity now: (name, old, new).

    A difference is named by the setting behind it where one changed in the same way; what only follows from an earlier
    stage is told only if there is nothing else.
    """
    moved = changes(started["settings"], settings)
    same = {(str(old), str(new)): (key, old, new) for key, old, new in moved}
    named: list[Change] = []
    for key, old, new in changes(started["identity"], identity):
        # A judge's identity is not its location: then the setting is known by its name.
        alike = [one for one in moved if one[0].rpartition(".")[2] in key.split(".")]
        plain = key.removeprefix("steps.").removeprefix("reads.").replace("files.", "input ")
        name = {"reads": READS}.get(key) or (f"{STAGE}{key[6:]}" if key.startswith("needs.") else plain)
        found = same.get((str(old), str(new))) or (alike[0] if len(alike) == 1 else (name, old, new))
        if found not in named:
            named.append(found)
    own = [one for one in named if not is_inherited(one)]
    return tuple(own or named)


def is_inherited(change: Change) -> bool:
    """Whether a difference only says that an earlier stage differs."""
    return change[0] == READS or change[0].startswith(STAGE)


def told(change: Change) -> str:
    """A difference in words."""
    name, old, new = change
    return f"{name}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = "not set" if value is None else repr(value)
    return text if len(text) <= 90 else text[:60] + "…" + text[-25:]
