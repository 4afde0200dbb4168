"""Keeping the pages whose URL FineWeb takes.

Example: ``KeepUrl()`` with the lists that come with datatrove, ``KeepUrl(lists="my_lists")`` with one's own.

The rules and their reasons stand in `curation.text.urls`.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.resources
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

import numpy as np
import pyarrow as pa
import xxhash
from datatrove.data import Document

from curation.blocks.step import Documents, Select
from curation.config import nearest
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, open_input
from curation.text.urls import LIST_NAMES, ListedUrls, UrlLists, UrlRules, read_url_lists

_ARCHIVE = "url_filterblacklistsv0_3_0.tar.gz"
_IN_ARCHIVE = ("domains", "urls")


@dataclass(kw_only=True, repr=False)
class KeepUrl(Select):
    """Drop pages by their URL, as FineWeb's first filter does; the removed file has what was found in a list.

    Reasons are ``domain``, ``subdomain``, ``url``, ``hard_blacklisted``, ``soft_blacklisted``,
    ``blacklisted_subword``; and ``no_url`` for a document without one, where datatrove ends with an error.

    Args:
        lists: a folder with the files ``domains``, ``urls``, ``banned_words.txt``, ``banned_subwords.txt`` and
            ``soft_banned_words.txt``, one entry a line, an empty file for none; ``""`` for those that come with
            datatrove (4.6 million domains).
        soft_word_threshold: so many different soft words in a URL drop it.
        blocked_domains: further domains and hosts; an entry with a slash is a file of them, one a line.
        allowed_domains: likewise, domains and hosts whose pages stay whatever else is found in their URLs.
        listed_urls: ``exact`` or ``without_scheme``, see `curation.text.urls.UrlRules`.
    """

    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"matched": pa.string()}

    lists: str = ""
    soft_word_threshold: int = 2
    blocked_domains: tuple[str, ...] = ()
    allowed_domains: tuple[str, ...] = ()
    listed_urls: ListedUrls = "exact"

    def __post_init__(self) -> None:
        self.lists = absolute_location(self.lists) if self.lists else ""
        self.blocked_domains = tuple(map(_absolute, self.blocked_domains))
        self.allowed_domains = tuple(map(_absolute, self.allowed_domains))
        self._rules: UrlRules | None = None
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Of datatrove's lists their content, too: they change with its version."""
        return super().identity() | ({} if self.lists else {"datatrove_lists": _digest_of_datatrove()})

    def inputs(self) -> list[str]:
        """One's own lists."""
        return [*([self.lists] if self.lists else []), *filter(_is_file, self.blocked_domains + self.allowed_domains)]

    def check(self) -> None:
        """All lists must be there."""
        if self.lists:
            have = Folder(resolve_location(self.lists)).list_files()
            if missing := [name for name in LIST_NAMES if name not in have]:
                raise ConfigError(
                    f"lists: {self.lists} has no {', '.join(missing)}; an empty file stands for no entries"
                )
        else:
            _assets()
        try:
            UrlRules(_NO_LISTS, **self._settings())
        except ValueError as error:
            raise ConfigError(f"KeepUrl: {error}") from error

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """As they are; there must be a URL."""
        if columns and "url" not in columns:
            raise ConfigError(f"KeepUrl: the documents have no column 'url' ({nearest('url', sorted(columns))})")
        return super().schema(columns)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents that stay."""
        self._rules = self._read_rules()
        yield from super().run(data, rank, world_size)
        self._rules = None

    def reason(self, doc: Document) -> str | None:
        """By the first rule that finds something."""
        url = doc.metadata.get("url")
        if not isinstance(url, str) or not url:
            return "no_url"
        verdict = (self._rules or self._read_rules()).judge(url)
        if verdict.reason is not None:
            doc.metadata["matched"] = verdict.matched
        return verdict.reason

    def _read_rules(self) -> UrlRules:
        """The same ones for every shard, unless a list has changed."""
        stamp = Folder(resolve_location(self.lists)).stamp() if self.lists else _digest_of_datatrove()
        return _rules(self.lists, stamp, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "soft_word_threshold": self.soft_word_threshold,
            "blocked_domains": tuple(_entries(self.blocked_domains)),
            "allowed_domains": tuple(_entries(self.allowed_domains)),
            "listed_urls": self.listed_urls,
        }


_NO_LISTS = UrlLists(*(np.empty(0, np.uint64),) * 2, *(frozenset[str](),) * 3)


@functools.lru_cache(maxsize=2)
def _rules(location: str, stamp: str, **settings: Any) -> UrlRules:
    """Rules, made once for each state (``stamp``) of their lists."""
    return UrlRules(_lists(location), **settings)


def _lists(location: str) -> UrlLists:
    """What a folder holds, or datatrove: its lists take 0.6 s."""
    if location:
        folder = Folder(resolve_location(location))
        return read_url_lists(folder.open)
    assets = _assets()
    with tarfile.open(assets / _ARCHIVE) as archive:
        return read_url_lists(lambda name: _member(archive, name) if name in _IN_ARCHIVE else open(assets / name, "rb"))


def _member(archive: tarfile.TarFile, name: str) -> BinaryIO:
    found = archive.extractfile(name)
    if found is None:
        raise ConfigError(f"{_ARCHIVE}: {name} is no file")
    return cast(BinaryIO, found)


def _assets() -> Path:
    """Where datatrove has its lists.

    Raises:
        ConfigError: if this version of it has others.
    """
    folder = Path(str(importlib.resources.files("datatrove") / "assets"))
    wanted = (_ARCHIVE, *(name for name in LIST_NAMES if name not in _IN_ARCHIVE))
    if missing := [name for name in wanted if not (folder / name).is_file()]:
        version = importlib.metadata.version("datatrove")
        raise ConfigError(
            f"datatrove {version} comes without {', '.join(missing)}: name a folder of lists (lists=FOLDER)"
        )
    return folder


@functools.cache
def _digest_of_datatrove() -> str:
    """The content of datatrove's lists, 18 MB, in a few milliseconds."""
    digest, assets = xxhash.xxh3_128(), _assets()
    for name in (_ARCHIVE, *(name for name in LIST_NAMES if name not in _IN_ARCHIVE)):
        digest.update((assets / name).read_bytes())
    return digest.hexdigest()


def _is_file(entry: str) -> bool:
    return "/" in entry


def _absolute(entry: str) -> str:
    return absolute_location(entry) if _is_file(entry) else entry


def _entries(given: tuple[str, ...]) -> Iterator[str]:
    """Domains, those of files in their place."""
    for entry in given:
        if not _is_file(entry):
            yield entry.strip().lower()
            continue
        for file in list_inputs(resolve_location(entry), ("",)):
            with open_input(file.path) as stream:
                yield from _domains(stream, file.path)


def _domains(stream: BinaryIO, path: str) -> Iterator[str]:
    try:
        lines = stream.read().decode().splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected a text file with one domain per line: {error}") from error
    yield from (line.strip().lower() for line in lines if line.strip() and not line.startswith("#"))
