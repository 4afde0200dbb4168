"""What is merged and what is not of pages that are near-duplicates on purpose: three Stan guides, renderings of a book.

    python tests/bench/bench_dedup_pages.py            # 14 x 8, verified at .8
    python tests/bench/bench_dedup_pages.py 1 10       # FineMath's single band, unverified

Pages of ../shared/data/math are extracted, and for every removal the pair is printed with its exact similarity; of the
pages of the same families that stay, the most similar pairs are printed, so that one sees what was not merged.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curation import Dedup, dedup, html_to_text
from curation.blocks.read import read_files
from curation.text.minhash import MinHash
from curation.text.similarity import similarities

MATH = Path(__file__).resolve().parents[3] / "shared" / "data" / "math"
FAMILIES = ("stan-users-guide-*.warc.gz", "fdm-book.warc.gz")
SHOWN = 10


def pages(pattern):
    for path in sorted(MATH.glob(pattern)):
        for doc in read_files([str(path)]):
            yield {"id": doc.metadata["url"], "text": html_to_text(doc.metadata["html"])}


def study(rows, bands, rows_a_band, threshold):
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.Table.from_pylist(rows), f"{folder}/in.parquet")
        settings = Dedup(bands=bands, rows=rows_a_band, threshold=threshold, keep=("first",))
        dedup(f"{folder}/in.parquet", output=f"{folder}/out", settings=settings, workers=1)
        removed = pq.read_table(f"{folder}/out/dedup/removed").to_pylist()
        kept = pq.read_table(f"{folder}/out/dedup/data", columns=["id", "text"]).to_pylist()
    print(f"  {len(rows)} pages, {len(kept)} kept, {len(removed)} dropped")
    removed.sort(key=lambda row: row["similarity"])
    print(f"  merged: lowest similarities of {len(removed)}, and the middle one")
    for row in [*removed[:SHOWN], *removed[len(removed) // 2 :][:1]]:
        print(f"    {row['similarity']:.3f} {row['reason']:16} {row['id']}\n          for {row['duplicate_of']}")
    values, offsets = MinHash().shingle_sets([row["text"] for row in kept])
    left, right = np.array(list(itertools.combinations(range(len(kept)), 2)), np.int64).T.copy()
    jaccard, _ = similarities(values, offsets, left, right)
    print("  not merged: highest similarities of pairs that both stay")
    for place in np.argsort(-jaccard, kind="stable")[:SHOWN]:
        print(f"    {jaccard[place]:.3f} {kept[left[place]]['id']}\n          and {kept[right[place]]['id']}")


def main():
    if not MATH.exists():
        sys.exit(f"skipped: {MATH} is not there")
    bands, rows_a_band = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (14, 8)
    for pattern in FAMILIES:
        rows = list(pages(pattern))
        for threshold in (0.8, None):
            print(f"{pattern}, {bands} x {rows_a_band}, {f'verified at {threshold}' if threshold else 'unverified'}")
            study(rows, bands, rows_a_band, threshold)


if __name__ == "__main__":
    main()
