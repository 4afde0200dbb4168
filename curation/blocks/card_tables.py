"""Tables of the card about what is in a dataset: before and after the threshold, domains, licences, what was dropped.

Example: ``before_and_after(step, context, amounts, published)`` has the form of Stack-Edu's table in the SmolLM2 paper
(table 7): for each language what was scored and what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from curation.blocks.card_counts import Amount, columns_of_folder, each_value
from curation.blocks.card_cut import condition
from curation.blocks.card_published import Published, Routes, by_threshold, least_of, stage_name
from curation.blocks.select import column_of
from curation.recipe import RunContext
from curation.report import markdown_table

_SHOWN_GROUPS = 20
_SHOWN_LICENCES = 20
_SHOWN_VALUES = 15
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def short(number: int | None) -> str:
    """A number of tokens in three digits, such as ``21.8B``; a dash for one that is not known."""
    if number is None:
        return "–"
    for size, unit in _UNITS:
        if number >= 0.9995 * size:
            scaled = number / size
            return f"{scaled:.{max(0, 2 - (scaled >= 9.995) - (scaled >= 99.95))}f}{unit}"
    return str(number)


def share(part: int | None, whole: int | None) -> str:
    """A percentage, a dash of nothing."""
    return f"{part / whole:.1%}" if part is not None and whole else "–"


def before_and_after(
    step: Routes, context: RunContext, before: Mapping[str | None, Amount], published: Published
) -> str:
    """What was scored and what stands here, for each configuration, or for each language that has one."""
    head = ["threshold", "documents before → after", "tokens before → after", "kept"]
    after = published.configs
    if not (_counted(before.values()) and _counted(after.values())):  # what is compared must be counted on both sides
        before = {value: Amount(one.documents) for value, one in before.items()}
    rows, known = _compared(step, before, after)
    if step.by is not None:
        rest = Amount()
        for value, amount in before.items():
            if value not in known:
                rest.add(amount.documents, amount.tokens)
        if rest.documents:
            rows.append(["others", "–", *_change(rest, Amount(0, None if rest.tokens is None else 0))])
        total = Amount()
        for amount in before.values():
            total.add(amount.documents, amount.tokens)
        rows.append(["**all**", "", *_change(total, _sum(after.values()))])
    table = markdown_table([step.by or "configuration", *head], rows)
    return f"{_what_lies_between(step, context, before)}\n\n{table}"


def _compared(
    step: Routes, before: Mapping[str | None, Amount], published: Mapping[str, Amount]
) -> tuple[list[list[Any]], set[str | None]]:
    all_of_it = _sum(before.values())
    found = []
    for index, (name, least) in enumerate(zip(step.configs, least_of(step), strict=True)):
        value = step.values[index] if step.by else None
        was = before.get(value, Amount()) if step.by else all_of_it
        after = published[name]
        label = f"`{name}`" if value is None else value if value == name else f"{value} (`{name}`)"
        size = (-(after.tokens or 0), -after.documents, index) if step.by else (index,)
        found.append((size, [label, condition(least, step.cut), *_change(was, after)]))
    return [row for _, row in sorted(found, key=lambda pair: pair[0])], set(step.values)


def _change(before: Amount, after: Amount) -> list[str]:
    of_tokens = before.tokens and after.tokens is not None
    kept = share(after.tokens, before.tokens) if of_tokens else share(after.documents, before.documents)
    return [
        f"{before.documents:,} → {after.documents:,}",
        f"{short(before.tokens)} → {short(after.tokens)}" if of_tokens else "–",
        kept,
    ]


def _counted(amounts: Iterable[Amount]) -> bool:
    return any(one.tokens is not None for one in amounts)


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = Amount()
    for one in amounts:
        total.add(one.documents, one.tokens)
    return total


def _what_lies_between(step: Routes, context: RunContext, before: Mapping[str | None, Amount]) -> str:
    """Which stages a document passed after it was scored, and what its tokens are."""
    names = [name for name, _ in context.stages if not name.startswith("dedup_")]
    own = stage_name(context)
    later = names[names.index("scores") + 1 : names.index(own)] if "scores" in names and own in names else []
    passed = ", ".join(f"`{name}`" for name in later)
    said = "Before: all that was scored. After: what stands here"
    said += f", past the stage{'s' if len(later) > 1 else ''} {passed}." if later else "."
    if not _counted(before.values()):
        return f"{said} Tokens were not counted; the share is one of documents."
    tokenizer = context.settings.get("tokenizer")
    counted = f"by `{tokenizer}`" if tokenizer else "as they came with the documents"
    return f"{said} Tokens are counted {counted}, and the share is one of tokens."


def largest_groups(step: Routes, published: Published) -> tuple[str, str] | None:
    """Title and table of the largest registered domains, or repositories; None where there are none."""
    groups = published.groups.largest(_SHOWN_GROUPS)
    if not groups:
        return None
    what = "repository" if published.kind == "code" else "domain"
    rows = [
        [
            one.name,
            one.amount.documents,
            share(one.amount.documents, published.documents),
            short(one.amount.tokens),
            "–" if one.mean_score is None else f"{one.mean_score:.2f}",
        ]
        for one in groups
    ]
    table = markdown_table([what, "documents", "of all", "tokens", "mean score"], rows)
    if published.groups.missed:
        table += (
            f"\n\nThere are more than fit in memory, so of each up to {published.groups.missed:,} documents may be "
            "missing in this table."
        )
    if step.by is None and len(step.configs) > 1:
        first = by_threshold(step)[0]
        nested = len({column_of(one, step.cut) for one in step.thresholds}) < 2
        widest = f"`{step.configs[first]}`, which contains the others"
        table = f"Of {widest if nested else 'all configurations, each document once'}.\n\n{table}"
    return ("Largest repositories" if what == "repository" else "Largest domains"), table


def licences(published: Published, licence: str) -> str:
    """Whose licences the files have; empty for what is no code."""
    documents = published.documents
    parts = [
        "Every file keeps the licence that its authors gave it: `detected_licenses` names what was found for it, as "
        "SPDX identifiers, and `license_type` the group of these. Whoever uses a file has to keep to its licence, "
        f"attribution included; `{licence}` in the header of this card is of the collection, not of the files."
    ]
    if published.license_types:
        parts.append(_licence_table("license_type", published.license_types, documents, _SHOWN_LICENCES))
    named: dict[str | None, int] = {name: n for name, n in published.licences.items() if name is not None}
    if named:
        parts.append("The most frequent identifiers; a file may have several:")
        parts.append(_licence_table("SPDX identifier", named, documents, _SHOWN_LICENCES))
    if bare := published.licences.get(None, 0):
        parts.append(f"For {bare:,} file{'s' * (bare > 1)} ({share(bare, documents)}) no identifier was found.")
    return "\n\n".join(parts)


def _licence_table(head: str, counted: Mapping[str | None, int], documents: int, most: int) -> str:
    ordered = _ordered(counted)
    rows: list[list[Any]] = [[name or "none", number, share(number, documents)] for name, number in ordered[:most]]
    if rest := ordered[most:]:
        rows.append([f"{len(rest)} others", sum(number for _, number in rest), ""])
    return markdown_table([head, "files", "of all"], rows)


def dropped_by(context: RunContext, by: str) -> str:
    """What each stage dropped, by reason and value; empty where nothing is known of it."""
    rows: list[list[Any]] = []
    for stage, _ in context.stages:
        folder = context.folder if stage == stage_name(context) else f"{context.output}/{stage}"
        tables = columns_of_folder(f"{folder}/removed", ("reason", by))
        found = sorted(each_value(tables, by, "reason"), key=lambda pair: (-sum(pair[1].values()), str(pair[0])))
        rows += [[stage, reason, sum(values.values()), _listed(values)] for reason, values in found]
    return markdown_table(["stage", "reason", "documents", f"by {by}"], rows) if rows else ""


def _listed(values: Mapping[str | None, int]) -> str:
    ordered = _ordered(values)
    shown = [f"{value or 'unknown'} {number:,}" for value, number in ordered[:_SHOWN_VALUES]]
    if rest := ordered[_SHOWN_VALUES:]:
        shown.append(f"{len(rest)} others {sum(number for _, number in rest):,}")
    return ", ".join(shown)


def _ordered(values: Mapping[str | None, int]) -> Sequence[tuple[str | None, int]]:
    return sorted(values.items(), key=lambda pair: (-pair[1], str(pair[0])))


def spoken(published: Published) -> Iterator[str]:
    """Languages of the header: ``code``, or the codes of what at least a hundredth is written in."""
    if published.kind == "code":
        yield "code"
        return
    total = sum(published.languages.values())
    for name, number in _ordered(published.languages):
        code = (name or "").partition("_")[0]
        if code.isalpha() and code.islower() and 2 <= len(code) <= 3 and 100 * number >= total:
            yield code
