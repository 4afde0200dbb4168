"""The classifiers of all values of a column as a reader wants them: whose labels, which cut, how good.

Example: ``index_markdown(read_index("out/train/model"), of_all=report)``, as in report.md and in the dataset's card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curation.classify.each import LANGUAGE, SHARED, Entry
from curation.classify.report import TrainingReport
from curation.report import markdown_table


def index_markdown(index: Mapping[str, Entry], of_all: TrainingReport | None = None, by: str = LANGUAGE) -> str:
    """A row for each value, one for all of them, and what to know of those without a classifier of their own.

    Args:
        index: value -> its classifier.
        of_all: the report of the shared classifier.
        by: the column.
    """
    head = (by, "classifier", "labels", "threshold", "reach it", "raw score", "precision", "recall", "F1")
    lines = [markdown_table(head, [*(_row(value, one) for value, one in index.items()), *_all(index)]), ""]
    lines += _measured(index)
    shared = {value: one for value, one in index.items() if not one.own}
    if shared:
        learned = f", learned from all {of_all.labels:,} labels" if of_all is not None else ""
        lines += ["", f"`{SHARED}` is one classifier for the values with few labels{learned}:", ""]
        lines += [f"- {why}: {', '.join(values)}" for why, values in _by_reason(shared).items()]
    better = [value for value, one in index.items() if _shared_is_better(one)]
    if better:
        lines += ["", f"The shared classifier has a higher F1 than its own for {', '.join(better)}."]
    return "\n".join(lines) + "\n"


def _row(value: str, one: Entry) -> tuple[object, ...]:
    found = one.figures
    rates = (found.precision, found.recall, found.f1) if found is not None and one.wanted else "–––"
    sign = ">=" if one.cut == "calibrated" or one.threshold % 2 == 0 else ">"
    kind = "own" if one.own else SHARED
    return (value, kind, one.labels, one.threshold, one.positives, f"{sign} {one.raw_cut:.4g}", *rates)


def _all(index: Mapping[str, Entry]) -> Iterator[tuple[object, ...]]:
    """Precision, recall and F1 over all documents, each at the threshold of its value."""
    hits, kept, wanted = (sum(getattr(one, name) for one in index.values()) for name in ("hits", "kept", "wanted"))
    if len(index) < 2 or not wanted:
        return
    precision = hits / kept if kept else 0.0
    shown = (f"{one:.3f}" for one in (precision, hits / wanted, 2 * hits / (kept + wanted)))
    labels, positives = (sum(getattr(one, name) for one in index.values()) for name in ("labels", "positives"))
    yield ("**all**", "", labels, "", positives, "", *shown)


def _measured(index: Mapping[str, Entry]) -> Iterator[str]:
    yield "Figures are of documents that neither head nor cut had seen, whole repositories or sites held out where they"
    yield "are known; in brackets the 95 % interval of 500 resamples of them. The last row counts all documents once."
    cuts = sorted({one.cut for one in index.values()})
    yield " ".join(
        f"Kept is `{'int_score' if cut == 'published' else 'calibrated_score'} >= threshold`." for cut in cuts
    )


def _by_reason(shared: Mapping[str, Entry]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value, one in shared.items():
        found.setdefault(one.why, []).append(value)
    return found


def _shared_is_better(one: Entry) -> bool:
    found, shared = one.figures, one.f1_of_shared
    return one.own and found is not None and shared is not None and shared.value > found.f1.value
