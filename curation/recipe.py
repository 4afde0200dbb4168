"""A recipe is a function from settings to stages; a stage is a named list of steps from one folder to another.

    recipe = load_recipe("finemath", config="finemath-smoke", overrides=["threshold=4"])
    print(recipe)          # the plan: a line per stage

A recipe file defines a frozen dataclass ``Settings`` and ``stages(settings) -> list[Stage]``; it is loaded by path. Its
module is taken out of ``sys.modules`` again, so that dill pickles classes defined in it by value: worker processes
cannot import it.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from curation.config import flatten, merge, nearest, read_settings, read_values
from curation.content import content_root, find_content
from curation.errors import ConfigError, ContentError, CurationError

OUTPUT = "{output}"
Removed = Literal["full", "ids", "none"]
_STAGE_FOLDER = re.compile(r"\{output\}/([\w.-]+)")


def folder_of(stage: str, inside: str = "") -> str:
    """Where a step finds what another stage wrote: ``folder_of("train", "model")``.

    The output folder is filled in when the stage is run, so it is no part of the stage's identity.
    """
    return f"{OUTPUT}/{stage}/{inside}".rstrip("/")


def files_read_by(steps: Sequence[Any]) -> tuple[tuple[str, ...], ...]:
    """The kinds of files that the first of some steps opens itself; none where documents are read for it."""
    return getattr(steps[0], "reads_files", ()) if steps else ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A named list of datatrove steps that reads one folder and writes one folder.

    Args:
        name: the folder's name below the output.
        reads: the name of the stage whose ``data/`` it reads, or locations from outside (paths, globs, URLs).
        steps: datatrove steps, run one after another on each shard.
        gather: one shard that holds all the input; such a stage restarts whole.
        parts: for a stage that exchanges all with all: so many shards, each of which is given no documents and takes
            its part (``rank`` of ``world_size``) out of the folders that its steps name.
        costly: a changed identity raises StaleOutput instead of a rebuild (judging, training, fetching, extraction,
            scoring).
        removed: what is written of dropped documents: all (``full``), their id and reason with a thousand whole
            documents per reason (``ids``), or only counts (``none``).
        left_out: why this stage is not run; whoever reads it reads what it would have read.
        skip_without: stages without which this one is left out.
        rows_per_file: for a stage that gathers: how many rows each of its output files holds at most.
        finish: a step of one task after the last shard, called with the run's context.
        columns: for an input from outside: our column -> its column.
        workers: tasks at a time on one machine where the settings say neither workers nor tasks; None for one per core.
        settled: what was learned here stays as it is when files are added to a finished output: samples, and lists
            that decide what is read later.
        extends: of a stage with ``parts``: when files are added, as many further parts take what is new, instead of
            all again; part ``rank % parts`` of generation ``rank // parts``.
    """

    name: str
    reads: str | tuple[str, ...]
    steps: Sequence[Any]
    gather: bool = False
    parts: int | None = None
    costly: bool = False
    removed: Removed = "full"
    left_out: str | None = None
    skip_without: tuple[str, ...] = ()
    rows_per_file: int | None = None
    finish: Any = None
    columns: Mapping[str, str] = field(default_factory=dict)
    workers: int | None = None
    settled: bool = False
    extends: bool = False

    @property
    def reads_files(self) -> tuple[tuple[str, ...], ...]:
        """Of a stage whose first step opens the input's files itself, the endings of their names; else none."""
        return files_read_by(self.steps)

    @property
    def grows(self) -> bool:
        """Whether added files can be taken without going through all again."""
        return self.extends if self.parts is not None else not self.gather

    @property
    def needs(self) -> tuple[str, ...]:
        """Stages whose folders the steps name, beside the one that is read; a cache is not needed, only used."""
        names: list[str] = []
        for step in (*self.steps, *([self.finish] if self.finish else [])):
            used = {f.name for f in _fields(step) if not f.metadata.get("identity", True)}
            for value in (value for name, value in vars(step).items() if name not in used):
                names += _STAGE_FOLDER.findall(str(value)) if isinstance(value, str | tuple | list) else []
        return tuple(dict.fromkeys(name for name in names if name != self.name))


@dataclass(frozen=True, kw_only=True)
class ExecutorSettings:
    """Where tasks run. ``executor:`` in the settings holds the defaults, ``stages: {NAME: ...}`` overrides them.

    Args:
        kind: datatrove's executor.
        workers: tasks at a time; None for one per core (local) or no limit (Slurm, Ray).
        tasks: into how many tasks unfinished shards are grouped; None for one task per shard.
        shards: at most this many shards for a stage that reads from outside.
        time: Slurm time limit, such as ``"4:00:00"``.
        partition: Slurm partition.
        cpus_per_task: cores of a task (Slurm, Ray).
        mem_per_cpu_gb: memory per core in GB (Slurm, Ray).
        gpus_per_task: GPUs of a task (Slurm, Ray).
        qos: Slurm quality of service.
        venv_path: the ``activate`` script of the environment to use in a Slurm job.
        env_command: or a command that sets it up.
        sbatch_args: further ``sbatch`` options.
        max_array_size: longest job array of the cluster.
    """

    kind: Literal["local", "slurm", "ray"] = "local"
    workers: int | None = None
    tasks: int | None = None
    shards: int = 1000
    time: str = "20:00:00"
    partition: str | None = None
    cpus_per_task: int = 1
    mem_per_cpu_gb: int = 2
    gpus_per_task: int = 0
    qos: str | None = None
    venv_path: str | None = None
    env_command: str | None = None
    sbatch_args: dict[str, Any] = field(default_factory=dict)
    max_array_size: int = 1001


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a stage's finishing step is told: the run's folder, the stage's folder, and the recipe in plain values."""

    output: str
    folder: str
    recipe: str
    origin: str
    settings: Mapping[str, Any]
    stages: Sequence[tuple[str, str | None]]
    left_out: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe with its settings filled in: ready to be planned and run."""

    name: str
    settings: Any
    stages: tuple[Stage, ...]
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)
    executors: Mapping[str, ExecutorSettings] = field(default_factory=dict)
    origin: str = "settings"

    def __str__(self) -> str:
        lines = []
        for stage in self.stages:
            steps = "left out: " + stage.left_out if stage.left_out else " -> ".join(map(str, stage.steps))
            source = stage.reads if isinstance(stage.reads, str) else ", ".join(stage.reads)
            lines.append(f"{stage.name:18} <- {source:18} {steps}")
        return "\n".join(lines)

    def executor_of(self, stage: str) -> ExecutorSettings:
        """The executor settings of a stage."""
        return self.executors.get(stage, self.executor)


def load_recipe(
    name: str, config: str | None = None, overrides: Sequence[str] = (), values: Mapping[str, Any] | None = None
) -> Recipe:
    """A shipped recipe by name or anyone's by path, with its settings.

    Args:
        name: a name that ``curate list`` shows, or the path of a recipe file.
        config: a shipped set of values by name, or the path of a YAML file; the recipe's own values by default.
        overrides: ``key=value``, dotted keys reach into mappings.
        values: further values on top, as plain Python.

    Raises:
        ContentError: if the recipe is missing or broken.
        ConfigError: if the settings are.
    """
    path = find_content("pipelines", name)
    module = _execute(path)
    settings_type, stages = getattr(module, "Settings", None), getattr(module, "stages", None)
    if settings_type is None or stages is None or not dataclasses.is_dataclass(settings_type):
        raise ContentError(f"{path}: a recipe defines a dataclass Settings and a function stages(settings)")
    hints = _type_hints(module)
    config_path = _find_config(path, config)
    given = merge(read_values(config_path, list(overrides)), values or {})
    origin = " ".join([config_path.name, *(f"--set {one}" for one in overrides)])
    return _build(path.stem, typing.cast(type, settings_type), stages, given, origin, hints)


def list_configs(recipe: str) -> list[str]:
    """Names of the shipped sets of values of a recipe: its own and its variants."""
    return sorted(path.stem for path in (content_root() / "pipelines").glob(f"{recipe}*.yaml"))


def _build(
    name: str,
    settings_type: type,
    stages: Callable[[Any], Sequence[Stage]],
    given: Mapping[str, Any],
    origin: str,
    hints: Mapping[str, Mapping[str, Any]],
) -> Recipe:
    rest = dict(given)
    defaults = rest.pop("executor", None) or {}
    per_stage = rest.pop("stages", None) or {}
    settings: Any = read_settings(settings_type, rest, origin, hints)
    try:
        built = tuple(stages(settings))
    except CurationError:
        raise
    except Exception as error:
        raise ContentError(f"{name}: stages(settings) failed: {type(error).__name__}: {error}") from error
    names = [stage.name for stage in built]
    executor = read_settings(ExecutorSettings, defaults, f"{origin}: executor")
    executors = {}
    if not isinstance(per_stage, Mapping):
        raise ConfigError(f"{origin}: stages: expected a mapping, got {per_stage!r}")
    for stage, options in per_stage.items():
        if stage not in names:
            raise ConfigError(f"{origin}: stages: no stage '{stage}' ({nearest(str(stage), names)})")
        if not isinstance(options or {}, Mapping):
            raise ConfigError(f"{origin}: stages.{stage}: expected a mapping, got {options!r}")
        executors[stage] = read_settings(ExecutorSettings, merge(defaults, options or {}), f"{origin}: stages.{stage}")
    _check_names(built, name)
    return Recipe(name=name, settings=settings, stages=built, executor=executor, executors=executors, origin=origin)


def _check_names(stages: Sequence[Stage], recipe: str) -> None:
    known: list[str] = []
    for stage in stages:
        if stage.name in known:
            raise ContentError(f"{recipe}: two stages are named {stage.name}")
        missing = [one for one in stage.needs if one not in known]
        if isinstance(stage.reads, str) and stage.reads not in known:
            missing.append(stage.reads)
        if missing:
            raise ContentError(f"{recipe}: stage {stage.name} reads {missing[0]}, which no earlier stage writes")
        known.append(stage.name)


def _fields(step: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(step) if dataclasses.is_dataclass(step) else ()


def _find_config(recipe: Path, config: str | None) -> Path:
    if config is None:
        return recipe.with_suffix(".yaml")
    shipped = content_root() / "pipelines" / f"{config}.yaml"
    if "/" not in config and shipped.is_file():
        return shipped
    path = Path(config).expanduser().resolve()
    if not path.is_file():
        known = sorted(one.stem for one in shipped.parent.glob("*.yaml"))
        raise ConfigError(f"no settings file {path} ({nearest(config, known)})")
    return path


def _execute(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"curation_recipe_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and type hints look their module up here
    try:
        spec.loader.exec_module(module)
        module.__type_hints__ = _resolve_hints(module)  # type: ignore[attr-defined]
    except Exception as error:
        raise ContentError(f"{path}: the recipe cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        del sys.modules[spec.name]
    return module


def _resolve_hints(module: ModuleType) -> dict[str, dict[str, Any]]:
    kinds = [one for one in vars(module).values() if isinstance(one, type) and dataclasses.is_dataclass(one)]
    return {kind.__name__: typing.get_type_hints(kind) for kind in kinds if kind.__module__ == module.__name__}


def _type_hints(module: ModuleType) -> dict[str, dict[str, Any]]:
    return typing.cast(dict[str, dict[str, Any]], module.__type_hints__)


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """Dotted key -> value of everything that was set, for the card and for messages."""
    return flatten(recipe.settings)
