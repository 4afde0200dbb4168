"""Trafilatura over pages of a file, in a process of its own, so that two versions can be measured side by side.

``python trafilatura_worker.py OPTIONS_JSON < pages.jsonl > texts.jsonl``: lines with ``html`` in, lines with ``text``
out, last a line with ``seconds`` of CPU. It imports nothing of this repository: its Python has only trafilatura.
``python trafilatura_worker.py --version`` prints trafilatura's.
"""

from __future__ import annotations

import json
import logging
import sys
import time

import trafilatura


def text_of(html: str, options: dict) -> str:
    """The text; empty where trafilatura has none or fails."""
    try:
        return trafilatura.extract(html, **options) or ""
    except Exception:
        return ""


def main(options: dict) -> None:
    logging.disable(logging.CRITICAL)
    pages = [json.loads(line)["html"] for line in sys.stdin]
    for html in pages[:5]:
        text_of(html, options)
    started = time.process_time()
    texts = [text_of(html, options) for html in pages]
    seconds = time.process_time() - started
    for text in texts:
        print(json.dumps({"text": text}))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    if sys.argv[1] == "--version":
        print(trafilatura.__version__)
    else:
        main(json.loads(sys.argv[1]))
