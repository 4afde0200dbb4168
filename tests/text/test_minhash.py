import random

import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.text.minhash import MinHash
from curation.text.similarity import similarities


def hashes_of(text, minhash=None):
    return (minhash or MinHash()).shingle_hashes([text])[0]


WORDS = [f"word{i}" for i in range(400)]


def jaccard(texts):
    """The similarity of two texts."""
    return similarities(*MinHash().shingle_sets(texts), np.array([0]), np.array([1]))[0][0]


class SpacedWords:
    """In the place of datatrove's word tokenizer, which needs spaCy."""

    @staticmethod
    def word_tokenize(text):
        return text.split()


@pytest.fixture
def datatrove_minhash(monkeypatch):
    from datatrove.pipeline.dedup import minhash

    monkeypatch.setattr(minhash, "load_word_tokenizer", lambda language: SpacedWords)
    return minhash


KINDS = [("xxhash", 64), ("xxhash", 32), ("sha1", 64), ("sha1", 32)]
strings = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(["ab " * 30, "é" * 600]),
    min_size=1,
    max_size=12,
)


def joined(bands):
    return [value for band in bands for value in band]


def stage_one(datatrove_minhash, folder, hash="xxhash", bits=64, **settings):
    from datatrove.utils.hashing import HashConfig

    config = datatrove_minhash.MinhashConfig(hash_config=HashConfig(bits, hash), **settings)
    return datatrove_minhash.MinhashDedupSignature(str(folder), config)


@pytest.mark.parametrize("kind", KINDS)
@given(found=strings)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_signatures_equal_those_of_datatrove_for_the_same_strings(kind, found, tmp_path, datatrove_minhash):
    theirs = stage_one(datatrove_minhash, tmp_path, *kind, num_buckets=3, hashes_per_bucket=4, seed=7)
    hashes = np.array([theirs._hash_func(one) for one in found], np.uint64).reshape(-1, 1)
    ours = MinHash(bands=3, rows=4, seed=7, hash=kind[0], bits=kind[1])
    assert ours.signature_of_strings(found).tolist() == joined(theirs.get_signature(hashes))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("bands", "rows", "seed"), [(14, 8, 1), (1, 10, 1), (25, 10, 3), (9, 13, 7)])
def test_signatures_of_texts_equal_those_of_datatrove(tmp_path, web_texts, datatrove_minhash, kind, bands, rows, seed):
    texts = web_texts[:12]
    theirs = stage_one(datatrove_minhash, tmp_path, *kind, num_buckets=bands, hashes_per_bucket=rows, seed=seed)
    ours = MinHash(bands=bands, rows=rows, seed=seed, normalisation="datatrove", hash=kind[0], bits=kind[1])
    values, present = ours.signatures(texts)
    assert present.all()
    assert values.tolist() == [joined(theirs.get_signature(theirs.get_shingles(text))) for text in texts]


def test_the_order_of_texts_and_their_company_make_no_difference(web_texts):
    minhash = MinHash(bands=3, rows=4)
    texts = ["", *web_texts[:60], "two words", "  "]
    values, present = minhash.signatures(texts)
    assert [int(one) for one in np.flatnonzero(~present)] == [0, 62]
    for row, text in enumerate(texts):
        alone = minhash.signature(text)
        assert (alone is None and not values[row].any()) or np.array_equal(alone, values[row])


def test_bands_hash_to_what_xxhash_says(web_texts):
    minhash = MinHash(bands=3, rows=5)
    texts = [*web_texts[:5], ""]
    values, _ = minhash.signatures(texts)
    expected = [[xxhash.xxh64_intdigest(key) for key in minhash.band_keys(row)] for row in values[:5]]
    assert minhash.band_hashes(texts).tolist() == [*expected, [0, 0, 0]]
    assert minhash.band_hashes([]).shape == (0, 3)


def test_shingle_sets_are_sorted_sets(web_texts):
    minhash = MinHash(ngram=2)
    texts = ["a b a b a", "", *web_texts[:20], "z"]
    values, offsets = minhash.shingle_sets(texts)
    hashes, bounds = minhash.shingle_hashes(texts)
    for i in range(len(texts)):
        assert values[offsets[i] : offsets[i + 1]].tolist() == sorted(set(hashes[bounds[i] : bounds[i + 1]].tolist()))
    assert offsets[:3].tolist() == [0, 2, 2]


def test_character_shingles_join_what_spaces_part():
    minhash = MinHash(ngram=3, shingles="characters")
    values, offsets = minhash.shingle_hashes(["Ab,  c", "ab c", "數"])
    assert np.diff(offsets).tolist() == [2, 2, 1]
    assert values.tolist() == [xxhash.xxh64_intdigest(one) for one in ("ab ", "b c", "ab ", "b c", "數")]


@pytest.mark.parametrize("value", [0, 1, 2**61 - 2, 2**61 - 1, 2**61, 2**64 - 1])
def test_the_remainder_is_exact_at_the_edges(value):
    minhash = MinHash(bands=1, rows=64)
    random_state = np.random.RandomState(1)
    a = random_state.randint(1, 2**61 - 1, dtype=np.uint64, size=64).tolist()
    b = random_state.randint(0, 2**61 - 1, dtype=np.uint64, size=64).tolist()
    expected = [(value * x + y) % 2**64 % (2**61 - 1) for x, y in zip(a, b, strict=True)]
    assert minhash.signature_of(np.array([value], dtype=np.uint64)).tolist() == expected


def test_mathematics_is_kept():
    tokens = MinHash().tokens(r"Let $x_1 = 3.14 \cdot \frac{1}{2}$, then “f(x+1)” — fine.")
    assert " ".join(tokens) == r"let x _ 1 = 3.14 \cdot \frac { 1 } { 2 } then f ( x + 1 ) fine"
    page = "Exercise {}. Solve the equation $x^2 {} {}x = {}$ and check your answer by substitution. "
    exercises = [" ".join(page.format(i, op, i + shift, i * 3) for i in range(9)) for op, shift in (("+", 0), ("-", 5))]
    assert jaccard(exercises) < 0.5


def test_prose_has_the_same_shingles_with_either_normalisation():
    text = "Curly “quotes”, commas; and (maybe) nothing else."
    assert MinHash().tokens(text.replace("(", "").replace(")", "")) == MinHash(normalisation="words").tokens(text)


def test_delimiters_of_formulas_make_no_difference():
    assert MinHash().tokens("so $a+b$ holds.") == MinHash().tokens("so a+b holds")


def test_ideographs_are_words():
    assert MinHash().tokens("数学 is fun") == ["数", "学", "is", "fun"]


def test_words_have_no_diacritics():
    assert MinHash(normalisation="words").tokens("Crème x+1 $\\alpha$") == ["creme", "x", "1", "alpha"]


def test_short_texts_have_one_shingle_and_empty_texts_none():
    minhash = MinHash()
    for text in ("", "  \n", "... , $"):
        assert hashes_of(text).shape == (0,)
        assert minhash.signature(text) is None
    assert hashes_of("two words").shape == (1,)
    assert hashes_of("one two three four five").shape == (1,)
    assert hashes_of("one two three four five six").shape == (2,)
    assert np.array_equal(minhash.signature("Two words!?".replace("!", "")), minhash.signature("two   words"))


def test_band_keys_hold_the_rows_of_each_band():
    minhash = MinHash(bands=3, rows=2)
    signature = minhash.signature("a text of a few words")
    keys = minhash.band_keys(signature)
    assert [len(key) for key in keys] == [16, 16, 16]
    assert np.array_equal(np.frombuffer(b"".join(keys), dtype="<u8"), signature)
    with pytest.raises(ValueError, match="6 values"):
        minhash.band_keys(signature[:4])


@pytest.mark.parametrize(
    "wrong",
    [
        {"ngram": 0},
        {"bands": 0},
        {"rows": -1},
        {"normalisation": "none"},
        {"shingles": "lines"},
        {"bits": 16},
        {"hash": "md5"},
    ],
)
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError):
        MinHash(**wrong)


def test_equal_values_are_as_frequent_as_the_jaccard_similarity():
    rng = random.Random(0)
    words = [rng.choice(WORDS) for _ in range(600)]
    edited = [word if rng.random() > 0.05 else "edited" for word in words]
    minhash = MinHash(bands=64, rows=8)
    texts = " ".join(words), " ".join(edited)
    estimate = float(np.mean(minhash.signature(texts[0]) == minhash.signature(texts[1])))
    assert estimate == pytest.approx(jaccard(texts), abs=0.08)


def test_match_probability_is_the_published_one():
    assert MinHash(bands=1, rows=10).match_probability(0.9) == pytest.approx(0.349, abs=5e-4)
    assert MinHash().match_probability(0.8) == pytest.approx(0.924, abs=5e-4)
