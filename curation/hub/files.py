"""What an upload to the Hub has to do: the files of a dataset beside those of its repository.

Example: ``plan_parts(list_dataset(folder), remote, same, patterns)`` says, configuration by configuration, what to
send, what lies there already with the same content, and what no longer belongs to it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import yaml
from fsspec.utils import glob_translate

from curation.content import resolve_location
from curation.errors import ConfigError, ContentError
from curation.folder import Folder

CARD = "README.md"
_DATA = (".parquet", ".jsonl", ".json", ".csv", ".tsv", ".arrow", ".txt", ".tar")
_PACKED = (".gz", ".zst", ".bz2", ".xz")
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the dataset: its path in the repository, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository: SHA-256 of the content where it lies in the large storage, else git's hash of it."""

    name: str
    size: int
    sha256: str | None
    blob: str


@dataclass(frozen=True, slots=True)
class Part:
    """One configuration: what to send, what is there already, and what to delete with it."""

    name: str
    send: tuple[DataFile, ...]
    same: tuple[DataFile, ...]
    delete: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(file.size for file in self.send)


def dataset_folder(output: str) -> Folder:
    """The dataset of a run's folder or of its stage ``publish``, or the folder itself where it is no run's.

    Raises:
        ConfigError: if there is nothing, the stage is unfinished, or the run has not come to it.
    """
    folder = Folder(resolve_location(output))
    if folder.exists("publish/shards.json"):
        folder = folder / "publish"
    if folder.exists("shards.json"):
        if not folder.exists("stage.json"):
            raise ConfigError(f"{folder.location}: this stage is unfinished; finish it first")
        return folder / "data"
    if folder.exists("run.json"):
        raise ConfigError(f"{output}: this run has no dataset yet; run its stage publish first")
    if not folder.exists():
        raise ConfigError(f"{output}: there is no such folder")
    return folder


def list_dataset(folder: Folder) -> list[DataFile]:
    """The visible files of a dataset, by path.

    Raises:
        ConfigError: if there is no file of data among them.
    """
    root = f"{folder.path('').rstrip('/')}/"
    found = folder.fs.find(folder.path(""), detail=True)
    files = [
        DataFile(path.removeprefix(root), int(info["size"] or 0))
        for path, info in sorted(found.items())
        if info["type"] == "file" and path.startswith(root)
    ]
    files = [one for one in files if _is_visible(one.name)]
    if not any(_is_data(one.name) for one in files):
        raise ConfigError(f"{folder.location}: no data to upload (looked for {', '.join(_DATA)})")
    return files


def read_card(folder: Folder) -> str:
    """The dataset's card, empty where there is none."""
    if not folder.exists(CARD):
        return ""
    with folder.open(CARD) as file:
        return str(file.read().decode())


def card_patterns(card: str, where: str) -> list[str]:
    """The ``data_files`` of the configurations that a card names.

    Args:
        card: its text.
        where: where it stands, for messages.

    Raises:
        ContentError: if its front matter is no YAML, or a pattern is none: the Hub would say so after all is there.
    """
    front = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", card, re.DOTALL)
    try:
        values = yaml.safe_load(front[1]) if front else None
    except yaml.YAMLError as error:
        raise ContentError(f"{where}/{CARD}: its front matter is no YAML: {error}") from error
    configs = values.get("configs") if isinstance(values, dict) else None
    found: list[str] = []
    for config in configs if isinstance(configs, list) else ():
        if isinstance(config, dict):
            within = str(config.get("data_dir") or "").strip("/")
            paths = list(_paths(config.get("data_files")))
            found += [f"{within}/{path}".lstrip("/") for path in paths or (["**"] if within else [])]
    for pattern in found:
        try:
            glob_translate(pattern)
        except ValueError as error:
            raise ContentError(f"{where}/{CARD}: data_files {pattern!r}: {error}") from error
    return found


def plan_parts(
    files: Iterable[DataFile],
    remote: Mapping[str, RemoteFile],
    same: Callable[[DataFile, RemoteFile], bool],
    patterns: Sequence[str] = (),
    dropped: Sequence[str] = (),
) -> tuple[list[Part], list[RemoteFile]]:
    """What to do for each configuration, the card last; and what of the repository is left alone.

    A file of the repository goes when it is data that the new dataset does not have and that would be read as part of
    it: it lies in a folder of the new dataset's data, or a pattern of the card takes it in. All else is left.

    Args:
        files: the dataset.
        remote: the repository's files by path.
        same: whether two files of one path and size have the same content.
        patterns: as of `card_patterns`, of the new card.
        dropped: likewise of the card that is there: what they take in and the new dataset lacks goes with the card.
    """
    files = list(files)
    grouped: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        grouped[_part(file.name)].append(file)
    others = {name: one for name, one in remote.items() if name not in {file.name for file in files}}
    going: dict[str, list[RemoteFile]] = defaultdict(list)
    for one in _stale(files, others.values(), patterns):
        going[_part(one.name)].append(others.pop(one.name))
    for one in _taken(others.values(), dropped):
        going[CARD].append(others.pop(one.name))
    parts = []
    for part in sorted(grouped.keys() | going.keys(), key=lambda name: (name == CARD, name == "", name)):
        there = {one for one in grouped[part] if one.name in remote and same(one, remote[one.name])}
        parts.append(
            Part(
                part,
                tuple(one for one in grouped[part] if one not in there),
                tuple(one for one in grouped[part] if one in there),
                tuple(going[part]),
            )
        )
    return parts, [one for name, one in sorted(others.items()) if not name.startswith(".git")]


def same_content(folder: Folder, file: DataFile, remote: RemoteFile) -> bool:
    """Whether the repository's file has the content of the dataset's; reads the latter only if the sizes agree."""
    if file.size != remote.size:
        return False
    digest = hashlib.sha256() if remote.sha256 else git_digest(file.size)
    with folder.open(file.name) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return bool(digest.hexdigest() == (remote.sha256 or remote.blob))


def git_digest(size: int) -> Any:
    """A hash that, fed with a content of ``size`` bytes, is git's name for it."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _part(name: str) -> str:
    return name if name == CARD else name.partition("/")[0] if "/" in name else ""


def _is_data(name: str) -> bool:
    return _ending(name) in _DATA


def _ending(name: str) -> str:
    path = PurePosixPath(name)
    return PurePosixPath(path.stem).suffix if path.suffix in _PACKED else path.suffix


def _stale(files: list[DataFile], others: Iterable[RemoteFile], patterns: Sequence[str]) -> list[RemoteFile]:
    """Files of the repository that would be read as data of the dataset although it does not have them."""
    data = [PurePosixPath(file.name) for file in files if _is_data(file.name)]
    endings = {_ending(path.name) for path in data}
    folders = {(path.parent, _ending(path.name)) for path in data if len(path.parts) > 1}
    others = [one for one in others if _ending(one.name) in endings and _is_visible(one.name)]
    taken = {one.name for one in _taken(others, patterns)}
    taken |= {one.name for one in others if (PurePosixPath(one.name).parent, _ending(one.name)) in folders}
    return sorted((one for one in others if one.name in taken), key=lambda one: one.name)


def _taken(others: Iterable[RemoteFile], patterns: Sequence[str]) -> list[RemoteFile]:
    """The visible files of data that a pattern takes in, by path."""
    taken = re.compile("|".join(f"(?:{glob_translate(one)})" for one in patterns) or r"(?!)")
    found = (one for one in others if _is_data(one.name) and _is_visible(one.name) and taken.fullmatch(one.name))
    return sorted(found, key=lambda one: one.name)


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _paths(given: Any) -> Iterable[str]:
    """The paths in what a card may give as ``data_files``: a path, a list of them, or one or several for each split."""
    if isinstance(given, str):
        yield given.removeprefix("./")
    elif isinstance(given, list):
        for one in given:
            yield from _paths(one)
    elif isinstance(given, dict):
        yield from _paths(given.get("path"))
