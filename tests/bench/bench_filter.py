"""Another threshold on scores that are there: seconds, memory and bytes read, beside the same query by hand.

    python tests/bench/bench_filter.py                     # a million scored rows of 15 languages, texts of 2 kB
    python tests/bench/bench_filter.py --rows 100000 --shards 4

The rows are made up: scores as a classifier gives them, sizes and licences as code has them, texts of random words, in
a run's folder as a recipe leaves it (stages ``score`` and ``scores``). Every measurement runs in a process of its own.
"By hand" is pyarrow.dataset (and DuckDB, where it is installed) with one threshold for each language on the same files,
the narrow ones, and the wide ones that are all that there is without a stage ``scores``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation.blocks.read import columns_of
from curation.blocks.scores import KeepScores
from curation.blocks.shards import RunShards
from curation.folder import Folder
from curation.manifest import Manifest, digest, fix_shards
from curation.text.code_languages import code_languages

RECIPE = """
from dataclasses import dataclass

from curation import KeepScore, Stage


@dataclass(frozen=True, kw_only=True)
class Settings:
    threshold: float


def stages(s):
    keep = KeepScore(threshold=s.threshold, cut="published", by="language", threshold_of={"Java": 2.0})
    return [Stage(name="select", reads=("nothing",), steps=[keep])]
"""
LICENCES = (["MIT"], ["Apache-2.0"], ["BSD-3-Clause"], [], ["GPL-3.0-only"], ["MIT", "GPL-2.0-only"], ["MPL-2.0"])
GROUPS = ("permissive", "permissive", "permissive", "no_license", "non_permissive", "non_permissive", "non_permissive")
SHARES = (0.3, 0.2, 0.08, 0.3, 0.06, 0.03, 0.03)
CALLS = {
    "table only": {},
    "another threshold": {"threshold_of": {"python": 4, "java": 2.7}},
    "python, permissive": {"languages": ["python"], "licences": ["permissive"], "threshold": 3},
    "best 10 %": {"keep_share": 0.1},
    "with output": {"output": "OUT"},
    "with texts": {"output": "OUT", "with_text": True},
    "swift, with texts": {"output": "OUT", "with_text": True, "languages": ["swift"], "threshold": 4},
}


def make(folder: Path, rows: int, shards: int, characters: int) -> None:
    """A run's folder with the stages score and scores."""
    rng = np.random.default_rng(7)
    words = ["".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(5000)]
    names = list(code_languages())
    weight = 1 / (1 + np.arange(len(names)))
    each = rows // shards
    (folder / "score/data").mkdir(parents=True)
    for shard in range(shards):
        language = rng.choice(len(names), each, p=weight / weight.sum())
        score = np.clip(rng.normal(2.1, 0.9, each), -0.4, 5.3)
        licence = rng.choice(len(LICENCES), each, p=SHARES)
        text = [" ".join(rng.choice(words, characters // 6)) for _ in range(min(each, 500))]
        first = shard * each
        table = pa.table(
            {
                "id": [f"{n:040x}" for n in rng.integers(0, 2**62, each)],
                "text": pa.array(
                    [f"{n}\n{text[n % len(text)]}" for n in range(first, first + each)], pa.large_string()
                ),
                "repo_name": [f"owner{n % 9973}/repository{n % 7919}" for n in range(first, first + each)],
                "path": [f"src/package{n % 101}/module{n}.txt" for n in range(each)],
                "language": np.array(names)[language],
                "license_type": np.array(GROUPS)[licence],
                "detected_licenses": [LICENCES[n] for n in licence],
                "length_bytes": pa.array(rng.lognormal(8, 1, each).astype(np.int64)),
                "star_events_count": pa.array(rng.integers(0, 50, each)),
                "score": score,
                "int_score": np.rint(np.clip(score, 0, 5)).astype(np.int64),
                "calibrated_score": score * 1.1,
                "token_count": pa.array(rng.lognormal(7, 1, each).astype(np.int32)),
                "char_count": pa.array(rng.lognormal(8, 1, each).astype(np.int32)),
            }
        )
        pq.write_table(table, folder / f"score/data/{shard:05d}.parquet", compression="zstd", row_group_size=1000)
    finish(Manifest(Folder(str(folder / "score"))), {"stage": "score"})
    files = sorted((folder / "score/data").iterdir())
    fixed = fix_shards([(str(file), file.stat().st_size) for file in files], gather=False, most=len(files))
    identity, begun = {"stage": "scores", "reads": digest({"stage": "score"})}, time.perf_counter()
    manifest = Manifest(Folder(str(folder / "scores")))
    manifest.start(identity, fixed, {})
    RunShards(
        folder=str(folder / "scores"),
        digest=digest(identity),
        shards=fixed,
        total=len(fixed),
        steps=[KeepScores()],
        columns=columns_of([str(file) for file in files], {}, False),
        mapping={},
        removed="none",
        balanced=True,
    ).run()
    manifest.finish(identity, {})
    sizes = {
        name: sum(one.stat().st_size for one in (folder / name / "data").iterdir()) for name in ("score", "scores")
    }
    print(
        f"{rows:,} rows in {shards} files: score {sizes['score'] / 1e6:.0f} MB, scores {sizes['scores'] / 1e6:.1f} MB"
    )
    print(f"stage scores: {time.perf_counter() - begun:.1f} s")
    (folder / "mine.py").write_text(RECIPE)
    (folder / "mine.yaml").write_text("threshold: 3\n")


def finish(manifest: Manifest, identity: dict[str, str]) -> None:
    manifest.start(identity, [], {})
    manifest.finish(identity, {})


def by_hand(folder: Path, stage: str) -> dict[str, object]:
    """The table with pyarrow.dataset: every language with its threshold, documents and tokens before and after."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    least = pc.if_else(pc.field("language") == "Java", 2, 3)
    columns = {"language": pc.field("language"), "tokens": pc.field("token_count")}
    columns["kept"] = pc.field("int_score") >= least
    table = ds.dataset(str(folder / stage / "data"), format="parquet").to_table(columns=columns)
    found = table.group_by(["language", "kept"]).aggregate([("tokens", "sum"), ("tokens", "count")])
    return {"kept": sum(row["tokens_count"] for row in found.to_pylist() if row["kept"])}


def by_duckdb(folder: Path, stage: str) -> dict[str, object]:
    import duckdb

    found = duckdb.sql(
        "select language, int_score >= case when language = 'Java' then 2 else 3 end as kept, count(*), "
        f"sum(token_count) from '{folder}/{stage}/data/*.parquet' group by all"
    ).fetchall()
    return {"kept": sum(row[2] for row in found if row[1])}


def measure(folder: Path, what: str) -> dict[str, object]:
    """One measurement, in this process."""
    begun = time.perf_counter()
    if what.startswith(("pyarrow", "duckdb")):
        tool, stage = what.split()
        found = (by_hand if tool == "pyarrow" else by_duckdb)(folder, stage)
    else:
        from curation.filtering.filter_scores import filter_scores

        with tempfile.TemporaryDirectory(dir=folder) as output:
            arguments = {k: output if v == "OUT" else v for k, v in CALLS[what].items()}
            report = filter_scores(str(folder), recipe=str(folder / "mine.py"), **arguments)
            written = sum(one.stat().st_size for one in Path(output).rglob("*.parquet"))
            found = {"kept": report.total.documents_kept, "read": report.bytes_read, "written": written}
    seconds = time.perf_counter() - begun
    return {**found, "seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--characters", type=int, default=2000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only")
    given = parser.parse_args()
    if given.only == "make":  # apart, because a process begins with the memory of the one that starts it
        make(given.folder, given.rows, given.shards, given.characters)
        return
    if given.only:
        print(json.dumps(measure(given.folder, given.only)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        sizes = [f"--{name}={getattr(given, name)}" for name in ("rows", "shards", "characters")]
        subprocess.run([sys.executable, __file__, "--folder", made, "--only", "make", *sizes], check=True)
        others = ["pyarrow scores", "pyarrow score"]
        if importlib.util.find_spec("duckdb"):
            others += ["duckdb scores", "duckdb score"]
        print(f"{'':22} {'seconds':>8} {'process':>8} {'memory':>8} {'read':>10} {'written':>10} {'kept':>10}")
        for what in (*CALLS, *others):
            begun = time.perf_counter()
            call = [sys.executable, __file__, "--folder", made, "--only", what]
            found = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
            whole = time.perf_counter() - begun
            read, written = (f"{found[key] / 1e6:.1f} MB" if key in found else "" for key in ("read", "written"))
            print(
                f"{what:22} {found['seconds']:8.2f} {whole:8.2f} {found['memory'] / 1e6:5.0f} MB "
                f"{read:>10} {written:>10} {found['kept']:10,}"
            )


if __name__ == "__main__":
    main()
