"""Pack the pages of the sample into WARC archives, the same bytes every time.

    python pipelines/sample/pack.py            # pages/*.html -> finemath-00.warc.gz ... finemath-03.warc.gz
    python pipelines/sample/pack.py --to /tmp  # the same, elsewhere

Each page opens with a comment which says how it was "fetched"; the comment is not part of the page:

    <!-- url: https://a.example/b  fetched: 2024-05-06T10:11:12Z  charset: iso-8859-1  content-type: text/html -->
"""

import argparse
import io
import re
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

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


def write_response(writer: WARCWriter, response: Response) -> None:
    """One gzip member: the record of one response."""
    lines = [
        ("Date", http_date(response.fetched)),
        ("Server", "nginx/1.24.0" if len(response.url) % 2 else "Apache/2.4.57 (Debian)"),
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(response.body))),
        ("Vary", "Accept-Encoding"),
        ("Connection", "close"),
    ]
    record = writer.create_warc_record(
        response.url,
        "response",
        payload=io.BytesIO(response.body),
        http_headers=StatusAndHeaders(response.status, lines, protocol="HTTP/1.1"),
        warc_headers_dict={"WARC-Date": response.fetched, "WARC-Record-ID": record_id(response.url)},
    )
    writer.write_record(record)


def write_archive(path: Path, responses: list[Response]) -> None:
    """A warcinfo record, then the responses in the order given."""
    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=True, warc_version="1.0")
    about = {"software": "curation pipelines/sample/pack.py", "format": "WARC File Format 1.0", "isPartOf": "sample"}
    info = writer.create_warcinfo_record(path.name, about)
    info.rec_headers.replace_header("WARC-Date", FIRST_DAY)
    info.rec_headers.replace_header("WARC-Record-ID", record_id(f"warcinfo:{path.name}"))
    writer.write_record(info)
    for response in responses:
        write_response(writer, response)
    path.write_bytes(buffer.getvalue())


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
        write_archive(archive, responses)
    return archives


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, default=HERE / "pages")
    parser.add_argument("--to", type=Path, default=HERE)
    arguments = parser.parse_args()
    for archive in pack(arguments.pages, arguments.to):
        print(f"{archive}  {archive.stat().st_size} bytes")
