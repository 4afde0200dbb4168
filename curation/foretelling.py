"""What stages that cost requests or money will take, told by `curate plan` before they are run.

Example: ``for stage, line in foretold(recipe, plan(recipe, "out"), "out"): print(stage, line)``. Of a stage whose input
is not there yet nothing is known: ``curate run … --until ranges`` makes what the fetch is foretold by.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.blocks.step import bind
from curation.manifest import Manifest, Shard
from curation.planned import Planned
from curation.recipe import Recipe
from curation.running import Silent
from curation.stage_runner import StageRunner


def foretold(recipe: Recipe, planned: Sequence[Planned], output: str) -> list[tuple[str, str]]:
    """Stage and what it will take in one line, of those that would run next and can tell.

    Args:
        recipe: with its settings.
        planned: its plan into ``output``.
        output: the run's folder.
    """
    runner = StageRunner(recipe, output, planned, None, None, None, Silent())
    done = {one.stage.name for one in planned if one.status == "done"}
    lines = []
    for one in planned:
        tells = [step for step in one.stage.steps if hasattr(step, "forecast")]
        if not one.runs or one.reads not in done or not tells:
            continue
        shards = _todo(runner, one)
        settings = runner.executor_of(one.stage.name)
        tasks = min(settings.tasks or len(shards), settings.workers or len(shards)) or 1
        for step in tells:
            told = bind(step, output, {}).forecast(shards, one.mapping, tasks)
            lines += [(one.stage.name, str(told))] if told is not None else []
    return lines


def _todo(runner: StageRunner, one: Planned) -> list[Shard]:
    manifest = Manifest(runner.folder_of(one))
    if one.status == "resume":
        return manifest.unfinished()
    known = manifest.shards() if one.status == "grow" else []
    return runner.new_shards(one, known)
