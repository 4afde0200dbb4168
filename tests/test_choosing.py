import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.choosing import choose_point, trained_point
from curation.classify.held_out import HeldOut
from curation.commands import select, train
from curation.errors import ConfigError

SPEC = """
embedder: content:prompts
revision: null
pooling: mean
max_tokens: 64
head: linear
prompt: finemath_5pt
scale: {low: 0, high: 5}
folds: 3
cut: calibrated
"""


class CountedWords:
    identity = {"embedder": "counted", "revision": "1"}  # noqa: RUF012

    def embed(self, texts):
        return np.array([[text.count(word) for word in ("theorem", "lemma", "word")] for text in texts], np.float32)


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    rows = []
    for number in range(240):
        label = int(rng.choice([0, 0, 1, 1, 2, 3, 4]))
        text = "theorem " * max(0, label + int(rng.integers(-1, 2))) + "word " * int(rng.integers(1, 9)) + f"n{number}"
        rows.append({"id": f"d{number}", "url": f"https://s{number % 24}.org/{number}", "text": text, "label": label})
    return rows


@pytest.fixture(scope="module")
def trained(labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))
    train(
        str(folder / "spec.yaml"),
        labels=str(folder / "labels.jsonl"),
        output=str(folder / "classifier"),
        embedder=CountedWords(),
    )
    rows = [{"id": str(n), "text": "x", "score": n / 100, "int_score": round(n / 100)} for n in range(400)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "scored.parquet")
    (folder / "scored.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_labels_of_any_format_make_the_same_classifier(labels, trained, tmp_path):
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "url", "content", "stars"])
        writer.writeheader()
        writer.writerows({"id": r["id"], "url": r["url"], "content": r["text"], "stars": r["label"]} for r in labels)
    pq.write_table(pa.Table.from_pylist(labels), tmp_path / "labels.parquet")
    given = {"csv": {"text_column": "content", "label_column": "stars"}, "parquet": {}}
    for kind, columns in given.items():
        train(
            str(trained / "spec.yaml"),
            labels=str(tmp_path / f"labels.{kind}"),
            output=str(tmp_path / kind),
            embedder=CountedWords(),
            **columns,
        )
        for name in ("head.safetensors", "held_out.parquet", "report.json"):
            made, wanted = (one / "train/model" / name for one in (tmp_path / kind, trained / "classifier"))
            assert made.read_bytes() == wanted.read_bytes(), (kind, name)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_share_is_of_the_documents_themselves(trained, tmp_path, kind):
    point = choose_point(str(trained / f"scored.{kind}"), None, "published", None, 0.1, None, {})
    assert (point.raw_cut, point.kept) == (3.6, 0.1)
    assert str(point) == "score >= 3.6 keeps 10.00% of the documents"
    report = select(str(trained / f"scored.{kind}"), output=str(tmp_path / "kept"), keep_share=0.1)
    assert report.records["select"]["kept"] == 40


def test_a_share_says_what_held_out_documents_say(trained):
    point = choose_point(str(trained / "scored.parquet"), 3, "published", None, 0.5, str(trained / "classifier"), {})
    assert point.expected.figures.recall.value > 0.8 and "; of held-out documents: score >= 2 for label" in str(point)


def test_a_target_cuts_by_held_out_documents(trained, tmp_path):
    scored, classifier = str(trained / "scored.parquet"), str(trained / "classifier")
    point = choose_point(scored, 3, "published", "recall=0.95", None, classifier, {})
    one = HeldOut.read(trained / "classifier/train/model/held_out.parquet")
    assert np.mean(one.scores[one.labels >= 3] >= point.raw_cut) >= 0.95
    careful = choose_point(scored, 3, "published", "precision=0.9", None, classifier, {})
    assert careful.raw_cut > point.raw_cut
    report = select(scored, output=str(tmp_path / "kept"), threshold=3, target="recall=0.95", classifier=classifier)
    assert report.records["select"]["kept"] == sum(n / 100 >= point.raw_cut for n in range(400))
    again = select(scored, output=str(tmp_path / "kept"), threshold=3, target="precision=0.9", classifier=classifier)
    assert again.records["select"]["kept"] < report.records["select"]["kept"]


def test_the_point_that_training_chose(trained):
    point = trained_point(str(trained / "classifier"))
    assert (point.threshold, point.target) == (3, "f1") and point.figures.f1.value > 0.6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, "published", "f1", 0.1, None), "a target and a share to keep: choose one"),
        ((3, "calibrated", "f1", None, "C"), "cut: calibrated: a target or a share"),
        ((3, "published", "f1", None, None), "target f1: name the classifier that scored"),
        ((None, "published", "f1", None, "C"), "target f1: name the label that is wanted"),
        ((2.5, "published", "f1", None, "C"), "target f1: name the label that is wanted"),
        ((3, "published", None, 0.1, None), "a share to keep and a threshold: choose one"),
        ((3, "published", "share=0.1", None, "C"), "target share=0.1: of documents that are scored say --keep-share"),
        ((3, "published", "f1", None, "/nowhere"), "classifier /nowhere: no held_out.parquet in /nowhere"),
        ((None, "published", None, 1.5, None), "share to keep: expected more than 0 and less than 1, got 1.5"),
    ],
)
def test_what_does_not_go_together(trained, arguments, message):
    given = [str(trained / "classifier") if one == "C" else one for one in arguments]
    with pytest.raises(ConfigError, match=message):
        choose_point(str(trained / "scored.parquet"), *given, {})


def test_documents_without_scores(trained, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "x"}\n')
    pq.write_table(pa.table({"id": ["a"], "text": ["x"]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        with pytest.raises(ConfigError, match="no column 'score': score the documents first"):
            choose_point(str(tmp_path / name), None, "published", None, 0.1, None, {})
    with pytest.raises(ConfigError, match="say where to cut"):
        select(str(trained / "scored.parquet"), output=str(tmp_path / "kept"))
