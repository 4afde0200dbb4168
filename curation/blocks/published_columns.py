"""What each published dataset has for columns, in its order and with its types, and how documents come by them.

Example: ``published_schema("fineweb_edu", ("calibrated_score",), columns)`` is FineWeb-Edu's ten columns and one more.

Sources: the cards of HuggingFaceTB/finemath (whose part ``infiwebmath`` has fewer columns), HuggingFaceFW/fineweb,
HuggingFaceFW/fineweb-edu and HuggingFaceTB/stack-edu. ``topic`` is for datasets of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
from datatrove.data import Document

from curation.config import nearest
from curation.errors import ConfigError, CurationError

PUBLISHED: dict[str, dict[str, pa.DataType]] = {
    "finemath": {
        "url": pa.string(),
        "fetch_time": pa.int64(),
        "content_mime_type": pa.string(),
        "warc_filename": pa.string(),
        "warc_record_offset": pa.int32(),
        "warc_record_length": pa.int32(),
        "text": pa.string(),
        "token_count": pa.int32(),
        "char_count": pa.int32(),
        "metadata": pa.string(),
        "score": pa.float64(),
        "int_score": pa.int64(),
        "crawl": pa.string(),
        "snapshot_type": pa.string(),
        "language": pa.string(),
        "language_score": pa.float64(),
    },
    "infiwebmath": {
        "url": pa.string(),
        "metadata": pa.string(),
        "score": pa.float64(),
        "int_score": pa.int64(),
        "token_count": pa.int64(),
        "char_count": pa.int64(),
        "text": pa.string(),
    },
    "fineweb": {
        "text": pa.string(),
        "id": pa.string(),
        "dump": pa.string(),
        "url": pa.string(),
        "date": pa.string(),
        "file_path": pa.string(),
        "language": pa.string(),
        "language_score": pa.float64(),
        "token_count": pa.int64(),
    },
    "fineweb_edu": {
        "text": pa.string(),
        "id": pa.string(),
        "dump": pa.string(),
        "url": pa.string(),
        "file_path": pa.string(),
        "language": pa.string(),
        "language_score": pa.float64(),
        "token_count": pa.int64(),
        "score": pa.float64(),
        "int_score": pa.int64(),
    },
    "stack_edu": {
        "blob_id": pa.large_string(),
        "language": pa.large_string(),
        "repo_name": pa.large_string(),
        "path": pa.large_string(),
        "src_encoding": pa.large_string(),
        "length_bytes": pa.int64(),
        "score": pa.float64(),
        "int_score": pa.int64(),
        "detected_licenses": pa.large_list(pa.large_string()),
        "license_type": pa.large_string(),
    },
    "topic": {
        "id": pa.string(),
        "url": pa.string(),
        "text": pa.string(),
        "language": pa.string(),
        "language_score": pa.float64(),
        "token_count": pa.int64(),
        "char_count": pa.int64(),
        "score": pa.float64(),
        "int_score": pa.int64(),
        "metadata": pa.string(),
    },
}
"""Dataset -> its columns."""

MEANINGS: dict[str, str] = {
    "blob_id": "SHA-1 of the file's content as git counts it, and its name in the Software Heritage archive",
    "calibrated_score": "the score on the scale of the judge's labels",
    "char_count": "characters of the text",
    "content_mime_type": "as the server or the archive said",
    "crawl": "the crawl that the page is of",
    "date": "when the page was fetched, UTC",
    "detected_licenses": "SPDX identifiers of the licences that were found for the file",
    "dump": "the crawl that the page is of",
    "fetch_time": "when the page was fetched, in nanoseconds since 1970, UTC",
    "file_path": "the archive that holds the page",
    "id": "names the document",
    "int_score": "the score rounded to a whole number of the scale",
    "label": "the judge's",
    "language": "of the text",
    "language_score": "how sure the detector is of the language, up to 1",
    "length_bytes": "bytes of the content",
    "licence_source": "where the licence was found",
    "license_type": "permissive, no_license or non_permissive",
    "metadata": "what else is known, as JSON",
    "path": "of the file in its repository",
    "repo_name": "the repository",
    "score": "what the classifier gives, not rounded",
    "snapshot_type": "which of a page's snapshots it is",
    "src_encoding": "the encoding of the content",
    "text": "the document",
    "token_count": "tokens of the text",
    "url": "where the page stood",
    "warc_filename": "the archive that holds the page",
    "warc_record_length": "bytes of the page's record in its archive",
    "warc_record_offset": "where the record begins in its archive",
}
"""Column -> what it holds, for the card."""

MEANINGS_OF_CODE = {"language": "the programming language", "text": "the content of the file"}
"""The same, where documents are files of repositories."""

_ALSO_CALLED = {"dump": "crawl", "file_path": "warc_filename", "crawl": "dump", "warc_filename": "file_path"}
"""FineWeb's names for what FineMath and our readers call otherwise, both ways."""

_DERIVED = {"date": ("fetch_time", pa.string()), "char_count": ("text", pa.int64())}

_MOST_SECONDS = 100_000_000_000  # of a time since 1970: as milliseconds that is March 1973, before any crawl
_RANGES: dict[pa.DataType | None, int] = {pa.int32(): 2**31, pa.int64(): 2**63}


def published_schema(
    dataset: str, further: Sequence[str], columns: Mapping[str, pa.DataType]
) -> dict[str, pa.DataType]:
    """The published columns, and after them those of ``further`` that are not among them.

    Args:
        dataset: a key of `PUBLISHED`.
        further: columns beyond the published, such as ``calibrated_score``.
        columns: what the documents have; further columns keep its types, except that ``date`` is FineWeb's text. It may
            also follow from ``fetch_time``, and ``char_count`` from the text.

    Raises:
        ConfigError: if the documents have no such further column.
    """
    schema = dict(PUBLISHED[dataset])
    for name in further:
        if name in schema:
            continue
        source, kind = _DERIVED.get(name, (_ALSO_CALLED.get(name, name), None))
        if name not in columns and source not in columns:
            raise ConfigError(
                f"publish: the documents have no column {name!r} to publish beyond those of {dataset} "
                f"({nearest(name, sorted(columns))})"
            )
        schema[name] = columns[name] if name in columns and name != "date" else kind or columns[source]
    return schema


def published_row(doc: Document, names: Sequence[str], schema: Mapping[str, pa.DataType]) -> dict[str, Any]:
    """A document's metadata under the published names, and nothing else; what is there already wins.

    Beside other names for the same, ``date`` follows from ``fetch_time`` and ``char_count`` from the text.

    Raises:
        CurationError: if a whole number does not fit its column; Arrow would say so without the document.
    """
    given = doc.metadata
    row = {name: given[name] for name in names if given.get(name) is not None}
    for name in [name for name in names if name not in row]:
        value = _derived(name, doc)
        if value is not None:
            row[name] = value
    if not isinstance(row.get("date", ""), str):
        row["date"] = _date(row["date"])
    for name, value in row.items():
        limit = _RANGES.get(schema.get(name))
        if limit and isinstance(value, int) and not -limit <= value < limit:
            raise CurationError(
                f"publish: document {doc.id}: {name} is {value}, which is more than the published type "
                f"{schema[name]} holds"
            )
    return row


def _derived(name: str, doc: Document) -> Any:
    if name == "char_count":
        return len(doc.text)
    if name == "date":
        return _date(doc.metadata.get("fetch_time"))
    return doc.metadata.get(_ALSO_CALLED.get(name, name))


def _date(fetched: Any) -> str | None:
    """FineWeb's form of a time: of nanoseconds since 1970, or of a coarser unit that the number's size gives away."""
    if isinstance(fetched, date):
        return _iso(fetched if isinstance(fetched, datetime) else datetime.combine(fetched, time.min))
    if isinstance(fetched, bool) or not isinstance(fetched, int):
        return fetched if isinstance(fetched, str) else None
    seconds = fetched
    while seconds >= _MOST_SECONDS:
        seconds //= 1000
    return _iso(datetime.fromtimestamp(seconds, UTC))


def _iso(moment: datetime) -> str:
    moment = moment.astimezone(UTC) if moment.tzinfo else moment  # without a zone: UTC, as archives have it
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
