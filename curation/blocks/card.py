"""The dataset's card: what was done, with what, and how much to trust it.

Example: ``dataset_card(step, context, ["finemath-3plus"], domains, 3)`` gives the text of README.md, whose YAML header
makes ``load_dataset(folder, "finemath-3plus")`` work. Nothing in it depends on time or place, so that a run that was
interrupted writes the same card as one that was not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import yaml

from curation.annotation.label_markdown import asked_markdown, notes, sections, summary
from curation.annotation.label_report import LabelReport
from curation.blocks.dedup_pairs import read_columns
from curation.classify.report import TrainingReport
from curation.classify.storage import model_folder, read_calibration
from curation.folder import Folder, local_copy
from curation.manifest import Manifest
from curation.recipe import RunContext
from curation.report import FunnelRow, funnel, funnel_table, markdown_table, reasons, versions

_SHOWN_DOMAINS = 10
_PACKAGES = ("curation", "datatrove", "resiliparse", "torch", "transformers", "tldextract")


class CardValues(Protocol):
    """What the card is told by the publishing step."""

    dataset: str
    configs: tuple[str, ...]
    thresholds: tuple[int, ...]
    cut: Any
    licence: str
    models: tuple[str, ...]
    duplicates: str | None


@dataclass
class Judged:
    """What a stage's judge said: its report, and its labels counted, for stages that have no report."""

    stage: str
    report: LabelReport | None
    counted: dict[str, Counter[str]] = field(default_factory=dict)


def dataset_card(
    step: CardValues,
    context: RunContext,
    configs: Sequence[str],
    judged: Sequence[Judged],
    domains: Sequence[Mapping[str, Any]],
    contaminated: int,
) -> str:
    """README.md of the dataset."""
    rows = funnel(context.output, [name for name, _ in context.stages if name != "publish"])
    parts = [
        _header(step, configs),
        f"# {step.dataset}",
        f"Made by the recipe `{context.recipe}` with the settings `{context.origin}` of the library `curation`.",
        "## What stands here",
        _configs(step, context, configs),
        "## From pages to dataset",
        funnel_table(rows),
        *_left_out(context),
        "## Judge",
        *([part for one in judged for part in _judge(one)] or ["No judge was asked in this run."]),
        "## Classifier",
        *[_model(model, step) for model in step.models],
        "## Domains",
        _domains(domains),
        "## Duplicates",
        _duplicates(step.duplicates),
        "## Decontamination",
        f"Removed because they carry an item of a benchmark: {contaminated}; each stands in the "
        "configuration `contamination` with the item, the shared n-gram and the ratio."
        if contaminated
        else "No document was removed.",
        "## Personal data and secrets",
        _masked(rows),
        "## Settings",
        "```yaml\n" + yaml.safe_dump(dict(context.settings), sort_keys=False, allow_unicode=True, width=110) + "```",
        "## Versions",
        ", ".join(f"{name} {version}" for name, version in versions(_PACKAGES).items()),
    ]
    return "\n\n".join(parts) + "\n"


def _header(step: CardValues, configs: Sequence[str]) -> str:
    values = {
        "license": step.licence,
        "task_categories": ["text-generation"],
        "tags": ["curation"],
        "configs": [
            {"config_name": name, "data_files": [{"split": "train", "path": f"{name}/train-*.parquet"}]}
            for name in configs
        ],
    }
    return "---\n" + yaml.safe_dump(values, sort_keys=False) + "---"


def _configs(step: CardValues, context: RunContext, configs: Sequence[str]) -> str:
    counts = _counts(context)
    rows: list[list[Any]] = []
    for name, least in zip(step.configs, step.thresholds, strict=True):
        column = "int_score" if step.cut == "published" else "calibrated_score"
        rows.append([f"`{name}`", counts.get(name, 0), f"{column} >= {least}{_raw(step, least)}"])
    said = {
        "annotations": "every judged document: prompt, judge, reply and label",
        "contamination": "documents removed for a benchmark's item",
    }
    rows += [[f"`{name}`", "", said[name]] for name in configs if name in said]
    return markdown_table(["configuration", "documents", "what"], rows)


def _counts(context: RunContext) -> Mapping[str, int]:
    """Documents of each configuration: of the stage that is being finished, not of the one that it may replace."""
    total: dict[str, int] = {}
    for record in Manifest(Folder(context.folder)).records():
        for name, number in record["counts"].items():
            total[name] = total.get(name, 0) + number
    return total


def _raw(step: CardValues, least: int) -> str:
    """What a threshold amounts to on the raw score of the classifier that decides; 0 keeps all."""
    if least < 1:
        return ""
    deciding = local_copy(step.models[-1]) if step.models and "/" in step.models[-1] else None
    calibration = read_calibration(model_folder(str(deciding))) if deciding else None
    if step.cut == "published" or calibration is None:
        return f" (score {'>' if least % 2 else '>='} {least - 0.5:g})"
    return f" (score >= {calibration.raw_cut(least):.4f})"


def _left_out(context: RunContext) -> list[str]:
    if not context.left_out:
        return []
    listed = "; ".join(f"`{stage}` ({why})" for stage, why in context.left_out.items())
    return [f"Left out: {listed}."]


def _judge(one: Judged) -> Iterator[str]:
    """What was asked and what came of it; without seconds, which differ from run to run."""
    report = one.report
    if report is None:
        yield from (f"Asked by `{who}`: {reasons(labels)}." for who, labels in one.counted.items())
        return
    yield f"### {one.stage}: `{report.judge}` with the prompt `{report.asked.prompt}`"
    yield summary(report)
    yield from (f"**{note}**" for note in notes(report))
    yield from (f"#### {title}\n\n{body}" for title, body in sections(report).items() if body)
    yield f"#### How it was asked\n\n{asked_markdown(report)}"
    yield "The prompt, with `{text}` where the document stands:\n\n" + _fenced(report.asked.text)


def _fenced(text: str) -> str:
    """A text as it is, in a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _model(model: str, step: CardValues) -> str:
    report = model_folder(str(local_copy(model))) / "report.json" if "/" in model else None
    if report is None or not report.is_file():
        return f"`{model.rsplit('/', 2)[-1]}` was given and comes without figures of its training."
    stage = model.rstrip("/").rsplit("/", 2)[-2]
    return f"### {stage}\n\n{TrainingReport.from_json(report.read_text()).to_markdown(level=4)}"


def _duplicates(removed: str | None) -> str:
    """How many were dropped for a document that stays, and how similar they are to it."""
    pairs = list(zip(*read_columns(removed, ["reason", "similarity"]), strict=True)) if removed else []
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


def _masked(rows: Sequence[FunnelRow]) -> str:
    """Places that were masked, or for which documents were dropped, by stage and kind."""
    table = [
        [row.stage, name.removeprefix(f"{column}_"), number]
        for row in rows
        for column in ("personal_data", "secrets")
        for name, number in row.counts.items()
        if name.startswith(f"{column}_")
    ]
    if not table:
        return "None were found in this run, or none were looked for."
    return markdown_table(["stage", "kind", "places"], table)


def _domains(domains: Sequence[Mapping[str, Any]]) -> str:
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
