"""What ``curate plan --estimate`` prints: a table of stages with what each will take, and where every number is from.

Example: ``print(estimate_text(load_recipe("finemath"), pages=3e9, prices=["core_hour=0.03"]))``
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from curation.annotation.forecast import Sizes, forecast
from curation.blocks.annotate import Annotate
from curation.blocks.sample import DrawSample
from curation.config import nearest
from curation.console import readable
from curation.content import find_content
from curation.errors import ConfigError
from curation.forecasting import Prices, Rate, StageCost, StageNeed, cost_stages
from curation.rates import rate_of, run_rates, shipped_rates, with_rates
from curation.recipe import Recipe, Stage, settings_of
from curation.report import markdown_table

_HEAD = ("stage", "documents in", "core-hours", "GPU-hours", "tasks", "hours", "requests", "read", "written", "dollars")
_PAGE_TOKENS = 6.5e12 / 7.1e9  # FineMath as published, all pages
_UNKNOWN = "not measured"
_LEAST_BYTES = 1e9  # of memory that are worth a line


def estimate_text(
    recipe: Recipe,
    *,
    pages: float | None = None,
    volumes: str | None = None,
    runs: Sequence[str] = (),
    given: Sequence[str] = (),
    shares: Sequence[str] = (),
    documents: Sequence[str] = (),
    prices: Sequence[str] = (),
) -> str:
    """A Markdown table, its totals, and a line for each number that was assumed, published or measured.

    Args:
        recipe: with its settings: samples and tasks are taken from them.
        pages: documents of each input from outside.
        volumes: a shipped set of volumes, such as ``published``.
        runs: ``--rates``: folders of one finished run, or of a small and a large one, in place of shipped rates.
        given: ``--rate STAGE=DOCUMENTS_PER_SECOND`` of one core, or of one GPU where the stage runs on GPUs.
        shares: ``--share STAGE=SHARE`` of its documents that goes on.
        documents: ``--volume STAGE=DOCUMENTS`` into it.
        prices: ``--price NAME=DOLLARS``, a field of `Prices`.

    Raises:
        ConfigError: for neither pages nor volumes, an unknown stage or price, or what is no number.
    """
    if pages is None and volumes is None:
        raise ConfigError("--estimate: of how many pages? --pages N, or --volumes published")
    needs = [stage_need(recipe, stage) for stage in recipe.stages if not stage.left_out]
    needs = _without_left_out(recipe, needs)
    rates = shipped_rates(volumes)
    gpus = {need.name: need.gpus for need in needs}
    if runs:
        rates = with_rates(run_rates(runs, settings_of(recipe), gpus), rates)
    known = {need.name: rate_of(rates, need.name) for need in needs}
    for flag, values in (("rate", given), ("share", shares), ("volume", documents)):
        for stage, number in _numbers(flag, values, list(known)).items():
            known[stage] = _told(flag, number, gpus[stage]).over(known[stage])
    paid = _prices(prices)
    costs = cost_stages(needs, known, pages=pages or 0.0)
    return "\n".join([_table(costs, paid), "", *_notes(recipe, costs, paid)])


def stage_need(recipe: Recipe, stage: Stage) -> StageNeed:
    """What the settings say of a stage: what it reads, tasks at a time, GPUs, the size of a sample."""
    settings = recipe.executor_of(stage.name)
    lanes = settings.tasks or settings.shards
    if settings.kind == "local":
        lanes = settings.workers or os.cpu_count() or 1
    elif settings.workers:
        lanes = min(lanes, settings.workers)
    lanes = 1 if stage.gather else min(lanes, stage.parts or lanes)
    sizes = [step.size for step in stage.steps if isinstance(step, DrawSample) and step.size is not None]
    return StageNeed(
        name=stage.name,
        reads=stage.reads if isinstance(stage.reads, str) else None,
        lanes=lanes,
        gpus=settings.gpus_per_task,
        most=min(sizes, default=None),
        in_one_process=stage.gather,
    )


def _without_left_out(recipe: Recipe, needs: Sequence[StageNeed]) -> list[StageNeed]:
    """Whoever reads a stage that is left out reads what it would have read."""
    passed = {stage.name: stage.reads for stage in recipe.stages if stage.left_out}
    found = []
    for need in needs:
        reads: str | tuple[str, ...] | None = need.reads
        while isinstance(reads, str) and reads in passed:
            reads = passed[reads]
        found.append(replace(need, reads=reads if isinstance(reads, str) else None))
    return found


def _table(costs: Sequence[StageCost], prices: Prices) -> str:
    rows = [
        (
            one.need.name,
            amount(one.documents),
            _amount(one.core_hours),
            _amount(one.gpu_hours),
            f"{one.need.lanes:,}" + (f" × {one.need.gpus} GPUs" if one.need.gpus else ""),
            _amount(one.hours),
            amount(one.requests),
            _bytes(one.read_bytes),
            _bytes(one.written_bytes),
            _amount(one.dollars(prices)),
        )
        for one in costs
    ]
    known = [one for one in costs if one.is_known]
    total = (
        "all that is known",
        "",
        amount(sum(one.core_hours or 0 for one in known)),
        amount(sum(one.gpu_hours or 0 for one in known)),
        "",
        amount(sum(one.hours or 0 for one in known)),
        amount(sum(one.requests for one in costs)),
        _bytes(sum(one.read_bytes for one in costs)),
        _bytes(sum(one.written_bytes for one in costs)),
        amount(sum(one.dollars(prices) or 0 for one in known)),
    )
    return markdown_table(_HEAD, [*rows, total])


def _notes(recipe: Recipe, costs: Sequence[StageCost], prices: Prices) -> list[str]:
    lines = []
    if unknown := [one.need.name for one in costs if not one.is_known]:
        example = f"--rate {unknown[0]}=DOCUMENTS_A_SECOND or --rates RUN"
        lines.append(f"- Not measured, and in no total: {', '.join(unknown)} ({example}).")
    alone = [one for one in costs if one.need.in_one_process]
    lines.append(f"- In one process, whatever the number of tasks: {', '.join(map(_alone, alone)) or 'none'}.")
    known = [one for one in costs if one.hours]
    if known:
        longest = max(known, key=lambda one: one.hours or 0)
        lines.append(f"- Longest of those known: {longest.need.name}, {amount(longest.hours or 0)} hours.")
    told = ", ".join(f"{key} {value:g}" for key, value in dataclasses.asdict(prices).items())
    lines.append(f"- Prices are assumptions, in dollars: {told} (--price NAME=DOLLARS).")
    lines += [f"- {said}" for one in costs if (said := _judging(recipe, one))]
    return lines + [f"- {one.need.name}: {_known(one.rate)}." for one in costs]


def _known(rate: Rate) -> str:
    """Each number of a stage with its source; numbers of one source together."""
    told: dict[str, list[str]] = {}
    for key, number in rate.numbers.items():
        told.setdefault(rate.sources.get(key, ""), []).append(f"{key} {number:.3g}")
    share = [] if rate.share is not None else ["all documents are taken to go on"]
    return "; ".join([*(f"{', '.join(numbers)} ({source})" for source, numbers in told.items()), *share])


def _alone(cost: StageCost) -> str:
    held = cost.memory_bytes or 0.0
    return cost.need.name + (f" (about {readable(held)} of memory)" if held >= _LEAST_BYTES else "")


def _judging(recipe: Recipe, cost: StageCost) -> str:
    """What the judge's own forecast assumes, where nothing was measured."""
    stage = next(one for one in recipe.stages if one.name == cost.need.name)
    asked = [step for step in stage.steps if isinstance(step, Annotate) and not step.judge.startswith("replay:")]
    if not asked or cost.is_known:
        return ""
    judge = asked[0]
    prompt_tokens = _PAGE_TOKENS + len(find_content("prompts", judge.prompt).read_text(encoding="utf-8")) / 4
    told = forecast(
        Sizes(prompt_tokens, is_counted=False),
        round(cost.documents),
        judge.judging,
        gpus=max(1, cost.need.gpus),
        tasks=cost.need.lanes,
    )
    return f"{cost.need.name}, were its assumptions true, which nobody has measured: {told}."


def _told(flag: str, number: float, gpus: int) -> Rate:
    source = f"given: --{flag} {number:g}"
    key = {"share": "share", "volume": "documents"}.get(flag, "gpu_seconds" if gpus else "core_seconds")
    if flag == "rate":
        if not number:
            raise ConfigError("--rate: expected more than 0 documents a second")
        number = 1 / number
    known: dict[str, Any] = {key: number}
    return Rate(**known, sources={key: source})


def _prices(given: Sequence[str]) -> Prices:
    names = [field.name for field in dataclasses.fields(Prices)]
    return Prices(**_numbers("price", given, names))


def _numbers(flag: str, given: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in names:
            raise ConfigError(f"--{flag} {text}: no '{name}' ({nearest(name, list(names))})")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise ConfigError(f"--{flag} {text}: expected {name}=NUMBER") from error
        if not 0 <= found[name] < math.inf:
            raise ConfigError(f"--{flag} {text}: expected 0 or more")
    return found


def amount(number: float) -> str:
    """A number of any size in three or four digits: ``7.10B``, ``0.42``, ``1,240``."""
    for least, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if number >= least:
            return f"{number / (1e3 if unit == 'k' else least):,.3g}{unit}"
    return f"{number:,.0f}" if number >= 100 or not number else f"{number:.2g}"


def _amount(number: float | None) -> str:
    return _UNKNOWN if number is None else amount(number)


def _bytes(size: float) -> str:
    return f"{size / 1e15:.1f} PB" if size >= 1e15 else readable(size)
