import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.annotation import sample as module
from curation.annotation.sample import StreamedDraw, draw, shares
from curation.errors import CurationError

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
    with pytest.raises(ValueError, match="size"):
        StreamedDraw(-1)
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


def streamed(keys, size, strata=None, seed=0, room=1000, smallest=1 << 26):
    """Positions and weights of a streamed draw, cleared often where `room` and `smallest` are small."""
    with pytest.MonkeyPatch.context() as patch, StreamedDraw(size, seed=seed) as sample:
        patch.setattr(module, "_ROOM", room)
        patch.setattr(module, "_SMALLEST_SPILL", smallest)
        sample._candidates = sample._candidates[:room]
        for row, key in enumerate(keys):
            sample.offer(key, strata[row] if strata else None, row)
        found = list(sample.drawn())
        without = sample.without_share()
    return [row for row, _ in found], [weight for _, weight in found], without


VALUES = st.none() | st.integers(-2, 3) | st.sampled_from(["en", "de", 2.5, (1, None), (1, "x")])


@given(
    st.lists(st.tuples(st.text(max_size=2), VALUES), max_size=120), st.integers(0, 90), st.integers(0, 3), st.booleans()
)
def test_a_stream_gives_the_same_sample_as_all_keys_at_once(rows, size, seed, plain):
    keys, strata = [key for key, _ in rows], [stratum for _, stratum in rows]
    expected = draw(keys, size, strata=None if plain else strata, seed=seed)
    got = streamed(keys, size, None if plain else strata, seed, room=3, smallest=1)
    assert got[0] == expected[0].tolist() and got[1] == expected[1].tolist()
    assert math.isclose(sum(got[1]) + got[2], len(keys), abs_tol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_long_stream_gives_the_same_sample_in_any_order(seed):
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.full(int(rng.integers(1, 30)), 0.3))
    keys = [f"{seed}/{row}" for row in range(4000)]
    strata = rng.choice(len(odds), len(keys), p=odds).tolist()
    strata = sorted(strata) if seed % 2 else strata  # in stretches of one stratum, as sites stand in a crawl
    size = int(rng.integers(1, 1500))
    rows, weights, _ = streamed(keys, size, strata, seed, room=20, smallest=1)
    expected = draw(keys, size, strata=strata, seed=seed)
    assert rows == expected[0].tolist() and weights == expected[1].tolist()
    order = rng.permutation(len(keys))
    other, _, _ = streamed([keys[i] for i in order], size, [strata[i] for i in order], seed, room=20)
    assert {int(order[row]) for row in other} == set(rows)


def test_memory_and_disk_stay_bounded():
    size, number, written, largest = 1000, 100_000, 0, 0
    with pytest.MonkeyPatch.context() as patch, StreamedDraw(size) as sample:
        patch.setattr(module, "_SMALLEST_SPILL", 1)
        for row in range(number):
            held = sample._held
            sample.offer(str(row), row % 7, b"x")
            written += sample._held != held
            length = int(sample._candidates["length"][: sample._held].max())
            assert sample._spill.bytes <= (2 * 1.25 * (size + 7) + 1250) * length
            largest = max(largest, len(sample._candidates))
        assert len(list(sample.drawn())) == size
    assert largest <= 1.25 * (size + 7) + 1000
    assert written < 1.5 * size * (1 + math.log(number / size))  # 5,600 expected, more as bounds are a little old


def test_more_strata_than_the_size_leave_some_out():
    rows, weights, without = streamed(KEYS, 2, [0] * 600 + [1] * 300 + [2] * 100)
    assert len(rows) == 2 and weights == [600.0, 300.0] and without == 100


def test_strata_of_one_size_are_ordered_by_value():
    for strata in ([3, 1, 2] * 5, [2, 3, 1] * 5, [1, 2, 3] * 5):
        rows, _, _ = streamed(KEYS[:15], 8, strata)
        assert Counter(strata[row] for row in rows) == {1: 2, 2: 3, 3: 3}


def test_a_full_disk_is_named():
    with StreamedDraw(5) as sample, open("/dev/full", "wb") as full:
        sample._spill.close()
        sample._spill._file = full
        with pytest.raises(CurationError, match=r"cannot be written to .*TMPDIR"):
            for row in range(5):
                sample.offer(str(row), None, np.random.default_rng(row).bytes(1 << 16))
        sample._spill._file = open("/dev/null", "wb")  # noqa: SIM115 (closed by the draw)


@pytest.mark.parametrize("size", [30, 90, 250])
def test_the_weighted_mean_is_the_population_mean(size):
    rng = np.random.default_rng(0)
    strata = rng.choice(4, 300, p=[0.7, 0.2, 0.07, 0.03])
    values = strata * 10 + rng.normal(0, 3, 300)
    means = []
    for seed in range(400):
        rows, weights = draw(KEYS[:300], size, strata=strata.tolist(), seed=seed)
        assert math.isclose(weights.sum(), 300)
        means.append((values[rows] * weights).sum() / 300)
    assert abs(np.mean(means) - values.mean()) < 4 * np.std(means) / math.sqrt(len(means))
