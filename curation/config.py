"""Settings: one frozen dataclass per recipe, one YAML of values, strict.

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        threshold: int

    settings = read_settings(Settings, {"threshold": "three"}, origin="mine.yaml")
    # ConfigError: mine.yaml: threshold: expected int, got 'three' (str)

An unknown key, a missing one or a wrong type is a `ConfigError` with file, key and nearest key.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from curation.content import content_root, read_value, read_yaml
from curation.errors import ConfigError, ContentError

T = TypeVar("T")

_BESIDE = re.compile(r"(?:(?<=^)|(?<=:))beside:")


def read_values(path: Path, overrides: list[str] | None = None, shipped: str = "pipelines") -> dict[str, Any]:
    """The values of a YAML file, over those of the file it ``extends`` (one level), under ``key=value`` overrides.

    What is extended stands beside the file, or among the shipped content of the kind ``shipped``. A value such as
    ``beside:prompt.md`` or ``replay:beside:replies.jsonl`` names a file beside the one that says so.

    Raises:
        ConfigError: if a file is missing or unreadable, extends twice, or an override is not ``key=value``.
    """
    values = _read(path)
    parent_name = values.pop("extends", None)
    if parent_name is not None:
        beside = path.parent / str(parent_name)
        parent = _read(beside if beside.is_file() else content_root() / shipped / str(parent_name))
        if "extends" in parent:
            raise ConfigError(f"{path}: {parent_name} itself extends another file; one level is allowed")
        values = merge(parent, values)
    for override in overrides or []:
        values = merge(values, _override(override))
    return values


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``below`` with the values of ``above`` on top; mappings are merged key by key, an empty one empties."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping) and value
        merged[key] = merge(typing.cast(Mapping[str, Any], old), value) if both else value
    return merged


def read_settings(
    kind: type[T], values: Mapping[str, Any], origin: str, hints: Mapping[str, Mapping[str, Any]] | None = None
) -> T:
    """A settings dataclass filled from plain values, checked strictly.

    Args:
        kind: a dataclass; nested dataclasses, ``X | None``, tuples, lists and dicts are understood.
        values: what YAML gave.
        origin: named in every message, such as the file.
        hints: resolved type hints per dataclass name, for classes whose module is no longer importable.

    Raises:
        ConfigError: on an unknown key, a missing one or a wrong type.
    """
    return typing.cast(T, _dataclass(kind, values, origin, "", hints or {}))


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted key -> plain value of a settings dataclass or mapping, in order of declaration."""
    if dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        settings = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) or dataclasses.is_dataclass(value):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return flat


def nearest(key: str, known: list[str]) -> str:
    """A hint to append to a message about an unknown ``key``."""
    near = difflib.get_close_matches(key, known, 1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ConfigError(f"no settings file {path}")
    try:
        return typing.cast(dict[str, Any], _beside(read_yaml(path), path.parent))
    except ContentError as error:
        raise ConfigError(str(error)) from error


def _beside(value: Any, folder: Path) -> Any:
    """A value with the folder in place of each ``beside:``; below the working folder the path stays relative."""
    if isinstance(value, Mapping):
        return {key: _beside(one, folder) for key, one in value.items()}
    if isinstance(value, list):
        return [_beside(one, folder) for one in value]
    if not isinstance(value, str) or "beside:" not in value:
        return value
    here = Path.cwd()
    place = f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)
    return _BESIDE.sub(lambda _: f"{place}{os.sep}", value)


def _override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text}: expected key=value")
    try:
        nested: Any = read_value(value) if value.strip() else ""
    except ContentError as error:
        raise ConfigError(f"--set {text}: {error}") from error
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return typing.cast(dict[str, Any], nested)


def _dataclass(kind: type, values: Any, origin: str, where: str, hints: Mapping[str, Mapping[str, Any]]) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{origin}: {where.rstrip('.') or 'settings'}: expected a mapping, got {values!r}")
    types_of = hints.get(kind.__name__) or typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for key in values:
        if key not in fields:
            raise ConfigError(f"{origin}: unknown key '{where}{key}' ({nearest(str(key), list(fields))})")
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            given[name] = _value(types_of[name], values[name], origin, f"{where}{name}", hints)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{origin}: missing key '{where}{name}'")
    try:
        return kind(**given)
    except ValueError as error:
        raise ConfigError(f"{origin}: {where}{error}") from error


def _value(kind: Any, value: Any, origin: str, where: str, hints: Mapping[str, Mapping[str, Any]]) -> Any:
    shape = get_origin(kind)
    if kind is Any:
        return value
    if shape in (types.UnionType, typing.Union):
        return _union(kind, value, origin, where, hints)
    if dataclasses.is_dataclass(kind):
        return _dataclass(typing.cast(type, kind), value, origin, f"{where}.", hints)
    if shape in (tuple, list):
        if not isinstance(value, list | tuple):
            raise _wrong(kind, value, origin, where)
        item = get_args(kind)[0]
        items = [_value(item, one, origin, f"{where}[{index}]", hints) for index, one in enumerate(value)]
        return tuple(items) if shape is tuple else items
    if shape is dict:
        if not isinstance(value, Mapping):
            raise _wrong(kind, value, origin, where)
        item = get_args(kind)[1]
        return {str(key): _value(item, one, origin, f"{where}.{key}", hints) for key, one in value.items()}
    if shape is typing.Literal:
        if value in get_args(kind):
            return value
        raise ConfigError(f"{origin}: {where}: {value!r} is not one of {', '.join(map(repr, get_args(kind)))}")
    return _plain(kind, value, origin, where)


def _union(kind: Any, value: Any, origin: str, where: str, hints: Mapping[str, Mapping[str, Any]]) -> Any:
    options = get_args(kind)
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:
        return _value(rest[0], value, origin, where, hints)
    for option in rest:
        try:
            return _value(option, value, origin, where, hints)
        except ConfigError:
            continue
    raise _wrong(kind, value, origin, where)


def _plain(kind: Any, value: Any, origin: str, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(kind, value, origin, where)
    return value


def _wrong(kind: Any, value: Any, origin: str, where: str) -> ConfigError:
    name = kind.__name__ if isinstance(kind, type) and not get_origin(kind) else str(kind).replace("typing.", "")
    return ConfigError(f"{origin}: {where}: expected {name}, got {value!r} ({type(value).__name__})")
