"""The card's tables on a million scored rows of pages and of code: seconds and peak memory.

    PYTHONPATH=. python tests/bench/bench_card.py [ROWS]

Pages are of 400,000 domains and code of 500,000 repositories, both with a long tail. Each is measured in a process of
its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.blocks.publish import PublishCard, PublishRows
from curation.recipe import RunContext
from curation.text.code_languages import code_languages

ROWS_PER_FILE = 100_000
LICENCES = ((["MIT"], "permissive"), (["Apache-2.0"], "permissive"), ([], "no_license"), (["ISC", "MIT"], "permissive"))


def tables(kind: str, rows: int):
    rng = np.random.default_rng(0)
    names = list(code_languages())
    for part in range(rows // ROWS_PER_FILE):
        n = ROWS_PER_FILE
        score = np.clip(rng.normal(1.8, 1.1, n), -1, 5.5)
        common = {
            "id": [f"<urn:{part}:{row}>" for row in range(n)],
            "token_count": pa.array(rng.integers(50, 4000, n), pa.int32()),
            "score": score,
            "int_score": np.rint(np.clip(score, 0, 5)).astype(np.int64),
        }
        if kind == "pages":
            sites = np.minimum(rng.zipf(1.3, n), 400_000)
            yield pa.table(common | {"url": [f"https://www.site{s}.co.uk/{part}/{i}" for i, s in enumerate(sites)]})
            continue
        licences = [LICENCES[one] for one in rng.integers(0, len(LICENCES), n)]
        yield pa.table(
            common
            | {
                "repo_name": [f"user{one}/repo" for one in np.minimum(rng.zipf(1.2, n), 500_000)],
                "language": [names[one] for one in rng.integers(0, len(names), n)],
                "license_type": [group for _, group in licences],
                "detected_licenses": pa.array([ids for ids, _ in licences], pa.list_(pa.string())),
            }
        )


def make(folder: Path, kind: str, rows: int) -> None:
    for stage, part in (("scores", "data"), ("decontaminate", "data"), ("select", "removed")):
        (folder / stage / part).mkdir(parents=True)
    for number, table in enumerate(tables(kind, rows)):
        name = f"{number:05d}.parquet"
        pq.write_table(table, folder / "scores/data" / name, row_group_size=10_000)
        pq.write_table(table, folder / "decontaminate/data" / name, row_group_size=10_000)
        reasons = pa.array(["below_threshold"] * table.num_rows)
        pq.write_table(table.append_column("reason", reasons), folder / "select/removed" / name, row_group_size=10_000)


def measure(folder: Path, kind: str, rows: int) -> None:
    routes: dict = {"configs": ("three", "two"), "thresholds": (3, 2), "cut": "published"}
    if kind == "code":
        languages = code_languages().values()
        routes = {
            "configs": tuple(one.config for one in languages),
            "thresholds": tuple(one.threshold for one in languages),
            "values": tuple(one.name for one in languages),
            "cut": "published",
            "by": "language",
        }
    columns = PublishRows(columns="stack_edu" if kind == "code" else "fineweb_edu", **routes).schema({"language": 0})
    first = folder / "publish/data" / routes["configs"][0]
    first.mkdir(parents=True)
    pq.write_table(pa.schema(list(columns.items())).empty_table(), first / "train-00000.parquet")
    stages = [("scores", "score"), ("select", "score"), ("decontaminate", "select"), ("publish", "decontaminate")]
    context = RunContext(
        output=str(folder),
        folder=str(folder / "publish"),
        recipe="bench",
        origin="bench",
        settings={"tokenizer": "gpt2"},
        stages=stages,
        left_out={},
    )
    before, started = peak(), time.perf_counter()
    PublishCard(dataset="bench", licence="other", scores=str(folder / "scores/data"), **routes).finish(context)
    seconds = time.perf_counter() - started
    print(f"{kind:6} {rows:>10,} rows: {seconds:5.2f} s, peak {peak():.0f} MB, of which {before:.0f} MB before")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _, doing, at, which, count = sys.argv
        (make if doing == "make" else measure)(Path(at), which, int(count))
        sys.exit()
    wanted = int(sys.argv[1]) if len(sys.argv) == 2 else 1_000_000
    for one in ("pages", "code"):
        with tempfile.TemporaryDirectory() as made:
            for doing in ("make", "measure"):  # a process each: a child's peak is at least its parent's
                subprocess.run([sys.executable, __file__, doing, made, one, str(wanted)], check=True)
