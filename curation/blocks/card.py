"""The dataset's card: what was done, with what, and how much to trust it.

Example: ``dataset_card(step, context, ["finemath-3plus"], judged, None, 0)`` gives the text of README.md, whose YAML
header makes ``load_dataset(folder, "finemath-3plus")`` work. Nothing in it depends on time or place, so that a run that
was interrupted writes the same card as one that was not. What a recipe does not do has no part in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import yaml

from curation.blocks.card_cleaning import contamination, dropped_of, duplicates, masked
from curation.blocks.card_counts import amounts_by, columns_of_folder
from curation.blocks.card_cut import calibration_of, condition, explanation
from curation.blocks.card_domains import listed_domains
from curation.blocks.card_header import Size, card_header, sizes_of
from curation.blocks.card_judging import Judged, judge_parts, model_parts, price_of
from curation.blocks.card_published import Published, Routes, count_published, least_of, stage_name
from curation.blocks.card_tables import before_and_after, dropped_by, largest_groups, licences, short, spoken
from curation.blocks.published_beside import BESIDE
from curation.blocks.published_columns import MEANINGS, MEANINGS_OF_CODE
from curation.folder import Folder
from curation.manifest import Manifest
from curation.recipe import RunContext
from curation.report import FunnelRow, funnel, funnel_table, growth_note, markdown_table, versions

_PACKAGES = ("curation", "datatrove", "resiliparse", "torch", "transformers", "tldextract")


class CardValues(Routes, Protocol):
    """What the card is told by the publishing step."""

    dataset: str
    licence: str
    models: tuple[str, ...]
    contaminated: str | None
    duplicates: str | None
    scores: str | None


def dataset_card(
    step: CardValues,
    context: RunContext,
    configs: Sequence[str],
    judged: Sequence[Judged],
    domains: str | None,
    contaminated: int,
) -> str:
    """README.md of the dataset.

    Args:
        step: what is published.
        context: the run.
        configs: all configurations that have files, those beside the documents included.
        judged: what the judges said.
        domains: the folder of the domains and what was decided of each, None for a recipe that lists none.
        contaminated: how many documents were removed for a benchmark's item.
    """
    published = count_published(step, context)
    rows = funnel(context.output, [name for name, _ in context.stages if name != stage_name(context)])
    counts, origin = _counts(context), without_credentials(context.origin)
    sizes = {name: size for name, size in sizes_of(Folder(context.folder), configs).items() if size.documents}
    parts = [
        card_header(
            step.dataset,
            step.licence,
            sizes,
            has_default=not step.by,
            languages=list(spoken(published)),
            documents=published.documents,
        ),
        f"# {step.dataset}",
        f"Made by the recipe `{context.recipe}` with the settings `{origin}` of the library `curation`.",
        *_section("What stands here", _configs(step, counts, configs, published), _empty(step, sizes)),
        *_section("How to load it", _loading(list(sizes), context, published)),
        *_section("Columns", _columns(published)),
        *_sections(step, context, published, rows),
        *_section("Judge", *_judges(judged, context)),
        *_section(
            "Classifiers" if len(step.models) > 1 or step.by else "Classifier", *model_parts(step.models, step.by)
        ),
        *(_section("Listed domains", without_credentials(listed_domains(domains))) if domains is not None else []),
        *(
            _section("Duplicates", duplicates(step.duplicates, dropped_of(step.duplicates, rows)))
            if step.duplicates
            else []
        ),
        *(
            _section("Decontamination", contamination(contaminated, dropped_of(step.contaminated, rows)))
            if step.contaminated
            else []
        ),
        *_section("Personal data and secrets", masked(rows, context.output)),
        *_section("Settings", _settings(context)),
        *_section("Versions", ", ".join(f"{name} {version}" for name, version in versions(_PACKAGES).items())),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, *parts: str) -> list[str]:
    """A heading and what stands under it; nothing where nothing does."""
    filled = [part for part in parts if part]
    return [f"## {title}", *filled] if filled else []


def _sections(step: CardValues, context: RunContext, published: Published, rows: Sequence[FunnelRow]) -> Iterator[str]:
    """What the dataset is made of."""
    if step.scores:
        wanted = ("token_count", *([step.by] if step.by else []))
        before = amounts_by(columns_of_folder(step.scores, wanted), step.by)
        if any(one.documents for one in before.values()):  # none where the run starts behind the scores
            yield from _section("Before and after", before_and_after(step, context, before, published))
    if published.kind == "code":
        yield from _section("Licences", licences(published, step.licence))
    if largest := largest_groups(step, published):
        yield from _section(*largest)
    left_out = "; ".join(f"`{stage}` ({why})" for stage, why in context.left_out.items())
    yield from _section(
        "From input to dataset",
        funnel_table(rows),
        growth_note(context.output, [row.stage for row in rows]),
        f"Left out: {left_out}." if left_out else "",
    )
    if step.by:
        yield from _section(f"Dropped by {step.by}", dropped_by(context, step.by))


def _configs(step: CardValues, counts: Mapping[str, int], configs: Sequence[str], published: Published) -> str:
    rows: list[list[Any]] = []
    deciding = step.models[-1] if step.models else None
    for index, (name, least) in enumerate(zip(step.configs, least_of(step), strict=True)):
        value = step.values[index] if step.by else None
        calibration = calibration_of(deciding, value, step.by) if step.cut == "calibrated" else None
        what = condition(least, step.cut, calibration)
        rows.append(
            [
                f"`{name}`",
                counts.get(name, 0),
                what if value is None else f"{value}, {what}",
                short(published.configs[name].tokens),
            ]
        )
    rows += [[f"`{name}`", "", BESIDE[name], ""] for name in configs if name in BESIDE]
    table = markdown_table(["configuration", "documents", "which", "tokens"], rows)
    return "\n\n".join(part for part in (table, explanation(step.cut, step.thresholds)) if part)


def _empty(step: CardValues, sizes: Mapping[str, Size]) -> str:
    """What cannot be loaded."""
    named = ", ".join(f"`{name}`" for name in step.configs if name not in sizes)
    return f"Without a document, so that there is nothing to load: {named}." if named else ""


def _counts(context: RunContext) -> Mapping[str, int]:
    """Documents of each configuration: of the stage that is being finished, not of the one that it may replace."""
    total: dict[str, int] = {}
    for record in Manifest(Folder(context.folder)).records():
        for name, number in record["counts"].items():
            total[name] = total.get(name, 0) + number
    return total


def _loading(configs: Sequence[str], context: RunContext, published: Published) -> str:
    """A call for each configuration, and how to come by texts that are not among the columns."""
    if not configs:
        return ""
    lines = [f'load_dataset(folder, "{name}", split="train")' for name in configs]
    code = "\n".join(
        [
            "from datasets import load_dataset",
            "",
            'folder = "."  # where this file lies, or the name of the dataset on the Hub',
            *lines,
        ]
    )
    parts = [f"```python\n{code}\n```"]
    if published.columns and "text" not in published.columns:
        contents = context.settings.get("contents")
        where = f" in `{contents}`, gzip-compressed" if contents and "blob_id" in str(contents) else ""
        parts.append(
            f"The rows hold no text. The content of a file is found by its `blob_id`{where}, in the encoding "
            "`src_encoding`; it is the file as its authors published it, in which nothing is masked."
        )
    return "\n\n".join(parts)


def _columns(published: Published) -> str:
    if not published.columns:
        return ""
    meanings = MEANINGS | (MEANINGS_OF_CODE if published.kind == "code" else {})
    rows = [[f"`{name}`", kind, meanings.get(name, "")] for name, kind in published.columns.items()]
    return markdown_table(["column", "type", "what"], rows)


def _judges(judged: Sequence[Judged], context: RunContext) -> Iterator[str]:
    stages = [one.stage for one in judged]
    for one in judged:
        yield from judge_parts(one, price_of(context.settings, one.stage, stages))


def _settings(context: RunContext) -> str:
    dumped = yaml.safe_dump(dict(context.settings), sort_keys=False, allow_unicode=True, width=110)
    return f"```yaml\n{without_credentials(dumped)}```"


def without_credentials(text: str) -> str:
    """A text for everybody: of addresses in it neither the login nor the query, which may hold a key."""
    text = re.sub(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\"]+@", r"\1…@", text)
    return re.sub(r"(https?://[^\s?#'\"]+)\?[^\s#'\"]*=[^\s#'\"]*", r"\1?…", text)
