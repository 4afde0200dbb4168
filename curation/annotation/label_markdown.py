"""A report of labels in words and tables, for a person who has not seen one before.

Example: ``sections(report)["How far to trust these labels"]`` is Markdown without its heading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from curation.annotation.agreement import METHOD, Agreement
from curation.report import markdown_table
from curation.scale import Scale

if TYPE_CHECKING:
    from curation.annotation.label_report import LabelReport, Readings, Trust

_ALIKE = 0.5
"""From this share of word-for-word repetitions on, a judge's agreement with itself is said to mean little."""
_FEW = 100
"""Fewer documents than that, read again, give a wide interval."""
_MANY_UNLABELLED = 0.1
_SHORT = 0.15
"""An F1 that much below the ceiling serves as the example of a classifier with more to learn."""


def summary(report: LabelReport) -> str:
    """One sentence."""
    if not report.documents:
        return "No document was asked about."
    share = percent(report.labelled, report.documents)
    mean = f", {mean_label(report.histogram)} on average" if report.labelled else ""
    return f"{report.documents:,} documents were asked about; {report.labelled:,} ({share}) have a label{mean}."


def notes(report: LabelReport) -> Iterator[str]:
    """Sentences to heed."""
    missing = report.documents - report.labelled
    if missing > _MANY_UNLABELLED * report.documents:
        yield f"{percent(missing, report.documents)} of the documents have no label: see why before you use the others."
    for one in report.trust:
        if one.judge == one.other:
            yield from _notes_of_repeats(one, report.asked.body)
        if one.agreement.documents < _FEW:
            yield (
                f"Only {one.agreement.documents} documents were read again by `{one.other}`: the intervals are wide, "
                "and where few documents are selected F1 says little."
            )


def sections(report: LabelReport) -> dict[str, str]:
    """Title -> Markdown of what follows from the labels alone."""
    return {
        "Labels": _labels(report) + _all_readings(report) + _expected(report),
        "Documents without a label": _unlabelled(report) + _asked_again(report),
        "How far to trust these labels": _trust(report),
        "Requests and tokens": _tokens(report),
    }


def asked_markdown(report: LabelReport) -> str:
    """Prompt and settings as a list; not the prompt's words."""
    asked = report.asked
    settings = {key: value for key, value in asked.generation.items() if key != "system"}
    lines = [
        f"- prompt `{asked.prompt}`, digest `{asked.digest}`, scale {asked.scale[0]} to {asked.scale[1]}",
        f"- source: {asked.source or 'not given'}",
        f"- generation: {_listed(settings) or 'the defaults of the server'}",
        *([f"- beside it, to the server: {_listed(asked.judge_options)}"] if asked.judge_options else []),
        *([f"- to the second judge instead: {_listed(asked.second_options)}"] if asked.second_options else []),
        f"- system prompt: {_one_line(asked.generation.get('system')) or 'none'}",
        f"- decoding constrained to: {'nothing' if asked.constrain == 'none' else asked.constrain}",
    ]
    if report.judge.startswith("replay:"):
        lines.append("- the replies were recorded elsewhere; whether with these settings, their file does not say")
    return "\n".join(lines)


def spent_markdown(report: LabelReport) -> str:
    """Seconds and cost; differs from run to run."""
    spent, tokens = report.spent, report.completion_tokens
    if spent is None:
        return ""
    wall = spent.wall_seconds
    rate = f", {tokens.total / wall:,.0f} completion tokens a second" if wall and tokens else ""
    lines = [f"- {wall:,.1f} s on the clock{rate}"] if wall is not None else []
    lines.append(f"- {spent.shard_seconds:,.1f} s of work, summed over shards")
    lines += [f"- {spent.judging_seconds:,.1f} s of asking, over all tasks and starts"] if spent.judging_seconds else []
    lines += [f"- cost: {spent.cost:,.2f}, in the currency of `price`"] if spent.cost is not None else []
    return "\n".join(lines)


def f1_markdown(found: Agreement, title: str) -> str:
    """F1 at each threshold, with how many pairs it is of."""
    rows: list[list[Any]] = []
    for threshold, one in found.f1.items():
        both, row_only, column_only = found.selected(threshold)
        either = round(both + row_only + column_only)
        rows.append([str(threshold), either, round(both), "–" if one is None else str(one)])
    return markdown_table(["label >=", "selected by either", "by both", title], rows)


def percent(part: float, whole: float) -> str:
    """A share as a percentage, a dash of nothing."""
    return f"{part / whole:.1%}" if whole else "–"


def mean_label(histogram: Mapping[int, int]) -> str:
    """The mean of a histogram, a dash of nothing."""
    count = sum(histogram.values())
    return f"{sum(label * n for label, n in histogram.items()) / count:.2f}" if count else "–"


def _labels(report: LabelReport) -> str:
    head = ["label", "documents", "share", *(["share of what the sample stands for"] if report.weighted else [])]
    rows: list[list[Any]] = []
    for label, count in report.histogram.items():
        weighted = [f"{report.weighted.get(label, 0.0):.1%}"] if report.weighted else []
        rows.append([str(label), count, percent(count, report.labelled), *weighted])
    return markdown_table(head, rows)


def _all_readings(report: LabelReport) -> str:
    """Only where some documents were read more than once."""
    if sum(one.asked for one in report.readings.values()) <= report.documents:
        return ""
    return "\n\nAll readings, further ones included:\n\n" + markdown_table(
        ["judge", "readings", "labelled", "mean label"],
        [[f"`{judge}`", *_counted(one)] for judge, one in report.readings.items()],
    )


def _counted(one: Readings) -> list[Any]:
    return [one.asked, f"{one.labelled:,} ({percent(one.labelled, one.asked)})", mean_label(one.histogram)]


def _expected(report: LabelReport) -> str:
    one = report.expected
    if one is None:
        return ""
    return (
        f"\n\n`expected_label`, the mean of the scale under the judge's own probabilities, is there for "
        f"{one.documents:,} documents: {one.mean_expected:.2f} on average (label {one.mean_label:.2f}), "
        f"{one.mean_difference:.2f} away from the label on average, Spearman correlation with it {one.spearman:.3f}."
    )


def _unlabelled(report: LabelReport) -> str:
    if report.documents == report.labelled:
        return "None."
    rows = [
        [reason, count, percent(count, report.documents), f"`{report.examples.get(reason, '')}`"]
        for reason, count in report.reasons.items()
    ]
    return markdown_table(["why", "documents", "of all", "for example"], rows)


def _asked_again(report: LabelReport) -> str:
    if not report.asked_again:
        return ""
    return (
        f"\n\n{report.asked_again:,} documents ({percent(report.asked_again, report.documents)} of all) got an "
        "unreadable reply and were asked about again; the reminder saved "
        f"{report.saved:,} of them ({percent(report.saved, report.asked_again)})."
    )


def _tokens(report: LabelReport) -> str:
    counted = (("prompt", report.prompt_tokens), ("completion", report.completion_tokens))
    rows = [[name, one.total, f"{one.mean:,.1f}", one.p95] for name, one in counted if one]
    sent = "" if report.requests is None else f"{report.requests:,} requests for {report.documents:,} documents."
    table = markdown_table(["tokens", "sum", "mean per document", "95th percentile"], rows) if rows else ""
    return "\n\n".join(part for part in (sent, table or "No tokens were counted.") if part)


def _trust(report: LabelReport) -> str:
    if report.trust:
        return "\n\n".join([*(_agreement(one) for one in report.trust), METHOD])
    return (
        "Each document was read once, so these labels do not say how far to trust them. A second reading of a few "
        "hundred documents does, by the same judge (`repeat`, at a temperature above 0) or another (`second_judge`). "
        "So do labels of your own (`--compare FILE`)."
    )


def _agreement(one: Trust) -> str:
    found, alone = one.agreement, one.judge == one.other
    pairs = f" ({found.pairs:,} pairs of readings)" if found.pairs != found.documents else ""
    if alone:
        who = f"**`{one.judge}` with itself**, on {found.documents:,} documents that it read more than once{pairs}:"
    else:
        who = f"**`{one.judge}` with `{one.other}`**, on {found.documents:,} documents that both read{pairs}:"
    rows, columns = ("an earlier reading", "a later one") if alone else (f"`{one.judge}`", f"`{one.other}`")
    parts = [who, found.figures_markdown(), f1_markdown(found, "ceiling: F1 (95 %)"), _ceiling(one)]
    return "\n\n".join(part for part in [*parts, found.table_markdown(rows, columns)] if part)


def _ceiling(one: Trust) -> str:
    """What F1 between two readings means for whoever learns from them, at the middle of the scale."""
    known = {threshold: f1 for threshold, f1 in one.agreement.f1.items() if f1 is not None}
    if not known:
        return ""
    scale = Scale(*one.agreement.scale)
    middle = min(known, key=lambda threshold: (abs(threshold - (scale.low + scale.high + 1) // 2), threshold))
    return _ceiling_alone(middle, known[middle].value) if one.judge == one.other else _ceiling_of_two(one, middle)


def _ceiling_alone(threshold: int, f1: float) -> str:
    example = f" One that reaches {f1 - _SHORT:.2f} lacks {_SHORT}; one" if f1 > _SHORT else " One"
    return (
        f"What the ceiling means: select the documents that one reading puts at {threshold} or more, and check them "
        f"against another reading by the same judge: F1 is {f1:.2f}. A classifier learns from such labels and is "
        f"checked against such labels, so it cannot be asked for more.{example} near {f1:.2f} has learned what there "
        "is to learn, and the rest is the chance in the judge."
    )


def _ceiling_of_two(one: Trust, threshold: int) -> str:
    f1 = one.agreement.f1[threshold]
    return (
        f"What the ceiling means: of what one judge puts at {threshold} or more and what the other does, F1 is "
        f"{f1.value if f1 else 0.0:.2f}: so far does the prompt settle what is wanted. A classifier that learns from "
        f"`{one.judge}` may come nearer to that judge's habits, but cannot be asked to come nearer to what both mean."
    )


def _notes_of_repeats(one: Trust, body: Mapping[str, Any]) -> Iterator[str]:
    who = f"The agreement of `{one.judge}` with itself says little: "
    remedy = " Repeat at a temperature above 0, or ask a second judge."
    if body.get("temperature") == 0:
        yield who + "at temperature 0 a judge repeats itself, whether it is right or not." + remedy
    elif (one.same_words or 0.0) >= _ALIKE:
        yield who + (
            f"{one.same_words:.0%} of its further replies are the same word for word, as from a fixed seed, a low "
            "temperature or a cache." + remedy
        )


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in sorted(values.items()))


def _one_line(text: object) -> str:
    return " ".join(str(text or "").split())
