"""The contract of a step: what it changes, what it adds, what it drops, and what identifies it.

    @dataclass(kw_only=True, repr=False)
    class KeepLong(Select):
        min_characters: int

        def reason(self, doc: Document) -> str | None:
            return None if len(doc.text) >= self.min_characters else "too_short"

There are three kinds of step and no fourth: **shape** changes the text and never drops silently, **score** adds columns
and never drops, **select** drops, each time with a reason, and never scores. Every step is an ordinary datatrove
`PipelineStep`, so it drops into anyone's own datatrove list; in a recipe the runner gives it an ``exclusion_writer``.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep

from curation.recipe import OUTPUT

Documents = Iterator[Document]

_SHOWN_ITEMS = 3


def tuning(default: Any) -> Any:
    """A field that changes speed or place but not the output, and so is no part of the identity."""
    return dataclasses.field(default=default, metadata={"identity": False})


@dataclass(kw_only=True, repr=False)
class Step(PipelineStep):
    """What every step of this library is.

    Subclasses are dataclasses whose fields are plain values; they raise ``version`` when their output changes.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {}
    evidence: ClassVar[dict[str, pa.DataType]] = {}
    gives_rows_of_its_own: ClassVar[bool] = False
    """Whether what it gives are no longer the documents that it takes, so that they cannot be counted against them."""
    reads_files: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Of a stage's first step that opens the input's files itself: the endings of their names, as of `list_inputs`.

    It is given no documents; ``files`` names those of the shard."""

    def __post_init__(self) -> None:
        self.name = type(self).__name__
        self.exclusion_writer: Any = None
        self.counts: Counter[str] = Counter()
        self.files: tuple[str, ...] = ()
        self.at_a_time = 1
        super().__init__()

    def __repr__(self) -> str:
        fields = [field.name for field in dataclasses.fields(self) if field.metadata.get("identity", True)]
        values = {name: getattr(self, name) for name in fields}
        shown = [f"{name}={plan_value(value)}" for name, value in values.items() if _says_something(value)]
        return f"{type(self).__name__}({', '.join(shown)})"

    @abstractmethod
    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Take the documents of one shard, give those that go on."""

    def __call__(self, data: Documents | None = None, rank: int = 0, world_size: int = 1) -> Documents:
        """As datatrove's executors run it: the exclusion writer is closed at the end; in a recipe the stage does it."""
        with self.exclusion_writer or contextlib.nullcontext():
            yield from self.run(data, rank, world_size)

    def identity(self) -> dict[str, Any]:
        """What enters the digest: the step's name, version and settings."""
        fields = [f for f in dataclasses.fields(self) if f.metadata.get("identity", True)]
        return {"step": type(self).__name__, "version": self.version, **{f.name: getattr(self, f.name) for f in fields}}

    def inputs(self) -> list[str]:
        """Locations of files that the step reads beside its documents; their listing enters the identity."""
        return []

    def check(self) -> None:
        """Raise ConfigError for what cannot work, before any work is done."""

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The columns of what the step gives, from those of what it takes."""
        return columns | self.adds

    def count(self, name: str, n: int = 1) -> None:
        """Count something for the stage's report."""
        self.counts[name] += n
        self.stat_update(name, value=n)

    def drop(self, doc: Document, reason: str, rank: int = 0, **evidence: Any) -> None:
        """Write a document that does not go on, with its reason and the evidence for it."""
        self.stat_update("total", "dropped", f"dropped_{reason}")
        if self.exclusion_writer is not None:
            doc.metadata["filter_reason"] = reason
            doc.metadata.update(evidence)
            self.exclusion_writer.write(doc, rank)


@dataclass(kw_only=True, repr=False)
class Select(Step):
    """A step that drops documents one by one."""

    type: ClassVar[str] = "select"

    @abstractmethod
    def reason(self, doc: Document) -> str | None:
        """Why a document is dropped, None for one that stays; evidence goes into its metadata."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents that have no reason to be dropped."""
        for doc in data or ():
            reason = self.reason(doc)
            if reason is None:
                self.stat_update("total", "forwarded")
                yield doc
            else:
                self.drop(doc, reason, rank)


def bind(step: Any, output: str, own: dict[str, str] | None = None) -> Any:
    """A copy of a step in which ``{output}`` is the run's folder.

    Args:
        step: any step.
        output: the run's folder.
        own: stage name -> folder, for a stage that is being built beside its old one.
    """

    def filled(value: Any) -> Any:
        if not isinstance(value, str) or OUTPUT not in value:
            return value
        for stage, folder in (own or {}).items():
            if value == f"{OUTPUT}/{stage}" or value.startswith(f"{OUTPUT}/{stage}/"):
                return folder + value.removeprefix(f"{OUTPUT}/{stage}")
        return value.replace(OUTPUT, output)

    bound = copy.copy(step)
    for name, value in vars(step).items():
        setattr(bound, name, type(value)(map(filled, value)) if type(value) in (tuple, list) else filled(value))
    return bound


def identity_of(step: Any) -> dict[str, Any]:
    """The identity of any datatrove step: our own say it, of others all plain attributes count."""
    if isinstance(step, Step):
        found = step.identity()
    else:
        plain = {key: value for key, value in vars(step).items() if key not in ("stats", "exclusion_writer")}
        found = {"step": type(step).__name__, **{key: _plain(value) for key, value in plain.items()}}
    identity: dict[str, Any] = json.loads(json.dumps(found, default=_plain, ensure_ascii=False))
    return identity


def _plain(value: Any) -> Any:
    """What identifies a value that JSON does not know: of settings their values, of a function its code, or a class."""
    if isinstance(value, str | int | float | bool | list | tuple | dict | None):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    code = getattr(value, "__code__", None)
    if code is None:
        return type(value).__name__
    said = (code.co_code, code.co_names, [one for one in code.co_consts if not hasattr(one, "co_code")])
    return f"{value.__qualname__} {hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"


def _says_something(value: Any) -> bool:
    """Whether a value is worth a word in the plan: not an empty one, nor settings that are all at their default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return bool(value != type(value)())
    return value not in (None, (), [], {}, "")


def plan_value(value: Any) -> str:
    """A value in the plan: of a list the first few, of a long path its end."""
    if isinstance(value, tuple | list):
        more = f", … {len(value) - _SHOWN_ITEMS} more" if len(value) > _SHOWN_ITEMS else ""
        return f"[{', '.join(map(str, value[:_SHOWN_ITEMS]))}{more}]"
    return str(value)
