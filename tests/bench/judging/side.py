"""One side of the comparison, in a process of its own: what it took stands in one line of JSON at the end.

    python -m tests.bench.judging.side annotate --url http://127.0.0.1:8000 --input documents.parquet --folder scratch

``ask`` is `curation.annotation.judge.ask` over an `EndpointJudge`, ``annotate`` is `curation.labelling.annotate` whole,
``runner`` datatrove's InferenceRunner alone and ``runner-checkpoints`` the same with its request cache and checkpoints,
which is its way not to pay twice. All read the same parquet and send the same messages.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curation.annotation.judge import Request, ask, open_judge
from curation.annotation.judging import Judging
from curation.annotation.prompt import load_prompt
from curation.labelling import annotate

PROMPT = "finemath_5pt"
_TICKS = os.sysconf("SC_CLK_TCK")


def read_rows(path: str) -> Iterator[tuple[str, str]]:
    """Id and text of each document, a thousand in memory."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            yield from zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True)


def tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    found = [root]
    for process in found:
        found += parents.get(process, [])
    return found


def cpu_seconds(process: int) -> float:
    """Of a process and its buried children."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def ask_judge(given: argparse.Namespace) -> dict[str, float]:
    """The judge alone: requests from a generator, replies thrown away."""
    prompt = load_prompt(PROMPT)
    judge = open_judge(f"endpoint:{given.url}#tiny", generation=prompt.generation, concurrency=given.concurrency)
    judge.check()  # imports what it needs, as those of the runner are imported before its time begins
    requests = (Request(one, None, tuple(prompt.messages(text))) for one, text in read_rows(given.input))
    cpu, start = time.process_time(), time.perf_counter()
    failed = sum(reply.text is None for _, reply in ask(judge, requests))
    took = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu, "failed": failed}
    judge.close()
    return took


class _StageCpu:
    """Progress of a run that notes what CPU time the stage ``annotate`` takes, in all of the run's processes."""

    def __init__(self) -> None:
        self.cpu, self.wall = 0.0, 0.0

    def begin(self, planned: Any, shards: int, done: int, marks: str | None) -> None:
        if planned.stage.name == "annotate":
            self.cpu = -self._all()

    def end(self, planned: Any, record: Any) -> None:
        if planned.stage.name == "annotate":
            self.cpu += self._all()
            self.wall = record["wall_seconds"]

    def __getattr__(self, name: str) -> Any:
        """Whatever else may be told."""
        return lambda *_, **__: None

    def _all(self) -> float:
        return sum(map(cpu_seconds, tree(os.getpid())))


def annotate_all(given: argparse.Namespace) -> dict[str, float]:
    """The command; its figures are those of the stage that asks."""
    progress = _StageCpu()
    annotate(
        given.input, prompt=PROMPT, judge=f"endpoint:{given.url}#tiny", output=f"{given.folder}/out",
        judging=Judging(concurrency=given.concurrency), progress=progress,
    )  # fmt: skip
    labels = Path(given.folder, "out/annotate/data").glob("*.parquet")
    failed = sum(pq.read_table(path, columns=["label"])["label"].null_count for path in labels)
    return {"seconds": progress.wall, "cpu_seconds": progress.cpu, "failed": failed}


def run_runner(given: argparse.Namespace) -> dict[str, float]:
    """datatrove's runner: read, asked, written as JSON lines."""
    from tests.bench.judging.datatrove_side import run_inference

    checkpoints = f"{given.folder}/checkpoints" if given.side == "runner-checkpoints" else None
    cpu, start = time.process_time(), time.perf_counter()
    written = run_inference(given.url, given.input, f"{given.folder}/out", PROMPT, given.concurrency, checkpoints)
    took = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    return {**took, "failed": pq.read_metadata(given.input).num_rows - written}


SIDES = {"ask": ask_judge, "annotate": annotate_all, "runner": run_runner, "runner-checkpoints": run_runner}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--concurrency", type=int, default=512)
    given = parser.parse_args()
    print(json.dumps(SIDES[given.side](given)))


if __name__ == "__main__":
    main()
