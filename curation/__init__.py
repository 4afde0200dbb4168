r"""Curate pretraining data: extract, judge, learn the judge, score, select, deduplicate, decontaminate, publish.

    from curation import html_to_text, load_recipe, run

    html_to_text("<p>Area <script type='math/tex'>\pi r^2</script></p>")    # 'Area $\pi r^2$'
    run(load_recipe("finemath", config="finemath-smoke"), "out")

Every name is loaded when it is first used: importing this package imports no torch, transformers, datasets or ray.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.annotation.judging import Judging as Judging
    from curation.annotation.judging import Price as Price
    from curation.annotation.prompt import load_prompt as load_prompt
    from curation.blocks.annotate import Annotate as Annotate
    from curation.blocks.compare import compare_labels as compare_labels
    from curation.blocks.contamination import ReportContamination as ReportContamination
    from curation.blocks.decontaminate import Decontaminate as Decontaminate
    from curation.blocks.domains import KeepListed as KeepListed
    from curation.blocks.domains import ListDomains as ListDomains
    from curation.blocks.extract import ExtractText as ExtractText
    from curation.blocks.label_report import ReportLabels as ReportLabels
    from curation.blocks.language import DetectLanguage as DetectLanguage
    from curation.blocks.language import KeepLanguage as KeepLanguage
    from curation.blocks.personal import ReplacePersonal as ReplacePersonal
    from curation.blocks.publish import PublishCard as PublishCard
    from curation.blocks.publish import PublishRows as PublishRows
    from curation.blocks.quality import KeepQuality as KeepQuality
    from curation.blocks.sample import DrawSample as DrawSample
    from curation.blocks.score import CountTokens as CountTokens
    from curation.blocks.score import ScoreText as ScoreText
    from curation.blocks.screen import ScreenText as ScreenText
    from curation.blocks.screen import TrainStudent as TrainStudent
    from curation.blocks.secrets import MaskSecrets as MaskSecrets
    from curation.blocks.select import KeepScore as KeepScore
    from curation.blocks.step import Select as Select
    from curation.blocks.step import Step as Step
    from curation.blocks.train import TrainClassifier as TrainClassifier
    from curation.classify.classifier import load_classifier as load_classifier
    from curation.classify.spec import load_spec as load_spec
    from curation.cleaning import clean as clean
    from curation.cleaning import decontaminate as decontaminate
    from curation.cleaning import mask as mask
    from curation.commands import select as select
    from curation.commands import train as train
    from curation.deduplication import Dedup as Dedup
    from curation.deduplication import dedup as dedup
    from curation.deduplication import dedup_stages as dedup_stages
    from curation.distilling import Distillation as Distillation
    from curation.distilling import classifier_of as classifier_of
    from curation.distilling import distill_stages as distill_stages
    from curation.distilling import judged_folders as judged_folders
    from curation.errors import ConfigError as ConfigError
    from curation.errors import ContentError as ContentError
    from curation.errors import CurationError as CurationError
    from curation.errors import StaleOutput as StaleOutput
    from curation.explaining import explain as explain
    from curation.html.extract import extract_page as extract_page
    from curation.html.extract import html_to_text as html_to_text
    from curation.labelling import annotate as annotate
    from curation.planning import plan as plan
    from curation.recipe import Recipe as Recipe
    from curation.recipe import Stage as Stage
    from curation.recipe import folder_of as folder_of
    from curation.recipe import load_recipe as load_recipe
    from curation.running import run as run
    from curation.scoring import Cascade as Cascade
    from curation.scoring import cascade_stages as cascade_stages
    from curation.scoring import score as score

_MODULES = {
    "Annotate": "blocks.annotate",
    "Cascade": "scoring",
    "ConfigError": "errors",
    "ContentError": "errors",
    "CountTokens": "blocks.score",
    "CurationError": "errors",
    "Decontaminate": "blocks.decontaminate",
    "Dedup": "deduplication",
    "DetectLanguage": "blocks.language",
    "Distillation": "distilling",
    "DrawSample": "blocks.sample",
    "ExtractText": "blocks.extract",
    "Judging": "annotation.judging",
    "KeepLanguage": "blocks.language",
    "KeepListed": "blocks.domains",
    "KeepQuality": "blocks.quality",
    "KeepScore": "blocks.select",
    "ListDomains": "blocks.domains",
    "MaskSecrets": "blocks.secrets",
    "Price": "annotation.judging",
    "PublishCard": "blocks.publish",
    "PublishRows": "blocks.publish",
    "Recipe": "recipe",
    "ReplacePersonal": "blocks.personal",
    "ReportContamination": "blocks.contamination",
    "ReportLabels": "blocks.label_report",
    "ScoreText": "blocks.score",
    "ScreenText": "blocks.screen",
    "Select": "blocks.step",
    "Stage": "recipe",
    "StaleOutput": "errors",
    "Step": "blocks.step",
    "TrainClassifier": "blocks.train",
    "TrainStudent": "blocks.screen",
    "annotate": "labelling",
    "cascade_stages": "scoring",
    "classifier_of": "distilling",
    "clean": "cleaning",
    "compare_labels": "blocks.compare",
    "decontaminate": "cleaning",
    "dedup": "deduplication",
    "dedup_stages": "deduplication",
    "distill_stages": "distilling",
    "explain": "explaining",
    "extract_page": "html.extract",
    "folder_of": "recipe",
    "html_to_text": "html.extract",
    "judged_folders": "distilling",
    "load_classifier": "classify.classifier",
    "load_prompt": "annotation.prompt",
    "load_recipe": "recipe",
    "load_spec": "classify.spec",
    "mask": "cleaning",
    "plan": "planning",
    "run": "running",
    "score": "scoring",
    "select": "commands",
    "train": "commands",
}

__all__ = [
    "Annotate",
    "Cascade",
    "ConfigError",
    "ContentError",
    "CountTokens",
    "CurationError",
    "Decontaminate",
    "Dedup",
    "DetectLanguage",
    "Distillation",
    "DrawSample",
    "ExtractText",
    "Judging",
    "KeepLanguage",
    "KeepListed",
    "KeepQuality",
    "KeepScore",
    "ListDomains",
    "MaskSecrets",
    "Price",
    "PublishCard",
    "PublishRows",
    "Recipe",
    "ReplacePersonal",
    "ReportContamination",
    "ReportLabels",
    "ScoreText",
    "ScreenText",
    "Select",
    "Stage",
    "StaleOutput",
    "Step",
    "TrainClassifier",
    "TrainStudent",
    "annotate",
    "cascade_stages",
    "classifier_of",
    "clean",
    "compare_labels",
    "decontaminate",
    "dedup",
    "dedup_stages",
    "distill_stages",
    "explain",
    "extract_page",
    "folder_of",
    "html_to_text",
    "judged_folders",
    "load_classifier",
    "load_prompt",
    "load_recipe",
    "load_spec",
    "mask",
    "plan",
    "run",
    "score",
    "select",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'curation' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"curation.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
