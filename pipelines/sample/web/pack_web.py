"""Pack the pages of the web sample into the archives of two crawls, the same bytes every time.

    python pipelines/sample/web/pack_web.py            # pages/*.yaml -> CC-MAIN-2024-10/ and CC-MAIN-2024-18/
    python pipelines/sample/web/pack_web.py --to /tmp  # the same, elsewhere

A page is a few lines of YAML; what stands around its text on the site comes from the site's template:

    - url: https://physicsbench.example/heat/conduction
      title: "Heat conduction: why metal feels cold"
      kind: lesson
      crawl: 18                     # 10 where it is left out, or both
      body: |
        A paragraph. An empty line ends it, `## ` makes a heading, `- ` an item, `|` a row of a table, `*` emphasis.

Instead of a body, `like: URL` takes another page's. `language` and `charset` say what differs from the site and UTF-8.
"""

from __future__ import annotations

import argparse
import html
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import yaml

HERE = Path(__file__).resolve().parent
CRAWLS = {"10": datetime(2024, 2, 21, 6, tzinfo=UTC), "18": datetime(2024, 4, 12, 6, tzinfo=UTC)}
"""The two crawls, as the last part of CC-MAIN-2024-xx, and when each began."""

ARCHIVES = 2  # for each crawl
FIELDS = {"url", "title", "kind", "crawl", "language", "charset", "body", "like", "why"}


def load_pack() -> ModuleType:
    """The packer of the other sample, which knows how archives are written."""
    spec = importlib.util.spec_from_file_location("sample_pack", HERE.parent / "pack.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


warc = load_pack()


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the sample; `number` is its place among all of them."""

    url: str
    title: str
    kind: str
    body: str
    number: int
    crawls: tuple[str, ...]
    language: str
    charset: str = "utf-8"
    why: str = ""

    @property
    def host(self) -> str:
        """The host of its URL."""
        return urlsplit(self.url).netloc

    @property
    def section(self) -> str:
        """The folder of its URL, as a heading."""
        return urlsplit(self.url).path.split("/")[1].replace("-", " ").capitalize()


def read_sites(folder: Path = HERE) -> dict[str, dict[str, Any]]:
    """The sites by their hosts."""
    sites: dict[str, dict[str, Any]] = yaml.safe_load((folder / "sites.yaml").read_text(encoding="utf-8"))
    return sites


def read_pages(folder: Path = HERE) -> list[Page]:
    """All pages, in the order of the files.

    Raises:
        ValueError: for a page of an unknown site, with an unknown field, or like a page that is not there.
    """
    sites = read_sites(folder)
    files = sorted((folder / "pages").glob("*.yaml"))
    entries = [entry for file in files for entry in yaml.safe_load(file.read_text(encoding="utf-8"))]
    bodies = {entry["url"]: entry.get("body") for entry in entries}
    return [_page(number, entry, sites, bodies) for number, entry in enumerate(entries, 1)]


def _page(number: int, entry: dict[str, Any], sites: dict[str, Any], bodies: dict[str, str | None]) -> Page:
    url = entry["url"]
    site = sites.get(urlsplit(url).netloc)
    body = bodies.get(entry["like"]) if "like" in entry else entry.get("body")
    if site is None or body is None or entry.keys() - FIELDS:
        raise ValueError(f"{url}: unknown site, no body, or fields other than {', '.join(sorted(FIELDS))}")
    crawl = str(entry.get("crawl", "10"))
    return Page(
        url=url,
        title=entry["title"],
        kind=entry["kind"],
        body=body,
        number=number,
        crawls=tuple(CRAWLS) if crawl == "both" else (crawl,),
        language=entry.get("language", site.get("language", "en")),
        charset=entry.get("charset", "utf-8"),
        why=entry.get("why", ""),
    )


def text_html(text: str) -> str:
    """The mark-up of a body: paragraphs, headings, lists and tables."""
    return "\n".join(_block(block) for block in re.split(r"\n\s*\n", text.strip()))


def _block(block: str) -> str:
    lines = block.splitlines()
    if block.startswith("## "):
        return f"<h2>{_inline(block[3:])}</h2>"
    if block.startswith("- "):
        return "<ul>\n" + "\n".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "\n</ul>"
    if block.startswith("| "):
        rows = [[f"<td>{_inline(cell.strip())}</td>" for cell in line.strip("|").split("|")] for line in lines]
        return "<table>\n" + "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "\n</table>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))
    return re.sub(r"\*(\S[^*]*?)\*", r"<em>\1</em>", text)


def render(page: Page, fetched: datetime, sites: dict[str, dict[str, Any]], others: list[Page]) -> bytes:
    """The HTML of a page, as its site gave it at a time."""
    site = sites[page.host]
    written = fetched.replace(month=1) + timedelta(days=page.number % 19)
    links = [f'<li><a href="{other.url}">{html.escape(other.title)}</a></li>' for other in others[:4]]
    template = (HERE / "templates" / f"{site['template']}.html").read_text(encoding="utf-8")
    text = Template(template).substitute(
        url=page.url,
        title=html.escape(page.title),
        language=page.language,
        charset=page.charset,
        site=html.escape(site["name"]),
        motto=html.escape(site["motto"]),
        author=html.escape(site.get("author", "the editors")),
        section=html.escape(page.section),
        menu="".join(f'<li><a href="/{index}">{html.escape(item)}</a></li>' for index, item in enumerate(site["menu"])),
        related="".join(links),
        number=10_000 + 37 * page.number,
        date=f"{written:%d} {written:%B} {written:%Y}",
        stamp=f"{written:%Y-%m-%dT%H:%M:%SZ}",
        body=text_html(page.body),
    )
    return text.encode(page.charset)


def responses(crawl: str, pages: list[Page], sites: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """(host, response) of the pages of one crawl."""
    for page in pages:
        if crawl in page.crawls:
            fetched = CRAWLS[crawl] + timedelta(hours=3 * page.number, minutes=7 * page.number % 60)
            others = [other for other in pages if other.host == page.host and other.url != page.url]
            body = render(page, fetched, sites, others)
            stamp, kind = f"{fetched:%Y-%m-%dT%H:%M:%SZ}", f"text/html; charset={page.charset}"
            yield page.host, warc.Response(page.url, stamp, kind, body)


def pack(folder: Path, to: Path) -> list[Path]:
    """Write the archives of both crawls below `to`; the pages of each host are dealt out in turn."""
    sites, pages = read_sites(folder), read_pages(folder)
    packed = []
    for order, crawl in enumerate(CRAWLS):
        name = f"CC-MAIN-2024-{crawl}"
        shelves: list[list[Any]] = [[] for _ in range(ARCHIVES)]
        dealt: dict[str, int] = {}
        for host, response in responses(crawl, pages, sites):
            turn = dealt.setdefault(host, len(dealt))
            shelves[turn % ARCHIVES].append(response)
            dealt[host] += 1
        (to / name).mkdir(parents=True, exist_ok=True)
        for number, shelf in enumerate(shelves):
            archive = to / name / f"web-{order * ARCHIVES + number:02d}.warc.gz"
            records = (warc.response_record(response, of=name) for response in shelf)
            first = f"{CRAWLS[crawl]:%Y-%m-%dT%H:%M:%SZ}"
            archive.write_bytes(warc.info_record(archive.name, first) + b"".join(records))
            packed.append(archive)
    return packed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE)
    arguments = parser.parse_args()
    for archive in pack(HERE, arguments.to):
        print(f"{archive}  {archive.stat().st_size} bytes")
