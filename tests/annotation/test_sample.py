import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation.sample import draw, shares

KEYS = [f"https://example.org/{row}" for row in range(1000)]


def drawn_keys(keys, *args, **settings):
    return {keys[row] for row in draw(keys, *args, **settings)[0]}


def test_a_sample_is_the_same_in_any_order():
    shuffled = list(np.random.default_rng(0).permutation(KEYS))
    assert drawn_keys(KEYS, 100) == drawn_keys(shuffled, 100)
    strata = {key: row % 7 for row, key in enumerate(KEYS)}
    by_stratum = [drawn_keys(keys, 100, strata=[strata[key] for key in keys]) for keys in (KEYS, shuffled)]
    assert by_stratum[0] == by_stratum[1]


def test_a_sample_is_pinned():
    assert draw(KEYS, 5)[0].tolist() == draw(KEYS, 5, seed=0)[0].tolist() == [211, 213, 314, 543, 835]


def test_seeds_draw_different_samples():
    assert drawn_keys(KEYS, 100, seed=1) != drawn_keys(KEYS, 100, seed=2)
    assert len(drawn_keys(KEYS, 100, seed=-1)) == 100


def test_a_growing_pool_and_a_growing_sample_keep_what_they_can():
    assert drawn_keys(KEYS, 50) < drawn_keys(KEYS, 100)
    assert drawn_keys(KEYS, 100) & set(KEYS[:900]) <= drawn_keys(KEYS[:900], 100)


def test_weights_are_inverse_inclusion_probabilities():
    rows, weights = draw(KEYS, 100)
    assert rows.tolist() == sorted(rows.tolist()) and weights.tolist() == [10.0] * 100
    rows, weights = draw(KEYS, 5000)
    assert rows.tolist() == list(range(1000)) and set(weights) == {1.0}
    rows, weights = draw(KEYS, 0)
    assert len(rows) == len(weights) == 0
    rows, weights = draw([], 10)
    assert len(rows) == len(weights) == 0
    assert draw([], 10, strata=[])[0].tolist() == []


def test_strata_are_balanced_and_the_small_give_all():
    strata = [None] * 5 + [0] * 795 + [3] * 150 + [5] * 50
    rows, weights = draw(KEYS, 205, strata=strata)
    taken = {one: sum(strata[row] == one for row in rows) for one in (None, 0, 3, 5)}
    assert taken == {None: 5, 5: 50, 3: 75, 0: 75}
    assert weights[0] == 1.0 and np.isclose(weights.sum(), 1000)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="size"):
        draw(KEYS, -1)
    with pytest.raises(ValueError, match="strata"):
        draw(KEYS, 1, strata=[1])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 300))
def test_shares_fill_like_water(counts, size):
    taken = shares(np.array(counts), size)
    assert taken.sum() == min(size, sum(counts))
    assert (taken <= counts).all() and (taken >= 0).all()
    unfilled = taken[taken < counts]
    if len(unfilled):
        assert taken.max() - unfilled.min() <= 1


@given(st.lists(st.tuples(st.text(max_size=4), st.none() | st.integers(0, 3)), max_size=40), st.integers(0, 50))
def test_each_stratum_is_represented_by_its_weights(rows, size):
    keys, strata = [key for key, _ in rows], [stratum for _, stratum in rows]
    drawn, weights = draw(keys, size, strata=strata)
    assert len(drawn) == min(size, len(keys)) == len(set(drawn.tolist()))
    for stratum in {strata[row] for row in drawn}:
        mine = [weight for row, weight in zip(drawn, weights, strict=True) if strata[row] == stratum]
        assert np.isclose(sum(mine), strata.count(stratum))
