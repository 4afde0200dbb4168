"""How fast files of code are fetched, listed, read and given their licences, and how far licences agree. By hand:

    python tests/bench/bench_reading.py [FOLDER]

FOLDER is a folder of checkouts; without it, files are made. Licences are compared with what installed packages say.
"""

from __future__ import annotations

import email.parser
import gzip
import site
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from curation.blocks.contents import ReadContents
from curation.blocks.fetching import Fetcher
from curation.blocks.licence import ReadLicence
from curation.blocks.read import read_files
from curation.file_groups import group_files, list_groups
from curation.text.licence_texts import classifier_licences, is_licence_file, licences_of_file
from curation.text.licences import licence_ids, licence_list, license_type


class Slow(MemoryFileSystem):
    """A store that takes 50 ms for each object."""

    protocol = "slow"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + path.removeprefix("slow://").lstrip("/")

    def cat_file(self, path, start=None, end=None, **options):
        time.sleep(0.05)
        return super().cat_file(path, start, end, **options)


def fetching():
    fsspec.register_implementation("slow", Slow, clobber=True)
    store = Slow()
    for number in range(1600):
        store.pipe_file(f"/b/{number:040d}", gzip.compress(b"x = 1\n" * 1000))
    for concurrency, count in ((1, 40), (8, 400), (32, 1600)):
        rows = ({"blob_id": f"{number:040d}"} for number in range(count))
        begun = time.perf_counter()
        list(Fetcher("slow://b/{blob_id}", concurrency).fetch_all(rows, lambda row: row, lambda row: 0))
        print(f"fetches/s at 50 ms each, concurrency {concurrency}: {count / (time.perf_counter() - begun):.0f}")


def made(folder: Path, count: int = 20_000) -> Path:
    for number in range(count):
        path = folder / f"package{number // 2000}" / f"module{number // 100}" / f"file_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def function_{number}():\n    return {number}\n" * 20)
    return folder


def reading(folder: Path):
    begun = time.perf_counter()
    groups = list_groups(str(folder))
    count = sum(len(group_files(group.name)[0]) for group in groups)
    print(f"listing {count:,} files: {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    docs = list(ReadContents().run(read_files([group.name for group in groups])))
    print(f"reading: {len(docs) / (time.perf_counter() - begun):,.0f} files/s")
    begun, step = time.perf_counter(), ReadLicence()
    list(step.run(iter(docs)))
    print(f"licences: {len(docs) / (time.perf_counter() - begun):,.0f} files/s, {dict(step.counts)}")


def agreement():
    found: Counter[str] = Counter()
    for folder in sorted(Path(site.getsitepackages()[0]).glob("*.dist-info")):
        said = said_by(folder)
        files = [path for path in folder.rglob("*") if path.is_file() and is_licence_file(path.name)]
        top = [path for path in files if len(path.parts) == min(len(one.parts) for one in files)]
        if not said or not top:
            continue
        told = licence_list([one for p in top for one in licences_of_file(p.name, p.read_text(errors="replace"))])
        found["packages"] += 1
        found["same licences"] += ids(said) == ids(told)
        found["said are among those found"] += ids(said) <= ids(told)
        found["same group"] += license_type(said) == license_type(told)
    print(f"licence texts of installed packages against their metadata: {dict(found)}")


def said_by(folder: Path) -> list[str]:
    metadata = email.parser.Parser().parsestr((folder / "METADATA").read_text(errors="replace"))
    classifiers = [str(one) for one in metadata.get_all("Classifier") or []]
    expression = metadata.get("License-Expression")
    return licence_list(expression) if expression else classifier_licences(classifiers)


def ids(licences: list[str]) -> set[str]:
    """Without "or later", which a licence's text does not tell."""
    return {
        name.removesuffix("-only").removesuffix("-or-later") for licence in licences for name in licence_ids(licence)
    }


if __name__ == "__main__":
    fetching()
    with tempfile.TemporaryDirectory() as temporary:
        reading(Path(sys.argv[1]) if len(sys.argv) > 1 else made(Path(temporary)))
    agreement()
