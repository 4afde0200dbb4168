"""What a run would do, stage by stage, and why; touches nothing.

Example: ``for one in plan(recipe, "out"): print(one.stage.name, one.status, one.why)``

Everything that a stage's output depends on is known before anything runs, so the whole chain of identities is too: what
is done, what is to be resumed, rebuilt or refused is told at once, before any work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation.blocks.read import KINDS
from curation.blocks.step import identity_of
from curation.config import nearest
from curation.content import SUFFIX, content_root, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, InputFile, list_inputs
from curation.growth import earlier_digests
from curation.manifest import Manifest, digest
from curation.planned import Planned
from curation.recipe import Recipe, Stage, settings_of
from curation.standing import standing


def plan(
    recipe: Recipe,
    output: str,
    *,
    sources: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    only: str | None = None,
    until: str | None = None,
    redo: Sequence[str] = (),
    list_remote: bool = True,
) -> list[Planned]:
    """Decide for every stage what a run into ``output`` would do.

    Args:
        recipe: a recipe with its settings.
        output: the run's folder; may not exist yet.
        sources: stage -> location that it is to read instead of an earlier stage; stages before it are left out.
        columns: for those locations: our column -> their column.
        only: the one stage to run.
        until: the last stage to run.
        redo: stages to run again although they are there; ``score+`` means it and all that it makes stale.
        list_remote: list inputs on S3, the Hub and the web too; else they are taken as unchanged.

    Raises:
        ConfigError: for an unknown stage, an input that is not there, or a stage whose needs are left out.
    """
    if columns and not sources:
        raise ConfigError(
            "--columns names the columns of an input given with --from STAGE=PATH; there is none (of the recipe's own "
            "inputs: --set columns.text=COLUMN)"
        )
    names = [stage.name for stage in recipe.stages]
    again = {name.removesuffix("+"): name.endswith("+") for name in redo}
    for name in (*(sources or {}), *again, *filter(None, (only, until))):
        if name not in names:
            raise ConfigError(f"no stage '{name}' in {recipe.name} ({nearest(name, names)})")
    asked = [only] if only else names[: names.index(until) + 1] if until else names
    return _Planner(recipe, output, dict(sources or {}), dict(columns or {}), asked, again, list_remote).planned()


class _Planner:
    """Walks the stages in order, so that each knows the identity of what it reads."""

    def __init__(
        self,
        recipe: Recipe,
        output: str,
        sources: dict[str, str],
        columns: dict[str, str],
        asked: Sequence[str],
        redo: dict[str, bool],
        list_remote: bool,
    ) -> None:
        self.recipe, self.output, self.asked, self.redo = recipe, Folder(output), asked, redo
        self.sources, self.columns, self.list_remote = sources, columns, list_remote
        self.settings = json.loads(json.dumps(settings_of(recipe), default=str))
        self.digests: dict[str, str] = {}
        self.before_start: set[str] = set()
        noted = self.output.read_json("run.json") or {}
        self.pending: dict[str, int] = noted.get("redo", {})  # what a killed run was asked to do again
        self.follow_from: list[str] = noted.get("redo_follow", [])  # from these on, what gets stale is run again too
        self.follow = False
        self.left_out: dict[str, str] = {}
        self.grown: dict[str, frozenset[str]] = {}
        self.stages = {stage.name: stage for stage in recipe.stages}

    def planned(self) -> list[Planned]:
        names = list(self.stages)
        first = min((names.index(name) for name in self.sources), default=0)
        result = []
        for index, stage in enumerate(self.recipe.stages):
            start = names[first]
            self.before_start = set(names[:first])
            why = f"the run starts from {start}" if index < first else self._left_out(stage)
            if why is None:
                result.append(self._plan(stage))
                continue
            self.left_out[stage.name] = why
            record = Manifest(self.output / stage.name).finished() if index < first else None
            if record:  # what an earlier run made here may still be needed, such as a classifier
                self.digests[stage.name] = record["digest"]
            result.append(Planned(stage=stage, status="left out", why=why))
        return result

    def _left_out(self, stage: Stage) -> str | None:
        if stage.left_out:
            return stage.left_out
        missing = [name for name in stage.skip_without if name not in self.digests]
        return f"{missing[0]} is left out" if missing else None

    def _plan(self, stage: Stage) -> Planned:
        reads, locations = self._source(stage)
        mapping = dict(self.columns) if stage.name in self.sources else dict(stage.columns)
        inputs = tuple(file for one in locations for file in self._list(one, *(stage.reads_files or KINDS)))
        if not reads and not locations:
            raise ConfigError(f"stage {stage.name}: no inputs are given")
        manifest = Manifest(self.output / stage.name)
        started = manifest.started()
        identity = self._identity(stage, reads, inputs, mapping, started)
        self.follow = self.follow or self.redo.get(stage.name, False) or stage.name in self.follow_from
        stands = standing(
            stage,
            identity,
            manifest,
            reads,
            self.grown,
            self.settings,
            redone=stage.name in self.redo,
            follow=self.follow,
        )
        status, why = stands.status, stands.why
        self.digests[stage.name] = digest(stands.identity)
        self.grown[stage.name] = earlier_digests(started, grows=status == "grow")
        if stage.name not in self.asked and status != "done":
            status, why = "not asked for", f"only {_span(self.asked)} asked for"
        return Planned(
            stage=stage,
            status=status,
            why=why,
            reads=reads,
            located=locations,
            inputs=inputs,
            mapping=mapping,
            identity=stands.identity,
            changed=stands.changed,
            size=self._size(reads, inputs),
        )

    def _size(self, reads: str | None, inputs: Sequence[InputFile]) -> int | None:
        if reads is None:
            return sum(file.size for file in inputs) if inputs else None
        parent = self.output / reads
        return parent.size("data") if Manifest(parent).finished() else None

    def _list(self, location: str, *kinds: tuple[str, ...]) -> list[InputFile]:
        where = resolve_location(location)
        if "://" in where and not self.list_remote:
            return []
        return list_inputs(where, *kinds)

    def _source(self, stage: Stage) -> tuple[str | None, tuple[str, ...]]:
        """The stage that is really read, or the locations: left-out stages hand on what they would have read."""
        if stage.name in self.sources:
            return None, (self.sources[stage.name],)
        reads: str | tuple[str, ...] = stage.reads
        while isinstance(reads, str) and reads in self.left_out and reads not in self.digests:
            if reads in self.before_start:
                why = self.left_out[reads]
                raise ConfigError(f"stage {stage.name} reads {reads}, but {why}: give --from {stage.name}=PATH too")
            reads = self.stages[reads].reads
        return (reads, ()) if isinstance(reads, str) else (None, reads)

    def _identity(
        self,
        stage: Stage,
        reads: str | None,
        inputs: Sequence[InputFile],
        mapping: Mapping[str, str],
        started: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        steps: dict[str, Any] = {}
        for step in (*stage.steps, *([stage.finish] if stage.finish else [])):
            name = type(step).__name__
            steps[name if name not in steps else f"{name} {len(steps)}"] = identity_of(step)
            for location in getattr(step, "inputs", list)():
                steps.setdefault("files", {}).update(dict(map(_listed, self._list(location, ("",)))))
        self._check_needs(stage)
        identity: dict[str, Any] = {"stage": stage.name, "gather": stage.gather, "removed": stage.removed}
        if stage.parts:
            identity["parts"] = stage.parts
        identity["steps"] = steps
        listing: dict[str, Any] = {"files": dict(map(_listed, inputs)), "columns": dict(mapping)}
        order = [file.label or file.path for file in inputs]
        if order != sorted(order):  # documents are known by their place
            listing["order"] = order
        identity["reads"] = self.digests[reads] if reads else listing
        if not self.list_remote and started:
            self._take_remote_as_unchanged(identity, started["identity"])
        identity["needs"] = {name: self.digests.get(name) for name in stage.needs}
        if generation := self._generation(stage.name, started):
            identity["generation"] = generation
        plain: dict[str, Any] = json.loads(json.dumps(identity, default=str, ensure_ascii=False))
        return plain

    def _generation(self, stage: str, started: Mapping[str, Any] | None) -> int:
        """How often the stage was asked to be run again: each time makes another identity."""
        now = int((started or {"identity": {}})["identity"].get("generation", 0))
        asked = now + 1 if stage in self.redo else now
        return self.pending.get(stage, asked)

    def _check_needs(self, stage: Stage) -> None:
        """What the steps need must be made; what only the finishing step names may be left out, as with ``--from``."""
        for name in stage.needs:
            if name not in self.digests and name not in self.left_out:
                raise ConfigError(f"stage {stage.name} needs {name}, which no earlier stage writes")
        asked = stage.name in self.asked
        for name in replace(stage, finish=None).needs if asked else ():
            if name not in self.digests:
                raise ConfigError(
                    f"stage {stage.name} needs {name}, which is left out ({self.left_out[name]}) and not in this "
                    "output folder: take the folder in which it was made, or start from another stage"
                )

    def _take_remote_as_unchanged(self, identity: dict[str, Any], before: Mapping[str, Any]) -> None:
        """Where remote inputs are not listed, what was listed at the start stands for them."""
        for now, then in ((identity["reads"], before["reads"]), (identity["steps"], before["steps"])):
            if isinstance(now, dict) and isinstance(then, dict):
                remote = {path: seen for path, seen in then.get("files", {}).items() if "://" in path}
                if remote:
                    now["files"] = {**now.get("files", {}), **remote}


def _span(names: Sequence[str]) -> str:
    return f"{names[0]} was" if len(names) == 1 else f"stages up to {names[-1]} were"


def _listed(file: InputFile) -> tuple[str, str]:
    """What identifies an input file. Shipped content is known by its bytes: installing it again changes its time."""
    root = content_root()
    if any(file.path.startswith(f"{root}/{kind}/") for kind in SUFFIX):
        content = hashlib.sha256(Path(file.path).read_bytes()).hexdigest()[:16]
        return f"content:{file.path.removeprefix(f'{root}/')}", f"{file.size} bytes, {content}"
    return file.label or file.path, f"{file.size} bytes, {file.etag}"
