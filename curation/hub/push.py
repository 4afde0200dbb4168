"""Upload a dataset to the Hub, so that it can be killed at any moment and started again.

Example: ``push_dataset("out", "me/pages")`` sends ``out/publish/data`` to the dataset repository ``me/pages``.

Configuration by configuration, the card last: a dataset is announced only when its data is there. What lies there with
the same content is neither sent nor committed again: the same call goes on after a kill, and does nothing at all when
nothing has changed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from curation.errors import ConfigError
from curation.folder import Folder
from curation.hub.calls import find_token
from curation.hub.files import (
    CARD,
    DataFile,
    Part,
    RemoteFile,
    card_patterns,
    dataset_folder,
    list_dataset,
    plan_parts,
    read_card,
    same_content,
)
from curation.hub.repository import HubRepository, is_stored

__all__ = ["PushReport", "UploadProgress", "check_push", "push_dataset"]

FILES_PER_COMMIT = 100  # what the Hub's guide recommends as the most
GIGABYTES_PER_COMMIT = 50.0
_SMALL_BYTES_PER_COMMIT = 100e6  # files outside of the large storage travel inside the commit itself
_BYTES_AT_ONCE = 256e6  # sent together, in five threads; a larger file goes alone
_FILES_AT_ONCE = 50
_MOST_DELETED = 1000  # in a commit; the Hub gives up one that takes it more than a minute


class UploadProgress(Protocol):
    """What is told while a dataset is uploaded."""

    def begin(self, parts: Sequence[Part]) -> None:
        """What will be done."""

    def sent(self, file: DataFile) -> None:
        """A file is at the Hub."""

    def committed(self, part: str, files: int, deleted: int, url: str) -> None:
        """A commit is made."""

    def say(self, line: str) -> None:
        """Anything else, such as a wait."""


class _Silent:
    def begin(self, parts: Sequence[Part]) -> None: ...
    def sent(self, file: DataFile) -> None: ...
    def committed(self, part: str, files: int, deleted: int, url: str) -> None: ...
    def say(self, line: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class PushReport:
    """What an upload did, or with ``dry_run`` would do.

    Attributes:
        repo: the repository, with its owner.
        url: where it is to be seen.
        created: whether the repository was not there before.
        parts: what there was to do for each configuration, the card last.
        sent: number of files sent.
        skipped: number of files that were there already with the same content.
        size: bytes of the files sent.
        deleted: paths that the new dataset no longer has.
        left: files of the repository that are none of this dataset's, left as they are.
        commits: number of commits made.
        seconds: how long it took.
        dry_run: whether nothing was done.
    """

    repo: str
    url: str
    created: bool
    parts: tuple[Part, ...]
    sent: int
    skipped: int
    size: int
    deleted: tuple[str, ...]
    left: tuple[RemoteFile, ...]
    commits: int
    seconds: float
    dry_run: bool


def push_dataset(
    output: str,
    repo: str,
    *,
    private: bool = True,
    revision: str = "main",
    token: str | None = None,
    files_per_commit: int = FILES_PER_COMMIT,
    gigabytes_per_commit: float = GIGABYTES_PER_COMMIT,
    prune: bool = False,
    dry_run: bool = False,
    progress: UploadProgress | None = None,
) -> PushReport:
    """Upload a run's dataset to a dataset repository of the Hub.

    Args:
        output: a run's folder, its stage ``publish``, or any folder of a dataset; local or remote.
        repo: ``OWNER/NAME``, or ``NAME`` for the owner of the login.
        private: whether a new repository is private; that of one that is there stays as it is.
        revision: a branch; made from ``main`` if it is not there.
        token: by default that of ``HF_TOKEN`` or of ``hf auth login``.
        files_per_commit: a configuration with more is sent in several commits.
        gigabytes_per_commit: likewise.
        prune: also delete the data of configurations that the card there names and the new one does not.
        dry_run: only look.
        progress: is told what happens.

    Raises:
        ConfigError: if the folder holds no finished dataset, or the login, the repository's name, its kind or the room
            in it are to be mended.
        ContentError: if the front matter of a card is no YAML.
        CurationError: if the Hub stays out of reach; the same call goes on from there.
        ValueError: if a commit may hold nothing.
    """
    if files_per_commit < 1 or gigabytes_per_commit <= 0:
        raise ValueError(f"a commit holds something: {files_per_commit=}, {gigabytes_per_commit=}")
    folder = dataset_folder(output)
    files, patterns = list_dataset(folder), card_patterns(read_card(folder), folder.location)
    if prune and all(one.name != CARD for one in files):
        raise ConfigError(f"{folder.location}: without a {CARD} nothing says which configurations are no more")
    progress = progress or _Silent()
    repository = HubRepository(repo, find_token(token), revision, progress.say)
    began = time.monotonic()
    with repository.call.listening():
        created = repository.open(private=private, dry_run=dry_run)
        alike = sum(one.name in repository.files and repository.files[one.name].size == one.size for one in files)
        if alike:
            progress.say(f"comparing {alike:,} of {len(files):,} files with those that are there")
        dropped = card_patterns(repository.read_card(), repository.url) if prune else ()
        parts, left = plan_parts(files, repository.files, lambda *pair: same_content(folder, *pair), patterns, dropped)
        if not dry_run:
            progress.begin(parts)
            sender = _Sender(folder, repository, progress, files_per_commit, gigabytes_per_commit * 1e9)
            _send(sender, parts, files)
    return PushReport(
        repo=repository.name,
        url=repository.url,
        created=created,
        parts=tuple(parts),
        sent=sum(len(part.send) for part in parts),
        skipped=sum(len(part.same) for part in parts),
        size=sum(part.size for part in parts),
        deleted=tuple(one.name for part in parts for one in part.delete),
        left=tuple(left),
        commits=repository.commits,
        seconds=time.monotonic() - began,
        dry_run=dry_run,
    )


def check_push(repo: str, *, revision: str = "main", token: str | None = None) -> None:
    """Look whether there is a login that may write, and a dataset repository of this name, or none that it may make.

    For before hours of work.

    Raises:
        ConfigError: as of `push_dataset`.
        CurationError: likewise.
    """
    repository = HubRepository(repo, find_token(token), revision, _Silent().say)
    with repository.call.listening():
        new = repository.open(private=False, dry_run=True)
        repository.check_login(makes=new)


def _send(sender: _Sender, parts: Sequence[Part], files: Sequence[DataFile]) -> None:
    """Send the data, see that it is there, and only then the card."""
    for part in parts:
        if part.name != CARD:
            sender.send(part)
    if sender.repository.commits:
        sender.repository.check([one for one in files if one.name != CARD])
    for part in parts:
        if part.name == CARD:
            sender.send(part)


@dataclass(frozen=True)
class _Sender:
    """Sends configurations, each in as few commits as the limits allow."""

    folder: Folder
    repository: HubRepository
    progress: UploadProgress
    most_files: int
    most_bytes: float

    def send(self, part: Part) -> None:
        """Send one configuration; its deletions go with its last commit: rows may be there twice, but never miss."""
        with tempfile.TemporaryDirectory(prefix="curation-push-") as fetched:
            ready: list[Any] = []
            for group in groups(part.send, self.most_files, self.most_bytes):
                if ready and self._is_full(ready, group):
                    self._commit(part.name, ready, ())
                    ready = []
                ready += self._store(group, fetched)
            if ready or part.delete:
                self._commit(part.name, ready, part.delete[:_MOST_DELETED])
            for start in range(_MOST_DELETED, len(part.delete), _MOST_DELETED):
                self._commit(part.name, (), part.delete[start : start + _MOST_DELETED])

    def _is_full(self, ready: Sequence[Any], group: Sequence[DataFile]) -> bool:
        small = sum(one.upload_info.size for one in ready if not is_stored(one))
        size = sum(one.upload_info.size for one in ready) + sum(one.size for one in group)
        too_many = len(ready) + len(group) > self.most_files
        return too_many or size > self.most_bytes or small > _SMALL_BYTES_PER_COMMIT

    def _store(self, group: Sequence[DataFile], fetched: str) -> list[Any]:
        local = {file.name: self._local(file, fetched) for file in group}
        adding = self.repository.store(local)
        for file, one in zip(group, adding, strict=True):
            if is_stored(one):
                self.progress.sent(file)
                if not self.folder.is_local:
                    Path(local[file.name]).unlink()
        return adding

    def _local(self, file: DataFile, fetched: str) -> str:
        """Where the file lies on the disk; a remote one is fetched, and stays only until it is sent."""
        if self.folder.is_local:
            return str(self.folder.path(file.name))
        path = Path(fetched, file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.folder.fs.get_file(self.folder.path(file.name), str(path))
        return str(path)

    def _commit(self, part: str, adding: Sequence[Any], delete: Sequence[RemoteFile]) -> None:
        url = self.repository.commit(_message(part, len(adding), len(delete)), adding, delete)
        for one in adding:
            if not is_stored(one):
                self.progress.sent(DataFile(one.path_in_repo, one.upload_info.size))
        self.progress.committed(part, len(adding), len(delete), url)


def groups(files: Sequence[DataFile], most_files: int, most_bytes: float) -> Iterator[list[DataFile]]:
    """What is sent at once: few enough files, and few enough bytes unless one file alone has more."""
    group: list[DataFile] = []
    for file in files:
        full = len(group) >= min(most_files, _FILES_AT_ONCE)
        if group and (full or sum(one.size for one in group) + file.size > min(most_bytes, _BYTES_AT_ONCE)):
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _message(part: str, files: int, deleted: int) -> str:
    parts = [f"{files} {'file' if files == 1 else 'files'}"] if files else []
    parts += [f"{deleted} deleted"] if deleted else []
    if part == CARD:
        return ", ".join(["Card", *parts[bool(files) :]])
    return f"{part or 'Further files'}: {', '.join(parts)}"
