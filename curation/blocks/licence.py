"""Under which licences a file stands, and whether these are wanted.

Example: ``ReadLicence()`` then ``KeepLicence(keep=("permissive", "no_license"))``, as in The Stack v2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document
from fsspec.core import url_to_fs

from curation.blocks.step import Documents, Select, Step
from curation.config import nearest
from curation.errors import ConfigError
from curation.text.licence_texts import (
    MANIFESTS,
    combined,
    is_licence_file,
    known_alone,
    licences_of_file,
    manifest_licences,
    spdx_lines,
)
from curation.text.licences import GROUPS, licence_excluded, licence_list, licence_matches, licence_names, license_type

_NAMED = ("detected_licenses", "license", "licence", "licenses")
_MOST_BYTES = 1_000_000  # of a licence file; all licences of a large program are some hundred kB
_REUSE = "LICENSES"


@dataclass(kw_only=True, repr=False)
class ReadLicence(Step):
    """Add ``detected_licenses``, ``license_type`` and ``licence_source``.

    What a table says of its rows holds (``column``: of ``detected_licenses``, ``license``, ``licences`` the first that
    says something), spelled as SPDX does; a ``license_type`` that is one of the groups stays. Else the lines
    ``SPDX-License-Identifier:`` at the beginning of the file hold (``spdx_line``), and in a checkout the licence files
    and the packages' descriptions of the nearest folder that has any (``file``), up to the checkout's own folder.
    Folders are remembered, so that each is listed once for a shard.
    """

    type: ClassVar[str] = "score"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"license_type": pa.string(), "licence_source": pa.string()}

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """``detected_licenses`` is a list, of the type that it has if it is one."""
        kind = columns.get("detected_licenses", pa.null())
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        return columns | self.adds | {"detected_licenses": kind if is_list else pa.list_(pa.string())}

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give every document its licences."""
        folders = _Folders()
        for doc in data or ():
            row = doc.metadata
            named, source = self._licences(doc, folders)
            kept = row.get("license_type") if source == "column" else None
            group = kept if kept in GROUPS else license_type(named, row.get("gha_license_id"))
            row |= {"detected_licenses": named, "license_type": group, "licence_source": source}
            self.count(f"licence_{group}")
            self.count(f"licence_from_{source or 'nowhere'}")
            yield doc

    def _licences(self, doc: Document, folders: _Folders) -> tuple[list[str], str | None]:
        row = doc.metadata
        for column in _NAMED:
            named = licence_list(row.get(column))
            if named:
                return named, "column"
        if row.get("license_type") in GROUPS:
            return [], "column"
        named = spdx_lines(doc.text)
        if named:
            return known_alone(named), "spdx_line"
        if row.get("checkout") and row.get("path"):
            named = folders.licences(row["checkout"], row["path"].rpartition("/")[0])
        return named, "file" if named else None


@dataclass(kw_only=True, repr=False)
class KeepLicence(Select):
    """Drop files of other licences: ``licence_not_wanted``; ``licence`` says which.

    Args:
        keep: groups (``permissive``, ``no_license``, ``non_permissive``) and SPDX identifiers, in any case. A file
            stays if its group is named, or if it may be used under the identifiers alone: of ``MIT OR GPL-2.0-only``
            one must be named, of several licences all. Empty: all.
        exclude: likewise; a file goes if its group is named, or if it cannot be used without one of the identifiers.
    """

    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"licence": pa.string()}

    keep: tuple[str, ...] = ("permissive", "no_license")
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.keep, self.exclude = tuple(self.keep), tuple(self.exclude)
        licence_names(self.keep)
        licence_names(self.exclude)
        super().__post_init__()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """What is taken is given; the licences must be among it."""
        if "license_type" not in columns and "detected_licenses" not in columns:
            raise ConfigError(
                f"licences: the documents have no column 'license_type' ({nearest('license_type', sorted(columns))})"
            )
        return columns

    def reason(self, doc: Document) -> str | None:
        """By the columns that `ReadLicence` adds."""
        row = doc.metadata
        detected = row.get("detected_licenses")
        group = row.get("license_type") or license_type(detected)
        wanted = not self.keep or licence_matches(detected, group, self.keep)
        if wanted and not licence_excluded(detected, group, self.exclude):
            return None
        row["licence"] = " AND ".join(licence_list(detected)) or group
        return "licence_not_wanted"


class _Folders:
    """The licences that hold in folders of checkouts; each folder is listed once."""

    def __init__(self) -> None:
        self.licences = lru_cache(maxsize=100_000)(self._licences)

    def _licences(self, checkout: str, folder: str) -> list[str]:
        found = _of_folder(f"{checkout}/{folder}" if folder else checkout)
        if found or not folder:
            return found
        above: list[str] = self.licences(checkout, folder.rpartition("/")[0])
        return above


def _of_folder(location: str) -> list[str]:
    """The licences of the files directly in a folder, and of its ``LICENSES``, which is REUSE's place for them."""
    fs, path = url_to_fs(location)
    names = _names(fs, path)
    texts = [(name, f"{path}/{name}") for name in sorted(names) if is_licence_file(name) and name != _REUSE]
    if _REUSE in names:
        texts += [(name, f"{path}/{_REUSE}/{name}") for name in sorted(_names(fs, f"{path}/{_REUSE}"))]
    files = [licences_of_file(name, text) for name, where in texts if (text := _text(fs, where))]
    manifests = [manifest_licences(name, _text(fs, f"{path}/{name}") or "") for name in MANIFESTS if name in names]
    return known_alone(combined(files, [one for one in manifests if one]))


def _names(fs: Any, path: str) -> set[str]:
    try:
        return {one.rstrip("/").rsplit("/", 1)[-1] for one in fs.ls(path, detail=False)}
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return set()


def _text(fs: Any, path: str) -> str | None:
    """The text of a small file; None for a folder of that name, or what is gone."""
    try:
        if fs.size(path) > _MOST_BYTES:
            return None
        content: bytes = fs.cat_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, TypeError):
        return None
    return content.decode("utf-8", "replace")
