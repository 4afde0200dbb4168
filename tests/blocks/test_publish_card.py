"""What the card counts and says, and whole cards of each kind."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from curation.blocks.card_counts import (
    Amount,
)
from curation.blocks.card_judging import price_of
from curation.blocks.card_published import count_published
from curation.blocks.card_tables import before_and_after
from curation.blocks.select import KeepScore
from curation.recipe import RunContext
from curation.text.domains import registered_domain

from . import published
from .published import KINDS, Kind, code_rows, publish, web_rows

CARDS = Path(__file__).parent / "cards"


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """Each kind's card."""
    return {name: (publish(name, tmp_path_factory.mktemp(name)) / "README.md").read_text() for name in KINDS}


def section(card, title):
    return card.split(f"## {title}\n\n")[1].split("\n\n## ")[0]


def table(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line][1:]


@pytest.mark.parametrize("name", KINDS)
def test_the_whole_card(name, cards):
    shown = re.sub(r"(## Versions\n\n).*\n", r"\1(those of the machine)\n", cards[name])
    shown = re.sub(r"(num_bytes|_size): \d+", r"\1: (as pyarrow writes)", shown)
    golden = CARDS / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_a_card_is_the_same_each_time_and_names_no_place(tmp_path, cards):
    for name in ("fineweb_edu", "stack_edu"):
        folder = publish(name, tmp_path / name)
        assert (folder / "README.md").read_text() == cards[name]
        assert str(tmp_path) not in cards[name] and "/home" not in cards[name]


@pytest.mark.parametrize("name", KINDS)
def test_the_header_names_every_configuration(name, cards):
    header = yaml.safe_load(cards[name].split("---\n")[1])
    names = [one["config_name"] for one in header["configs"]]
    assert names == [*KINDS[name].configs, "annotations", "contamination"]
    defaults = [one["config_name"] for one in header["configs"] if one.get("default")]
    assert defaults == ([] if name == "stack_edu" else names[:1])
    assert header["language"] == (["code"] if name == "stack_edu" else ["en"])
    assert header["size_categories"] == ["n<1K"]
    for config in names:
        assert f'load_dataset(folder, "{config}", split="train")' in cards[name]


def kept(rows, least, value=None):
    chosen = [row for row in rows if row["int_score"] >= least and "the ferry" not in row["text"]]
    chosen = [row for row in chosen if value is None or row["language"] == value]
    return len(chosen), sum(row["token_count"] for row in chosen)


def test_before_and_after_for_each_language(cards):
    rows = code_rows()
    found = {line[0]: line[2:] for line in table(section(cards["stack_edu"], "Before and after"))}
    assert list(found)[-2:] == ["others", "**all**"]
    total = [0, 0, 0, 0]
    for label, value, least in (("C++ (`Cpp`)", "C++", 3), ("Java", "Java", 2), ("Python", "Python", 3)):
        mine = [row for row in rows if row["language"] == value]
        documents, tokens = kept(rows, least, value)
        before = sum(row["token_count"] for row in mine)
        total = [a + b for a, b in zip(total, (len(mine), documents, before, tokens), strict=True)]
        assert found[label] == [f"{len(mine)} → {documents}", f"{before} → {tokens}", f"{tokens / before:.1%}"]
    others = sum(row["language"] == "C" for row in rows)
    assert found["others"][0] == f"{others} → 0" and found["**all**"][0] == f"{total[0] + others} → {total[1]}"
    assert found["**all**"][1] == f"{sum(row['token_count'] for row in rows)} → {total[3]}"


def test_before_and_after_for_each_configuration(cards):
    rows = web_rows()
    lines = table(section(cards["fineweb_edu"], "Before and after"))
    assert [line[0] for line in lines] == ["`toy-edu`", "`toy-edu-score-2`"]
    for line, least in zip(lines, (3, 2), strict=True):
        documents, tokens = kept(rows, least)
        assert line[2:4] == [f"60 → {documents}", f"{sum(row['token_count'] for row in rows)} → {tokens}"]


def test_the_largest_domains_are_of_what_stands_here(cards):
    rows = [row for row in web_rows() if row["int_score"] >= 2 and "the ferry" not in row["text"]]
    groups = {}
    for row in rows:
        groups.setdefault(registered_domain(row["url"]), []).append(row)
    expected = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    text = section(cards["fineweb_edu"], "Largest domains")
    assert text.startswith("Of `toy-edu-score-2`, which contains the others.")
    for line, (name, mine) in zip(table(text), expected, strict=True):
        mean = sum(row["score"] for row in mine) / len(mine)
        assert line == [
            name,
            str(len(mine)),
            f"{len(mine) / len(rows):.1%}",
            str(sum(row["token_count"] for row in mine)),
            f"{mean:.2f}",
        ]


def test_licences_are_counted_in_what_stands_here(cards):
    rows = [row for row in code_rows() if "the ferry" not in row["text"]]
    least = {"C++": 3, "Java": 2, "Python": 3}
    rows = [row for row in rows if row["int_score"] >= least.get(row["language"], 9)]
    text = section(cards["stack_edu"], "Licences")
    groups, ids = (table(part) for part in text.split("The most frequent"))
    counted = Counter(row["license_type"] for row in rows)
    assert {name: int(number) for name, number, _ in groups} == counted
    counted = Counter(one for row in rows for one in row["detected_licenses"])
    assert {name: int(number) for name, number, _ in ids} == counted
    assert f"For {sum(not row['detected_licenses'] for row in rows)} files" in text
    assert "keeps the licence" in text and "Licences" not in cards["fineweb"]


def test_dropped_is_told_by_stage_reason_and_language(cards):
    lines = table(section(cards["stack_edu"], "Dropped by language"))
    dropped = Counter(r["language"] for r in code_rows() if r["int_score"] < (2 if r["language"] == "Java" else 3))
    (below,) = [line for line in lines if line[:2] == ["select", "below_threshold"]]
    assert int(below[2]) == sum(dropped.values())
    assert dict(one.rsplit(" ", 1) for one in below[3].split(", ")) == {k: str(n) for k, n in dropped.items()}
    assert ["decontaminate", "contaminated", "1", "Java 1"] in lines and lines[-1][:2] == ["publish", "other_language"]


def test_what_a_recipe_does_not_do_has_no_part(cards):
    for name in KINDS:
        for absent in ("## Listed domains", "## Duplicates", "in this run"):
            assert absent not in cards[name]
    assert "Dropped by" not in cards["topic"] and "Personal data" not in cards["topic"]
    assert "no text" in cards["stack_edu"] and "no text" not in cards["fineweb"]


@pytest.mark.parametrize("name", ["fineweb_edu", "stack_edu", "finemath"])
def test_published_files_are_counted_where_their_source_is_outside(name, tmp_path, cards):
    card = (publish(name, tmp_path, outside=True) / "README.md").read_text()
    same = ["What stands here", "Licences"] if name == "stack_edu" else ["What stands here", "Largest domains"]
    for title in same[name == "stack_edu" :]:
        if name != "finemath" or title != "What stands here":
            assert section(card, title) == section(cards[name], title)
    counted = {line[0]: line[1] for line in table(section(card, "What stands here"))}
    assert counted == {line[0]: line[1] for line in table(section(cards[name], "What stands here"))}
    if name == "stack_edu":  # publishes no tokens
        assert {line[3] for line in table(section(card, "What stands here"))} == {"–", ""}
        assert "→" not in "".join(line[3] for line in table(section(card, "Before and after")))


def test_nothing_published_has_a_card_too(tmp_path):
    step = SimpleNamespace(configs=("a",), thresholds=(3,), cut="published", by=None, values=())
    context = RunContext(
        output=str(tmp_path),
        folder=str(tmp_path / "publish"),
        recipe="r",
        origin="o",
        settings={},
        stages=[],
        left_out={},
    )
    found = count_published(step, context)
    assert found.configs == {"a": Amount(0, None)} and found.kind == "web" and found.documents == 0
    told = before_and_after(step, context, {}, found)
    assert "| `a` | int_score >= 3 (score > 2.5) | 0 → 0 | – | – |" in told and "Tokens were not counted" in told


def test_the_price_is_that_of_the_judge_of_the_stage():
    settings = {
        "first.judging.price.per_million_prompt_tokens": 1.0,
        "second.judging.price.per_million_prompt_tokens": 2.0,
        "second.judging.price.gpus": None,
        "second.judging.concurrency": 9,
    }
    both = ("annotate_first", "annotate")
    assert price_of(settings, "annotate_first", both).per_million_prompt_tokens == 1.0
    assert price_of(settings, "annotate", both).per_million_prompt_tokens == 2.0
    assert not price_of({"judged.judging.price.per_million_prompt_tokens": 0.0}, "annotate", ("annotate",))
    assert price_of({"judged.judging.price.per_gpu_hour": 3.0}, "annotate", ("annotate",)).per_gpu_hour == 3.0


def test_the_judges_cost_follows_from_its_tokens(cards):
    assert "These tokens cost 1.20, at 500 for a million prompt tokens" in section(cards["topic"], "Judge")
    assert "see `annotate/report.md`" in section(cards["topic"], "Judge")


LOAD = """
import json, sys
from datasets import load_dataset
print(json.dumps([len(load_dataset(folder, sys.argv[1], split="train")) for folder in sys.argv[2:]]))
"""


def test_what_was_loaded_before_is_not_taken_for_another_run(tmp_path, monkeypatch):
    """A folder of the same name and the same configurations: `datasets` looks at nothing else but the header."""
    folders = []
    for threshold in (3, 4):
        monkeypatch.setitem(KINDS, "topic", Kind("topic", {"beekeeping": threshold}))
        folders.append(publish("topic", tmp_path / str(threshold)))
    expected = [kept(web_rows(), least)[0] for least in (3, 4)]
    shown = subprocess.run(
        [sys.executable, "-c", LOAD, "beekeeping", *map(str, folders)],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"},
        check=True,
    )
    assert json.loads(shown.stdout) == expected and expected[0] != expected[1]


def test_a_configuration_without_a_document_is_not_offered(tmp_path, monkeypatch):
    kind = Kind("stack_edu", {"Cpp": 3, "Swift": 3}, ("C++", "Swift"))
    monkeypatch.setitem(KINDS, "stack_edu", kind)
    folder = publish("stack_edu", tmp_path)
    card = (folder / "README.md").read_text()
    header = yaml.safe_load(card.split("---\n")[1])
    for named in (header["configs"], header["dataset_info"]):
        assert [one["config_name"] for one in named] == ["Cpp", "annotations", "contamination"]
    assert "Swift" not in section(card, "How to load it")
    assert "| `Swift` | 0 |" in card and "nothing to load: `Swift`." in card
    for one in header["dataset_info"]:
        files = list((folder / one["config_name"]).iterdir())
        assert one["download_size"] == sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("outside", [False, True])
def test_thresholds_of_two_columns_need_not_hold_each_other(outside, tmp_path, monkeypatch):
    """int_score >= 3 is score > 2.5, and so holds more than score >= 2.7, whose number is the lower one."""
    monkeypatch.setitem(KINDS, "topic", Kind("topic", {"whole": 3, "fraction": 2.7, "best": 4}))
    monkeypatch.setattr(published, "KeepScore", lambda threshold, cut: KeepScore(threshold=2, cut=cut))
    card = (publish("topic", tmp_path, outside=outside) / "README.md").read_text()
    text = section(card, "Largest domains")
    rows = [row for row in web_rows() if row["int_score"] >= 3 and "the ferry" not in row["text"]]
    assert text.startswith("Of all configurations, each document once.")
    assert sum(int(line[1]) for line in table(text)) == len(rows)
