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
    from curation.blocks.code import AddConcepts as AddConcepts
    from curation.blocks.code import IdentifyCode as IdentifyCode
    from curation.blocks.code import KeepCode as KeepCode
    from curation.blocks.compare import compare_labels as compare_labels
    from curation.blocks.contamination import ReportContamination as ReportContamination
    from curation.blocks.contents import ReadContents as ReadContents
    from curation.blocks.crawl_index import ChooseSnapshots as ChooseSnapshots
    from curation.blocks.crawl_index import QueryIndex as QueryIndex
    from curation.blocks.crawl_index import SortRanges as SortRanges
    from curation.blocks.decontaminate import Decontaminate as Decontaminate
    from curation.blocks.domain_counts import CountDomains as CountDomains
    from curation.blocks.domains import KeepListed as KeepListed
    from curation.blocks.domains import ListDomains as ListDomains
    from curation.blocks.extract import ExtractText as ExtractText
    from curation.blocks.fetch_ranges import FetchRanges as FetchRanges
    from curation.blocks.label_report import ReportLabels as ReportLabels
    from curation.blocks.language import DetectLanguage as DetectLanguage
    from curation.blocks.language import KeepLanguage as KeepLanguage
    from curation.blocks.licence import KeepLicence as KeepLicence
    from curation.blocks.licence import ReadLicence as ReadLicence
    from curation.blocks.personal import ReplacePersonal as ReplacePersonal
    from curation.blocks.publish import PublishCard as PublishCard
    from curation.blocks.publish import PublishRows as PublishRows
    from curation.blocks.quality import KeepQuality as KeepQuality
    from curation.blocks.sample import DrawSample as DrawSample
    from curation.blocks.score import CountTokens as CountTokens
    from curation.blocks.score import ScoreText as ScoreText
    from curation.blocks.score_each import ScoreTexts as ScoreTexts
    from curation.blocks.scores import KeepScores as KeepScores
    from curation.blocks.screen import ScreenText as ScreenText
    from curation.blocks.screen import TrainStudent as TrainStudent
    from curation.blocks.secrets import MaskSecrets as MaskSecrets
    from curation.blocks.select import KeepScore as KeepScore
    from curation.blocks.select import KeepWhere as KeepWhere
    from curation.blocks.step import Select as Select
    from curation.blocks.step import Step as Step
    from curation.blocks.train import TrainClassifier as TrainClassifier
    from curation.blocks.train_each import TrainClassifiers as TrainClassifiers
    from curation.blocks.urls import KeepUrl as KeepUrl
    from curation.classify.classifier import load_classifier as load_classifier
    from curation.classify.spec import load_spec as load_spec
    from curation.cleaning import Decontamination as Decontamination
    from curation.cleaning import check_language_threshold as check_language_threshold
    from curation.cleaning import clean as clean
    from curation.cleaning import decontaminate as decontaminate
    from curation.cleaning import decontaminate_stage as decontaminate_stage
    from curation.cleaning import language_stage as language_stage
    from curation.cleaning import mask as mask
    from curation.commands import select as select
    from curation.commands import train as train
    from curation.crawling import Crawl as Crawl
    from curation.crawling import crawl_stages as crawl_stages
    from curation.deduplication import Dedup as Dedup
    from curation.deduplication import dedup as dedup
    from curation.deduplication import dedup_stages as dedup_stages
    from curation.distilling import Distillation as Distillation
    from curation.distilling import check_configs as check_configs
    from curation.distilling import classifier_of as classifier_of
    from curation.distilling import distill_stages as distill_stages
    from curation.distilling import judged_folders as judged_folders
    from curation.distilling import score_stages as score_stages
    from curation.domain_choice import Domains as Domains
    from curation.domain_choice import domain_stages as domain_stages
    from curation.errors import ConfigError as ConfigError
    from curation.errors import ContentError as ContentError
    from curation.errors import CurationError as CurationError
    from curation.errors import StaleOutput as StaleOutput
    from curation.explaining import explain as explain
    from curation.filtering.filter_scores import filter_scores as filter_scores
    from curation.filtering.report import FilterReport as FilterReport
    from curation.html.extract import extract_page as extract_page
    from curation.html.extract import html_to_text as html_to_text
    from curation.hub.push import push_dataset as push_dataset
    from curation.labelling import annotate as annotate
    from curation.planning import plan as plan
    from curation.publishing import publish_stage as publish_stage
    from curation.recipe import Recipe as Recipe
    from curation.recipe import Stage as Stage
    from curation.recipe import folder_of as folder_of
    from curation.recipe import load_recipe as load_recipe
    from curation.running import run as run
    from curation.scoring import Cascade as Cascade
    from curation.scoring import cascade_stages as cascade_stages
    from curation.scoring import score as score
    from curation.text.code_languages import CodeLanguage as CodeLanguage
    from curation.text.code_languages import code_language as code_language
    from curation.text.code_languages import code_languages as code_languages

_MODULES = {
    "AddConcepts": "blocks.code",
    "Annotate": "blocks.annotate",
    "Cascade": "scoring",
    "ChooseSnapshots": "blocks.crawl_index",
    "CodeLanguage": "text.code_languages",
    "ConfigError": "errors",
    "ContentError": "errors",
    "CountDomains": "blocks.domain_counts",
    "CountTokens": "blocks.score",
    "Crawl": "crawling",
    "CurationError": "errors",
    "Decontaminate": "blocks.decontaminate",
    "Decontamination": "cleaning",
    "Dedup": "deduplication",
    "DetectLanguage": "blocks.language",
    "Distillation": "distilling",
    "Domains": "domain_choice",
    "DrawSample": "blocks.sample",
    "ExtractText": "blocks.extract",
    "FetchRanges": "blocks.fetch_ranges",
    "FilterReport": "filtering.report",
    "IdentifyCode": "blocks.code",
    "Judging": "annotation.judging",
    "KeepCode": "blocks.code",
    "KeepLanguage": "blocks.language",
    "KeepLicence": "blocks.licence",
    "KeepListed": "blocks.domains",
    "KeepQuality": "blocks.quality",
    "KeepScore": "blocks.select",
    "KeepScores": "blocks.scores",
    "KeepUrl": "blocks.urls",
    "KeepWhere": "blocks.select",
    "ListDomains": "blocks.domains",
    "MaskSecrets": "blocks.secrets",
    "Price": "annotation.judging",
    "PublishCard": "blocks.publish",
    "PublishRows": "blocks.publish",
    "QueryIndex": "blocks.crawl_index",
    "ReadContents": "blocks.contents",
    "ReadLicence": "blocks.licence",
    "Recipe": "recipe",
    "ReplacePersonal": "blocks.personal",
    "ReportContamination": "blocks.contamination",
    "ReportLabels": "blocks.label_report",
    "ScoreText": "blocks.score",
    "ScoreTexts": "blocks.score_each",
    "ScreenText": "blocks.screen",
    "Select": "blocks.step",
    "SortRanges": "blocks.crawl_index",
    "Stage": "recipe",
    "StaleOutput": "errors",
    "Step": "blocks.step",
    "TrainClassifier": "blocks.train",
    "TrainClassifiers": "blocks.train_each",
    "TrainStudent": "blocks.screen",
    "annotate": "labelling",
    "cascade_stages": "scoring",
    "check_configs": "distilling",
    "check_language_threshold": "cleaning",
    "classifier_of": "distilling",
    "clean": "cleaning",
    "code_language": "text.code_languages",
    "code_languages": "text.code_languages",
    "compare_labels": "blocks.compare",
    "crawl_stages": "crawling",
    "decontaminate": "cleaning",
    "decontaminate_stage": "cleaning",
    "dedup": "deduplication",
    "dedup_stages": "deduplication",
    "distill_stages": "distilling",
    "domain_stages": "domain_choice",
    "explain": "explaining",
    "extract_page": "html.extract",
    "filter_scores": "filtering.filter_scores",
    "folder_of": "recipe",
    "html_to_text": "html.extract",
    "judged_folders": "distilling",
    "language_stage": "cleaning",
    "load_classifier": "classify.classifier",
    "load_prompt": "annotation.prompt",
    "load_recipe": "recipe",
    "load_spec": "classify.spec",
    "mask": "cleaning",
    "plan": "planning",
    "publish_stage": "publishing",
    "push_dataset": "hub.push",
    "run": "running",
    "score": "scoring",
    "score_stages": "distilling",
    "select": "commands",
    "train": "commands",
}

__all__ = [
    "AddConcepts",
    "Annotate",
    "Cascade",
    "ChooseSnapshots",
    "CodeLanguage",
    "ConfigError",
    "ContentError",
    "CountDomains",
    "CountTokens",
    "Crawl",
    "CurationError",
    "Decontaminate",
    "Decontamination",
    "Dedup",
    "DetectLanguage",
    "Distillation",
    "Domains",
    "DrawSample",
    "ExtractText",
    "FetchRanges",
    "FilterReport",
    "IdentifyCode",
    "Judging",
    "KeepCode",
    "KeepLanguage",
    "KeepLicence",
    "KeepListed",
    "KeepQuality",
    "KeepScore",
    "KeepScores",
    "KeepUrl",
    "KeepWhere",
    "ListDomains",
    "MaskSecrets",
    "Price",
    "PublishCard",
    "PublishRows",
    "QueryIndex",
    "ReadContents",
    "ReadLicence",
    "Recipe",
    "ReplacePersonal",
    "ReportContamination",
    "ReportLabels",
    "ScoreText",
    "ScoreTexts",
    "ScreenText",
    "Select",
    "SortRanges",
    "Stage",
    "StaleOutput",
    "Step",
    "TrainClassifier",
    "TrainClassifiers",
    "TrainStudent",
    "annotate",
    "cascade_stages",
    "check_configs",
    "check_language_threshold",
    "classifier_of",
    "clean",
    "code_language",
    "code_languages",
    "compare_labels",
    "crawl_stages",
    "decontaminate",
    "decontaminate_stage",
    "dedup",
    "dedup_stages",
    "distill_stages",
    "domain_stages",
    "explain",
    "extract_page",
    "filter_scores",
    "folder_of",
    "html_to_text",
    "judged_folders",
    "language_stage",
    "load_classifier",
    "load_prompt",
    "load_recipe",
    "load_spec",
    "mask",
    "plan",
    "publish_stage",
    "push_dataset",
    "run",
    "score",
    "score_stages",
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
