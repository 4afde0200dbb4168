"""The files of folders and git checkouts -> documents, with the repository's name, the revision and each blob's id.

Example: ``for doc in read_group("files:/data/toolbox//src/sort.py", reject): ...`` gives a document whose ``path`` is
``src/sort.py``, whose ``repo_name`` is ``somebody/toolbox`` if its origin is there, and whose ``blob_id`` is git's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from datatrove.data import Document
from fsspec.core import url_to_fs

from curation.blocks.decoding import decode_source, git_blob_id
from curation.file_groups import group_files

FILE_COLUMNS: dict[str, pa.DataType] = {
    "blob_id": pa.string(),
    "repo_name": pa.string(),
    "path": pa.string(),
    "revision_id": pa.string(),
    "src_encoding": pa.string(),
    "length_bytes": pa.int64(),
    "checkout": pa.string(),
}
"""Columns of a file of a folder, beside id and text; ``path`` is below the folder at the location ``checkout``."""

_SECTION = re.compile(r"^\s*\[\s*([\w.-]+)(?:\s+\"((?:[^\"\\]|\\.)*)\")?\s*\]", re.MULTILINE)
_URL = re.compile(r"^\s*url\s*=\s*\"?([^\"\n#;]+)", re.MULTILINE | re.IGNORECASE)
_HOSTED = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?[^/:\s]+(?::\d+)?[/:]+(.+)", re.IGNORECASE)
_REVISION = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_REFERENCES = 5
_REMOTE_THREADS, _REMOTE_WINDOW = 16, 64


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a checkout says of itself: ``owner/name`` of its origin, or its folder's name, and the commit it is at."""

    repo_name: str
    revision_id: str | None


@lru_cache(maxsize=4096)
def read_checkout(location: str) -> Checkout:
    """The name and the revision of the folder at ``location``, which need not be a checkout."""
    git = _Git(location)
    name = repository_name(git.read("config", shared=True) or "")
    return Checkout(name or PurePosixPath(location.rstrip("/")).name, git.revision())


def repository_name(config: str) -> str | None:
    """``owner/name`` from the URL of the remote ``origin`` in a git configuration, else of the first remote.

    Only the path of the URL is taken, so that neither a host, a user, a token nor a local folder is ever kept.
    """
    urls: dict[str, str] = {}
    sections = list(_SECTION.finditer(config))
    for index, section in enumerate(sections):
        end = sections[index + 1].start() if index + 1 < len(sections) else len(config)
        url = _URL.search(config, section.end(), end)
        if section[1].lower() == "remote" and url:
            urls.setdefault(section[2] or "", url[1].strip())
    url_text = urls.get("origin") or next(iter(urls.values()), "")
    if url_text.startswith(("/", ".", "~", "file:")) or re.match(r"[A-Za-z]:[\\/]", url_text):
        return None
    hosted = _HOSTED.fullmatch(url_text)
    path = re.split(r"[?#]", hosted[1])[0].strip("/").removesuffix(".git") if hosted else ""
    return path or None


def read_group(
    file: str, reject: Callable[[Document, str], None] | None = None, skipped: Counter[str] | None = None
) -> Iterator[Document]:
    """The files of a group as documents, in order.

    Args:
        file: a location with ``files:``.
        reject: called with a document without text and a reason for what is no text: ``binary``,
            ``content_undecodable``, ``content_missing`` (gone since it was listed), ``content_unreadable``.
        skipped: counts what was seen and not read, such as symbolic links, by kind.
    """
    files, counts = group_files(file)
    if skipped is not None:
        skipped.update(counts)
    for (root, path), (body, reason) in zip(files, _bodies(files), strict=True):
        doc, found = _document(root, path, body)
        reason = reason or found
        if reason is None:
            yield doc
        elif reject is not None:
            reject(doc, reason)


def _document(root: str, path: str, body: bytes) -> tuple[Document, str | None]:
    checkout, found = read_checkout(root), decode_source(body)
    blob_id = git_blob_id(body)
    metadata = {
        "blob_id": blob_id,
        "repo_name": checkout.repo_name,
        "path": path,
        "revision_id": checkout.revision_id,
        "src_encoding": found.encoding or None,
        "length_bytes": len(body),
        "checkout": root,
    }
    return Document(text=found.text, id=f"{blob_id}:{path}", metadata=metadata), found.reason


def _bodies(files: list[tuple[str, str]]) -> Iterator[tuple[bytes, str | None]]:
    """The bytes of each file; from a store many at a time, because each takes as long as a request."""
    locations = [f"{root}/{path}" for root, path in files]
    if not any("://" in one for one in locations):
        yield from map(_read, locations)
        return
    with ThreadPoolExecutor(_REMOTE_THREADS) as pool:
        for start in range(0, len(locations), _REMOTE_WINDOW):
            yield from pool.map(_read, locations[start : start + _REMOTE_WINDOW])


def _read(location: str) -> tuple[bytes, str | None]:
    try:
        if "://" not in location:
            with open(location, "rb") as file:
                return file.read(), None
        fs, path = url_to_fs(location)
        body: bytes = fs.cat_file(path)
    except FileNotFoundError:
        return b"", "content_missing"
    except PermissionError:
        if "://" in location:  # a store's refusal is not about one file
            raise
        return b"", "content_unreadable"
    return body, None


class _Git:
    """The few files of ``.git`` that tell what is checked out, also of a worktree or a submodule."""

    def __init__(self, location: str) -> None:
        self.fs, root = url_to_fs(location)
        self.folder = f"{root.rstrip('/')}/.git"
        self.common = self.folder
        if self.fs.isfile(self.folder):
            pointed = self._text(self.folder) or ""
            self.folder = _joined(root, pointed.partition("gitdir:")[2].strip())
            self.common = self.folder
            common = self._text(f"{self.folder}/commondir")
            if common:
                self.common = _joined(self.folder, common.strip())

    def read(self, name: str, shared: bool = False) -> str | None:
        """A file of the folder; ``shared``: of that of the main checkout, where this is a worktree of it."""
        return self._text(f"{self.common if shared else self.folder}/{name}")

    def revision(self) -> str | None:
        """The commit of HEAD, also of a branch that is only in ``packed-refs``."""
        name = "HEAD"
        for _ in range(_MOST_REFERENCES):
            text = (self.read(name) or self.read(name, shared=True) or self._packed(name)).strip()
            if not text.startswith("ref:"):
                return text if _REVISION.fullmatch(text) else None
            name = text.removeprefix("ref:").strip()
        return None

    def _packed(self, name: str) -> str:
        for line in (self.read("packed-refs", shared=True) or "").splitlines():
            revision, _, reference = line.partition(" ")
            if reference == name:
                return revision
        return ""

    def _text(self, path: str) -> str | None:
        try:
            content: Any = self.fs.cat_file(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            return None
        return bytes(content).decode("utf-8", "replace")


def _joined(folder: str, path: str) -> str:
    """A path as seen from a folder, with its ``..`` undone."""
    if path.startswith("/"):
        return path
    parts = folder.rstrip("/").split("/")
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
