"""Why a shard's task has stopped, noted where whoever started the run finds it: the task may run on another machine.

    {stage}/stopped/00003.json      why, and the end of the traceback; gone once the shard is done

Example: ``why_stopped(Folder("out/score"))`` is what the first of them said.
"""

from __future__ import annotations

import traceback

from curation.errors import CurationError
from curation.folder import Folder

FOLDER = "stopped"
_LINES = 12


def note_stop(folder: Folder, shard: str, error: Exception) -> None:
    """Note the error that ended a task at this shard."""
    why = str(error) if isinstance(error, CurationError) else f"{type(error).__name__}: {error}"
    lines = "".join(traceback.format_exception(error)).splitlines()
    folder.write_json(f"{FOLDER}/{shard}.json", {"why": why, "traceback": lines[-_LINES:]})


def stopped_shards(folder: Folder) -> dict[int, str]:
    """Shard -> why its task stopped at it, in the order of the shards."""
    names = folder.list_files(FOLDER, ".json")
    said = {name: str((folder.read_json(name) or {}).get("why", "")) for name in names}
    return {int(name.rsplit("/", 1)[-1].removesuffix(".json")): why for name, why in said.items()}


def why_stopped(folder: Folder) -> str:
    """What the first of a stage's tasks said that stopped; empty if none did."""
    return next(filter(None, stopped_shards(folder).values()), "")
