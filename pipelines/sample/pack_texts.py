"""The pages of the sample as texts, as a dataset on the Hub has them: finemath-*.warc.gz -> texts.parquet.

python pipelines/sample/pack_texts.py            # needs curation itself: the texts are what it extracts
python pipelines/sample/pack_texts.py --to /tmp  # the same, elsewhere
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation import html_to_text
from curation.blocks.read import read_files

HERE = Path(__file__).resolve().parent


def pack(folder: Path) -> Path:
    """Write the texts into `folder`: url and text, in the order of the archives; pages without text are left out."""
    pages = read_files([str(path) for path in sorted(HERE.glob("finemath-*.warc.gz"))])
    texts = {str(page.metadata["url"]): html_to_text(page.metadata["html"]) for page in pages}
    rows = [(url, text) for url, text in texts.items() if text.strip()]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "texts.parquet"
    table = pa.table({"url": [url for url, _ in rows], "text": [text for _, text in rows]})
    pq.write_table(table, target, compression="zstd")
    return target


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=HERE)
    print(pack(parser.parse_args().to))
