"""Folders of files as an input: every visible file below a folder, a glob or git checkouts, in groups of some hundred.

Example: ``list_groups("repos")`` finds the files of all checkouts below ``repos``. A group stands where other inputs
have one file, so that a stage over 100,000 small files has some hundred inputs; its name tells all of its files::

    files:skipped symlink=1
    /data/repos/toolbox//README.md
    //src/sort.py

A line is the checkout (or the folder that was given), ``//`` and the path in it; without the former it is that of the
line before. The first line counts what is not read. ``files:/data/repos/toolbox//src/sort.py`` is one file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.utils import glob_translate

from curation.beside import Stamped, folders_above, licences_beside

PREFIX = "files:"
"""What the location of a folder of files begins with."""

MAX_FILE_BYTES = 10_000_000
"""Larger files are not read; Software Heritage's limit for what was taken into The Stack v2."""

GROUP_FILES, GROUP_BYTES = 200, 8_000_000
_SIGNS = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Some files: the name that tells them all, a short one, bytes, a digest that changes when one does, how many."""

    name: str
    label: str
    size: int
    digest: str
    count: int


@dataclass(frozen=True, slots=True)
class _Visible:
    """A file: the location of its checkout, the path in there, bytes, and a time or etag."""

    root: str
    path: str
    size: int
    stamp: str

    @property
    def location(self) -> str:
        return f"{self.root}/{self.path}"


def is_group(location: str) -> bool:
    """Whether a location is that of a folder of files, or of a group."""
    return location.startswith(PREFIX)


def group_files(name: str) -> tuple[list[tuple[str, str]], Counter[str]]:
    """The files of a group, each as (checkout, path in it), and how many of each kind were not read.

    Args:
        name: of a group, of one file, or of a folder, which is then listed.
    """
    text = name.removeprefix(PREFIX)
    if "\n" not in text:
        root, _, path = text.rpartition("//")
        if path and root.strip("/") and not root.endswith(":"):  # s3://bucket is a folder
            return [(root, path)], Counter()
        parts = [group_files(group.name) for group in list_groups(text)]
        return [file for files, _ in parts for file in files], sum((skipped for _, skipped in parts), Counter[str]())
    head, *lines = text.split("\n")
    found: list[tuple[str, str]] = []
    for line in filter(None, lines):
        root, _, path = line.rpartition("//")
        found.append((root or found[-1][0], path))
    counts = (pair.partition("=") for pair in head.split()[1:])
    return found, Counter({kind: int(count) for kind, _, count in counts})


def short_name(name: str) -> str:
    """A group's first file and how many there are, for messages; any other location as it is."""
    if not is_group(name) or "\n" not in name:
        return name
    files, _ = group_files(name)
    return _label(*files[0], len(files))


def list_groups(location: str) -> list[FileGroup]:
    """The visible files behind a folder, a file or a glob, in groups, sorted by path.

    Not among them, but counted: ``.git``, hidden folders and files, symbolic links, what is neither folder nor file,
    names that are not UTF-8 or have a line break, and files above `MAX_FILE_BYTES`. A checkout's root is the nearest
    folder that has a ``.git``; a local folder in a checkout belongs to it if git tracks something below it. Licence
    files that hold for what is listed and are not listed themselves change the first group's digest.

    Args:
        location: local or remote, without ``files:``; no group for a place where nothing is.
    """
    fs, path = url_to_fs(location)
    local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    wanted: re.Pattern[str] | None = None
    if _SIGNS.search(path) and not fs.exists(path):
        wanted = re.compile(glob_translate(path))
        path = path[: _SIGNS.search(path).start()].rpartition("/")[0] or "/"  # type: ignore[union-attr]
    if not fs.exists(path):
        return []
    skipped: Counter[str] = Counter()
    files = seen = list(_local(path, skipped) if local else _remote(fs, path, skipped))
    if wanted is not None:
        files = [file for file in files if _matches(f"{_bare(file.root)}/{file.path}", wanted)]
    root = _root_above(path if os.path.isdir(path) else os.path.dirname(path)) if local else path
    unlisted = [(file.location, f"{file.size} {file.stamp}") for file in (set(seen) - set(files) if wanted else ())]
    listed = (file.location for file in files) if unlisted else ()
    beside = licences_beside(unlisted, listed, folders_above(path, root))
    kept = sorted((file for file in files if file.size <= MAX_FILE_BYTES), key=lambda file: f"{file.root}//{file.path}")
    if len(files) > len(kept):
        skipped["too_large"] += len(files) - len(kept)
    parts = enumerate(_parts(kept))
    return [_group(part, *((Counter[str](), ()) if index else (skipped, beside))) for index, part in parts]


def _parts(files: Iterable[_Visible]) -> Iterator[list[_Visible]]:
    part: list[_Visible] = []
    size = 0
    for file in files:
        if part and (len(part) == GROUP_FILES or size + file.size > GROUP_BYTES):
            yield part
            part, size = [], 0
        part.append(file)
        size += file.size
    if part:
        yield part


def _group(files: Sequence[_Visible], skipped: Counter[str], beside: Sequence[Stamped] = ()) -> FileGroup:
    lines = ["skipped " + " ".join(f"{kind}={skipped[kind]}" for kind in sorted(skipped)) if skipped else ""]
    before = ""
    seen = hashlib.sha256()
    for file in files:
        lines.append(f"{'' if file.root == before else file.root}//{file.path}")
        before = file.root
        seen.update(f"{file.root}//{file.path}\n{file.size} {file.stamp}\n".encode())
    for location, stamp in beside:
        seen.update(f"{location}\n{stamp}\n".encode("utf-8", "replace"))
    size = sum(file.size for file in files)
    label = _label(files[0].root, files[0].path, len(files))
    return FileGroup(f"{PREFIX}{chr(10).join(lines)}\n", label, size, seen.hexdigest()[:16], len(files))


def _label(root: str, path: str, count: int) -> str:
    return f"{PREFIX}{root}//{path}{f' and {count - 1} more' if count > 1 else ''}"


def _local(top: str, skipped: Counter[str]) -> Iterator[_Visible]:
    """By `os.scandir`: 100,000 files take a second or two, a fifth of what fsspec takes."""
    if os.path.isfile(top):
        root, seen = _root_above(os.path.dirname(top)), os.stat(top)
        yield _Visible(root, os.path.relpath(top, root), seen.st_size, str(seen.st_mtime_ns))
        return
    stack = [(top, _root_above(top))]
    while stack:
        folder, root = stack.pop()
        try:
            with os.scandir(folder) as listing:
                entries = list(listing)
        except PermissionError:
            skipped["unreadable_folder"] += 1
            continue
        if any(entry.name == ".git" for entry in entries):
            root = folder
        for entry in entries:
            kind = _unwanted(entry)
            if kind is not None:
                skipped[kind] += 1
            elif entry.is_dir(follow_symlinks=False):
                stack.append((entry.path, root))
            else:
                seen = entry.stat(follow_symlinks=False)
                yield _Visible(root, entry.path[len(root) :].lstrip("/"), seen.st_size, str(seen.st_mtime_ns))


def _unwanted(entry: os.DirEntry[str]) -> str | None:
    if entry.name == ".git":
        return "git_folder"
    if entry.is_symlink():
        return "symlink"
    if entry.name.startswith("."):
        return "hidden_folder" if entry.is_dir() else "hidden_file"
    if not _writable(entry.name):
        return "unreadable_name"
    return None if entry.is_dir() or entry.is_file() else "special_file"


def _writable(name: str) -> bool:
    """Whether a name can stand in a group's."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\n" not in name


def _remote(fs: Any, top: str, skipped: Counter[str]) -> Iterator[_Visible]:
    """By one listing; object stores have no folders, so a checkout shows by the names below its ``.git``."""
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    found = fs.find(top, detail=True) if fs.isdir(top) else {top: fs.info(top)}
    start = top if fs.isdir(top) else top.rpartition("/")[0]
    start = start.rstrip("/")
    inside = {name[len(start) + 1 :]: info for name, info in found.items()}
    roots = {head.rstrip("/") for head, git, _ in (f"/{name}".partition("/.git/") for name in inside) if git} | {""}
    hidden = {"git_folder": set[str](), "hidden_folder": set[str]()}
    for path, info in inside.items():
        folders, _, name = path.rpartition("/")
        index = next((i for i, part in enumerate(folders.split("/")) if part.startswith(".")), None)
        if index is not None:
            parts = folders.split("/")
            kind = "git_folder" if parts[index] == ".git" else "hidden_folder"
            hidden[kind].add("/".join(parts[: index + 1]))
        elif name.startswith("."):
            skipped["git_folder" if name == ".git" else "hidden_file"] += 1
        elif info.get("islink"):
            skipped["symlink"] += 1
        elif not _writable(path):
            skipped["unreadable_name"] += 1
        elif info["type"] == "file" and name:
            root = next(up for up in _upwards(f"/{folders}" if folders else "") if up in roots)
            stamp = str(info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("LastModified") or "")
            yield _Visible(f"{protocol}://{start}{root}", f"/{path}"[len(root) + 1 :], int(info["size"] or 0), stamp)
    skipped.update({kind: len(folders) for kind, folders in hidden.items() if folders})


def _upwards(path: str) -> Iterator[str]:
    """A path, the folders that it is in, and the topmost."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""


def _root_above(folder: str) -> str:
    """The checkout that tracks files of a local folder, or the folder itself."""
    for parent in (Path(folder), *Path(folder).parents):
        if (parent / ".git").exists():
            inside = os.path.relpath(folder, parent)
            return str(parent) if inside == "." or _tracks(parent, inside) else folder
    return folder


def _tracks(checkout: Path, inside: str) -> bool:
    """Whether the index has a path below the folder; version 4 shortens paths, so that it is believed."""
    try:
        index = (checkout / ".git" / "index").read_bytes()
    except OSError:
        return False
    return index[4:8] == b"\0\0\0\4" or f"{inside}/".encode() in index


@lru_cache(maxsize=4096)
def _bare(root: str) -> str:
    """A root as its file system names it."""
    return url_to_fs(root)[1].rstrip("/")


def _matches(path: str, wanted: re.Pattern[str]) -> bool:
    """Whether a glob names a file, or a folder that it is in."""
    return any(wanted.match(up) for up in _upwards(path))
