import dataclasses
import json

import numpy as np
import pytest
from tiny_models import MINILM, plain_logits, save_quietly, tiny_bert

from curation.classify.classifier import load_classifier
from curation.classify.spec import load_spec
from curation.classify.train import fit_classifier
from curation.errors import ConfigError
from curation.scale import Scale

TEXTS = ["abc def", "", "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3, "lemma proof", "zz"]


def test_published_bert_layout_gives_the_logits_of_transformers(tmp_path):
    folder = tiny_bert(tmp_path / "published")
    classifier = load_classifier(folder, precision="fp32")
    assert classifier.head.kind == "pooled_linear"
    assert classifier.scale == Scale(0, 5) and classifier.cut == "published" and classifier.calibration is None
    assert classifier.embedder_identity["max_tokens"] == 48
    np.testing.assert_allclose(classifier.score(TEXTS), plain_logits(folder, TEXTS, 48), atol=1e-4)
    with pytest.raises(ConfigError, match="has no calibration"):
        classifier.calibrated(np.zeros(1))


def test_fineweb_edu_and_finemath_shapes_load(tmp_path):
    """The published configurations: 512 positions, attention dropout; the finemath one has an XLM-R tokenizer."""
    folder = tiny_bert(tmp_path / "p", max_position_embeddings=512, attention_probs_dropout_prob=0.1)
    _xlmr_tokenizer().save_pretrained(folder)
    classifier = load_classifier(folder, precision="fp32")
    np.testing.assert_allclose(classifier.score(TEXTS), plain_logits(folder, TEXTS, 512), atol=1e-4)


@pytest.mark.parametrize("name", ["XLMRoberta", "DistilBert"])
def test_other_architectures_give_their_logits(tmp_path, name):
    import transformers

    config = getattr(transformers, f"{name}Config")(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=50, num_labels=1, problem_type="regression", pad_token_id=1, initializer_range=0.4,
        **({"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64} if name == "DistilBert" else {}),
    )  # fmt: skip
    save_quietly(getattr(transformers, f"{name}ForSequenceClassification"), config, _xlmr_tokenizer(), tmp_path)
    classifier = load_classifier(tmp_path, precision="fp32", max_tokens=48)
    assert classifier.head.kind == ("logits" if name == "DistilBert" else "pooled_linear")
    np.testing.assert_allclose(classifier.score(TEXTS), plain_logits(tmp_path, TEXTS, 48), atol=1e-4)
    assert classifier.score([]).shape == (0,)


def test_pooled_linear_is_saved_as_an_ordinary_folder(tmp_path, toy_labels):
    encoder = tiny_bert(tmp_path / "encoder")
    classifier, report = _train_pooled(str(encoder), toy_labels)
    classifier.save(tmp_path / "saved")
    files = {path.name for path in (tmp_path / "saved").iterdir()}
    assert {"config.json", "model.safetensors", "calibration.json", "report.json", "README.md"} <= files
    assert not [name for name in files if name.endswith((".bin", ".pkl", ".pt"))]
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"] and config["problem_type"] == "regression"
    scores = classifier.score(TEXTS)
    np.testing.assert_allclose(scores, plain_logits(tmp_path / "saved", TEXTS, 48), atol=1e-4)
    again = load_classifier(tmp_path / "saved", precision="fp32")
    assert np.array_equal(again.score(TEXTS), scores)
    assert again.calibration == classifier.calibration and again.report == report and again.name == "tiny"
    assert again.embedder_identity == classifier.embedder_identity


def test_pipeline_opens_pooled_linear(tmp_path, toy_labels):
    from transformers import pipeline

    from curation.classify.models import quiet

    classifier, _ = _train_pooled(str(tiny_bert(tmp_path / "encoder")), toy_labels)
    classifier.save(tmp_path / "saved")
    with quiet():
        opened = pipeline("text-classification", str(tmp_path / "saved"), function_to_apply="none", device="cpu")
        found = [one["score"] for one in opened(TEXTS, truncation=True)]
    np.testing.assert_allclose(classifier.score(TEXTS), found, atol=1e-4)


def test_linear_folder_holds_its_encoder_and_is_no_sequence_classifier(tmp_path, minilm, toy_labels):
    texts, labels, groups = toy_labels
    spec = dataclasses.replace(load_spec("finemath-embedded"), folds=2, alphas=(0.3,))
    classifier, report = fit_classifier(texts[:60], labels[:60], spec, groups=groups[:60], embedder=minilm)
    classifier.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["BertModel"]
    assert {"head.json", "head.safetensors", "model.safetensors", "README.md"} <= {p.name for p in tmp_path.iterdir()}
    card = (tmp_path / "README.md").read_text()
    assert "would put a random one" in card and f"label >= 3: {classifier.describe_cut(3)}" in card
    again = load_classifier(tmp_path, precision="fp32")
    assert again.cut == "calibrated" and again.report == report and again.name == "finemath-embedded"
    assert np.array_equal(again.score(TEXTS), classifier.score(TEXTS))
    assert again.embedder_identity == classifier.embedder_identity


def test_a_head_on_anyones_embedder_is_saved_without_it(tmp_path, toy, toy_labels):
    texts, labels, groups = toy_labels
    spec = dataclasses.replace(load_spec("finemath-embedded"), name="toy")
    classifier, _ = fit_classifier(texts, labels, spec, groups=groups, embedder=toy)
    classifier.save(tmp_path)
    with pytest.raises(ConfigError, match="saved without its embedder; pass it as embedder="):
        load_classifier(tmp_path)
    again = load_classifier(tmp_path, embedder=toy)
    assert np.array_equal(again.score(texts), classifier.score(texts))


def test_pooled_linear_on_an_object_cannot_be_saved(tmp_path, toy, toy_labels):
    texts, labels, _ = toy_labels
    spec = dataclasses.replace(load_spec("finemath"), minimum_steps=5, epochs=1)
    classifier, _ = fit_classifier(texts[:40], labels[:40], spec, embedder=toy)
    with pytest.raises(ConfigError, match="use head: linear"):
        classifier.save(tmp_path / "x")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/folder", "no folder /no/such/folder; nothing was substituted"),
        ("nobody/no-such-classifier", "nobody/no-such-classifier cannot be had"),
    ],
)
def test_a_classifier_that_cannot_be_had(name, message, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=message):
        load_classifier(name)


def test_an_encoder_is_not_a_classifier(tmp_path, minilm):
    with pytest.raises(ConfigError, match=r"expected one output|random head is not a classifier"):
        load_classifier(MINILM)
    folder = tiny_bert(tmp_path / "two", num_labels=2, problem_type=None)
    with pytest.raises(ConfigError, match=r"expected one output .*it has 2"):
        load_classifier(folder)


def test_a_folder_written_by_another_version_says_so(tmp_path):
    (tmp_path / "head.json").write_text('{"format": 99}')
    with pytest.raises(ConfigError, match="format 99, expected 2"):
        load_classifier(tmp_path)


@pytest.mark.parametrize(("threshold", "published"), [(1, "score > 0.5"), (2, "score >= 1.5"), (3, "score > 2.5")])
def test_the_published_cut_on_the_raw_score(tmp_path, threshold, published):
    classifier = load_classifier(tiny_bert(tmp_path))
    assert classifier.describe_cut(threshold) == published
    at = np.array([threshold - 0.5])
    assert classifier.keeps(at, threshold)[0] == (">=" in published)


def _train_pooled(encoder, toy_labels):
    texts, labels, groups = toy_labels
    spec = dataclasses.replace(
        load_spec("finemath"), embedder=encoder, revision=None, max_tokens=48, minimum_steps=20, epochs=1, name="tiny"
    )
    from curation.classify.embedder import load_embedder

    embedder = load_embedder(encoder, pooling="first", max_tokens=48, precision="fp32")
    return fit_classifier(texts[:80], labels[:80], spec, groups=groups[:80], embedder=embedder)


def _xlmr_tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz", *(f"▁{c}" for c in "abcdefg")]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i) / 9) for i, piece in enumerate(pieces)], unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        cls_token="<s>", sep_token="</s>", model_max_length=512,
    )  # fmt: skip


def test_int_scores_are_those_of_the_scale(tmp_path):
    classifier = load_classifier(tiny_bert(tmp_path))
    scores = np.array([-3.0, 0.5, 1.5, 2.5, 2.500001, 3.5, 4.5, 9.0])
    assert classifier.int_scores(scores).tolist() == [Scale(0, 5).int_score(score) for score in scores.tolist()]


@pytest.mark.parametrize("given", ["a text", [None], [b"bytes"]])
def test_only_lists_of_texts_are_scored(tmp_path, given):
    with pytest.raises(ValueError, match="expected a list of texts"):
        load_classifier(tiny_bert(tmp_path)).score(given)


def test_a_name_that_is_neither_folder_nor_of_the_hub():
    with pytest.raises(
        ConfigError, match="classifier nothere: no such folder, and a name on the Hub is ORGANISATION/NAME"
    ):
        load_classifier("nothere")
