import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.text.grams import BITS, combined, cosines, grams, projected


def runs_of(text):
    return {text[start:end] for start in range(len(text)) for end in range(start + 1, min(start + 5, len(text)) + 1)}


def test_a_bit_is_a_run_of_up_to_five_characters():
    rows = grams(["abcdefg", "abcdefgabcdefg"[:7], "", "x"])
    assert rows.shape == (4, 1024) and rows.dtype == np.uint64
    assert np.bitwise_count(rows).sum(1).tolist() == [len(runs_of("abcdefg"))] * 2 + [0, 1]
    assert np.array_equal(grams(["a  \n b"]), grams(["a b"]))
    assert not np.array_equal(grams(["a\nb"]), grams(["a b"]))
    assert not np.array_equal(grams(["Abc"]), grams(["abc"]))


def test_cosines_by_hand():
    rows = grams(["abc", "abd", "xyz", ""])
    found = cosines(rows, rows)
    assert found[0].tolist() == pytest.approx([1, 0.5, 0, 0])
    assert found[3].tolist() == [0, 0, 0, 0]
    assert np.array_equal(found, found.T)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_sums_over_bits_are_those_of_dense_vectors(texts):
    rows = grams(texts)
    dense = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little").astype(float)
    dense /= np.maximum(np.sqrt(dense.sum(1, keepdims=True)), 1)
    weights = np.linspace(-1, 2, len(texts))
    np.testing.assert_allclose(cosines(rows, rows), dense @ dense.T, atol=1e-12)
    np.testing.assert_allclose(combined(rows, weights), weights @ dense, atol=1e-12)
    vector = np.arange(BITS) / BITS
    assert projected(rows, vector).tolist() == pytest.approx((dense @ vector).tolist(), abs=1e-9)
    assert [projected(row[None], vector)[0] for row in rows] == projected(rows, vector).tolist()
    np.testing.assert_allclose(projected(rows, combined(rows, weights)), cosines(rows, rows) @ weights, atol=1e-12)


def test_real_texts_seldom_collide():
    text = " ".join(f"{n} {n**3:x}" for n in range(220))
    held = len(runs_of(text))
    kept = int(np.bitwise_count(grams([text])).sum())
    # 65,536 places, m runs: 65,536 (1 - exp(-m / 65,536)) of them are taken.
    assert kept == pytest.approx(BITS * (1 - np.exp(-held / BITS)), rel=0.01)


def test_rows_are_the_same_in_any_process_and_version():
    """Recorded: a classifier that was saved must find the same bits again."""
    texts = ["The derivative of x^2 is 2x.", "naïve Größe 数学", "\ud800 broken"]
    code = f"from curation.text.grams import grams; import sys; sys.stdout.buffer.write(grams({texts!r}).tobytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == grams(texts).tobytes()
    assert sorted(np.flatnonzero(np.unpackbits(grams(["ab"]).view(np.uint8), bitorder="little"))) == [
        18964,
        33457,
        46140,
    ]
