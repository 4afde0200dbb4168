"""The pages to measure with, decoded once and the same for all: ``read_pages("math")``, ``"gold"`` or ``"pages"``.

They lie under ``../shared/data``, beside the repository; where that is absent ``missing()`` says so.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curation.html.archive import read_archive

SHARED = Path(__file__).resolve().parents[4] / "shared"
SCORER = SHARED / "bench/score_extraction.py"
FOLDERS = {"math": SHARED / "data/math", "gold": SHARED / "data/web/gold", "pages": SHARED / "data/web/pages"}

_HTML_LANGUAGE = re.compile(r"<html\b[^<>]*?\slang\s*=\s*[\"']?\s*([a-zA-Z]{2,3})", re.IGNORECASE)
_GERMAN_DOMAINS = (".de", ".at")


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A page and its row of gold; ``key`` is the archive's record id, since two pages may share a ``url``."""

    key: str
    url: str
    html: str
    row: dict[str, Any]

    @property
    def is_german(self) -> bool:
        """By the row's ``lang``, else the ``lang`` of ``<html>``, else the domain."""
        declared = _HTML_LANGUAGE.search(self.html[:20_000])
        language = self.row.get("lang") or (declared[1] if declared else None)
        if language:
            return language.lower().startswith("de")
        return (urlsplit(self.url).hostname or "").endswith(_GERMAN_DOMAINS)


def missing() -> str | None:
    """Why nothing can be measured; None where it can."""
    absent = [str(path) for path in (*FOLDERS.values(), SCORER) if not path.exists()]
    return f"skipped: {', '.join(absent)} absent (the shared data lies beside the repository)" if absent else None


@cache
def _all_pages(name: str) -> tuple[SharedPage, ...]:
    folder = FOLDERS[name]
    rows = {_bare(row["record_id"]): row for row in _rows(folder)}
    found = []
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in read_archive(stream, path.name):
                if record.html is not None and record.id in rows:
                    row = rows[record.id]
                    found.append(SharedPage(record.id, record.url or "", record.html, row))
    if len(found) != len(rows):
        raise ValueError(f"{folder}: {len(rows)} rows of gold, {len(found)} of their pages could be read")
    return tuple(found)


def read_pages(name: str, every: int = 1) -> list[SharedPage]:
    """The pages of a set that have a row of gold (of ``pages``: of the index), or every so manieth of them."""
    return list(_all_pages(name)[::every])


def _rows(folder: Path) -> list[dict[str, Any]]:
    path = next(path for path in (folder / "gold.jsonl.gz", folder / "index.jsonl.gz") if path.is_file())
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _bare(record_id: str) -> str:
    return record_id.strip("<>").removeprefix("urn:uuid:")
