"""Licence files that hold for listed files and are not listed themselves, so that a change of theirs is noticed.

Example: of ``files:repo/src`` the LICENSE of ``repo`` holds, and of ``files:repo/**/*.py`` each one on the way.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

# More than `curation.text.licence_texts` reads, which stands on a floor above: one too many is looked at, and no more.
_MAY_NAME_LICENCES = re.compile(
    r"licen[cs]e|copying|copyright|notice|eula|gpl|mpl|epl|^(?:package|composer)\.json$|^(?:Cargo|pyproject)\.toml$",
    re.IGNORECASE,
)

Stamped = tuple[str, str]
"""A file's location, and what changes when it does."""


def licences_beside(unlisted: Iterable[Stamped], listed: Iterable[str], above: Iterator[Path]) -> list[Stamped]:
    """The licence files among ``unlisted`` in a folder around a listed file, and those directly in ``above``.

    Args:
        unlisted: files that were seen and are not wanted.
        listed: locations of those that are.
        above: local folders between the folder that was listed and its checkout's.
    """
    folders: set[str] = set()
    for location in listed:
        folder = location.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    found = [one for one in unlisted if _holds(one[0]) and one[0].rpartition("/")[0] in folders]
    return sorted(found + [one for folder in above for one in _directly_in(folder)])


def folders_above(top: str, root: str) -> Iterator[Path]:
    """The folders that a local file or folder lies in, up to its checkout; none where it is that itself."""
    for folder in Path(top).parents if Path(root) in Path(top).parents else ():
        yield folder
        if folder == Path(root):
            return


def _holds(location: str) -> bool:
    return _MAY_NAME_LICENCES.search(location.rpartition("/")[2]) is not None


def _directly_in(folder: Path) -> Iterator[Stamped]:
    with contextlib.suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if _holds(entry.path) and entry.is_file():
                yield entry.path, f"{entry.stat().st_size} {entry.stat().st_mtime_ns}"
