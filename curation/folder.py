"""A folder on any file system, with the few operations that a resumable run needs.

Example: ``Folder("s3://bucket/run").write_json("select/stage.json", {...})``; the same with a local path.

Files appear under their final name only when complete: locally by an atomic rename inside the folder, remotely by one
upload of a finished local file, because object stores show an object only once its upload has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gzip
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs

from curation.errors import ConfigError
from curation.file_groups import PREFIX, is_group, list_groups, short_name
from curation.path_lists import is_path_list, listed_paths


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a listing: its location, size in bytes, and etag (or modification time where there is none).

    Of a folder of files (``files:``) it is a group of them, see `curation.file_groups`; ``label`` is its short name,
    ``count`` how many there are.
    """

    path: str
    size: int
    etag: str
    label: str = ""
    count: int = 1


_READ_AT_ONCE = 64  # small files that are far away
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})


class Folder:
    """A local or remote folder; all paths are relative to it.

    What only looks (`exists`, `list_files`, `read_json`) raises ConfigError where a remote folder cannot be reached, or
    refuses the keys that it is given by the environment.

    Raises:
        ConfigError: if the protocol of ``location`` is unknown or its package is missing.
    """

    def __init__(self, location: str) -> None:
        try:
            self.fs, self.root = url_to_fs(location)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"{location}: {error}") from error
        self.location = location.rstrip("/")
        self.is_local = "file" in protocols(self.fs)
        self._has_folders = _OBJECT_STORES.isdisjoint(protocols(self.fs))

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.location}/{name}")

    def path(self, name: str) -> str:
        """The path of ``name`` as the file system wants it, without protocol."""
        return f"{self.root.rstrip('/')}/{name}" if name else self.root

    def exists(self, name: str = "") -> bool:
        """Whether a file or folder is there."""
        self.fs.invalidate_cache()
        with self._looking():
            return bool(self.fs.exists(self.path(name)))

    def list_files(self, name: str = "", suffix: str = "") -> list[str]:
        """Paths (relative to this folder) of the visible files directly in ``name``, sorted."""
        return list(self.list_sizes(name, suffix))

    def list_sizes(self, name: str = "", suffix: str = "") -> dict[str, int]:
        """As `list_files`, with the bytes of each."""
        self.fs.invalidate_cache()
        try:
            with self._looking():
                found = self.fs.ls(self.path(name), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        named = sorted((info["name"].rstrip("/").rsplit("/", 1)[-1], int(info["size"] or 0)) for info in found)
        visible = ((one, size) for one, size in named if one.endswith(suffix) and not one.startswith("."))
        return {f"{name}/{one}".lstrip("/"): size for one, size in visible}

    def read_json(self, name: str) -> dict[str, Any] | None:
        """The mapping in a JSON file, None where there is no such file."""
        try:
            with self._looking():
                content = self.fs.cat_file(self.path(name), start=0)  # with a range, s3fs does not ask for the size
        except (FileNotFoundError, NotADirectoryError):
            return None
        values: dict[str, Any] = json.loads(content)
        return values

    def read_jsons(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """The mappings in JSON files that are there, in the order of ``names``; of a remote folder many at a time."""
        paths, found = [self.path(name) for name in names], dict[str, bytes]()
        for start in range(0, len(paths), _READ_AT_ONCE):
            found |= self.fs.cat(paths[start : start + _READ_AT_ONCE], start=0)
        return [json.loads(found[path]) for path in paths]

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a JSON file at once."""
        self.write_bytes(name, (json.dumps(values, indent=1, ensure_ascii=False, default=str) + "\n").encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a whole file at once."""
        with self.create(name) as local:
            Path(local).write_bytes(content)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[str]:
        """A local path to write to; on leaving without an error it becomes the file ``name``, else it is gone."""
        final = self.path(name)
        parent = final.rsplit("/", 1)[0]
        if self._has_folders:  # of an object store this would make the bucket, also one with a slip in its name
            self.fs.makedirs(parent, exist_ok=True)
        hidden = f".{final.rsplit('/', 1)[-1]}.part-{os.getpid()}"
        local = Path(parent, hidden) if self.is_local else Path(tempfile.mkdtemp(prefix="curation-"), hidden)
        try:
            yield str(local)
            if self.is_local:
                local.replace(final)
            else:
                self.fs.put_file(str(local), final)
        finally:
            local.unlink(missing_ok=True)
            if not self.is_local:
                local.parent.rmdir()

    def open(self, name: str, mode: str = "rb") -> Any:
        """Open a file of this folder for reading."""
        return self.fs.open(self.path(name), mode)

    def remove_file(self, name: str) -> None:
        """Remove one file, if it is there: a single request, where `remove` must first look what ``name`` is."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self.path(name))

    def remove(self, name: str = "") -> None:
        """Remove a file or a whole folder, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm(self.path(name), recursive=True)
        self.fs.invalidate_cache()

    def remove_parts(self, name: str, of: str = "") -> None:
        """Remove what killed writers left in the folder ``name``; only of files with ``of`` in their names."""
        if self.is_local and Path(self.path(name)).is_dir():
            for left in Path(self.path(name)).rglob(f".*{of}*.part-*" if of else ".*.part-*"):
                left.unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        """Move a folder; on object stores this copies and deletes."""
        self.fs.mv(self.path(old), self.path(new), recursive=True)
        self.fs.invalidate_cache()

    def walk(self, name: str) -> list[str]:
        """Paths (relative to this folder) of all files below ``name``, sorted."""
        self.fs.invalidate_cache()
        root = f"{self.path('').rstrip('/')}/"
        return sorted(path.removeprefix(root) for path in self.fs.find(self.path(name)))

    def copy(self, old: str, new: str) -> None:
        """Copy one file."""
        self.fs.cp_file(self.path(old), self.path(new))

    def stamp(self, name: str = "") -> str:
        """Changes when a file directly in the folder does: what keys a cache of its content."""
        self.fs.invalidate_cache()
        try:
            found = self.fs.ls(self.path(name), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return str(sorted((info["name"], info["size"], _etag(info)) for info in found))

    def size(self, name: str) -> int:
        """Bytes of a file or of all files under a folder, 0 where there is nothing."""
        try:
            return int(self.fs.du(self.path(name), total=True))
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def create_folder(self, name: str) -> Iterator[Path]:
        """A new local folder to fill; on leaving without an error it becomes the folder ``name``."""
        temporary = Path(tempfile.mkdtemp(prefix="curation-"))
        try:
            yield temporary
            self.remove(name)
            for file in sorted(path for path in temporary.rglob("*") if path.is_file()):
                with self.create(f"{name}/{file.relative_to(temporary)}".lstrip("/")) as local:
                    shutil.copyfile(file, local)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def check_writable(self) -> None:
        """Raise ConfigError if nothing can be written here; leaves nothing behind."""
        try:
            self.write_bytes(".writable", b"")
            self.remove_file(".writable")
        except Exception as error:
            raise ConfigError(f"output folder {self.location} cannot be written: {error}") from error

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except Exception as error:
            if self.is_local:
                raise
            raise ConfigError(f"{self.location}: {refusal(error)}") from error


def list_inputs(location: str, *kinds: tuple[str, ...]) -> list[InputFile]:
    """The files behind a path, a glob, or a folder (searched through), sorted by path.

    Args:
        location: local or remote.
        kinds: endings of file names that count in a folder; of a folder that holds several kinds, such as archives and
            an index of them, the first kind is taken.

    A folder that one of our stages wrote stands for its ``data/``, and a run's folder for that of its last stage.
    ``files:`` before a location means every visible file below it, each of which is a document. A list of paths
    (``warc.paths.gz``) stands for the files that it names; their sizes are not asked for, and count as unknown.

    Raises:
        ConfigError: if nothing is there, or a folder holds no file of these kinds.
    """
    try:
        if is_group(location):
            return _list_groups(location)
        if is_path_list(location):
            return [InputFile(one, 0, "as listed") for one in sorted(listed_paths(location))]
        fs, path = url_to_fs(location)
        infos = _find(fs, path, kinds)
    except ConfigError:
        raise
    except Exception as error:  # of a store also what its own package calls an error
        raise ConfigError(f"{location}: cannot be listed: {refusal(error)}") from error
    if not infos:
        raise ConfigError(f"{location}: no input found{_wanted(kinds)}")
    protocol = "" if "file" in protocols(fs) else f"{protocols(fs)[0]}://"
    files = [InputFile(f"{protocol}{info['name']}", int(info["size"] or 0), _etag(info)) for info in infos]
    return sorted(files, key=lambda file: file.path)


def _list_groups(location: str) -> list[InputFile]:
    groups = list_groups(location.removeprefix(PREFIX))
    if not groups:
        raise ConfigError(f"{location}: no visible file found (hidden and linked ones are not read)")
    return [InputFile(one.name, one.size, one.digest, one.label, one.count) for one in groups]


def open_input(path: str) -> Any:
    """A binary stream of an input file (not decompressed).

    Raises:
        ConfigError: for a folder of files, which is no table.
    """
    if is_group(path):
        raise ConfigError(f"{short_name(path)}: files of a folder are documents, not a table of rows")
    fs, name = url_to_fs(path)
    return fs.open(name, "rb")


def read_lines(path: str, newline: str | None = None) -> Iterator[str]:
    """The lines of a text file, compressed with gzip (.gz) or Zstandard (.zst) or not; ``newline`` as of `open`."""
    with open_input(path) as raw:
        stream: Any = raw
        if path.endswith(".gz"):
            stream = gzip.GzipFile(fileobj=raw)
        elif path.endswith(".zst"):
            stream = pa.CompressedInputStream(raw, "zstd")
        with io.TextIOWrapper(stream, encoding="utf-8", newline=newline) as lines:
            yield from lines


@functools.lru_cache(maxsize=8)
def local_copy(location: str) -> Path:
    """A local folder with the files of ``location``: itself if it is local, else fetched once per process."""
    folder = Folder(location)
    if folder.is_local:
        return Path(folder.root)
    temporary = tempfile.mkdtemp(prefix="curation-copy-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    if folder.exists():
        folder.fs.get(folder.root, f"{temporary}/copy", recursive=True)
    return Path(temporary, "copy")


def _find(fs: Any, path: str, kinds: tuple[tuple[str, ...], ...]) -> list[dict[str, Any]]:
    if any(sign in path for sign in "*?[") and not fs.exists(path):
        files = [info for info in fs.glob(path, detail=True).values() if info["type"] == "file"]
        return [info for info in files if not info["name"].rsplit("/", 1)[-1].startswith(".")]
    if not fs.exists(path):
        return []
    if not fs.isdir(path):
        return [fs.info(path)]
    if fs.exists(f"{path}/run.json"):
        path = f"{path}/{json.loads(fs.cat_file(f'{path}/run.json'))['result']}"
    if fs.exists(f"{path}/shards.json"):
        if not fs.exists(f"{path}/stage.json"):
            raise ConfigError(f"{path}: this stage is unfinished; finish it first")
        path = f"{path}/data"
        _check_one_dataset(fs, path)
    found = fs.find(path, detail=True)
    inside = {name[len(path) :]: info for name, info in found.items()}
    visible = [info for name, info in inside.items() if not any(part.startswith(".") for part in name.split("/"))]
    found_kinds = ([info for info in visible if info["name"].endswith(kind)] for kind in kinds)
    return next(filter(None, found_kinds), [])


def _wanted(kinds: tuple[tuple[str, ...], ...]) -> str:
    endings = [ending for kind in kinds for ending in kind if ending]
    hint = "; a folder of source files is files:PATH" if ".warc.gz" in endings else ""
    return f" (looked for {', '.join(endings)}{hint})" if endings else ""


def _check_one_dataset(fs: Any, path: str) -> None:
    """The published configurations overlap: together they would give documents twice."""
    names = sorted({name[len(path) :].split("/")[1] for name in fs.find(path) if name[len(path) :].count("/") > 1})
    if len(names) > 1:
        raise ConfigError(f"{path}: several datasets lie here ({', '.join(names)}); name one of these folders")


def refusal(error: Exception) -> str:
    """What a store says, and where its keys come from."""
    if isinstance(error, PermissionError):
        return f"access denied: {error}; key and secret are those of the environment (S3: AWS_ACCESS_KEY_ID, …)"
    return f"{type(error).__name__}: {error}"


def protocols(fs: Any) -> tuple[str, ...]:
    """The names that a file system goes by, such as ``s3`` and ``s3a``."""
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _etag(info: dict[str, Any]) -> str:
    for key in ("ETag", "etag", "sha256", "blob_id", "mtime", "LastModified", "last_modified"):
        if info.get(key):
            return str(info[key]).strip('"')
    return ""
