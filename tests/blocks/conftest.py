"""Documents, stages and an embedder that the tests of the steps share."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document

from curation.blocks.read import columns_of
from curation.blocks.shards import RunShards
from curation.folder import Folder
from curation.manifest import Manifest, digest, fix_shards

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


class ToyEmbedder:
    """Counts of hashed words: 64 wide, no torch, the same in any process."""

    def __init__(self):
        self.identity = {"embedder": "toy", "revision": "1"}

    def embed(self, texts):
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                rows[row, hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=1).digest()[0] % 64] += 1
        return rows


class Kept:
    """An exclusion writer that remembers, in place of a file."""

    def __init__(self):
        self.rows = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def write(self, doc, rank=0):
        self.rows.append({"id": doc.id, **doc.metadata})


class OneStage:
    """Run steps on files as a recipe's stage does, in this process."""

    def __init__(self, folder):
        self.folder = Folder(str(folder))
        self.manifest = Manifest(self.folder)
        self.records = []

    def run(
        self,
        files,
        *steps,
        mapping=None,
        removed="full",
        gather=False,
        rows_per_file=None,
        shards=1000,
        parts=None,
        outside=True,
    ):
        files = [str(file) for file in files]
        fixed = fix_shards(
            [(file, Path(file).stat().st_size) for file in files], gather=gather, most=shards, parts=parts
        )
        self.manifest.start({"stage": "test"}, fixed, {})
        for record in self.folder.list_files("shards", ".json"):  # another run takes all shards again
            self.folder.remove(record)
        runner = RunShards(
            folder=self.folder.location,
            digest=digest({"stage": "test"}),
            shards=fixed,
            total=len(fixed),
            steps=list(steps),
            columns=columns_of(files, mapping or {}, outside),
            mapping=mapping or {},
            removed=removed,
            balanced=not (gather or parts or any(getattr(step, "gives_rows_of_its_own", False) for step in steps)),
            rows_per_file=rows_per_file,
        )
        runner.run()
        self.records = self.manifest.records()
        return self.rows("data")

    def rows(self, part="removed"):
        names = self.folder.list_files(part, ".parquet")
        return [row for name in names for row in pq.read_table(self.folder.path(name)).to_pylist()]

    def schema(self, part="data"):
        schema = pq.read_schema(self.folder.path(f"{part}/00000.parquet"))
        return dict(zip(schema.names, schema.types, strict=True))

    def everything(self):
        return sorted(str(Path(path).relative_to(self.folder.root)) for path in self.folder.fs.find(self.folder.root))


@pytest.fixture
def stage(tmp_path):
    return OneStage(tmp_path / "stage")


@pytest.fixture
def toy():
    return ToyEmbedder()


def document(text="text", identifier="1", **metadata):
    return Document(text=text, id=identifier, metadata=metadata)


def write_jsonl(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_parquet(path, rows, **types):
    table = pa.Table.from_pylist(rows, pa.schema(list(types.items())) if types else None)
    pq.write_table(table, path)
    return path


def shared(name):
    """A file of the real data."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real data not on this machine: {path}")
    return path
