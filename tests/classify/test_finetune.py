import dataclasses

import numpy as np
import pytest
from test_train import SPEC
from tiny_models import plain_logits, tiny_bert

from curation.classify.classifier import load_classifier
from curation.classify.embedder import load_embedder
from curation.classify.finetune import CHOICE, TEST, fine_tune
from curation.classify.train import fit_classifier
from curation.errors import ConfigError
from curation.scale import Scale


@pytest.fixture(scope="module")
def either():
    """Texts that hold q, z, both or neither: 5 for exactly one of them, which no sum of features tells."""
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for _ in range(500):
        q, z = (int(one) for one in rng.integers(0, 2, 2))
        letters = [*rng.choice(list("abcdef"), 6), *"q" * q, *"z" * z]
        rng.shuffle(letters)
        texts.append(" ".join(letters))
        labels.append(5 * int(q != z))
    return texts, labels


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(tiny_bert(tmp_path_factory.mktemp("bert") / "b"))


def spec_on(bert, **changes):
    values = {
        "embedder": bert,
        "max_tokens": 24,
        "trained_layers": -1,
        "encoder_learning_rate": 3e-3,
        "learning_rate": 3e-3,
        "epochs": 12,
        "batch_size": 32,
        "minimum_steps": 50,
        "scale": Scale(0, 5),
    }
    return dataclasses.replace(SPEC, **values | changes)


def test_an_encoder_learns_what_a_head_alone_cannot(bert, either, tmp_path):
    texts, labels = either
    frozen = load_embedder(bert, pooling="mean", max_tokens=24, precision="fp32")
    before = {key: one.clone() for key, one in frozen.loaded.model.state_dict().items()}
    _, plain = fit_classifier(texts, labels, spec_on(bert, trained_layers=0), embedder=frozen)
    classifier, report = fit_classifier(texts, labels, spec_on(bert), embedder=frozen)
    assert report.at(3).auc.value > plain.at(3).auc.value + 0.1
    assert (report.folds, report.labels, report.tested) == (1, 500, 100)
    assert "a part held out once" in report.to_markdown()
    assert all((before[key] == one).all() for key, one in frozen.loaded.model.state_dict().items()), "a copy is trained"
    assert classifier.embedder.identity["embedder"].startswith("tuned:")
    assert classifier.embedder.identity["embedder"] != frozen.identity["embedder"]
    classifier.save(tmp_path / "c")
    again = load_classifier(tmp_path / "c", precision="fp32")
    assert np.abs(again.score(texts[:50]) - classifier.score(texts[:50])).max() < 1e-4


def test_only_the_last_blocks_are_trained(bert, either):
    texts, labels = either
    frozen = load_embedder(bert, pooling="mean", max_tokens=24, precision="fp32")
    folds = np.arange(120) % 5
    spec = spec_on(bert, trained_layers=1, epochs=2)
    tuned = fine_tune(texts[:120], np.array(labels[:120], float), np.ones(120), folds, spec, frozen, None)
    was, now = frozen.loaded.model.state_dict(), tuned.embedder.loaded.model.state_dict()
    moved = {key.split(".")[2] for key in was if not (was[key] == now[key]).all()}
    assert moved == {"1"}, "of two blocks the second"
    assert tuned.epoch in (1, 2) and len(tuned.error) == 2
    again = fine_tune(texts[:120], np.array(labels[:120], float), np.ones(120), folds, spec, frozen, None)
    assert again.embedder.identity == tuned.embedder.identity, "one seed, one encoder"


def test_the_test_part_is_not_looked_at(bert, either):
    """Other labels there change neither encoder nor cut."""
    texts, labels = either
    frozen = load_embedder(bert, pooling="mean", max_tokens=24, precision="fp32")
    folds, wanted = np.arange(120) % 5, np.array(labels[:120], float)
    spec = spec_on(bert, trained_layers=1, epochs=2)
    one = fine_tune(texts[:120], wanted, np.ones(120), folds, spec, frozen, None)
    turned = np.where(folds == TEST, 5 - wanted, wanted)
    other = fine_tune(texts[:120], turned, np.ones(120), folds, spec, frozen, None)
    assert one.embedder.identity == other.embedder.identity
    chosen = fine_tune(
        texts[:120], np.where(folds == CHOICE, 5 - wanted, wanted), np.ones(120), folds, spec, frozen, None
    )
    assert chosen.error != one.error


def test_a_tuned_pooled_linear_is_an_ordinary_folder(bert, either, tmp_path):
    texts, labels = either
    frozen = load_embedder(bert, pooling="first", max_tokens=24, precision="fp32")
    spec = spec_on(bert, head="pooled_linear", pooling="first", epochs=2)
    classifier, _ = fit_classifier(texts[:200], labels[:200], spec, embedder=frozen)
    classifier.save(tmp_path / "c")
    assert np.abs(plain_logits(tmp_path / "c", texts[:20], 24) - classifier.score(texts[:20])).max() < 1e-4


def test_what_cannot_be_trained_says_so(toy, bert, either):
    texts, labels = either
    with pytest.raises(ConfigError, match="trained_layers: -1, but a ToyEmbedder cannot be trained here"):
        fit_classifier(texts, labels, spec_on(bert), embedder=toy)
    frozen = load_embedder(bert, pooling="mean", max_tokens=24, precision="fp32")
    with pytest.raises(ConfigError, match="there are only 2 groups; more of them are needed"):
        fit_classifier(texts, labels, spec_on(bert), embedder=frozen, groups=["a", "b"] * 250)
