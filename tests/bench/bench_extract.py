"""Texts of the gold pages, scored: ``python tests/bench/bench_extract.py [math|web] [curation|resiliparse]``.

Reads the archives under ``../shared/data``, beside the repository, and prints pages per second and the scorer's
figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from curation.html.archive import read_archive
from curation.html.extract import html_to_text, main_text

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOLDERS = {"math": SHARED / "data/math", "web": SHARED / "data/web/gold"}


def pages_of(folder: Path):
    for path in sorted(folder.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in read_archive(stream, path.name):
                if record.html is not None:
                    yield record.url, record.html


def main(which: str = "math", extractor: str = "curation") -> None:
    extract = html_to_text if extractor == "curation" else main_text
    pages = list(pages_of(FOLDERS[which]))
    started = time.process_time()
    texts = [(url, extract(html)) for url, html in pages]
    seconds = time.process_time() - started
    print(f"{which} {extractor}: {len(pages)} pages, {len(pages) / seconds:.0f} pages/s of CPU")
    target = Path(tempfile.gettempdir()) / f"texts-{which}-{extractor}.jsonl"
    with target.open("w", encoding="utf-8") as out:
        for url, text in texts:
            print(json.dumps({"url": url, "text": text}), file=out)
    scorer = SHARED / "bench/score_extraction.py"
    subprocess.run([sys.executable, str(scorer), str(FOLDERS[which] / "gold.jsonl.gz"), str(target)], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
