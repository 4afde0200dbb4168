import gzip
import json
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def rows(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"real data not on this machine: {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def web_texts():
    return [row["text"] for row in rows("texts/web_texts.jsonl.gz")]


@pytest.fixture(scope="session")
def gsm8k():
    return rows("benchmarks/gsm8k_test.jsonl.gz")
