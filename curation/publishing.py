"""The last stage of recipes whose configurations are thresholds on one score.

Example: ``publish_stage(s.judged, dataset=s.name, columns="topic", configs=s.configs, licence="odc-by", ...)``
"""

from __future__ import annotations

from collections.abc import Mapping

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
    """
    names, thresholds = tuple(configs), tuple(configs.values())
    return Stage(
        name="publish",
        reads="decontaminate",
        steps=[PublishRows(columns=columns, configs=names, thresholds=thresholds, cut=d.cut)],
        finish=PublishCard(
            dataset=dataset,
            configs=names,
            thresholds=thresholds,
            cut=d.cut,
            licence=licence,
            annotations=judged_folders((d, "")),
            models=(classifier_of(d),),
            contaminated=folder_of("decontaminate", "removed") if decontaminated else None,
            duplicates=folder_of("dedup", "removed") if deduplicated else None,
            scores=folder_of("scores", "data"),
        ),
    )
