"""What a run's folder says of itself, ``run.json``: its recipe and stages, the one with the result, what is owed.

Example: ``note_run(recipe, planned, Folder("out"), redo=["score"])`` before the first stage that runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.folder import Folder
from curation.planned import Planned
from curation.recipe import Recipe, settings_of


def note_run(recipe: Recipe, planned: Sequence[Planned], folder: Folder, redo: Sequence[str]) -> None:
    """What this folder is: its recipe and stages, the one with the result, and what is to be run again.

    The last is kept until the run has ended, so that a killed ``--redo`` goes on without being asked twice.
    """
    names = [one.stage.name for one in planned]
    before = folder.read_json("run.json") or {}
    asked = {name.removesuffix("+"): name.endswith("+") for name in redo}
    again = {
        one.stage.name: one.identity["generation"]
        for one in planned
        if one.status == "redo" and one.stage.name in asked
    }
    noted: dict[str, Any] = {
        "recipe": recipe.name,
        "settings": settings_of(recipe),
        "stages": names,
        "result": names[-1],
    }
    noted["redo"] = before.get("redo", {}) | again
    follow = {*before.get("redo_follow", ()), *(name for name, others in asked.items() if others)}
    noted["redo_follow"] = sorted(follow)
    folder.write_json("run.json", noted)


def forget_redo(planned: Sequence[Planned], folder: Folder) -> None:
    """What was to be run again has been; what follows from it is owed until no stage waits to be asked for."""
    noted = folder.read_json("run.json") or {}
    made = {one.stage.name for one in planned if one.status == "done" or one.runs}
    redo = {name: number for name, number in noted.get("redo", {}).items() if name not in made}
    follow = noted.get("redo_follow", [])
    if all(one.status != "not asked for" for one in planned):
        follow = [name for name in follow if name in redo]
    now = {**noted, "redo": redo, "redo_follow": follow}
    if noted and now != noted:
        folder.write_json("run.json", now)
