"""The extractors that are measured: ``for peer in peers(trafilatura2): texts, seconds = peer.run(pages)``.

A new one is an entry in :func:`peers`. An extractor that fails on a page, or gives None, has given the empty text.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from resiliparse.extract.html2text import extract_plain_text

from curation.html.extract import html_to_text
from tests.bench.extraction.pages import SharedPage

BASE = "resiliparse main"
OURS = "curation"

_WORKER = Path(__file__).with_name("trafilatura_worker.py")
# datatrove's reader, but for its `deduplicate=True`: that one lets a page's text depend on the pages before it.
_DATATROVE: dict[str, Any] = {"favor_precision": True, "include_comments": False, "deduplicate": False}


@dataclass(frozen=True)
class Peer:
    """An extractor inside this process."""

    name: str
    extract: Callable[[str], str | None]
    release: str
    slow: bool = False

    def run(self, pages: Sequence[SharedPage]) -> tuple[list[str], float]:
        """The pages' texts, and the CPU seconds for them."""
        started = time.process_time()
        texts = [self._text(page.html) for page in pages]
        return texts, time.process_time() - started

    def _text(self, html: str) -> str:
        try:
            return self.extract(html) or ""
        except Exception:
            return ""
        except BaseException as error:
            # A panic of Rust code is no Exception; it is the page's failure all the same.
            if type(error).__name__ != "PanicException":
                raise
            return ""


@dataclass(frozen=True)
class Trafilatura:
    """Trafilatura of whatever version ``python`` has, in a process of its own."""

    name: str
    python: str
    release: str
    options: dict[str, Any] = field(default_factory=dict)
    slow: bool = True

    def run(self, pages: Sequence[SharedPage]) -> tuple[list[str], float]:
        """The pages' texts, and the CPU seconds for them."""
        asked = "".join(json.dumps({"html": page.html}) + "\n" for page in pages)
        command = [self.python, str(_WORKER), json.dumps(self.options)]
        # A decoded page may hold a lone surrogate; JSON escapes it, so both pipes are plain ASCII.
        done = subprocess.run(command, input=asked.encode("ascii"), stdout=subprocess.PIPE, check=True)
        *answers, last = done.stdout.decode("ascii").splitlines()
        return [json.loads(answer)["text"] for answer in answers], json.loads(last)["seconds"]


def peers(trafilatura2: str | None) -> list[Peer | Trafilatura]:
    """All extractors: trafilatura of this Python's, and 2 where ``trafilatura2`` is a Python that has it."""
    resiliparse = version("resiliparse")
    found: list[Peer | Trafilatura] = [
        Peer(OURS, html_to_text, version("curation")),
        Peer(BASE, lambda html: extract_plain_text(html, main_content=True), resiliparse),
        Peer("resiliparse plain", extract_plain_text, resiliparse),
    ]
    for python in filter(None, (sys.executable, trafilatura2)):
        asked = subprocess.run([python, str(_WORKER), "--version"], capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            print(f"LEFT OUT: {python} has no trafilatura that can be imported")
            continue
        release = asked.stdout.strip()
        short = ".".join(release.split(".")[:2])
        found.append(Trafilatura(f"traf {short} datatrove", python, release, _DATATROVE))
        found.append(Trafilatura(f"traf {short} defaults", python, release))
    return found
