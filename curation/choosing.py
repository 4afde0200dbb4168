"""A cut for documents that are scored already: for a precision, a recall, or a share of them.

    choose_point("scored", 3, "published", "precision=0.9", None, "classifier", {})   # from held-out documents
    choose_point("scored", None, "published", None, 0.02, None, {})                   # from the scores themselves

No model is loaded and no text is read: of parquet files only the column of scores is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.blocks.read import KINDS, raw_rows
from curation.blocks.score import trained_location
from curation.classify.figures import figures
from curation.classify.held_out import HeldOut
from curation.classify.operating import OperatingPoint, Target, operating_point
from curation.classify.report import TrainingReport
from curation.classify.storage import HELD_OUT
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import Folder, list_inputs, local_copy, open_input


@dataclass(frozen=True)
class Share:
    """A cut that keeps a share of the documents, and what the classifier's held-out documents say of it, if known."""

    raw_cut: float
    kept: float
    expected: OperatingPoint | None

    def __str__(self) -> str:
        said = f"; of held-out documents: {self.expected}" if self.expected else ""
        return f"score >= {self.raw_cut:g} keeps {self.kept:.2%} of the documents{said}"


def choose_point(
    input: str,
    threshold: float | None,
    cut: str,
    target: str | None,
    keep_share: float | None,
    classifier: str | None,
    columns: Mapping[str, str],
) -> OperatingPoint | Share:
    """Where to cut the raw score; arguments as of `curation.select`.

    Raises:
        ConfigError: if they do not go together, or the classifier has no held-out documents.
    """
    if target is not None and keep_share is not None:
        raise ConfigError("a target and a share to keep: choose one")
    if keep_share is not None and threshold is not None and classifier is None:
        raise ConfigError(
            "a share to keep and a threshold: choose one (with a classifier the threshold names the label that "
            "precision and recall of the share are told for)"
        )
    if cut != "published":
        raise ConfigError(f"cut: {cut}: a target or a share to keep cuts the raw score")
    if keep_share is not None:
        return _share(input, keep_share, threshold, classifier, columns.get("score", "score"))
    if target is None:
        raise ConfigError(
            "a classifier tells where to cut for a target, or what a share to keep costs: name one of them"
        )
    if Target.parse(target).kind == "share":
        raise ConfigError(f"target {target}: of documents that are scored say --keep-share, which is exact")
    if classifier is None:
        raise ConfigError(f"target {target}: name the classifier that scored, whose held-out documents tell the cut")
    if threshold is None or not float(threshold).is_integer():
        raise ConfigError(f"target {target}: name the label that is wanted as threshold, a whole number")
    return operating_point(_held_out(classifier), int(threshold), Target.parse(target))


def trained_point(output: str) -> OperatingPoint:
    """The cut of the classifier that `train` wrote into ``output``, at the threshold that its spec is for."""
    with Folder(trained_location(output)).open("report.json") as file:
        report = TrainingReport.from_json(file.read().decode())
    at = report.at(report.target_threshold)
    return OperatingPoint(at.threshold, report.target, at.raw_cut, at.calibrated)


def _share(input: str, keep: float, threshold: float | None, classifier: str | None, column: str) -> Share:
    if not 0 < keep < 1:
        raise ConfigError(f"share to keep: expected more than 0 and less than 1, got {keep:g}")
    scores = np.sort(np.concatenate([*_scores(input, column), np.zeros(0)]))[::-1]
    if np.isnan(scores).any():
        raise ConfigError(f"{input}: {int(np.isnan(scores).sum()):,} of {len(scores):,} documents have no score")
    if not len(scores):
        raise ConfigError(f"{input}: no scores to choose a cut from")
    raw_cut = float(scores[max(0, min(len(scores) - 1, round(keep * len(scores)) - 1))])
    expected = None
    if classifier is not None and threshold is not None:
        one = _held_out(classifier).tested
        found = figures(one.labels >= threshold, one.scores >= raw_cut, one.members, one.weights, 0)
        expected = OperatingPoint(int(threshold), f"share={keep:g}", raw_cut, found)
    return Share(raw_cut, float(np.mean(scores >= raw_cut)), expected)


def _scores(input: str, column: str) -> Iterator[NDArray[np.float64]]:
    for file in list_inputs(resolve_location(input), *KINDS):
        if file.path.endswith(".parquet"):
            with open_input(file.path) as stream:
                parquet = pq.ParquetFile(stream)
                if column not in parquet.schema_arrow.names:
                    raise ConfigError(f"{file.path}: no column {column!r}: score the documents first, curate score")
                yield parquet.read([column])[column].to_numpy().astype(np.float64)
        else:
            values = [row.get(column) for row in raw_rows(file.path)]
            if values and all(value is None for value in values):
                raise ConfigError(f"{file.path}: no column {column!r}: score the documents first, curate score")
            yield np.array([np.nan if value is None else value for value in values], np.float64)


def _held_out(classifier: str) -> HeldOut:
    location = trained_location(classifier)
    folder = Path(local_copy(location) if "://" in location else location)
    if not (folder / HELD_OUT).is_file():
        raise ConfigError(f"classifier {classifier}: no {HELD_OUT} in {folder}, so nothing tells what a cut does")
    return HeldOut.read(folder / HELD_OUT)
