import json
import random

import numpy as np
import pytest

from curation.blocks.train import TrainClassifier
from curation.blocks.train_each import TrainClassifiers, classifiers_markdown
from curation.classify.each import Entry, read_index, slugs_of
from curation.errors import ConfigError, CurationError

from .conftest import Kept, ToyEmbedder, document

LANGUAGES = {"Python": 80, "C++": 80, "Java": 40, "Ruby": 12}


def rows_of(languages):
    """Rows in repositories of four, whose label, 0 to 5, is about how many of their words are instructive."""
    rng = random.Random(0)
    rows = []
    for language, number in languages.items():
        for n in range(number):
            label = rng.choice([0, 1, 1, 2, 3, 3, 4, 5])
            words = rng.choices([f"word{w}" for w in range(30)], k=20) + ["lesson"] * (2 * label)
            rng.shuffle(words)
            url = f"owner/{language}{n // 4}/file{n}.c"
            rows.append(
                {"id": f"{language}{n}", "text": " ".join(words), "label": label, "url": url, "language": language}
            )
    return rows


@pytest.fixture(scope="module")
def labelled():
    return rows_of(LANGUAGES)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(
        "embedder: content:prompts\nrevision: null\npooling: mean\nmax_tokens: 64\nhead: linear\n"
        "prompt: stack_edu_5pt\nscale: {low: 0, high: 5}\nfolds: 3\ncut: calibrated\n"
        "thresholds: [3, 2]\nthreshold_of: {Java: 2}\n"
    )
    return str(path)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("curation.classify.figures.BOOTSTRAPS", 20)
    monkeypatch.setattr("curation.classify.plots.write_plots", lambda *given: False)


def trainer(spec, folder, **more):
    values = {"minimum_labels": 40, "minimum_groups": 5} | more
    return TrainClassifiers(spec=spec, model=str(folder / "model"), embedder=ToyEmbedder(), **values)


def documents(rows):
    others = [{name: value for name, value in row.items() if name not in ("id", "text")} for row in rows]
    return [document(row["text"], row["id"], **other) for row, other in zip(rows, others, strict=True)]


def test_each_language_gets_a_classifier_and_the_rare_ones_share_one(spec, labelled, tmp_path):
    step = trainer(spec, tmp_path)
    embedded = []
    embed = step.embedder.embed
    step.embedder.embed = lambda texts: (embedded.extend(texts), embed(texts))[1]
    given = list(step.run(documents(labelled)))
    assert [doc.id for doc in given] == [row["id"] for row in labelled]
    assert sorted(embedded) == sorted({row["text"] for row in labelled}), "every text is embedded once"
    model = tmp_path / "model"
    assert {path.name for path in model.iterdir()} == {
        *("cpp", "java", "python", "shared"),
        *("classifiers.json", "report.md"),
    }
    for name in ("cpp", "java", "python", "shared"):
        names = {path.name for path in (model / name).iterdir()}
        assert {"README.md", "report.json", "held_out.parquet", "head.json"} <= names
    index = read_index(model)
    assert list(index) == ["C++", "Java", "Python", "Ruby"]
    assert [(one.folder, one.own, one.labels, one.threshold) for one in index.values()] == [
        ("cpp", True, 80, 3),
        ("java", True, 40, 2),
        ("python", True, 80, 3),
        ("shared", False, 12, 3),
    ]
    assert index["Ruby"].why == "12 labels, fewer than 40" and index["Ruby"].groups == 3
    assert index["C++"].f1_of_shared is not None
    assert json.loads((model / "shared" / "report.json").read_text())["labels"] == 212
    assert dict(step.counts) == {"labels": 212, "classifiers_of_their_own": 3, "values_that_share_one": 1}


def test_a_languages_classifier_is_the_one_that_is_trained_alone(spec, labelled, tmp_path):
    list(trainer(spec, tmp_path).run(documents(labelled)))
    alone = TrainClassifier(spec=spec, model=str(tmp_path / "alone"), embedder=ToyEmbedder(), language="java")
    list(alone.run(documents(labelled)))
    own = tmp_path / "model" / "java"
    for name in ("head.safetensors", "held_out.parquet", "report.json"):
        assert (own / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    one = read_index(tmp_path / "model")["Java"]
    report = json.loads((own / "report.json").read_text())
    at = next(found for found in report["thresholds"] if found["threshold"] == 2)
    assert one.figures.f1.value == at["calibrated"]["f1"]["value"]
    assert one.raw_cut == at["raw_cut"] and one.positives == at["positives"]
    assert 2 * one.hits / (one.kept + one.wanted) == pytest.approx(one.figures.f1.value, abs=1e-4)


def test_who_shares_is_judged_on_its_own_documents(spec, labelled, tmp_path):
    list(trainer(spec, tmp_path, shared="always").run(documents(labelled)))
    model = tmp_path / "model"
    index = read_index(model)
    assert {one.folder for one in index.values()} == {"shared"} and not any(one.own for one in index.values())
    assert {path.name for path in model.iterdir() if path.is_dir()} == {"shared"}
    report = json.loads((model / "shared" / "report.json").read_text())
    reaching = {one["threshold"]: one["positives"] for one in report["thresholds"]}
    assert sum(one.wanted for one in index.values() if one.threshold == 3) < reaching[3]
    assert index["Java"].threshold == 2
    expected = sum(row["label"] >= 2 for row in labelled if row["language"] == "Java")
    assert index["Java"].wanted == expected == index["Java"].positives


def test_an_error_names_all_that_have_too_few(spec, labelled, tmp_path):
    step = trainer(spec, tmp_path, shared="never", minimum_labels=80)
    with pytest.raises(
        CurationError,
        match=r"2 of 4 values of 'language' .*Java: 40 labels, fewer than 80; Ruby: 12 labels.*lower minimum_labels",
    ):
        list(step.run(documents(labelled)))
    assert not (tmp_path / "model").exists()


def test_few_repositories_and_one_sided_labels_are_few_too(spec, labelled, tmp_path):
    rows = [{**row, "label": 0} if row["language"] == "C++" else row for row in labelled]
    rows = [{**row, "url": "one/repository/x.c"} if row["language"] == "Java" else row for row in rows]
    list(trainer(spec, tmp_path).run(documents(rows)))
    index = read_index(tmp_path / "model")
    assert index["C++"].why == "labels that reach 3: 0, fewer than 10"
    assert index["Java"].why == "labels of 1 site or repository, fewer than 5"
    assert "–" in classifiers_markdown(str(tmp_path / "model")).split("| C++ |")[1].splitlines()[0]


def test_no_shared_one_is_learned_where_nobody_needs_it(spec, labelled, tmp_path):
    rows = [row for row in labelled if row["language"] in ("Python", "C++")]
    step = trainer(spec, tmp_path, shared="never")
    list(step.run(documents(rows)))
    assert not (tmp_path / "model" / "shared").exists()
    assert all(one.f1_of_shared is None for one in read_index(tmp_path / "model").values())


def test_what_cannot_be_learned_from_has_a_reason(spec, labelled, tmp_path):
    more = [
        {"id": "a", "text": "x", "label": None, "language": "Python", "label_reason": "unreadable: no score"},
        {"id": "b", "text": " ", "label": 3, "language": "Python"},
        {"id": "c", "text": "x", "label": 3, "language": None},
        {"id": "d", "text": "x", "label": 9, "language": "Python"},
    ]
    step = trainer(spec, tmp_path, shared="always")
    step.exclusion_writer = Kept()
    list(step.run(documents([*labelled, *more])))
    reasons = {row["id"]: row["filter_reason"] for row in step.exclusion_writer.rows}
    assert reasons == {"a": "unreadable", "b": "empty_text", "c": "no_value", "d": "label_off_scale"}
    with pytest.raises(ConfigError, match="no column 'language'"):
        step.schema({"label": None})
    with pytest.raises(CurationError, match="1 say nothing of what classifiers are told apart by"):
        list(trainer(spec, tmp_path).run(documents([more[2]])))


def test_all_names_of_a_language_are_one(spec, labelled, tmp_path):
    names = {"C++": ["C++", "cpp", "CPP"], "Java": ["java"]}
    rows = [
        {**row, "language": names.get(row["language"], [row["language"]])[n % len(names.get(row["language"], [0]))]}
        for n, row in enumerate(labelled)
    ]
    list(trainer(spec, tmp_path, shared="always").run(documents(rows)))
    assert list(read_index(tmp_path / "model")) == ["C++", "Java", "Python", "Ruby"]


def test_any_column_tells_classifiers_apart(spec, labelled, tmp_path):
    topics = {"Python": "Go", "C++": "cooking & food", "Java": "cooking - food", "Ruby": "shared"}
    rows = [{**row, "topic": topics[row["language"]]} for row in labelled]
    list(trainer(spec, tmp_path, by="topic", minimum_labels=10, minimum_groups=2, shared="rare").run(documents(rows)))
    index = read_index(tmp_path / "model")
    assert {value: one.folder for value, one in index.items() if one.own} == {
        "Go": "go",
        "cooking & food": "cooking-food",
        "cooking - food": "cooking-food-2",
    } | ({"shared": "shared-2"} if index["shared"].own else {})
    assert {one.threshold for one in index.values()} == {3}
    assert slugs_of(["shared"], by="topic") == {"shared": "shared-2"}


def test_a_value_may_be_zero(spec, labelled, tmp_path):
    rows = [{**row, "cluster": ("Python", "C++", "Java", "Ruby").index(row["language"])} for row in labelled]
    learned = list(trainer(spec, tmp_path, by="cluster", shared="always").run(documents(rows)))
    assert len(learned) == len(rows) and sorted(read_index(tmp_path / "model")) == ["0", "1", "2", "3"]


def test_a_users_table_says_name_and_threshold(spec, labelled, tmp_path):
    table = tmp_path / "mine.yaml"
    table.write_text(
        "Lessons:\n  slug: lessons\n  aliases: [lsn]\n  concepts: x\n  threshold: 4\nRuby:\n  threshold: 1\n"
    )
    rows = [{**row, "language": "lsn"} if row["language"] == "Python" else row for row in labelled]
    step = trainer(spec, tmp_path, languages=str(table), shared="always")
    step.check = lambda: None
    list(step.run(documents(rows)))
    found = {value: one.threshold for value, one in read_index(tmp_path / "model").items()}
    assert found == {"C++": 3, "Java": 2, "Lessons": 4, "Ruby": 1}
    assert step.inputs() == [str(table)]


def test_what_a_step_is(spec, tmp_path):
    one = trainer(spec, tmp_path)
    assert one.identity()["threshold_of"] == {"Java": 2}
    assert one.identity() != trainer(spec, tmp_path, minimum_labels=41).identity()
    with pytest.raises(ConfigError, match="minimum_labels: at least 10, got 3"):
        trainer(spec, tmp_path, minimum_labels=3)
    assert "by=language, shared=rare" in repr(one)


def test_the_table_for_a_card(spec, labelled, tmp_path):
    list(trainer(spec, tmp_path).run(documents(labelled)))
    found = classifiers_markdown(str(tmp_path / "model"))
    lines = found.splitlines()
    assert lines[0].startswith("| language | classifier | labels | threshold | reach it |")
    ruby = next(line for line in lines if line.startswith("| Ruby"))
    assert ruby.startswith("| Ruby | shared | 12 | 3 |")
    total = next(line for line in lines if line.startswith("| **all**"))
    index = read_index(tmp_path / "model").values()
    hits, kept, wanted = (sum(getattr(one, name) for one in index) for name in ("hits", "kept", "wanted"))
    assert f"| {2 * hits / (kept + wanted):.3f} |" in total
    assert "- 12 labels, fewer than 40: Ruby" in found and "all 212 labels" in found
    assert found in (tmp_path / "model" / "report.md").read_text()
    with pytest.raises(ConfigError, match=r"no classifiers\.json"):
        classifiers_markdown(str(tmp_path))


def test_an_index_of_another_version_is_an_error(tmp_path):
    (tmp_path / "classifiers.json").write_text('{"C": {"folder": "c"}}')
    with pytest.raises(ConfigError, match="not an index of classifiers"):
        read_index(tmp_path)
    assert read_index(tmp_path / "nothing") == {}
    assert Entry.__dataclass_fields__["why"].default == ""


def test_weights_count_in_the_figures(spec, labelled, tmp_path):
    rows = [{**row, "sample_weight": 10.0 if row["label"] < 2 else 1.0} for row in labelled]
    list(trainer(spec, tmp_path, shared="always").run(documents(rows)))
    index = read_index(tmp_path / "model")
    weights = np.array([row["sample_weight"] for row in rows if row["label"] >= 3 and row["language"] == "Python"])
    assert index["Python"].wanted == pytest.approx(weights.sum())
