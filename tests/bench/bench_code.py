"""Files of code a second of each step beside plain Python, agreement of languages, reasons by language: run by hand.

`python tests/bench/bench_code.py [speed] [languages] [reasons] [look]`; ``look`` prints ten dropped files of each.
"""

import random
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.data import Document

from curation.blocks.code import IdentifyCode, KeepCode
from curation.text.code_filters import code_statistics
from curation.text.code_identity import identify

CODE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "code" / "code_files.parquet"
ENCODED = (
    re.compile(r"[a-zA-Z0-9+/\n=]{64,}"),
    re.compile(r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}"),
    re.compile(r"(?:\\u[0-9a-fA-F]{4}){8,}"),
)


class Dropped:
    def __init__(self):
        self.docs = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def write(self, doc, rank=0):
        self.docs.append(doc)


def plain(text):
    """The same measures by the published expressions."""
    marks = bytearray(len(text))
    longest = 0
    for pattern in ENCODED:
        for found in pattern.finditer(text):
            longest = max(longest, len(found[0]))
            marks[found.start() : found.end()] = b"\1" * len(found[0])
    lines = [len(line) for line in text.splitlines()]
    alphabetic = sum(map(str.isalpha, text)) / len(text)
    return len(lines), max(lines), sum(lines) / len(lines), alphabetic, longest, sum(marks) / len(text)


def documents(rows):
    return [
        Document(text=row["content"], id=str(number), metadata={"path": row["path"], "repo": row["repo"]})
        for number, row in enumerate(rows)
    ]


def rate(name, rows, work, times=3):
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    size = sum(len(row["content"]) for row in rows)
    print(f"{name:24} {len(rows) / best:8.0f} files/s {size / best / 1e6:7.1f} MB/s")


def speed(rows):
    code_statistics("warm"), code_statistics("wärm")
    rate("measures, plain Python", rows, lambda: [plain(row["content"]) for row in rows], 1)
    rate("measures", rows, lambda: [code_statistics(row["content"]) for row in rows])
    rate("language", rows, lambda: [identify(row["path"], row["content"]) for row in rows])
    rate("IdentifyCode, KeepCode", rows, lambda: list(KeepCode().run(IdentifyCode().run(iter(documents(rows))))))


def languages(rows):
    right, of = Counter(), Counter()
    for row in rows:
        found = identify(row["path"], row["content"])
        of[row["language"]] += 1
        right[row["language"]] += found == row["language"]
        if found != row["language"]:
            print(f"  {row['language']} -> {found}: {row['repo']} {row['path']}")
    print(f"agreement {right.total() / of.total():.4f}:", ", ".join(f"{name} {right[name]}/{of[name]}" for name in of))


def reasons(rows, look):
    keep = KeepCode(vendored="drop")
    keep.exclusion_writer = dropped = Dropped()
    identified = list(IdentifyCode().run(iter(documents(rows))))
    kept = list(keep.run(iter(identified)))
    table = defaultdict(Counter)
    for doc in dropped.docs:
        table[doc.metadata["filter_reason"]][doc.metadata["language"]] += 1
    print(f"{len(rows)} files, kept {len(kept)}")
    for reason, by_language in sorted(table.items(), key=lambda one: -one[1].total()):
        print(f"{reason:20} {by_language.total():4}", ", ".join(f"{n} {k}" for n, k in by_language.most_common()))
    for reason in table if look else ():
        some = [doc for doc in dropped.docs if doc.metadata["filter_reason"] == reason]
        for doc in random.Random(0).sample(some, min(10, len(some))):
            row = doc.metadata
            print(f"== {reason} {row['repo']} {row['path']} {row['rule']} {row['value']} {row['limit']}")
            print(doc.text[:200])


def main():
    wanted = sys.argv[1:] or ["speed", "languages", "reasons"]
    rows = pq.read_table(CODE, columns=["repo", "path", "language", "content"]).to_pylist()
    if "speed" in wanted:
        speed(rows)
    if "languages" in wanted:
        languages(rows)
    if "reasons" in wanted or "look" in wanted:
        reasons(rows, "look" in wanted)


if __name__ == "__main__":
    main()
