import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.classify.batches import LEAST_TOKENS, fixed_batches, padded_length, token_batches

LENGTHS = st.lists(st.integers(1, 512), max_size=200)


@given(LENGTHS)
def test_batches_for_cpus_hold_one_padded_length(lengths):
    seen = []
    for batch, padded in fixed_batches(lengths, 4):
        assert {(padded_length(lengths[i]), lengths[i] % 16 == 0) for i in batch} == {
            (padded, lengths[batch[0]] % 16 == 0)
        }
        assert 1 <= len(batch) <= 4
        seen += batch
    assert sorted(seen) == list(range(len(lengths)))


@given(LENGTHS, st.sampled_from([1024, 16_384, 131_072]))
@settings(max_examples=50)
def test_batches_for_gpus_are_bounded_and_of_like_length(lengths, most):
    seen = []
    for batch, padded in token_batches(lengths, most):
        inside = [lengths[i] for i in batch]
        assert max(inside) <= padded == padded_length(max(inside))
        assert len(batch) == 1 or len(batch) * padded <= most
        if len(batch) * padded >= LEAST_TOKENS + padded:
            assert min(inside) >= 0.75 * padded
        seen += batch
    assert sorted(seen) == list(range(len(lengths)))
    assert [lengths[i] for i in seen] == sorted(lengths, reverse=True)


def test_a_large_window_wastes_little():
    lengths = np.random.default_rng(0).integers(1, 513, 16_384)
    padded = sum(len(batch) * length for batch, length in token_batches(lengths, 131_072))
    assert padded < 1.06 * lengths.sum()
    assert sum(1 for _ in token_batches(lengths, 131_072)) < 50
