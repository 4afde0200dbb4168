"""Pages out of web archives: WARC and ARC, plain or compressed, whole or broken.

Example: ``for record in read_archive(open("CC-MAIN.warc.gz", "rb"), "CC-MAIN.warc.gz")`` yields one :class:`Record`
for every response: with ``html``, or with the ``reason`` why there is none. Where the framing is broken, one record
says so (``bad_record``) and reading goes on at the next record that can be recognised. The same bytes give the same
records.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from curation.html.arc import ArcRecord, is_arc, read_arc
from curation.html.digest import body_digest, plain_digest
from curation.html.payload import Payload, read_response
from curation.html.timestamp import nanoseconds
from curation.html.warc import Frame, read_frames

_NOTHING = Payload(html=None, reason="bad_record", http_status=None, content_mime_type=None, charset=None)
_NAME_LOOKUP = Payload(html=None, reason="not_html", http_status=None, content_mime_type="text/dns", charset=None)


@dataclass(frozen=True, slots=True)
class Record:
    """One response of an archive.

    ``warc_record_offset`` and ``warc_record_length`` are bytes of the file as it lies on disk: a ranged read of them
    is the record (of a compressed archive: its gzip member). ``fetch_time`` is in nanoseconds since 1970, UTC.
    ``content_digest`` is the SHA-1 of the HTTP body as it was stored, in base32: what the archive says of it, or else
    the body's, where that was asked for and all of it was read.
    """

    id: str
    url: str | None
    html: str | None
    reason: str | None
    http_status: int | None
    fetch_time: int | None
    content_mime_type: str | None
    charset: str | None
    warc_filename: str
    warc_record_offset: int
    warc_record_length: int
    content_digest: str | None = None


def read_archive(
    stream: IO[bytes], name: str, skipped: Counter[str] | None = None, *, digests: bool = False
) -> Iterator[Record]:
    """Every response of the archive in the order of the file.

    Args:
        stream: The archive's bytes from their beginning; copied to a temporary file where it cannot seek.
        name: What the records call their file.
        skipped: Counts the records that are no responses, by type (``request``, ``warcinfo``, ``conversion``, ...).
        digests: Whether to make the digests that the archive does not say.

    Yields:
        Records with ``html``, or with one of the reasons ``not_html``, ``http_error``, ``empty_body``,
        ``bad_http_headers``, ``bad_chunked_encoding``, ``bad_content_encoding``, ``undecodable``, ``too_large``,
        ``truncated`` (the archive ends inside the record) and ``bad_record`` (bytes that are no record).
    """
    counter: Counter[str] = Counter() if skipped is None else skipped
    if stream.seekable():
        yield from _read(stream, name, counter, digests)
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        yield from _read(copy, name, counter, digests)


def _read(stream: IO[bytes], name: str, skipped: Counter[str], digests: bool) -> Iterator[Record]:
    size = stream.seek(0, 2)
    stream.seek(0)
    if is_arc(stream):
        for arc_record in read_arc(stream):
            if (arc_record.url or "").startswith("filedesc:"):
                skipped["filedesc"] += 1
            else:
                yield _from_arc(arc_record, name, digests)
        return
    for frame in read_frames(stream, size):
        if frame.kind in ("response", "bad_record"):
            yield _from_frame(frame, name, digests)
        else:
            skipped[frame.kind] += 1


def _from_frame(frame: Frame, name: str, digests: bool) -> Record:
    headers = frame.headers
    url = _bare(headers.get("warc-target-uri", "")) or None
    payload = _payload(frame.block if frame.kind == "response" else None, url, complete=frame.complete)
    digest = plain_digest(headers.get("warc-payload-digest"))
    if digest is None and digests and headers.get("content-length", "").strip() == str(len(frame.block)):
        digest = body_digest(frame.block)
    return _record(
        payload,
        identifier=_bare(headers.get("warc-record-id", "")).removeprefix("urn:uuid:"),
        url=url,
        date=headers.get("warc-date"),
        place=(name, frame.offset, frame.length),
        digest=digest,
    )


def _from_arc(record: ArcRecord, name: str, digests: bool) -> Record:
    payload = _payload(record.block, record.url, complete=record.complete)
    place = (name, record.offset, record.length)
    digest = body_digest(record.block) if digests and record.block is not None and record.complete else None
    return _record(payload, identifier="", url=record.url, date=record.date, place=place, digest=digest)


def _payload(block: bytes | None, url: str | None, *, complete: bool) -> Payload:
    if block is None:
        return _NOTHING
    # Crawlers store the look-up of a host's name as a response.
    return _NAME_LOOKUP if url and url.startswith("dns:") else read_response(block, complete=complete)


def _record(
    payload: Payload,
    *,
    identifier: str,
    url: str | None,
    date: str | None,
    place: tuple[str, int, int],
    digest: str | None,
) -> Record:
    name, offset, length = place
    return Record(
        id=identifier or f"{name}:{offset}",
        url=url,
        html=payload.html,
        reason=payload.reason,
        http_status=payload.http_status,
        fetch_time=nanoseconds(date),
        content_mime_type=payload.content_mime_type,
        charset=payload.charset,
        warc_filename=name,
        warc_record_offset=offset,
        warc_record_length=length,
        content_digest=digest,
    )


def _bare(value: str) -> str:
    """``value`` without the angle brackets that WARC 1.0 puts around its URIs."""
    return value.strip().removeprefix("<").removesuffix(">").strip()
