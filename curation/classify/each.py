"""A classifier for each value of a column, such as a programming language: which has its own, and how good each is.

    index = read_index("out/train/model")          # classifiers.json: value -> `Entry`
    index["C++"].folder, index["C++"].own          # "cpp", True; or "shared", False

A value with few labels gets the classifier that learned from the labels of all. Measured on 960 labels of 15
programming languages (tests/bench/bench_each.py), F1 over all documents, each at its language's threshold:

| labels of a head, its repositories | 64, 3 to 23 | 192, 11 to 31 | 320, 17 to 33 | shared: 960, 47 |
|---|---|---|---|---|
| whole repositories held out | .44 | .78 | .83 | .84 |
| documents held out one by one | .88 | .885 | .89 | .885 |

So a head of one's own pays from about 300 labels of twenty repositories on. With fewer nothing between the two was
clearly better than the shared head as it is: cuts (.80 to .84 and .87 to .89) or offsets (.80 to .84, .89) of each
language's own that are drawn towards the shared ones, the language as a feature (.83, .88), or a kernel that knows it
(.80 to .83, .88 to .89).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curation.classify.calibrate import LEAST_SUPPORT, Floats
from curation.classify.figures import Figures
from curation.classify.spec import ClassifierSpec
from curation.errors import ConfigError
from curation.estimate import Estimate
from curation.text.code_languages import code_table

INDEX = "classifiers.json"
SHARED = "shared"
LANGUAGE = "language"
"""The column whose values are programming languages, under any of their names."""

MINIMUM_LABELS = 300
MINIMUM_GROUPS = 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The classifier of one value.

    Attributes:
        folder: below that of the index: the value's slug, or ``shared``.
        own: whether it learned from the value's labels alone.
        labels: of the value.
        groups: repositories or domains that they are of; None where that is not known.
        positives: labels that reach the threshold.
        threshold: of the value.
        cut: what is compared with it.
        raw_cut: what that amounts to on the raw score.
        figures: precision, recall, F1 and share kept of the value's held-out documents; None where there are none.
        hits: weight of held-out documents that are wanted and kept.
        kept: weight of those kept.
        wanted: weight of those wanted.
        f1_of_shared: of the shared classifier on the same value, where there is one beside.
        why: it has none of its own; empty for one that has.
    """

    folder: str
    own: bool
    labels: int
    groups: int | None
    positives: int
    threshold: int
    cut: str
    raw_cut: float
    figures: Figures | None
    hits: float = 0.0
    kept: float = 0.0
    wanted: float = 0.0
    f1_of_shared: Estimate | None = None
    why: str = ""


def named(value: Any, *, by: str, languages: str = "") -> str | None:
    """A value by its own name: programming languages are known by all their names; None for no value.

    Args:
        value: as it stands in the column.
        by: the column.
        languages: a user's table of programming languages.
    """
    text = "" if value is None else str(value).strip()
    if by != LANGUAGE or not text:
        return text or None
    return code_table(languages).by_name.get(text.lower(), text)


def slugs_of(values: Iterable[str], *, by: str, languages: str = "") -> dict[str, str]:
    """The name of each value's folder: of a language its slug, of others their letters and digits; all differ."""
    known = code_table(languages).known if by == LANGUAGE else {}
    found: dict[str, str] = {}
    taken = {SHARED}
    for value in sorted(values, key=lambda one: (one not in known, one)):
        plain = known[value].slug if value in known else re.sub(r"[^\w.]+", "-", value.lower()).strip("-.") or "value"
        slug, number = plain, 2
        while slug in taken:
            slug, number = f"{plain}-{number}", number + 1
        taken.add(slug)
        found[value] = slug
    return found


def spec_of(spec: ClassifierSpec, value: str, slug: str, *, by: str, languages: str = "") -> ClassifierSpec:
    """The spec of one value: its name and threshold. A user's table says more of a language than the spec does."""
    threshold = spec.threshold_for(value)
    if by == LANGUAGE and languages:
        theirs, ours = (code_table(extra).known.get(value) for extra in (languages, ""))
        if theirs is not None and theirs.threshold != (ours.threshold if ours is not None else 3):
            threshold = theirs.threshold
    try:
        return dataclasses.replace(spec, name=f"{spec.name}-{slug}", thresholds=(threshold,), threshold_of={})
    except ValueError as error:
        raise ConfigError(f"{by} {value}: {error}") from error


def why_shared(
    labels: Floats, threshold: int, groups: int | None, minimum_labels: int, minimum_groups: int
) -> str | None:
    """Why a value's labels are too few for a classifier of its own; None if they are not."""
    reaching = int(np.sum(labels >= threshold))
    if len(labels) < minimum_labels:
        return f"{len(labels):,} labels, fewer than {minimum_labels:,}"
    if groups is not None and groups < minimum_groups:
        sites = "sites or repositories" if groups != 1 else "site or repository"
        return f"labels of {groups} {sites}, fewer than {minimum_groups}"
    if min(reaching, len(labels) - reaching) < LEAST_SUPPORT:
        few = min(reaching, len(labels) - reaching)
        side = "reach" if reaching < LEAST_SUPPORT else "stay below"
        return f"labels that {side} {threshold}: {few}, fewer than {LEAST_SUPPORT}"
    return None


def index_json(index: Mapping[str, Entry]) -> str:
    """The index as JSON text."""
    return (
        json.dumps({value: dataclasses.asdict(one) for value, one in index.items()}, indent=1, ensure_ascii=False)
        + "\n"
    )


def read_index(folder: str | Path) -> dict[str, Entry]:
    """Value -> its classifier, of a folder with several; empty where there is no index.

    Raises:
        ConfigError: if it was written by another version.
    """
    path = Path(folder) / INDEX
    if not path.is_file():
        return {}
    try:
        return {value: _entry(one) for value, one in json.loads(path.read_text("utf-8")).items()}
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ConfigError(f"{path}: not an index of classifiers as this version writes it ({error})") from error


def check_one(folder: Path) -> None:
    """Raise ConfigError for a folder of several classifiers where one is asked for."""
    if names := sorted({one.folder for one in read_index(folder).values()}):
        raise ConfigError(
            f"{folder} holds several classifiers, of which each scores documents of its own: name one of its folders "
            f"({', '.join(names)}), or score with the recipe that they are for"
        )


def _entry(values: dict[str, Any]) -> Entry:
    given = values["figures"]
    found = None if given is None else Figures(**{name: Estimate(**one) for name, one in given.items()})
    shared = values["f1_of_shared"]
    return Entry(**values | {"figures": found, "f1_of_shared": None if shared is None else Estimate(**shared)})
