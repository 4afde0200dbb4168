"""Recipes whole on real data with recorded labels: what stays and what goes at each stage, time, and a look at both.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_recipes.py stack_edu [--output DIR] [--extractor ours]
    PYTHONPATH=. .venv/bin/python tests/bench/bench_recipes.py fineweb_edu

``stack_edu`` reads 3,367 code files of 15 languages with 960 recorded labels, ``fineweb_edu`` all archives, pages and
gold pages of the web with 796. The smoke values' embedder and language detector stand in for the published ones. Ten
kept and ten dropped documents of each of three languages, or of the pages, are printed with score and beginning, to be
looked at.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation import load_recipe, run
from curation.blocks.published_beside import rows_of
from curation.report import funnel, funnel_table

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LOOKED_AT = ("Python", "SQL", "Rust")
_SHOWN = 10


def recorded(name: str) -> list[dict[str, Any]]:
    with gzip.open(SHARED / "labels" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def code(folder: Path) -> dict[str, Any]:
    """The settings for the code files: a URL names each, as in the recorded labels."""
    table = pq.read_table(SHARED / "code" / "code_files.parquet")
    urls = [
        f"{repo}/{path}" for repo, path in zip(*(table[name].to_pylist() for name in ("repo", "path")), strict=True)
    ]
    pq.write_table(table.append_column("url", pa.array(urls)), folder / "code.parquet")
    replies = [{"url": row["url"], "reply": row["reply"]} for row in recorded("stack_edu_5pt")]
    write_lines(folder / "replies.jsonl", replies)
    return {
        "inputs": [str(folder / "code.parquet")],
        "columns": {"text": "content", "repo_name": "repo", "detected_licenses": "license"},
        "judged": {"judge": f"replay:{folder / 'replies.jsonl'}", "replay_only": True},
        "decontamination": {"benchmarks": [f"{n}={SHARED}/benchmarks/{n}.jsonl.gz" for n in ("humaneval", "mbpp")]},
    }


def web() -> dict[str, Any]:
    """The settings for the pages. Of the labelled ones few pass FineWeb's rules, so the labels are given, not drawn."""
    return {
        "inputs": [str(SHARED / "web" / part) for part in ("archives", "pages", "gold")],
        "judged": {"labels": str(SHARED / "labels" / "fineweb_edu_5pt.jsonl.gz")},
        "decontamination": {"benchmarks": []},
    }


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def show(title: str, rows: list[dict[str, Any]]) -> None:
    print(f"\n### {title}")
    random.Random(0).shuffle(rows)
    for row in sorted(rows[:_SHOWN], key=lambda row: -row["calibrated_score"]):
        name = row.get("path") or row.get("url")
        print(f"- {row['calibrated_score']:.2f} {name}\n      {' '.join(row['text'][:300].split())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=["stack_edu", "fineweb_edu"], nargs="?", default="stack_edu")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    given = parser.parse_args()
    if not SHARED.exists():
        print(f"skipped: needs {SHARED}")
        return
    with tempfile.TemporaryDirectory() as temporary:
        output = given.output or Path(temporary) / "out"
        settings = Path(f"{output}-settings")
        settings.mkdir(parents=True, exist_ok=True)
        values = code(settings) if given.recipe == "stack_edu" else web()
        recipe = load_recipe(given.recipe, config=f"{given.recipe}-smoke", overrides=given.sets, values=values)
        started = time.perf_counter()
        report = run(recipe, str(output))
        print(f"{time.perf_counter() - started:.1f} s, peak memory {report.peak_memory_gb:.2f} GB\n")
        print(funnel_table(funnel(str(output), list(report.records))))
        print("\n" + (output / "publish/data/README.md").read_text(encoding="utf-8"))
        kept, dropped = list(rows_of(str(output / "select/data"))), list(rows_of(str(output / "select/removed")))
        for one in LOOKED_AT if given.recipe == "stack_edu" else (None,):
            wanted = f" {one}" if one else ""
            show(f"kept{wanted}", [row for row in kept if one in (None, row.get("language"))])
            show(f"dropped{wanted}", [row for row in dropped if one in (None, row.get("language"))])


if __name__ == "__main__":
    main()
