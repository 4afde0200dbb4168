"""The card's YAML header, which the Hub and `datasets.load_dataset` read, and the sizes that stand in it.

Example: ``sizes_of(Folder("out/publish"), ["finemath-4plus"])["finemath-4plus"].documents`` is 812.

The sizes are there for the reader, and for `datasets`: what it has loaded of a folder it finds again by the folder's
last name and the header's ``configs`` and ``dataset_info``, not by the files. Every run's folder is named ``data``, so
that without sizes it gives the rows of another run, or of the same run before its threshold was changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import yaml

from curation.folder import Folder


@dataclass(frozen=True, slots=True)
class Size:
    """Of a configuration: its documents, bytes of its files, and bytes of their columns before compression."""

    documents: int = 0
    stored_bytes: int = 0
    plain_bytes: int = 0


def sizes_of(folder: Folder, configs: Iterable[str]) -> dict[str, Size]:
    """The sizes of the configurations of a publishing stage, from the ends of their files."""
    return {name: _size(folder, f"data/{name}") for name in configs}


def _size(folder: Folder, config: str) -> Size:
    documents = stored = plain = 0
    for name in folder.list_files(config, ".parquet"):
        with folder.open(name) as stream:
            found = pq.read_metadata(stream)
        documents += found.num_rows
        plain += sum(found.row_group(number).total_byte_size for number in range(found.num_row_groups))
        stored += folder.size(name)
    return Size(documents, stored, plain)


def card_header(
    dataset: str,
    licence: str,
    sizes: Mapping[str, Size],
    *,
    has_default: bool,
    languages: Sequence[str],
    documents: int,
) -> str:
    """The header.

    Args:
        dataset: its name.
        licence: an SPDX-like licence name of the Hub.
        sizes: of the configurations to be loaded, in their order; `datasets` has no split without a row.
        has_default: whether the first is the one that is loaded where none is named.
        languages: codes of the Hub.
        documents: in all configurations, each once.
    """
    listed: list[dict[str, Any]] = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{name}/train-*.parquet"}]} for name in sizes
    ]
    if listed and has_default:
        listed[0]["default"] = True  # recipes name the main one first, as FineWeb-Edu does
    values = {
        "license": licence,
        "pretty_name": dataset,
        **({"language": list(languages)} if languages else {}),
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(documents)],
        "tags": ["curation"],
        "configs": listed,
        **({"dataset_info": [_info(name, size) for name, size in sizes.items()]} if sizes else {}),
    }
    return "---\n" + yaml.safe_dump(values, sort_keys=False) + "---"


def _info(name: str, size: Size) -> dict[str, Any]:
    return {
        "config_name": name,
        "splits": [{"name": "train", "num_bytes": size.plain_bytes, "num_examples": size.documents}],
        "download_size": size.stored_bytes,
        "dataset_size": size.plain_bytes,
    }


def _size_category(documents: int) -> str:
    """The Hub's name for a number of rows."""
    names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    power = sum(documents >= 10 ** (3 + step) for step in range(len(names)))
    if power == 0:
        return "n<1K"
    return f"{names[power - 1]}<n<{names[power]}" if power < len(names) else "n>1T"
