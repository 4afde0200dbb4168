"""What the tasks of a planned stage are given: its unfinished shards, its steps with their folders filled in.

Example: ``stage_work(one, Manifest(Folder("out/score")), "out").run(rank=0, world_size=8)`` runs the first of 8 tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards
from curation.blocks.step import bind
from curation.manifest import Manifest
from curation.planned import Planned


def stage_work(one: Planned, manifest: Manifest, output: str, marks: str | None = None) -> RunShards:
    """The one datatrove step that every task of the stage runs.

    Args:
        one: the stage.
        manifest: of its folder, in which its shards are fixed.
        output: the run's folder.
        marks: a local folder for progress marks, None for none.
    """
    own = {one.stage.name: manifest.folder.location}
    return RunShards(
        folder=manifest.folder.location,
        digest=one.digest,
        shards=manifest.unfinished(),
        total=len(manifest.shards()),
        steps=[bind(step, output, own) for step in one.stage.steps],
        columns=_columns(one, manifest),
        mapping=dict(one.mapping),
        removed=one.stage.removed,
        balanced=not (one.stage.gather or one.stage.parts or _makes_others(one.stage.steps)),
        rows_per_file=one.stage.rows_per_file,
        progress=marks,
        expects={f"{output}/{name}": digest for name, digest in _expected(one).items()},
    )


def _expected(one: Planned) -> dict[str, str]:
    """The stages that are read or needed -> the digests that they have in the plan."""
    needed = {name: one.identity["needs"][name] for name in replace(one.stage, finish=None).needs}
    read = {one.reads: one.identity["reads"]} if one.reads else {}
    return {name: digest for name, digest in (read | needed).items() if digest}


def _columns(one: Planned, manifest: Manifest) -> dict[str, pa.DataType]:
    if one.opens_files:
        return {}
    files = [path for shard in manifest.shards() for path in shard.files]
    if one.reads is not None:
        files = files[:1]  # all files of one of our stages have one schema
    if not files:
        return {"id": pa.string(), "text": pa.large_string()}
    return columns_of(files, one.mapping, outside=one.reads is None)


def _makes_others(steps: Sequence[Any]) -> bool:
    return any(getattr(step, "gives_rows_of_its_own", False) for step in steps)
