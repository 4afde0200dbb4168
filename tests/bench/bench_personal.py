"""Documents a second of masking and of language detection, one process: `python tests/bench/bench_personal.py [LID]`.

LID is a fastText language model, such as lid.176.ftz.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.pipeline.formatters import PIIFormatter
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

from curation.text.language import load_detector
from curation.text.personal import replace_personal
from curation.text.secrets import find_secrets

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LONG = {
    "decorators": "a/" * 20_000 + "@ ",
    "minified": 'a={"password":b,"key":"c1","token":d("x"),secret:e==="f"},' * 2_000,
    "names and a long word": ("password" * 20 + "a" * 1_800 + " \n") * 50,
}


def measure(name, function, values):
    function(values[0])
    start = time.perf_counter()
    for value in values:
        function(value)
    seconds = time.perf_counter() - start
    print(f"{name:46s} {len(values) / seconds:10,.0f} /s {sum(map(len, values)) / seconds / 1e6:8.1f} MB/s")


def scan_as_it_comes(text):
    """detect-secrets by its own entrance, which reads files."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file, default_settings():
        file.write(text)
        file.flush()
        found = SecretsCollection()
        found.scan_file(file.name)


def main():
    with gzip.open(DATA / "texts" / "web_texts.jsonl.gz", "rt", encoding="utf-8") as rows:
        texts = [json.loads(row)["text"] for row in rows]
    files = pq.read_table(DATA / "code" / "code_files.parquet", columns=["path", "content"]).to_pylist()
    code = [file["content"] for file in files]
    for name, values in (("web texts", texts), ("code files", code)):
        measure(f"{name}: datatrove's PIIFormatter", PIIFormatter().format, values)
        measure(f"{name}: replace_personal", replace_personal, values)
    measure("code files: detect-secrets as it comes, 200", scan_as_it_comes, code[::17])
    paths = iter([files[0]["path"], *(file["path"] for file in files)])
    measure("code files: find_secrets", lambda text: find_secrets(text, next(paths)), code)
    for name, text in LONG.items():
        measure(f"{name}: replace_personal", replace_personal, [text])
        measure(f"{name}: find_secrets", find_secrets, [text])
    for spec in ("langid", *(f"fasttext:{path}" for path in sys.argv[1:])):
        detector, some = load_detector(spec), texts[:2000]
        measure(f"{Path(spec).name}: detect", detector.detect, some)
        batches = [some[start : start + 256] for start in range(0, len(some), 256)]
        start = time.perf_counter()
        for batch in batches:
            detector.detect_batch(batch)
        print(f"{Path(spec).name}: detect_batch of 256 {len(some) / (time.perf_counter() - start):,.0f} /s")


if __name__ == "__main__":
    main()
