"""Documents a second from text in memory to scores on one GPU, beside the rate at which it multiplies matrices.

    PYTHONPATH=. python tests/bench/bench_gpu.py [--documents 60000] [--readers 12] [--log gpu.log]

Needs a GPU, torch, transformers and this library; no file beside. The model has BERT-base's size at random weights in
the published layout of FineWeb-Edu's classifier, and a word-piece tokenizer made on the spot whose 30,522 entries cut
made-up words into 1.3 pieces, as English is cut; every text fills 512 tokens. The path is that of the step
``ScoreText``: processes tokenise, the model computes in bf16, scores come back in order. A document costs 98 GFLOP.
Prints: the bf16 matrix rate of the GPU, documents a second, their share of that rate, what the model alone does
with tokens that are there, and what the tokenising processes alone do, so that the slower half is seen.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

TOKENS = 512
LAYERS, WIDE, INNER, VOCABULARY = 12, 768, 3072, 30_522
PER_TOKEN = LAYERS * (4 * WIDE * WIDE + 2 * WIDE * INNER + 2 * TOKENS * WIDE) * 2
GFLOP = PER_TOKEN * TOKENS / 1e9
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words(number: int, rng: random.Random) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(rng.choices(LETTERS, k=rng.randint(2, 9)))] = None
    return list(found)


def build(folder: Path, vocabulary: list[str]) -> None:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    pieces += [word for word in vocabulary if len(word) > 1]
    pieces = pieces[:VOCABULARY] + [f"[unused{index}]" for index in range(VOCABULARY - len(pieces))]
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=TOKENS, **named)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDE,
        num_hidden_layers=LAYERS,
        num_attention_heads=12,
        intermediate_size=INNER,
        max_position_embeddings=TOKENS,
        num_labels=1,
        problem_type="regression",
        hidden_dropout_prob=0.0,
        classifier_dropout=0.0,
    )
    torch.manual_seed(0)
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    fast.save_pretrained(folder)


def texts_of(number: int, vocabulary: list[str], rng: random.Random) -> list[str]:
    """Texts that fill 512 tokens: three in four of their words are entries, the others fall into letters."""
    known, other = vocabulary[: VOCABULARY - 60], words(5000, rng)
    stock = [
        " ".join(rng.choice(known if rng.random() < 0.95 else other) for _ in range(TOKENS + 40)) for _ in range(2000)
    ]
    return [f"{index} {stock[index % len(stock)]}" for index in range(number)]


def matrix_rate(size: int = 8192, seconds: float = 3.0) -> float:
    """bf16 TFLOP/s of square products."""
    import torch

    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(10):
        a @ b
    torch.cuda.synchronize()
    started, rounds = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(20):
            a @ b
        torch.cuda.synchronize()
        rounds += 20
    return rounds * 2 * size**3 / (time.perf_counter() - started) / 1e12


def measure(folder: Path, texts: list[str], readers: int, say: Any) -> None:
    import torch
    from datatrove.data import Document

    from curation import ScoreText, load_classifier

    rate = matrix_rate()
    say(f"{torch.cuda.get_device_name()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}")
    say(f"bf16 matrix rate              {rate:8.0f} TFLOP/s")
    step = ScoreText(classifier=str(folder), readers=readers)
    list(step.run(Document(text=text, id=str(i)) for i, text in enumerate(texts[:2000])))  # what is loaded once
    started = time.perf_counter()
    documents = (Document(text=text, id=str(index)) for index, text in enumerate(texts))
    scores = np.array([doc.metadata["score"] for doc in step.run(documents)])
    took = time.perf_counter() - started
    share = len(texts) * GFLOP / took / 1000 / rate
    say(f"text to score                 {len(texts) / took:8.0f} documents/s, {share:.0%} of the matrix rate")

    classifier = load_classifier(str(folder))
    embedder: Any = classifier.embedder
    started = time.perf_counter()
    tokens = embedder.tokeniser.read(texts[:8192])
    say(f"tokenising, one process        {8192 / (time.perf_counter() - started):8.0f} documents/s")
    assert (tokens.lengths == TOKENS).all()
    embedder.embed_tokens(tokens)
    started = time.perf_counter()
    for _ in range(3):
        vectors = embedder.embed_tokens(tokens)
    took = time.perf_counter() - started
    share = 3 * 8192 * GFLOP / took / 1000 / rate
    say(f"tokens to vectors             {3 * 8192 / took:8.0f} documents/s, {share:.0%} of the matrix rate")
    far = np.abs(classifier.score_features(vectors) - scores[:8192]).max()
    say(f"largest difference of a score between batchings: {far:.1e}")
    fp32 = load_classifier(str(folder), precision="fp32").score(texts[:512])
    far = np.abs(fp32 - scores[:512]).max()
    say(f"largest difference from fp32, of scores with a deviation of {fp32.std():.3f}: {far:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=60_000)
    parser.add_argument("--readers", type=int, default=max(1, len(os.sched_getaffinity(0)) - 2))
    parser.add_argument("--log", help="also write the lines to this file")
    given = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("skipped: needs a GPU")
        return
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    rng = random.Random(0)
    vocabulary = words(VOCABULARY, rng)
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), vocabulary)
        say(json.dumps({"documents": given.documents, "readers": given.readers, "GFLOP per document": round(GFLOP, 1)}))
        measure(Path(folder), texts_of(given.documents, vocabulary, rng), given.readers, say)
    if given.log:
        Path(given.log).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
