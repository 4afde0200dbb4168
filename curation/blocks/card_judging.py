"""The card's parts about judge and classifier: what was asked, what came of it, at what price, and what learned it.

Example: ``judge_parts(Judged("annotate", report), settings)`` gives Markdown, part after part. Seconds, and what GPUs
cost by the hour, differ from run to run and are not among it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.annotation.judging import Price
from curation.annotation.label_markdown import asked_markdown, notes, sections, summary
from curation.annotation.label_report import LabelReport
from curation.blocks.card_cut import classifier_folder
from curation.classify.each import INDEX, LANGUAGE
from curation.classify.report import TrainingReport
from curation.classify.spec import is_local
from curation.report import reasons


@dataclass
class Judged:
    """What a stage's judge said: its report, and its labels counted, for stages that have no report."""

    stage: str
    report: LabelReport | None
    counted: dict[str, Counter[str]] = field(default_factory=dict)


def judge_parts(one: Judged, price: Price) -> Iterator[str]:
    """What was asked and what came of it; without seconds, which differ from run to run."""
    report = one.report
    if report is None:
        yield from (f"Asked by `{who}`: {reasons(labels)}." for who, labels in one.counted.items())
        return
    yield f"### {one.stage}: `{report.judge}` with the prompt `{report.asked.prompt}`"
    yield summary(report)
    yield from (f"**{note}**" for note in notes(report))
    yield from (f"#### {title}\n\n{body}" for title, body in sections(report).items() if body)
    if cost := _cost(report, price, one.stage):
        yield cost
    yield f"#### How it was asked\n\n{asked_markdown(report)}"
    yield "The prompt, with `{text}` where the document stands:\n\n" + _fenced(report.asked.text)


def price_of(settings: Mapping[str, Any], stage: str, stages: Sequence[str]) -> Price:
    """The price in the settings of a stage that judged.

    ``first.judging.price`` is of the stage ``annotate_first``; one whose name no stage bears is of the others.
    """
    prices: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        owner, found, name = key.partition(".judging.price.")
        if found and value:
            prices.setdefault(owner, {})[name] = value
    borne = {one.partition("_")[2] for one in stages}
    suffix = stage.partition("_")[2]
    own = [price for owner, price in prices.items() if (owner == suffix if suffix in prices else owner not in borne)]
    return Price(**own[0]) if own else Price()


def _cost(report: LabelReport, price: Price, stage: str) -> str:
    """What the tokens cost, which follows from them; what GPUs cost does not and is told beside the labels."""
    parts = []
    if price.is_by_token and report.prompt_tokens and report.completion_tokens:
        cost = price.of(report.prompt_tokens.total, report.completion_tokens.total, 0.0)
        parts.append(
            f"These tokens cost {cost:,.2f}, at {price.per_million_prompt_tokens:g} for a million prompt tokens and "
            f"{price.per_million_completion_tokens:g} for a million completion tokens, in the currency of `price`."
        )
    if price.per_gpu_hour:
        parts.append(f"What the hours of its GPUs cost differs from run to run: see `{stage}/report.md` of the run.")
    return " ".join(parts)


def model_parts(models: tuple[str, ...], by: str | None) -> Iterator[str]:
    """Each classifier's report; of a folder with one for each language a table of them."""
    for model in models:
        folder = classifier_folder(model)
        name = _name(model)
        if folder is not None and (folder / INDEX).is_file():
            yield f"### {name}\n\n{_each(str(folder), by or LANGUAGE)}"
        elif folder is not None and (folder / "report.json").is_file():
            report = TrainingReport.from_json((folder / "report.json").read_text())
            yield f"### {name}\n\n{report.to_markdown(level=4).rstrip()}"
        else:
            shown = name if is_local(model) or "://" in model else model  # no path of the machine it was made on
            yield f"`{shown}` was given and comes without figures of its training."


def _name(model: str) -> str:
    """The stage that trained a classifier, or the folder of one that was given."""
    parts = [part for part in model.split("/") if part not in ("", ".")]
    if len(parts) > 1 and parts[-1] == "model":
        parts.pop()
    return parts[-1] if parts else model


def _each(folder: str, by: str) -> str:
    from curation.blocks.train_each import classifiers_markdown  # heavy: loads what learns

    return classifiers_markdown(folder, by).rstrip()


def _fenced(text: str) -> str:
    """A text as it is, in a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"
