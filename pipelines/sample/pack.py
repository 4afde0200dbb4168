"""Pack the pages of the sample into WARC archives, the same bytes every time.

    python pipelines/sample/pack.py            # pages/*.html -> finemath-00.warc.gz ... finemath-03.warc.gz
    python pipelines/sample/pack.py --to /tmp  # the same, elsewhere

Each page opens with a comment which says how it was "fetched"; the comment is not part of the page:

    <!-- url: https://a.example/b  fetched: 2024-05-06T10:11:12Z  charset: iso-8859-1  kind: lesson  language: en -->

`charset` and `content-type` may be left out (utf-8, text/html); `kind` and `language` are for the README's counts.
"""

import argparse
import base64
import gzip
import hashlib
import re
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ARCHIVES = 4
HEADER = re.compile(rb"<!-- (url: [^\n]*?) -->\r?\n")
FIELD = re.compile(r"([a-z-]+): (\S+)")
FIRST_DAY = "2024-06-01T00:00:00Z"  # of the imagined crawl: the date of the warcinfo records


class Response(NamedTuple):
    """What one server answered: one record of an archive."""

    url: str
    fetched: str
    content_type: str
    body: bytes
    status: str = "200 OK"


def read_page(path: Path) -> Response:
    """A page without its header; `ValueError` if it has none."""
    raw = path.read_bytes()
    found = HEADER.match(raw)
    if not found:
        raise ValueError(f"{path.name} does not open with <!-- url: ... fetched: ... -->")
    fields = dict(FIELD.findall(found[1].decode("ascii")))
    content_type = fields.get("content-type", "text/html")
    if charset := fields.get("charset", "" if "content-type" in fields else "utf-8"):
        content_type += f"; charset={charset}"
    return Response(fields["url"], fields["fetched"], content_type, raw[found.end() :])


def other_responses() -> list[tuple[int, Response]]:
    """(archive, response) of what a crawl also brings and no recipe should keep: a PDF, an image, a missing page."""
    pdf = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
    gif = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
    missing = (
        b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body><h1>Not Found</h1>"
        b"<p>The lesson on quadratic equations that you are looking for has moved or never existed.</p></body></html>"
    )
    host = "https://proofs.uni-lindholm.example"
    page = "https://www.algebra-notes.example/quadratics/vieta"
    return [
        (0, Response(f"{host}/notes/exam-2023.pdf", "2024-05-02T07:00:01Z", "application/pdf", pdf)),
        (1, Response(page, "2024-05-03T07:00:02Z", "text/html; charset=utf-8", missing, "404 Not Found")),
        (2, Response(f"{host}/img/dot.gif", "2024-05-04T07:00:03Z", "image/gif", gif)),
    ]


def record_id(of: str) -> str:
    """The same id for the same words."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, of)}>"


def http_date(stamp: str) -> str:
    """`2024-05-06T10:11:12Z` as HTTP writes it."""
    return format_datetime(datetime.fromisoformat(stamp).astimezone(UTC), usegmt=True)


def sha1(block: bytes) -> str:
    """A digest as WARC writes it."""
    return f"sha1:{base64.b32encode(hashlib.sha1(block).digest()).decode('ascii')}"


def head(first_line: str, fields: dict[str, str]) -> bytes:
    """The lines before a block, of HTTP and of WARC alike."""
    return "".join([f"{first_line}\r\n", *(f"{name}: {value}\r\n" for name, value in fields.items()), "\r\n"]).encode()


def record(fields: dict[str, str], block: bytes) -> bytes:
    """One WARC record, a gzip member of its own. Written by hand, so that no library's release changes the bytes."""
    fields = {**fields, "WARC-Block-Digest": sha1(block), "Content-Length": str(len(block))}
    return gzip.compress(head("WARC/1.0", fields) + block + b"\r\n\r\n", mtime=0)


def response_record(response: Response, of: str = "") -> bytes:
    """The record of one response, with the HTTP headers of its server; `of` tells crawls of one page apart."""
    lines = {
        "Date": http_date(response.fetched),
        "Server": "nginx/1.24.0" if len(response.url) % 2 else "Apache/2.4.57 (Debian)",
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
        "Vary": "Accept-Encoding",
        "Connection": "close",
    }
    fields = {
        "WARC-Type": "response",
        "WARC-Record-ID": record_id(of + response.url),
        "WARC-Date": response.fetched,
        "WARC-Target-URI": response.url,
        "WARC-Payload-Digest": sha1(response.body),
        "Content-Type": "application/http; msgtype=response",
    }
    return record(fields, head(f"HTTP/1.1 {response.status}", lines) + response.body)


def info_record(name: str, first_day: str = FIRST_DAY) -> bytes:
    """The record that opens an archive."""
    fields = {
        "WARC-Type": "warcinfo",
        "WARC-Record-ID": record_id(f"warcinfo:{name}"),
        "WARC-Date": first_day,
        "WARC-Filename": name,
        "Content-Type": "application/warc-fields",
    }
    about = b"software: curation pipelines/sample/pack.py\r\nformat: WARC File Format 1.0\r\nisPartOf: sample\r\n"
    return record(fields, about)


def pack(pages: Path, folder: Path) -> list[Path]:
    """Write the archives into `folder`: pages by file name, those of each host dealt out in turn."""
    shelves: list[list[Response]] = [[] for _ in range(ARCHIVES)]
    dealt: dict[str, int] = {}
    for path in sorted(pages.glob("*.html"), key=lambda path: path.name):
        response = read_page(path)
        host = urlsplit(response.url).netloc
        turn = dealt.setdefault(host, len(dealt))  # each host begins at another archive
        shelves[turn % ARCHIVES].append(response)
        dealt[host] += 1
    for archive, response in other_responses():
        shelves[archive].append(response)
    folder.mkdir(parents=True, exist_ok=True)
    archives = [folder / f"finemath-{number:02d}.warc.gz" for number in range(ARCHIVES)]
    for archive, responses in zip(archives, shelves, strict=True):
        archive.write_bytes(info_record(archive.name) + b"".join(map(response_record, responses)))
    return archives


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=HERE / "pages")
    parser.add_argument("--to", type=Path, default=HERE)
    arguments = parser.parse_args()
    for archive in pack(arguments.pages, arguments.to):
        print(f"{archive}  {archive.stat().st_size} bytes")
