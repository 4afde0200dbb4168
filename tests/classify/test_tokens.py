import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from curation.classify.tokens import Tokeniser, Tokens, _head

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
WORDS = [
    "Solve",
    "2x",
    "+",
    "3",
    "=",
    "11.",
    "Straßenbahn",
    "数学の",
    "\\frac{a}{b}",
    "antidisestablishmentarianism" * 8,
]


def plain(tokenizer, text, limit, windows):
    encoded = tokenizer([text], truncation=True, max_length=limit, return_overflowing_tokens=True)
    return encoded["input_ids"][:windows]


@pytest.mark.parametrize("windows", [1, 3])
def test_heads_give_the_tokens_of_whole_texts(minilm, windows):
    rng = np.random.default_rng(0)
    tokenizer = minilm.loaded.tokenizer
    reader = Tokeniser(tokenizer, {"max_tokens": 24, "prefix": "query: ", "windows": windows}, 0)
    texts = [" ".join(rng.choice(WORDS, n)) for n in (0, 1, 5, 40, 400, 900)]
    texts += ["x" * 5000, "a" * 190 + " b" * 300, "\n" * 3000 + "late words " * 60, "数" * 900, "ab\ud800c " * 30]
    read = reader.read(texts)
    found = read.windows()
    for text, count in zip(texts, read.counts, strict=True):
        mine, found = found[:count], found[count:]
        clean = ("query: " + text).encode("utf-8", "replace").decode()
        assert [one.tolist() for one in mine] == plain(tokenizer, clean, 24, windows)
    assert found == []


def test_real_texts_have_the_tokens_of_whole_texts(minilm):
    path = SHARED / "data" / "texts" / "web_texts.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no real texts at {path}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line, _ in zip(file, range(400), strict=False)]
    read = Tokeniser(minilm.loaded.tokenizer, {"max_tokens": 128, "prefix": ""}, 0).read(texts)
    whole = minilm.loaded.tokenizer(texts, truncation=True, max_length=128)["input_ids"]
    assert [one.tolist() for one in read.windows()] == whole


def test_a_tokenizer_that_is_not_fast_is_asked_as_it_is():
    class Slow:
        is_fast = False

        def __call__(self, texts, truncation, max_length):
            return {"input_ids": [[ord(letter) for letter in text][:max_length] for text in texts]}

    reader = Tokeniser(Slow(), {"max_tokens": 3, "prefix": ""}, 9)
    assert [one.tolist() for one in reader.read(["abcd", "", "a"]).windows()] == [[97, 98, 99], [9], [97]]


def test_lists_of_texts_are_joined():
    one, two = Tokens.of([[[1, 2], [3]], [[4]]]), Tokens.of([[[5, 6, 7]]])
    both = Tokens.joined([one, two])
    assert len(both) == 3 and both.counts.tolist() == [2, 1, 1]
    assert [window.tolist() for window in both.windows()] == [[1, 2], [3], [4], [5, 6, 7]]
    assert len(Tokens.joined([])) == 0 and Tokens.joined([]).windows() == []


@pytest.mark.parametrize(
    ("text", "characters", "head"),
    [("a b c", 0, "a b c"), ("a b c", 9, "a b c"), ("ab cd ef", 7, "ab cd"), ("abcdef", 3, "abc"), ("a  b", 3, "a  ")],
)
def test_heads_end_before_a_blank(text, characters, head):
    assert _head(text, characters).rstrip() == head.rstrip()


def test_a_tokenizer_that_cuts_on_the_left_reads_the_end(minilm):
    import copy

    left = copy.deepcopy(minilm.loaded.tokenizer)
    left.truncation_side = "left"
    text = " ".join(f"w{number}" for number in range(3000))
    read = Tokeniser(left, {"max_tokens": 24, "prefix": ""}, 0).read([text])
    assert [read.windows()[0].tolist()] == left([text], truncation=True, max_length=24)["input_ids"]
