"""Real pages, as many as are asked for, through the smoke values of ``finemath``; what each stage took.

Example: ``write_pages(folder, real_pages(), copies=4)`` then ``rows = measure(folder, output, workers=2)``.

A copy of a page stands on a site of its own, and every fifth word of its text is another one, so that near-duplicate
removal leaves it. Recorded labels are those of the real pages; the samples that a judge is asked about do not grow.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

from curation import load_recipe, run
from curation.crawl.making import make_index
from curation.memory import MemoryWatch

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LABELLED = 60
_FILES = 8
_TEXT = re.compile(r">[^<>{}\\$]+<")
_WORD = re.compile(r"\b[a-z]{4,}\b")
_EVERY = 5
_SETTINGS = {
    "domains": {"min_pages": 1, "threshold": 1},
    "pool_size": LABELLED,
    "threshold": 2,
    "subset_thresholds": [3],
    "dedup": {"threshold": None},
    "benchmarks": [f"{name}={SHARED}/benchmarks/{name}_test.jsonl.gz" for name in ("gsm8k", "math", "mmlu")],
}


class Page(NamedTuple):
    """A response: its address and all that the server sent."""

    url: str
    block: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What a stage took: documents in and kept, seconds, CPU seconds of all its processes, peak memory in bytes."""

    documents: int
    kept: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def real_pages(parts: Sequence[str] = ("math",)) -> list[Page]:
    """The responses of the archives in these folders of the shared data, one of each address."""
    found: dict[str, Page] = {}
    for path in sorted(path for part in parts for path in (SHARED / part).glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=False):
                url = record.headers["WARC-Target-URI"]
                found.setdefault(url, Page(url, record.reader.read()))
    return list(found.values())


def write_pages(folder: Path, pages: Sequence[Page], copies: int) -> int:
    """Write archives of all pages and their copies; returns their bytes."""
    folder.mkdir(parents=True)
    for number in range(_FILES):
        with (folder / f"{number:02d}.warc.gz").open("wb") as file:
            for copy in range(copies):
                for page in pages[number::_FILES]:
                    file.write(_record(_another(page, copy) if copy else page))
    return sum(path.stat().st_size for path in folder.iterdir())


def write_texts(folder: Path, documents: int) -> None:
    """Write scored texts as a run has them after the stage ``score``: real ones, and copies with other words."""
    folder.mkdir(parents=True)
    with gzip.open(SHARED / "texts" / "web_texts.jsonl.gz", "rt", encoding="utf-8") as file:
        real = [json.loads(line) for line in file]
    rows = [_scored(real[number % len(real)], *divmod(number, len(real))) for number in range(documents)]
    for number in range(_FILES):
        pq.write_table(pa.Table.from_pylist(rows[number::_FILES]), folder / f"{number:02d}.parquet")


def measure(
    folder: Path,
    output: Path,
    workers: int,
    values: Mapping[str, Any] | None = None,
    sources: Mapping[str, str] | None = None,
) -> dict[str, Taken]:
    """Run the recipe over a folder of archives, or from ``sources``; stage -> what it took."""
    replies = {name: _replies(output, name) for name in ("finemath_3pt", "finemath_5pt")}
    rounds = {
        name: {"judge": judge, "replay_only": True, "sample_size": LABELLED}
        for name, judge in zip(("first", "second"), replies.values(), strict=True)
    }
    index = f"{output}-index"
    make_index(str(folder), index, crawl="grown")
    crawl = {"index": [index], "crawls": ["grown"], "archives": str(folder), "requests_per_second": 1e6}
    given = {**_SETTINGS, **rounds, "crawl": crawl, "inputs": [f"{folder}/*.warc.gz"], **(values or {})}
    recipe = load_recipe("finemath", config="finemath-smoke", values=given)
    watch = _StageWatch()
    run(recipe, str(output), workers=workers, progress=watch, sources=sources)
    return watch.taken


class _StageWatch:
    """Told by a run when a stage begins and ends."""

    def __init__(self) -> None:
        self.taken: dict[str, Taken] = {}
        self._memory = MemoryWatch()
        self._cpu = 0.0

    def begin(self, planned: Any, shards: int, done: int, marks: str | None) -> None:
        self._memory = MemoryWatch()
        self._memory.__enter__()
        self._cpu = _cpu_seconds()

    def say(self, line: str, expected: int | None = None) -> None:
        print(f"  {line}")

    def end(self, planned: Any, record: Mapping[str, Any]) -> None:
        self._memory.__exit__()
        name = planned.stage.name
        self.taken[name] = Taken(
            record["documents"],
            record["kept"],
            record["wall_seconds"],
            _cpu_seconds() - self._cpu,
            self._memory.peak_bytes,
        )
        print(f"  {name:18} {self.taken[name]}", flush=True)


def _cpu_seconds() -> float:
    """Of this process, all that it started, and those of them that have ended."""
    parents: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        parents[int(path.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"))
    return sum(seconds for pid, (_, seconds) in parents.items() if os.getpid() in _line(pid, parents))


def _line(pid: int, parents: Mapping[int, tuple[int, float]]) -> Iterator[int]:
    """A process and those that it descends from."""
    while pid in parents:
        yield pid
        pid = parents[pid][0]


def _replies(output: Path, name: str) -> str:
    path = output.with_name(f"{output.name}-{name}.jsonl")
    with gzip.open(SHARED / "labels" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    lines = [json.dumps({"url": row["url"], "reply": row["reply"]}) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return f"replay:{path}"


def _another(page: Page, copy: int) -> Page:
    scheme, _, rest = page.url.partition("://")
    head, end, body = page.block.partition(b"\r\n\r\n")
    text = _TEXT.sub(lambda found: _reworded(found[0], copy), body.decode("utf-8", "surrogateescape"))
    return Page(f"{scheme}://copy{copy}-{rest}", head + end + text.encode("utf-8", "surrogateescape"))


def _reworded(text: str, copy: int) -> str:
    words = iter(range(len(text)))
    ending = chr(ord("a") + copy)
    return _WORD.sub(lambda word: word[0] if next(words) % _EVERY else f"{word[0]}{ending}", text)


def _scored(row: Mapping[str, Any], copy: int, number: int) -> dict[str, Any]:
    score = number % 50 / 10
    text = _reworded(row["text"], copy) if copy else row["text"]
    scores = {"score": score, "int_score": round(score), "calibrated_score": score, "token_count": len(text) // 4}
    return {
        "id": f"{copy}/{number}",
        "url": f"https://copy{copy}-{number % 997}.example/{number}",
        "text": text,
        **scores,
    }


def _record(page: Page) -> bytes:
    block = re.sub(rb"(?i)\r\ncontent-length:[^\r]*", b"", page.block)
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {page.url}\r\nWARC-Date: 2024-03-01T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + block + b"\r\n\r\n", 6)
