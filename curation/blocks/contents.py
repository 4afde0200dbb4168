"""Rows of ids, files of repositories, or texts that are there -> documents with their text and the columns of code.

Example: ``ReadContents(contents="s3://softwareheritage/content/{blob_id}")`` on a table of The Stack v2 fetches each
file's content, and leaves a table with contents, or a git checkout (``files:``), as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.code_columns import BODY, CODE_COLUMNS, complete, files_of, with_files
from curation.blocks.decoding import decode_source, git_blob_id, gunzip, is_named_by
from curation.blocks.fetching import Fetcher, template_columns, timed
from curation.blocks.step import Documents, Step, tuning
from curation.config import nearest
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.recipe import OUTPUT

_NUMBERED = re.compile(r".*\.(?:parquet|jsonl|ndjson|json|csv|tsv|gz|zst|arrow)[:/]\d+(?:#\d+)?")
_HEX = re.compile(r"[0-9a-f]{40}")
_EMPTY = ("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "da39a3ee5e6b4b0d3255bfef95601890afd80709")


@dataclass(kw_only=True, repr=False)
class ReadContents(Step):
    """Give every file its text, the columns of `CODE_COLUMNS`, and an id of blob and path where it was but a number.

    A row of a repository, with a list ``files``, becomes a document for each file, which inherits the row's other
    columns. What cannot be had is dropped with its reason and without any content: ``content_missing`` (the store has
    it not), ``content_truncated`` (the gzip is broken), ``content_undecodable``, ``binary`` (a NUL), ``too_large``,
    ``content_mismatch`` (the content is not the one of its id), ``no_files`` (an empty repository). Files that were not
    in their declared encoding are counted as ``encoding_replaced``; fetched files, bytes, milliseconds and retries are
    counted, too.

    Args:
        contents: where the text of a row without one is fetched: any location with columns in braces, such as
            ``s3://softwareheritage/content/{blob_id}``. Empty: the input has its texts.
        compression: of what is fetched.
        max_bytes: of a file; 10 MB is what was taken into The Stack v2.
        verify: compare what was fetched with its id, where that is a SHA-1 of 40 hex digits: git's, or that of the
            plain bytes, which is what Software Heritage's bucket is keyed by.
        concurrency: requests at a time.
        window: rows that are waited for at most.
        attempts: how often an object is asked for before the run stops.
        first_wait_seconds: before the second attempt; it doubles with each further one.
    """

    version: ClassVar[int] = 1
    # Of a row without a text the input has no such columns, but what is dropped needs them.
    adds: ClassVar[dict[str, pa.DataType]] = {
        "text": pa.large_string(),
        **{name: pa.string() for name in ("blob_id", "repo_name", "path")},
    }

    contents: str = ""
    compression: Literal["gzip", "none"] = "gzip"
    max_bytes: int = 10_000_000
    verify: bool = True
    concurrency: int = tuning(32)
    window: int = tuning(256)
    attempts: int = tuning(6)
    first_wait_seconds: float = tuning(0.5)

    def __post_init__(self) -> None:
        if self.compression not in ("gzip", "none"):
            raise ConfigError(f"compression: {self.compression!r} is neither gzip nor none")
        for name in ("max_bytes", "concurrency", "window", "attempts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.contents:
            template_columns(self.contents.replace(OUTPUT, ""))
            self.contents = absolute_location(self.contents)
        self._fetches: bool | None = None  # whether the input needs it, once its columns have been seen
        super().__post_init__()

    reads_contents: ClassVar[bool] = True

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The input's columns, those of its files, and `CODE_COLUMNS`.

        Raises:
            ConfigError: if there are no texts, and nothing says where they are fetched.
        """
        found = with_files(columns)
        self._fetches = "text" not in found
        if self._fetches:
            self._must_be_fetched(found)
        found = {"id": pa.string(), "text": pa.large_string()} | found
        if found.get("detected_licenses") in (pa.string(), pa.large_string()):
            found["detected_licenses"] = CODE_COLUMNS["detected_licenses"]
        return found | {name: kind for name, kind in CODE_COLUMNS.items() if name not in found}

    def _must_be_fetched(self, columns: Mapping[str, pa.DataType]) -> None:
        if not self.contents:
            raise ConfigError(
                "the input has ids of files and no texts: say where they are fetched, such as contents: "
                '"s3://softwareheritage/content/{blob_id}", or name their column with --columns text=COLUMN'
            )
        for name in template_columns(self.contents.replace(OUTPUT, "")):
            if name not in columns:
                raise ConfigError(f"contents: the input has no column {name!r} ({nearest(name, sorted(columns))})")

    def check(self) -> None:
        """Raise ConfigError if the store refuses us or is not there, unless it is known that nothing is fetched."""
        if self.contents and self._fetches is not False and OUTPUT not in self.contents:
            self._fetcher().check()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the files that have a text."""
        docs = self._files(data or iter(()), rank)
        pairs: Iterator[tuple[Document, bytes | None]] = ((doc, None) for doc in docs)
        fetcher = self._fetcher() if self.contents else None
        if fetcher is not None:
            pairs = timed(fetcher.fetch_all(docs, self._wanted, _length), fetcher.counts, "waited_milliseconds")
        for doc, body in pairs:
            complete(doc.metadata)
            reason = self._read(doc, body)
            if reason is None:
                self.stat_update("total", "forwarded")
                yield doc
            else:
                doc.text = ""
                self.drop(doc, reason, rank)
        if fetcher is not None and fetcher.counts["fetched_files"]:
            for name, number in fetcher.counts.items():
                self.count(name, number)

    def _fetcher(self) -> Fetcher:
        location = resolve_location(self.contents)
        return Fetcher(location, self.concurrency, self.window, self.attempts, self.first_wait_seconds)

    def _files(self, docs: Documents, rank: int) -> Documents:
        """Each document, or the files of a repository, which are counted as read in its place."""
        for doc in docs:
            files = files_of(doc)
            if not files:
                self.drop(doc, "no_files", rank)
            self.count("documents_read", max(0, len(files) - 1))
            yield from files

    def _wanted(self, doc: Document) -> dict[str, Any] | None:
        """The values of the template's columns, where a text is to be fetched."""
        row = doc.metadata
        names = template_columns(self.contents.replace(OUTPUT, ""))
        if (
            doc.text
            or BODY in row
            or row.get("checkout")
            or row.get("blob_id") in _EMPTY
            or not all(row.get(name) for name in names)
        ):
            return None
        return None if (row.get("length_bytes") or 0) > self.max_bytes else {name: row[name] for name in names}

    def _read(self, doc: Document, body: bytes | None) -> str | None:
        """Fill in the text; why the document has none."""
        row = doc.metadata
        present = row.pop(BODY, None)
        if (row["length_bytes"] or 0) > self.max_bytes:
            return "too_large"
        if present is not None:
            return self._decode(doc, present)
        if body is None:
            return self._judge_present(doc)
        if self.compression == "gzip":
            body, reason = gunzip(body, self.max_bytes)
            if reason is not None:
                return reason
        named = row["blob_id"] or ""
        if len(body) <= self.max_bytes and self.verify and _HEX.fullmatch(named) and not is_named_by(body, named):
            return "content_mismatch"
        return self._decode(doc, body)

    def _decode(self, doc: Document, body: bytes) -> str | None:
        """Fill in the text that the bytes of a file are; why they are none."""
        if len(body) > self.max_bytes:
            return "too_large"
        found = decode_source(body, doc.metadata["src_encoding"])
        if found.reason is not None:
            return found.reason
        self._take(doc, found.text, found.encoding, len(body), doc.metadata["blob_id"] or git_blob_id(body))
        if found.replaced:
            self.count("encoding_replaced")
        return None

    def _judge_present(self, doc: Document) -> str | None:
        """Of a document whose text was there, or could not be fetched."""
        row = doc.metadata
        empty = row["blob_id"] in _EMPTY or row.get("checkout")  # the file is there, and there is nothing in it
        if not doc.text and not empty and (self._fetches or (self.contents and row["blob_id"])):
            return "content_missing"
        if "\0" in doc.text:
            return "binary"
        body = doc.text.encode("utf-8", "replace")
        if len(body) > self.max_bytes:
            return "too_large"
        self._take(
            doc, doc.text, row["src_encoding"], row["length_bytes"] or len(body), row["blob_id"] or git_blob_id(body)
        )
        return None

    def _take(self, doc: Document, text: str, encoding: str | None, length: int, blob_id: str) -> None:
        doc.text = text
        doc.metadata |= {"src_encoding": encoding, "length_bytes": length, "blob_id": blob_id}
        if _NUMBERED.fullmatch(doc.id):
            doc.id = f"{blob_id}:{doc.metadata['path']}" if doc.metadata["path"] else blob_id


def _length(doc: Document) -> int:
    return int(doc.metadata.get("length_bytes") or 0)
