"""Small runs of each kind of dataset, from scored rows to the published folder with its card."""

from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from curation.annotation.judging import Price
from curation.annotation.label_report import Asked
from curation.annotation.label_tally import LabelTally
from curation.blocks.publish import PublishCard, PublishRows
from curation.blocks.scores import KeepScores
from curation.blocks.select import KeepScore
from curation.blocks.step import Select
from curation.recipe import RunContext
from curation.scale import Scale

from .conftest import OneStage

SUBJECTS = ("fractions", "volcanoes", "sorting", "pendulums", "bees", "bridges", "clouds", "loans")
WEB = {
    "id": pa.string(),
    "text": pa.large_string(),
    "url": pa.string(),
    "crawl": pa.string(),
    "warc_filename": pa.string(),
    "fetch_time": pa.int64(),
    "language": pa.string(),
    "language_score": pa.float64(),
    "token_count": pa.int32(),
    "char_count": pa.int32(),
    "metadata": pa.string(),
    "score": pa.float64(),
    "int_score": pa.int64(),
    "calibrated_score": pa.float64(),
}
CODE = {
    "id": pa.string(),
    "text": pa.large_string(),
    "blob_id": pa.string(),
    "repo_name": pa.string(),
    "path": pa.string(),
    "language": pa.string(),
    "src_encoding": pa.string(),
    "length_bytes": pa.int64(),
    "detected_licenses": pa.list_(pa.string()),
    "license_type": pa.string(),
    "token_count": pa.int32(),
    "score": pa.float64(),
    "int_score": pa.int64(),
    "calibrated_score": pa.float64(),
}


@dataclass(kw_only=True, repr=False)
class DropItems(Select):
    """Drops the texts that carry the item of a benchmark, as the decontamination would."""

    evidence: ClassVar[dict[str, pa.DataType]] = {"benchmark": pa.string(), "overlap_ratio": pa.float64()}

    def reason(self, doc):
        if "the ferry" not in doc.text:
            return None
        doc.metadata |= {"benchmark": "sample", "overlap_ratio": 0.8}
        return "contaminated"


@dataclass
class Kind:
    """A dataset: its rows, what the recipe says, and what comes of it."""

    columns: str
    configs: dict[str, float]
    values: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    cut: str = "published"
    settings: dict = field(default_factory=dict)


KINDS = {
    "finemath": Kind("finemath", {"toy-math-3plus": 3, "toy-math-4plus": 4}, cut="calibrated"),
    "infiwebmath": Kind("infiwebmath", {"toy-web-3plus": 3, "toy-web-4plus": 4}),
    "fineweb": Kind("fineweb", {"toy-web": 2}),
    "fineweb_edu": Kind("fineweb_edu", {"toy-edu": 3, "toy-edu-score-2": 2}, further=("date",)),
    "topic": Kind("topic", {"beekeeping": 2.7}),
    "stack_edu": Kind(
        "stack_edu",
        {"Cpp": 3, "Java": 2, "Python": 3},
        ("C++", "Java", "Python"),
        settings={"contents": "s3://softwareheritage/content/{blob_id}", "secrets": "mask"},
    ),
}


def web_rows(count=60):
    rows = []
    for number in range(count):
        subject, score = SUBJECTS[number % 8], (number * 37 % 50) / 10
        item = ", with the ferry of the test" if number in (13, 29) else ""
        text = f"Page {number} about {subject}{item}. " * (1 + number % 5)
        rows.append(
            {
                "id": f"<urn:uuid:{number:08d}>",
                "text": text,
                "url": f"https://www.{subject}-{number % 3}.example.org/lesson/{number}"
                if number % 4
                else f"https://{subject}.co.uk/{number}",
                "crawl": "CC-MAIN-2024-10",
                "warc_filename": "CC-MAIN-20240221-00001.warc.gz",
                "fetch_time": (1_708_500_000 + number) * 1_000_000_000,
                "language": "en",
                "language_score": 0.9,
                "token_count": len(text.split()),
                "char_count": len(text),
                "metadata": '{"title": "lesson"}',
                **scores(score),
            }
        )
    return rows


def code_rows(count=90):
    languages = ("Python", "C++", "Java", "Python", "C++", "C")
    licences = ((["MIT"], "permissive"), (["Apache-2.0", "MIT"], "permissive"), ([], "no_license"))
    rows = []
    for number in range(count):
        ids, group = licences[number % 7 % 3]
        item = "// the ferry of the test\n" if number == 32 else ""
        text = f"{item}print({number})\n" * (1 + number % 4)
        rows.append(
            {
                "id": f"file-{number}",
                "text": text,
                "blob_id": f"{number:040x}",
                "repo_name": f"school/{SUBJECTS[number * number % 8]}",
                "path": f"/src/exercise_{number}",
                "language": languages[number % 6],
                "src_encoding": "UTF-8",
                "length_bytes": len(text),
                "detected_licenses": ids,
                "license_type": group,
                "token_count": 3 * (1 + number % 4) + (5 if item else 0),
                **scores((number * 31 % 50) / 10),
            }
        )
    return rows


def scores(raw):
    return {"score": raw, "int_score": round(min(max(raw, 0), 5)), "calibrated_score": raw + 0.25}


def judged(rows):
    """Labels of some documents, and their report."""
    found = []
    for row in rows:
        label = row["int_score"] if row["score"] != 0.1 else None
        found.append(
            {
                **{name: row[name] for name in row if name not in ("score", "int_score", "calibrated_score")},
                "label": label,
                "label_reason": None if label is not None else "no_score: nothing said",
                "judge": "llama",
                "prompt": "mine",
                "text_shown": row["text"],
                "reply": f"Final score: {label}",
                "prompt_tokens": 120,
                "completion_tokens": 30,
            }
        )
    tally = LabelTally(Scale(0, 5))
    for row in found:
        tally.add(row)
    asked = Asked(
        prompt="mine",
        digest="0123456789abcdef",
        source="Ours, after nobody.",
        text="Rate this.\n{text}\nFinal score:",
        scale=(0, 5),
        generation={"temperature": 0.6},
        constrain="none",
        judge_options={},
    )
    return found, tally.report(asked, None)


def write(path, rows, schema):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return path


def publish(name, folder, outside=False):
    """Run the end of a recipe: scores, selection, decontamination, publishing, card. Returns the published folder."""
    kind, out = KINDS[name], folder / "out"
    code = name == "stack_edu"
    schema = CODE if code else WEB
    rows = code_rows() if code else web_rows()
    by = "language" if code else None
    labels, report = judged(rows[:20])
    keep = {
        "text_shown": pa.string(),
        "label": pa.int32(),
        "prompt_tokens": pa.int32(),
        "completion_tokens": pa.int32(),
    }
    more = keep | dict.fromkeys(("label_reason", "judge", "prompt", "reply"), pa.string())
    shown = {key: value for key, value in schema.items() if "score" not in key or key == "language_score"}
    write(out / "annotate/data/00000.parquet", labels, pa.schema(list((shown | more).items())))
    (out / "annotate/report.json").write_text(report.to_json())
    scored = write(out / "score/data/00000.parquet", rows, pa.schema(list(schema.items())))
    thresholds = tuple(kind.configs.values())
    select = KeepScore(threshold=min(thresholds), cut=kind.cut)
    if code:
        own = dict(zip(kind.values, thresholds, strict=True))
        select = KeepScore(threshold=3, cut=kind.cut, by=by, threshold_of=own)
    last = scored
    for stage, step in (("scores", KeepScores()), ("select", select), ("decontaminate", DropItems())):
        OneStage(out / stage).run([scored if stage == "scores" else last], step, outside=False)
        last = out / stage / "data/00000.parquet" if stage != "scores" else scored
    routes = {
        "configs": tuple(kind.configs),
        "thresholds": thresholds,
        "cut": kind.cut,
        "by": by,
        "values": kind.values,
    }
    OneStage(out / "publish").run(
        [last], PublishRows(columns=kind.columns, further=kind.further, **routes), outside=False
    )
    stages = [("annotate", None), ("score", None), ("scores", "score"), ("select", "score")]
    stages += [("decontaminate", "select"), ("publish", None if outside else "decontaminate")]
    price = {"judged.judging.price.per_million_prompt_tokens": 500.0, "judged.judging.price.per_gpu_hour": 2.0}
    assert Price(per_million_prompt_tokens=500.0, per_gpu_hour=2.0)
    PublishCard(
        dataset=f"toy-{name}",
        licence="other" if code else "odc-by",
        annotations=(str(out / "annotate/data"),),
        contaminated=str(out / "decontaminate/removed"),
        scores=str(out / "scores/data"),
        models=("HuggingFaceTB/stack-edu-classifier-{language}" if code else "me/classifier",),
        **routes,
    ).finish(
        RunContext(
            output=str(out),
            folder=str(out / "publish"),
            recipe="toy",
            origin="toy.yaml",
            settings={"name": f"toy-{name}", "tokenizer": "gpt2", **price, **kind.settings},
            stages=stages,
            left_out={"train": "a classifier is given"},
        )
    )
    return out / "publish/data"
