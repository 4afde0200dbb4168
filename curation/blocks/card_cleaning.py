"""The card's parts about what was taken out: duplicates, benchmarks' items, personal data.

Example: ``duplicates("out/dedup/removed")`` says how many documents were dropped for one that stays, and how similar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.blocks.dedup_pairs import read_columns
from curation.folder import Folder
from curation.manifest import Manifest
from curation.report import FunnelRow, markdown_table

_MASKED = ("personal_data", "secrets")
_TREATMENTS = ("emails", "ips", "secrets")


def dropped_of(removed: str, rows: Sequence[FunnelRow]) -> Mapping[str, int] | None:
    """How many the stage of this ``removed`` folder dropped, by reason; None if it did not run.

    The folder does not say: a stage may be told to write nothing of what it drops.
    """
    stage = removed.rstrip("/").removesuffix("/removed").rsplit("/", 1)[-1]
    return next((row.removed for row in rows if row.stage == stage), None)


def duplicates(removed: str, dropped: Mapping[str, int] | None) -> str:
    """How many were dropped for a document that stays, and how similar they are to it where that was written."""
    if dropped is None:
        return "Duplicates were not looked for in this run."
    equal, number = dropped.get("exact_duplicate", 0), dropped.get("near_duplicate", 0)
    if not equal and not number:
        return "No document was dropped as a duplicate."
    said = f"Dropped for a document that stays: {equal:,} with the same text, {number:,} near-duplicates"
    pairs = list(zip(*read_columns(removed, ["reason", "similarity"]), strict=True))
    near = sorted(similarity for reason, similarity in pairs if reason == "near_duplicate")
    if not near:
        return f"{said}."
    tenth, middle = near[len(near) // 10], near[len(near) // 2]
    return (
        f"{said}. Of these the exact similarity of shingles to the document that stays was {near[0]:.2f} or more, of "
        f"nine in ten {tenth:.2f} or more, of half {middle:.2f} or more."
    )


def contamination(listed: int, dropped: Mapping[str, int] | None) -> str:
    """What was removed for a benchmark's item, of which so many are listed."""
    if dropped is None:
        return "Items of benchmarks were not looked for in this run."
    removed = dropped.get("contaminated", 0)
    if not removed:
        return "No document was removed."
    said = f"Removed because they carry an item of a benchmark: {removed:,}"
    if not listed:
        return f"{said}; which ones was not kept (`removed` is `none`)."
    return f"{said}; each stands in the configuration `contamination` with the item, the shared n-gram and the ratio."


def masked(rows: Sequence[FunnelRow], output: str) -> str:
    """Places that were masked or cost a document its place, by stage and kind; empty if none were looked for."""
    table: list[list[Any]] = []
    for row in rows:
        for column in _MASKED:
            found = {
                name.removeprefix(f"{column}_"): n for name, n in row.counts.items() if name.startswith(f"{column}_")
            }
            within = found.pop("documents", None)
            table += [[row.stage, kind, number, ""] for kind, number in found.items()]
            if within is not None:
                kinds = column.replace("_", " ")
                table.append([row.stage, f"all {kinds}" if found else kinds, "", within])
    if table:
        return markdown_table(["stage", "kind", "places", "documents"], table)
    return "None were found." if any(_looks(output, row.stage) for row in rows) else ""


def _looks(output: str, stage: str) -> bool:
    """Whether a step of a stage looked for them: settings do not say whether it ran."""
    identity = (Manifest(Folder(output) / stage).started() or {}).get("identity", {})
    steps = [step for step in identity.get("steps", {}).values() if isinstance(step, dict)]
    return any(step.get(name) in ("mask", "drop") for step in steps for name in _TREATMENTS)
