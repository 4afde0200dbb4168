"""Pack the files of the code sample into one table, the same bytes every time, or lay them out as checkouts.

    python pipelines/sample/code/pack_code.py                  # files.jsonl -> code.parquet
    python pipelines/sample/code/pack_code.py --to /tmp        # the same, elsewhere
    python pipelines/sample/code/pack_code.py --checkouts /t   # /t/{owner}/{name}/..., each with a .git/config

A line of files.jsonl is one file: `repo_name`, `path`, `content` (or `content_base64`, for bytes that are no UTF-8 and
for planted secrets, which scanners of repositories would report), `star_events_count`, `fork_events_count`,
`revision_date` and `detected_licenses`, which is null where nothing but the files tells the licence.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
HOST = "https://git.example"
SCHEMA = pa.schema(
    {
        "blob_id": pa.string(),
        "repo_name": pa.string(),
        "path": pa.string(),
        "content": pa.binary(),
        "length_bytes": pa.int64(),
        "star_events_count": pa.int64(),
        "fork_events_count": pa.int64(),
        "revision_date": pa.timestamp("us"),
        "detected_licenses": pa.list_(pa.string()),
    }
)


def blob_id(content: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def read_sources(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of the table, in the order of the lines.

    Raises:
        ValueError: for a line that has not exactly one of `content` and `content_base64`.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        source = json.loads(line)
        if ("content" in source) == ("content_base64" in source):
            raise ValueError(f"{path.name}, line {number}: expected either content or content_base64")
        text, coded = source.pop("content", None), source.pop("content_base64", None)
        content = base64.b64decode(coded, validate=True) if text is None else text.encode("utf-8")
        date = datetime.fromisoformat(source.pop("revision_date"))
        made = {"blob_id": blob_id(content), "content": content, "length_bytes": len(content), "revision_date": date}
        yield {**source, **made}


def pack(sources: Path, folder: Path) -> Path:
    """Write `code.parquet` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "code.parquet"
    table = pa.Table.from_pylist(list(read_sources(sources)), schema=SCHEMA)
    pq.write_table(table, target, compression="zstd", compression_level=19, use_dictionary=False)
    return target


def check_out(sources: Path, folder: Path) -> list[Path]:
    """Lay the files out as checkouts of their repositories, with as much of `.git` as tells where they come from."""
    roots = []
    for row in read_sources(sources):
        root = folder / row["repo_name"]
        if root not in roots:
            roots.append(root)
            (root / ".git").mkdir(parents=True, exist_ok=True)
            (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="ascii")
            config = f'[remote "origin"]\n\turl = {HOST}/{row["repo_name"]}.git\n'
            (root / ".git" / "config").write_text(config, encoding="ascii")
        path = root / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row["content"])
    return roots


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, default=HERE / "files.jsonl")
    parser.add_argument("--to", type=Path, default=HERE)
    parser.add_argument("--checkouts", type=Path, help="a folder for the files themselves, instead of the table")
    arguments = parser.parse_args()
    if arguments.checkouts:
        for root in check_out(arguments.sources, arguments.checkouts):
            print(root)
    else:
        packed = pack(arguments.sources, arguments.to)
        print(f"{packed}  {packed.stat().st_size} bytes")
