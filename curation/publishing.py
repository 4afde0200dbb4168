"""The last stage of every recipe.

Example: ``publish_stage(s.judged, dataset=s.name, columns="topic", configs=s.configs, licence="odc-by", ...)``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from curation.blocks.publish import PublishCard, PublishRows
from curation.distilling import Distillation, classifier_of, judged_folders
from curation.recipe import Stage, folder_of


def publish_stage(
    d: Distillation,
    *,
    dataset: str,
    columns: str,
    configs: Mapping[str, float],
    licence: str,
    decontaminated: bool,
    deduplicated: bool,
    earlier: Sequence[tuple[Distillation, str]] = (),
    domains: str | None = None,
    by: str | None = None,
    values: tuple[str, ...] = (),
    further: tuple[str, ...] = (),
) -> Stage:
    """The stage ``publish``: it reads ``decontaminate``, and its card also ``scores``.

    Args:
        d: the round whose classifier decides.
        dataset: its name.
        columns: as of `PublishRows`.
        configs: name -> threshold.
        licence: a licence's name on the Hub.
        decontaminated: whether the stage ``decontaminate`` is run.
        deduplicated: whether there is a stage ``dedup``.
        earlier: rounds before it, each with its suffix.
        domains: as of `PublishCard`.
        by: as of `PublishRows`.
        values: as of `PublishRows`.
        further: as of `PublishRows`.
    """
    names, thresholds, rounds = tuple(configs), tuple(configs.values()), (*earlier, (d, ""))
    rows = PublishRows(
        columns=columns, configs=names, thresholds=thresholds, cut=d.cut, further=further, by=by, values=values
    )
    return Stage(
        name="publish",
        reads="decontaminate",
        steps=[rows],
        finish=PublishCard(
            dataset=dataset,
            configs=names,
            thresholds=thresholds,
            cut=d.cut,
            licence=licence,
            by=by,
            values=values,
            annotations=judged_folders(*rounds),
            models=tuple(classifier_of(one, suffix) for one, suffix in rounds),
            domains=domains,
            contaminated=folder_of("decontaminate", "removed") if decontaminated else None,
            duplicates=folder_of("dedup", "removed") if deduplicated else None,
            scores=folder_of("scores", "data"),
        ),
    )
