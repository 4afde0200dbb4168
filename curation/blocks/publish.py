"""The last stage: documents in the published columns, one folder of parquet for each configuration, and the card.

    PublishRows(columns="finemath", configs=("finemath-3plus", "finemath-4plus"), thresholds=(3, 4), cut="published")
    PublishRows(columns="stack_edu", by="language", values=("C++", "Java"), configs=("Cpp", "Java"), …)

``{output}/publish/data`` is the dataset: ``datasets.load_dataset(".../publish/data", "finemath-4plus")``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.card import dataset_card
from curation.blocks.card_judging import Judged
from curation.blocks.card_published import least_of
from curation.blocks.label_report import read_report
from curation.blocks.published_beside import BESIDE, write_annotations, write_contamination
from curation.blocks.published_columns import PUBLISHED, published_row, published_schema
from curation.blocks.select import Cut, passes
from curation.blocks.step import Documents, Step
from curation.config import nearest
from curation.errors import ConfigError
from curation.folder import Folder
from curation.recipe import RunContext

_NOT_IN_NAMES = set('<>:"/\\|?*[]')
"""What `datasets` refuses in a configuration's name, and what it takes for a pattern in the path of its files."""


@dataclass(kw_only=True, repr=False)
class PublishRows(Step):
    """Bring documents into the published columns and send each to the configurations whose threshold it reaches.

    Args:
        columns: whose columns, a key of `curation.blocks.published_columns.PUBLISHED`.
        configs: names of the configurations.
        thresholds: for each, the score from which on a document belongs to it; a fraction is one of the raw score.
            None at all: every document belongs to it, scored or not, as in FineWeb.
        cut: see `curation.blocks.select.KeepScore`.
        further: columns beyond the published ones, at the end, with the types that the input has.
        by: a column; a document then goes only to configurations of its value, such as those of its language.
        values: for each configuration, its value of ``by``.
    """

    type: ClassVar[str] = "shape"
    version: ClassVar[int] = 1

    columns: str
    configs: tuple[str, ...]
    thresholds: tuple[float, ...]
    cut: Cut
    further: tuple[str, ...] = ()
    by: str | None = None
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.columns not in PUBLISHED:
            raise ConfigError(f"publish: unknown columns {self.columns!r} (known are {', '.join(PUBLISHED)})")
        _check_routes(self.configs, self.thresholds, self.by, self.values)
        self.thresholds = _whole(self.thresholds)
        self._routes: list[str] = []
        super().__post_init__()

    def identity(self) -> dict[str, Any]:
        """Without what is not used, so that stages made before there was such a thing stay as they are."""
        unused = {name for name in ("further", "by", "values") if not getattr(self, name)}
        return {name: value for name, value in super().identity().items() if name not in unused}

    @property
    def routes(self) -> tuple[str, ...]:
        """Folders below ``data/``."""
        return self.configs

    def route(self, doc: Document) -> list[str]:
        """The configurations of the document that was given last."""
        return self._routes

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """The published columns, the further ones, and no other."""
        if self.by is not None and self.by not in columns:
            raise ConfigError(
                f"publish: the documents have no column {self.by!r} to tell their configuration by "
                f"({nearest(self.by, sorted(columns))})"
            )
        return published_schema(self.columns, self.further, columns)

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Documents of no configuration are dropped: ``below_threshold``, or ``other_language`` and the like."""
        schema = PUBLISHED[self.columns]
        names = tuple(dict.fromkeys([*schema, *self.further]))
        for doc in data or ():
            mine = self._mine(doc)
            self._routes = [name for name, least in mine if least is None or passes(doc.metadata, least, self.cut)]
            if not self._routes:
                self.drop(doc, "below_threshold" if mine else f"other_{self.by}", rank)
                continue
            for name in self._routes:
                self.count(name)
            doc.metadata = published_row(doc, names, schema)
            yield doc

    def _mine(self, doc: Document) -> list[tuple[str, float | None]]:
        """The configurations of a document's value, with their thresholds."""
        pairs = list(zip(self.configs, least_of(self), strict=True))
        if self.by is None:
            return pairs
        value = doc.metadata.get(self.by)
        return [pair for pair, wanted in zip(pairs, self.values, strict=True) if value == wanted]


def _whole(thresholds: Sequence[float]) -> tuple[float, ...]:
    """Whole numbers as such, so that 3 and 3.0 of a settings file are one threshold in the plan and the identity."""
    return tuple(int(one) if float(one).is_integer() else one for one in thresholds)


def _check_routes(configs: Sequence[str], thresholds: Sequence[float], by: str | None, values: Sequence[str]) -> None:
    """Each configuration has its folder, its threshold and, if they go by value, its value."""
    for name in configs:
        if name in BESIDE or set(name) & _NOT_IN_NAMES or name.startswith(".") or not name.strip():
            raise ConfigError(
                f"publish: no configuration can be named {name!r}: it is the name of its folder, and what "
                f"load_dataset is given; without {' '.join(sorted(_NOT_IN_NAMES))}, and not {' or '.join(BESIDE)}"
            )
    if len(set(configs)) < len(configs):
        twice = next(name for name, times in Counter(configs).items() if times > 1)
        raise ConfigError(f"publish: two configurations are named {twice!r}")
    if thresholds and len(thresholds) != len(configs):
        raise ConfigError(f"publish: {len(configs)} configurations and {len(thresholds)} thresholds; name as many")
    if by is None and values:
        raise ConfigError("publish: values: name the column that has them as by")
    if by is not None and len(values) != len(configs):
        raise ConfigError(f"publish: {len(configs)} configurations and {len(values)} values of {by}; name as many")


@dataclass(kw_only=True, repr=False)
class PublishCard(Step):
    """The finishing step: annotations, contamination report and README.md beside the configurations.

    Parts of the card whose folder is not named are left out.

    Args:
        dataset: its name.
        configs: as of `PublishRows`.
        thresholds: as of `PublishRows`.
        cut: as of `PublishRows`.
        licence: an SPDX-like licence name of the Hub.
        by: as of `PublishRows`.
        values: as of `PublishRows`.
        annotations: folders that `Annotate` wrote.
        models: folders of the classifiers, or what was given in their place; the last one decided.
        domains: the folder that `ListDomains` wrote.
        contaminated: the ``removed`` folder of the decontamination.
        duplicates: the ``removed`` folder of the deduplication.
        scores: all that was scored, without texts, as `curation.blocks.scores.KeepScores` writes it: what there was
            before the threshold.
    """

    version: ClassVar[int] = 6

    dataset: str
    configs: tuple[str, ...]
    thresholds: tuple[float, ...]
    cut: Cut
    licence: str
    by: str | None = None
    values: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    domains: str | None = None
    contaminated: str | None = None
    duplicates: str | None = None
    scores: str | None = None

    def __post_init__(self) -> None:
        _check_routes(self.configs, self.thresholds, self.by, self.values)
        self.thresholds = _whole(self.thresholds)
        super().__post_init__()

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Write the rest of the dataset's folder."""
        folder = Folder(context.folder)
        configs = list(self.configs)
        judged = [_judged(one) for one in self.annotations]
        pairs = zip(self.annotations, judged, strict=True)
        if write_annotations(folder, [(location, one.counted) for location, one in pairs]):
            configs.append("annotations")
        removed = write_contamination(folder, self.contaminated)
        if removed:
            configs.append("contamination")
        card = dataset_card(self, context, configs, judged, self.domains, removed)
        folder.write_bytes("data/README.md", card.encode())


def _judged(location: str) -> Judged:
    """The stage whose ``data`` this is, with its report."""
    stage = location.rstrip("/").removesuffix("/data")
    return Judged(stage.rsplit("/", 1)[-1], read_report(Folder(stage)))
