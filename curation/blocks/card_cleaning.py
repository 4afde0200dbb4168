"""The card's parts about what was taken out: duplicates, benchmarks' items, personal data, domains not listed.

Example: ``duplicates("out/dedup/removed")`` says how many documents were dropped for one that stays, and how similar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.blocks.dedup_pairs import read_columns
from curation.report import FunnelRow, markdown_table

_SHOWN_DOMAINS = 10
_MASKED = ("personal_data", "secrets")
_TREATMENTS = ("emails", "ips", "secrets")


def duplicates(removed: str) -> str:
    """How many were dropped for a document that stays, and how similar they are to it."""
    pairs = list(zip(*read_columns(removed, ["reason", "similarity"]), strict=True))
    equal = sum(reason == "exact_duplicate" for reason, _ in pairs)
    near = sorted(similarity for reason, similarity in pairs if reason == "near_duplicate")
    if not equal and not near:
        return "No document was dropped as a duplicate."
    said = f"Dropped for a document that stays: {equal:,} with the same text, {len(near):,} near-duplicates"
    if not near:
        return f"{said}."
    tenth, middle = near[len(near) // 10], near[len(near) // 2]
    return (
        f"{said}. Of these the exact similarity of shingles to the document that stays was {near[0]:.2f} or more, of "
        f"nine in ten {tenth:.2f} or more, of half {middle:.2f} or more."
    )


def contamination(removed: int) -> str:
    """What was removed for a benchmark's item."""
    if not removed:
        return "No document was removed."
    return (
        f"Removed because they carry an item of a benchmark: {removed:,}; each stands in the configuration "
        "`contamination` with the item, the shared n-gram and the ratio."
    )


def masked(rows: Sequence[FunnelRow], settings: Mapping[str, Any]) -> str:
    """Places that were masked or cost a document its place, by stage and kind; empty if none were looked for."""
    table: list[list[Any]] = []
    for row in rows:
        for column in _MASKED:
            found = {
                name.removeprefix(f"{column}_"): n for name, n in row.counts.items() if name.startswith(f"{column}_")
            }
            within = found.pop("documents", None)
            table += [[row.stage, kind, number, ""] for kind, number in found.items()]
            if within is not None:
                table.append([row.stage, "all of them" if found else column.replace("_", " "), "", within])
    if table:
        return markdown_table(["stage", "kind", "places", "documents"], table)
    looked = any(key.rpartition(".")[2] in _TREATMENTS and value in ("mask", "drop") for key, value in settings.items())
    return "None were found." if looked else ""


def listed_domains(domains: Sequence[Mapping[str, Any]]) -> str:
    """The best and the worst of the domains that pages were taken from."""
    if not domains:
        return "No list of domains was made in this run."
    ordered = sorted(domains, key=lambda row: (-row["good_pages"], -row["share"], row["id"]))
    listed = [row for row in ordered if row["listed"]]
    head = ["domain", "pages", "good pages", "share", "decision"]
    shown = [*listed[:_SHOWN_DOMAINS], *[row for row in ordered if not row["listed"]][-_SHOWN_DOMAINS:]]
    table = [[row["id"], row["pages"], row["good_pages"], row["share"], row["reason"]] for row in shown]
    return f"{len(listed)} of {len(domains)} domains were listed; the best and the worst:\n\n" + markdown_table(
        head, table
    )
