"""A stage that was rebuilt beside its old self takes its place, safe against a kill at any moment.

Example: ``swap(Folder("out"), "select")`` puts ``out/.select.new`` where ``out/select`` was.

What was built is whole from the moment its ``stage.json`` is there. Locally two renames do it. An object store knows no
rename: there the old one is removed, the new one copied with its ``stage.json`` last, and only then removed, so that a
copy that was cut short is begun again.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.folder import Folder
from curation.manifest import Manifest

_MEMORY = ("stage.json", "shards.json")


def swap(output: Folder, stage: str) -> None:
    """Put the rebuilt stage in place of the old one."""
    new, old = f".{stage}.new", f".{stage}.old"
    if not output.is_local:
        _replace_by_copy(output, new, stage)
        return
    output.remove(old)
    if output.exists(stage):
        output.rename(stage, old)
    output.rename(new, stage)
    output.remove(old)


def recover(output: Folder, stages: Sequence[str]) -> None:
    """Finish what a kill interrupted."""
    for stage in stages:
        new, old = f".{stage}.new", f".{stage}.old"
        if output.exists(f"{new}/stage.json") and (not output.is_local or not output.exists(f"{stage}/shards.json")):
            swap(output, stage)
        if output.exists(old) and output.exists(f"{stage}/shards.json"):
            output.remove(old)


def _replace_by_copy(output: Folder, new: str, stage: str) -> None:
    Manifest(output / stage).clear()
    files = [path for path in output.walk(new) if path.rsplit("/", 1)[-1] not in _MEMORY or path.count("/") > 1]
    for path in (*files, f"{new}/shards.json", f"{new}/stage.json"):
        output.copy(path, f"{stage}/{path.removeprefix(f'{new}/')}")
    Manifest(output / new).clear()
