"""A recipe without models, and what the end-to-end tests look at in the folders of runs."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

TOY = '''
"""Measure texts, keep the long ones, join them: a recipe without any model, slow, failing or dying if told so."""

import os
import signal
import time
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from curation import KeepScore, Stage
from curation.blocks.step import Step, tuning


@dataclass(kw_only=True, repr=False)
class Measure(Step):
    adds: ClassVar[dict[str, pa.DataType]] = {"score": pa.float64(), "int_score": pa.int64()}

    factor: int
    pause_seconds: float = tuning(0.0)
    fails_at: str | None = tuning(None)
    dies_at: str | None = tuning(None)
    loses: str | None = tuning(None)

    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            time.sleep(self.pause_seconds)
            if doc.id == self.fails_at:
                raise ZeroDivisionError(f"cannot measure {doc.id}")
            if doc.id == self.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if not doc.text:
                self.drop(doc, "empty", rank)
                continue
            print("measured", doc.id)
            doc.metadata["score"] = len(doc.text) * self.factor % 60 / 10
            doc.metadata["int_score"] = round(doc.metadata["score"])
            if doc.id != self.loses:
                yield doc


@dataclass(kw_only=True, repr=False)
class SayWorker(Step):
    def run(self, data, rank=0, world_size=1):
        time.sleep(0.05)
        print("worker", os.getpid())
        yield from data or ()


@dataclass(kw_only=True, repr=False)
class Join(Step):
    def run(self, data, rank=0, world_size=1):
        for doc in data or ():
            self.count("joined")
            yield doc


@dataclass(frozen=True, kw_only=True)
class Settings:
    inputs: tuple[str, ...]
    factor: int = 7
    threshold: float = 3
    costly_end: bool = False
    pause_seconds: float = 0.0
    fails_at: str | None = None
    dies_at: str | None = None
    loses: str | None = None


def stages(s: Settings) -> list[Stage]:
    measure = Measure(
        factor=s.factor, pause_seconds=s.pause_seconds, fails_at=s.fails_at, dies_at=s.dies_at, loses=s.loses
    )
    return [
        Stage(name="measure", reads=s.inputs, steps=[measure], costly=True),
        Stage(name="select", reads="measure", steps=[SayWorker(), KeepScore(threshold=s.threshold, cut="published")]),
        Stage(name="join", reads="select", steps=[Join()], gather=True, rows_per_file=50, costly=s.costly_end),
    ]
'''


def tree(folder, parts=("data", "removed")):
    """Path -> digest of every file in the ``data/`` and ``removed/`` of all stages, hidden ones included."""
    folder = Path(folder)
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = path.relative_to(folder).parts
        if len(inside) > 2 and inside[1] in parts:
            found["/".join(inside)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def everything(folder):
    """Path -> (bytes, time of writing) of every file below a folder."""
    paths = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def rows_of(folder):
    """The rows of all parquet files directly in a folder, in order."""
    import pyarrow.parquet as pq

    return [row for path in sorted(Path(folder).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def record_of(folder):
    """A stage's ``stage.json``."""
    return json.loads((Path(folder) / "stage.json").read_text())


def opened(asked, home):
    """What `datasets.load_dataset` finds in a fresh interpreter: (rows, column names) of each [folder, configuration].

    A configuration of None is the default one. ``home`` is a folder for its cache.
    """
    code = (
        "import json, sys; from datasets import load_dataset\n"
        "for folder, config in json.loads(sys.argv[1]):\n"
        "    found = load_dataset(folder, config, split='train')\n"
        "    print(json.dumps([len(found), found.column_names]))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, json.dumps([[str(folder), config] for folder, config in asked])],
        capture_output=True,
        text=True,
        cwd=home,
        env=os.environ | {"HF_HOME": str(home / "home"), "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    return [tuple(json.loads(line)) for line in shown.stdout.splitlines()]


def curate(*arguments, cwd=None, **environment):
    """Run the command ``curate`` in a fresh interpreter, elsewhere than in the checkout."""
    return subprocess.run(
        [*CURATE, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd or "/",
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
        timeout=200,
        check=False,
    )


CURATE = (sys.executable, "-c", "from curation.cli import main; main()")
"""As the entry point of the package does."""


SAMPLE = Path(__file__).resolve().parents[1] / "pipelines" / "sample"
"""The bundled pages."""
